"""Keeps the contents of documents, each once. Only retention removes one: the history names it by its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select

from workflow.store import chain, tables

_INSERT = insert(tables.documents)
_KEPT = select(tables.documents.c.sha256).where(tables.documents.c.sha256 == bindparam("digest"))


def keep(connection: Connection, name: str, content: bytes, now: datetime) -> tuple[str, int]:
    """Keep a document unless its content is kept already. Return its SHA-256 digest and its length in bytes."""
    # The same file from two people is kept once, and its digest proves later that it was not exchanged.
    digest = hashlib.sha256(content).hexdigest()
    if connection.scalar(_KEPT, {"digest": digest}) is None:
        values = {"sha256": digest, "name": name, "size": len(content), "added_at": now, "content": content}
        connection.execute(_INSERT, values)
        # The chain need not read the content again to commit to it.
        chain.repeat(connection, [chain.commitment_of(tables.documents.name, values)])
    return digest, len(content)


def read(connection: Connection, digest: str | None) -> bytes | None:
    """Return the content of a document by its SHA-256 digest; None if it is not kept here."""
    table = tables.documents
    content = connection.scalar(select(table.c.content).where(table.c.sha256 == digest))
    return None if content is None else bytes(content)


def find_kept(connection: Connection, digests: Iterable[str]) -> set[str]:
    """Return those of these digests whose content is kept here. Retention may have destroyed it."""
    table = tables.documents
    return set(connection.scalars(select(table.c.sha256).where(table.c.sha256.in_(list(digests)))))
