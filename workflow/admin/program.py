"""Runs partnershipctl: its commands, its common options, and an exit status for each kind of error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import click
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from states.errors import BadInput, Problem, Refused
from workflow.admin.applications import applications
from workflow.admin.backup import backup
from workflow.admin.changes import changes
from workflow.admin.check import check
from workflow.admin.checkpoint import checkpoint
from workflow.admin.console import Console, dump_json, echo, replace_missing_letters
from workflow.admin.deadlines import deadlines
from workflow.admin.diagram import diagram
from workflow.admin.do import do
from workflow.admin.dossier import dossier
from workflow.admin.events import events
from workflow.admin.export import export_
from workflow.admin.history import history
from workflow.admin.hold import hold
from workflow.admin.import_ import import_
from workflow.admin.init import init
from workflow.admin.list import list_
from workflow.admin.meetings import meetings
from workflow.admin.notice_words import notices_preview, notices_resend, notices_test
from workflow.admin.notices import notices
from workflow.admin.organizations import organizations
from workflow.admin.packet import packet
from workflow.admin.people import people
from workflow.admin.plan import plan
from workflow.admin.rehearse import rehearse_
from workflow.admin.replies import replies
from workflow.admin.report import report
from workflow.admin.restore import restore
from workflow.admin.retention import retention
from workflow.admin.schools import schools
from workflow.admin.show import show
from workflow.admin.subscribers import subscribers
from workflow.admin.trigger import trigger
from workflow.admin.verify import verify
from workflow.procedure.config import ConfigError
from workflow.publishing.pdf import CannotDraw
from workflow.store.column_types import NotAnInstant
from workflow.store.database import StoreError, first_line
from workflow.store.errors import Conflict, Damaged, NotFound

REFUSED, INPUT, SETUP = 1, 2, 5


class ReaderGone(Exception):
    """The program that reads the output ended early, as `head` does. This is no failure."""


class Program(click.Group):
    """The group of all commands."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Click itself would report a failure.
            raise ReaderGone from None


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lead-community-partners", message="%(version)s")
@click.option("--config", "config_file", metavar="FILE", help="The configuration; else ./config.toml.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.pass_context
def partnershipctl(context: click.Context, config_file: str | None, as_json: bool) -> None:
    """Manage a district's Lead Community Partners (School Board policy 4270).

    Exit status: 0 done, 1 refused by a rule, 2 wrong usage or input, 3 not found, 4 somebody else moved it
    first, 5 the configuration or the database cannot be used.
    """
    context.obj = Console(config_file, as_json)
    context.call_on_close(context.obj.close)


# In the order of the work: set up, look, act, follow up, keep the directory, keep the record.
for command in (
    init,
    import_,
    check,
    verify,
    checkpoint,
    backup,
    restore,
    export_,
    list_,
    show,
    do,
    events,
    history,
    trigger,
    deadlines,
    notices,
    replies,
    applications,
    plan,
    rehearse_,
    packet,
    report,
    diagram,
    people,
    schools,
    organizations,
    subscribers,
    meetings,
    changes,
    dossier,
    hold,
    retention,
):
    partnershipctl.add_command(command)
for command in (notices_preview, notices_test, notices_resend):
    notices.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit with its status."""
    # Click may fail before it has read --json, and the error has to be JSON too.
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    replace_missing_letters()
    try:
        _check_text(words)
        # Outside of its standalone mode Click raises its
        # errors, so that `_explain` gives each one its status.
        status = partnershipctl.main(words, prog_name="partnershipctl", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.Abort:
        sys.exit(130)
    except ReaderGone:
        # Python flushes its output at the end, which would fail again on the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - _explain raises an unexpected error again
        status, document, lines = _explain(error)
        if as_json:
            echo(dump_json(document))
        for line in lines:
            echo(line, err=True)
        sys.exit(status)


def _check_text(arguments: Sequence[str]) -> None:
    """Raise `BadInput` for an argument that is not text: Python keeps undecodable bytes as surrogates."""
    for argument in arguments:
        if re.search("[\ud800-\udfff]", argument):
            shown = argument.encode("utf-8", "backslashreplace").decode()
            raise BadInput([Problem("", f"the argument '{shown}' is not text", "text in UTF-8")])


def _explain(error: Exception) -> tuple[int, dict[str, Any], list[str]]:
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
    """Return the answer for a database that cannot be used, as `_explain` does."""
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
