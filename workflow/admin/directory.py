"""Shows, writes and removes rows of the directory, for the commands that keep it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import Table, select

from states.errors import BadInput, Problem, list_few, suggest
from states.mistakes import problems_of
from workflow import directory
from workflow.actions import sign_in
from workflow.admin.console import Console
from workflow.admin.terminal import echo
from workflow.outbox import queue
from workflow.procedure.settings import Area
from workflow.record import board_items, changes, histories
from workflow.record.board_items import Moved, follow_calendar
from workflow.record.district_file import find_lacking
from workflow.session import Session
from workflow.store import feeds, tables
from workflow.store.errors import NotFound
from workflow.views import vacancies
from workflow.views.shown_directory import read_directory
from workflow.views.vacancies import Vacancy


def show_rows(console: Console, what: str, headings: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """Show rows of the directory, with the keys in `headings` as columns."""

    def people() -> None:
        shown = [[_write_cell(row.get(name)) for name in headings] for row in rows]
        console.show_table([name.replace("_", " ") for name in headings], shown, f"No {what}.")

    console.show(rows, people)


def _write_cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def write(
    console: Console, area: Area, table: Table, takes: type[BaseModel], values: Mapping[str, Any]
) -> None:
    """Check a row of the directory, add or change it, and print which was done and which roles nobody holds now.

    A value of None is not given, so the row keeps it. Raises `BadInput`, `Refused`.
    """
    rights = console.require_manager(area)
    row = read_row(takes, values)
    key = next(iter(table.primary_key.columns)).name

    def work(session: Session) -> tuple[str | None, list[Vacancy], list[Moved]]:
        # Inside the transaction, so that it sees the directory as it is when the row is written.
        _check_known(session, row)
        if table is tables.people:
            for column in ("roles", "schools"):
                if row[key] not in session.directory.people:
                    row.setdefault(column, "[]")
            today = session.config.calendar.day(console.now)
            rights.require_grants(session.directory, [(str(row[key]), row)], today)
        if table is tables.meetings:
            changes.require_to_come(session, [("DAY", row["on"])], console.now)
        done = changes.put(session, table, row, by=rights.name, now=console.now)
        vacant = _find_new_vacancies(session) if table is tables.people and done else []
        return done, vacant, follow(session, console.now) if table is tables.meetings else []

    done, vacant, moved = console.system.transact(work)
    show_done(console, str(row[key]), done or "unchanged", vacant, moved)


def read_row(takes: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that were given as a row has them. Raise `BadInput`."""
    try:
        checked = takes.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        raise BadInput(problems_of(error, takes)) from None
    row: dict[str, Any] = {
        key: json.dumps(value) if isinstance(value, (tuple, list)) else value
        # Only what was given: a default would overwrite what the row has.
        for key, value in checked.model_dump(exclude_unset=True).items()
    }
    if isinstance(row.get("at"), time):
        row["at"] = row["at"].strftime("%H:%M")
    return row


def follow(session: Session, now: datetime) -> list[Moved]:
    """Let the items before the Board follow the calendar as this transaction has changed it; return what moved."""
    # The session still has the calendar as it was before.
    after = directory.read(session.connection, session.config)
    return follow_calendar(replace(session, directory=after), now)


def _check_known(session: Session, row: Mapping[str, Any]) -> None:
    """Raise `BadInput` with every name in a row that the directory does not have."""
    schools = session.directory.schools
    mistakes = list(_find_lacking(session, row)) if "email" in row else []
    mistakes += [
        Problem(
            "--school",
            f"there is no school {school!r}{suggest(school, schools)}",
            list_few(schools, "one that `schools list` shows"),
        )
        for school in json.loads(row.get("schools", "[]"))
        if school not in schools
    ]
    organization = row.get("organization")
    if organization and organization not in session.directory.organizations:
        organizations = read_directory(session).organizations
        problem = f"there is no organization {organization!r}{suggest(organization, organizations)}"
        mistakes.append(
            Problem("--organization", problem, list_few(organizations, "one that `organizations list` shows"))
        )
    delegate = row.get("delegate")
    if delegate and delegate == row.get("email"):
        mistakes.append(Problem("--delegate", "nobody stands in for themselves", "somebody else"))
    elif delegate and delegate not in session.directory.people:
        problem = f"there is no person {delegate!r}{suggest(delegate, read_directory(session).people)}"
        mistakes.append(Problem("--delegate", problem, "somebody in the directory"))
    if mistakes:
        raise BadInput(mistakes)


def _find_lacking(session: Session, row: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what a person would lack for a role, with the columns that the row leaves as they are."""
    person = session.directory.people.get(row["email"])
    roles = json.loads(row["roles"]) if "roles" in row else person.roles if person else ()
    schools = json.loads(row["schools"]) if "schools" in row else person.schools if person else ()
    organization = row.get("organization") or (person.organization if person else None)
    # A row of an earlier release may lack it. That must not keep its person from an unrelated change.
    rights = (
        json.loads(row["contact_rights"])
        if "contact_rights" in row
        else person.contact_rights
        if person
        else ()
    )
    if {"roles", "schools", "organization", "contact_rights"} & row.keys():
        yield from find_lacking(
            ("--school", "--organization", "--right"), roles, schools, organization, rights
        )


def remove(console: Console, area: Area, table: Table, key: object, what: str) -> None:
    """Remove a row from the directory, and print so and which roles nobody holds now. Raises `NotFound`.

    What was sent to a person who is removed can no longer be used, and what waits for them is never sent.
    """
    rights = console.require_manager(area)

    def work(session: Session) -> tuple[list[Vacancy], list[Moved]]:
        if not changes.remove(session, table, key, by=rights.name, now=console.now):
            known = session.connection.scalars(select(next(iter(table.primary_key.columns))))
            keys = list(read_directory(session).people if table is tables.people else map(str, known))
            raise NotFound(f"there is no {what} {key}{suggest(str(key), keys)}")
        if table is tables.meetings:
            return [], follow(session, console.now)
        if table is not tables.people:
            return [], []
        queue.return_to_absent(session.connection, str(key))
        queue.revoke_person(session.connection, str(key), console.now)
        feeds.renew(session.connection, str(key))
        sign_in.end(session, str(key), None, console.now)
        return _find_new_vacancies(session), []

    show_done(console, str(key), "removed", *console.system.transact(work))


def _find_new_vacancies(session: Session) -> list[Vacancy]:
    """Return the roles that nobody holds since the change of the directory in this transaction."""
    after = directory.read(session.connection, session.config)
    # The session still has the directory as it was before.
    return vacancies.find_new(
        session.directory, after, histories.read_records(session.connection, select(tables.partnerships))
    )


def show_done(
    console: Console, name: str, done: str, vacant: Sequence[Vacancy], moved: Sequence[Moved]
) -> None:
    """Print what was done with a row, each role that nobody holds now, and each item that moved."""
    document: dict[str, Any] = {"id": name, "done": done}
    if vacant:
        document["vacant"] = [{"role": v.role, "of": v.of, "problem": v.problem} for v in vacant]
    if moved:
        document["items"] = board_items.document(moved)
    lines = [f"{name}: {done}.", *(v.problem for v in vacant), *board_items.describe(moved)]
    console.show(document, lambda: echo("\n".join(lines)))
