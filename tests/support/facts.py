"""A partnership to which events are done in a few words, with all that is usual as a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from states import machine
from states.case import BoardRules, Case, Meeting, Organization, Setting
from states.errors import Refused, Unmet
from states.event import Event
from states.inputs import ABILITIES, Input, as_stored, read_input
from states.names import Role, State
from states.partnership import Partnership

LA = ZoneInfo("America/Los_Angeles")
REVIEWERS = ("reviewer-1@example.org", "reviewer-2@example.org", "reviewer-3@example.org")
PEOPLE = {role: "clock" if role is Role.CLOCK else f"{role}@example.org" for role in Role} | {
    Role.REVIEWER: REVIEWERS[0]
}
CBO, COLLEGE, CHARITY = "harbor-house", "city-college", "good-works"
ORGANIZATIONS = {
    CBO: Organization(id=CBO, name="Harbor House", kind="community-based-organization"),
    COLLEGE: Organization(id=COLLEGE, name="City College", kind="higher-education"),
    CHARITY: Organization(id=CHARITY, name="Good Works", kind="other"),
}
ABSENT = object()  # as the value of a key: leave the key out
NOTHING_YET = Partnership(school="none", title="none")
USUAL_RULES = BoardRules(keeps=True, marks_late=True, joins=True, by_agenda=True)


def instant(text: str) -> datetime:
    """A wall-clock time in the district; of a mere day nine in the morning."""
    return datetime.fromisoformat(text if len(text) > 10 else f"{text} 09:00").replace(tzinfo=LA)


START = instant("2025-07-07 09:00")


def day(text: str) -> date:
    return date.fromisoformat(text)


def _meeting(on: date, kind: str) -> Meeting:
    at = datetime(on.year, on.month, on.day, 16, 15, tzinfo=LA)
    closes = (at - timedelta(days=7)).replace(hour=17, minute=0)
    return Meeting(on=on, at=at, kind=kind, known_at=at - timedelta(days=30), agenda_closes_at=closes)


# A regular meeting every second Wednesday, a special one on the Wednesdays between.
FIRST_MEETING = date(2025, 9, 3)
_WEDNESDAYS = [FIRST_MEETING + timedelta(weeks=n) for n in range(240)]
MEETINGS = {on: _meeting(on, "special" if n % 2 else "regular") for n, on in enumerate(_WEDNESDAYS)}
MEETING_1, SPECIAL, MEETING_2, MEETING_3 = "2025-09-17", "2025-09-24", "2025-10-01", "2025-10-15"

OUTCOMES = [
    {"name": "attendance", "measure": "days attended", "unit": "%", "baseline": 88, "target": 93,
     "direction": "increase", "goal": "every student in school"},
    {"name": "suspensions", "measure": "suspensions in a year", "unit": "count", "baseline": 40, "target": 20,
     "direction": "decrease", "goal": "a school where all belong"},
]  # fmt: skip
COLLEGE_APPLIES = {
    "organization": COLLEGE, "contact_email": "applicant@example.org", "contact_name": "Contact of City College",
}  # fmt: skip
_VOTE = {"meeting_on": MEETING_2, "ayes": 5, "noes": 1, "abstentions": 1}
_DUTY = {"on": "2025-09-02", "summary": "done with the school", "evidence": "minutes-1.pdf"}
_END = {"ground": "unsatisfactory", "reason": "duties not met", "effective_on": "2026-06-30"}

# A well-formed input for every event: what `do` takes unless told otherwise.
SAMPLES: dict[str, dict[str, Any]] = {
    "identify-needs": {"school": "rainier-beach", "title": "A Lead Partner for the school"},
    "describe-needs": {"needs": ["tutoring"], "gaps": ["counseling"], "resources": ["staff on site"],
                       "assets": ["roots in the neighborhood"], "qualities": ["patience"],
                       "goals": ["graduation"]},
    "open-selection": {"closes_on": "2025-08-15", "reviewers": list(REVIEWERS)},
    "withdraw": {"reason": "the school has other plans"},
    "receive-application": {"organization": CBO, "contact_name": "Contact of Harbor House",
                            "contact_email": "lead-partner@example.org",
                            "abilities": {ability: f"how we show {ability}" for ability in ABILITIES}},
    "withdraw-application": {"organization": CBO},
    "ask-question": {"text": "May two organizations apply together?"},
    "answer-question": {"question": 1, "text": "Yes, if one leads.", "withhold": False},
    "extend-selection": {"closes_on": "2025-08-29", "reason": "summer holidays"},
    "declare-conflict": {"organization": CBO, "reason": "a relative works there"},
    "score-application": {"organization": CBO, "scores": dict.fromkeys(ABILITIES, 4), "comment": "strong"},
    "change-panel": {"add": ["reviewer-4@example.org"], "remove": [REVIEWERS[2]], "reason": "ill for a while"},
    "choose-partner": {"organization": CBO, "reasons": "the best scores"},
    "file-protest": {"organization": COLLEGE, "text": "the scores were added up wrongly"},
    "answer-protest": {"organization": COLLEGE, "text": "they were added up again"},
    "restart": {"reason": "nobody fits"},
    "draft-agreement": {"instrument": "mou", "amount_cents": 24_999_999, "starts_on": "2025-09-01",
                        "ends_on": "2026-08-31", "responsibilities": ["a family center"]},
    "set-outcomes": {"outcomes": OUTCOMES},
    "ask-for-changes": {"about": "agreement", "reason": "The last day is that of last year"},
    "ask-for-review": {"reason": "the Board wants to hear of it"},
    "sign-agreement": {"signed_on": "2025-08-28"},
    "record-signature": {"side": "partner", "name": "Ann Lee", "signed_on": "2025-08-28",
                         "document": {"name": "signed.pdf"}},
    "refer-to-board": {"purpose": "new", "reason": "it calls for the Board"},
    "schedule-item": {"meeting_on": MEETING_1},
    "introduce-item": {"meeting_on": MEETING_1},
    "defer-item": {"meeting_on": MEETING_2, "reason": "the hour was late"},
    "approve": _VOTE,
    "send-back": _VOTE,
    "terminate": _END,
    "recall-item": {"reason": "the terms are not ready"},
    "move-item": {"meeting_on": MEETING_2, "reason": "the meeting was moved"},
    "withdraw-amendment": {"reason": "it was a mistake"},
    **{f"record-{duty}": _DUTY for duty in ("assessment", "gap", "meeting", "engagement", "responsibility")},
    "add-agreement": {"with": "Youth Clinic", "summary": "a clinic on site", "school_input": "families asked",
                      "district_input": "legal office agrees", "signed_on": "2025-09-02"},
    "amend-agreement": {"terms": "one more tutor", "reason": "demand"},
    "submit-report": {"values": {"attendance": 91, "suspensions": 30.5}, "narrative": "a good year"},
    "give-finding": {"impact": True, "reasons": "the numbers moved"},
    "withdraw-termination": {"reason": "the duties are met again"},
    "close-out": {"summary": "keys and records are back"},
    "want-start": {"on": "2025-12-01"},
    "replan-start": {"reason": "the terms changed"},
    "add-note": {"text": "called the office"},
    "attach-document": {"file": "letter.pdf", "title": "A letter"},
    "correct-entry": {"seq": 1, "input": {"school": "rainier-beach", "title": "Reading"}, "reason": "mistyped"},
    "change-contact": {"email": "next-contact@example.org", "name": "Next contact"},
}  # fmt: skip


def usual_input(event: str, state: State | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The usual input of an event, with some keys given otherwise or ABSENT."""
    usual = SAMPLES.get(event, {})
    if event == "terminate" and state is State.BOARD_REVIEW:
        usual = usual | _VOTE
    values = usual | {key.rstrip("_"): value for key, value in given.items()}
    return {key: value for key, value in values.items() if value is not ABSENT}


class Step(NamedTuple):
    """An event on the usual way: by the first who may if not told, at the time of the step before if not told."""

    event: str
    by: str | None
    at: str | None
    given: dict[str, Any]


def _does(event: str, by: str | None = None, at: str | None = None, **given: Any) -> Step:
    return Step(event, by, at, given)


# The stations of a life: each with the one before it, and what happens from there.
STATIONS: dict[str, tuple[str | None, list[Step]]] = {
    "needs": (None, [_does("identify-needs", at="2025-07-07")]),
    "needs-agreed": ("needs", [_does("describe-needs"),
                               *(_does("agree-needs", role) for role in ("principal", "staff"))]),
    "open": ("needs-agreed", [_does("open-selection")]),
    "applied": ("open", [_does("receive-application", "lead-partner@example.org", at="2025-08-01"),
                         _does("receive-application", "applicant@example.org", **COLLEGE_APPLIES)]),
    "closed": ("applied", [_does("close-applications", "clock", at="2025-08-15 17:00")]),
    "scored": ("closed", [_does("score-application", reviewer, at="2025-08-18", organization=organization)
                          for reviewer in REVIEWERS for organization in (CBO, COLLEGE)]),
    "chosen": ("scored", [_does("choose-partner", at="2025-08-20")]),
    "agreed": ("chosen", [_does("set-outcomes"),
                          *(_does("agree-outcomes", role) for role in ("principal", "staff", "lead-partner"))]),
    "drafted": ("agreed", [_does("draft-agreement")]),
    "signed": ("drafted", [_does("sign-agreement", role, at="2025-08-28") for role in ("staff", "lead-partner")]),
    "active": ("signed", [_does("activate", at="2025-09-02")]),
    "annual-review": ("active", [_does("open-annual-review", "staff", at="2026-07-02")]),
    "reported": ("annual-review", [_does("submit-report", at="2026-07-14")]),
    "ending": ("active", [_does("terminate", effective_on="2025-10-02")]),
    "ended": ("ending", [_does("expire", "clock", at="2025-10-02")]),
    "referred": ("agreed", [_does("draft-agreement", amount_cents=25_000_000, ends_on="2027-08-31"),
                            _does("refer-to-board", at="2025-09-02")]),
    "scheduled": ("referred", [_does("schedule-item")]),
    "introduced": ("scheduled", [_does("introduce-item", at="2025-09-18"),
                                 _does("schedule-item", meeting_on=MEETING_2)]),
    "approved": ("introduced", [_does("approve", at="2025-10-02")]),
    "renewal": ("active", [_does("refer-to-board", purpose="renewal", ends_on="2027-08-31")]),
}  # fmt: skip
# When what follows a station may happen at once, if that is later than its last event.
LATER = {"closed": "2025-08-18", "drafted": "2025-08-28", "introduced": "2025-10-02"}


def way(station: str, after: str | None = None) -> list[Step]:
    """The steps to a station from the beginning, or from the station that they are `after`."""
    before, steps = STATIONS[station]
    return steps if before == after else [*way(before or "", after), *steps]


@dataclass(frozen=True)
class Done:
    """One event as a history keeps it."""

    event: str
    input: Mapping[str, Any]
    actor: str
    role: Role
    at: datetime
    setting: Setting


@dataclass(frozen=True)
class Life:
    """What a partnership has come to. Every method gives a new life; none changes this one."""

    state: State | None = None
    facts: Partnership = NOTHING_YET
    now: datetime = START
    rules: BoardRules = USUAL_RULES
    history: tuple[Done, ...] = field(default=(), compare=False)

    def at(self, when: str | datetime | date) -> Life:
        """The same life at another time; of a mere day, nine in the morning."""
        return replace(self, now=when if isinstance(when, datetime) else instant(str(when)))

    def under(self, **rules: Any) -> Life:
        """The same life under other procedures of the Board."""
        return replace(self, rules=self.rules.but(**rules))

    def but(self, **facts: Any) -> Life:
        """The same life with some facts put in by force, to look at one requirement alone."""
        return replace(self, facts=self.facts.but(**facts))

    def having(self, record: str, **fields: Any) -> Life:
        """The same life with some fields of one record put in by force."""
        return self.but(**{record: getattr(self.facts, record).but(**fields)})

    def row(self, event: str) -> Event:
        return machine.row_of(event, self.state)

    def input(self, event: str, **given: Any) -> dict[str, Any]:
        """The usual input of an event with some keys given otherwise."""
        # A signature has the day on which it is given, unless a test says otherwise.
        today = {"signed_on": str(self.now.date())} if event == "sign-agreement" else {}
        return usual_input(event, self.state, today | given)

    def setting(self, given: Input, **parts: Any) -> Setting:
        """What an engine would know of schools, calendar and procedures, with some parts given otherwise."""
        closes_on = getattr(given, "closes_on", None)
        usual = {
            "invited_on": date(2025, 7, 2),
            "organization": ORGANIZATIONS.get(getattr(given, "organization", "")),
            "closes_at": closes_on and instant(f"{closes_on} 17:00"),
            "opens_until": self.now.date() + timedelta(days=21),
            "protest_until": (self.now + timedelta(days=7)).replace(hour=16, minute=0),
            "accept_until": self.now + timedelta(days=14),
            "meeting": MEETINGS.get(getattr(given, "meeting_on", None)),
            "board": self.rules,
            "notice_days": 30,
            "longest_notice": 30,
            "ends_later": True,
        }
        return Setting(**(usual | parts))

    def case(
        self,
        event: str,
        role: str | None = None,
        by: str | None = None,
        around: dict | None = None,
        **given: Any,
    ) -> Case:
        """The case of an event, with no more of the setting than the row asks for."""
        row = self.row(event)
        acting = Role(role) if role else row.who[0]
        taken = read_input(row.takes, self.input(event, **given))
        whole = self.setting(taken, **(around or {}))
        asked = Setting(**{name: getattr(whole, name) for name in row.asks})
        return Case(self.state, self.facts, taken, by or PEOPLE[acting], acting, self.now, asked)

    def do(self, event: str, role: str | None = None, **given: Any) -> Life:
        """Do an event: as the first role that may unless told, `by` whom, `around` which setting."""
        case = self.case(event, role, **given)
        change = machine.apply(event, case)
        done = Done(event, as_stored(case.input), case.actor, case.role, case.at, case.setting)
        return replace(self, state=change.state, facts=change.facts, history=(*self.history, done))

    def refusal(self, event: str, role: str | None = None, **given: Any) -> list[Unmet]:
        """Every requirement for which an event is refused. Fails if it is not."""
        try:
            self.do(event, role, **given)
        except Refused as refused:
            return list(refused.unmet)
        raise AssertionError(f"{event} was not refused")

    def missing(self, event: str, role: str | None = None, **given: Any) -> list[str]:
        """The same in short: the name of every unmet requirement, with the clause it cites."""
        return [f"{u.requirement} {u.clause or ''}".strip() for u in self.refusal(event, role, **given)]

    def allows(self, event: str, role: str | None = None, **given: Any) -> bool:
        try:
            self.do(event, role, **given)
        except Refused:
            return False
        return True

    def to(self, station: str, after: str | None = None, **terms: Any) -> Life:
        """The life at a station, from the start or from where one left off; the terms are the agreement's."""
        life = self
        for step in way(station, after):
            life = life.at(step.at) if step.at else life
            given = step.given | (terms if step.event == "draft-agreement" else {})
            role, by = (None, step.by) if step.by and "@" in step.by else (step.by, None)
            life = life.do(step.event, role, by=by, **given)
        return life.at(LATER[station]) if station in LATER else life

    def at_found(self, school: bool = True, district: bool = True) -> Life:
        life = self.to("reported").do("give-finding", "principal", impact=school)
        return life.do("give-finding", "staff", impact=district)

    def at_board_review(self, purpose: str = "new", origin: str = "active") -> Life:
        """Before the Board: a new agreement of $250,000, or one in force, referred in either state."""
        if purpose == "new":
            return self.to("referred")
        terms = {} if purpose == "termination" else {"ends_on": "2027-08-31"}
        return self.to(origin).do("refer-to-board", purpose=purpose, **terms)

    def at_introduced(self, purpose: str = "new") -> Life:
        """Introduced at one meeting, on the agenda of the next, and that one is over."""
        return self.at_board_review(purpose).to("introduced", after="referred")


@cache
def life_in(state: State | None) -> Life:
    """A life in a state."""
    stations = {
        State.NEEDS_IDENTIFIED: "needs-agreed", State.OPEN_SELECTION: "scored", State.BOARD_REVIEW: "introduced",
        State.ACTIVE: "active", State.ANNUAL_REVIEW: "reported", State.TERMINATED: "ended",
    }  # fmt: skip
    return Life().to(stations[state]) if state else Life()
