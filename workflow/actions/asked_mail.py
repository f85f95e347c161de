"""Limits the messages that strangers can have sent to an address: each takes a slot, or is left out in silence.

Somebody can type any address into a form, so the answer of the form must not depend on what is found here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from states.addresses import mailbox, passes_over_dots
from workflow.session import Session
from workflow.store import tables

AGAIN_AFTER = timedelta(minutes=5)  # the least time between two such messages to one address about one call
MOST_TO_MAILBOX = 5  # the most such messages to one mailbox about one call in an hour
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """When a message may leave. It `is_late` if so many were asked for within the hour that it has to wait."""

    at: datetime
    is_late: bool


def find_slot(
    session: Session, template: str, partnership: int | None, email: str, now: datetime, most: int
) -> Slot | None:
    """Return the slot of a message that somebody asks for; None if the address must not get another one yet.

    1. An address gets one such message in `AGAIN_AFTER`, and its mailbox `MOST_TO_MAILBOX` in an hour. A plain
       address always gets its first, whatever other ways to write it have got.
    2. Beyond `most` in an hour messages leave later, one behind the other: refusing would let one stranger close
       the form for everybody.
    """
    table = tables.notices
    about = (table.c.template == template, table.c.partnership == partnership)
    just_now = select(table.c.id).where(*about, table.c.to == email, table.c.queued_at > now - AGAIN_AFTER)
    if session.connection.scalar(just_now) is not None:
        return None
    in_hour = select(table.c.to).where(*about, table.c.queued_at > now - HOUR)
    asked = session.connection.scalars(in_hour).all()
    to_mailbox = [to.casefold() for to in asked if mailbox(to) == mailbox(email)]
    is_first = email.casefold() not in to_mailbox
    if len(to_mailbox) >= MOST_TO_MAILBOX and not (is_first and _is_plain(email)):
        return None
    late = max(0, len(asked) + 1 - most)
    return Slot(now + late * HOUR / most, late > 0)


def _is_plain(email: str) -> bool:
    """Return whether an address is one of the few ways in which people give a mailbox: no tag, at Gmail one dot."""
    name = email.rpartition("@")[0]
    return "+" not in name and (name.count(".") <= 1 or not passes_over_dots(email))
