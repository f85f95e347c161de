"""Shows the form of the event in a link (GET), does the event (POST), and shows what was recorded."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Response, abort, request
from sqlalchemy.exc import IntegrityError

from states.errors import BadInput, Refused, Unmet
from states.machine import ASKED, event_named
from states.names import Role
from workflow import links
from workflow.actions import attachments, choices, effects, kept_forms
from workflow.actions.action import (
    Action,
    LinkClosed,
    act,
    act_each,
    find_action,
    notice_of,
)
from workflow.actions.answers import last_done, was_sent
from workflow.actions.effects import Parts
from workflow.actions.kept_forms import NO_FAULTS, Faults, Kept
from workflow.forms import fields, parsing
from workflow.links import Claim
from workflow.outbox import event_words, message, notice_deadlines
from workflow.session import Session
from workflow.store.errors import Conflict
from workflow.store.rows import Channel, Snapshot
from workflow.views import contacts, documents, your_page
from workflow.views.capacities import Capacity
from workflow.views.visibility import Viewer, viewer_of
from workflow.web import closed_link, form_files, score_sheet
from workflow.web.correction_sheet import ENTRY, Correcting
from workflow.web.sent import Sent, read_sent, refuse_too_large
from workflow.web.sheet import Sheet
from workflow.web.sheets import sheet_of
from workflow.web.site import Site, require_form, see_other


class Changed(Exception):
    """The record has changed since the form was shown."""


class NotChecked(Exception):
    """The form can be recorded, and its answers and `effects` have not been shown to its author."""

    def __init__(self, effects: Parts) -> None:
        super().__init__()
        self.effects = effects


def answer(site: Site, token: str, claim: Claim) -> Response:
    """Show the form of the event that a link asks for (GET), or act on it (POST)."""
    if request.method == "POST":
        return _act(site, token, claim)
    return _show(site, token, claim)


def _act(site: Site, token: str, claim: Claim) -> Response:
    """Do the event in one transaction, and redirect to what was recorded, or to what has to be looked at first.

    1. Refuse a request that is not a form, or one form too many from this sender.
    2. If the button only adds or drops an entry or a document, keep the form so. If it saves a sheet, save it.
    3. Do the event. If it was done before, is refused, has to be checked, or the record has changed, undo
       everything and keep what was typed.
    4. Redirect, so that no page asks to send the form again when it is loaded again (RFC 9110, 15.4.4).
    """
    require_form()
    if not site.can_post():
        abort(429)
    # One instant for the whole request, so that the form is checked and recorded as of the same moment.
    sent, now = read_sent(site.system.config.procedure.web.upload_megabytes), site.clock()
    with site.system.reading() as session:
        kept = kept_forms.find(session, link_of(claim), sent.form, now)
    if kept is None and sent.do == "record":
        # It was recorded by now, or is too old. That page tells which.
        return see_other(f"{token}/form/{sent.form}")
    sent = form_files.with_kept(claim, sent, kept)
    if sent.do == "unattach":
        return _keep(site, token, claim, form_files.without_document(claim, sent), now)
    if sent.do not in ("act", "save", "record"):
        return _keep(site, token, claim, replace(sent, texts=_with_entries(sent)), now)
    try:
        site.system.transact(lambda session: _do(site, session, claim, sent, now))
    except NotChecked as unchecked:
        return _keep(site, token, claim, sent, now, page="check", effects=unchecked.effects)
    except LinkClosed as closed:
        if closed.how == "used" and event_named(claim.event).repeatable:
            # This very form was sent before, and that page has what it recorded.
            return _done(token)
        if not parsing.has_words(sent.texts):
            return see_other(token)
        return _keep(site, token, claim, sent, now)
    except BadInput as bad:
        return _keep(site, token, claim, sent, now, Faults(problems=tuple(bad.problems)))
    except Refused as refused:
        return _keep(site, token, claim, sent, now, Faults(refused=tuple(refused.unmet)))
    except (Changed, Conflict):
        return _keep(site, token, claim, sent, now, Faults(changed=True))
    # A saved sheet comes back with its link.
    return see_other(token) if sent.do == "save" else _done(token)


def _done(token: str) -> Response:
    return see_other(f"{token}/done")


def _keep(
    site: Site,
    token: str,
    claim: Claim,
    sent: Sent,
    now: datetime,
    faults: Faults = NO_FAULTS,
    page: str = "form",
    effects: Parts = (),
) -> Response:
    """Keep what was typed, and redirect to the page that shows it again or that asks to check it."""
    key = event_named(claim.event).document
    # A document that cannot be recorded is not kept: the person has to choose another.
    if key in sent.files and any(problem.at == key for problem in faults.problems):
        fit = attachments.choose_fit(sent.files[key], site.system.config.procedure.web.upload_megabytes)
        sent = replace(sent, files={key: fit})
    keep_sent(site, link_of(claim), replace(sent.to_keep(key, faults), effects=effects), now)
    return see_other(f"{token}/{page}/{sent.form}")


def keep_sent(site: Site, link: str, kept: Kept, now: datetime) -> None:
    """Keep a form that was sent, in a transaction of its own."""
    # The same form that is sent twice at once is kept by one of the two (`IntegrityError`).
    with suppress(IntegrityError):
        site.system.transact(lambda session: kept_forms.keep(session, link, kept, now))


def link_of(claim: Claim) -> str:
    """Return what the forms of a link are kept under: its notice or sign-in, its capacity and its event."""
    if claim.sign_in is None:
        return f"{claim.notice} {claim.event}"
    return f"page {claim.sign_in} {claim.ref} {claim.role} {claim.delegate_for or '-'} {claim.event}"


def _with_entries(sent: Sent) -> dict[str, str]:
    """Return what was typed, with one outcome more or one less, as the button says."""
    if sent.do == "add":
        return sent.texts | {f"outcomes.{fields.count_entries(sent.texts, 'outcomes.')}.name": ""}
    return parsing.drop_blanks(sent.texts, drop=int(sent.do.removeprefix("drop.")))


def _do(site: Site, session: Session, claim: Claim, sent: Sent, now: datetime) -> None:
    """Do what the form says, in the session's transaction.

    1. Check the claim again: it may have ended since the form was shown.
    2. Refuse a form that was sent before, and one that showed what has changed since.
    3. Read the events from the form, keep the attached document, and do all events or none.
    4. Refuse a long or final form whose answers were not checked yet, which undoes everything.

    Raise `LinkClosed`, `Changed`, `BadInput`, `NotChecked`, and what `engine.advance` raises.
    """
    action = find_action(session, claim, now)
    sheet = sheet_of(session, action, now, sent.texts.get(ENTRY, ""))
    refuse_too_large(sent)
    if sent.do == "save":
        if not isinstance(sheet, score_sheet.Scores):
            abort(400)
        score_sheet.save(session, action, sent.texts, now)
        return
    # Before the comparison: after the first sending the record has changed, and that would be the answer.
    if was_sent(session, claim, sent.form):
        raise LinkClosed("used", "This has been done already.", claim)
    # The person read another record than the one that would be changed, so let them read it first.
    if sent.shown != sheet.digest():
        raise Changed
    texts = form_files.without_named_files(action, sent)
    events = sheet.read_events(texts)
    changes: Parts = ()
    corrects = action.event.of_entry and sent.do != "record"
    if len(events) == 1:
        event, values = events[0]
        # Keep the document in the same transaction, so that a refused event leaves no file behind.
        values |= form_files.keep_attached(site, session, action, sent, now)
        before = effects.read_standing(session, action.record, now, action.viewer) if corrects else None
        change = act(session, action, values, channel=Channel.LINK, form=sent.form, now=now, event=event)
        if before is not None:
            made = effects.describe(session, change, before, now, action.viewer)
            changes = effects.put_in_words(session, change, made, action.viewer)
    else:
        act_each(session, action, events, form=sent.form, now=now)
    # Only here is it certain that nothing stands in the way.
    if sent.do != "record" and sheet.asks_check(texts):
        raise NotChecked(changes)
    kept_forms.forget(session, link_of(claim), sent.form)
    if isinstance(sheet, score_sheet.Scores):
        score_sheet.forget(session, action)


def again(site: Site, token: str, claim: Claim, form: str, *, check: bool = False) -> Response:
    """Show a form that was kept: to go on with it, or to `check` its answers before they are recorded.

    Redirect to what was recorded if the form was sent by now. A form that is not kept any longer is shown empty.
    """
    now = site.clock()
    with site.system.reading() as session:
        kept = kept_forms.find(session, link_of(claim), form, now)
        if kept is None and was_sent(session, claim, form):
            return see_other("../done")
    return _show(site, f"../../{token}", claim, kept, check=check, lost=kept is None)


def _show(
    site: Site,
    token: str,
    claim: Claim,
    kept: Kept | None = None,
    *,
    check: bool = False,
    lost: bool = False,
) -> Response:
    """Show the page with the form: empty or from the record, or as it was filled in if `kept` is given.

    `token` is the address of the link, relative to the page.
    """
    now, faults = site.clock(), kept.faults if kept else NO_FAULTS
    try:
        with site.system.reading() as session:
            action = find_action(session, claim, now)
            sheet = sheet_of(session, action, now, (kept.texts if kept else request.args).get(ENTRY, ""))
            changed = faults.changed or (kept is not None and kept.shown != sheet.digest())
            if check and (changed or faults != NO_FAULTS):
                return see_other(f"../form/{kept.form}" if kept else token)
            # What was typed comes back after a problem. Nobody should have to type a report a second time.
            texts = dict(kept.texts) if kept else sheet.texts()
            if changed:
                # What was confirmed is not what the page shows now.
                texts.pop("confirm", None)
            context: dict[str, Any] = _describe(session, action, now)
            context |= sheet.sum_up(texts) if check and kept else sheet.draw(texts, faults.problems)
            obstacles = _obstacles(session, action, now)
            context |= {
                # A form that comes back keeps its name, so that its two versions can be recorded only once.
                "form": kept.form if kept else secrets.token_hex(16),
                "shown": sheet.digest(),
                "here": token,
                "changed": changed,
                "lost": lost,
                "refused": _explain(session, action, sheet, texts, faults.refused),
                "effects": kept.effects if kept else (),
                "obstacles": [
                    _write_unmet(action, session, each) for each in obstacles if not faults.refused
                ],
                # Nothing that is typed helps against an obstacle, so there is no button until it is gone.
                "blocked": bool(obstacles) and kept is None,
                "kept_files": [form_files.describe_file(*file) for file in kept.files] if kept else [],
            }
    except LinkClosed as closed:
        return closed_link.closed(site, token, closed, kept.texts if kept else None)
    failed = bool(faults.problems or faults.refused)
    status = 422 if faults.problems else 409 if faults.refused or changed else 200
    return site.render("check" if check and kept else sheet.template, status, failed=failed, **context)


def _describe(session: Session, action: Action, now: datetime) -> dict[str, Any]:
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
        "instead": _offer_instead(session, action),
        "why": message.describe_capacity(session, action.role, facts, action.actor),
        "person": session.name_of(action.reader, facts),
        "stands_in_for": session.name_of(action.actor) if action.through else "",
        "deadline": notice_deadlines.deadline_of(session, action.notice, [event], now),
        "page": links.address(config, action.claim.for_event("", facts)),
        "megabytes": config.procedure.web.upload_megabytes,
    }


def _offer_instead(session: Session, action: Action) -> dict[str, str] | None:
    """Return the event of a person who does not consent, with its link; None if there is none for them now."""
    event, record = action.event.instead, action.record
    if event is None or event not in contacts.askable_by(session, record, action.role, action.actor):
        return None
    link = links.address(session.config, action.claim.for_event(event, record.facts))
    return {"label": session.config.label(event), "url": link}


def _obstacles(session: Session, action: Action, now: datetime) -> list[Unmet]:
    """Return the requirements that fail now, whatever is typed into the form, and the lists that are empty."""
    possibilities = documents.possibilities(session, action.record, now, action.actor, action.role)
    unmet = [
        Unmet(name, reason, clause)
        for possibility in possibilities
        if possibility.row.name == action.claim.event
        for name, clause, reason in possibility.requirements
        if reason not in (None, ASKED)
    ]
    return unmet or [Unmet("choice", reason) for reason in choices.find_empty(session, action, now)]


def _explain(
    session: Session, action: Action, sheet: Sheet, texts: Mapping[str, str], refused: Sequence[Unmet]
) -> list[str]:
    """Return why the law refused a form, as sentences."""
    if isinstance(sheet, Correcting):
        own = sheet.explain(texts, refused)
        if own is not None:
            return own
    return [_write_unmet(action, session, each) for each in refused]


def _write_unmet(action: Action, session: Session, unmet: Unmet) -> str:
    """Return an unmet requirement as a sentence, with the names of what it is about and the clause behind it."""
    reason = event_words.write_reason(session, unmet.reason, action.record.facts)
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
            return see_other(f"../{token}")
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
            "deeds": [event_words.describe_entry(session, row, facts, viewer) for row in rows],
            "at": config.calendar.local(rows[-1].at).isoformat(),
            "by": session.name_of(rows[-1].actor),
            "through": session.name_of(rows[-1].ran_by) if rows[-1].ran_by else "",
            "why": message.describe_capacity(session, notice.role, facts, notice.owner),
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
        for task in your_page.list_own_waits(session, [capacity], now)
        if not (event_named(task.event).sealed and viewer.role is Role.APPLICANT)
    ]
