"""The pages of links that do nothing any more: what happened meanwhile, by whom and when, and how to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Response

from notifications.links import Forged
from states.errors import LawError
from states.machine import row_of
from states.partnership import State
from workflow.actions.action import LinkClosed, find_action, has_right, is_since, last_done, notice_of
from workflow.forms import fields
from workflow.links import Claim
from workflow.session import Session
from workflow.store.rows import HistoryEntry
from workflow.views import visibility
from workflow.views.visibility import Viewer
from workflow.web.site import Site

_TITLES = {
    "used": "This has been done already",
    "expired": "This link has expired",
    "overtaken": "Things have moved on",
    "revoked": "This link is no longer yours to use",
}
_SHOWN = 20  # rows of what happened meanwhile, the last ones


def closed(site: Site, token: str, ending: LinkClosed, texts: Mapping[str, str] | None = None) -> Response:
    """The page of a link that is over; what was typed into its form is shown, so that it is not lost."""
    with site.system.reading() as session:
        known = _meanwhile(session, ending.claim, site.clock())
    return site.page(
        "over",
        410,
        title=_TITLES[ending.how],
        why=ending.why,
        how=ending.how,
        again=None if ending.how == "revoked" else f"{token}/again",
        typed=_typed(ending.claim.event, texts or {}),
        **({"partnership": None, "state": "", "since": [], "done": []} | known),
    )


def expired(site: Site, token: str, claim: Claim) -> Response:
    """The page of a link that is too old: what it may still tell depends on what the person is now."""
    told = "It is too old. Ask for fresh links, and use those."
    try:
        with site.system.reading() as session:
            find_action(session, claim, site.clock())
    except LinkClosed as over:
        if over.how == "revoked":
            return closed(site, token, over)
        told = f"{told} {over.why}"
    return closed(site, token, LinkClosed("expired", told, claim))


def forged(site: Site) -> Response:
    """The one page for every link that is none of ours, whatever is wrong with it."""
    return site.told(
        404,
        "This link is not one of ours",
        "It may have been cut off or changed on its way. Copy the whole link from the message and try again.",
    )


def asked_again(site: Site) -> Response:
    """The same words to whoever asks for fresh links, so that they tell nothing."""
    return site.told(
        200,
        "Check your email",
        "If this link was sent to you and you can still act on it, a message with fresh links is on its way to"
        " the address that we have on record. It can take a few minutes; also look in your spam folder. We send"
        " one only every five minutes.",
    )


def _meanwhile(session: Session, claim: Claim, now: datetime) -> dict[str, Any]:
    """Return what became of it. Without the right to know what goes on, only what was done from this message."""
    try:
        notice, record = notice_of(session, claim)
    except Forged:
        return {}
    viewer = Viewer(notice.capacity, notice.owner)
    may_know = has_right(session, claim, now)
    done = last_done(session, claim)
    seqs = {row.seq for row in done}
    visible = visibility.visible_rows(session, record, viewer, now) if may_know else []
    since = [row for row in visible if is_since(notice, row) and row.seq not in seqs]

    def lines(rows: Sequence[HistoryEntry]) -> list[dict[str, Any]]:
        return [visibility.line_of(session, record, viewer, row, now) for row in rows]

    return {
        "partnership": {"ref": record.ref, "title": record.facts.title},
        "state": str(record.state).replace("-", " ") if may_know else "",
        "school": session.directory.school_name(record.facts.school),
        "since": lines(since[-_SHOWN:]),
        "done": lines(done),
    }


def _typed(event: str, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """What was typed, under the labels of its fields where they are known."""
    labels: dict[str, str] = {}
    for state in State:
        try:
            takes = row_of(event, state).takes
        except LawError:
            continue
        labels |= {one.name: one.label for one in fields.walk(fields.build_form(takes, texts))}
    return [
        (labels.get(name, name), text) for name, text in texts.items() if text.strip() and name != "confirm"
    ]
