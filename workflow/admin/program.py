"""Runs partnershipctl: finds its commands, reads its common options, and ends with a status for each kind of error.

A command is imported when it is run, so that help comes at once.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import click

from states.errors import BadInput, Problem
from workflow import startup
from workflow.admin.terminal import dump_json, echo, replace_missing_letters


class Place(NamedTuple):
    """Where a command is, as MODULE:NAME in this package, and what the help of the program says of it."""

    at: str
    words: str


# In the order of the work: set up, look, act, follow up, keep the directory, keep the record.
COMMANDS = {
    "init": Place("init:init", "Create or upgrade the database; safe to repeat."),
    "import": Place("import_:import_", "Import a district FILE (TOML), all or nothing."),
    "check": Place("check:check", "Check the configuration and every template."),
    "verify": Place("verify:verify", "Compare every record with its history."),
    "checkpoint": Place("checkpoint:checkpoint", "Take a checkpoint: one hash over the ends of all chains."),
    "backup": Place("backup:backup", "Write everything to one FILE, while the daemon runs."),
    "restore": Place("restore:restore", "Put a backup back into a database with nothing in it."),
    "export": Place("export:export_", "Write the record in an open format."),
    "list": Place("list:list_", "List the partnerships, each with its next deadline."),
    "show": Place("show:show", "Show everything about one partnership."),
    "do": Place("do:do", "Show what can be done now, and do it."),
    "events": Place("events:events", "List every event of its state, and what each requires."),
    "history": Place("history:history", "List who did what, when and how; the time in each state."),
    "trigger": Place("trigger:trigger", "Do EVENT on partnership REF, or say every reason why not."),
    "deadlines": Place("deadlines:deadlines", "List what is due, overdue or fired; explain a date."),
    "notices": Place("notice_words:notices", "List what was sent; preview, test, resend, revoke."),
    "replies": Place("replies:replies", "List what came back by mail; show it, mark it as handled."),
    "applications": Place("applications:applications", "Keep the applications that wait for the office."),
    "plan": Place("plan:plan", "Plan backwards from a wanted first day."),
    "rehearse": Place("rehearse:rehearse_", "Tell what will happen until a day."),
    "packet": Place("packet:packet", "Write the draft of a Board Action Report."),
    "report": Place("report:report", "Make the annual report of REF, or of the district."),
    "diagram": Place("diagram:diagram", "Draw the lifecycle; mark where REF stands."),
    "people": Place("people:people", "Keep the people: list, add, change, replace, link, revoke."),
    "schools": Place("schools:schools", "List the schools, add one, change one or close one."),
    "organizations": Place("organizations:organizations", "List the organizations, add one or change one."),
    "subscribers": Place("subscribers:subscribers", "List who hears of new calls, or remove an address."),
    "meetings": Place("meetings:meetings", "Keep the Board's calendar: list, add, move, remove, import."),
    "changes": Place("changes:changes", "List the changes of people, meetings and rules."),
    "dossier": Place("dossier:dossier", "Write everything about a partnership, readable offline."),
    "hold": Place("hold:hold", "Stop the destruction of a record, or let it go on."),
    "retention": Place("retention:retention", "Destroy what need not be kept any longer."),
}


_GARBAGE = 50_000  # new objects after which Python looks for some that nobody needs


def load(name: str) -> click.Command:
    """Return the command of this name, from its module."""
    module, _, variable = COMMANDS[name].at.partition(":")
    command: click.Command = getattr(import_module(f"workflow.admin.{module}"), variable)
    return command


class ReaderGone(Exception):
    """The program that reads the output ended early, as `head` does. This is no failure."""


class Program(click.Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = load(cmd_name)
        startup.end()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].words) for name in self.list_commands(ctx)])

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
    from workflow.admin.console import Console

    context.obj = Console(config_file, as_json)
    context.call_on_close(context.obj.close)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit with its status."""
    # Click may fail before it has read --json, and the error has to be JSON too.
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    replace_missing_letters()
    startup.begin()
    # A list keeps what it makes until its end. By default Python looks through all of it after 700 new objects.
    gc.set_threshold(_GARBAGE)
    try:
        _check_text(words)
        # Outside of its standalone mode Click raises its
        # errors, so that `explain` gives each one its status.
        status = partnershipctl.main(words, prog_name="partnershipctl", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.Abort:
        sys.exit(130)
    except ReaderGone:
        # Python flushes its output at the end, which would fail again on the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - `explain` raises an unexpected error again
        from workflow.admin.failures import explain

        status, document, lines = explain(error)
        if as_json:
            echo(dump_json(document))
        for line in lines:
            echo(line, err=True)
        sys.exit(status)
    finally:
        # A command that was not found has not loaded anything.
        startup.end()


def _check_text(arguments: Sequence[str]) -> None:
    """Raise `BadInput` for an argument that is not text: Python keeps undecodable bytes as surrogates."""
    for argument in arguments:
        if re.search("[\ud800-\udfff]", argument):
            shown = argument.encode("utf-8", "backslashreplace").decode()
            raise BadInput([Problem("", f"the argument '{shown}' is not text", "text in UTF-8")])
