"""One event that somebody wants on one partnership, with all that the law needs to judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from states.partnership import (
    SIDES,
    Agreement,
    Fact,
    Item,
    Kind,
    Partnership,
    Review,
    Role,
    Selection,
    Signature,
    Signatures,
    State,
)

T = TypeVar("T")


class Meaning(StrEnum):
    """What a deadline means to the law. A row of the procedure says which meaning it has, whatever its name."""

    CALL_CLOSES = "call-closes"  # the instant at which applications are sealed no more (4270.8)
    SCORES = "scores"  # by when the panel has scored
    AGENDA = "agenda"  # until when the agenda of a meeting takes an item (4270.9)
    DECISION = "board-decision"  # by when the Board's decision is on record (4270.9)
    REPORT = "annual-report"  # by when the year's report is in; then findings need not wait for it (4270.12)


class Organization(Fact):
    id: str
    name: str
    kind: Kind


class Meeting(Fact):
    """A meeting of the Board: its day, its hour, and the last instant at which its agenda takes an item."""

    on: date
    at: datetime
    kind: str = "regular"
    agenda_closes_at: datetime | None = None


class BoardRules(Fact):
    """What the Superintendent's procedures say about the Board (4270.9, 4270.13)."""

    threshold_cents: int = 25_000_000
    more_than_years: int = 1
    readings: int = 2
    members: int = 7
    quorum: int = 4
    terminates: bool = True


class Setting(Fact):
    """What the law needs to know besides the facts. A row of the table names the parts that it asks for.

    The parts that were asked for are kept with the event, so a history can be read again by itself.
    """

    invited_on: date | None = None
    other_lead: str | None = None
    organization: Organization | None = None
    closes_at: datetime | None = None
    opens_until: date | None = None
    minimum_panel: int = 3
    strangers: tuple[str, ...] = ()
    protest_until: datetime | None = None

    meeting: Meeting | None = None
    board: BoardRules = BoardRules()
    notice_days: int = 0
    overdue: tuple[str, ...] = ()  # the meanings of deadlines; histories may have names of rows as well


@dataclass(frozen=True, slots=True)
class Case:
    """The state and facts before; the event's input; who acts, as what, when (local, aware); the setting."""

    state: State | None
    facts: Partnership
    input: Any
    actor: str
    role: Role
    at: datetime
    setting: Setting = field(default_factory=Setting)

    @property
    def today(self) -> date:
        return self.at.date()

    @property
    def selection(self) -> Selection:
        return _known(self.facts.selection, "selection")

    @property
    def agreement(self) -> Agreement:
        return _known(self.facts.agreement, "agreement")

    @property
    def item(self) -> Item:
        return _known(self.facts.board.item, "board item")

    @property
    def review(self) -> Review:
        return _known(self.facts.review, "review")

    @property
    def closed(self) -> bool:
        """Whether the call is over: from the closing instant on, recorded or not."""
        selection = self.facts.selection
        return selection is not None and self.at >= selection.closes_at


def _known(value: T | None, name: str) -> T:
    if value is None:
        raise LookupError(f"no {name} is on record")
    return value


def recorded(value: T | None) -> T:
    """Return what an effect builds on. Raise `LookupError` where a history does not have it."""
    if value is None:
        raise LookupError("the history does not fit the law: what this event builds on is not on record")
    return value


def signed(signatures: Signatures, case: Case, on: date | None = None) -> Signatures:
    """Return the signatures with that of the side that acts, `on` being the day written below it."""
    return {**signatures, SIDES[case.role]: Signature(by=case.actor, at=case.at, on=on)}


def board_reasons(
    agreement: Agreement, rules: BoardRules, amount_cents: int | None = None, ends_on: date | None = None
) -> tuple[str, ...]:
    """The clauses by which the Board reviews this agreement, worked out over its whole amount and term.

    `amount_cents` and `ends_on` are terms it is to get; without them those it has are looked at.
    """
    amount = agreement.amount_cents if amount_cents is None else amount_cents
    last = agreement.ends_on if ends_on is None else ends_on
    found = {
        "4270.9a": amount >= rules.threshold_cents,
        "4270.9b": agreement.autonomy_requested_by is not None,
        "4270.9c": longer_than(agreement.starts_on, last, rules.more_than_years),
    }
    return tuple(clause for clause, holds in found.items() if holds)


def anniversary(first: date, years: int) -> date:
    """The day on which `years` years from `first` are over; for 29 February in a common year, 1 March."""
    try:
        return first.replace(year=first.year + years)
    except ValueError:
        return date(first.year + years, 3, 1)


def longer_than(first: date, last: date, years: int) -> bool:
    """Whether the days from `first` to `last`, both included, are more than `years` years."""
    return last + timedelta(days=1) > anniversary(first, years)
