"""Says what went wrong: an exit status, a JSON document and lines of text for each kind of error.

It is imported only when something went wrong, since it knows the errors of every library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from states.errors import BadInput, Problem, Refused
from workflow.procedure.config import ConfigError
from workflow.publishing.pdf import CannotDraw
from workflow.store.column_types import NotAnInstant
from workflow.store.database import StoreError, first_line
from workflow.store.errors import Conflict, Damaged, NotFound

REFUSED, INPUT, SETUP = 1, 2, 5


def explain(error: Exception) -> tuple[int, dict[str, Any], list[str]]:
    """Return the exit status, the JSON document and the lines of text for an error; re-raise an unexpected one."""
    match error:
        case Refused(unmet=unmet):
            needs = [{"requirement": u.requirement, "reason": u.reason, "clause": u.clause} for u in unmet]
            lines = ["Refused:", *(f"  - {u}" for u in unmet)]
            return REFUSED, {"error": "refused", "unmet": needs}, lines
        case BadInput(problems=problems):
            return (
                INPUT,
                {"error": "input", "problems": _problem_dicts(problems)},
                _list_problems("Wrong input:", problems),
            )
        case click.exceptions.NoArgsIsHelpError():
            return INPUT, _usage_document("", "a command is missing"), [error.format_message()]
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "partnershipctl"
            lines = [f"Wrong usage: {error.format_message()}", f"  {command} --help says how."]
            return INPUT, _usage_document(_place_of(error), error.format_message()), lines
        case NotFound():
            return error.exit_status, {"error": "not-found", "problem": str(error)}, [f"Not found: {error}"]
        case Conflict():
            return error.exit_status, {"error": "conflict", "problem": str(error)}, [f"Conflict: {error}"]
        case CannotDraw(problems=problems):
            lines = _list_problems("The document cannot be made:", problems)
            return error.exit_status, {"error": "setup", "problems": _problem_dicts(problems)}, lines
        case ConfigError(problems=problems):
            lines = _list_problems("The configuration cannot be used:", problems)
            return error.exit_status, {"error": "setup", "problems": _problem_dicts(problems)}, lines
        # Input is read by `read_input`, which raises `BadInput`. So this error is about a stored record.
        case ValidationError():
            words = f"a record in it cannot be read as {error.title}; partnershipctl verify names it"
            return _explain_database(words)
        case NotAnInstant():
            return _explain_database(f"{error}; partnershipctl verify names a record that cannot be read")
        case Damaged() | StoreError() | SQLAlchemyError():
            return _explain_database(first_line(error))
    raise error


def _explain_database(words: str) -> tuple[int, dict[str, Any], list[str]]:
    """Return the answer for a database that cannot be used, as `explain` does."""
    document = {"error": "setup", "problems": _problem_dicts([Problem("database", words)])}
    return SETUP, document, [f"The database cannot be used: {words}"]


def _place_of(error: click.UsageError) -> str:
    """Return the option or argument that a mistake of usage is about, as people write it."""
    parameter = getattr(error, "param", None)
    if parameter is not None:
        return str(parameter.get_error_hint(error.ctx)).replace("'", "")
    return str(getattr(error, "option_name", None) or "")


def _usage_document(at: str, problem: str) -> dict[str, Any]:
    """Return the JSON document of a mistake of usage."""
    return {"error": "input", "problems": [{"at": at, "problem": problem, "expected": ""}]}


def _problem_dicts(problems: Sequence[Any]) -> list[dict[str, str]]:
    return [{"at": p.at, "problem": p.problem, "expected": p.expected} for p in problems]


def _list_problems(title: str, problems: Sequence[Any]) -> list[str]:
    """Return a title, and an indented line for each problem."""
    return [title, *(f"  - {problem}" for problem in problems)]
