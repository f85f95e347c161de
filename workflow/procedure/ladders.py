"""Works out the ladders of deadlines: their reminders, their due instants, their escalations.

The due instant identifies a ladder. Nothing here reads or writes the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from states.moments import Moment, counts_from, done_on
from workflow.procedure.config import Config
from workflow.procedure.offsets import Offset, find_hours
from workflow.procedure.settings import DeadlineSettings
from workflow.store.rows import RungKind, Snapshot

_LADDERS = 10_000  # the most ladders to cache: partnerships that fall due together share them

Key = tuple[str, datetime, int]  # name, ladder and number of a rung, within one partnership


class Rung(NamedTuple):
    """A rung as the procedure plans it. Instants are in UTC."""

    name: str  # of its deadline
    ladder: datetime  # the due instant of its deadline
    rung: int  # below 0 a reminder, 0 the due instant, above 0 an escalation
    kind: str
    due_at: datetime
    fires: str | None = None  # the event that it makes happen

    @property
    def key(self) -> Key:
        """Return what identifies the rung within one partnership."""
        return (self.name, self.ladder, self.rung)


def anchors(record: Snapshot) -> tuple[object, ...]:
    """Return the facts that the deadlines of a partnership depend on, to compare before and after an event."""
    # The days of duties too, since a correction may move one.
    return (record.state, record.moments, record.facts.duties)


def due_instants(config: Config, record: Snapshot) -> dict[str, datetime]:
    """Return the due instant of each deadline that runs now, by name."""
    moments = record.moments
    since = counts_from(record.facts)
    instants = {}
    for name, row in config.deadlines.items():
        if record.state not in row.state or row.until in moments or (row.when and row.when not in moments):
            continue
        done = done_on(record.facts, row.done, config.calendar.day) if row.done else ()
        due = resolve_due(config, row, moments, since=since, done=done)
        if due is not None:
            instants[name] = due
    return instants


def resolve_due(
    config: Config,
    row: DeadlineSettings,
    moments: Mapping[str, Moment],
    *,
    since: date | None = None,
    done: Sequence[date] = (),
) -> datetime | None:
    """Return when a row of the procedure is due by these moments; None while none of its facts is among them.

    `since` and `done` are as for `Due.resolve`.
    """
    rule, roll = row.due.capped(row.latest, moments=moments, roll=row.roll, calendar=config.calendar)
    return rule.resolve(
        moments, at=config.clock(row), roll=roll, calendar=config.calendar, since=since, done=done
    )


def rungs(config: Config, name: str, due: datetime, moments: Mapping[str, Moment]) -> tuple[Rung, ...]:
    """Return the ladder of a deadline that is due at an instant, first rung first."""
    key = (name, due, *(asked := find_hours(config.deadlines[name].remind, due, moments, config.calendar)))
    if (ladder := config.ladders.get(key)) is None:
        if len(config.ladders) >= _LADDERS:
            config.ladders.clear()
        ladder = config.ladders[key] = tuple(_rungs(config, name, due, asked))
    return ladder


def _rungs(config: Config, name: str, due: datetime, asked: Sequence[datetime]) -> list[Rung]:
    """Work out the ladder that `rungs` caches; `asked` are the reminders at an hour of the day of a fact."""
    row = config.deadlines[name]
    before = sorted([*asked, *(r.before(due, config.calendar) for r in row.remind if isinstance(r, Offset))])
    ladder = [Rung(name, due, i - len(before), RungKind.REMIND, at) for i, at in enumerate(before)]
    ladder.append(Rung(name, due, 0, RungKind.DUE, due, row.fires))
    after = sorted(step.after.after(due, config.calendar) for step in row.overdue)
    return ladder + [Rung(name, due, i, RungKind.ESCALATE, at) for i, at in enumerate(after, start=1)]


def next_repetition(config: Config, rung: Rung, now: datetime) -> Rung | None:
    """Return the next repetition after `now` of the last rung of a ladder; None if it does not repeat."""
    row = config.deadlines.get(rung.name)
    if row is None or row.again is None or rung.rung < len(row.overdue):
        return None
    following = row.again.after(rung.due_at, config.calendar)
    # Pass over the repetitions that a downtime has missed, so that people get one message and not many.
    while following <= now:
        following = row.again.after(following, config.calendar)
    return Rung(rung.name, rung.ladder, rung.rung + 1, RungKind.ESCALATE, following)


def roles_told(row: DeadlineSettings, rung: int) -> tuple[str, ...]:
    """Return the roles that a rung tells: up to the due instant those of the deadline, then of its escalation."""
    if rung <= 0 or not row.overdue:
        return row.to
    return row.overdue[min(rung, len(row.overdue)) - 1].to
