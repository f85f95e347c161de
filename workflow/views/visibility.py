"""Who may see what of a partnership: the same document for everybody, with what is not theirs to see left empty.

The office, the school and the Board see everything, a reviewer what concerns the panel, the Lead Partner what
concerns the agreement, an applicant what concerns its own application. Whatever is shown of a partnership to
somebody who came by a link goes through here: facts, history, deadlines and documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.partnership import Partnership, Role, State
from workflow.directory import OFFICE, Directory
from workflow.engine import Record
from workflow.session import Session
from workflow.store import tables
from workflow.views import documents

_REVIEWER, _LEAD, _APPLICANT = Role.REVIEWER, Role.LEAD_PARTNER, Role.APPLICANT
_NOBODY: frozenset[Role] = frozenset()
_PARTNER = frozenset({_LEAD})
_PANEL = frozenset({_REVIEWER})
_ALL = frozenset({_REVIEWER, _LEAD, _APPLICANT})

# By field of the facts, who besides the office sees it. Of some they see only a part: see `_narrowed`.
FACTS: Mapping[str, frozenset[Role]] = {
    "school": _ALL,
    "title": _ALL,
    "contact": _PARTNER,
    "needs": _PARTNER | _PANEL,
    "selection": _ALL,
    "earlier_selections": _NOBODY,
    "outcomes": _PARTNER,
    "agreement": _PARTNER,
    "board": _PARTNER,
    "duties": _PARTNER,
    "other_agreements": _PARTNER,
    "review": _PARTNER,
    "earlier_reviews": _PARTNER,
    "documents": _PARTNER,
    "ended": _ALL,  # applicants and panel only where it ended the call
    "closed_out": _PARTNER,
}
CALL: Mapping[str, frozenset[Role]] = {
    "opened_at": _ALL,
    "closes_at": _ALL,
    "closed_at": _ALL,
    "reviewers": _PANEL,
    "applications": _ALL,  # to the panel after closing, to others their own
    "conflicts": _PANEL,  # their own
    "scores": _PANEL,  # their own, after the choice all
    "scored_at": _PANEL,
    "choice": _ALL,
    "protests": frozenset({_APPLICANT}),  # their own
    "restarted": _NOBODY,
}
# Whom "waiting" means in a deadline that first offers this event, besides the office.
_WAITING: Mapping[str, frozenset[Role]] = {"score-application": _PANEL, "sign-agreement": _PARTNER}
OWN = ("receive-application", "withdraw-application", "file-protest", "answer-protest")
OF_PANEL = ("declare-conflict", "score-application")
OF_CALL = ("open-selection", "extend-selection", "close-applications", "choose-partner", "withdraw")
OF_NEEDS = ("identify-needs", "describe-needs", "agree-needs")
INTERNAL = ("add-note", "restart")  # of the office alone


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who looks, in one of their roles."""

    role: Role
    email: str

    @property
    def is_office(self) -> bool:
        return self.role in OFFICE


def own(people: Directory, of: Partnership, viewer: Viewer) -> frozenset[str]:
    """The organizations of the present call for which this person speaks."""
    if of.selection is None:
        return frozenset()
    if viewer.role is _LEAD:
        return frozenset({of.selection.choice.organization} if of.selection.choice else ())
    if viewer.role is not _APPLICANT:
        return frozenset()
    person = people.people.get(viewer.email)
    belongs = person.organization if person and person.active else None
    return frozenset(
        key
        for key, application in of.selection.applications.items()
        if application.contact_email == viewer.email or key == belongs
    )


def facts(session: Session, record: Record, viewer: Viewer, now: datetime) -> dict[str, Any]:
    """Everything on record that this person may see; what they may not see is None."""
    document: dict[str, Any] = documents.facts(record.facts, now)
    if viewer.is_office:
        return document
    seen = {key: value if viewer.role in FACTS[key] else None for key, value in document.items()}
    return _narrowed(session, record, viewer, now, seen)


def _narrowed(
    session: Session, record: Record, viewer: Viewer, now: datetime, seen: dict[str, Any]
) -> dict[str, Any]:
    ended = record.facts.ended
    if viewer.role is not _LEAD and ended and ended.how != "withdrawn":
        seen["ended"] = None
    if record.facts.selection is None:
        return seen
    whole = record.facts.selection.model_dump(mode="json")  # what somebody wrote is not sealed from them
    call: dict[str, Any] = {key: value if viewer.role in CALL[key] else None for key, value in whole.items()}
    mine = own(session.directory, record.facts, viewer)
    if viewer.role is _REVIEWER:
        call["applications"] = {} if documents.is_sealed(record.facts, now) else call["applications"]
        call["conflicts"] = [one for one in call["conflicts"] if one["reviewer"] == viewer.email]
        if not call["choice"]:
            call["scores"] = [one for one in call["scores"] if one["reviewer"] == viewer.email]
    else:
        call["applications"] = {key: value for key, value in call["applications"].items() if key in mine}
        if call["protests"] is not None:
            call["protests"] = [one for one in call["protests"] if one["organization"] in mine]
    return {**seen, "selection": call}


def history(session: Session, record: Record, viewer: Viewer, now: datetime) -> list[dict[str, Any]]:
    """What happened, oldest first: each event with who did it and when, as far as this person may know."""
    table = tables.history
    query = select(table).where(table.c.partnership == record.id).order_by(table.c.seq)
    rows = session.connection.execute(query).all()
    mine = own(session.directory, record.facts, viewer)
    opened = max((row.seq for row in rows if row.event == "open-selection"), default=0)
    return [
        _entry(session, record, viewer, row)
        for row in rows
        if viewer.is_office or _may_know(record, viewer, mine, row, row.seq >= opened, now)
    ]


def _may_know(
    record: Record, viewer: Viewer, mine: frozenset[str], row: Any, this_round: bool, now: datetime
) -> bool:
    """Whether a row of the history is for somebody outside the office; `this_round`: since the call opened."""
    event, call = row.event, record.facts.selection
    about = json.loads(row.input).get("organization") if event in (*OWN, *OF_PANEL) else None
    if viewer.role is _APPLICANT:
        return this_round and (event in OF_CALL or (event in OWN and about in mine))
    if viewer.role is _LEAD:
        return event not in (*OF_PANEL, *INTERNAL) and (event not in OWN or (this_round and about in mine))
    if event in (*OF_NEEDS, *OF_CALL):
        return True
    if not this_round or call is None:
        return False
    if event in ("receive-application", "withdraw-application"):
        return not documents.is_sealed(record.facts, now)
    chosen = event == "score-application" and call.choice is not None
    return event in OF_PANEL and (row.actor == viewer.email or chosen)


def _entry(session: Session, record: Record, viewer: Viewer, row: Any) -> dict[str, Any]:
    given = json.loads(row.input)
    person = session.directory.person(row.actor, record.facts)
    stood_in = row.ran_by if row.channel in ("link", "reply") else None
    return {
        "at": documents.local(session, row.at),
        "event": row.event,
        "by": person.name if person else row.actor,
        "role": row.role,
        "through": session.directory.someone(stood_in).name if stood_in else None,
        "to": row.to_state if row.to_state != row.from_state else None,
        "said": given.get("reason") or given.get("text"),
        "note": row.note if viewer.is_office else None,
    }


def deadlines(session: Session, record: Record, viewer: Viewer, now: datetime) -> list[dict[str, Any]]:
    """What is due and when, the earliest first: one line for each deadline that is open."""
    table = tables.deadlines
    query = select(table).where(table.c.partnership == record.id, table.c.status == "open")
    found: dict[tuple[str, datetime], dict[str, Any]] = {}
    for row in session.connection.execute(query.order_by(table.c.ladder, table.c.id)):
        known = session.config.deadlines.get(row.name)
        if known is None or not _concerns(viewer, known):
            continue
        found[row.name, row.ladder] = {
            "name": row.name,
            "label": known.label,
            "duty": known.done,
            "due_at": documents.local(session, row.ladder),
            "overdue": row.ladder <= now,
            "offers": known.offers,
        }
    return list(found.values())


def _concerns(viewer: Viewer, row: Any) -> bool:
    """Whether a deadline is somebody's to know: they are told of it, or it is about the agreement."""
    if viewer.is_office:
        return True
    told = {*row.to, *(group for rung in row.overdue for group in rung.to)}
    if "waiting" in told and row.offers:
        told |= _WAITING.get(row.offers[0], frozenset())
    if viewer.role in told:
        return True
    return viewer.role is _LEAD and not {State.NEEDS_IDENTIFIED, State.OPEN_SELECTION} & set(row.state)


def named_documents(seen: Any) -> dict[str, str]:
    """By digest, the name of every document that is named in what somebody sees."""
    return dict(_find_documents(seen))


def _find_documents(seen: Any) -> Iterator[tuple[str, str]]:
    if isinstance(seen, list):
        for item in seen:
            yield from _find_documents(item)
    elif isinstance(seen, dict):
        if seen.get("sha256"):
            yield seen["sha256"], str(seen.get("document") or seen.get("name") or "document")
        for item in seen.values():
            yield from _find_documents(item)
