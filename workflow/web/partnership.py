"""The page that shows somebody a partnership as they may see it, and the documents that are named there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import Response, abort
from sqlalchemy import select

from states.machine import COLLECTED, askable, waiting_on
from states.partnership import Role, State
from workflow import links
from workflow.actions.action import Action, was_used
from workflow.links import Applicant
from workflow.outbox import message
from workflow.session import Session
from workflow.store import tables
from workflow.views import documents, visibility
from workflow.views.visibility import Viewer
from workflow.web import charts
from workflow.web.site import Site

# The duties of the Lead Partner, in the words of 4270.5a-e.
DUTIES = {
    "assessment": "Annual assessment of the school's needs",
    "gap": "Gaps in service reported",
    "meeting": "Meetings with the other partners",
    "engagement": "Engagement of families and community",
    "responsibility": "Responsibilities of the agreement",
}


def page(site: Site, session: Session, action: Action) -> Response:
    """The partnership of a claim, as the person of the claim may see it."""
    now, record, state = site.clock(), action.record, action.record.state
    viewer = Viewer(action.role, action.actor)
    seen = visibility.facts_for(session, record, viewer, now)
    happened = visibility.history_for(session, record, viewer, now)
    due = visibility.deadlines_for(session, record, viewer, now)
    asked = _asked(session, action, due, now)
    selection = record.facts.selection
    apply = _own_application(session, action)
    here = _here(session, action)
    saved = {digest: f"{here}/documents/{digest}" for digest in visibility.documents_in(seen)}
    return site.page(
        "partnership",
        title=record.facts.title,
        ref=record.ref,
        school=session.directory.school_name(record.facts.school),
        reader=session.name_of(action.name),
        role=str(action.role),
        for_whom=session.name_of(action.actor) if action.through else None,
        office_reads=viewer.is_office,
        entered_at=session.local(record.entered_at),
        steps=steps(state, _visited(session, record.id)),
        asked=[one for one in asked if not one["optional"]],
        free=[one for one in asked if one["optional"] and one["url"] and not (apply and one["applies"])],
        due=due,
        facts=seen,
        sealed=visibility.is_sealed(record.facts, now),
        own_application=apply,
        call=site.system.config.address(f"calls/{record.ref}") if selection else None,
        names=visibility.mentioned_names(_names(session, record.facts), seen),
        outcomes=charts.outcomes(seen),
        duties=_duties(seen, due),
        reviews=_reviews(seen),
        saved=saved,
        history=list(reversed(happened)),
    )


def _here(session: Session, action: Action) -> str:
    """The address of this page; made anew, so that nothing is taken from the request."""
    shown = links.claim_of(action.notice, action.record.ref, "", action.record.facts)
    return links.address(session.config, shown)


def steps(current: State | None, visited: frozenset[str]) -> list[dict[str, str]]:
    """The six states in their order, each with how it stands: done, now, or ahead."""
    found = []
    for state in State:
        stands = "now" if state is current else "done" if state in visited else "ahead"
        if stands == "ahead" and current is State.TERMINATED:
            stands = "skipped"
        found.append({"label": str(state).replace("-", " ").capitalize(), "stands": stands})
    return found


def _visited(session: Session, key: int | None) -> frozenset[str]:
    table = tables.history
    query = select(table.c.to_state).where(table.c.partnership == key).distinct()
    return frozenset(session.connection.scalars(query))


def _asked(
    session: Session, action: Action, due: Sequence[Mapping[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """What this person can do now and somebody waits for, with a link where the notice offers it."""
    record, role = action.record, action.role
    offered = message.offers_of(session, action.notice)
    wanted = {*offered, *COLLECTED, *(event for one in due for event in one["offers"])}
    found = []
    for one in documents.possibilities(session, record, now, action.actor, role):
        event = one.row.name
        if event not in wanted or not one.possible or not _may(action, event):
            continue
        claim = links.claim_of(action.notice, record.ref, event, record.facts)
        used = not one.row.repeatable and was_used(session, claim)
        by = next((each["due_at"] for each in due if event in each["offers"]), None)
        found.append(
            {
                "event": event,
                "optional": one.row.optional,
                "applies": bool(one.row.sealed),  # done on the page of the application
                "label": session.config.label(event),
                "url": links.address(session.config, claim) if event in offered and not used else None,
                "by": by,
            }
        )
    return sorted(
        found, key=lambda one: (one["url"] is None, one["by"] or "9")
    )  # what can be done here first


def _may(action: Action, event: str) -> bool:
    """Whether it is for this person, and still to be done by them where several have to do it."""
    record = action.record
    if record.state is None or event not in askable(record.state, record.facts, action.role):
        return False
    if action.role is Role.REVIEWER and event in COLLECTED:
        return any(waiting.email == action.actor for waiting in waiting_on(record.facts, event))
    return True


def _own_application(session: Session, action: Action) -> str | None:
    """The address at which an applicant changes, replaces or withdraws what they sent."""
    if action.role is not Role.APPLICANT or action.through or action.record.state is not State.OPEN_SELECTION:
        return None
    return links.apply_address(session.config, Applicant(action.record.ref, action.actor))


def _names(session: Session, of: Any) -> dict[str, str]:
    """Names of people and of organizations; an applicant's by what it applied as."""
    calls = (*of.earlier_selections, *((of.selection,) if of.selection else ()))
    applied = {key: one.name for call in calls for key, one in call.applications.items()}
    contact = {of.contact.email: of.contact.name} if of.contact else {}
    return contact | session.directory.names() | applied


def _duties(seen: Mapping[str, Any], due: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each duty with what was done for it, the latest first, and when it is due next."""
    if seen["duties"] is None or not (seen["agreement"] and seen["agreement"]["in_force_at"]):
        return []
    return [
        {
            "label": label,
            "done": sorted(
                (done for done in seen["duties"] if done["duty"] == duty),
                key=lambda done: done["on"],
                reverse=True,
            ),
            "due": next((one for one in due if one["duty"] == duty), None),
        }
        for duty, label in DUTIES.items()
    ]


def _reviews(seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The annual reviews, the latest first, with their numbers as people write them."""
    reviews = [*([seen["review"]] if seen["review"] else []), *reversed(seen["earlier_reviews"] or [])]
    return [review | {"reports": [_report(one) for one in review["reports"]]} for review in reviews]


def _report(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "values": {name: charts.number(value) for name, value in one["values"].items()}}


def document(site: Site, session: Session, action: Action, digest: str) -> Response:
    """The bytes of a document, to save and never to run; 404 where there is none that this person may see."""
    viewer = Viewer(action.role, action.actor)
    named = visibility.documents_in(visibility.facts_for(session, action.record, viewer, site.clock()))
    table = tables.documents
    query = select(table.c.content).where(table.c.sha256 == digest)
    content = session.connection.scalar(query) if digest in named else None
    if content is None:
        abort(404)
    response = Response(bytes(content), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = disposition(named[digest])
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def disposition(name: str) -> str:
    """The header that has a browser save a file under this name, in ASCII and in full (RFC 6266, RFC 8187)."""
    whole = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c)[0] != "C")
    whole = re.sub(r'[\\/:*?"<>|]', "-", whole).strip(" .")[-120:] or "document"
    plain = unicodedata.normalize("NFKD", whole).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "-", plain).strip(" .") or "document"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(whole, safe='')}"
