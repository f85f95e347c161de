"""Brings together the documents of a form: those that were kept, those that come now, those that are left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from notifications.written import kind_and_size
from states.machine import event_named
from workflow.actions import attachments
from workflow.actions.action import Action
from workflow.actions.kept_forms import Kept
from workflow.forms import parsing
from workflow.links import Claim
from workflow.session import Session
from workflow.web.sent import Sent
from workflow.web.site import Site

LEAVE_OUT = "leave-out"  # the boxes of kept documents that are not wanted any more, by their number


def with_kept(claim: Claim, sent: Sent, kept: Kept | None) -> Sent:
    """Return a form with what was kept of it: all its answers if they were checked, else its documents.

    A document that is chosen now takes the place of the one that was kept. Where an event takes several, those kept
    stay, except the ones that the person leaves out.
    """
    row = event_named(claim.event)
    key = row.document
    left_out = sent.texts.pop(LEAVE_OUT, "").split("\n")
    if kept is None:
        return sent
    if sent.do == "record":
        files = {key: list(kept.files)} if key and kept.files else {}
        return replace(sent, texts=dict(kept.texts), files=files)
    if key is None:
        return sent
    several = attachments.takes_several(row)
    chosen = [file for number, file in enumerate(kept.files) if str(number) not in left_out]
    new = sent.files.get(key, [])
    if not several and (new or sent.too_large):
        return sent
    chosen += new
    # What was too large to be taken is named as well, so that the person learns what is missing.
    named = dict.fromkeys([*(name for name, _ in chosen), *parsing.lines_of(sent.texts.get(key, ""))])
    return replace(sent, texts=sent.texts | {key: "\n".join(named)}, files={key: chosen} if chosen else {})


def without_document(claim: Claim, sent: Sent) -> Sent:
    """Return a form without the document that was chosen, in this or an earlier version of it."""
    key = event_named(claim.event).document
    return replace(sent, texts={name: text for name, text in sent.texts.items() if name != key}, files={})


def describe_file(name: str, content: bytes) -> dict[str, str]:
    """Return a document that was chosen as a form shows it."""
    return {"name": name, "kind": kind_and_size(name, len(content))}


def without_named_files(action: Action, sent: Sent) -> dict[str, str]:
    """Return what was typed, without the name of a document whose content was not sent."""
    key = action.event.document
    texts = parsing.drop_blanks(sent.texts)
    return texts if key in sent.files else {name: text for name, text in texts.items() if name != key}


def keep_attached(site: Site, session: Session, action: Action, sent: Sent, now: datetime) -> dict[str, Any]:
    """Keep the attached documents. Return the part of the input that refers to them. Raise `BadInput` if unfit."""
    key = action.event.document
    if key is None or key not in sent.files:
        return {}
    files = sent.files[key] if attachments.takes_several(action.event) else sent.files[key][:1]
    attachments.refuse_any_unfit(key, files, site.system.config.procedure.web.upload_megabytes)
    return attachments.keep_all(session.connection, action.event, files, now)
