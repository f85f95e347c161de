"""Counts the generations of people's calendar feeds: only the address with the present one works."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from workflow.store import chain, tables


def generation_of(connection: Connection, email: str) -> int:
    """Return the generation of a person's calendar feed. Only the address with this generation works."""
    return connection.scalar(_GENERATION, {"email": email}) or 0


_GENERATION = select(tables.addresses.c.feed).where(tables.addresses.c.email == bindparam("email"))


def renew(connection: Connection, email: str) -> int:
    """End the earlier addresses of a person's calendar feed. Return the new generation."""
    table = tables.addresses
    mine = table.c.email == email
    # The statement itself counts up, so that two renewals at once cannot give the same generation. An address
    # without a row has generation 0.
    if not chain.execute(connection, update(table).where(mine).values(feed=table.c.feed + 1)):
        chain.execute(connection, insert(table).values(email=email, feed=1))
    return generation_of(connection, email)
