"""A document is kept once, and the second chain commits to it."""

from __future__ import annotations

import json

from sqlalchemy import select

from tests.support.district import Begin
from workflow.store import chain, kept_documents, tables


def test_the_chain_commits_to_the_document_as_it_is_stored(begin: Begin) -> None:
    life = begin("needs")
    keep = lambda: life.system.transact(  # noqa: E731
        lambda session: kept_documents.keep(session.connection, "letter.txt", b"We agree.", life.now)
    )
    digest, size = keep()
    assert (digest, size) == (keep()[0], 9)
    with life.system.reading() as session:
        (row,) = session.connection.execute(
            select(tables.documents).where(tables.documents.c.sha256 == digest)
        )
        texts = session.connection.scalars(select(tables.changes.c.rows)).all()
    committed = [each for text in texts if text for each in json.loads(text) if each[0] == "documents"]
    assert committed == [chain.commitment_of("documents", row._asdict())]
    assert life.faults() == []
