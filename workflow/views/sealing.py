"""Decides what of a call is sealed: what only its author may read, and for how long (4270.8).

Applications open when their call closes. A call that ended before that never opens, and neither does an application
that was withdrawn before that: these stay sealed for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from states.chapters.call import WITHDRAW_APPLICATION
from states.machine import event_named
from states.names import Role
from states.partnership import Partnership
from states.selection import Selection
from workflow.store.rows import HistoryEntry

SEALED = "(sealed until the call closes)"


def is_sealed(facts: Partnership, now: datetime) -> bool:
    """Return whether the present call is open, or ended before it closed, so that its applications are sealed."""
    call, ended = facts.selection, facts.ended
    # The call of an ended partnership stays as it was at the end. Its closing day may pass, and opens nothing.
    return call is not None and call.is_open(min(now, ended.at) if ended else now)


def seal(values: dict[str, Any], keys: Iterable[str]) -> None:
    """Replace in `values` what only its author may read before the call closes."""
    for key in keys:
        if isinstance(values.get(key), dict):
            values[key] = dict.fromkeys(values[key], SEALED)
        elif values.get(key):
            values[key] = SEALED


def sealed_rows(facts: Partnership, rows: Sequence[HistoryEntry], now: datetime) -> frozenset[int]:
    """Return the numbers of the rows whose input is sealed at this instant. `rows` is the whole history."""
    unopened = unopened_rows(facts, rows)
    present = facts.selection if is_sealed(facts, now) else None
    return frozenset(
        row.seq
        for row in rows
        if event_named(row.event).sealed
        and (row.seq in unopened or (present is not None and _call_of(facts, row) is present))
    )


def unopened_rows(facts: Partnership, rows: Sequence[HistoryEntry]) -> frozenset[int]:
    """Return the numbers of the rows about applications that were withdrawn before their call closed.

    1. Collect the rows of each organization's application, from the first on.
    2. A withdrawal before the closing moves them, with its own row, to the result.
    3. A withdrawal after the closing drops them, since the panel has read that application.
    """
    waiting: dict[tuple[datetime, str], list[int]] = {}
    unopened: list[int] = []
    for row in rows:
        call = _call_of(facts, row)
        organization = row.input_values.get("organization")
        if call is None or organization is None:
            continue
        key = (call.opened_at, str(organization))
        if event_named(row.event).sealed:
            waiting.setdefault(key, []).append(row.seq)
        elif row.event == WITHDRAW_APPLICATION:
            mine = waiting.pop(key, [])
            unopened += [*mine, row.seq] if call.is_open(row.at) else []
    return frozenset(unopened)


def names_nobody(facts: Partnership, row: HistoryEntry) -> bool:
    """Return whether a row withdraws an application before its closing, so that even the office gets no name."""
    call = _call_of(facts, row)
    return row.event == WITHDRAW_APPLICATION and call is not None and call.is_open(row.at)


def columns_that_name(row: HistoryEntry) -> frozenset[str]:
    """Return the columns of an unopened row that say, or may say, whose application it is about.

    What staff did remains theirs. So does the name of the user who ran a command.
    """
    if row.role != Role.APPLICANT:
        return frozenset({"input", "setting", "note"})
    return frozenset({"actor", "input", "setting", "note", *(["ran_by"] if row.stood_in else [])})


def _call_of(facts: Partnership, row: HistoryEntry) -> Selection | None:
    """Return the call during which a row was written; None if it was written before the first call."""
    return next((call for call in reversed(facts.selections) if call.opened_at <= row.at), None)
