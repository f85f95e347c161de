"""Defines a case: one event on one partnership, with everything that the law needs to judge it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, TypeVar

from states.agreement import Agreement, Item
from states.contacts import OtherContact
from states.fact import Attachment, Fact, Signature, Signatures
from states.inputs import AttachedFile
from states.names import SIDES, Kind, Role, Side, State
from states.partnership import Finding, Partnership, PlannedStep, Report, Review
from states.selection import Selection

T = TypeVar("T")
AgreedText = Literal["needs", "outcomes", "agreement"]  # a text that people sign


class Meaning(StrEnum):
    """What a deadline means to the law.

    A row of the procedure says which meaning it has, whatever its name.
    """

    CALL_CLOSES = "call-closes"  # the instant at which the seal on applications ends (4270.8)
    SCORES = "scores"  # the day by which the panel must have scored
    AGENDA = "agenda"  # the last instant at which the agenda of a meeting takes an item (4270.9)
    DECISION = "board-decision"  # the day by which the Board's decision must be on record (4270.9)
    REPORT = (
        "annual-report"  # the day by which the report is due; later, findings need not wait for it (4270.12)
    )


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
    known_at: datetime | None = None  # since when the calendar has had it; None for always

    def can_follow(self, first: "Meeting") -> bool:
        """Return whether the Board can act here on what it introduces at the `first` meeting, an earlier one."""
        # An agenda that closes before the first reading is held cannot have the item on it for action.
        return self.on > first.on and (self.agenda_closes_at is None or first.at <= self.agenda_closes_at)


class BoardRules(Fact):
    """The Superintendent's procedures for the Board (4270.9, 4270.13)."""

    threshold_cents: int = 25_000_000
    more_than_years: int = 1
    readings: int = 2
    members: int = 7
    quorum: int = 4
    terminates: bool = True
    known_days: int = 0  # early histories were judged without
    # Only the Board changes what it approved. Histories from before this rule do not name it, so it is off there.
    keeps: bool = False
    # An item that came onto an agenda after this had closed is marked. In histories from before none is.
    marks_late: bool = False
    # An amendment joins the one that waits for the Board. In histories from before it replaces it.
    joins: bool = False
    # The Board has introduced only what was on the agenda, and what is introduced goes on to the next meeting for
    # action without a deferral. In histories from before, anything could be introduced.
    by_agenda: bool = False


class Earlier(Fact):
    """The agreements that count with one: those of the same organization at the same school within a year of it."""

    refs: tuple[str, ...]
    amount_cents: int
    starts_on: date  # the earliest first day
    ends_on: date  # the latest last day


class Lead(Fact):
    """Another agreement at the school: the first and the last day on which it is in force, as things stand."""

    ref: str
    starts_on: date
    ends_on: date


class Setting(Fact):
    """What the law needs to know besides the facts. A row of the table names the parts that it asks for.

    The history keeps these parts with the event, so that it can be replayed without any other data.
    """

    invited_on: date | None = None
    other_lead: str | None = None  # only in histories from before the days of agreements were compared
    leads: tuple[Lead, ...] = ()  # the other agreements at the school, in force or to come
    organization: Organization | None = None
    proved_by: str | None = None  # the address that sent the application that the input would replace
    sent_at: datetime | None = None  # when the applicant sent what has waited for the office since
    waiting: int = 0  # how many applications to the present call wait for the office
    # Whether the actor acts otherwise than by a link of their own, so that it may be somebody else.
    unproved: bool = False
    closes_at: datetime | None = None
    opens_until: date | None = None
    minimum_panel: int = 3
    strangers: tuple[str, ...] = ()
    protest_until: datetime | None = None

    earlier: Earlier | None = None  # None also in histories from before such agreements counted
    meeting: Meeting | None = None
    next_meeting: Meeting | None = None  # where the Board acts on what it has introduced at `meeting`
    board: BoardRules = BoardRules.model_construct()
    through: str | None = None  # the delegate who acts for the actor
    accept_until: datetime | None = None  # early histories have none: there a new contact needs no consent
    home_domains: tuple[str, ...] | None = (
        None  # the mail domains of the district; None: domains show nothing
    )
    # Of the Lead Partner, where somebody else than the contact acts whom the record names.
    other_contact: OtherContact | None = None
    belongs_to: tuple[str, ...] = ()  # the organizations for which the actor or the delegate may act
    notice_days: int = 0
    # The longest notice period of a termination, in days. None in histories from before a rule asked for it.
    longest_notice: int | None = None
    # Whether a termination waits for its effective day. In histories from before this rule it ended at once.
    ends_later: bool = False
    # The page with both signatures, made when the last one is given. Early histories and imports have none.
    signed_copy: Attachment | None = None
    plan: tuple[PlannedStep, ...] = ()  # the steps towards a wanted first day
    overdue: tuple[str, ...] = ()  # the meanings of deadlines; early histories also have names of rows
    # Of a correction: the setting of the corrected row, and the texts that have to be agreed to again.
    corrected: "Setting | None" = None
    asks_again: tuple[AgreedText, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a history as the law reads it. `at` is aware and in the district's zone."""

    seq: int
    event: str
    values: Mapping[str, Any]  # its input
    actor: str
    role: Role
    at: datetime
    setting: Setting
    in_person: bool = True  # nobody acted in the place of the actor


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row of a history that the law would not have allowed after a correction, with one reason."""

    entry: Entry
    requirement: str
    reason: str
    clause: str | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What a correction would change, worked out before the law judges it.

    `entry` is the row that is named, as it counts before the correction; None if there is no such row. `recorded`
    is the row as it was written. `before` and `facts` are the facts before and after.
    """

    entry: Entry | None
    recorded: Entry | None
    before: Partnership
    facts: Partnership
    state: State | None = None
    entered_at: datetime | None = None
    input: Any = None  # the corrected input, typed and
    values: Mapping[str, Any] | None = None  # as it is stored; None where the row is taken back
    is_void: bool = False  # the row has been taken back before
    refusals: tuple[Refusal, ...] = ()
    asks_again: tuple[AgreedText, ...] = ()
    fallen: tuple[Entry, ...] = ()  # the rows of the clock that fall with the correction
    correctors: tuple[Role, ...] = ()  # the roles that may correct the row besides its author
    sealed: tuple[str, ...] = ()  # the keys of the row's input that are sealed before the call closes
    setting: Setting | None = None  # by which the corrected row is judged
    length: int = 0  # of the history


@dataclass(frozen=True, slots=True)
class Case:
    """The state and the facts before the event, its input, and the setting.

    `actor` is the address of the person who acts, `role` the role, `at` the instant, aware and in the
    district's zone.
    """

    state: State | None
    facts: Partnership
    input: Any
    actor: str
    role: Role
    at: datetime
    setting: Setting = field(default_factory=Setting)
    trial: Trial | None = None  # of a correction

    @property
    def today(self) -> date:
        return self.at.date()

    @property
    def selection(self) -> Selection:
        return _on_record(self.facts.selection, "selection")

    @property
    def agreement(self) -> Agreement:
        return _on_record(self.facts.agreement, "agreement")

    @property
    def item(self) -> Item:
        return _on_record(self.facts.board.item, "board item")

    @property
    def review(self) -> Review:
        return _on_record(self.facts.review, "review")

    @property
    def is_call_closed(self) -> bool:
        """Return whether the closing instant has passed, whether or not the closing is recorded."""
        selection = self.facts.selection
        return selection is not None and not selection.is_open(self.at)


def _on_record(value: T | None, name: str) -> T:
    """Return the value. Raise `LookupError` if it is None."""
    if value is None:
        raise LookupError(f"no {name} is on record")
    return value


def require_recorded(value: T | None) -> T:
    """Return a fact that an effect builds on. Raise `LookupError` if the history does not have it."""
    if value is None:
        raise LookupError("the history does not fit the law: what this event builds on is not on record")
    return value


def attachments_of(files: Iterable[AttachedFile]) -> tuple[Attachment, ...]:
    """Return the documents that an input names, as the facts keep them."""
    return tuple(Attachment(**file.model_dump()) for file in files)


def attachment_of(file: AttachedFile | None) -> Attachment | None:
    """Return the one document that an input names, as the facts keep it; None if it names none."""
    return Attachment(**file.model_dump()) if file else None


def add_signature(signatures: Signatures, case: Case, on: date | None = None) -> Signatures:
    """Return the signatures with that of the acting side added; `on` is the day written below it."""
    # One signature counts for a side, no matter which person of that side gave it.
    signature = Signature(by=case.actor, at=case.at, on=on, through=case.setting.through)
    return {**signatures, SIDES[case.role]: signature}


def other_sides(case: Case, mine: Side) -> dict[str, Side]:
    """Return the people who acted for another side of the agreement than `mine`: side by address.

    Everything that stands together counts: needs, outcomes, agreement, and the review that is open.
    """
    facts = case.facts
    agreement = facts.agreement.signatures if facts.agreement else {}
    acts: list[tuple[Side, Signature | Finding | Report]] = []
    proposed = facts.proposed_outcomes.signatures if facts.proposed_outcomes else {}
    for signatures in (facts.needs.signatures, facts.outcomes.signatures, proposed, agreement):
        # Who records a signature on paper does not give it.
        acts += [(side, signature) for side, signature in signatures.items() if not signature.paper]
    if facts.review:
        acts += facts.review.findings.items()
        acts += [("partner", report) for report in facts.review.reports]
    return {person: side for side, act in acts if side != mine for person in (act.by, act.through) if person}


def board_reasons(
    agreement: Agreement,
    rules: BoardRules,
    amount_cents: int | None = None,
    ends_on: date | None = None,
    earlier: Earlier | None = None,
) -> tuple[str, ...]:
    """Return why the Board must review this agreement: clauses for its whole amount and term, or "approved".

    `amount_cents` and `ends_on` are proposed terms. Without them the present terms are judged. `earlier` are
    agreements that count with this one.
    """
    amount = agreement.amount_cents if amount_cents is None else amount_cents
    last = agreement.ends_on if ends_on is None else ends_on
    approved = agreement.approval
    whole, first, end = amount, agreement.starts_on, last
    if earlier is not None:
        # A term or an amount that is split over two agreements is one.
        whole += earlier.amount_cents
        first, end = min(first, earlier.starts_on), max(end, earlier.ends_on)
    # 4270.9 judges the whole agreement with all its changes, so that
    # a series of small amendments cannot stay below the threshold.
    clauses = {
        # Whole cents: 249,999.99 dollars stay below the threshold, and 250,000.00 meet it.
        "4270.9a": whole >= rules.threshold_cents,
        "4270.9b": agreement.autonomy_requested_by is not None,
        "4270.9c": is_longer_than(first, end, rules.more_than_years),
        # Up or down: the Board approved an amount and a last day, so only the Board changes them.
        "approved": rules.keeps
        and approved is not None
        and (approved.amount_cents, approved.ends_on) != (amount, last),
    }
    return tuple(clause for clause, holds in clauses.items() if holds)


def anniversary(first: date, years: int) -> date:
    """Return the day that is `years` years after `first`; for 29 February in a common year, 1 March."""
    try:
        return first.replace(year=first.year + years)
    except ValueError:
        return date(first.year + years, 3, 1)


def is_longer_than(first: date, last: date, years: int) -> bool:
    """Return whether the days from `first` to `last`, both included, are more than `years` years."""
    # The last day belongs to the term, so compare the day after it.
    # Exactly one year is then not more than one.
    return last + timedelta(days=1) > anniversary(first, years)
