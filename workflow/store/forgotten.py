"""Says what stands in the place of values that were destroyed, and which certificate in the second chain covers it.

A destroyed column holds the commitments to its values, without their salts. So the hash of its row still holds, and
nobody can test guesses against it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from workflow.store import tables
from workflow.store.column_types import canonical
from workflow.store.commitments import FORGOTTEN, Salts, flatten, left_out

MARK = f'{{"{FORGOTTEN}":'  # how the text of a destroyed column begins
# the `what` of an entry of the second chain that carries a certificate
CERTIFICATE = "destruction of records"
_OF = "destroyed "  # how the `what` of the entry of one partnership begins
# The columns of a history that are destroyed with the record. Others say that something happened, when, and in
# which role.
OF_HISTORY = ("actor", "note", "ran_by", "input", "setting", "facts", "rows")
OF_CHANGES = ("by", "what", "before", "after", "rows")


def is_forgotten(text: object) -> bool:
    """Return whether a column was destroyed."""
    return isinstance(text, str) and text.startswith(MARK)


def what_of(ref: str) -> str:
    """Return the `what` of the entries that say what was destroyed of a partnership."""
    return _OF + ref


def ref_of(what: str) -> str | None:
    """Return the partnership that such an entry is about; None for another entry."""
    return what.removeprefix(_OF) if what.startswith(_OF) else None


def forget(parts: Mapping[str, Any], salt: str, columns: Iterable[str]) -> dict[str, str]:
    """Return the new texts of these columns of a row and of its column `salt`, which keeps the salts of the others.

    `parts` has every committed column as a JSON value.
    """
    salts, wanted = Salts(salt), set(columns)
    texts = {
        name: canonical({FORGOTTEN: sorted(salts.commit_all(value, f"/{name}"))})
        for name, value in parts.items()
        if name in wanted and left_out(value) is None
    }
    left = {
        pointer: salts.of(pointer)
        for name, value in parts.items()
        if name not in wanted and left_out(value) is None
        for pointer, _ in flatten(value, f"/{name}")
    }
    return texts | {"salt": canonical(left)}


def forget_first_format(columns: Iterable[str]) -> dict[str, str]:
    """Return the new texts of these columns of a row of format 1, which has no commitments."""
    return dict.fromkeys(columns, canonical({FORGOTTEN: []}))


class Tally:
    """Collects what was destroyed of the rows of a chain, in their order, into one digest."""

    def __init__(self, columns: Iterable[str]) -> None:
        self.rows = 0
        self._columns = tuple(columns)
        self._sum = hashlib.sha256()

    def add(self, number: int, row: Mapping[str, Any]) -> None:
        """Count a row, by its number, its hash and what stands in its destroyed columns."""
        texts = {name: row[name] for name in self._columns if is_forgotten(row[name])}
        if texts:
            self.rows += 1
            self._sum.update(canonical([number, row["hash"], texts]).encode())

    @property
    def digest(self) -> str:
        """Return the digest of all rows so far; "" if nothing was destroyed."""
        return self._sum.hexdigest() if self.rows else ""


def covers(connection: Connection, ref: str, digest: str) -> bool:
    """Return whether the last certificate of a partnership says that its facts have this digest since."""
    table = tables.changes
    query = select(table.c.after).where(table.c.what == what_of(ref)).order_by(table.c.id.desc()).limit(1)
    after = connection.scalar(query)
    return after is not None and json.loads(after).get("facts") == digest
