"""What the input of an event is made of. The same types become options of the command line and fields of forms.

What a clause of the policy demands of the content is optional here and demanded by a requirement, so that
the refusal can cite the clause; what is merely malformed is refused here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
)

from states.errors import BadInput
from states.mistakes import IDENTIFIER, problems, short
from states.partnership import Ability


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


def distinct(values: tuple[str, ...]) -> tuple[str, ...]:
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


class Reason(Input):
    reason: Text = Field(description="why")


class OfOrganization(Input):
    organization: Identifier = Field(title="Organization", description="identifier of the organization")


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
