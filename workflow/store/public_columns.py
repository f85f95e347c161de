"""Derives the columns by which the public lists find and order partnerships, without reading their facts.

They follow from the history as the columns of the days in force do, and `verify` compares them with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from states.machine import EVENTS, event_named
from states.names import State
from states.partnership import Partnership
from workflow.store.rows import HistoryEntry, Snapshot

_OPENING = "open-selection"  # the event with which a partnership becomes public
_PUBLIC = frozenset(name for name in EVENTS if event_named(name).public)


def public_columns(record: Snapshot) -> dict[str, Any]:
    """Return the columns of a partnership for the public lists. They are empty before its first call is opened.

    `public_state` is the state that the public may know. `call_changed_at` is when the page of the call last
    changed. `call_ends_at` is when the present call closes. Once that is on record, or the call was withdrawn, it
    is when its page last changed. It is empty while there is no present call.
    """
    state, facts = record.state, record.facts
    return {
        "public_state": str(public_state(state, facts)) if facts.selections else None,
        "call_changed_at": record.call_changed_at,
        "call_ends_at": _find_end(state, facts, record.call_changed_at),
    }


def public_state(state: State | None, facts: Partnership) -> State:
    """Return the state of a partnership as the public may know it.

    A referral to the Board is public once the Board has introduced it. Until then the state is the one before.
    """
    item = facts.board.item
    if state is State.BOARD_REVIEW and item is not None and not item.introduced:
        return item.origin
    return state or State.NEEDS_IDENTIFIED


def _find_end(state: State | None, facts: Partnership, changed_at: datetime | None) -> datetime | None:
    call = facts.selection
    if call is None or changed_at is None:
        return None
    # A withdrawn call ended when it was withdrawn, although its closing date is still on record.
    return max(changed_at, call.closes_at) if state is State.OPEN_SELECTION else changed_at


def changed_by(event: str, at: datetime, before: datetime | None) -> datetime | None:
    """Return when a call last changed for everybody, now that an event happened. `before` was the answer so far."""
    # Only events that are public count: the time of any other would tell when somebody applied (4270.8). A search
    # that is withdrawn before its call opens was never public.
    is_public = event in _PUBLIC and (event == _OPENING or before is not None)
    return at if is_public else before


def last_changed(history: Iterable[HistoryEntry]) -> datetime | None:
    """Return when the call of a history last changed for everybody; None if no call was ever opened."""
    changed_at: datetime | None = None
    for entry in history:
        changed_at = changed_by(entry.event, entry.at, changed_at)
    return changed_at
