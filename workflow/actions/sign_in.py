"""Signs people in by mail: sends the link, opens the sign-in of one browser by it, and ends it.

An e-mail address is all that a person needs to have. The link in the message works once and for 15 minutes. The
browser that uses it gets a key, which is kept here only as a digest.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from notifications.errors import ServiceError
from states.addresses import mailbox
from workflow import links
from workflow.links import SignInLink
from workflow.outbox import bounced, queue
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import SignIn
from workflow.views import capacities

LASTS = timedelta(hours=12)  # the longest that a browser stays signed in
IDLE = timedelta(hours=2)  # how long it stays signed in without being used
AGAIN_AFTER = timedelta(minutes=1)  # the least time between two messages to one mailbox
MOST_ASKED = 5  # the most messages with a link to sign in, to one mailbox within an hour
_SEEN_EVERY = timedelta(minutes=1)  # how exactly `seen_at` is kept
_TABLE = tables.sign_ins
# Few notices are about no partnership, and an index finds them.
_ABOUT_NOBODY = tables.notices.c.partnership.is_(None)
TEMPLATES = ("sign-in", "invitation")  # the messages that carry a link to sign in

# Words for what a browser says of itself, the first that fits. Every browser names several others.
_BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox": "Firefox", "Chrom": "Chrome", "Safari": "Safari"}
_SYSTEMS = {
    "iPhone": "an iPhone",
    "iPad": "an iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "a Mac",
    "CrOS": "a Chromebook",
    "Linux": "Linux",
}


class LinkUsed(ServiceError):
    """The link to sign in has been used."""


class Unknown(ServiceError):
    """The address is not that of anybody who may sign in."""


def ask(session: Session, email: str, now: datetime) -> bool:
    """Queue the message with the link to sign in, at the request of anybody who typed an address.

    Return False if nobody has this address, or the mailbox has got `MOST_ASKED` within an hour. Callers must not
    show the difference.
    """
    table = tables.notices
    query = select(table.c.to, table.c.queued_at).where(
        _ABOUT_NOBODY, table.c.template.in_(TEMPLATES), table.c.queued_at > now - timedelta(hours=1)
    )
    lately = [row.queued_at for row in session.connection.execute(query) if mailbox(row.to) == mailbox(email)]
    if len(lately) >= MOST_ASKED or any(at > now - AGAIN_AFTER for at in lately):
        return False
    try:
        send(session, email, now)
    except Unknown:
        return False
    return True


def send(session: Session, email: str, now: datetime, template: str = "sign-in") -> int:
    """Queue a message with a link to sign in and return the number of the notice. Raise `Unknown`."""
    role = capacities.main_role(session, email)
    if role is None:
        raise Unknown(f"nobody with the address {email!r} has anything to do with a partnership")
    name = secrets.token_hex(8)
    link = links.sign_in_address(session.config, SignInLink(email, name))
    extra = {
        "link": name,
        "why": "because somebody, most likely you, asked for a link to sign in"
        if template == "sign-in"
        else "because you take part in the partnerships of this district",
        "offers": [{"event": "", "label": "Sign in", "url": link, "words": [], "help": ""}],
    }
    # The reader is waiting for this message, so it is sent at once, outside of the usual hours too.
    return queue.tell(session, template, email, str(role), now, extra=extra, next_at=now)


def open_by_link(session: Session, link: SignInLink, browser: str, now: datetime) -> str:
    """Open the sign-in of a browser and return its key. `browser` is what the browser says of itself.

    Raise `LinkUsed` for a link that was used or revoked, `Unknown` if the person has left since it was sent.
    """
    if capacities.main_role(session, link.email) is None:
        raise Unknown("the person has left")
    if _is_revoked(session, link):
        raise LinkUsed("the message has been revoked")
    key = secrets.token_urlsafe(32)
    row = {
        "email": link.email,
        "link": link.name,
        "key": _digest(key),
        "browser": describe_browser(browser),
        "opened_at": now,
        "seen_at": now,
    }
    used = select(_TABLE.c.id).where(_TABLE.c.link == link.name)
    if session.connection.scalar(used) is not None:
        raise LinkUsed("the link has been used")
    try:
        session.connection.execute(insert(_TABLE).values(**row))
    except IntegrityError:
        # Another transaction has used it between the look-up above and this insert.
        raise LinkUsed("the link has been used") from None
    # The link went to this address, so mail arrives there.
    bounced.clear(session, link.email)
    return key


def _is_revoked(session: Session, link: SignInLink) -> bool:
    """Return whether the office has revoked the message with this link."""
    table = tables.notices
    query = select(table.c.id).where(
        _ABOUT_NOBODY,
        table.c.template.in_(TEMPLATES),
        table.c.to == link.email,
        table.c.extra.contains(link.name, autoescape=True),
        table.c.revoked_at.is_not(None),
    )
    return session.connection.scalar(query.limit(1)) is not None


def find(session: Session, key: str, now: datetime) -> SignIn | None:
    """Return the sign-in of a browser by its key, if it has not ended."""
    row = session.connection.execute(select(_TABLE).where(_TABLE.c.key == _digest(key))).first()
    if row is None or not is_open(SignIn.from_row(row), now):
        return None
    return SignIn.from_row(row)


def is_open(sign_in: SignIn, now: datetime) -> bool:
    """Return whether a sign-in has neither been ended nor run out."""
    return sign_in.ended_at is None and now < min(sign_in.opened_at + LASTS, sign_in.seen_at + IDLE)


def needs_mark(sign_in: SignIn, now: datetime) -> bool:
    """Return whether the use of a sign-in has to be marked. Not every page writes to the database."""
    return now >= sign_in.seen_at + _SEEN_EVERY


def mark_seen(session: Session, sign_in: SignIn, now: datetime) -> None:
    """Mark that a sign-in was used, so that it does not run out."""
    session.connection.execute(update(_TABLE).where(_TABLE.c.id == sign_in.id).values(seen_at=now))


def list_open(session: Session, email: str, now: datetime) -> list[SignIn]:
    """Return the open sign-ins of a person, the latest used first."""
    query = select(_TABLE).where(_TABLE.c.email == email, _TABLE.c.ended_at.is_(None))
    rows = map(SignIn.from_row, session.connection.execute(query.order_by(_TABLE.c.seen_at.desc())))
    return [row for row in rows if is_open(row, now)]


def end(session: Session, email: str, ids: Sequence[int] | None, now: datetime) -> int:
    """End the sign-ins of a person that have these ids, or all if `ids` is None. Return how many were ended."""
    mine = (_TABLE.c.email == email) & _TABLE.c.ended_at.is_(None)
    if ids is not None:
        mine &= _TABLE.c.id.in_(ids)
    return session.connection.execute(update(_TABLE).where(mine).values(ended_at=now)).rowcount


def describe_browser(agent: str) -> str:
    """Return what a browser says of itself in a few words, such as "Firefox on Windows"."""
    name = next((word for part, word in _BROWSERS.items() if part in agent), "A browser")
    system = next((word for part, word in _SYSTEMS.items() if re.search(rf"\b{part}", agent)), None)
    return f"{name} on {system}" if system else name


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
