"""What a district has on record and what has arrived, to be compared with a district that nothing befell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, TypeVar

from sqlalchemy import Select, select

from tests.support.district import Life
from tests.support.facts import LA
from tests.support.house import NEW, House, until
from workflow.session import System, current_time, open_system
from workflow.store import tables

T = TypeVar("T")
WATCHER = "watcher.toml"
HISTORY, RUNGS, NOTICES = tables.history.c, tables.deadlines.c, tables.notices.c
REF = tables.partnerships.c.ref


@dataclass(frozen=True)
class Account:
    """How often each thing stands there, without numbers and times."""

    events: Counter[Any]  # ref, event, actor, channel, note, state
    rungs: Counter[Any]  # ref, deadline, kind, status
    notices: Counter[Any]  # ref, template, to, role, status
    answers: Counter[Any]  # event, by, channel
    replies: Counter[Any]  # sender, verdict
    letters: Counter[Any]  # to, subject
    faults: tuple[str, ...]  # of `verify`


@contextmanager
def opened(house: House) -> Iterator[System]:
    """The house's database, beside whatever daemon runs on it; by WATCHER where its own configuration is broken."""
    watching = house.folder / WATCHER
    found = open_system(watching if watching.exists() else house.folder / "config.toml", words=False)
    try:
        yield found
    finally:
        found.engine.dispose()


@contextmanager
def newcomer(house: House) -> Iterator[Life]:
    """The partnership in the house's database that has just begun, at this moment."""
    with opened(house) as found:
        life = Life(found, NEW, "franklin")
        life.now = current_time().astimezone(LA)
        yield life


def rows(house: House, query: Select[Any]) -> list[Any]:
    """What the database answers to a query."""
    with opened(house) as found, found.reading() as session:
        return list(session.connection.execute(query).all())


def of_ref(*columns: Any) -> Select[Any]:
    """A query for these columns of each partnership's rows."""
    table = columns[0].table
    return select(REF, *columns).outerjoin_from(
        table, tables.partnerships, table.c.partnership == tables.partnerships.c.id
    )


def letters(house: House) -> list[EmailMessage]:
    """What lies in the Maildir."""
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in house.letters()]


def account(house: House) -> Account:
    """Everything that a district has on record, and what has arrived."""

    def count(query: Select[Any]) -> Counter[Any]:
        return Counter(tuple(row) for row in rows(house, query))

    answers, replies = tables.answers.c, tables.replies.c
    return Account(
        count(of_ref(HISTORY.event, HISTORY.actor, HISTORY.channel, HISTORY.note, HISTORY.to_state)),
        count(of_ref(RUNGS.name, RUNGS.kind, RUNGS.status)),
        count(of_ref(NOTICES.template, NOTICES.to, NOTICES.role, NOTICES.status)),
        count(select(answers.event, answers.by, answers.channel)),
        count(select(replies.sender, replies.verdict)),
        Counter((parseaddr(letter["To"])[1], str(letter["Subject"])) for letter in letters(house)),
        tuple(house.faults()),
    )


def statuses(house: House) -> dict[str, int]:
    """How many notices there are in each status."""
    return dict(Counter(row.status for row in rows(house, select(NOTICES.status))))


def message_ids(house: House) -> Counter[str]:
    """The Message-ID of each notice that has a message of its own: not of those that went in a digest."""
    return Counter(row[0] for row in rows(house, select(NOTICES.message_id).where(NOTICES.within.is_(None))))


def eventually(found: Callable[[], T], what: str, within: float = 60) -> T:
    """As `until`, but looks less often the longer it may take, since each look opens the database anew."""
    return until(found, what, within, every=max(0.15, within / 400))


def nothing_waits(house: House, within: float = 60) -> None:
    """Wait until nothing is due any more and every message has left."""

    def done() -> bool:
        soon = current_time() + timedelta(seconds=1)
        due = select(RUNGS.id).where(RUNGS.status == "open", RUNGS.next_at <= soon)
        waiting = select(NOTICES.id).where(NOTICES.status.in_(("queued", "failed")), NOTICES.next_at <= soon)
        return not rows(house, due) + rows(house, waiting)

    eventually(done, "nothing is due and everything has left", within)
