"""Shows a partnership as its reader may see it, and serves the documents that the page names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import Response, abort
from sqlalchemy import select

from states.chapters.correction import CORRECT_ENTRY
from states.machine import COLLECTED, event_named
from states.names import Role, State
from states.partnership import Partnership
from workflow import links
from workflow.actions import answers
from workflow.actions.action import Action
from workflow.links import Applicant
from workflow.outbox import message, timing
from workflow.publishing import packet
from workflow.session import Session
from workflow.store import kept_documents, tables
from workflow.store.rows import Snapshot
from workflow.views import (
    attached,
    contacts,
    documents,
    sealing,
    visibility,
    visible_history,
    weighed,
    your_page,
)
from workflow.views.applications import texts_for
from workflow.views.progress import format_number
from workflow.web import annual_report, charts
from workflow.web.correction_sheet import ENTRY
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
    """Show the partnership of a link as the person of the link may see it."""
    now, record, state = site.clock(), action.record, action.record.state
    viewer = action.viewer
    # Facts reach the page only through this filter, so that nobody sees more than their role allows.
    seen = visibility.facts_for(session, record, viewer, now)
    history = visible_history.history_for(session, record, viewer, now)
    due = visibility.deadlines_for(session, record, viewer, now)
    events = _find_events(session, action, due, now)
    selection = record.facts.selection
    apply = _own_application(session, action)
    here = _page_address(session, action)
    named = attached.names_for(session, record, viewer, now)
    kept = kept_documents.find_kept(session.connection, named)
    saved = {digest: f"{here}/documents/{digest}" for digest in kept}
    return site.render(
        "partnership",
        title=record.facts.title,
        destroyed=[digest for digest in named if digest not in kept],
        dates_in=session.dates_in(action.reader),
        ref=record.ref,
        school=session.directory.school_name(record.facts.school),
        reader=session.name_of(action.reader, record.facts),
        role=contacts.describe_as(session.directory, record.facts, action.actor, action.role)
        or str(action.role),
        contacts=[
            each for each in contacts.list_contacts(session.directory, record.facts) if not each["named"]
        ],
        for_whom=session.name_of(action.actor) if action.through else None,
        office_reads=viewer.is_office,
        entered_at=session.local(record.entered_at),
        begins_on=your_page.begins_on(session, action.capacity, now),
        steps=steps(state, _read_visited(session, record.id)),
        asked=[event for event in events if event["asked"] and not event["final"]],
        free=[
            event
            for event in events
            if not event["asked"] and not event["final"] and not (apply and event["applies"])
        ],
        final=[event for event in events if event["final"]],
        due=due,
        facts=seen,
        weighed=weighed.describe(session, record, action.role),
        sealed=sealing.is_sealed(record.facts, now),
        texts=texts_for(session, record, viewer, now),
        own_application=apply,
        call=site.system.config.address(f"calls/{record.ref}") if selection else None,
        public=_register_address(site, record),
        names=documents.mentioned_names(_collect_names(session, record.facts), seen),
        outcomes=charts.chart_outcomes(seen),
        annual_reports=annual_report.list_years(session, action, here, now),
        duties=_list_duties(seen, due),
        reviews=_list_reviews(seen),
        saved=saved,
        history=list(reversed(history)),
        correct=_correct_address(session, action),
        packet={
            ending: f"{here}/packet.{ending}"
            for ending in packet.endings_for(session, record, action.role, now)
        },
    )


def _register_address(site: Site, record: Snapshot) -> str | None:
    """Return the address of a partnership in the public register; None while the register does not show it."""
    config = site.system.config
    is_listed = config.procedure.web.shows_register and record.facts.selections
    return config.address(f"partnerships/{record.ref}") if is_listed else None


def _page_address(session: Session, action: Action) -> str:
    """Return the address of this page. It is made from the notice, so nothing of the request gets into a link."""
    return links.address(session.config, action.claim.for_event("", action.record.facts))


def _correct_address(session: Session, action: Action) -> str | None:
    """Return the address of the form that corrects an entry, which its name completes; None for who may not."""
    if action.role not in event_named(CORRECT_ENTRY).who:
        return None
    claim = action.claim.for_event(CORRECT_ENTRY, action.record.facts)
    return f"{links.address(session.config, claim)}?{ENTRY}="


def steps(current: State | None, visited: frozenset[str]) -> list[dict[str, str]]:
    """Return each state in order with its label and its progress: done, now, ahead or skipped."""
    steps = []
    for state in State:
        stands = "now" if state is current else "done" if state in visited else "ahead"
        if stands == "ahead" and current is State.TERMINATED:
            stands = "skipped"
        steps.append({"label": str(state).replace("-", " ").capitalize(), "stands": stands})
    return steps


def _read_visited(session: Session, key: int | None) -> frozenset[str]:
    """Return the states that the partnership has entered, by its number."""
    table = tables.history
    query = select(table.c.to_state).where(table.c.partnership == key).distinct()
    return frozenset(session.connection.scalars(query))


def _find_events(
    session: Session, action: Action, due: Sequence[Mapping[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """Return the events that this person can do now, the likeliest first and the final ones last.

    `asked` are those that a deadline, the notice or other people wait for.
    """
    record = action.record
    capacity = action.capacity
    wanted = {*message.offers_of(session, action.notice), *COLLECTED}
    awaited = {wait.event for wait in your_page.list_own_waits(session, [capacity], now)}
    wanted |= {event for deadline in due for event in deadline["offers"]}
    events = []
    for row in your_page.list_possible(session, capacity, now):
        claim = action.claim.for_event(row.name, record.facts)
        once = answers.is_once(session, claim, action.notice, row.name)
        events.append(
            {
                "event": row.name,
                "asked": row.name in wanted and timing.is_needed(record, row.name),
                # What cannot be undone is a button only while it is waited for from this person.
                "final": row.final and row.name not in awaited,
                # A sealed event of an applicant is done on the page of the application.
                "applies": bool(row.sealed) and action.role is Role.APPLICANT,
                "label": session.config.label(row.name),
                # A link that was used would only lead to a page that says so.
                "url": None
                if once and answers.was_used(session, claim)
                else links.address(session.config, claim),
                **next(
                    (
                        {"by": deadline["due_at"], "overdue": deadline["overdue"]}
                        for deadline in due
                        if row.name in deadline["offers"]
                    ),
                    {"by": None, "overdue": False},
                ),
            }
        )
    return events


def _own_application(session: Session, action: Action) -> str | None:
    """Return the address of an applicant's own application while the call is open, otherwise None."""
    if action.role is not Role.APPLICANT or action.through or action.record.state is not State.OPEN_SELECTION:
        return None
    until = links.end_of(session.config, action.claim)
    applicant = Applicant(action.record.ref, action.actor, action.record.facts.round, until)
    return links.apply_address(session.config, applicant)


def _collect_names(session: Session, facts: Partnership) -> dict[str, str]:
    """Return the names of people by address and of organizations by identifier.

    An applicant has the name of the directory, or the one under which it applied if the directory lacks it.
    """
    calls = facts.selections
    applied = {
        organization: application.name
        for call in calls
        for organization, application in call.applications.items()
    }
    contact = {facts.contact.email: facts.contact.name} if facts.contact else {}
    return contact | applied | session.directory.names


def _list_duties(seen: Mapping[str, Any], due: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each duty with what was done for it, the latest first, and the next deadline."""
    # Duties begin when the agreement is in force. Before that a list of open duties would mislead.
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
            "due": next((deadline for deadline in due if deadline["duty"] == duty), None),
        }
        for duty, label in DUTIES.items()
    ]


def _list_reviews(seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the annual reviews, the latest first, with formatted numbers."""
    reviews = [*([seen["review"]] if seen["review"] else []), *reversed(seen["earlier_reviews"] or [])]
    return [
        review | {"reports": [_format_report(report) for report in review["reports"]]} for review in reviews
    ]


def _format_report(report: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: format_number(value) for name, value in report["values"].items()}
    return {**report, "values": values}


def document(site: Site, session: Session, action: Action, digest: str) -> Response:
    """Return the content of a document, for the browser to save and never to run.

    Abort with 404 unless the partnership names the document where this person may see it.
    """
    named = attached.names_for(session, action.record, action.viewer, site.clock())
    # Content is kept once for all partnerships, so a digest alone gives no right to read it.
    content = kept_documents.read(session.connection, digest) if digest in named else None
    if content is None:
        abort(404)
    return save_as(named[digest], content)


def save_as(name: str, content: bytes) -> Response:
    """Return the content of a document under this name, for the browser to save."""
    # A browser must save the file and not show it: a document that somebody sent could hold scripts.
    response = Response(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = disposition(name)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def disposition(name: str) -> str:
    """Return the header that makes a browser save a file under this name (RFC 6266).

    1. Remove control characters, and replace those that mean something in a path. Keep the last 120 characters.
    2. Write the name once in ASCII, for old browsers.
    3. Write it again in full, percent-encoded (RFC 8187).
    """
    whole = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c)[0] != "C")
    whole = re.sub(r'[\\/:*?"<>|]', "-", whole).strip(" .")[-120:] or "document"
    plain = unicodedata.normalize("NFKD", whole).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "-", plain).strip(" .") or "document"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(whole, safe='')}"
