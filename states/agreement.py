"""Defines the facts of the agreement and its changes, and of the items before the Board (4270.9)."""

from datetime import date, datetime
from typing import Literal, Self

from states.fact import Attachment, Fact, Signatures
from states.names import Instrument, Purpose, Requester, Role, State


class Approval(Fact):
    """The terms that the Board approved, and the meeting at which it did."""

    meeting_on: date
    amount_cents: int
    ends_on: date


class Change(Fact):
    """Terms that will replace those of the agreement: a new total amount, a new last day, new terms in words."""

    purpose: Literal["amendment", "renewal"]
    amount_cents: int
    ends_on: date
    terms: str | None = None
    reason: str
    at: datetime
    document: Attachment | None = None


class Agreement(Fact):
    """The memorandum of understanding or contract. `amount_cents` and the days cover its whole term."""

    instrument: Instrument
    amount_cents: int
    starts_on: date
    ends_on: date
    autonomy_requested_by: Requester | None = None
    responsibilities: tuple[str, ...] = ()
    document: Attachment | None = None  # the text that is signed
    drafted_at: datetime
    signatures: Signatures = {}
    signed_at: datetime | None = None
    signed_copy: Attachment | None = None  # one page with the terms, the document and both signatures
    awaits_signature: datetime | None = None
    approval: Approval | None = None
    in_force_at: datetime | None = None
    pending: Change | None = None
    changes: tuple[Change, ...] = ()

    @property
    def terms(self) -> tuple[object, ...]:
        """Return what those who sign the agreement agree to."""
        changes = [(change.amount_cents, change.ends_on, change.terms) for change in self.changes]
        return (
            self.instrument, self.amount_cents, self.starts_on, self.ends_on,
            self.autonomy_requested_by, self.responsibilities, self.document, changes,
        )  # fmt: skip

    def with_change(self, change: Change, at: datetime) -> Self:
        """Return the agreement with new terms and without signatures, since it must be signed again."""
        changes = (*self.changes, change)
        changed = self.but(amount_cents=change.amount_cents, ends_on=change.ends_on, changes=changes)
        document = change.document or self.document
        return changed.but(
            signatures={}, signed_at=None, signed_copy=None, awaits_signature=at, document=document
        )


class Vote(Fact):
    ayes: int
    noes: int
    abstentions: int


class Item(Fact):
    """An item before the Board, and how far it has got."""

    purpose: Purpose
    reason: str
    because: tuple[str, ...] = ()
    origin: State
    change: Change | None = None
    referred_at: datetime
    meeting_on: date | None = None
    meeting_at: datetime | None = None
    freed_at: datetime | None = None  # when it lost its meeting; None while it has one, or never had one
    freed_on: date | None = None  # the day of the meeting that was taken off the calendar
    scheduled_at: datetime | None = None
    agenda: tuple[date, ...] = ()
    late: tuple[date, ...] = ()  # the agendas that it came onto after they had closed
    documents: tuple[Attachment, ...] = ()  # what came with the referral
    introduced: tuple[date, ...] = ()
    immediate_action: bool = False
    deferred: int = 0


class Decision(Fact):
    purpose: Purpose
    decision: Literal["approve", "send-back", "terminate"]
    meeting_on: date
    vote: Vote
    reason: str | None
    at: datetime
    documents: tuple[Attachment, ...] = ()  # such as the minutes


class Request(Fact):
    """A request that the Board review an agreement that it need not review."""

    role: Role
    by: str
    reason: str
    at: datetime


class Board(Fact):
    asked: Request | None = None
    item: Item | None = None
    decisions: tuple[Decision, ...] = ()
