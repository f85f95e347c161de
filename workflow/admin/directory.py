"""Shows, writes and removes rows of the directory, for the commands that keep it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import time
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import Table

from states.errors import BadInput, Problem
from states.mistakes import problems_of
from workflow import directory
from workflow.admin.console import Console, echo
from workflow.engine import NotFound
from workflow.session import Session
from workflow.store import tables


def show_rows(console: Console, what: str, headings: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """Show rows of the directory, with the keys in `headings` as columns."""

    def people() -> None:
        shown = [[row[name] for name in headings] for row in rows]
        console.show_table([name.replace("_", " ") for name in headings], shown, f"No {what}.")

    console.show(rows, people)


def write(console: Console, table: Table, takes: type[BaseModel], values: Mapping[str, Any]) -> None:
    """Check a row of the directory, add or change it, and print which was done.

    A value of None is not given, so the row keeps it. Raises `BadInput`, `Refused`.
    """
    user = console.require_writer()
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
    key = next(iter(table.primary_key.columns)).name

    def work(session: Session) -> str | None:
        # Inside the transaction, so that it sees the directory as it is when the row is written.
        _check_known(session, row)
        if table is tables.people:
            for column in ("roles", "schools"):
                if row[key] not in session.directory.people:
                    row.setdefault(column, "[]")
        return directory.put(session.connection, table, row, by=user, now=console.now)

    done = console.system.transact(work) or "unchanged"
    name = str(row[key])
    console.show({"id": name, "done": done}, lambda: echo(f"{name}: {done}."))


def _check_known(session: Session, row: Mapping[str, Any]) -> None:
    """Raise `BadInput` with every name in a row that the directory does not have."""
    schools = session.directory.schools
    mistakes = [
        Problem("--school", f"there is no school {school!r}", ", ".join(schools))
        for school in json.loads(row.get("schools", "[]"))
        if school not in schools
    ]
    organization = row.get("organization")
    if organization and organization not in session.directory.organizations:
        expected = ", ".join(session.directory.organizations)
        mistakes.append(Problem("--organization", f"there is no organization {organization!r}", expected))
    delegate = row.get("delegate")
    if delegate and delegate == row.get("email"):
        mistakes.append(Problem("--delegate", "nobody stands in for themselves", "somebody else"))
    elif delegate and delegate not in session.directory.people:
        mistakes.append(
            Problem("--delegate", f"there is no person {delegate!r}", "somebody in the directory")
        )
    if mistakes:
        raise BadInput(mistakes)


def remove(console: Console, table: Table, key: object, what: str) -> None:
    """Remove a row from the directory, and print so. Raises `NotFound`."""
    user = console.require_writer()

    def work(session: Session) -> bool:
        return directory.remove(session.connection, table, key, by=user, now=console.now)

    if not console.system.transact(work):
        raise NotFound(f"there is no {what} {key}")
    console.show({"id": str(key), "done": "removed"}, lambda: echo(f"{key}: removed."))
