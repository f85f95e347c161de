"""The pages of links that do nothing any more: what happened meanwhile, by whom and when, and how to go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Response

from notifications.links import Forged
from states.errors import LawError
from states.machine import row_of
from states.partnership import Role, State
from workflow.actions import action
from workflow.actions.action import Closed
from workflow.forms import fields
from workflow.links import Claim
from workflow.session import Session
from workflow.web.site import Site

_TITLES = {
    "used": "This has been done already",
    "expired": "This link has expired",
    "overtaken": "Things have moved on",
    "revoked": "This link is no longer yours to use",
}
_SHOWN = 20  # rows of what happened meanwhile, the last ones
# What an applicant may know of a call besides their own deeds: never who else applied, or how it was scored.
_FOR_APPLICANTS = (
    "open-selection", "extend-selection", "close-applications", "choose-partner", "restart", "withdraw",
)  # fmt: skip


def closed(site: Site, token: str, ending: Closed, texts: Mapping[str, str] | None = None) -> Response:
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
            action.find(session, claim, site.clock())
    except Closed as over:
        if over.how == "revoked":
            return closed(site, token, over)
        told = f"{told} {over.why}"
    return closed(site, token, Closed("expired", told, claim))


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
        "Look into your mail",
        "If this link was sent to you and you can still act on it, a message with fresh links is on its way to"
        " the address that we have on record. It can take a few minutes. We send one only every five minutes.",
    )


def _meanwhile(session: Session, claim: Claim, now: datetime) -> dict[str, Any]:
    """What became of it: to those who may no longer know what goes on, only what was done from this message."""
    try:
        notice, record = action.notice_of(session, claim)
    except Forged:
        return {}
    role = Role(notice.role)
    mine = {notice.to, notice.delegate_for}
    may_know = action.has_right(session, claim, now)
    since = action.since(session, claim) if may_know else ()
    done = action.last_done(session, claim)
    known = {row.seq for row in done}
    rows = [row for row in since if row.seq not in known and _may_know(row, role, mine)]
    school = session.directory.schools.get(record.facts.school)
    return {
        "partnership": {
            "ref": record.ref,
            "title": record.facts.title,
        },
        "state": str(record.state).replace("-", " ") if may_know else "",
        "school": school.name if school else record.facts.school,
        "since": [_told(session, row, role, record.state) for row in rows[-_SHOWN:]],
        "done": [_told(session, row, role, record.state) for row in done],
    }


def _may_know(row: Any, role: Role, mine: set[str | None]) -> bool:
    if role is Role.APPLICANT:
        return row.event in _FOR_APPLICANTS or row.actor in mine
    return True


def _told(session: Session, row: Any, role: Role, state: State | None) -> dict[str, str]:
    """A row of the history in a line: who did what, when; nothing of what was given with it."""
    name = session.directory.someone(row.actor).name
    if row.role == Role.APPLICANT and role is not Role.STAFF and row.event != "file-protest":
        name = "An applicant"
    if row.role == Role.CLOCK:
        name = "The calendar"
    through = session.directory.someone(row.ran_by).name if row.ran_by and row.channel != "cli" else ""
    return {
        "who": f"{through} for {name}" if through else name,
        "done": session.config.deeds[row.event]["done"],
        "at": session.config.calendar.local(row.at).isoformat(),
    }


def _typed(event: str, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """What was typed, under the labels of its fields where they are known."""
    labels: dict[str, str] = {}
    for state in State:
        try:
            takes = row_of(event, state).takes
        except LawError:
            continue
        labels |= {one.name: one.label for one in fields.controls(fields.form(takes, texts))}
    return [
        (labels.get(name, name), text) for name, text in texts.items() if text.strip() and name != "confirm"
    ]
