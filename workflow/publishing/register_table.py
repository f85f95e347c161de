"""Lists the public register as a table for spreadsheets: a row for each partnership, as its page shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workflow.procedure.config import Config
from workflow.publishing import spreadsheets
from workflow.publishing.tables import Column, Row
from workflow.publishing.words import Words, read_words
from workflow.views.public_entry import Entry

COLUMNS = (
    Column("ref", width=22), Column("school", width=30), Column("title", width=40), Column("state", width=40),
    Column("partner", width=28), Column("amount", "money"), Column("proposed"), Column("first_day", "day"),
    Column("last_day", "day"), Column("ended_on", "day"), Column("opened_on", "day"), Column("closes_on", "day"),
    Column("applied", "number"), Column("votes", width=60), Column("page", width=40), Column("data", width=40),
)  # fmt: skip


def write_csv(config: Config, entries: Iterable[Entry]) -> Iterator[bytes]:
    """Return the table as CSV, made as it is taken. Raise `ConfigError` if its words have a mistake."""
    words = read_words(config, "register")
    headings = [words("heading", column.key) for column in COLUMNS]
    return spreadsheets.stream_csv(headings, COLUMNS, (_row(config, words, entry) for entry in entries))


def _row(config: Config, words: Words, entry: Entry) -> Row:
    """Return the cells of an entry. Those of the call are of the last one."""
    terms, call, day = entry.terms, entry.calls[-1], config.calendar.day
    address = config.address(f"partnerships/{entry.ref}")
    return (
        entry.ref,
        entry.school_name,
        entry.title,
        words("state", entry),
        entry.partner,
        terms.amount_cents if terms else None,
        words("yes") if terms and terms.proposed else None,
        terms.starts_on if terms else None,
        terms.ends_on if terms else None,
        entry.ending.on if entry.ending else None,
        day(call.opened_at),
        day(call.closes_at),
        call.applied,
        words("votes", entry),
        address,
        f"{address}.json",
    )
