"""Decides who may see which facts, events, deadlines and documents of a partnership.

The rules are allow-lists: the row of each event in the law names its audience, and the tables below name that of
each fact. The office (principal, staff, Superintendent, Board office) sees everything that is not sealed. A
reviewer sees what concerns the panel, the Lead Partner the agreement, an applicant its own application.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import select

from states.event import OFFICE, Scope
from states.machine import event_named, events_of
from states.partnership import Partnership, Role, State
from workflow.directory import Directory
from workflow.procedure.settings import DeadlineSettings
from workflow.session import Session
from workflow.store import application_texts, tables
from workflow.store.column_types import canonical
from workflow.store.rows import DeadlineRow, DeadlineStatus, HistoryEntry, Notice, Snapshot
from workflow.views import corrections, present_names
from workflow.views.corrections import Correction
from workflow.views.sealing import is_sealed, seal, unopened_rows

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
    record = replace(record, facts=present_names.rename(session.directory, record.facts))
    document = record.facts.model_dump(mode="json")
    if viewer.is_office:
        return document
    visible = {key: value if viewer.role in FACTS[key] else None for key, value in document.items()}
    return _redact(session, record, viewer, now, visible)


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
class _Happened:
    """The parts of an event that decide who may know of it."""

    event: str
    actor: str
    organization: str | None
    this_call: bool  # it happened since the present call opened


def _can_see(
    record: Snapshot, viewer: Viewer, mine: frozenset[str], happened: _Happened, now: datetime
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
    return _can_see(record, viewer, mine, _Happened(event, actor or "", organization, this_call=True), now)


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


def history_rows(session: Session, record: Snapshot) -> list[HistoryEntry]:
    """Return the whole history, oldest first, for callers that check themselves who may see it.

    The texts of applications are left out: no line of the history shows them, and they may be 100 MB.
    """
    table = tables.history
    query = select(table).where(table.c.partnership == record.id).order_by(table.c.seq)
    return [
        application_texts.without_texts(row) for row in application_texts.stream(session.connection, query)
    ]


def visible_rows(session: Session, record: Snapshot, viewer: Viewer, now: datetime) -> list[HistoryEntry]:
    """Return the rows of the history that somebody may know of, oldest first."""
    rows = history_rows(session, record)
    if viewer.is_office:
        return rows
    # Earlier rows belong to an earlier round, which only the scope ALWAYS shows.
    opened = max((row.seq for row in rows if _opens_call(row)), default=0)
    present = [row for row in rows if row.seq >= opened]
    mine = own_organizations(session.directory, record.facts, viewer) | _applied_for(present, viewer)
    # The panel never learns who applied and withdrew before the call closed (4270.8).
    unopened = unopened_rows(record.facts, rows) if viewer.role is _REVIEWER else frozenset()
    corrected = {each.row.seq: each for each in corrections.corrections_in(rows)}

    def can_see(row: HistoryEntry) -> bool:
        if correction := corrected.get(row.seq):
            is_own = viewer.email in (row.actor, row.stood_in)
            return is_own or (correction.can_see(viewer.role) and can_see(correction.target))
        happened = _Happened(row.event, row.actor, row.input_values.get("organization"), row.seq >= opened)
        return row.seq not in unopened and _can_see(record, viewer, mine, happened, now)

    return [row for row in rows if can_see(row)]


def _opens_call(row: HistoryEntry) -> bool:
    return (row.from_state, row.to_state) == (State.NEEDS_IDENTIFIED, State.OPEN_SELECTION)


def _applied_for(rows: Iterable[HistoryEntry], viewer: Viewer) -> frozenset[str]:
    """Return the organizations for which an applicant applied in the present call, also if it was withdrawn."""
    if viewer.role is not _APPLICANT:
        return frozenset()
    applied = (row.input_values for row in rows if event_named(row.event).sealed)
    return frozenset(str(form["organization"]) for form in applied if form["contact_email"] == viewer.email)


def history_for(session: Session, record: Snapshot, viewer: Viewer, now: datetime) -> list[dict[str, Any]]:
    """Return the lines of the history that this person may know of, oldest first."""
    return lines_of(session, record, viewer, visible_rows(session, record, viewer, now))


def lines_of(
    session: Session, record: Snapshot, viewer: Viewer, rows: Iterable[HistoryEntry]
) -> list[dict[str, Any]]:
    """Return rows of the history as pages show them. The caller has checked that the viewer may know of them."""
    # Only the office reads of other people's applications before their call closes.
    everything = history_rows(session, record) if viewer.is_office else []
    unopened = unopened_rows(record.facts, everything)
    rows = list(rows)
    # The last correction of each row that the viewer may know of.
    struck = {each.target.seq: each for each in corrections.corrections_in(rows)}
    lines = []
    for row in rows:
        correction = struck.get(row.seq)
        corrected = correction and _describe_correction(session, record, viewer, correction)
        lines.append(_line(session, record, viewer, row, row.seq in unopened) | {"corrected": corrected})
    return lines


def _describe_correction(
    session: Session, record: Snapshot, viewer: Viewer, correction: Correction
) -> dict[str, Any]:
    """Return who corrected a row of the history, when and why, as the viewer may know it, and what counts now."""
    row = correction.row
    may_read = viewer.is_office or viewer.email == row.actor or correction.can_see_reason(viewer.role)
    target = correction.target
    now = None if correction.now is None else target._replace(input=canonical(correction.now))
    counts = visible_input(viewer, now) if now else {}
    return {
        "at": session.local(row.at),
        "by": _name_of_actor(session, record, row),
        "reason": correction.reason if may_read else None,
        "void": correction.now is None,
        "said": counts.get("reason") or counts.get("text"),
    }


def _line(
    session: Session, record: Snapshot, viewer: Viewer, row: HistoryEntry, unopened: bool
) -> dict[str, Any]:
    visible, named = visible_input(viewer, row), is_named(viewer, row, unopened=unopened)
    # What staff did in their own name is theirs, and says nothing of the applicant.
    by_name = named or row.role != Role.APPLICANT
    through = row.stood_in if by_name else None
    return {
        "at": session.local(row.at),
        "event": row.event,
        "by": _name_of_actor(session, record, row) if by_name else "",
        "role": row.role,
        "through": session.name_of(through) if through else None,
        "sentence": _sentence(session, record, row, by_name),
        "to": row.to_state if row.to_state != row.from_state else None,
        "said": visible.get("reason") or visible.get("text"),
        "note": row.note if viewer.is_office and named else None,
        "channel": row.channel,
        "address": row.address if viewer.is_office and named else None,
        "entry": corrections.name_of(row)
        if named and corrections.may_correct(row, viewer.role, viewer.email, viewer.through)
        else None,
    }


def is_named(viewer: Viewer, row: HistoryEntry, *, unopened: bool) -> bool:
    """Return whether the reader of an event may know who did it and for which organization.

    `unopened` is whether it is about an application that was withdrawn before its call closed.
    """
    # The office may know that an application is gone, and not whose.
    return not viewer.is_office or viewer.email in (row.actor, row.stood_in) or not unopened


def _sentence(session: Session, record: Snapshot, row: HistoryEntry, named: bool) -> str:
    """Return an event as a sentence: who did it, in which role and for whom, or that it happened automatically."""
    words = session.config.events[row.event]
    if not named:
        return f"An applicant {words['done']}."
    if row.role == Role.CLOCK:
        return words["automatic"]
    if row.role == Role.PUBLIC:
        return f"Somebody {words['done']}."
    who = f"{_name_of_actor(session, record, row)} ({row.role.replace('-', ' ')})"
    if row.stood_in:
        who = f"{session.name_of(row.stood_in)}, in place of {who},"
    return f"{who} {words['done']}."


def _name_of_actor(session: Session, record: Snapshot, row: HistoryEntry) -> str:
    person = session.directory.person(row.actor, record.facts)
    return person.name if person else session.directory.former.get(row.actor, row.actor)


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
