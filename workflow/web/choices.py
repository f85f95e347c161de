"""What only the record can tell about the form of an ask: what there is to choose from, and what is filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from notifications.filters import long_day
from states.case import Meeting
from states.inputs import READABLE
from states.partnership import Application, Role, State
from workflow.actions.action import Ask
from workflow.forms.fields import Choices, Offered, money
from workflow.session import Session

_MEETINGS = 16  # to choose from: most of a year


def offered(session: Session, ask: Ask, now: datetime) -> Offered:
    """Choices, words and what is not needed, as things stand for this ask."""
    event = ask.claim.event
    choices: dict[str, Choices] = {}
    if of := _ORGANIZATIONS.get(event):
        choices["organization"] = tuple(of(session, ask))
    if event == "open-selection":
        choices["reviewers"] = tuple(
            (person.email, f"{person.name}, {person.email}")
            for person in session.directory.people.values()
            if Role.REVIEWER in person.roles and person.active
        )
    if event in _BOARD_EVENTS and ask.record.state is State.BOARD_REVIEW:
        choices["meeting_on"] = tuple(_said(meeting) for meeting in _meetings(session, ask, now))
    if event == "refer-to-board":
        new = ask.record.state is State.OPEN_SELECTION
        purposes = ("new",) if new else ("amendment", "renewal", "termination")
        choices["purpose"] = tuple((purpose, READABLE[purpose]) for purpose in purposes)
    values = {}
    if event == "submit-report":
        values = {
            o.name: f"Unit: {o.unit}. At the start it was {o.baseline:g}; the target is {o.target:g}."
            for o in ask.record.facts.outcomes.items
        }
    return Offered(choices, values, helps=_helps(session, ask, now), without=_without(ask))


_BOARD_EVENTS = ("schedule-item", "introduce-item", "defer-item", "approve", "send-back", "terminate")


def _applications(ask: Ask) -> Iterable[Application]:
    selection = ask.record.facts.selection
    return selection.applications.values() if selection else ()


def _choice(application: Application) -> tuple[str, str]:
    return application.organization, application.name


def _of_reviewer(_: Session, ask: Ask) -> Iterable[tuple[str, str]]:
    return map(_choice, without_conflict(ask))


def without_conflict(ask: Ask) -> list[Application]:
    """The applications with which the reviewer has declared no conflict of interest."""
    selection = ask.record.facts.selection
    return [
        one
        for one in _applications(ask)
        if selection is not None and not selection.conflicted(ask.actor, one.organization)
    ]


def _all(_: Session, ask: Ask) -> Iterable[tuple[str, str]]:
    return map(_choice, _applications(ask))


def _scored(_: Session, ask: Ask) -> Iterable[tuple[str, str]]:
    selection = ask.record.facts.selection
    scored = {score.organization for score in selection.scores} if selection else set()
    return [_choice(one) for one in _applications(ask) if one.organization in scored] or _all(_, ask)


def _own(session: Session, ask: Ask) -> Iterable[tuple[str, str]]:
    """An applicant's own application; for staff, every one."""
    if ask.role is not Role.APPLICANT:
        return _all(session, ask)
    return [_choice(one) for one in _applications(ask) if one.contact_email == ask.actor]


def _may_apply(session: Session, ask: Ask) -> Iterable[tuple[str, str]]:
    known = session.directory.organizations
    if ask.role is not Role.APPLICANT:
        return [(one.id, one.name) for one in known.values()]
    person = session.directory.person(ask.actor, ask.record.facts)
    mine = person.organization if person else None
    return [(mine, known[mine].name)] if mine is not None and mine in known else _own(session, ask)


def _unanswered(_: Session, ask: Ask) -> Iterable[tuple[str, str]]:
    selection = ask.record.facts.selection
    waiting = {protest.organization for protest in selection.unanswered()} if selection else set()
    return [_choice(one) for one in _applications(ask) if one.organization in waiting]


_ORGANIZATIONS: Mapping[str, Callable[[Session, Ask], Iterable[tuple[str, str]]]] = {
    "receive-application": _may_apply,
    "withdraw-application": _own,
    "file-protest": _own,
    "answer-protest": _unanswered,
    "declare-conflict": _of_reviewer,
    "choose-partner": _scored,
}


def _meetings(session: Session, ask: Ask, now: datetime) -> list[Meeting]:
    """The regular meetings that an event of the Board can be about."""
    item, people = ask.record.facts.board.item, session.directory
    if item is None:
        return []
    if ask.claim.event in ("schedule-item", "defer-item"):
        after = item.meeting_on if ask.claim.event == "defer-item" else None
        coming = [m for m in people.regular if m.at > now and (after is None or m.on > after)]
        return coming[:_MEETINGS]
    agenda = [meeting for on in item.agenda if (meeting := people.meeting(on)) is not None]
    return sorted(agenda, key=lambda meeting: meeting.on)


def _said(meeting: Meeting) -> tuple[str, str]:
    return meeting.on.isoformat(), long_day(meeting.on)


def _without(ask: Ask) -> frozenset[str]:
    if ask.claim.event == "refer-to-board" and ask.record.state is State.OPEN_SELECTION:
        return frozenset({"amount_cents", "ends_on"})
    return frozenset()


def _helps(session: Session, ask: Ask, now: datetime) -> dict[str, str]:
    """What stands on record, beside what would replace it."""
    found, agreement = {}, ask.record.facts.agreement
    if ask.claim.event in ("amend-agreement", "refer-to-board") and agreement:
        found["amount_cents"] = f"In dollars. Now it is {money(agreement.amount_cents)}."
        found["ends_on"] = f"Year, month, day. Now it is {long_day(agreement.ends_on)}."
    if ask.claim.event == "open-selection":
        least = session.config.procedure.selection.minimum_days
        earliest = session.config.calendar.day(now) + timedelta(days=least)
        found["closes_on"] = f"Not before {long_day(earliest)}. Year, month, day, such as {earliest}."
    if ask.claim.event == "extend-selection" and ask.record.facts.selection:
        closes = session.config.calendar.local(ask.record.facts.selection.closes_at).date()
        found["closes_on"] = f"Now it is {long_day(closes)}. Year, month, day."
    if ask.claim.event == "receive-application":
        found["demonstration"] = (
            "Only if the organization is neither community-based nor a college, university or public agency:"
            " how it shows that it can serve the school."
        )
    return found


def on_record(ask: Ask) -> dict[str, Any]:
    """The values that a document on record already has, for the form that would replace it."""
    of = _ON_RECORD.get(ask.claim.event)
    return (of(ask) if of else None) or {}


def _statement(ask: Ask) -> dict[str, Any] | None:
    statement = ask.record.facts.needs.statement
    return statement.model_dump(mode="json") if statement else None


def _terms(ask: Ask) -> dict[str, Any] | None:
    keys = {"instrument", "amount_cents", "starts_on", "ends_on", "autonomy_requested_by", "responsibilities"}
    agreement = ask.record.facts.agreement
    return agreement.model_dump(mode="json", include=keys) if agreement else None


def _application(ask: Ask) -> dict[str, Any] | None:
    keys = {"organization", "contact_name", "contact_email", "abilities", "demonstration"}
    mine = [one for one in _applications(ask) if one.contact_email == ask.actor]
    return mine[0].model_dump(mode="json", include=keys) if ask.role is Role.APPLICANT and mine else None


def _report(ask: Ask) -> dict[str, Any] | None:
    review = ask.record.facts.review
    keys = {"values", "narrative"}
    return review.reports[-1].model_dump(mode="json", include=keys) if review and review.reports else None


def _pending(ask: Ask) -> dict[str, Any] | None:
    agreement = ask.record.facts.agreement
    keys = {"purpose", "reason", "amount_cents", "ends_on"}
    if agreement and agreement.pending and ask.record.state is not State.OPEN_SELECTION:
        return agreement.pending.model_dump(mode="json", include=keys)
    return None


_ON_RECORD: Mapping[str, Callable[[Ask], dict[str, Any] | None]] = {
    "describe-needs": _statement,
    "set-outcomes": lambda ask: {
        "outcomes": [one.model_dump(mode="json") for one in ask.record.facts.outcomes.items]
    },
    "draft-agreement": _terms,
    "receive-application": _application,
    "submit-report": _report,
    "refer-to-board": _pending,
    "change-contact": lambda ask: (
        ask.record.facts.contact.model_dump(mode="json") if ask.record.facts.contact else None
    ),
}


def usual(ask: Ask, today: date) -> dict[str, Any]:
    """What most people would fill in, to spare them the typing."""
    if ask.claim.event == "sign-agreement":
        return {"signed_on": today.isoformat()}
    if ask.claim.event.startswith("record-"):
        return {"on": today.isoformat()}
    if ask.claim.event == "introduce-item":
        return {"immediate_action": False}
    if ask.claim.event in ("approve", "send-back") or ask.record.state is State.BOARD_REVIEW:
        return {"abstentions": 0}
    return {}
