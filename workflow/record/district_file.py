"""Reads a district file (TOML): its tables, with the type of each key."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)

from notifications.languages import LANGUAGES
from states.contacts import Right
from states.errors import BadInput, Problem
from states.event import OFFICE
from states.inputs import Day, Email, Identifier, Name
from states.mistakes import problems_of
from states.names import Kind, Role
from workflow.procedure.field_types import Clock
from workflow.procedure.reading import UNREADABLE, explain_unreadable, read_toml

GivenRole = Literal["principal", "staff", "superintendent", "board-office", "reviewer", "lead-partner"]


class Given(BaseModel):
    """A table of a district file: immutable, and without keys that it does not define."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class GivenSchool(Given):
    id: Identifier
    name: Name
    invited_on: Day | None = None


class GivenOrganization(Given):
    id: Identifier
    name: Name
    kind: Kind


def _check_language(value: str) -> str:
    if value not in LANGUAGES:
        raise ValueError(f"{value!r} is not a language of dates; give one of {', '.join(LANGUAGES)}")
    return value


class GivenPerson(Given):
    email: Email
    name: Name
    roles: tuple[GivenRole, ...] = ()
    schools: tuple[Identifier, ...] = ()
    organization: Identifier | None = None
    away_until: Day | None = None
    delegate: Email | None = None
    digest: bool = False
    dates: Annotated[str, AfterValidator(_check_language)] | None = None
    contact_rights: tuple[Right, ...] = ()


def find_lacking(
    at: tuple[str, str, str],
    roles: Collection[str],
    schools: Collection[str],
    organization: str | None,
    rights: Collection[str],
) -> Iterator[Problem]:
    """Yield what a person lacks for a role: a principal a school, the contact of a Lead Partner an organization.

    `at` are the places of its schools, its organization and its rights as a contact. Without the first two nobody
    could say where they act. Nobody acts for a partner and for the district.
    """
    if Role.PRINCIPAL in roles and not schools:
        yield Problem(at[0], "a principal needs a school", "the identifier of a school")
    if Role.LEAD_PARTNER in roles and not organization:
        expected = "the identifier of an organization"
        yield Problem(at[1], "a contact of a Lead Partner needs an organization", expected)
    elif rights and not organization:
        expected = "the identifier of an organization"
        yield Problem(at[1], "somebody with the rights of a contact needs an organization", expected)
    if rights and (office := sorted(OFFICE.intersection(roles))):
        problem = f"somebody who is {' and '.join(office)} has no rights as a contact of a partner"
        yield Problem(at[2], problem, "the rights of a person who does not work for the district")


class GivenMeeting(Given):
    on: Day
    at: Clock
    kind: Literal["regular", "special"] = "regular"


def _check_year(value: datetime) -> datetime:
    # Near the first and the last year of Python's calendar a conversion to another zone overflows.
    if not 1900 < value.year < 2199:
        raise ValueError(f"{value.isoformat()} is out of reach; give a time of the years 1901 to 2198")
    return value


def _check_text(value: str) -> str:
    # PostgreSQL stores no text with this character.
    if "\x00" in value:
        raise ValueError("it has a character that nobody can read (U+0000); take it out")
    return value


class GivenEvent(Given):
    event: Name
    at: Annotated[AwareDatetime, AfterValidator(_check_year)]
    actor: Name = Field(validation_alias=AliasChoices("as", "actor"))
    role: Role | None = None
    input: dict[str, Any] = {}
    note: Annotated[str, AfterValidator(_check_text)] | None = None


class GivenPartnership(Given):
    ref: Identifier
    school: Identifier
    title: Name
    event: tuple[GivenEvent, ...] = ()


class DistrictFile(Given):
    """A district file: for each kind of table, the list that TOML has of it."""

    school: tuple[GivenSchool, ...] = ()
    organization: tuple[GivenOrganization, ...] = ()
    person: tuple[GivenPerson, ...] = ()
    meeting: tuple[GivenMeeting, ...] = ()
    partnership: tuple[GivenPartnership, ...] = ()


def read_file(path: Path) -> DistrictFile:
    """Read a district file. Raises `BadInput` with every mistake in its form."""
    try:
        data = read_toml(path)
    except UNREADABLE as error:
        problem = f"it cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem(str(path), problem, "a district file in TOML")]) from None
    try:
        return DistrictFile.model_validate(data)
    except ValidationError as error:
        raise BadInput(problems_of(error, DistrictFile)) from None
