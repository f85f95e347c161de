"""Shows a row of the history with some of its values left out, so that its hash can still be checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflow.store.column_types import utc_text
from workflow.store.commitments import WITHHELD, Salts, flatten, left_out, pointer_to
from workflow.store.rows import HistoryEntry
from workflow.store.saving import FORMAT, HASHED, OPEN, committed_parts
from workflow.views import sealing

Hides = Callable[[str], bool]
# These are compared with the database only. The reader of an export learns nothing from them.
_OF_DATABASE = ("/facts", "/rows")


def show(row: HistoryEntry, hides: Hides = lambda pointer: False, *, sealed: bool = False) -> dict[str, Any]:
    """Return a row as an export has it, without the values whose pointers `hides` names (RFC 6901).

    Each part that is left out leaves its commitments. A row of format 1 has none, so it leaves out whole columns.
    A row that is `sealed` says so.
    """
    if row.salt is None:
        return _show_first_format(row, hides)
    columns = row._asdict()
    parts, salts = committed_parts(columns), Salts(row.salt)
    shown_salts: dict[str, str] = {}
    shown = {
        name: _show(value, pointer_to("", name), hides, salts, shown_salts) for name, value in parts.items()
    }
    opened = {name: columns[name] for name in OPEN}
    head = {"format": FORMAT, **opened, "at": utc_text(row.at), "hash": row.hash}
    return head | shown | {"salts": shown_salts} | ({"sealed": True} if sealed else {})


def _show(value: Any, pointer: str, hides: Hides, salts: Salts, shown: dict[str, str]) -> Any:
    """Return a value without its hidden parts, and add the salt of each leaf that it shows to `shown`."""
    if left_out(value) is not None:
        return value
    if pointer in _OF_DATABASE or hides(pointer):
        return {WITHHELD: sorted(salts.commit_all(value, pointer))}
    if isinstance(value, dict) and value:
        return {k: _show(v, pointer_to(pointer, k), hides, salts, shown) for k, v in value.items()}
    if isinstance(value, list) and value:
        return [_show(v, f"{pointer}/{n}", hides, salts, shown) for n, v in enumerate(value)]
    shown[pointer] = salts.of(pointer)
    return value


def _show_first_format(row: HistoryEntry, hides: Hides) -> dict[str, Any]:
    """Return a row of format 1, in which a column is shown as a whole or left out as a whole."""
    columns = row._asdict()
    if row.is_destroyed:
        columns |= dict.fromkeys(_COLUMNS)
    entry = {name: columns[name] for name in HASHED} | {"at": utc_text(row.at), "hash": row.hash}
    if row.is_destroyed:
        return entry | {"forgotten": True}
    hidden = [name for name in _COLUMNS if any(hides(pointer) for pointer in _pointers(columns, name))]
    return entry | dict.fromkeys(hidden) | ({"sealed": True} if hidden else {})


_COLUMNS = ("actor", "note", "ran_by", "input", "setting")


def _pointers(columns: Mapping[str, Any], name: str) -> list[str]:
    """Return the pointers to a column and to everything in it: a column goes if any part of it has to."""
    value = committed_parts({**columns, "facts": None, "rows": None})[name]
    steps = [leaf.split("/") for leaf, _ in flatten(value, f"/{name}")]
    inner = {"/".join(step[:length]) for step in steps for length in range(2, len(step) + 1)}
    return sorted(inner | {f"/{name}"})


def hidden_columns(row: HistoryEntry, *, sealed: bool, unopened: bool) -> frozenset[str]:
    """Return the columns of a row that a sealed application leaves out: of an unopened one also whose it is."""
    if unopened:
        return sealing.columns_that_name(row)
    return frozenset({"input"}) if sealed else frozenset()
