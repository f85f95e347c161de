"""Defines the facts of one partnership: typed, immutable, and the sum of its history.

Days are local to the district, instants are aware, money is whole cents. People are named by e-mail address.
"""

from datetime import date, datetime, timedelta
from typing import Literal

from states.agreement import Agreement, Board
from states.fact import Attachment, Fact, Signatures
from states.names import Duty, Ground, Side
from states.selection import Selection


class Statement(Fact):
    """The statement of needs: what the school and the District want from a Lead Partner (4270.7)."""

    needs: tuple[str, ...]
    gaps: tuple[str, ...]
    resources: tuple[str, ...]
    assets: tuple[str, ...]
    qualities: tuple[str, ...]
    goals: tuple[str, ...]


class Needs(Fact):
    statement: Statement | None = None
    described_at: datetime | None = None
    signatures: Signatures = {}
    agreed_at: datetime | None = None


class Outcome(Fact):
    """A measurable outcome (4270.10)."""

    name: str
    measure: str
    unit: str
    baseline: float
    target: float
    direction: Literal["increase", "decrease"]
    goal: str


class Outcomes(Fact):
    items: tuple[Outcome, ...] = ()
    set_at: datetime | None = None
    signatures: Signatures = {}
    agreed_at: datetime | None = None


class DutyDone(Fact):
    """One performance of a duty of the Lead Partner (4270.5a-e)."""

    duty: Duty
    on: date
    summary: str
    evidence: str
    at: datetime
    documents: tuple[Attachment, ...] = ()


class OtherAgreement(Fact):
    """An agreement that the Lead Partner made with another organization (4270.6)."""

    organization: str
    summary: str
    school_input: str
    district_input: str
    signed_on: date
    at: datetime
    documents: tuple[Attachment, ...] = ()


class Document(Fact):
    title: str
    name: str
    sha256: str | None = None
    size: int | None = None
    at: datetime


class Report(Fact):
    values: dict[str, float]
    narrative: str
    document: str | None = None
    sha256: str | None = None
    size: int | None = None
    by: str
    through: str | None = None
    at: datetime
    received_on: date | None = None  # of a report on paper: the day on which it came, and
    typed_by: str | None = None  # who of the staff entered it


class Finding(Fact):
    impact: bool
    reasons: str
    by: str
    through: str | None = None
    at: datetime
    documents: tuple[Attachment, ...] = ()


class Review(Fact):
    """One annual review (4270.11, 4270.12). The last report is the one that counts."""

    opened_at: datetime
    reports: tuple[Report, ...] = ()
    findings: dict[Side, Finding] = {}
    found_at: datetime | None = None
    improvement_plan: str | None = None
    decided_at: datetime | None = None
    interrupted_at: datetime | None = None


class Contact(Fact):
    email: str
    name: str


class NextContact(Contact):
    """A person who is asked to become the contact of the Lead Partner, and may accept until an instant."""

    asked_at: datetime
    until: datetime


class Ended(Fact):
    how: Literal["withdrawn", "expired", "terminated"]
    ground: Ground | None = None
    reason: str | None = None
    effective_on: date
    by: str
    board: bool = False
    at: datetime
    documents: tuple[Attachment, ...] = ()


class ClosedOut(Fact):
    summary: str
    by: str
    at: datetime
    documents: tuple[Attachment, ...] = ()


class PlannedStep(Fact):
    """A step towards a wanted first day, and the last instant for it; None while no meeting is known for it."""

    name: str
    by: datetime | None


class WantedStart(Fact):
    """The day on which an agreement should start, and the plan for it as the clock keeps it."""

    on: date
    at: datetime
    steps: tuple[PlannedStep, ...]


class Partnership(Fact):
    """Everything on record about one partnership, apart from its state."""

    school: str
    title: str
    contact: Contact | None = None
    next_contact: NextContact | None = None
    # These are constructed without validation, which would build a validator for each of them at every start.
    needs: Needs = Needs.model_construct()
    selection: Selection | None = None
    earlier_selections: tuple[Selection, ...] = ()
    outcomes: Outcomes = Outcomes.model_construct()
    proposed_outcomes: Outcomes | None = None  # set anew in force, and not agreed to by all three yet
    earlier_outcomes: tuple[Outcomes, ...] = ()  # the sets that counted before, the earliest first
    agreement: Agreement | None = None
    board: Board = Board.model_construct()
    duties: tuple[DutyDone, ...] = ()
    other_agreements: tuple[OtherAgreement, ...] = ()
    review: Review | None = None
    earlier_reviews: tuple[Review, ...] = ()
    documents: tuple[Document, ...] = ()
    ending: Ended | None = None  # a termination that is to take effect on a later day
    ended: Ended | None = None
    closed_out: ClosedOut | None = None
    wanted: WantedStart | None = None
    corrected_at: datetime | None = None  # the last correction of a row of the history

    @property
    def selections(self) -> tuple[Selection, ...]:
        """Return every call, the earliest first."""
        return (*self.earlier_selections, *((self.selection,) if self.selection else ()))

    @property
    def round(self) -> int:
        """Return how many calls ended before the present one, or before the next one."""
        return len(self.earlier_selections)

    @property
    def outcomes_to_agree(self) -> Outcomes:
        """Return the set that people are asked to agree to: the one that is proposed, or else the present one."""
        return self.outcomes if self.proposed_outcomes is None else self.proposed_outcomes

    def outcomes_at(self, at: datetime) -> Outcomes:
        """Return the set that counted at an instant, by which a report of that time is read (4270.11)."""
        sets = (*self.earlier_outcomes, self.outcomes)
        counted = (each for each in reversed(sets) if each.agreed_at is not None and each.agreed_at <= at)
        return next(counted, sets[0])

    @property
    def in_force(self) -> bool:
        """Return whether an agreement is in force and not ended."""
        return self.ended is None and self.agreement is not None and self.agreement.in_force_at is not None

    @property
    def first_day(self) -> date | None:
        """Return the first day on which the agreement is in force: its own, or a later one on which it was started.

        None without an agreement.
        """
        if self.agreement is None:
            return None
        if self.agreement.in_force_at is None:
            return self.agreement.starts_on
        return max(self.agreement.starts_on, self.agreement.in_force_at.date())

    @property
    def last_day(self) -> date | None:
        """Return the last day of the agreement as things stand.

        It is the agreement's own, or the day before a termination takes effect. None without an agreement.
        """
        return None if self.agreement is None else self.last_day_of(self.agreement.ends_on)

    def overlaps(self, other: "Partnership") -> bool:
        """Return whether this agreement and another one are both in force on some day."""
        if not (self.in_force and other.in_force):
            return False
        firsts = [each.first_day for each in (self, other) if each.first_day]
        lasts = [each.last_day for each in (self, other) if each.last_day]
        return max(firsts) <= min(lasts)

    def last_day_of(self, ends_on: date) -> date:
        """Return the last day of an agreement that ends on a day, unless a termination takes effect before."""
        end = self.ending or self.ended
        if end is None or end.how != "terminated":
            return ends_on
        return min(ends_on, end.effective_on - timedelta(days=1))
