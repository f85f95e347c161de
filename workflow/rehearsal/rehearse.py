"""Rehearses the future of a record: lives a copy of it up to a day, and tells what happened and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from states.machine import event_named
from states.names import State
from workflow.directory import Directory
from workflow.procedure.config import Config
from workflow.procedure.settings import DeadlineSettings
from workflow.rehearsal.copying import copied
from workflow.rehearsal.happenings import Happening, Kind, read_happenings
from workflow.rehearsal.hiding import hide_names
from workflow.rehearsal.living import Nobody, People, Postbox, live
from workflow.rehearsal.standing import Standing, read_standing
from workflow.session import Session, System
from workflow.store import loading, tables
from workflow.store.rows import RungKind, Snapshot
from workflow.views import pending
from workflow.views.pending import Wait
from workflow.views.sealing import is_sealed

# A tick of the daemon at the beginning belongs to the rehearsal, at the same instant.
_MOMENT = timedelta(microseconds=1)
_AT_ONCE = 400  # partnerships that are read in one statement


@dataclass(frozen=True, slots=True)
class Missed:
    """A deadline at whose due instant somebody was still waited for."""

    ref: str
    deadline: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class End:
    """How a partnership stands at the end of a rehearsal."""

    record: Snapshot
    was: State | None  # its state at the beginning; None if it began in the rehearsal
    waits: tuple[Wait, ...]
    missed: tuple[Missed, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What happened in a rehearsal, in order, and how each partnership stands at its end."""

    begin: datetime
    until: datetime
    happenings: tuple[Happening, ...]
    ends: tuple[End, ...]
    deadlines: tuple[Standing, ...]
    settings: Config
    directory: Directory  # as it is at the end
    sealed: frozenset[str]  # the partnerships whose applications nobody may read at the beginning


def rehearse(
    system: System,
    begin: datetime,
    until: datetime,
    *,
    refs: Collection[str] = (),
    people: People | None = None,
    settings: Config | None = None,
    keep: Callable[[str, bytes], None] | None = None,
) -> Rehearsal:
    """Live a copy of a system from one instant to another, and return what happened.

    `refs` limits what is told, and not what is lived: partnerships share the Board's meetings and the digests of
    people. `people` act in it; nobody does without them. `settings` are other settings than its own. `keep` gets
    the Message-ID and the bytes of each message that leaves. Raise `StoreError` if the database cannot be read.
    """
    with copied(system, settings, signs=keep is not None) as copy:
        with copy.reading() as session:
            before = {record.ref: record for record in read_records(session, refs)}
            # What was recorded at the very instant of the beginning is no part of the future.
            past = {each.place for each in read_happenings(session, begin - _MOMENT, begin, refs)}
        live(copy, begin, until, people or Nobody(), Postbox(keep))
        with copy.reading() as session:
            lived = read_happenings(session, begin - _MOMENT, until, refs)
            happenings = hide_names(session, [each for each in lived if each.place not in past])
            missed = find_missed(session, happenings)
            ends = tuple(
                _describe_end(session, record, before.get(record.ref), missed, until)
                for record in read_records(session, refs)
            )
            sealed = frozenset(ref for ref, record in before.items() if is_sealed(record.facts, begin))
            standing = read_standing(session, begin, refs)
            return Rehearsal(
                begin, until, tuple(happenings), ends, standing, copy.config, session.directory, sealed
            )


def find_missed(session: Session, happenings: Sequence[Happening]) -> list[Missed]:
    """Return each deadline that fell due while it still asked somebody for something.

    A deadline is cancelled when its tasks are done. So one that fires at its due instant was not met. Nobody missed
    what the clock does at that instant, or what is done only in case of need.
    """
    due = [each for each in happenings if each.kind is Kind.DEADLINE and each.detail == RungKind.DUE]
    rows = session.config.deadlines
    return [
        Missed(each.ref, each.name, each.at)
        for each in due
        if each.name in rows and _asks_somebody(rows[each.name])
    ]


def _asks_somebody(row: DeadlineSettings) -> bool:
    return any(name != row.fires and not event_named(name).optional for name in row.owed)


def read_records(session: Session, refs: Collection[str]) -> list[Snapshot]:
    """Return the partnerships with these references, or all of them, in the order of their references."""
    wanted = sorted(refs or session.connection.scalars(select(tables.partnerships.c.ref)))
    records: list[Snapshot] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = loading.load(session.connection, wanted[start : start + _AT_ONCE])
        records += [some[ref] for ref in sorted(some)]
    return records


def _describe_end(
    session: Session, record: Snapshot, before: Snapshot | None, missed: Sequence[Missed], now: datetime
) -> End:
    waits = tuple(pending.list_waits(session, record, now))
    return End(
        record,
        before.state if before else None,
        waits,
        tuple(each for each in missed if each.ref == record.ref),
    )
