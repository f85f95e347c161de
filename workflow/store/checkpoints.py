"""Reads the checkpoints on record, and proves that the chain of a partnership is in the last one."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, Row, select

from workflow.store import tables
from workflow.store.column_types import utc_text
from workflow.store.merkle import Head, Tree

FORMAT = "lead-community-partners checkpoint"
CHANGES = "/changes"  # the name of the second chain among the heads; no reference has a slash
# The tree of the checkpoint that was asked for last, by its root: every message to the office needs it.
_LAST: dict[str, Tree] = {}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The Merkle root over the heads of all chains at an instant, and a time stamp of it (RFC 3161), if any."""

    at: datetime
    tree: Tree
    stamp: bytes | None = None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Make a checkpoint from a row of the table."""
        if row.root not in _LAST:
            _LAST.clear()
            _LAST[row.root] = Tree([Head(*head) for head in json.loads(row.heads)])
        return cls(row.at, _LAST[row.root], row.stamp)

    def document(self) -> dict[str, Any]:
        """Return the checkpoint as it is written to a file (`docs/record.md`)."""
        stamp = {} if self.stamp is None else {"stamp": base64.b64encode(self.stamp).decode()}
        return {
            "format": FORMAT,
            "version": 1,
            "at": utc_text(self.at),
            "root": self.tree.root,
            "heads": [list(head) for head in self.tree.heads],
            **stamp,
        }

    def prove(self, ref: str) -> dict[str, Any] | None:
        """Return the proof that the head of a partnership is in the tree; None if it was not there yet."""
        place = self.tree.find(ref)
        if place is None:
            return None
        return {
            "format": f"{FORMAT} proof",
            "version": 1,
            "at": utc_text(self.at),
            "head": list(self.tree.heads[place]),
            "index": place,
            "size": len(self.tree.heads),
            "root": self.tree.root,
            "path": self.tree.prove(place),
        }


def read_last(connection: Connection) -> Checkpoint | None:
    """Return the last checkpoint on record; None before the first."""
    table = tables.checkpoints
    row = connection.execute(select(table).order_by(table.c.id.desc()).limit(1)).first()
    return None if row is None else Checkpoint.from_row(row)
