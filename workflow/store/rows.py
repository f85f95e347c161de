"""The rows of the tables as the program handles them: typed, immutable, read from a row of the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, Self

from sqlalchemy import Row

from states.moments import Moment, moments
from states.partnership import Partnership, Role, State

GENESIS = "0" * 64  # what stands for the hash before the first row of a history


class NoticeStatus(StrEnum):
    """How far a notice has come on its way out."""

    QUEUED = "queued"
    SENT = "sent"
    IN_DOUBT = "in-doubt"  # the server may have it: the connection broke after the message was handed over
    FAILED = "failed"  # tried, and tried again later
    DEAD = "dead"  # set aside: it is tried no more


class DeadlineStatus(StrEnum):
    """What has become of a rung of a deadline."""

    OPEN = "open"
    FIRED = "fired"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class RungKind(StrEnum):
    """Which part of its ladder a rung is."""

    REMIND = "remind"
    DUE = "due"
    ESCALATE = "escalate"


class Channel(StrEnum):
    """By which door an event came in."""

    CLI = "cli"
    LINK = "link"
    REPLY = "reply"
    CLOCK = "clock"
    IMPORT = "import"


class Verdict(StrEnum):
    """What became of a message that came back."""

    DONE = "done"
    NOTE = "note"
    REFUSED = "refused"
    AUTOMATIC = "automatic"
    BOUNCE = "bounce"
    REPEATED = "repeated"
    UNKNOWN = "unknown"


# Where a message was answered, so that somebody may have acted in place of the person who was asked.
ANSWERED = (Channel.LINK, Channel.REPLY)


@dataclass(frozen=True)
class Snapshot:
    """A partnership as it is stored, at one version. Before it is created it has no `id`, no `state`, version 0."""

    id: int | None
    ref: str
    state: State | None
    version: int  # the seq of the last row of its history
    entered_at: datetime
    facts: Partnership
    head: str  # the hash of the last row of its history

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return a row of the table of partnerships. Raise `ValueError` if it cannot be read."""
        facts = Partnership.model_validate_json(row.facts)
        return cls(row.id, row.ref, State(row.state), row.version, row.entered_at, facts, row.head)

    @property
    def key(self) -> int:
        """Return the id. Raise `LookupError` before there is one."""
        if self.id is None:
            raise LookupError(f"{self.ref} is not created yet")
        return self.id

    @cached_property
    def moments(self) -> dict[str, Moment]:
        """Every moment that is known, by name."""
        return moments(self.facts, self.entered_at)


class HistoryEntry(NamedTuple):
    """A row of a history. `input` and `setting` are canonical JSON; `ran_by` is who stood in or ran the program."""

    partnership: int
    seq: int
    at: datetime
    event: str
    actor: str
    role: str
    channel: str
    from_state: str | None
    to_state: str
    input: str
    setting: str
    note: str | None
    ran_by: str | None
    previous: str
    hash: str

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return a row of the table of histories."""
        return cls._make(_columns(row, cls._fields))

    @property
    def given(self) -> dict[str, Any]:
        """The input, as `read_input` takes it."""
        values: dict[str, Any] = json.loads(self.input)
        return values

    @property
    def stood_in(self) -> str | None:
        """The address of who acted in place of the actor, which can be only where a message was answered."""
        return self.ran_by if self.channel in ANSWERED else None


class DeadlineRow(NamedTuple):
    """A rung of a deadline. `ladder` is the due instant; `rung` is below 0 for reminders, above 0 to escalate."""

    id: int
    partnership: int
    name: str
    ladder: datetime
    rung: int
    kind: str
    due_at: datetime
    status: str
    fires: str | None
    reason: str | None
    done_at: datetime | None
    attempts: int
    next_at: datetime  # when to look at it: due_at, later after a failure

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return a row of the table of deadlines."""
        return cls._make(_columns(row, cls._fields))


class Notice(NamedTuple):
    """A notice to one person. `seq` is the row of the history, or `deadline` the rung, that it tells of."""

    id: int
    partnership: int | None
    template: str
    to: str
    role: str
    delegate_for: str | None  # whose delegate it goes to
    seq: int | None
    deadline: int | None
    extra: str | None  # JSON: what the template needs besides the record
    status: str
    attempts: int
    message_id: str
    subject: str | None
    queued_at: datetime
    next_at: datetime
    lease_until: datetime | None  # claimed for delivery until then
    sent_at: datetime | None
    reason: str | None
    message: bytes | None
    shown: str | None  # JSON: each event that its message offered, with the version of what it consents to
    held: bool  # waits for the daily digest
    within: int | None  # the digest that it went out in
    revoked_at: datetime | None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return a row of the table of notices."""
        return cls._make(_columns(row, cls._fields))

    @property
    def owner(self) -> str:
        """The address of the person whose right it is to act: the absent one, where a delegate reads it."""
        return self.delegate_for or self.to

    @property
    def more(self) -> dict[str, Any]:
        """What the template needs besides the record."""
        values: dict[str, Any] = json.loads(self.extra) if self.extra else {}
        return values

    @property
    def offered(self) -> dict[str, str | None]:
        """Each event that its message offered, with the version of what it consents to."""
        values: dict[str, str | None] = json.loads(self.shown) if self.shown else {}
        return values

    @property
    def capacity(self) -> Role:
        """The role in which the person is told."""
        return Role(self.role)


class ReplyRow(NamedTuple):
    """A message that came back, and what became of it."""

    id: int
    digest: str  # SHA-256 of the message, so that it counts once
    message_id: str | None
    received_at: datetime
    sender: str | None
    notice: int | None
    partnership: int | None
    verdict: str
    reason: str | None
    text: str | None  # what was written above the quoted message
    message: bytes

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return a row of the table of replies."""
        return cls._make(_columns(row, cls._fields))


def _columns(row: Row[Any], names: tuple[str, ...]) -> Iterator[Any]:
    """Return the columns of these names. A row may have more of them, such as those of a joined table."""
    values = row._mapping
    return (values[name] for name in names)
