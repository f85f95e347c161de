"""Takes named locks, for work that has no row to lock."""

from __future__ import annotations

from sqlalchemy import Connection, text


def one_at_a_time(connection: Connection, what: str) -> None:
    """Take a named lock until the transaction ends, after any transaction that holds it.

    Read only afterwards.
    """
    if connection.dialect.name == "postgresql":
        # A lock of the session would stay behind on a connection that a pooler passes on.
        lock = text("SELECT pg_advisory_xact_lock(4270, hashtext(:what))")
        connection.execute(lock, {"what": what})
