"""Reads what applicants wrote from the history, which alone keeps it.

Every event reads and writes the facts of its partnership, so these have no room for the texts of a thousand
applications. An application in the facts names the instant at which it was received, and the row of the history at
that instant has its texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict

from sqlalchemy import Connection, Select, select

from states.chapters.correction import CORRECT_ENTRY
from states.machine import EVENTS, event_named
from states.selection import Application
from workflow.store import column_types, tables
from workflow.store.database import StoreError
from workflow.store.rows import HistoryEntry, Snapshot

# The events whose input holds texts that only the author may read before the call closes (4270.8).
SEALED_EVENTS = tuple(name for name in EVENTS if event_named(name).sealed)
_BATCH = 8  # rows with long texts that are in memory at once


@dataclass(frozen=True, slots=True)
class ApplicationText:
    """What an applicant sent: a text for each ability (4270.3), its ability to serve (4270.2), and its files."""

    abilities: Mapping[str, str]
    demonstration: str | None
    documents: tuple[Mapping[str, Any], ...] = ()  # the name, sha256 and size of each


# The texts of the applications of a partnership, by organization and the instant of receipt.
Texts = dict[tuple[str, datetime], ApplicationText]


class FileEntry(TypedDict):
    """What an application names of one of its files."""

    name: str
    sha256: str
    size: int  # in bytes


def list_files(text: str) -> list[FileEntry]:
    """Return the files that the values of an application's form list, one on a line."""
    lines = (line.split(" ", 2) for line in text.splitlines())
    return [{"name": name, "sha256": digest, "size": int(size)} for digest, size, name in lines]


def write_files(entries: Iterable[FileEntry]) -> str:
    """Return the files of an application as the values of its form list them."""
    return "\n".join(f"{each['sha256']} {each['size']} {each['name']}" for each in entries)


def row_of(connection: Connection, record: Snapshot, application: Application) -> HistoryEntry:
    """Return the row of the history in which an application was received. Raise `StoreError` if it is not there."""
    rows = list(_rows(connection, record, [application]))
    if not rows:
        raise StoreError(_missing(record, application))
    # Two rows can have the same instant, and the later one counts.
    return rows[-1]


def read_text(connection: Connection, record: Snapshot, application: Application) -> ApplicationText:
    """Return the texts of one application. Raise `StoreError` as `row_of` does."""
    return _text_of(row_of(connection, record, application).input_values)


def read_texts(connection: Connection, record: Snapshot, applications: Iterable[Application]) -> Texts:
    """Return the texts of applications, by organization and `received_at`. Raise `StoreError` as `row_of` does."""
    wanted = tuple(applications)
    texts: Texts = {}
    for row in _rows(connection, record, wanted):
        values = row.input_values
        texts[str(values["organization"]), row.at] = _text_of(values)
    require(record, wanted, texts)
    return texts


def read_texts_of(connection: Connection, records: Iterable[Snapshot]) -> dict[int, Texts]:
    """Return the texts of all applications of some partnerships, by the id of each, in two queries."""
    by_key = {record.key: record for record in records}
    corrected = _corrected_organizations(connection, by_key.values())
    table = tables.history
    query = select(table).where(table.c.partnership.in_(list(by_key)), table.c.event.in_(SEALED_EVENTS))
    texts: dict[int, Texts] = {key: {} for key in by_key}
    for row in stream(connection, query.order_by(table.c.partnership, table.c.seq)):
        # The values of an application that was destroyed are empty.
        if values := row.input_values:
            organization = corrected.get((row.partnership, row.seq), values.get("organization"))
            texts[row.partnership][str(organization), row.at] = _text_of(values)
    return texts


def require(record: Snapshot, applications: Iterable[Application], texts: Texts) -> None:
    """Raise `StoreError` if the texts of one of these applications are missing."""
    for application in applications:
        if key_of(application) not in texts:
            raise StoreError(_missing(record, application))


def key_of(application: Application) -> tuple[str, datetime]:
    """Return what identifies an application in the history of its partnership."""
    return application.organization, application.received_at.astimezone(UTC)


def _rows(
    connection: Connection, record: Snapshot, applications: Iterable[Application]
) -> Iterator[HistoryEntry]:
    """Yield the rows in which these applications were received, oldest first."""
    keys = {key_of(application) for application in applications}
    table = tables.history
    query = select(table).where(
        table.c.partnership == record.id,
        table.c.event.in_(SEALED_EVENTS),
        table.c.at.in_({at for _, at in keys}),
    )
    corrected = _corrected_organizations(connection, [record])
    for row in stream(connection, query.order_by(table.c.seq)):
        values = row.input_values
        values["organization"] = corrected.get((row.partnership, row.seq), values.get("organization"))
        if (values["organization"], row.at) in keys:
            yield row._replace(input=column_types.canonical(values))


def _corrected_organizations(
    connection: Connection, records: Iterable[Snapshot]
) -> dict[tuple[int, int], str]:
    """Return the organization of each application that was recorded for another one.

    The key is the partnership and the number of its row.
    """
    keys = [record.key for record in records if record.facts.corrected_at is not None]
    if not keys:
        return {}
    table = tables.history
    query = select(table).where(table.c.partnership.in_(keys), table.c.event == CORRECT_ENTRY)
    organizations: dict[tuple[int, int], str] = {}
    # The last correction of a row counts.
    for row in stream(connection, query.order_by(table.c.partnership, table.c.seq)):
        values = row.input_values
        organizations.pop((row.partnership, values["seq"]), None)
        if "organization" in (values.get("input") or {}):
            organizations[row.partnership, values["seq"]] = values["input"]["organization"]
    return organizations


def stream(connection: Connection, query: Select[Any]) -> Iterator[HistoryEntry]:
    """Yield rows of the history without having all of them in memory at once."""
    # Who looks for one row stops early, and PostgreSQL keeps the rest ready until the result is closed.
    with connection.execute(query.execution_options(yield_per=_BATCH)) as rows:
        for row in rows:
            yield HistoryEntry.from_row(row)


def without_texts(row: HistoryEntry) -> HistoryEntry:
    """Return a row of the history without what an applicant wrote in it. Its hash does not fit any more."""
    texts = event_named(row.event).sealed
    if not texts:
        return row
    kept = {key: value for key, value in row.input_values.items() if key not in texts}
    return row._replace(input=column_types.canonical(kept))


def _text_of(values: Mapping[str, Any]) -> ApplicationText:
    return ApplicationText(
        values["abilities"], values.get("demonstration"), tuple(values.get("documents", ()))
    )


def _missing(record: Snapshot, application: Application) -> str:
    return (
        f"the history of {record.ref} does not have the application of {application.organization};"
        " partnershipctl verify says more"
    )
