"""Lists what is on record as tables for spreadsheets: partnerships, deadlines, history and scores.

They are for the office: they hold what its commands show, and nothing that is sealed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import select

from states.inputs import ABILITIES
from states.selection import Score, Selection
from workflow.publishing.words import Words
from workflow.record import histories
from workflow.session import Session
from workflow.store import application_texts
from workflow.store import tables as store
from workflow.store.rows import DeadlineRow, DeadlineStatus, HistoryEntry, Snapshot
from workflow.views import corrections, documents, sealing
from workflow.views.present_names import rename_call, rename_record
from workflow.views.standings import add_up

Kind = Literal["text", "number", "day", "instant", "money"]
Cell = str | int | date | datetime | None
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the key of its heading, what its cells are, and its width in characters.

    An instant is aware and in the district's zone. Money is a whole number of cents.
    """

    key: str
    kind: Kind = "text"
    width: int = 16


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the words of its name and its headings."""

    name: str
    title: str
    columns: tuple[Column, ...]
    headings: tuple[str, ...]
    rows: Sequence[Row]


TABLES: dict[str, tuple[Column, ...]] = {
    "list": (
        Column("ref", width=22), Column("school", width=30), Column("title", width=40), Column("state"),
        Column("since", "instant"), Column("partner", width=28), Column("amount", "money"),
        Column("first_day", "day", 12), Column("last_day", "day", 12), Column("next_deadline", width=24),
        Column("next_due", "instant"), Column("overdue", "number", 10), Column("version", "number", 8),
    ),
    "deadlines": (
        Column("ref", width=22), Column("deadline", width=24), Column("label", width=40), Column("kind", width=10),
        Column("at", "instant"), Column("due", "instant"), Column("status", width=10), Column("late", width=9),
        Column("fires", width=20), Column("why", width=40), Column("done_at", "instant"),
    ),
    "history": (
        Column("ref", width=22), Column("row", "number", 6), Column("at", "instant"), Column("event", width=22),
        Column("by", width=32), Column("role", width=14), Column("how", width=8), Column("ran_by", width=20),
        Column("from", width=18), Column("to", width=18), Column("note", width=40), Column("input", width=60),
        Column("corrected", width=40), Column("hash", width=20),
    ),
    "scores": (
        Column("ref", width=22), Column("call", "number", 6), Column("organization", width=28),
        Column("reviewer", width=28), *(Column(ability, "number", 10) for ability in ABILITIES),
        Column("sum", "number", 8), Column("counts", width=40), Column("comment", width=60),
        Column("at", "instant"),
    ),
}  # fmt: skip


def make_table(
    session: Session, words: Words, name: str, records: Sequence[Snapshot], now: datetime
) -> Table:
    """Return one of `TABLES` of these partnerships. `words` are those of `templates/publishing/tables.j2`.

    Raise `StoreError` if a record cannot be read.
    """
    columns = TABLES[name]
    zone = session.config.calendar.zone.key
    headings = tuple(
        words("heading", name, column.key) + (f" ({zone})" if column.kind == "instant" else "")
        for column in columns
    )
    return Table(name, words("sheet", name), columns, headings, list(_READ[name](session, records, now)))


def _local(session: Session, instant: datetime | None) -> datetime | None:
    return session.config.calendar.local(instant) if instant else None


# Partnerships


def _list_partnerships(session: Session, records: Iterable[Snapshot], now: datetime) -> Iterator[Row]:
    for stored in records:
        record = rename_record(session.directory, stored)
        facts, call = record.facts, record.facts.selection
        rungs = documents.open_deadlines(session, record, now)
        coming = next((rung for rung in rungs if rung["kind"] == "due"), None)
        partner = call.applications[call.choice.organization].name if call and call.choice else None
        yield (
            record.ref,
            session.directory.school_name(facts.school),
            facts.title,
            record.state,
            _local(session, record.entered_at),
            partner,
            facts.agreement.amount_cents if facts.agreement else None,
            facts.first_day,
            facts.last_day,
            coming["label"] if coming else None,
            datetime.fromisoformat(coming["due_at"]) if coming else None,
            len({rung["name"] for rung in rungs if rung["overdue"]}),
            record.version,
        )


def _list_deadlines(session: Session, records: Iterable[Snapshot], now: datetime) -> Iterator[Row]:
    table, settings = store.deadlines, session.config.deadlines
    for record in records:
        query = select(table).where(table.c.partnership == record.id).order_by(table.c.due_at, table.c.id)
        for row in map(DeadlineRow.from_row, session.connection.execute(query)):
            # The dates of applications that were not sent concern only their authors.
            if row.name in settings and settings[row.name].is_of_drafts:
                continue
            yield (
                record.ref,
                row.name,
                settings[row.name].label if row.name in settings else row.name,
                row.kind,
                _local(session, row.due_at),
                _local(session, row.ladder),
                row.status,
                "overdue" if row.status == DeadlineStatus.OPEN and row.ladder <= now else "",
                row.fires,
                row.reason,
                _local(session, row.done_at),
            )


# History


def _list_history(session: Session, records: Iterable[Snapshot], now: datetime) -> Iterator[Row]:
    for record in records:
        with histories.reraise_with_ref(record.ref):
            whole = histories.read_history(session.connection, record.key)
        sealed = sealing.sealed_rows(record.facts, whole, now)
        unopened = sealing.unopened_rows(record.facts, whole)
        corrected = {each.target.seq: each for each in corrections.corrections_in(whole)}
        for row in whole:
            entry = documents.entry(
                session,
                # The texts of applications would fill pages, and a cell has no room for them.
                application_texts.without_texts(row),
                sealed=row.seq in sealed,
                unopened=row.seq in unopened,
                correction=corrected.get(row.seq),
            )
            yield _history_row(session, record.ref, row, entry)


def _history_row(session: Session, ref: str, row: HistoryEntry, entry: dict[str, Any]) -> Row:
    made = entry["corrected"]
    return (
        ref,
        row.seq,
        _local(session, row.at),
        row.event,
        entry["actor"],
        entry["role"],
        entry["channel"],
        entry["ran_by"],
        entry["from"],
        entry["to"],
        entry["note"],
        json.dumps(entry["input"], ensure_ascii=False) if entry["input"] else None,
        f"{'taken back' if made['void'] else 'corrected'} in row {made['seq']}: {made['reason']}"
        if made
        else None,
        row.hash,
    )


# Scores


def _list_scores(session: Session, records: Iterable[Snapshot], now: datetime) -> Iterator[Row]:
    names = session.directory.names
    for record in records:
        for number, call in enumerate(record.facts.selections, start=1):
            # A call that is open, or ended before its closing, says nothing of who applied (4270.8).
            if call is record.facts.selection and sealing.is_sealed(record.facts, now):
                continue
            renamed = rename_call(session.directory, call)
            lines = [*_score_lines(session, renamed), *_conflict_lines(session, renamed)]
            for organization, reviewer, cells in sorted(lines, key=lambda line: line[:2]):
                # Who withdrew after the closing has scores and no application any more.
                application = renamed.applications.get(organization)
                name = application.name if application else names.get(organization, organization)
                yield record.ref, number, name, session.name_of(reviewer), *cells


def _score_lines(session: Session, call: Selection) -> Iterator[tuple[str, str, Row]]:
    for score in (*call.earlier_scores, *call.scores):
        points = (*(score.scores[ability] for ability in ABILITIES), add_up(score))
        cells = (*points, _counts(call, score), score.comment, _local(session, score.at))
        yield score.organization, score.reviewer, cells


def _counts(call: Selection, score: Score) -> str:
    """Return "yes", or why a score does not count."""
    if score in call.earlier_scores:
        return "no: the panel scored anew"
    return "yes" if score in call.counting_scores else "no: not on the panel"


def _conflict_lines(session: Session, call: Selection) -> Iterator[tuple[str, str, Row]]:
    nothing = (None,) * (len(ABILITIES) + 1)
    for conflict in call.conflicts:
        cells = (*nothing, "no: conflict of interest", conflict.reason, _local(session, conflict.at))
        yield conflict.organization, conflict.reviewer, cells


_READ: dict[str, Callable[[Session, Iterable[Snapshot], datetime], Iterator[Row]]] = {
    "list": _list_partnerships,
    "deadlines": _list_deadlines,
    "history": _list_history,
    "scores": _list_scores,
}
