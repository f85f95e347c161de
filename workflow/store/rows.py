"""Defines the rows of the tables as typed, immutable values, each made from a row of the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, Self

from sqlalchemy import Row

from states.fact import Attachment
from states.moments import Moment, moments
from states.names import Role, State
from states.partnership import Partnership
from workflow.store.forgotten import is_forgotten

DESTROYED = "(destroyed)"  # what people read in the place of a value that was lawfully destroyed
GENESIS = "0" * 64  # stands in for the hash of the row before the first row of a history


class NoticeStatus(StrEnum):
    """How far the delivery of a notice has got."""

    QUEUED = "queued"
    SENT = "sent"
    IN_DOUBT = "in-doubt"  # the connection broke after the message was sent: the server may have it
    FAILED = "failed"  # the last attempt failed, and another follows
    DEAD = "dead"  # the daemon has given up on it


class DeadlineStatus(StrEnum):
    """What happened to a rung of a deadline."""

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
    """The way by which an event arrived."""

    CLI = "cli"
    LINK = "link"
    REPLY = "reply"
    CLOCK = "clock"
    IMPORT = "import"


class Verdict(StrEnum):
    """How the program classified an incoming message."""

    DONE = "done"
    NOTE = "note"
    REFUSED = "refused"
    AUTOMATIC = "automatic"
    BOUNCE = "bounce"
    REPEATED = "repeated"
    UNKNOWN = "unknown"


# The channels that answer a message. Only there can somebody have acted in place of the person who was asked.
ANSWERED = (Channel.LINK, Channel.REPLY)


# It has no slots, since `cached_property` stores its value in the dictionary of the instance.
@dataclass(frozen=True)
class Snapshot:
    """A partnership as stored, at one version.

    Before it is created it has no `id`, no `state`, and version 0.
    """

    id: int | None
    ref: str
    state: State | None
    version: int  # the seq of the last row of its history
    entered_at: datetime
    facts: Partnership
    head: str  # the hash of the last row of its history
    destroyed: bool = False  # its values were lawfully destroyed, so that nothing more can happen to it
    call_changed_at: datetime | None = None  # when its call last changed for everybody

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Make a snapshot from a row of the table of partnerships.

        Raise `ValueError` if its JSON cannot be read.
        """
        facts = Partnership.model_validate_json(row.facts)
        return cls(
            row.id, row.ref, State(row.state), row.version, row.entered_at, facts, row.head,
            call_changed_at=row.call_changed_at,
        )  # fmt: skip

    @property
    def key(self) -> int:
        """Return the id. Raise `LookupError` before there is one."""
        if self.id is None:
            raise LookupError(f"{self.ref} is not created yet")
        return self.id

    @cached_property
    def moments(self) -> dict[str, Moment]:
        """Return every moment that is on record, by name."""
        return moments(self.facts, self.entered_at)


class HistoryEntry(NamedTuple):
    """A row of a history. `input` and `setting` are canonical JSON.

    `ran_by` is the person who ran the program or acted in place of the actor, where that is not the actor.
    """

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
    # A row of format 2 has all of these, a row of format 1 has none; see `docs/record.md`.
    salt: str | None = None
    facts: str | None = None  # SHA-256 of the facts after it
    rows: str | None = None  # JSON list: table, key and digest of each row that came with it
    beside: str | None = None  # number and hash of the last row of the second chain at that time

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Make an entry from a row of the table of histories, as people and the law read it."""
        return cls.exact(row).readable()

    @classmethod
    def exact(cls, row: Row[Any]) -> Self:
        """Make an entry with the columns letter by letter, as its hash covers them."""
        return cls._make(_columns(row, cls._fields))

    def readable(self) -> Self:
        """Return the entry with plain words and empty values where values were lawfully destroyed."""
        if not is_forgotten(self.input):
            return self
        return self._replace(actor=DESTROYED, note=None, ran_by=None, input="{}", setting="{}")

    @property
    def is_destroyed(self) -> bool:
        """Return whether its values were lawfully destroyed."""
        # Nobody's address reads so.
        return self.actor == DESTROYED or is_forgotten(self.input)

    @property
    def input_values(self) -> dict[str, Any]:
        """Return the input, as `read_input` takes it."""
        values: dict[str, Any] = json.loads(self.input)
        return values

    @property
    def signed_copy(self) -> Attachment | None:
        """Return the signed copy that was made with this event; None for every event but a last signature."""
        copy = json.loads(self.setting).get("signed_copy")
        return None if copy is None else Attachment.model_validate(copy)

    @property
    def stood_in(self) -> str | None:
        """Return the address of the delegate who answered a message in place of the actor, if one did."""
        # In the other channels this is the person who ran the program for the actor.
        return self.ran_by if self.channel in ANSWERED else None

    @property
    def address(self) -> str | None:
        """Return the address to which the used link was sent, or from which the reply came; None without either.

        A link or a reply counts only for the reader of its message: the actor, or the delegate who stood in.
        """
        return (self.stood_in or self.actor) if self.channel in ANSWERED else None


class DeadlineRow(NamedTuple):
    """A rung of a deadline.

    `ladder` is the due instant; `rung` is below 0 for reminders, above 0 to escalate.
    """

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
        """Make a rung from a row of the table of deadlines."""
        return cls._make(_columns(row, cls._fields))


class Notice(NamedTuple):
    """A notice to one person about a row of the history (`seq`) or a rung of a deadline (`deadline`)."""

    id: int
    partnership: int | None
    template: str
    to: str
    role: str
    delegate_for: str | None  # the absent person, where `to` is the delegate
    seq: int | None
    deadline: int | None
    extra: str | None  # JSON: what the template needs besides the record
    status: str
    attempts: int
    message_id: str
    subject: str | None
    queued_at: datetime
    next_at: datetime
    lease_until: datetime | None  # claimed for delivery until this time
    sent_at: datetime | None
    reason: str | None
    message: bytes | None
    shown: str | None  # JSON: each event that its message offered, with the version of what it consents to
    held: bool  # waits for the daily digest
    within: int | None  # the digest that it went out in
    revoked_at: datetime | None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Make a notice from a row of the table of notices."""
        return cls._make(_columns(row, cls._fields))

    @property
    def owner(self) -> str:
        """Return the address of the person who may act: the absent one, where `to` is a delegate."""
        return self.delegate_for or self.to

    @property
    def more(self) -> dict[str, Any]:
        """Return what the template needs besides the record."""
        values: dict[str, Any] = json.loads(self.extra) if self.extra else {}
        return values

    @property
    def offered(self) -> dict[str, str | None]:
        """Return each event that its message offered, with the version of what it consents to."""
        values: dict[str, str | None] = json.loads(self.shown) if self.shown else {}
        return values

    @property
    def capacity(self) -> Role:
        """Return the role in which the person gets the notice."""
        return Role(self.role)


class SignIn(NamedTuple):
    """A browser in which a person has signed in."""

    id: int
    email: str
    link: str  # the name in the link that was used
    key: str  # SHA-256 of the key in the cookie
    browser: str  # in words
    opened_at: datetime
    seen_at: datetime
    ended_at: datetime | None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Make a sign-in from a row of the table of sign-ins."""
        return cls._make(_columns(row, cls._fields))


class ReplyRow(NamedTuple):
    """An incoming message and how the program classified it."""

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
        """Make a reply from a row of the table of replies."""
        return cls._make(_columns(row, cls._fields))


def _columns(row: Row[Any], names: tuple[str, ...]) -> Iterator[Any]:
    """Return the columns of these names. A row may have more columns, such as those of a joined table."""
    values = row._mapping
    return (values[name] for name in names)
