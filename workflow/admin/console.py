"""What every command shares: the open system, who acts, and how an answer is shown to people or as JSON."""

from __future__ import annotations

import functools
import json
import os
import pwd
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from states.errors import BadInput, Problem, Refused, Unmet
from workflow import session
from workflow.procedure import config
from workflow.procedure.settings import User
from workflow.session import System

T = TypeVar("T")
OWNER = "(owner)"  # in [admin.users]: whoever owns the configuration file


def minute(instant: str) -> str:
    """An instant in ISO 8601 as people read it: without seconds and offset."""
    return instant[:16].replace("T", " ")


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
        return session.open_system(self.path, words=False)  # `check` and the daemon read them

    @cached_property
    def now(self) -> datetime:
        """One instant for the whole command."""
        return session.current_time()

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
        on_terminal = sys.stdout.isatty()
        wide = shutil.get_terminal_size().columns if on_terminal else 10_000  # a pipe gets whole lines
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        widths = _widths([list(headings), *found], wide)
        for heading, width in zip(headings, widths, strict=True):
            table.add_column(_wrapped(heading, width), width=width, no_wrap=True, header_style="bold")
        for row in found:
            table.add_row(*(_plain(_wrapped(cell, width)) for cell, width in zip(row, widths, strict=True)))
        plain = not on_terminal or bool(os.environ.get("NO_COLOR"))
        terminal = Terminal(
            width=wide, highlight=False, force_terminal=on_terminal, color_system=None if plain else "auto"
        )
        with terminal.capture() as shown:
            terminal.print(table)
        click.echo("\n".join(line.rstrip() for line in shown.get().rstrip().splitlines()))

    def close(self) -> None:
        """Let go of the database, if it was opened."""
        if "system" in self.__dict__:
            self.system.engine.dispose()

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
        others = {other.lower() for other in found.may_act_as}
        if email != found.person and not {"*", email} & others:
            allowed = ", ".join(found.may_act_as) or "nobody else"
            reason = f"{name!r} may not act as {email}; [admin.users] allows {allowed}"
            raise Refused([Unmet("may-act-as", reason)])
        return email, name


class Listing(click.Group):
    """A group of commands that lists when none of them is named; what is then given goes to `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # completion: of what may stand here, not of what is understood
            return super().parse_args(ctx, args)
        first = _after_common(args)
        if args[first:] and args[first] in self.commands:
            args = [args[first], *args[:first], *args[first + 1 :]]
        elif not {"--help", "-h"} & set(args):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _after_common(args: Sequence[str]) -> int:
    """Where the first argument stands that is none of the options every command has."""
    place = 0
    while place < len(args) and (args[place] == "--json" or args[place].startswith("--config")):
        place += 2 if args[place] == "--config" else 1
    return place


_GAP = 2  # between columns
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}")


class _Wrapper(textwrap.TextWrapper):
    """Breaks lines at spaces, after hyphens between words, and before the @ of an address."""

    wordsep_re = re.compile(r"(\s+|[^\s@-]+-(?=[a-z]))|(?=@)")

    def pieces(self, text: str) -> list[str]:
        return [text] if _MOMENT.fullmatch(text) else self._split(text)


def _widths(rows: Sequence[Sequence[str]], wide: int) -> list[int]:
    """The widths of columns that fit, the widest giving way first.

    What a row is known by, its first column, stays whole as long as it can; nothing is broken inside a word
    as long as that can be avoided.
    """
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    pieces = _Wrapper().pieces
    least = [max(len(piece) for cell in column for piece in [*pieces(cell), ""]) for column in columns]
    for floor in ([widths[0], *least[1:]], least, [1] * len(least)):
        while sum(widths) + _GAP * (len(widths) - 1) > wide:
            give = [i for i, width in enumerate(widths) if width > floor[i]]
            if not give:
                break
            widths[max(give, key=widths.__getitem__)] -= 1
    return widths


def _wrapped(text: str, width: int) -> str:
    return text if len(text) <= width else "\n".join(_Wrapper(width).wrap(text))


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
