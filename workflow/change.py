"""Defines what an event changes, once it is decided: the partnership, its history, and what people are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from states.names import Role
from workflow.outbox.recipients import Occasion
from workflow.store.rows import Channel, HistoryEntry, Snapshot
from workflow.views.authorization import Intent


@dataclass(frozen=True, slots=True)
class Change:
    """An event that was decided: the record after and before it, and the row of the history."""

    record: Snapshot
    before: Snapshot
    intent: Intent
    role: Role
    entry: Mapping[str, Any]
    files: tuple[tuple[str, bytes], ...] = ()  # documents that the event itself made, to be kept with it

    @property
    def at(self) -> datetime:
        """Return the instant of the event in UTC."""
        return self.intent.now.astimezone(UTC)

    @property
    def has_moved(self) -> bool:
        """Return whether the event led to another state."""
        return self.record.state is not self.before.state


def occasion(change: Change) -> Occasion:
    """Return what people are told of an event."""
    return Occasion(
        record=change.record,
        before=change.before.facts,
        name=change.intent.event,
        now=change.at,
        seq=change.record.version,
        actor=change.intent.actor,
        by_command=change.intent.channel in (Channel.CLI, Channel.IMPORT),
        organization=change.intent.input.get("organization"),
        rung=change.intent.rung,
        entry=HistoryEntry(**{"partnership": change.record.key, "hash": "", **change.entry}),
    )
