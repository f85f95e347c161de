"""Shows the page of a link that no longer works: why, what happened since the message, and how to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Response

from notifications.links import Forged
from states.chapters.correction import CORRECT_ENTRY
from states.errors import LawError
from states.machine import row_of
from states.names import State
from workflow.actions.action import LinkClosed, find_action, has_right, is_since, notice_of
from workflow.actions.answers import last_done
from workflow.forms import fields
from workflow.links import Claim
from workflow.session import Session
from workflow.store.rows import HistoryEntry
from workflow.views import visibility, visible_history
from workflow.web.site import Site

_TITLES = {
    "used": "This has been done already",
    "expired": "This link has expired",
    "overtaken": "Things have moved on",
    "revoked": "This link is no longer yours to use",
    "signed-out": "You are not signed in",
}
_SHOWN = 20  # the most rows of recent history on a page
OURS = ("form", "shown", "do")  # fields that every form has, next to those of the event


def closed(site: Site, token: str, ending: LinkClosed, texts: Mapping[str, str] | None = None) -> Response:
    """Show the page of a link that no longer works. Show what was typed into its form, so that it is not lost."""
    with site.system.reading() as session:
        news = _collect_news(session, ending.claim, site.clock())
    return site.render(
        "over",
        410,
        title=_TITLES[ending.how],
        why=ending.why,
        how=ending.how,
        # A person without the right gets no fresh link, so the page does not offer one. From a page of their own
        # a person goes back to it.
        again=None if ending.how == "revoked" or ending.claim.sign_in is not None else f"{token}/again",
        typed=_label_typed(ending.claim.event, texts or {}),
        **({"partnership": None, "state": "", "since": [], "done": []} | news),
    )


def signed_out(site: Site, claim: Claim, texts: Mapping[str, str] | None = None) -> Response:
    """Show that a link of somebody's page works only where they are signed in, and nothing of the partnership."""
    return site.render(
        "over",
        403,
        title=_TITLES["signed-out"],
        why="This link belongs to the page of a person who has signed in. Sign in, and open it from there.",
        how="signed-out",
        again=None,
        typed=_label_typed(claim.event, texts or {}),
        partnership=None,
        state="",
        since=[],
        done=[],
    )


def expired(site: Site, token: str, claim: Claim, texts: Mapping[str, str] | None = None) -> Response:
    """Show the page of an expired link. A person who has lost the role gets the page of a revoked link instead."""
    if claim.sign_in is not None:
        return signed_out(site, claim, texts)
    why = "It is too old. Ask for fresh links, and use those."
    try:
        with site.system.reading() as session:
            # An old link must not tell more than a young one: check the right before any news is shown.
            find_action(session, claim, site.clock())
    except LinkClosed as over:
        if over.how == "revoked":
            return closed(site, token, over, texts)
        why = f"{why} {over.why}"
    return closed(site, token, LinkClosed("expired", why, claim), texts)


def forged(site: Site) -> Response:
    """Show the one page for every forged link. It never says what is wrong, so that a forger learns nothing."""
    return site.say(
        404,
        "This link is not one of ours",
        "It may have been cut off or changed on its way. Copy the whole link from the message and try again.",
    )


def asked_again(site: Site) -> Response:
    """Show the answer to a request for fresh links. It is the same for everybody, so that it reveals nothing."""
    return site.say(
        200,
        "Check your email",
        "If this link was sent to you and you can still act on it, a message with fresh links is on its way to"
        " the address that we have on record. It can take a few minutes; also look in your spam folder. We send"
        " one every five minutes and three in a day, and none for a link that is older than a year.",
    )


def not_wanted(site: Site) -> Response:
    """Show that a request for fresh links came without its box. It is the same for everybody."""
    return site.say(
        422,
        "The box was not ticked",
        "Nothing was sent. Go back, tick the box above the button, and press the button again.",
    )


def _collect_news(session: Session, claim: Claim, now: datetime) -> dict[str, Any]:
    """Return the partnership, what was done from this message, and what has happened since.

    A person who has lost the role learns only what was done from this message. For a forged claim return nothing.
    """
    try:
        notice, record = notice_of(session, claim)
    except Forged:
        return {}
    viewer = visibility.viewer_of(notice)
    may_know = has_right(session, claim, now)
    done = last_done(session, claim)
    seqs = {row.seq for row in done}
    # What has happened since is only for people who still have the role.
    visible = visible_history.visible_rows(session, record, viewer, now) if may_know else []
    since = [row for row in visible if is_since(notice, row) and row.seq not in seqs]

    def lines(rows: Sequence[HistoryEntry]) -> list[dict[str, Any]]:
        return visible_history.lines_of(session, record, viewer, rows)

    return {
        "partnership": {"ref": record.ref, "title": record.facts.title},
        "state": str(record.state).replace("-", " ") if may_know else "",
        "school": session.directory.school_name(record.facts.school),
        "since": lines(since[-_SHOWN:]),
        "done": lines(done),
    }


def _label_typed(event: str, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return pairs of a field's label and what was typed into it. Use the field's name if no label is known."""
    labels: dict[str, str] = {}
    # The partnership may have left the state in which the form was shown, so look for the event in every state.
    # The form of a correction is that of the entry, which is not known here.
    for state in () if event == CORRECT_ENTRY else State:
        try:
            takes = row_of(event, state).takes
        except LawError:
            continue
        # An event can take other fields in another state, so collect the labels of all of them.
        labels |= {control.name: control.label for control in fields.walk(fields.build_form(takes, texts))}
    return [
        (labels.get(name, name), text) for name, text in texts.items() if text.strip() and name != "confirm"
    ]
