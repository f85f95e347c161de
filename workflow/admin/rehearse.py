"""Runs the command rehearse: tell what will happen until a day, on a copy of the record in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import click
from dateutil.relativedelta import relativedelta

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common, echo
from workflow.admin.references import complete_refs, resolve
from workflow.procedure.config import Config
from workflow.rehearsal.aloud import write_aloud
from workflow.rehearsal.document import make_document
from workflow.rehearsal.living import Nobody, People, Together
from workflow.rehearsal.rehearse import rehearse
from workflow.rehearsal.script import Scripted, check_script, read_script
from workflow.rehearsal.telling import Telling
from workflow.session import System

_LONGEST = relativedelta(years=10)


@dataclass(frozen=True)
class Cast:
    """Who acts in a rehearsal, and by which settings. `assumption` says it in a sentence."""

    people: People
    assumption: str
    settings: Config | None = None
    scripted: Scripted | None = None


@click.command("rehearse")
@click.argument("refs", metavar="[REF]...", nargs=-1, shell_complete=complete_refs)
@click.option(
    "--until", required=True, metavar="DAY", help="The last day, such as 2027-03-31, Mar 31 or '+90 days'."
)
@click.option(
    "--script", type=click.Path(dir_okay=False, path_type=Path), help="Events to come, as in a district file."
)
@common
def rehearse_(console: Console, refs: tuple[str, ...], until: str, script: Path | None) -> None:
    """Tell what will happen until a day.

    The record is copied into memory and lived forward, through the same engine, calendars and outbox as in the
    daemon. Nothing is written and nothing is sent. Nobody acts unless a script says so. It ends with the state of
    each partnership, or of each REF, who is waited for, and what was missed.
    """
    begin, last = console.now, _read_until(console, until)
    end = _end_of(console.settings, last)
    with console.system.reading() as session:
        wanted = [resolve(session.connection, ref) for ref in refs]
    cast = _choose_cast(console, console.system, script, begin, end)
    rehearsal = rehearse(console.system, begin, end, refs=wanted, people=cast.people, settings=cast.settings)
    refused = cast.scripted.refusals if cast.scripted else []
    telling = Telling(
        rehearsal, cast.assumption, [each for each in refused if not wanted or each.ref in wanted]
    )
    console.show(make_document(telling), lambda: echo("\n".join(write_aloud(telling))))


def _read_until(console: Console, text: str) -> date:
    """Return the last day of the rehearsal. Raise `BadInput` for one that has passed or is too far away."""
    last = date.fromisoformat(console.read_day("--until", text))
    if last < console.today:
        raise BadInput([Problem("--until", f"{last} has passed", "today or a later day")])
    if last > console.today + _LONGEST:
        expected = f"a day until {console.today + _LONGEST}"
        raise BadInput([Problem("--until", f"{last} is more than ten years away", expected)])
    return last


def _end_of(settings: Config, day: date) -> datetime:
    """Return the last instant of a day in the district's zone."""
    return settings.instant(day + timedelta(days=1), time.min) - timedelta(microseconds=1)


def _choose_cast(
    console: Console, system: System, script: Path | None, begin: datetime, end: datetime
) -> Cast:
    """Return who acts in the rehearsal, and by which settings. Raise `BadInput` for mistakes in the script."""
    if script is None:
        return Cast(Nobody(), "It assumes that nobody does anything.")
    file = read_script(script)
    with system.reading() as session:
        check_script(session, file, begin, end)
    scripted = Scripted(file, console.user[0])
    players: Sequence[People] = [scripted]
    words = f"It assumes that nobody does anything but what {script.name} says."
    return Cast(Together(players), words, scripted=scripted)
