"""Measures how long a partnership stayed in each state, against the dates that the procedure set there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from states.names import State
from states.partnership import Partnership
from workflow.procedure.config import Config
from workflow.store.rows import DeadlineRow, DeadlineStatus, HistoryEntry, RungKind

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Target:
    """A date that the procedure set in a stay: its label, its rule in the words of config.toml, and the day."""

    label: str
    rule: str
    due_on: date


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay in a state. `left` is None while it lasts; `until` is then the end of what is counted.

    `allowed_until` is the latest of its targets, None where the procedure sets none.
    """

    state: State
    entered: datetime
    left: datetime | None
    until: datetime
    targets: tuple[Target, ...]
    allowed_until: datetime | None

    @property
    def days(self) -> float:
        """Return how many days it lasted."""
        return (self.until - self.entered) / _DAY

    @property
    def days_over(self) -> float:
        """Return how many of its days came after the latest date of the procedure."""
        if self.allowed_until is None:
            return 0.0
        return max(0.0, (self.until - max(self.allowed_until, self.entered)) / _DAY)


def list_stays(
    config: Config,
    facts: Partnership,
    history: Sequence[HistoryEntry],
    rows: Sequence[DeadlineRow],
    until: datetime,
) -> list[Stay]:
    """Return the stays of a partnership in its states up to an instant, in order.

    The state "terminated" lasts until the close-out, and is left out where there is nothing to close out.
    """
    moves = [
        (row.at, State(row.to_state)) for row in history if row.from_state != row.to_state and row.at <= until
    ]
    stays = []
    for (entered, state), following in zip(moves, [*moves[1:], None], strict=False):
        left = following[0] if following else None
        if state is State.TERMINATED:
            left = facts.closed_out.at if facts.closed_out and facts.closed_out.at <= until else None
        targets, allowed = _find_targets(config, state, rows, entered, left or until)
        if state is not State.TERMINATED or targets:
            stays.append(Stay(state, entered, left, left or until, targets, allowed))
    return stays


def _find_targets(
    config: Config, state: State, rows: Sequence[DeadlineRow], entered: datetime, ended: datetime
) -> tuple[tuple[Target, ...], datetime | None]:
    """Return the dates that the procedure set in a stay, and the latest of them.

    1. Only deadlines of this state alone: those of several states, such as duties, say nothing of one.
    2. Only those by which somebody has to do something.
    3. Of a date that moved, only the last plan.
    """
    last: dict[str, datetime] = {}
    for row in sorted(rows, key=lambda row: row.id):
        settings = config.deadlines.get(row.name)
        if settings is None or settings.state != (state,) or not settings.owed or settings.due.recurring:
            continue
        if row.kind == RungKind.DUE and _belongs(row, entered, ended):
            last[row.name] = row.ladder
    calendar = config.calendar
    targets = [
        Target(config.deadlines[name].label, config.deadlines[name].due.text, calendar.day(at))
        for name, at in sorted(last.items(), key=lambda each: each[1])
    ]
    # An agreement is in force until its last day, whatever else has to be done before.
    lasts = state is not State.ACTIVE
    return tuple(targets), max(last.values()) if last and lasts else None


def _belongs(row: DeadlineRow, entered: datetime, ended: datetime) -> bool:
    """Return whether a date was set in a stay: it fell due then, or was met, moved or left behind then."""
    if row.status in (DeadlineStatus.CANCELLED, DeadlineStatus.SKIPPED):
        return row.done_at is not None and entered <= row.done_at <= ended
    return entered <= row.ladder and (row.status == DeadlineStatus.OPEN or row.ladder <= ended)
