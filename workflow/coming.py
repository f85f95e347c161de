"""Finds what comes with an event: moves of its deadlines, notices to people, and the answer that did it.

The row of the history commits to all of these rows, and they are written with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from workflow import deadlines
from workflow.change import Change, occasion
from workflow.outbox import queue
from workflow.procedure import ladders
from workflow.session import Session
from workflow.store import chain
from workflow.store.rows import Channel, DeadlineRow, DeadlineStatus

# No ladder is due this late, so a query from here on returns only the open rows.
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Coming:
    """The rows that come with one event: moves of its deadlines, its notices, and the answer that did it."""

    moves: deadlines.Moves = field(default_factory=deadlines.Moves)
    rows: Sequence[DeadlineRow] = ()  # the deadlines on record that the moves are about
    notices: Sequence[Mapping[str, Any]] = ()
    answer: Mapping[str, Any] | None = None

    def commit(self) -> str:
        """Return what the row of the history says of these rows: table, key and digest of each, as JSON."""
        said = deadlines.commit_to(self.moves.inserts, self.moves.updates, self.rows)
        said += [chain.commitment_of("notices", notice) for notice in self.notices]
        said += [chain.commitment_of("answers", self.answer)] if self.answer else []
        return chain.list_of(said)


def find_coming(session: Session, changes: Sequence[Change], follow_up: bool) -> list[Coming]:
    """Return what comes with each change. The notices of an event that took a reader's role away are withdrawn."""
    coming = [
        Coming(answer={**c.intent.answer, "partnership": c.record.id, "seq": c.record.version})
        if c.intent.answer
        else Coming()
        for c in changes
    ]
    if follow_up:
        _plan_deadlines(session, changes, coming)
        for change, each in zip(changes, coming, strict=True):
            if change.intent.channel is not Channel.IMPORT:
                each.notices = queue.prepare(session, occasion(change))
    return coming


def _plan_deadlines(session: Session, changes: Sequence[Change], coming: Sequence[Coming]) -> None:
    """Find the moves that bring the deadlines of these partnerships in line with their new facts.

    1. Skip a partnership whose deadlines depend on nothing that changed.
    2. Read the rows of its deadlines that are open, and of the ladders that run now.
    3. Plan what the procedure plans differently, and close the row that made the event happen.
    """
    changed = [
        (change, each)
        for change, each in zip(changes, coming, strict=True)
        if change.before.id is None
        # The row that fired must be closed even if nothing else has changed.
        or change.intent.fired is not None
        or ladders.anchors(change.record) != ladders.anchors(change.before)
    ]
    dues = [ladders.due_instants(session.config, change.record) for change, _ in changed]
    # Leave out ladders that are over, so that a partnership with a long history is as fast as a new one.
    since = min((at for due in dues for at in due.values()), default=None)
    keys = [change.record.key for change, _ in changed]
    rows = deadlines.rows_of(session.connection, keys, since or NEVER)
    for (change, each), due in zip(changed, dues, strict=True):
        each.rows = rows.get(change.record.key, [])
        fired = change.intent.fired
        each.moves = deadlines.plan_moves(
            session.config, change.record, each.rows, change.at, due=due, fired=fired
        )
        each.moves.updates.extend(
            deadlines.close(row, DeadlineStatus.FIRED, change.at) for row in each.rows if row.id == fired
        )
