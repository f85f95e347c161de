"""Makes up the usual input of each event that a rehearsal assumes, so that the law can judge it.

What people will decide, nobody knows. The usual input takes the way on which a partnership goes forward: reviewers
give good scores, the best application is chosen, the Board approves, an agreement is renewed by a year.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from states.inputs import ABILITIES
from states.names import Role
from workflow.directory import Person
from workflow.session import Session
from workflow.store.rows import Snapshot
from workflow.views.planning import find_earliest_action
from workflow.views.standings import standings_of

WORDS = "Assumed in a rehearsal"  # stands for every text that people would write
_POINTS = 4  # of 5, for each ability
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Scene:
    """What somebody knows who acts: the partnership, the time, and who they are."""

    session: Session
    record: Snapshot
    now: datetime
    actor: str

    @property
    def today(self) -> date:
        """Return the day in the district's zone."""
        return self.session.config.calendar.day(self.now)


Values = Mapping[str, Any]


def _describe_needs(_: Scene) -> Values:
    return {key: [WORDS] for key in ("needs", "resources", "assets", "qualities", "goals")}


def _open_selection(scene: Scene) -> Values:
    rules = scene.session.config.procedure.selection
    reviewers = [person.email for person in scene.session.directory.people.values() if _is_reviewer(person)]
    closes = scene.today + timedelta(days=rules.minimum_days + 1)
    return {"closes_on": closes.isoformat(), "reviewers": sorted(reviewers)[: rules.minimum_panel]}


def _is_reviewer(person: Person) -> bool:
    return person.active and Role.REVIEWER in person.roles


def receive_application(scene: Scene) -> Values | None:
    """Return the input of an application of an organization in the directory; None if none has a contact there.

    It is not in `USUAL`, since nobody is waited for with an application: the call is public.
    """
    directory = scene.session.directory
    contacts = {p.organization: p for p in directory.people.values() if p.active and p.organization}
    for organization in sorted(contacts.keys() & directory.organizations.keys()):
        person = contacts[organization]
        return {
            "organization": organization,
            "contact_name": person.name,
            "contact_email": person.email,
            "abilities": dict.fromkeys(ABILITIES, WORDS),
            "demonstration": WORDS,
        }
    return None


def _answer_question(scene: Scene) -> Values | None:
    call = scene.record.facts.selection
    numbered = enumerate(call.questions if call else (), start=1)
    waiting = next((number for number, question in numbered if question.answer is None), None)
    return {"question": waiting, "text": WORDS} if waiting else None


def _score_application(scene: Scene) -> Values | None:
    call = scene.record.facts.selection
    left = call.unscored().get(scene.actor, ()) if call else ()
    scores = dict.fromkeys(ABILITIES, _POINTS)
    return {"organization": left[0], "scores": scores, "comment": WORDS} if left else None


def _choose_partner(scene: Scene) -> Values | None:
    call = scene.record.facts.selection
    standings = standings_of(call) if call else ()
    if not standings:
        return None
    return {"organization": standings[0].application.organization, "reasons": WORDS}


def _answer_protest(scene: Scene) -> Values | None:
    call = scene.record.facts.selection
    waiting = call.unanswered() if call else ()
    return {"organization": waiting[0].organization, "text": WORDS} if waiting else None


def _draft_agreement(scene: Scene) -> Values:
    """Return terms for which the Board decides: nobody knows the amount yet, and `plan` assumes the same."""
    meeting = find_earliest_action(scene.session, scene.record.facts, scene.now)
    starts = (meeting.on if meeting else scene.today) + timedelta(days=14)
    return {
        "instrument": "mou",
        "amount_cents": scene.session.config.procedure.board.threshold_cents,
        "starts_on": starts.isoformat(),
        "ends_on": (starts + _YEAR - timedelta(days=1)).isoformat(),
        "responsibilities": [WORDS],
    }


def _set_outcomes(_: Scene) -> Values:
    numbers = {"unit": "percent", "baseline": 50, "target": 60, "direction": "increase"}
    return {"outcomes": [{"name": WORDS, "measure": WORDS, "goal": WORDS} | numbers]}


def _sign(scene: Scene) -> Values:
    return {"signed_on": scene.today.isoformat()}


def _refer_to_board(scene: Scene) -> Values:
    agreement = scene.record.facts.agreement
    if agreement is None or agreement.in_force_at is None:
        return {"purpose": "new", "reason": WORDS}
    if agreement.pending is not None:
        return {"purpose": agreement.pending.purpose, "reason": WORDS}
    return {"purpose": "renewal", "reason": WORDS, "ends_on": (agreement.ends_on + _YEAR).isoformat()}


def _schedule_item(scene: Scene) -> Values | None:
    regular = (meeting for meeting in scene.session.directory.regular if meeting.at > scene.now)
    free = (m for m in regular if m.agenda_closes_at is None or scene.now <= m.agenda_closes_at)
    meeting = next(free, None)
    return {"meeting_on": meeting.on.isoformat()} if meeting else None


def _held(scene: Scene) -> dict[str, Any] | None:
    item = scene.record.facts.board.item
    if item is None or item.meeting_on is None:
        return None
    return {"meeting_on": item.meeting_on.isoformat(), "short_notice": WORDS}


def _introduce_item(scene: Scene) -> Values | None:
    held = _held(scene)
    return held and held | {"immediate_action": False}


def _vote(scene: Scene) -> Values | None:
    held, board = _held(scene), scene.session.config.procedure.board
    return held and held | {"ayes": board.members, "noes": 0, "reason": WORDS}


def _duty(scene: Scene) -> Values:
    return {"on": scene.today.isoformat(), "summary": WORDS, "evidence": WORDS}


def _submit_report(scene: Scene) -> Values:
    targets = {outcome.name: outcome.target for outcome in scene.record.facts.outcomes.items}
    return {"values": targets, "narrative": WORDS}


def _nothing(_: Scene) -> Values:
    return {}


# The events that a rehearsal assumes, each with what makes its input. None: it cannot be made up now. An event that
# is not here is never assumed: most of them say no, such as withdraw or send-back.
USUAL: Mapping[str, Callable[[Scene], Values | None]] = {
    "describe-needs": _describe_needs,
    "agree-needs": _nothing,
    "open-selection": _open_selection,
    "answer-question": _answer_question,
    "score-application": _score_application,
    "choose-partner": _choose_partner,
    "answer-protest": _answer_protest,
    "draft-agreement": _draft_agreement,
    "set-outcomes": _set_outcomes,
    "agree-outcomes": _nothing,
    "sign-agreement": _sign,
    "activate": _nothing,
    "refer-to-board": _refer_to_board,
    "schedule-item": _schedule_item,
    "introduce-item": _introduce_item,
    "approve": _vote,
    "record-assessment": _duty,
    "record-gap": _duty,
    "record-meeting": _duty,
    "record-engagement": _duty,
    "record-responsibility": _duty,
    "submit-report": _submit_report,
    "give-finding": lambda _: {"impact": True, "reasons": WORDS},
    "continue": _nothing,
    "close-out": lambda _: {"summary": WORDS},
    "accept-contact": _nothing,
}


def assumable(record: Snapshot) -> Container[str]:
    """Return the events that a rehearsal assumes in a partnership now."""
    item = record.facts.board.item
    # The Board could act at a first reading, for a reason. Usually it introduces the item there.
    is_read = item is None or any(item.meeting_on and day < item.meeting_on for day in item.introduced)
    return USUAL.keys() if is_read else USUAL.keys() - {"approve"}
