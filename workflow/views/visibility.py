"""Decides who may see which facts, events, deadlines and documents of a partnership.

The rules are allow-lists: the row of each event in the law names its audience, and the tables below name that of
each fact. The office (principal, staff, Superintendent, Board office) sees everything that is not sealed. A
reviewer sees what concerns the panel, the Lead Partner the agreement, an applicant its own application.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import select

from states.event import OFFICE, Scope
from states.machine import event_named, events_of
from states.names import Role, State
from states.partnership import Partnership
from workflow.directory import Directory
from workflow.procedure.settings import DeadlineSettings
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineRow, DeadlineStatus, HistoryEntry, Notice, Snapshot
from workflow.views import present_names
from workflow.views.sealing import is_sealed, seal

_REVIEWER, _LEAD, _APPLICANT = Role.REVIEWER, Role.LEAD_PARTNER, Role.APPLICANT
_NOBODY: frozenset[Role] = frozenset()
_PARTNER = frozenset({_LEAD})
_PANEL = frozenset({_REVIEWER})
_ALL = frozenset({_REVIEWER, _LEAD, _APPLICANT})
_EVERYBODY = _ALL | {Role.PUBLIC}
_ASKED = frozenset({Role.NEXT_CONTACT})

# The roles besides the office that see a field of the facts. `_redact` removes parts of some fields.
FACTS: Mapping[str, frozenset[Role]] = {
    "school": _EVERYBODY | _ASKED,
    "title": _EVERYBODY | _ASKED,
    "contact": _PARTNER,
    "next_contact": _PARTNER | _ASKED,
    "needs": _PARTNER | _PANEL,
    "selection": _EVERYBODY,
    "earlier_selections": _NOBODY,
    "outcomes": _PARTNER,
    "proposed_outcomes": _PARTNER,
    "earlier_outcomes": _PARTNER,
    "agreement": _PARTNER,
    "board": _PARTNER,
    "duties": _PARTNER,
    "other_agreements": _PARTNER,
    "review": _PARTNER,
    "earlier_reviews": _PARTNER,
    "documents": _PARTNER,
    "ending": _PARTNER,
    "ended": _ALL,  # applicants and panel only where it ended the call
    "closed_out": _PARTNER,
    "wanted": _NOBODY,
    "corrected_at": _NOBODY,
}
CALL: Mapping[str, frozenset[Role]] = {
    "opened_at": _EVERYBODY,
    "closes_at": _EVERYBODY,
    "closed_at": _EVERYBODY,
    "reviewers": _PANEL,
    "applications": _ALL,  # to the panel after closing, to others their own
    "conflicts": _PANEL,  # their own
    "scores": _PANEL,  # their own, after the choice all
    "scored_at": _PANEL,
    "anew_at": _ALL,
    "earlier_scores": _NOBODY,
    "choice": _ALL,
    "protests": frozenset({_APPLICANT}),  # their own
    "questions": _EVERYBODY,  # without the text of those that are withheld
    "restarted": _NOBODY,
}
# States in which there is an agreement. The Lead Partner may know of every deadline that runs only in these.
_OF_AGREEMENT = frozenset({State.BOARD_REVIEW, State.ACTIVE, State.ANNUAL_REVIEW, State.TERMINATED})


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who reads a page, message or export, in one of their roles.

    `through` is the address of the delegate who reads in place of the person `email`, or None.
    """

    role: Role
    email: str
    through: str | None = None

    @property
    def is_office(self) -> bool:
        """Return whether the role may see everything that is not sealed."""
        return self.role in OFFICE


def viewer_of(notice: Notice) -> Viewer:
    """Return the person who reads a notice, and its links, in the role of the notice."""
    return Viewer(notice.capacity, notice.owner, notice.to if notice.delegate_for else None)


def own_organizations(people: Directory, facts: Partnership, viewer: Viewer) -> frozenset[str]:
    """Return the organizations of the present call for which this person speaks."""
    if facts.selection is None:
        return frozenset()
    if viewer.role is _LEAD:
        return frozenset({facts.selection.choice.organization} if facts.selection.choice else ())
    if viewer.role is not _APPLICANT:
        return frozenset()
    person = people.people.get(viewer.email)
    belongs = person.organization if person and person.active else None
    return frozenset(
        key
        for key, application in facts.selection.applications.items()
        if application.contact_email == viewer.email or key == belongs
    )


# Facts


def can_see_fact(name: str, viewer: Viewer) -> bool:
    """Return whether somebody may see a field of the facts, or a part of it."""
    return viewer.is_office or viewer.role in FACTS[name]


def facts_for(session: Session, record: Snapshot, viewer: Viewer, now: datetime) -> dict[str, Any]:
    """Return the facts as this person may see them. A field that they may not see is None."""
    key = ("facts", record.id, record.version)
    record, document = session.once(key, lambda: _with_present_names(session, record))
    if viewer.is_office:
        return document
    visible = {key: value if viewer.role in FACTS[key] else None for key, value in document.items()}
    return _redact(session, record, viewer, now, visible)


def _with_present_names(session: Session, record: Snapshot) -> tuple[Snapshot, dict[str, Any]]:
    """Return a record with the present names, and its facts as JSON. Nobody changes them: readers share them."""
    renamed = present_names.rename_record(session.directory, record)
    return renamed, renamed.facts.model_dump(mode="json")


def _redact(
    session: Session, record: Snapshot, viewer: Viewer, now: datetime, visible: dict[str, Any]
) -> dict[str, Any]:
    """Return the visible fields without the parts that this person may not see.

    1. Only the Lead Partner learns how a partnership ended, unless its call was withdrawn.
    2. A reviewer sees no application before the call closes, and only their own scores before the choice.
    3. Everybody else sees their own application and protests.
    """
    ended = record.facts.ended
    if viewer.role is not _LEAD and ended and ended.how != "withdrawn":
        visible["ended"] = None
    if record.facts.selection is None or visible["selection"] is None:
        return visible
    whole = record.facts.selection.model_dump(mode="json")
    call: dict[str, Any] = {key: value if viewer.role in CALL[key] else None for key, value in whole.items()}
    mine = own_organizations(session.directory, record.facts, viewer)
    call["questions"] = [
        each | ({"text": ""} if each["withheld"] else {}) for each in call["questions"] or ()
    ]
    if viewer.role is Role.PUBLIC:
        return {**visible, "selection": call}
    if viewer.role is _REVIEWER:
        call["applications"] = {} if is_sealed(record.facts, now) else call["applications"]
        call["conflicts"] = [each for each in call["conflicts"] if each["reviewer"] == viewer.email]
        if not call["choice"]:
            call["scores"] = [each for each in call["scores"] if each["reviewer"] == viewer.email]
    else:
        call["applications"] = {key: value for key, value in call["applications"].items() if key in mine}
        if call["protests"] is not None:
            call["protests"] = [each for each in call["protests"] if each["organization"] in mine]
    return {**visible, "selection": call}


# Events


@dataclass(frozen=True, slots=True)
class Happened:
    """The parts of an event that decide who may know of it."""

    event: str
    actor: str
    organization: str | None
    this_call: bool  # it happened since the present call opened


def can_see_event(
    record: Snapshot, viewer: Viewer, mine: frozenset[str], happened: Happened, now: datetime
) -> bool:
    """Return whether somebody may know that an event happened. `mine` are the organizations they speak for."""
    if viewer.is_office:
        return True
    sees = event_named(happened.event).audience.get(viewer.role)
    # The audience is an allow-list: without an entry for this role, the event stays hidden.
    if sees is None:
        return False
    scope, call = sees.scope, record.facts.selection
    if scope is not Scope.ALWAYS and not happened.this_call:
        return False
    match scope:
        case Scope.ALWAYS | Scope.THIS_CALL:
            return True
        case Scope.OWN_ORGANIZATION:
            return happened.organization in mine
        case Scope.OWN_ACT:
            return happened.actor == viewer.email
        case Scope.AFTER_CLOSING:
            return call is not None and not is_sealed(record.facts, now)
        case Scope.AFTER_CHOICE:
            return happened.actor == viewer.email or (call is not None and call.choice is not None)
        case _:
            assert_never(scope)


def may_be_told(
    session: Session,
    record: Snapshot,
    before: Partnership,
    viewer: Viewer,
    *,
    event: str,
    actor: str | None,
    organization: str | None,
    now: datetime,
) -> bool:
    """Return whether somebody may be told of an event that is happening now.

    Look for their application in the facts before it too, since the event may have withdrawn it.
    """
    mine = own_organizations(session.directory, record.facts, viewer)
    mine |= own_organizations(session.directory, before, viewer)
    return can_see_event(
        record, viewer, mine, Happened(event, actor or "", organization, this_call=True), now
    )


def visible_input(viewer: Viewer, row: HistoryEntry) -> dict[str, Any]:
    """Return the input of an event as somebody may read it: its author all, others the fields of their audience.

    What an application says is for `applications.texts_for` once the call closed. Only its author reads it here.
    """
    is_author = viewer.email in (row.actor, row.stood_in) and viewer.through is None
    if is_author:
        return row.input_values
    if viewer.is_office or viewer.email in (row.actor, row.stood_in):
        values = row.input_values
        seal(values, event_named(row.event).sealed)
        return values
    sees = event_named(row.event).audience.get(viewer.role)
    return {key: value for key, value in row.input_values.items() if sees and key in sees.fields}


def is_named(viewer: Viewer, row: HistoryEntry, *, unopened: bool) -> bool:
    """Return whether the reader of an event may know who did it and for which organization.

    `unopened` is whether it is about an application that was withdrawn before its call closed.
    """
    # The office may know that an application is gone, and not whose.
    return not viewer.is_office or viewer.email in (row.actor, row.stood_in) or not unopened


# Deadlines


def deadlines_for(session: Session, record: Snapshot, viewer: Viewer, now: datetime) -> list[dict[str, Any]]:
    """Return one line for each open deadline that somebody may know of, the earliest first."""
    table = tables.deadlines
    query = select(table).where(table.c.partnership == record.id, table.c.status == DeadlineStatus.OPEN.value)
    lines: dict[tuple[str, datetime], dict[str, Any]] = {}
    for row in map(
        DeadlineRow.from_row, session.connection.execute(query.order_by(table.c.ladder, table.c.id))
    ):
        settings = session.config.deadlines.get(row.name)
        if settings is None or not can_see_deadline(viewer, settings):
            continue
        lines[row.name, row.ladder] = {
            "name": row.name,
            "label": settings.label,
            "duty": settings.done,
            "due_at": session.local(row.ladder),
            "overdue": row.ladder <= now,
            "offers": settings.owed,
        }
    return list(lines.values())


def can_see_deadline(viewer: Viewer, settings: DeadlineSettings) -> bool:
    """Return whether somebody may know of a deadline.

    It tells their role, their role has to do something by then, or it is about their agreement.
    """
    # Whether anybody has saved an application is nobody else's business, and the call has a date of its own.
    if settings.is_of_drafts:
        return False
    if viewer.is_office:
        return True
    roles: set[str] = {*settings.to, *(group for step in settings.overdue for group in step.to)}
    rows = (row for state in settings.state for row in events_of(state))
    roles |= {role for row in rows if row.name in settings.owed for role in row.who}
    return viewer.role in roles or (viewer.role is _LEAD and _OF_AGREEMENT.issuperset(settings.state))


# Documents


def documents_in(visible: object) -> dict[str, str]:
    """Return the name of every document that somebody can see, by its SHA-256."""
    return dict(_documents(visible))


def _documents(visible: object) -> Iterator[tuple[str, str]]:
    if isinstance(visible, list):
        for item in visible:
            yield from _documents(item)
    elif isinstance(visible, dict):
        if visible.get("sha256"):
            yield visible["sha256"], str(visible.get("document") or visible.get("name") or "document")
        for item in visible.values():
            yield from _documents(item)
