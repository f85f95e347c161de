"""What each event takes. The same types become options of the command line and the fields of forms.

What a clause of the policy demands of the content is optional here and demanded by a requirement, so that
the refusal can cite the clause; what is merely malformed is refused here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_validator,
)

from states.errors import BadInput
from states.mistakes import IDENTIFIER, problems, short
from states.partnership import Ability, Ground, Instrument, Purpose, Requester


def _day(value: object) -> object:
    if isinstance(value, datetime):
        raise ValueError("a day without a time is needed")
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError(f"{short(value)} is no day")
    if not isinstance(value, (str, date)):
        raise ValueError(f"{short(value)} is no day")
    return value


# Beyond these nothing here takes place, and a day more or a year later may be none that a calendar has.
_FIRST, _LAST = date(1900, 1, 1), date(2199, 12, 31)


def _within_reach(value: date) -> date:
    if not _FIRST <= value <= _LAST:
        raise ValueError(f"{value} is out of reach; give a day from {_FIRST} to {_LAST}")
    return value


def _address(value: str) -> str:
    try:
        # example.org is reserved for documentation, and a district's own host may be unknown to the world.
        found = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"it is no e-mail address: {error}") from None
    return found.normalized.lower()


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("one is named twice")
    return values


def _one_line(value: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
        raise ValueError("it has several lines, or characters that nobody can see; one line is needed")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
# What stands in the headers of messages, where a line of its own would begin another header.
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)
]
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
Email = Annotated[Name, AfterValidator(_address)]
Day = Annotated[date, BeforeValidator(_day), AfterValidator(_within_reach)]
Cents = Annotated[int, Field(strict=True, ge=0, le=100_000_000_000)]
Count = Annotated[int, Field(strict=True, ge=0, le=1000)]
Number = Annotated[FiniteFloat, Field(strict=True)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]
# The name of a file; its digest and its length in bytes are worked out from what is in it, never typed.
File = Annotated[Name, "file"]
Digest = Annotated[str, "worked out"]
Length = Annotated[int, "worked out"]


class Input(BaseModel):
    """The input of an event. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class Nothing(Input):
    """No input."""


class IdentifyNeeds(Input):
    school: Identifier = Field(title="School", description="identifier of the school")
    title: Name = Field(title="Title", description="what people will call this partnership")


class DescribeNeeds(Input):
    needs: Texts = Field(title="Needs", description="what the school needs")
    gaps: tuple[Text, ...] = Field(default=(), title="Gaps", description="services that are missing")
    resources: Texts = Field(title="Resources", description="resources a Lead Partner should bring")
    assets: Texts = Field(title="Assets", description="assets a Lead Partner should bring")
    qualities: Texts = Field(title="Qualities", description="qualities wanted in a Lead Partner")
    goals: Texts = Field(title="Goals", description="goals of the school and the District that are served")


class Reason(Input):
    reason: Text = Field(description="why")


class OpenSelection(Input):
    closes_on: Day = Field(description="last day of the call")
    reviewers: Annotated[tuple[Email, ...], AfterValidator(_distinct)] = Field(
        title="Panel of reviewers", description="e-mail addresses of the panel"
    )


class ReceiveApplication(Input):
    organization: Identifier = Field(title="Organization", description="identifier of the organization")
    contact_name: Name = Field(title="Contact person", description="the organization's contact person")
    contact_email: Email = Field(title="E-mail address", description="the contact's e-mail address")
    abilities: dict[Ability, Text] = Field(
        title="The five abilities", description="how each of the five abilities is shown"
    )
    demonstration: Text | None = Field(
        default=None, title="Ability to serve", description="for kind other: ability to serve"
    )


class OfOrganization(Input):
    organization: Identifier = Field(title="Organization", description="identifier of the organization")


class ExtendSelection(Input):
    closes_on: Day = Field(description="the new last day of the call")
    reason: Text = Field(description="why")


class DeclareConflict(OfOrganization):
    reason: Text = Field(description="what the conflict of interest is")


class ScoreApplication(OfOrganization):
    scores: dict[Ability, Annotated[int, Field(strict=True, ge=1, le=5)]] = Field(
        title="Scores", description="1 to 5 for each ability"
    )
    comment: Text = Field(title="Comment", description="what the scores rest on")

    @model_validator(mode="after")
    def _all_five(self) -> ScoreApplication:
        missing = [name for name in ABILITIES if name not in self.scores]
        if missing:
            raise ValueError("a score is missing for " + ", ".join(missing))
        return self


class ChoosePartner(OfOrganization):
    reasons: Text = Field(title="Reasons", description="the reasons for the choice")


class FileProtest(OfOrganization):
    text: Text = Field(title="Protest", description="what was wrong with the choice, and why")


class AnswerProtest(OfOrganization):
    text: Text = Field(title="Answer", description="the answer to the protest")


class DraftAgreement(Input):
    instrument: Instrument = Field(
        title="Kind of agreement", description="memorandum of understanding or contract"
    )
    amount_cents: Cents = Field(title="Whole amount", description="whole amount in cents")
    starts_on: Day = Field(description="first day")
    ends_on: Day = Field(description="last day")
    autonomy_requested_by: Requester | None = Field(
        default=None, title="Autonomy", description="who wants autonomy, if anybody"
    )
    responsibilities: tuple[Text, ...] = Field(
        default=(), title="Responsibilities", description="responsibilities beyond the policy's"
    )

    @model_validator(mode="after")
    def _in_order(self) -> DraftAgreement:
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on is before starts_on: the last day cannot come before the first")
        return self


class OutcomeInput(Input):
    name: Name = Field(title="Name", description="what the outcome is called")
    measure: Text = Field(title="Measure", description="what is measured, and how")
    unit: Name = Field(title="Unit", description="the unit of the numbers")
    baseline: Number = Field(title="Baseline", description="the number at the start")
    target: Number = Field(title="Target", description="the number to reach")
    direction: Literal["increase", "decrease"] = Field(title="Direction", description="increase or decrease")
    goal: Text = Field(title="Goal", description="the goal of the school or the District that it serves")

    @model_validator(mode="after")
    def _ahead(self) -> OutcomeInput:
        behind = self.target < self.baseline if self.direction == "increase" else self.target > self.baseline
        if behind:
            raise ValueError(f"the target is on the wrong side of the baseline for '{self.direction}'")
        return self


class SetOutcomes(Input):
    outcomes: Annotated[tuple[OutcomeInput, ...], Field(min_length=1)] = Field(
        title="Outcomes", description="measurable outcomes"
    )

    @model_validator(mode="after")
    def _named_once(self) -> SetOutcomes:
        _distinct(tuple(outcome.name for outcome in self.outcomes))
        return self


class SignAgreement(Input):
    signed_on: Day = Field(description="day of the signature")


class ReferToBoard(Input):
    purpose: Purpose = Field(title="Purpose", description="what the Board is asked for")
    reason: Text = Field(description="why")
    amount_cents: Cents | None = Field(
        default=None, title="New whole amount", description="new whole amount in cents"
    )
    ends_on: Day | None = Field(default=None, description="new last day")


class ScheduleItem(Input):
    meeting_on: Day = Field(title="Meeting of the Board", description="day of a regular meeting")


class IntroduceItem(ScheduleItem):
    immediate_action: StrictBool = Field(
        default=False,
        title="Does the Board act at this meeting, without a second reading?",
        description="whether the Board acts at once",
    )


class DeferItem(Input):
    meeting_on: Day | None = Field(
        default=None,
        title="Meeting of the Board",
        description="day of a later regular meeting; the clock may know of none",
    )
    reason: Text = Field(description="why")


class VoteInput(ScheduleItem):
    ayes: Count = Field(description="votes for")
    noes: Count = Field(description="votes against")
    abstentions: Count = Field(default=0, description="abstentions")


class Decide(VoteInput):
    reason: Text | None = Field(default=None, description="what the Board said")


class Terminate(Input):
    ground: Ground = Field(title="Ground", description="the ground")
    reason: Text = Field(description="why")
    effective_on: Day = Field(description="when it takes effect")


class BoardTerminate(VoteInput, Terminate):
    """A termination with the Board's vote."""


class RecordDuty(Input):
    on: Day = Field(description="when it was done")
    summary: Text = Field(title="Summary", description="what was done")
    evidence: Text = Field(title="Evidence", description="what shows it")


class AddAgreement(Input):
    with_: Name = Field(alias="with", description="the other organization")
    summary: Text = Field(title="Summary", description="what was agreed")
    school_input: Text | None = Field(default=None, description="what the school community said")
    district_input: Text | None = Field(default=None, description="what the District said")
    signed_on: Day = Field(description="day of the signature")


class AmendAgreement(Input):
    amount_cents: Cents | None = Field(
        default=None, title="New whole amount", description="new whole amount in cents"
    )
    ends_on: Day | None = Field(default=None, description="new last day")
    terms: Text | None = Field(default=None, description="new terms in words")
    reason: Text = Field(description="why")

    @model_validator(mode="after")
    def _changes_something(self) -> AmendAgreement:
        if self.amount_cents is None and self.ends_on is None and self.terms is None:
            raise ValueError("nothing is changed: give amount_cents, ends_on or terms")
        return self


class SubmitReport(Input):
    values: dict[Name, Number] = Field(title="Values", description="a value for each outcome")
    narrative: Text = Field(title="Narrative", description="the year in words")
    document: File | None = Field(default=None, title="Document", description="file of the full report")
    sha256: Digest | None = Field(default=None, description="its digest, filled in when it is read")


class GiveFinding(Input):
    impact: StrictBool = Field(
        title="Is the impact substantial and positive?",
        description="whether the impact is substantial and positive",
    )
    reasons: Text = Field(description="the reasons")


class Continue(Input):
    improvement_plan: Text | None = Field(
        default=None, title="Improvement plan", description="required if a finding is negative"
    )


class CloseOut(Input):
    summary: Text = Field(title="Summary", description="final report, return of property and records")


class AddNote(Input):
    text: Text = Field(description="the note")


class AttachDocument(Input):
    file: File = Field(title="Document", description="the file")
    title: Name = Field(title="Title", description="what it is")
    sha256: Digest | None = Field(default=None, description="its digest, filled in when it is read")
    size: Length | None = Field(default=None, description="its length in bytes, filled in when it is read")


class ChangeContact(Input):
    email: Email = Field(description="the new contact's e-mail address")
    name: Name = Field(description="the new contact's name")


ABILITIES: tuple[Ability, ...] = (
    "collaboration", "high-expectations", "diversity", "connecting-assets", "shared-accountability",
)  # fmt: skip

# What people read for the words that an input can have. The abilities are those of 4270.3a-e.
READABLE: Mapping[str, str] = {
    "collaboration": "Collaboration",
    "high-expectations": "High expectations",
    "diversity": "Diversity",
    "connecting-assets": "Connecting assets",
    "shared-accountability": "Shared accountability",
    "mou": "Memorandum of understanding",
    "contract": "Contract",
    "school": "The school",
    "superintendent": "The Superintendent",
    "board": "The Board",
    "new": "A new agreement",
    "amendment": "An amendment of the agreement",
    "renewal": "A renewal of the agreement",
    "termination": "The end of the agreement",
    "no-substantial-impact": "No substantial positive impact",
    "unsatisfactory": "Unsatisfactory performance",
    "mutual": "Both sides agree to end it",
    "breach": "Breach of the agreement",
    "increase": "It is to go up",
    "decrease": "It is to go down",
}


InputT = TypeVar("InputT", bound=Input)


def read_input(takes: type[InputT], data: Mapping[str, Any]) -> InputT:
    """The typed input of an event. Raises `BadInput` that names every fault with its place."""
    try:
        return takes.model_validate(data)
    except ValidationError as error:
        raise BadInput(problems(error, takes)) from None


def stored(value: Input) -> dict[str, Any]:
    """The input as the history keeps it: JSON types, without what was not given."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
