"""A small world in which the law is tried out to the end: every event, by every role, with every input of a few.

Few instants, few sums, few terms, one applicant and one reviewer; what cannot matter any more is left out of what
tells two situations apart. Breadth first, so that a way that should not be is told by its shortest example.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from typing import Any

from states import machine
from states.agreement import Agreement, Change
from states.case import Case, Lead, Meeting, Setting
from states.errors import Refused
from states.event import Event
from states.inputs import Input, read_input
from states.machine import waiting_on
from states.names import Role, State
from states.partnership import Partnership
from tests.support.facts import CBO, LA, OUTCOMES, PEOPLE, REVIEWERS, SAMPLES, Life

# The call is open at the first and closed at the second instant; then come the Board's meetings, one between each
# two; the fifth is the day after a year, on which a term of a year and a day ends; at the last all terms are over.
TIMES = tuple(
    datetime.fromisoformat(text).replace(tzinfo=LA)
    for text in ("2025-07-07 09:00", "2025-08-18 09:00", "2025-09-02 09:00", "2025-09-18 09:00", "2025-10-02 09:00",
                 "2026-09-01 09:00", "2026-10-08 09:00")
)  # fmt: skip
MEETINGS = {
    on: Meeting(on=on, at=at, agenda_closes_at=at - timedelta(days=7))
    for on in (date(2025, 9, 17), date(2025, 10, 1), date(2026, 10, 7))
    if (at := datetime(on.year, on.month, on.day, 16, 15, tzinfo=LA))
}
YEAR, DAY_MORE = "2026-08-31", "2026-09-01"
# A last day that is given with notice at the third and the fourth instant, and too late at the meeting after these.
SOON = "2025-10-20"
NOTICE = 30  # days
CENT_LESS, THRESHOLD = 24_999_999, 25_000_000
PLAIN = {"amount_cents": CENT_LESS, "ends_on": YEAR}
# The other agreements at the school.
LEADS: tuple[Lead, ...] = ()
# Each clause that calls for the Board by itself, and none of them.
ONE_REASON = [PLAIN, *(PLAIN | one for one in (
    {"ends_on": DAY_MORE}, {"amount_cents": THRESHOLD}, {"autonomy_requested_by": "school"}))]  # fmt: skip
CARRIED, LOST = {"ayes": 4, "noes": 1, "abstentions": 0}, {"ayes": 2, "noes": 3, "abstentions": 0}
NO_QUORUM = {"ayes": 3, "noes": 0, "abstentions": 0}
# What changes nothing that any requirement looks at.
ASIDE = {
    "add-note", "attach-document", "change-contact", "accept-contact", "add-agreement", "extend-selection",
    "close-out", "record-assessment", "record-gap", "record-meeting", "record-engagement", "record-responsibility",
    "ask-question", "answer-question", "want-start", "replan-start",
    "correct-entry",  # it needs a history, and leads to a situation to which the right entry would have led
}  # fmt: skip
# What each wider search tries besides the ordinary one: these events, and the inputs of `_MORE`. All of it at once
# would be more than a machine can hold.
WIDER: Mapping[str, set[str]] = {
    "protests": {"file-protest", "answer-protest", "restart"},
    "panel": {"declare-conflict", "change-panel", "withdraw-application"},
    "taken back": {"recall-item", "move-item", "withdraw-amendment", "ask-for-changes"},
    "later ends": {"withdraw-termination"},
    "paper": {"record-signature"},
    "immediate action": set(),
    "good reviews": set(),
    "new outcomes": set(),  # proposed while the agreement runs
    "another year": set(),  # a third meeting and a later end
}
RARE = set().union(*WIDER.values())
# Of these there is one at a time, in a given order: no requirement asks who was first.
_IN_ORDER = {"agree-needs", "agree-outcomes", "sign-agreement", "give-finding"}
_DAYS = [{"meeting_on": str(on)} for on in MEETINGS]
_VOTES = [day | vote for day in _DAYS for vote in (CARRIED, LOST, NO_QUORUM)]
_EACH: Mapping[str, list[dict[str, Any]]] = {
    "open-selection": [{"reviewers": list(REVIEWERS[:1])}],
    "change-panel": [{"add": list(REVIEWERS[1:2]), "remove": []}],
    "draft-agreement": ONE_REASON,
    "set-outcomes": [{"outcomes": OUTCOMES[:1]}],
    "refer-to-board": [
        {"purpose": "new"}, {"purpose": "termination"}, {"purpose": "amendment"},
        {"purpose": "renewal", "ends_on": DAY_MORE}, {"purpose": "amendment", "ends_on": SOON},
    ],
    "amend-agreement": [
        {"amount_cents": THRESHOLD}, {"amount_cents": CENT_LESS}, {"ends_on": DAY_MORE}, {"ends_on": YEAR},
        {"ends_on": SOON},
    ],
    "schedule-item": _DAYS,
    "introduce-item": _DAYS,
    "defer-item": [*_DAYS, {}],
    "approve": _VOTES,
    "send-back": [day | CARRIED for day in _DAYS],
    "submit-report": [{"values": {OUTCOMES[0]["name"]: 90}}],
    "give-finding": [{"impact": False}],
    "continue": [{"improvement_plan": "a tutor more"}],
}  # fmt: skip
_MORE: Mapping[str, Mapping[str, list[dict[str, Any]]]] = {
    "immediate action": {"introduce-item": [day | {"immediate_action": True} for day in _DAYS]},
    "later ends": {"terminate": [{"effective_on": SOON}]},
    "good reviews": {"give-finding": [{"impact": True}], "continue": [{}]},
}


@dataclass(frozen=True)
class Place:
    """A situation: state and facts at one of the instants, and how one came there."""

    state: State | None
    facts: Partnership
    time: int
    entered_at: datetime = TIMES[0]
    deed: str = ""
    terms_before: Agreement | None = None  # those of the situation one step before

    @property
    def now(self) -> datetime:
        return TIMES[self.time]

    @cached_property
    def key(self) -> int:
        """What tells this situation from another, as far as the law can tell."""
        return hash(State.TERMINATED if self.state is State.TERMINATED else self._all())

    def _all(self) -> Hashable:
        facts, item = self.facts, self.facts.board.item
        terms, review = facts.agreement, facts.review
        call = None if facts.in_force else facts.selection  # to which nothing leads back
        return (  # of an instant that has passed it does not matter when it was
            self.state, self.time, facts.needs.statement is not None, tuple(facts.needs.signatures),
            call and (
                max(call.closes_at, self.now), call.closed_at is None, call.scored_at is None, len(call.scores),
                tuple(call.applications), len(call.conflicts), call.reviewers,
                call.choice and max(call.choice.protest_until, self.now),
                tuple((p.answer is None, bool(call.choice and p.at >= call.choice.at)) for p in call.protests),
            ),
            len(facts.outcomes.items), frozenset(facts.outcomes.signatures),
            facts.proposed_outcomes and frozenset(facts.proposed_outcomes.signatures),
            facts.ending and (facts.ending.effective_on, facts.ending.board),
            terms and (
                terms.amount_cents, terms.ends_on, terms.autonomy_requested_by, frozenset(terms.signatures),
                terms.awaits_signature is None, terms.in_force_at is None, _change(terms.pending),
                terms.approval and (terms.approval.amount_cents, terms.approval.ends_on),
            ),
            facts.board.asked is None,
            item and (
                item.purpose, _change(item.change), item.origin, item.meeting_on, item.agenda, item.late,
                item.introduced, item.immediate_action, sum(item.referred_at.date() > on for on in MEETINGS),
            ),
            review and (
                bool(review.reports), tuple(sorted((k, f.impact) for k, f in review.findings.items())),
                review.decided_at is None, review.interrupted_at is None,
            ),
        )  # fmt: skip


def _change(change: Change | None) -> Hashable:
    return change and (change.amount_cents, change.ends_on)


@cache
def _inputs(event: str, takes: type[Input], time: int, wider: str) -> tuple[tuple[str, Input], ...]:
    """The inputs that an event is tried with, each with how it is told."""
    now, sample = TIMES[time], SAMPLES.get(event, {})
    today, tomorrow = (str(now.date() + timedelta(days=days)) for days in (0, 1))
    fitting = {"organization": CBO, "closes_on": tomorrow, "signed_on": today, "effective_on": today}
    usual = sample | {key: value for key, value in fitting.items() if key in sample}
    each = [*_EACH.get(event, [{}]), *_MORE.get(wider, {}).get(event, ())]
    if event == "terminate" and "ayes" in takes.model_fields:
        each = _VOTES
    if event == "defer-item":
        del usual["meeting_on"]
    near = [given for given in each if _is_near(event, given.get("meeting_on"), now, wider)]
    return tuple((str(given), read_input(takes, usual | given)) for given in near)


def meetings(wider: str) -> list[date]:
    """The days on which the Board meets."""
    return list(MEETINGS) if wider == "another year" else list(MEETINGS)[:-1]


def _is_near(event: str, day: str | None, now: datetime, wider: str) -> bool:
    """Whether a meeting is the next one, of what is planned, or the last one, of what is recorded."""
    known = meetings(wider)
    if event in ("schedule-item", "defer-item"):
        near = [on for on in known if on > now.date()][:1]
    else:
        near = [on for on in known if on <= now.date()][-1:]
    return day is None or day in map(str, near)


def _setting(row: Event, given: Input, now: datetime) -> Setting:
    meeting = MEETINGS.get(getattr(given, "meeting_on", None))  # type: ignore[arg-type]
    none = {"opens_until": None, "notice_days": 0, "longest_notice": NOTICE, "leads": LEADS}
    whole = Life(now=now).setting(given, meeting=meeting, minimum_panel=1, **none)
    return Setting(**{name: getattr(whole, name) for name in row.asks})


def onward(place: Place, wider: str) -> Iterator[Place]:
    """Every situation that one step leads to: an event that the law allows, or the next instant."""
    times = TIMES if wider == "another year" else TIMES[:-1]
    aside = ASIDE | RARE - WIDER.get(wider, set())
    if place.time + 1 < len(times) and place.state is not None:
        yield replace(place, time=place.time + 1, deed="time passes", terms_before=None)
    for row in machine.events_of(place.state):
        # A set that is proposed in force counts for nothing before all three have agreed to it.
        if row.name == "set-outcomes" and place.facts.in_force and wider != "new outcomes":
            continue
        protested = place.facts.selection is not None and place.facts.selection.protests
        if row.name in aside or (row.name == "file-protest" and protested):
            continue
        for told, given in _inputs(row.name, row.takes, place.time, wider):
            setting = _setting(row, given, place.now)
            for role in _who(row, place):
                case = Case(place.state, place.facts, given, PEOPLE[role], role, place.now, setting)
                try:
                    made = machine.apply(row.name, case)
                except Refused:
                    continue
                entered = place.entered_at if made.state is place.state else place.now
                deed = f"{role} {row.name} {told}"
                yield Place(made.state, made.facts, place.time, entered, deed, place.facts.agreement)


def _who(row: Event, place: Place) -> tuple[Role, ...]:
    """By whom an event is tried."""
    if row.name == "defer-item":
        return (Role.CLOCK,)  # of people it is the same as that the item is scheduled anew
    if row.name not in _IN_ORDER:
        return row.who
    awaited = {one.role for one in waiting_on(place.facts, row.name)}
    return tuple(role for role in row.who if role in awaited)[:1]
