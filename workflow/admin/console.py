"""Gives every command what it needs: the open system, the person who acts, and answers as text or as JSON."""

from __future__ import annotations

import functools
import os
import pwd
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from notifications.markup import escape_controls
from notifications.written import long_day
from states.errors import BadInput, Problem, Refused, Unmet
from workflow import session
from workflow.admin.terminal import dump_json, echo, has_every_letter
from workflow.forms.days import read_option
from workflow.procedure import config
from workflow.procedure.config import Config
from workflow.procedure.settings import Area, User
from workflow.record.rights import Rights
from workflow.session import System
from workflow.store.database import open_store

T = TypeVar("T")
# The user in [admin.users] that stands for the owner of the configuration file.
OWNER = "(owner)"


@dataclass
class Console:
    """Opens the system for a command when it is first used, and shows the answer."""

    config_file: str | None
    as_json: bool

    @property
    def path(self) -> Path | None:
        """Return the configuration file; None for the packaged default."""
        return config.find(self.config_file, os.environ)

    @cached_property
    def settings(self) -> Config:
        """Return the configuration. Raises `ConfigError`."""
        # No command needs the templates but `check` and `init`, which read them themselves.
        return config.load(self.path, words=False)

    @cached_property
    def system(self) -> System:
        """Return the open system. Raises `ConfigError`, `StoreError`."""
        config.require_place(self.settings)
        return System(self.settings, open_store(self.settings.database_url))

    @cached_property
    def now(self) -> datetime:
        """Return the time of the command, the same instant at every call."""
        return session.current_time()

    @property
    def today(self) -> date:
        """Return the day of the command in the district's zone."""
        return self.settings.calendar.day(self.now)

    def read_day(self, option: str, text: str) -> str:
        """Return the day that an option names as YYYY-MM-DD, and say which it is if it was written another way.

        Raises `BadInput`.
        """
        day = read_option(option, text, self.today)
        if text != day.isoformat():
            self.tell(f"{option}: {long_day(day)}.")
        return day.isoformat()

    def tell(self, words: str) -> None:
        """Tell people on standard error; programs that read JSON are told nothing."""
        if not self.as_json:
            echo(words, err=True)

    def format_local(self, instant: datetime | None) -> str | None:
        """Return an instant in the district's zone, ISO 8601 with its offset."""
        return self.system.config.calendar.local(instant).isoformat(timespec="seconds") if instant else None

    def format_short(self, instant: datetime | None) -> str:
        """Return an instant in the district's zone, to the minute, for people."""
        return f"{self.system.config.calendar.local(instant):%Y-%m-%d %H:%M}" if instant else ""

    def show(self, document: Any, people: Callable[[], None]) -> None:
        """Print the document as JSON if --json was given; else call `people`, which prints text."""
        if self.as_json:
            echo(dump_json(document))
        else:
            people()

    def show_table(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[object]],
        empty: str,
        *,
        widest: Iterable[Sequence[object]] | None = None,
    ) -> None:
        """Print rows under headings, fitted to the terminal; `empty` if there are none.

        With `widest`, rows that are as wide as all others, `rows` are printed as they come.
        """
        if widest is None:
            rows = widest = list(rows)
        cells = map(_escape, rows)
        first = next(cells, None)
        if first is None:
            echo(empty)
            return
        on_terminal = sys.stdout.isatty()
        # A pipe gets whole lines, so that other programs can read them.
        wide = shutil.get_terminal_size().columns if on_terminal else 10_000
        widths = _fit_widths([list(headings), first, *map(_escape, widest)], wide)
        if on_terminal or not has_every_letter(sys.stdout):
            click.echo(_draw_top(headings, first, widths, wide, on_terminal=on_terminal))
        else:
            rule = "─" * (sum(widths) + _GAP * (len(widths) - 1))
            click.echo("\n".join((_format_row(headings, widths), rule, _format_row(first, widths))))
        lines = (_format_row(row, widths) for row in cells)
        while block := list(islice(lines, _LINES)):
            click.echo("\n".join(block))

    def close(self) -> None:
        """Close the database if it was opened."""
        # A cached property is in the dictionary only after its first use.
        # Asking for it here would open the system.
        if "system" in self.__dict__:
            self.system.engine.dispose()

    @cached_property
    def user(self) -> tuple[str, User | None]:
        """Return the name of the operating-system user, and its row of [admin.users]; without one it may only read.

        The name is that of the process, which the user cannot choose. The owner of the configuration file may
        stand in [admin.users] as `OWNER`.
        """
        # Ask the system and not $USER, which the user can set.
        number = os.getuid()
        try:
            name = pwd.getpwuid(number).pw_name
        except KeyError:
            name = str(number)
        users = self.settings.procedure.admin.users
        entry = users.get(name)
        path = self.settings.path
        if entry is None and (path is None or path.stat().st_uid == number):
            entry = users.get(OWNER)
        return name, entry

    def require_writer(self) -> str:
        """Return the name of the operating-system user. Raises `Refused` if it may only read."""
        name, entry = self.user
        if entry is None:
            reason = f"the operating-system user {name!r} may only read: add it to [admin.users]"
            raise Refused([Unmet("may-act", reason)])
        return name

    def require_manager(self, area: Area) -> Rights:
        """Return the rights of the operating-system user. Raises `Refused` if it may not change this area."""
        rights = Rights(self.require_writer(), self.user[1] or User())
        rights.require_area(area)
        return rights

    def require_actor(self, as_: str | None) -> tuple[str, str]:
        """Return the address of the person who acts, and the name of the operating-system user.

        The person is that of --as (`as_`), else the user's own person in [admin.users]. Raises `BadInput` if
        neither is given, `Refused` if the user may not act as this person.
        """
        # The database comes first: whoever acts, nothing can be done without it.
        _ = self.system
        name = self.require_writer()
        entry = self.user[1] or User()
        email = (as_ or entry.person or "").strip().lower()
        if not email:
            expected = "--as EMAIL, or a person for this user in [admin.users]"
            raise BadInput([Problem("--as", "it is not said who acts", expected)])
        # Without this, everybody with an account on the machine could sign as the Superintendent.
        if not Rights(name, entry).can_act_as(email):
            allowed = ", ".join(entry.may_act_as) or "nobody else"
            reason = f"{name!r} may not act as {email}; [admin.users] allows {allowed}"
            raise Refused([Unmet("may-act-as", reason)])
        return email, name


class Listing(click.Group):
    """A group of commands that runs `list` if no command of the group is named, and gives it the arguments.

    A group whose usual command has another name says so in `default`.
    """

    default = "list"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Completion offers the names of the commands, so the arguments stay as they were typed.
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        first = _skip_common(args)
        if args[first:] and args[first] in self.commands:
            args = [args[first], *args[:first], *args[first + 1 :]]
        elif not {"--help", "-h"} & set(args):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands of the group and what completes the arguments of `list`, such as references."""
        arguments = [each for each in self.commands[self.default].params if isinstance(each, click.Argument)]
        completed = [item for each in arguments for item in each.shell_complete(ctx, incomplete)]
        return super().shell_complete(ctx, incomplete) + completed


def _skip_common(args: Sequence[str]) -> int:
    """Return the index of the first argument after the options that every command has."""
    place = 0
    while place < len(args) and (args[place] == "--json" or args[place].startswith("--config")):
        place += 2 if args[place] == "--config" else 1
    return place


# Spaces between two columns.
_GAP = 2
_LINES = 100  # rows of a table that are printed at once
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}")


class _Wrapper(textwrap.TextWrapper):
    """Breaks lines at spaces, after hyphens between words, and before the @ of an address."""

    wordsep_re = re.compile(r"(\s+|[^\s@-]+-(?=[a-z]))|(?=@)")

    def split_pieces(self, text: str) -> list[str]:
        """Return the pieces of a text that may stand on different lines; a date and its time stay together."""
        return [text] if _MOMENT.fullmatch(text) else self._split(text)


def _fit_widths(rows: Sequence[Sequence[str]], wide: int) -> list[int]:
    """Return widths of columns that fit into `wide` characters together.

    The widest column shrinks first, by one character at a time, as far as three floors allow, one after the other:

    1. The first column, which names the row, stays whole, and the others break no word.
    2. No column breaks a word.
    3. Every column keeps one character.
    """
    columns = list(zip(*rows, strict=True))
    widths = [max(map(_measure, column)) for column in columns]
    if sum(widths) + _GAP * (len(widths) - 1) <= wide:
        return widths
    split = _Wrapper().split_pieces
    least = [max(_measure(piece) for cell in column for piece in [*split(cell), ""]) for column in columns]
    for floor in ([widths[0], *least[1:]], least, [1] * len(least)):
        while sum(widths) + _GAP * (len(widths) - 1) > wide:
            shrinkable = [i for i, width in enumerate(widths) if width > floor[i]]
            if not shrinkable:
                break
            widths[max(shrinkable, key=widths.__getitem__)] -= 1
    return widths


def _draw_top(
    headings: Sequence[str], first: Sequence[str], widths: Sequence[int], wide: int, *, on_terminal: bool
) -> str:
    """Return the headings and the first row of a table, as this terminal shows them."""
    # Imported here, since rich takes long to import and only terminals need it. It takes a third of a
    # millisecond for a row, so it gets only the first one.
    from rich import box
    from rich.console import Console as Terminal
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(_wrap(heading, width), width=width, no_wrap=True, header_style="bold")
    table.add_row(*(_plain_text(_wrap(cell, width)) for cell, width in zip(first, widths, strict=True)))
    plain = not on_terminal or bool(os.environ.get("NO_COLOR"))
    terminal = Terminal(
        width=wide, highlight=False, force_terminal=on_terminal, color_system=None if plain else "auto"
    )
    with terminal.capture() as shown:
        terminal.print(table)
    return "\n".join(line.rstrip() for line in shown.get().rstrip().splitlines())


def _measure(text: str) -> int:
    """Return how many places a terminal gives a text. A Chinese letter gets two."""
    if text.isascii() and text.isprintable():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _pad(text: str, width: int) -> str:
    """Return a text with blanks to a width, or cut to it."""
    if text.isascii() and text.isprintable():
        return text[:width].ljust(width)
    from rich.cells import set_cell_size

    return set_cell_size(text, width)


def _escape(row: Sequence[object]) -> list[str]:
    """Return the texts of the cells of a row, on which no terminal acts."""
    return [escape_controls(str(cell)) if cell is not None else "" for cell in row]


def _format_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return the lines of a row, as rich prints them."""
    columns = [_wrap(cell, width).split("\n") for cell, width in zip(cells, widths, strict=True)]
    lines = [
        (" " * _GAP).join(
            _pad(column[i] if i < len(column) else "", width)
            for column, width in zip(columns, widths, strict=True)
        )
        for i in range(max(map(len, columns)))
    ]
    return "\n".join(line.rstrip() for line in lines)


def _wrap(text: str, width: int) -> str:
    if _measure(text) <= width:
        return text
    is_wide = _measure(text) > len(text)
    return "\n".join(_Wrapper(max(width // 2, 1) if is_wide else width).wrap(text))


def _plain_text(text: str) -> Any:
    """Return a text in which rich reads no markup."""
    from rich.text import Text

    return Text(text)


def common(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command its own --json and --config, so that both may stand before its name or after it."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    @click.option("--config", "config_file", metavar="FILE", help="The configuration file.")
    @click.pass_obj
    def wrapped(console: Console, /, *, as_json: bool, config_file: str | None, **options: Any) -> T:
        console.as_json = console.as_json or as_json
        console.config_file = config_file or console.config_file
        return command(console, **options)

    return functools.update_wrapper(cast(Callable[..., T], wrapped), command)
