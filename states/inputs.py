"""Defines the types that the inputs of events are made of, and reads an input.

The same types become options of the command line and fields of forms. They refuse only malformed input. A
value that a clause of the policy demands is optional here: a requirement demands it, so that the refusal can
cite the clause.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

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

from states.addresses import is_plain
from states.errors import BadInput, Problem
from states.mistakes import IDENTIFIER, problems_of, shorten
from states.names import Ability


def _check_day(value: object) -> object:
    # pydantic would take a midnight for a day, and a number for the seconds since 1970.
    if isinstance(value, datetime):
        raise ValueError("a day without a time is needed")
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError(f"{shorten(value)} is not a date")
    if not isinstance(value, (str, date)):
        raise ValueError(f"{shorten(value)} is not a date")
    return value


# No event and no meeting lies outside these days. Well inside the calendar's range, so that adding years to a
# day cannot fail.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


def check_range(value: date) -> date:
    """Return the day. Raise `ValueError` if no event and no meeting can be on it."""
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"{value} is out of reach; give a day from {FIRST_DAY} to {LAST_DAY}")
    return value


@lru_cache(maxsize=4096)  # replaying histories meets the same addresses again and again
def _normalize_address(value: str) -> str:
    if is_plain(value):
        return value
    # Imported here, since it takes long to import and few addresses need it.
    from email_validator import EmailNotValidError, validate_email

    try:
        # `test_environment` admits example.org and other reserved names. A district's own host may not
        # resolve publicly.
        address = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"it is not an e-mail address: {error}") from None
    # An address identifies a person, so two spellings of it must be equal.
    return address.normalized.lower()


def check_distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values. Raise `ValueError` if two are the same."""
    if len(set(values)) < len(values):
        raise ValueError("one is named twice")
    return values


def _check_one_line(value: str) -> str:
    # Most texts are printable, and then no character needs a look of its own.
    if value.isprintable():
        return value
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
        raise ValueError("it has several lines, or characters that nobody can see; one line is needed")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
# Names go into the headers of messages, where a line break would begin another header.
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_check_one_line),
]
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
Email = Annotated[Name, AfterValidator(_normalize_address)]
Day = Annotated[date, BeforeValidator(_check_day), AfterValidator(check_range)]
# Strict: pydantic would otherwise turn the text "250" or the number 250.0 into cents.
Cents = Annotated[int, Field(strict=True, ge=0, le=100_000_000_000)]
Count = Annotated[int, Field(strict=True, ge=0, le=1000)]
# Infinity and NaN have no place in JSON, and no outcome can be compared with them.
Number = Annotated[FiniteFloat, Field(strict=True)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]
# The name of a file. Its digest and its length in bytes are computed from its content; nobody types them.
File = Annotated[Name, "file"]
Digest = Annotated[str, "worked out"]
Length = Annotated[int, "worked out"]
# A box that a person ticks to consent; its label is the sentence. It can only be ticked, or left out.
Consent = Annotated[Literal[True], "consent"]
MOST_FILES = 10  # documents that one input can name


class Input(BaseModel):
    """The input of an event. Unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, defer_build=True
    )


class AttachedFile(Input):
    """One of several documents that an input names."""

    name: File = Field(description="the name of the file")
    sha256: Digest | None = None
    size: Length | None = None


def _name_file(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _list_files(value: object) -> object:
    # People name a file, or several, and nothing besides.
    values = [value] if isinstance(value, str) else value
    return list(map(_name_file, values)) if isinstance(values, (list, tuple)) else values


OneFile = Annotated[AttachedFile, BeforeValidator(_name_file)]
Files = Annotated[tuple[AttachedFile, ...], BeforeValidator(_list_files), Field(max_length=MOST_FILES)]


def documents_field(description: str, title: str = "Documents") -> Any:
    """Return the field of an input that takes any number of documents, none by default."""
    return Field(default=(), title=title, description=description)


class Nothing(Input):
    """No input."""


class Reason(Input):
    reason: Text = Field(description="why")


class OfOrganization(Input):
    organization: Identifier = Field(title="Organization", description="identifier of the organization")


ABILITIES: tuple[Ability, ...] = (
    "collaboration", "high-expectations", "diversity", "connecting-assets", "shared-accountability",
)  # fmt: skip

# The label of each word that an input can have. The abilities are those of 4270.3a-e.
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
    "district": "The District",
    "partner": "The Lead Partner",
    "board": "The Board",
    "needs": "The statement of needs",
    "agreement": "The terms of the agreement",
    "outcomes": "The outcomes",
    "new": "A new agreement",
    "amendment": "An amendment of the agreement",
    "renewal": "A renewal of the agreement",
    "termination": "The end of the agreement",
    "no-substantial-impact": "No substantial positive impact",
    "unsatisfactory": "Unsatisfactory performance",
    "mutual": "Both sides agree to end it",
    "breach": "Breach of the agreement",
    "score-anew": "The protest is upheld: the panel scores anew",
    "start-over": "The protest is upheld: the selection starts over with the needs",
    "increase": "It is to go up",
    "decrease": "It is to go down",
}


InputT = TypeVar("InputT", bound=Input)


def read_input(takes: type[InputT], data: Mapping[str, Any]) -> InputT:
    """Return the typed input of an event. Raise `BadInput` with every mistake and its place."""
    try:
        return takes.model_validate(data)
    except ValidationError as error:
        raise BadInput(problems_of(error, takes)) from None


def check_text(values: Any, at: str = "") -> None:
    """Raise `BadInput` for each text in an input that has characters which nobody can read, at its place.

    These are control characters besides tabs and line breaks. The types of inputs do not refuse them, since the
    histories of earlier releases may hold some and have to be read.
    """
    if problems := list(_find_unreadable(values, at)):
        raise BadInput(problems)


def _find_unreadable(values: Any, at: str) -> Iterator[Problem]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _find_unreadable(str(key), at)
            yield from _find_unreadable(value, f"{at}.{key}" if at else str(key))
    elif isinstance(values, (list, tuple)):
        for number, value in enumerate(values):
            yield from _find_unreadable(value, f"{at}.{number}")
    elif isinstance(values, str):
        unreadable = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", values)
        if unreadable is not None:
            problem = f"it has a character that nobody can read (U+{ord(unreadable[0]):04X})"
            yield Problem(at, problem, "the same text without it")


def as_stored(value: Input) -> dict[str, Any]:
    """Return the input as the history keeps it: JSON types, without the keys that were left out."""
    # Leave out what nobody gave.
    # A default that changes later would otherwise look as if somebody had chosen it.
    return value.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
