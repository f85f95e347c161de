"""Defines the facts of one partnership: typed, immutable, and the sum of its history.

Days are local to the district, instants are aware, money is whole cents. People are named by e-mail address.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict


class State(StrEnum):
    """The state of a partnership. The order is that of its life."""

    NEEDS_IDENTIFIED = "needs-identified"
    OPEN_SELECTION = "open-selection"
    BOARD_REVIEW = "board-review"
    ACTIVE = "active"
    ANNUAL_REVIEW = "annual-review"
    TERMINATED = "terminated"


class Role(StrEnum):
    """The role in which a person, or the clock, acts on a partnership."""

    PRINCIPAL = "principal"
    STAFF = "staff"
    SUPERINTENDENT = "superintendent"
    BOARD_OFFICE = "board-office"
    REVIEWER = "reviewer"
    LEAD_PARTNER = "lead-partner"
    NEXT_CONTACT = "next-contact"  # asked to become the contact of the Lead Partner, and not accepted yet
    APPLICANT = "applicant"
    PUBLIC = "public"  # anybody with an address that was confirmed; the record does not say who
    CLOCK = "clock"


Side = Literal["school", "district", "partner"]
SigningSide = Literal["district", "partner"]  # who signs the agreement
Kind = Literal["community-based-organization", "higher-education", "public-agency", "other"]
Ability = Literal[
    "collaboration", "high-expectations", "diversity", "connecting-assets", "shared-accountability"
]
Instrument = Literal["mou", "contract"]
Requester = Literal["school", "superintendent", "board"]
Purpose = Literal["new", "amendment", "renewal", "termination"]
Ground = Literal["no-substantial-impact", "unsatisfactory", "mutual", "breach"]
Remedy = Literal["score-anew", "start-over"]
Duty = Literal["assessment", "gap", "meeting", "engagement", "responsibility"]

# The roles that no person holds: no message asks them for anything, and no page is theirs.
HELD_BY_NOBODY = frozenset({Role.PUBLIC, Role.CLOCK})

SIDES: dict[Role, Side] = {Role.PRINCIPAL: "school", Role.STAFF: "district", Role.LEAD_PARTNER: "partner"}
SIDE_NAMES: dict[Side, str] = {
    "school": "the school",
    "district": "the District",
    "partner": "the Lead Partner",
}


class Fact(BaseModel):
    """An immutable record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def but(self, **changes: object) -> Self:
        """Return the record with some fields changed. The values are not validated: inputs were checked before."""
        return self.model_copy(update=changes)


class Attachment(Fact):
    """A document that came with an event: its name, and the digest and length of its content if it is kept."""

    name: str
    sha256: str | None = None
    size: int | None = None


class Signature(Fact):
    by: str
    at: datetime
    on: date | None = None
    through: str | None = None  # the delegate who gave it for an absent person
    name: str | None = None  # as the person typed it to sign
    consented: bool = False  # the person ticked the sentence of consent
    signed_sha256: str | None = None  # the digest of the document that was signed
    paper: bool = False  # signed on paper by `name`, and recorded by `by`
    scan: Attachment | None = None


Signatures = dict[Side, Signature]


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


class Application(Fact):
    """An application without its texts: the history keeps these, in the row of `received_at`."""

    organization: str
    name: str
    kind: Kind
    contact_name: str
    contact_email: str
    received_at: datetime
    replaces: int = 0
    applied_as: str | None = None  # the name that was sent, for readers of a present name; never on record


class Conflict(Fact):
    reviewer: str
    organization: str
    reason: str
    at: datetime


class Score(Fact):
    reviewer: str
    organization: str
    scores: dict[Ability, int]
    comment: str
    at: datetime


class Choice(Fact):
    organization: str
    reasons: str
    by: str
    at: datetime
    protest_until: datetime


class Protest(Fact):
    organization: str
    text: str
    at: datetime
    answer: str | None = None
    answered_at: datetime | None = None
    remedy: Remedy | None = None
    documents: tuple[Attachment, ...] = ()
    answer_documents: tuple[Attachment, ...] = ()


class Question(Fact):
    """A question that somebody asked about a call. One that is withheld does not stand on the page of the call."""

    text: str
    at: datetime
    answer: str | None = None
    answered_at: datetime | None = None
    withheld: bool = False


class Selection(Fact):
    """One open call, from its opening to the choice (4270.8)."""

    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None = None
    reviewers: tuple[str, ...] = ()
    applications: dict[str, Application] = {}
    conflicts: tuple[Conflict, ...] = ()
    scores: tuple[Score, ...] = ()
    scored_at: datetime | None = None
    anew_at: datetime | None = None  # since when the panel scores anew, after a protest that was upheld
    earlier_scores: tuple[Score, ...] = ()  # those that no longer count since
    choice: Choice | None = None
    protests: tuple[Protest, ...] = ()
    questions: tuple[Question, ...] = ()
    restarted: str | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether the call still takes applications, so that their contents are sealed (4270.8)."""
        return now < self.closes_at

    def score(self, reviewer: str, organization: str) -> Score | None:
        """Return the score that this reviewer gave this applicant, if any."""
        return next(
            (s for s in self.scores if (s.reviewer, s.organization) == (reviewer, organization)), None
        )

    def has_conflict(self, reviewer: str, organization: str) -> bool:
        """Return whether this reviewer declared a conflict of interest with this applicant."""
        return any((c.reviewer, c.organization) == (reviewer, organization) for c in self.conflicts)

    @property
    def counting_scores(self) -> tuple[Score, ...]:
        """Return the scores of those who are on the panel. The scores of a reviewer who left do not count."""
        return tuple(score for score in self.scores if score.reviewer in self.reviewers)

    def unscored(self) -> dict[str, tuple[str, ...]]:
        """Return, by reviewer, the applicants without a score or a conflict of interest from this reviewer."""
        left = {
            reviewer: tuple(
                organization
                for organization in self.applications
                if not self.has_conflict(reviewer, organization) and not self.score(reviewer, organization)
            )
            for reviewer in self.reviewers
        }
        return {reviewer: organizations for reviewer, organizations in left.items() if organizations}

    def unanswered(self) -> tuple[Protest, ...]:
        """Return the protests that still wait for an answer."""
        return tuple(protest for protest in self.protests if protest.answer is None)


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
            self.autonomy_requested_by, self.responsibilities, changes,
        )  # fmt: skip

    def with_change(self, change: Change, at: datetime) -> Self:
        """Return the agreement with new terms and without signatures, since it must be signed again."""
        changes = (*self.changes, change)
        changed = self.but(amount_cents=change.amount_cents, ends_on=change.ends_on, changes=changes)
        document = change.document or self.document
        return changed.but(
            signatures={}, signed_at=None, signed_copy=None, awaits_signature=at, document=document
        )


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


class Partnership(Fact):
    """Everything on record about one partnership, apart from its state."""

    school: str
    title: str
    contact: Contact | None = None
    next_contact: NextContact | None = None
    needs: Needs = Needs()
    selection: Selection | None = None
    earlier_selections: tuple[Selection, ...] = ()
    outcomes: Outcomes = Outcomes()
    proposed_outcomes: Outcomes | None = None  # set anew in force, and not agreed to by all three yet
    earlier_outcomes: tuple[Outcomes, ...] = ()  # the sets that counted before, the earliest first
    agreement: Agreement | None = None
    board: Board = Board()
    duties: tuple[DutyDone, ...] = ()
    other_agreements: tuple[OtherAgreement, ...] = ()
    review: Review | None = None
    earlier_reviews: tuple[Review, ...] = ()
    documents: tuple[Document, ...] = ()
    ending: Ended | None = None  # a termination that is to take effect on a later day
    ended: Ended | None = None
    closed_out: ClosedOut | None = None
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

    def overlaps(self, other: Partnership) -> bool:
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
