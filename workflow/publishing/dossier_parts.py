"""Gathers everything on record about one partnership for its dossier, without what is sealed (4270.8).

An item has a name by which people can mark it: `row/12/input/comment`, `document/12.1`, `message/31`, `reply/4`.
"""

from __future__ import annotations

import email.policy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from sqlalchemy import select

from states.names import Role
from workflow.record import disclosure, histories
from workflow.session import Session
from workflow.store import kept_documents, tables
from workflow.store.commitments import pointer_to
from workflow.store.rows import DeadlineStatus, HistoryEntry, Notice, NoticeStatus, ReplyRow, Snapshot
from workflow.store.saving import committed_parts
from workflow.views import sealing

# The columns of a row that people read. The others are open, or can be compared with the database alone.
READ = ("actor", "note", "ran_by", "input", "setting")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the history, with the columns that are sealed."""

    entry: HistoryEntry
    sealed: frozenset[str]

    @property
    def values(self) -> dict[str, Any]:
        """Return the columns that people read as JSON values, without the sealed ones."""
        parts = committed_parts({**self.entry._asdict(), "facts": None, "rows": None})
        return {name: parts[name] for name in READ if name not in self.sealed}


@dataclass(frozen=True, slots=True)
class File:
    """A document, and where the history names it first."""

    item: str
    name: str
    sha256: str
    seq: int
    pointer: str  # to the object with its name and digest
    content: bytes | None  # None if it is not kept here


@dataclass(frozen=True, slots=True)
class Message:
    """A message that left or came in. Tokens of links are masked, as they are kept."""

    item: str
    at: datetime
    address: str
    role: str | None
    subject: str
    about: int | None  # the number of the row that it tells of
    content: bytes | None
    remark: str = ""

    def text(self) -> str:
        """Return the text that people read in it."""
        message = BytesParser(policy=email.policy.default).parsebytes(self.content or b"")
        body = message.get_body(("plain", "html")) if isinstance(message, EmailMessage) else None
        return "" if body is None else str(body.get_content()).replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class Day:
    """A date of the partnership: what is due when, and whether it still runs."""

    name: str
    label: str
    at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a dossier may hold. `left_out` counts the messages that are sealed or name who only asked."""

    record: Snapshot
    rows: Sequence[Row]
    files: Sequence[File]
    messages: Sequence[Message]
    days: Sequence[Day]
    left_out: int


def gather(session: Session, record: Snapshot, now: datetime) -> Parts:
    """Return everything about a partnership that is not sealed at this instant."""
    entries = histories.read_history(session.connection, record.key)
    sealed = sealing.sealed_rows(record.facts, entries, now)
    unopened = sealing.unopened_rows(record.facts, entries)
    rows = [
        Row(row, disclosure.hidden_columns(row, sealed=row.seq in sealed, unopened=row.seq in unopened))
        for row in entries
    ]
    messages, hidden = _messages(session, record, rows, now)
    return Parts(record, rows, list(_files(session, rows)), messages, _days(session, record), hidden)


def named_files(value: Any, pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each object in a JSON value that names a kept document, with its pointer."""
    if isinstance(value, dict):
        if isinstance(value.get("sha256"), str):
            yield pointer, value
        for key, each in value.items():
            yield from named_files(each, pointer_to(pointer, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from named_files(each, f"{pointer}/{number}")


def name_of_file(value: Mapping[str, Any]) -> str:
    """Return the name that an object gives to its document."""
    return str(next((value[key] for key in ("name", "file", "document") if value.get(key)), "document"))


def _files(session: Session, rows: Sequence[Row]) -> Iterator[File]:
    """Yield each document once, at the place that names it first."""
    seen: set[str] = set()
    for row in rows:
        number = 0
        for column in ("input", "setting"):
            for pointer, value in named_files(row.values.get(column), f"/{column}"):
                number += 1
                digest = value["sha256"]
                if digest in seen:
                    continue
                seen.add(digest)
                content = kept_documents.read(session.connection, digest)
                item = f"document/{row.entry.seq}.{number}"
                yield File(item, name_of_file(value), digest, row.entry.seq, pointer, content)


def _messages(
    session: Session, record: Snapshot, rows: Sequence[Row], now: datetime
) -> tuple[list[Message], int]:
    """Return the messages that left or came, and how many are left out.

    These are the messages to people who only asked or subscribed, whom the record does not name; to applicants
    while their call is open; and to those who saved an application or withdrew it before it was opened.
    """
    table = tables.notices
    query = select(table).where(table.c.partnership == record.key).order_by(table.c.id)
    notices = list(map(Notice.from_row, session.connection.execute(query)))
    applicants = frozenset() if sealing.is_sealed(record.facts, now) else _opened_applicants(record)
    shown = [notice for notice in notices if _may_show(notice, applicants)]
    # Of a withdrawn application even the office keeps no name, so what it was told of that goes too.
    unopened = {row.entry.seq for row in rows if "setting" in row.sealed}
    shown = [notice for notice in shown if notice.seq not in unopened]
    sent = [_sent(notice) for notice in shown if notice.status in (NoticeStatus.SENT, NoticeStatus.IN_DOUBT)]
    ids = {notice.id for notice in shown}
    replies = tables.replies
    came = map(
        ReplyRow.from_row,
        session.connection.execute(select(replies).where(replies.c.partnership == record.key)),
    )
    received = [_received(reply) for reply in came if reply.notice in ids]
    ordered = sorted([*sent, *received], key=lambda each: (each.at, each.item))
    return ordered, len(notices) - len(shown)


def _opened_applicants(record: Snapshot) -> frozenset[str]:
    calls = record.facts.selections
    return frozenset(each.contact_email for call in calls for each in call.applications.values())


def _may_show(notice: Notice, applicants: frozenset[str]) -> bool:
    if notice.role == Role.APPLICANT:
        return notice.owner in applicants
    return notice.role != Role.PUBLIC


def _sent(notice: Notice) -> Message:
    remark = "" if notice.message else "it left in a daily digest"
    return Message(
        f"message/{notice.id}", notice.sent_at or notice.queued_at, notice.to, notice.role,
        notice.subject or notice.template, notice.seq, notice.message and bytes(notice.message), remark,
    )  # fmt: skip


def _received(reply: ReplyRow) -> Message:
    message = BytesParser(policy=email.policy.default).parsebytes(bytes(reply.message), headersonly=True)
    subject = str(message["Subject"] or "")
    return Message(
        f"reply/{reply.id}", reply.received_at, reply.sender or "", None, subject, None, bytes(reply.message),
        reply.verdict,
    )  # fmt: skip


def _days(session: Session, record: Snapshot) -> list[Day]:
    """Return when each deadline was or is due, without those that concern only who has not applied yet."""
    table = tables.deadlines
    query = select(table).where(
        table.c.partnership == record.key,
        table.c.rung == 0,
        table.c.status.in_([DeadlineStatus.OPEN.value, DeadlineStatus.FIRED.value]),
    )
    known = session.config.deadlines
    rows = [
        Day(row.name, known[row.name].label if row.name in known else row.name, row.due_at, row.status)
        for row in session.connection.execute(query)
        if row.name not in known or not known[row.name].is_of_drafts
    ]
    return sorted(rows, key=lambda day: (day.at, day.name))
