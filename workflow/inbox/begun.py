"""Remembers which messages a daemon has begun to read, so that a message that ends daemons is set aside."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from workflow.session import Session
from workflow.store import tables

MOST = 2  # processes that may begin a message before it is set aside
# Another daemon may be reading the message at this moment. Reading takes a few seconds at most.
_MEANWHILE = timedelta(seconds=15)
_PROCESS = uuid.uuid4().hex  # this process: if it is still here, no message has ended it


def begin(session: Session, digest: str, now: datetime, process: str = _PROCESS) -> bool:
    """Record that a process begins to read a message; return False if the message is to be set aside.

    1. A message that this process began before has not ended it, so it may begin again: the database was away.
    2. One that another daemon began a moment ago may just be read by it, where several daemons share a mailbox.
    3. In any other case the process that began it has ended before it was done. After `MOST` of these it is enough.
    """
    table = tables.letters_begun
    row = session.connection.execute(select(table).where(table.c.digest == digest)).first()
    if row is None:
        values = {"digest": digest, "by": process, "times": 1, "begun_at": now}
        session.connection.execute(insert(table).values(**values))
        return True
    # One SQLite file has one daemon, so an earlier one is gone.
    alone = session.connection.dialect.name == "sqlite"
    if row.by == process or (not alone and timedelta(0) <= now - row.begun_at < _MEANWHILE):
        return True
    if row.times >= MOST:
        return False
    again = update(table).where(table.c.digest == digest)
    session.connection.execute(again.values(by=process, times=row.times + 1, begun_at=now))
    return True


def end(session: Session, digest: str) -> None:
    """Record that a message was judged or set aside."""
    table = tables.letters_begun
    session.connection.execute(delete(table).where(table.c.digest == digest))
