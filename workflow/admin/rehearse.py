"""Runs the command rehearse: tell what will happen until a day, on a copy of the record in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import click
from dateutil.relativedelta import relativedelta

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.admin.progress import Progress
from workflow.admin.references import complete_refs, resolve
from workflow.admin.terminal import echo
from workflow.procedure import config
from workflow.rehearsal.aloud import write_aloud
from workflow.rehearsal.assumed import Assumed
from workflow.rehearsal.assumption import Assumption, read_assumption
from workflow.rehearsal.chances import sample
from workflow.rehearsal.chances_words import ChancesTelling
from workflow.rehearsal.comparison import compare
from workflow.rehearsal.comparison_words import ComparisonTelling
from workflow.rehearsal.dates import write_calendar
from workflow.rehearsal.document import make_document
from workflow.rehearsal.living import Nobody, People, Together
from workflow.rehearsal.messages import Messages, name_files, write_files
from workflow.rehearsal.page import render_page
from workflow.rehearsal.refusals import Refusal
from workflow.rehearsal.rehearse import rehearse
from workflow.rehearsal.script import Scripted, check_script, read_script
from workflow.rehearsal.telling import Telling, count

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
_LONGEST = relativedelta(years=10)


@dataclass(frozen=True)
class Cast:
    """Who acts in a rehearsal. `assumption` says it in a sentence."""

    people: People
    assumption: str
    scripted: Scripted | None = None
    assumed: Assumed | None = None

    def refusals_of(self, refs: Sequence[str]) -> list[Refusal]:
        """Return what could not happen in these partnerships, or in all if none is named."""
        every = [refusal for each in (self.scripted, self.assumed) if each for refusal in each.refusals]
        return sorted((each for each in every if not refs or each.ref in refs), key=lambda each: each.at)


@click.command("rehearse")
@click.argument("refs", metavar="[REF]...", nargs=-1, shell_complete=complete_refs)
@click.option(
    "--until", required=True, metavar="DAY", help="The last day, such as 2027-03-31, Mar 31 or '+90 days'."
)
@click.option(
    "--assume",
    metavar="HOW",
    default="nobody",
    show_default=True,
    help="Who acts: nobody, on-time, late=DAYS, or as-before (as long as it took in this record).",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 10_000),
    help="With as-before: live so many futures, and say when half and nine in ten get there.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="With as-before: another number gives another sample.",
)
@click.option("--script", type=FILE, help="Events to come, in TOML as in a district file.")
@click.option(
    "--procedure", type=FILE, help="Compare with this configuration instead: what differs under it."
)
@click.option("--messages", type=FOLDER, help="Write each message to this new or empty folder.")
@click.option("--ics", type=FILE, help="Write the dates to this calendar file.")
@click.option("--html", type=FILE, help="Write a page with drawn timelines to this file.")
@click.option("--force", is_flag=True, help="Put them in the place of files that are there already.")
@common
def rehearse_(
    console: Console,
    refs: tuple[str, ...],
    until: str,
    assume: str,
    runs: int | None,
    seed: int,
    script: Path | None,
    procedure: Path | None,
    messages: Path | None,
    ics: Path | None,
    html: Path | None,
    force: bool,
) -> None:
    """Tell what will happen until a day.

    The record is copied into memory and lived forward, through the same engine, calendars and outbox as in the
    daemon. Nothing is written to the record and nothing is sent. It ends with the state of each partnership, or of
    each REF, who is waited for, and what was missed.

    Nobody acts unless a script says so or --assume does. Then each person does what is waited for, so that the
    partnership goes on: good scores, votes in favor, renewals.

    With --procedure, both the present procedure and that of a FILE are lived, from the same present. What differs
    is told: deadlines, dates reached, what is missed, what stands still, and the messages of each person. The
    templates are those beside the FILE; database, keys and mail are those in use.
    """
    begin, last = console.now, _read_until(console, until)
    end = console.settings.instant(last + timedelta(days=1), time.min) - timedelta(microseconds=1)
    _check_outputs({"--ics": ics, "--html": html}, messages, force=force)
    with console.system.reading() as session:
        wanted = [resolve(session.connection, ref) for ref in refs]
    assumption = read_assumption(assume)
    _check_runs(runs, assumption, procedure, script, {"--messages": messages, "--ics": ics, "--html": html})
    if runs is not None:
        _show_chances(console, begin, end, wanted, runs, seed)
        return
    if procedure is not None:
        _require_no_files({"--messages": messages, "--ics": ics, "--html": html})
        choose = partial(_choose_cast, console, assumption, seed, script, begin, end)
        _show_comparison(console, procedure, choose, begin, end, wanted)
        return
    cast, kept = _choose_cast(console, assumption, seed, script, begin, end), Messages()
    rehearsal = rehearse(
        console.system,
        begin,
        end,
        refs=wanted,
        people=cast.people,
        keep=kept.keep if messages else None,
    )
    telling = Telling(rehearsal, cast.assumption, cast.refusals_of(wanted))
    written = _write(console, telling, kept.by_id, messages, ics, html)
    console.show(make_document(telling) | {"files": written}, lambda: echo("\n".join(write_aloud(telling))))


def _show_comparison(
    console: Console,
    procedure: Path,
    choose_cast: Callable[[], Cast],
    begin: datetime,
    end: datetime,
    refs: Sequence[str],
) -> None:
    """Live the present and another procedure with a cast for each, and tell what differs."""
    proposed = config.put_in_place(config.load(procedure), console.settings)
    casts = [choose_cast(), choose_cast()]
    players = iter(casts)
    comparison = compare(
        console.system, begin, end, proposed, make_people=lambda: next(players).people, refs=refs
    )
    present, new = (cast.refusals_of(refs) for cast in casts)
    telling = ComparisonTelling(comparison, str(procedure), casts[0].assumption, (present, new))
    console.show(telling.make_document(), lambda: echo("\n".join(telling.write())))


def _show_chances(
    console: Console, begin: datetime, end: datetime, refs: Sequence[str], runs: int, seed: int
) -> None:
    """Live many futures, and tell by when partnerships get to their next states."""
    with Progress("rehearsing", runs) as advance:
        chances = sample(console.system, begin, end, runs=runs, seed=seed, refs=refs, progress=advance)
    told = ChancesTelling(chances, console.settings, begin, end)
    console.show(told.make_document(), lambda: echo("\n".join(told.write())))


def _check_runs(
    runs: int | None,
    assumption: Assumption,
    procedure: Path | None,
    script: Path | None,
    files: Mapping[str, Path | None],
) -> None:
    """Raise `BadInput` for an option that does not go with many runs."""
    if runs is None:
        return
    others = {"--procedure": procedure, "--script": script, **files}
    mistakes = [
        Problem(option, "many runs are told together, and not each of them", "a rehearsal without --runs")
        for option, file in others.items()
        if file is not None
    ]
    if not assumption.samples:
        mistakes.append(
            Problem("--runs", f"every run with --assume {assumption.text} is the same", "--assume as-before")
        )
    if mistakes:
        raise BadInput(mistakes)


def _require_no_files(files: Mapping[str, Path | None]) -> None:
    """Raise `BadInput` for each file of one future, which a comparison of two does not write."""
    mistakes = [
        Problem(option, "a comparison of two procedures writes none", "a rehearsal without --procedure")
        for option, file in files.items()
        if file is not None
    ]
    if mistakes:
        raise BadInput(mistakes)


def _check_outputs(files: Mapping[str, Path | None], folder: Path | None, *, force: bool) -> None:
    """Raise `BadInput` with each place that is taken, before anything is rehearsed."""
    mistakes = [
        Problem(option, f"{file} is there already", "another name, or --force")
        for option, file in files.items()
        if file is not None and file.exists() and not force
    ]
    if folder is not None and folder.is_dir() and any(folder.iterdir()):
        mistakes.append(Problem("--messages", f"{folder} is not empty", "a new or an empty folder"))
    if mistakes:
        raise BadInput(mistakes)


def _write(
    console: Console,
    telling: Telling,
    messages: Mapping[str, bytes],
    folder: Path | None,
    ics: Path | None,
    html: Path | None,
) -> list[str]:
    """Write the files that were asked for, say so, and return their names."""
    written = []
    if folder is not None:
        files = name_files(telling, messages)
        _write_one("--messages", folder, partial(write_files, folder, files))
        written.append(str(folder))
        console.tell(f"Wrote {count(len(files), 'message')} to {folder}. The links in them do nothing.")
    if ics is not None:
        _write_one("--ics", ics, partial(ics.write_bytes, write_calendar(telling)))
    if html is not None:
        _write_one("--html", html, partial(html.write_bytes, render_page(telling).encode()))
    for file in filter(None, (ics, html)):
        written.append(str(file))
        console.tell(f"Wrote {file}.")
    return written


def _write_one(option: str, place: Path, write: Callable[[], object]) -> None:
    """Write to a place. Raise `BadInput` if that is impossible."""
    try:
        write()
    except OSError as error:
        problem = f"{place} cannot be written: {error.strerror}"
        raise BadInput([Problem(option, problem, "a place that can be written")]) from None


def _read_until(console: Console, text: str) -> date:
    """Return the last day of the rehearsal. Raise `BadInput` for one that has passed or is too far away."""
    last = date.fromisoformat(console.read_day("--until", text))
    if last < console.today:
        raise BadInput([Problem("--until", f"{last} has passed", "today or a later day")])
    if last > console.today + _LONGEST:
        expected = f"a day until {console.today + _LONGEST}"
        raise BadInput([Problem("--until", f"{last} is more than ten years away", expected)])
    return last


def _choose_cast(
    console: Console, assumption: Assumption, seed: int, script: Path | None, begin: datetime, end: datetime
) -> Cast:
    """Return who acts in the rehearsal. Raise `BadInput` for mistakes in the script."""
    with console.system.reading() as session:
        assumed = assumption.make_people(session, seed)
        if script is None:
            return Cast(assumed or Nobody(), assumption.describe(), assumed=assumed)
        file = read_script(script)
        check_script(session, file, begin, end)
    scripted = Scripted(file, console.user[0])
    people: list[People] = [scripted, assumed] if assumed else [scripted]
    return Cast(Together(people), assumption.describe(script.name), scripted, assumed)
