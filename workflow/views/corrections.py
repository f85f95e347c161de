"""Reads the corrections in a history: what a row said, what counts instead, and who may know of it.

Whoever may know of a row may know of its correction, if that changes a part of the input that they may read. The
reason may speak of the rest, so people outside the office read it only if they may read all that changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from states.case import Entry, Setting
from states.chapters.correction import CORRECT_ENTRY, correctors
from states.lifecycle import TABLE
from states.machine import event_named
from states.names import Role
from workflow.store import tables
from workflow.store.column_types import canonical
from workflow.store.rows import HistoryEntry


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction: its own row, the row that it corrects, and the input before and after; None if taken back."""

    row: HistoryEntry
    target: HistoryEntry
    was: Mapping[str, Any] | None
    now: Mapping[str, Any] | None

    @property
    def reason(self) -> str:
        """Return why the row was corrected."""
        return str(self.row.input_values["reason"])

    @property
    def changed(self) -> frozenset[str]:
        """Return the keys of the input that the correction changes; all of them if a row goes or comes back."""
        was, now = self.was or {}, self.now or {}
        return frozenset(key for key in {**was, **now} if was.get(key) != now.get(key))

    @property
    def asks_again(self) -> tuple[str, ...]:
        """Return the texts that people sign again, since words that they signed have changed."""
        return tuple(json.loads(self.row.setting).get("asks_again", ()))

    def can_see(self, role: Role) -> bool:
        """Return whether somebody outside the office, who may know of the row, may know of its correction."""
        sees = event_named(self.target.event).audience.get(role)
        whole = self.was is None or self.now is None
        return sees is not None and (whole or bool(self.changed.intersection(sees.fields)))

    def can_see_reason(self, role: Role) -> bool:
        """Return whether somebody outside the office may read the reason: they may read all that changed."""
        sees = event_named(self.target.event).audience.get(role)
        return sees is not None and self.changed.issubset(sees.fields)


def corrections_in(rows: Iterable[HistoryEntry]) -> list[Correction]:
    """Return the corrections in a history or a part of it that has the corrected rows too, oldest first."""
    by_seq = {row.seq: row for row in rows}
    counting: dict[int, dict[str, Any] | None] = {}
    corrections = []
    for row in by_seq.values():
        if (
            row.event != CORRECT_ENTRY
            or row.is_destroyed
            or (values := row.input_values)["seq"] not in by_seq
        ):
            continue
        target = by_seq[values["seq"]]
        was = counting.get(target.seq, target.input_values)
        now = None if values.get("void") else _with_texts(target, values["input"])
        counting[target.seq] = now
        corrections.append(Correction(row, target, was, now))
    return corrections


def _with_texts(target: HistoryEntry, corrected: Mapping[str, Any]) -> dict[str, Any]:
    """Return a corrected input with the texts of an application, which no correction repeats."""
    recorded = target.input_values
    kept = {key: recorded[key] for key in event_named(target.event).sealed if key in recorded}
    return {**kept, **corrected}


def as_they_count(rows: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """Return rows with the input that counts for each. A row that was taken back is returned as it was."""
    rows = list(rows)
    now = {each.target.seq: each.now for each in corrections_in(rows)}
    return [_but(row, now.get(row.seq)) for row in rows]


def _but(row: HistoryEntry, values: Mapping[str, Any] | None) -> HistoryEntry:
    return row if values is None else row._replace(input=canonical(values))


def read_of(
    connection: Connection, partnership: int, seqs: Iterable[int], last: HistoryEntry | None = None
) -> list[Correction]:
    """Return the corrections of these rows of a partnership, oldest first. `last` is not written yet."""
    table, wanted = tables.history, set(seqs)
    mine = select(table).where(table.c.partnership == partnership).order_by(table.c.seq)
    made = [HistoryEntry.from_row(r) for r in connection.execute(mine.where(table.c.event == CORRECT_ENTRY))]
    made = [
        row
        for row in [*made, *([last] if last else [])]
        if not row.is_destroyed and row.input_values["seq"] in wanted
    ]
    if not made:
        return []
    targets = [HistoryEntry.from_row(r) for r in connection.execute(mine.where(table.c.seq.in_(wanted)))]
    return corrections_in([*targets, *made])


def of_row(connection: Connection, row: HistoryEntry) -> Correction | None:
    """Return the correction that a row of the history makes; None for a row of another event."""
    if row.event != CORRECT_ENTRY:
        return None
    made = read_of(connection, row.partnership, [row.input_values["seq"]], row)
    return next(each for each in made if each.row.seq == row.seq)


def name_of(row: HistoryEntry) -> str:
    """Return what names a row on a page. Its number would tell applicants how many others have applied."""
    return row.hash[:16]


def may_correct(row: HistoryEntry, role: Role, email: str, through: str | None) -> bool:
    """Return whether a form to correct a row is offered to somebody: its author, or who corrects for others.

    Nobody corrects a row of the clock, or a correction itself. An application has a form of its own.
    """
    law = [each for each in TABLE if each.name == row.event]
    if row.event == CORRECT_ENTRY or row.role == Role.CLOCK or any(each.sealed for each in law):
        return False
    if through is None and row.actor == email:
        return True
    entry = Entry(row.seq, row.event, {}, row.actor, Role(row.role), row.at, Setting())
    return role in correctors(entry, law)
