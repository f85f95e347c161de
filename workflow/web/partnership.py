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
from workflow.actions import action
from workflow.actions.action import Ask
from workflow.links import Applicant
from workflow.outbox import message
from workflow.session import Session
from workflow.store import tables
from workflow.views import documents, visibility
from workflow.views.visibility import Viewer
from workflow.web import charts
from workflow.web.site import Site

# What somebody may do of their own accord; nobody waits for it.
_FREE = frozenset(
    {"withdraw", "withdraw-application", "declare-conflict", "file-protest", "restart", "terminate", "add-note"}
)  # fmt: skip
_APPLYING = ("receive-application",)  # done on the page of the application
# The duties of the Lead Partner, in the words of 4270.5a-e.
DUTIES = {
    "assessment": "Annual assessment of the school's needs",
    "gap": "Gaps in service reported",
    "meeting": "Meetings with the other partners",
    "engagement": "Engagement of families and community",
    "responsibility": "Responsibilities of the agreement",
}


def page(site: Site, session: Session, ask: Ask) -> Response:
    """The partnership of a claim, as the person of the claim may see it."""
    now, record, state = site.clock(), ask.record, ask.record.state
    viewer = Viewer(ask.role, ask.actor)
    seen = visibility.facts(session, record, viewer, now)
    happened = visibility.history(session, record, viewer, now)
    due = visibility.deadlines(session, record, viewer, now)
    asked = _asked(session, ask, due, now)
    school = session.directory.schools.get(record.facts.school)
    selection = record.facts.selection
    apply = _own_application(session, ask)
    here = _here(session, ask)
    saved = {digest: f"{here}/documents/{digest}" for digest in visibility.named_documents(seen)}
    return site.page(
        "partnership",
        title=record.facts.title,
        ref=record.ref,
        school=school.name if school else record.facts.school,
        reader=session.directory.someone(ask.name).name,
        role=str(ask.role),
        for_whom=session.directory.someone(ask.actor).name if ask.through else None,
        office_reads=viewer.is_office,
        entered_at=documents.local(session, record.entered_at),
        steps=steps(state, _visited(session, record.id)),
        asked=[one for one in asked if one["event"] not in (*_FREE, *(_APPLYING if apply else ()))],
        free=[one for one in asked if one["event"] in _FREE and one["url"]],
        due=due,
        facts=seen,
        sealed=documents.is_sealed(record.facts, now),
        own_application=apply,
        call=site.system.config.address(f"calls/{record.ref}") if selection else None,
        names=_names(session, record.facts),
        outcomes=charts.outcomes(seen),
        duties=_duties(seen, due),
        reviews=_reviews(seen),
        saved=saved,
        history=list(reversed(happened)),
    )


def _here(session: Session, ask: Ask) -> str:
    """The address of this page; made anew, so that nothing is taken from the request."""
    shown = links.claim_of(ask.notice, ask.record.ref, "", ask.record.facts)
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
    session: Session, ask: Ask, due: Sequence[Mapping[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """What this person can do now and somebody waits for, with a link where the notice offers it."""
    record, role = ask.record, ask.role
    offered = message.offered(session, ask.notice)
    wanted = {*offered, *COLLECTED, *(event for one in due for event in one["offers"])}
    found = []
    for one in documents.possibilities(session, record, now, ask.actor, role):
        event = one.row.name
        if event not in wanted or not one.possible or not _may(ask, event):
            continue
        claim = links.claim_of(ask.notice, record.ref, event, record.facts)
        used = not one.row.repeatable and action.answered_by(session, claim) is not None
        by = next((each["due_at"] for each in due if event in each["offers"]), None)
        found.append(
            {
                "event": event,
                "label": session.config.labels.get(event, event.replace("-", " ")),
                "url": links.address(session.config, claim) if event in offered and not used else None,
                "by": by,
            }
        )
    return sorted(
        found, key=lambda one: (one["url"] is None, one["by"] or "9")
    )  # what can be done here first


def _may(ask: Ask, event: str) -> bool:
    """Whether it is for this person, and still to be done by them where several have to do it."""
    record = ask.record
    if record.state is None or event not in askable(record.state, record.facts, ask.role):
        return False
    if ask.role is Role.REVIEWER and event in COLLECTED:
        return any(waiting.email == ask.actor for waiting in waiting_on(record.facts, event))
    return True


def _own_application(session: Session, ask: Ask) -> str | None:
    """The address at which an applicant changes, replaces or withdraws what they sent."""
    if ask.role is not Role.APPLICANT or ask.through or ask.record.state is not State.OPEN_SELECTION:
        return None
    return links.apply_address(session.config, Applicant(ask.record.ref, ask.actor))


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


def document(site: Site, session: Session, ask: Ask, digest: str) -> Response:
    """The bytes of a document, to save and never to run; 404 where there is none that this person may see."""
    viewer = Viewer(ask.role, ask.actor)
    named = visibility.named_documents(visibility.facts(session, ask.record, viewer, site.clock()))
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
