"""Shows the form of the event in a link (GET), does the event (POST), and shows what was recorded."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flask import Response, abort, request

from states.errors import BadInput, Problem, Refused, Unmet
from states.machine import ASKED, event_named
from states.partnership import Role
from workflow import links
from workflow.actions import attachments
from workflow.actions.action import (
    Action,
    LinkClosed,
    act,
    act_each,
    find_action,
    notice_of,
)
from workflow.actions.answers import last_done, was_sent
from workflow.engine import Change, Conflict
from workflow.forms import fields, parsing
from workflow.links import Claim
from workflow.outbox import message
from workflow.session import Session
from workflow.store.rows import Channel, Snapshot
from workflow.views import documents, your_page
from workflow.views.capacities import Capacity
from workflow.views.visibility import Viewer, viewer_of
from workflow.web import closed_link
from workflow.web.sheets import sheet_of
from workflow.web.site import Site, require_form


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it was sent.

    `form` is its unique name, `shown` the digest of what the page showed, `do` the button, `texts` what was typed,
    and `files` the name and content of each attached document.
    """

    form: str
    shown: str
    do: str
    texts: dict[str, str]
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)


class Changed(Exception):
    """The record has changed since the form was shown."""


def answer(site: Site, token: str, claim: Claim) -> Response:
    """Show the form of the event that a link asks for (GET), or act on it (POST)."""
    if request.method == "POST":
        return _act(site, token, claim)
    return _show(site, token, claim)


def _act(site: Site, token: str, claim: Claim) -> Response:
    """Do the event in one transaction, and redirect to what was recorded.

    1. Refuse a request that is not a form, or one form too many from this sender.
    2. If the button only adds or drops an entry, show the form again with it.
    3. Do the event. If it was done before, is refused, or the record has changed, show that with what was typed.
    4. Redirect, so that loading the page again does not send the form again.
    """
    require_form()
    if not site.can_post():
        abort(429)
    # One instant for the whole request, so that the form is checked and recorded as of the same moment.
    sent, now = _read_form(), site.clock()
    if sent.do != "act":
        return _show(site, token, claim, replace(sent, texts=_with_entries(sent)))
    try:
        site.system.transact(lambda session: _do(site, session, claim, sent, now))
    except LinkClosed as closed:
        if closed.how == "used" and event_named(claim.event).repeatable:
            return _done(token)  # This very form was sent before, and what it recorded is on that page.
        return closed_link.closed(site, token, closed, sent.texts)
    except BadInput as bad:
        return _show(site, token, claim, sent, 422, problems=bad.problems)
    except Refused as refused:
        return _show(site, token, claim, sent, 409, refused=refused.unmet)
    except (Changed, Conflict):
        return _show(site, token, claim, sent, 409, changed=True)
    return _done(token)


def _done(token: str) -> Response:
    # 303 makes the browser load the next page by GET, so a reload does not send the form again (RFC 9110).
    return Response(status=303, headers={"Location": f"{token}/done"})


def _read_form() -> Sent:
    """Return the form that was sent. Abort with 400 if no page of this site could have sent it."""
    if None in request.form or None in request.files:
        # A part of multipart/form-data can come without a name. No form of this site sends one.
        abort(400)
    # A list of check boxes sends one value for each box under the same name.
    texts = {name: "\n".join(request.form.getlist(name)) for name in request.form}
    files = {
        name: (attachments.clean_file_name(file.filename), file.read())
        for name, file in request.files.items()
        if file.filename
    }
    form, shown, do = (texts.pop(name, "") for name in closed_link.OURS)
    # Both come from the page and are random or a digest. Any other value was made up or is damaged.
    if not re.fullmatch(r"[0-9a-f]{32}", form) or not re.fullmatch(r"[0-9a-f]{32}", shown):
        abort(400)
    if not re.fullmatch(r"act|add|drop\.[0-9]{1,3}", do):
        abort(400)
    texts |= {name: file_name for name, (file_name, _) in files.items()}
    return Sent(form, shown, do, texts, files)


def _with_entries(sent: Sent) -> dict[str, str]:
    """Return what was typed, with one outcome more or one less, as the button says."""
    if sent.do == "add":
        return sent.texts | {f"outcomes.{fields.count_entries(sent.texts, 'outcomes.')}.name": ""}
    return parsing.drop_blanks(sent.texts, drop=int(sent.do.removeprefix("drop.")))


def _do(site: Site, session: Session, claim: Claim, sent: Sent, now: datetime) -> list[Change]:
    """Do what the form says, in the session's transaction.

    1. Check the claim again: it may have ended since the form was shown.
    2. Refuse a form that was sent before, and one that showed what has changed since.
    3. Read the events from the form, keep the attached document, and do all events or none.

    Raise `LinkClosed`, `Changed`, `BadInput`, and what `engine.advance` raises.
    """
    action = find_action(session, claim, now)
    sheet = sheet_of(session, action, now)
    # Before the comparison: after the first sending the record has changed, and that would be the answer.
    if was_sent(session, claim, sent.form):
        raise LinkClosed("used", "This has been done already.", claim)
    # The person read another record than the one that would be changed, so let them read it first.
    if sent.shown != sheet.digest():
        raise Changed
    events = sheet.read_events(_without_named_files(action, sent))
    if len(events) == 1:
        event, values = events[0]
        # Keep the document in the same transaction, so that a refused event leaves no file behind.
        values |= _attached(site, session, action, sent, now)
        return [act(session, action, values, channel=Channel.LINK, form=sent.form, now=now, event=event)]
    return act_each(session, action, events, form=sent.form, now=now)


def _without_named_files(action: Action, sent: Sent) -> dict[str, str]:
    """Return what was typed, without the name of a document whose content was not sent."""
    key = action.event.document
    texts = parsing.drop_blanks(sent.texts)
    return texts if key in sent.files else {name: text for name, text in texts.items() if name != key}


def _attached(site: Site, session: Session, action: Action, sent: Sent, now: datetime) -> dict[str, Any]:
    """Keep the attached document, and return the part of the input that refers to it. Raise `BadInput` if unfit."""
    key = action.event.document
    if key is None or key not in sent.files:
        return {}
    name, content = sent.files[key]
    attachments.refuse_unfit(key, name, content, site.system.config.procedure.web.upload_megabytes)
    digest, size = attachments.keep(session.connection, name, content, now)
    return attachments.describe(action.event, name, digest, size)


def _show(
    site: Site,
    token: str,
    claim: Claim,
    sent: Sent | None = None,
    status: int = 200,
    *,
    problems: Sequence[Problem] = (),
    refused: Sequence[Unmet] = (),
    changed: bool = False,
) -> Response:
    """Show the page with the form: empty or from the record, or as it was sent if `sent` is given."""
    now = site.clock()
    try:
        with site.system.reading() as session:
            action = find_action(session, claim, now)
            sheet = sheet_of(session, action, now)
            # What was typed comes back after a problem. Nobody should have to type a report a second time.
            texts = dict(sent.texts) if sent else sheet.texts()
            if changed:
                # What was confirmed is not what the page shows now.
                texts.pop("confirm", None)
            context: dict[str, Any] = _describe(session, action) | sheet.draw(texts, problems)
            unmet = refused or _obstacles(session, action, now)
            sentences = [_write_unmet(session, each) for each in unmet]
            context |= {
                # A form that comes back keeps its name, so that its two versions can be recorded only once.
                "form": sent.form if sent else secrets.token_hex(16),
                "shown": sheet.digest(),
                "changed": changed,
                "refused": sentences if refused else [],
                "obstacles": [] if refused else sentences,
                # A browser cannot fill in a file again, so the page asks for it once more.
                "again_file": bool(sent and sent.files),
            }
    except LinkClosed as closed:
        return closed_link.closed(site, token, closed, sent.texts if sent else None)
    return site.render(sheet.template, status, failed=bool(problems or refused), **context)


def _describe(session: Session, action: Action) -> dict[str, Any]:
    """Return what heads the form: the partnership, the event and what it will do, the reader, and the deadline."""
    config, facts, row = session.config, action.record.facts, action.event
    event = action.claim.event
    moves = row.to if row.to is not action.record.state else None
    return {
        "title": config.label(event),
        "dates_in": session.dates_in(action.reader),
        "partnership": {"ref": action.record.ref, "title": facts.title, "state": str(action.record.state)},
        "school": session.directory.school_name(facts.school),
        "does": config.events[event]["does"],
        "moves": str(moves).replace("-", " ") if moves else "",
        "final": action.event.final,
        "why": message.describe_capacity(session, action.role, facts),
        "person": session.name_of(action.reader, facts),
        "stands_in_for": session.name_of(action.actor) if action.through else "",
        "deadline": message.deadline_of(session, action.notice, {event}),
        "page": links.address(config, action.claim.for_event("", facts)),
        "megabytes": config.procedure.web.upload_megabytes,
    }


def _obstacles(session: Session, action: Action, now: datetime) -> list[Unmet]:
    """Return the requirements that fail now, whatever is typed into the form."""
    possibilities = documents.possibilities(session, action.record, now, action.actor, action.role)
    return [
        Unmet(name, reason, clause)
        for possibility in possibilities
        if possibility.row.name == action.claim.event
        for name, clause, reason in possibility.requirements
        if reason not in (None, ASKED)
    ]


def _write_unmet(session: Session, unmet: Unmet) -> str:
    """Return an unmet requirement as a sentence, with the labels of events and the clause behind it."""
    reason = session.config.labeled(unmet.reason)
    clause = f" (policy {unmet.clause})" if unmet.clause else ""
    return f"{reason[:1].upper()}{reason[1:]}{clause}."


def done(site: Site, token: str, claim: Claim) -> Response:
    """Show what the last form from this link recorded, and where to go from there.

    Redirect to the link itself if it has recorded nothing. A revoked link shows the page of a closed link.
    """
    now = site.clock()
    with site.system.reading() as session:
        over = None
        try:
            find_action(session, claim, now)
        except LinkClosed as closed:
            over = closed
        rows = last_done(session, claim)
        if not rows:
            # The address is relative, so the redirect stays on this site whatever host the request named.
            return Response(status=303, headers={"Location": f"../{token}"})
        notice, record = notice_of(session, claim)
        if notice.revoked_at is not None and over is not None:
            return closed_link.closed(site, f"../{token}", over)
        facts, config = record.facts, session.config
        viewer = viewer_of(notice)
        context: dict[str, Any] = {
            "title": "Recorded",
            "dates_in": session.dates_in(claim.person),
            "partnership": {"ref": record.ref, "title": facts.title, "state": str(record.state)},
            "school": session.directory.school_name(facts.school),
            "deeds": [message.describe_entry(session, row, facts, viewer) for row in rows],
            "at": config.calendar.local(rows[-1].at).isoformat(),
            "by": session.name_of(rows[-1].actor),
            "through": session.name_of(rows[-1].ran_by) if rows[-1].ran_by else "",
            "why": message.describe_capacity(session, notice.role, facts),
            "page": links.address(config, claim.for_event("", facts)),
            "next": _list_next(session, claim, viewer, record, now)
            if over is None or over.how == "used"
            else [],
            "more": over is None and event_named(claim.event).repeatable,
            "link": f"../{token}",
        }
    return site.render("done", **context)


def _list_next(
    session: Session, claim: Claim, viewer: Viewer, record: Snapshot, now: datetime
) -> list[dict[str, Any]]:
    """Return what waits for the same person in the same partnership next, with a link each."""
    capacity = Capacity(
        record, viewer.role, viewer.through or viewer.email, viewer.email if viewer.through else None
    )
    return [
        {
            "label": session.config.label(task.event),
            "url": links.address(session.config, claim.for_event(task.event, record.facts)),
            "by": session.local(task.by),
            "overdue": task.overdue,
        }
        for task in your_page.list_tasks(session, [capacity], now)
        if not (event_named(task.event).sealed and viewer.role is Role.APPLICANT)
    ]
