"""What every command shares: the open system, who acts, and how an answer is shown to people or as JSON."""

from __future__ import annotations

import functools
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from states.errors import BadInput, Problem, Refused, Unmet
from workflow import config, system
from workflow.settings import User
from workflow.system import System

T = TypeVar("T")
OWNER = "(owner)"  # in [admin.users]: whoever owns the configuration file


def say(document: Any) -> str:
    """A JSON document as text."""
    return json.dumps(document, ensure_ascii=False, indent=2)


@dataclass
class Console:
    """The answer side of a command: opens the system late, and shows what was found."""

    config_file: str | None
    as_json: bool

    @property
    def path(self) -> Path | None:
        return config.find(self.config_file, os.environ)

    @cached_property
    def system(self) -> System:
        return system.open_system(self.path, words=False)  # `check` and the daemon read them

    @cached_property
    def now(self) -> datetime:
        """One instant for the whole command."""
        return system.now()

    def local(self, instant: datetime | None) -> str | None:
        """An instant as ISO 8601 with the district's offset."""
        return self.system.config.calendar.local(instant).isoformat(timespec="seconds") if instant else None

    def short(self, instant: datetime | None) -> str:
        """An instant for people."""
        return f"{self.system.config.calendar.local(instant):%Y-%m-%d %H:%M}" if instant else ""

    def show(self, document: Any, people: Callable[[], None]) -> None:
        """Answer with the document, or let `people` print for people."""
        if self.as_json:
            click.echo(say(document))
        else:
            people()

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
        """Print rows under headings, fitted to the terminal; `empty` if there are none."""
        from rich import box
        from rich.console import Console as Terminal
        from rich.table import Table

        found = [[str(cell) if cell is not None else "" for cell in row] for row in rows]
        if not found:
            click.echo(empty)
            return
        wide = None if sys.stdout.isatty() else 10_000  # a pipe gets whole lines
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in found:
            table.add_row(*map(_plain, row))
        Terminal(width=wide, highlight=False, soft_wrap=False).print(table, end="")

    @cached_property
    def user(self) -> tuple[str, User | None]:
        """The operating-system user, and what the configuration lets that user do (None: only read)."""
        number = os.getuid()
        try:
            name = pwd.getpwuid(number).pw_name
        except KeyError:
            name = str(number)
        users = self.system.config.procedure.admin.users
        found = users.get(name)
        path = self.system.config.path
        if found is None and (path is None or path.stat().st_uid == number):
            found = users.get(OWNER)
        return name, found

    def may_write(self) -> str:
        """The operating-system user's name, if that user may change anything; else refuse."""
        name, found = self.user
        if found is None:
            reason = f"the operating-system user {name!r} may only read: add it to [admin.users]"
            raise Refused([Unmet("may-act", reason)])
        return name

    def actor(self, given: str | None) -> tuple[str, str]:
        """Who acts: the person's address, and the operating-system user that runs this."""
        name = self.may_write()
        found = self.user[1] or User()
        email = (given or found.person or "").strip().lower()
        if not email:
            expected = "--as EMAIL, or a person for this user in [admin.users]"
            raise BadInput([Problem("--as", "it is not said who acts", expected)])
        if email != found.person and "*" not in found.may_act_as and email not in found.may_act_as:
            allowed = ", ".join(found.may_act_as) or "nobody else"
            reason = f"{name!r} may not act as {email}; [admin.users] allows {allowed}"
            raise Refused([Unmet("may-act-as", reason)])
        return email, name


class Listing(click.Group):
    """A group of commands that lists when none of them is named; what is then given goes to `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [arg for arg in args if not arg.startswith("-")]
        if not (words and words[0] in self.commands) and not {"--help", "-h"} & set(args):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def common(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command --json and --config of its own, so that they may stand before it or after."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    @click.option("--config", "config_file", metavar="FILE", help="The configuration file.")
    @click.pass_obj
    def wrapped(console: Console, /, *, as_json: bool, config_file: str | None, **options: Any) -> T:
        console.as_json = console.as_json or as_json
        console.config_file = config_file or console.config_file
        return command(console, **options)

    return functools.update_wrapper(cast(Callable[..., T], wrapped), command)
