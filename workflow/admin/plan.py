"""Runs the command plan: list the last day for each step before a wanted first day of an agreement."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click

from states.chapters.board import ScheduleItem
from states.errors import BadInput, Problem, suggest
from states.inputs import read_input
from workflow.admin.console import Console, common
from workflow.admin.output import OUTPUT, write_output
from workflow.admin.references import ANY_REF, find_record
from workflow.admin.terminal import dump_json, echo
from workflow.forms.parsing import read_cents
from workflow.procedure.offsets import parse_span
from workflow.session import Session
from workflow.store.errors import NotFound
from workflow.store.rows import Snapshot
from workflow.views import feed
from workflow.views.planning import Plan, Step, Terms, make_plan, record_of_school


@click.command()
@ANY_REF
@click.option(
    "--start", required=True, metavar="DAY", help="The wanted first day, such as 2026-09-01 or Sep 1."
)
@click.option("--school", metavar="ID", help="In place of REF: the school of a partnership to come.")
@click.option("--amount", metavar="DOLLARS", help="The whole amount, such as 250,000, before it is drafted.")
@click.option("--term", metavar="SPAN", help="How long it lasts, before it is drafted: 1y, 18m, 90d.")
@click.option(
    "--board/--no-board", default=None, help="Whether the Board acts; else worked out from the terms."
)
@click.option("--ics", is_flag=True, help="As a calendar file, on standard output or in --output.")
@OUTPUT
@common
def plan(
    console: Console,
    ref: str | None,
    start: str,
    school: str | None,
    amount: str | None,
    term: str | None,
    board: bool | None,
    ics: bool,
    output: Path | None,
) -> None:
    """Plan backwards from a wanted first day.

    Shows until when each step still serves that day, why it is that day, and what is too late already. Of REF, or
    with --school of a partnership that does not exist yet. The amount and the term decide whether the Board acts.
    """
    if (ref is None) == (school is None):
        raise BadInput([Problem("REF", "one of REF and --school is needed", "plan REF, or plan --school ID")])
    if output is not None and not ics:
        raise BadInput([Problem("--output", "it takes the calendar file", "--ics --output FILE.ics")])
    day, terms = _read_start(console, start), _read_terms(amount, term)
    with console.system.reading() as session:
        record = find_record(session, ref) if ref is not None else _find_school(console, session, str(school))
        made = make_plan(session, record, day, console.now, terms=terms, board=board)
        content = b""
        if ics:
            content = feed.calendar_of_plan(session, record.ref, record.facts.school, made, console.now)
    if output is not None:
        write_output(console, output, content, {"format": "ics"})
    elif ics:
        click.echo(dump_json(content.decode()) if console.as_json else content, nl=console.as_json)
    else:
        named = record.ref if ref is not None else None
        document = _document(console, named, record.facts.school, made)
        console.show(document, lambda: _show(console, made))


def _read_start(console: Console, start: str) -> date:
    """Return the wanted first day. Raises `BadInput`."""
    text = console.read_day("--start", start)
    try:
        return read_input(ScheduleItem, {"meeting_on": text}).meeting_on
    except BadInput as error:
        raise BadInput([replace(problem, at="--start") for problem in error.problems]) from None


def _read_terms(amount: str | None, term: str | None) -> Terms:
    """Return the terms that are given. Raises `BadInput` with every mistake."""
    problems, cents, length = [], None, None
    try:
        cents = read_cents(amount) if amount is not None else None
    except ValueError as error:
        problems.append(Problem("--amount", str(error), "dollars, such as 250,000"))
    try:
        length = parse_span(term) if term is not None else None
    except ValueError as error:
        problems.append(Problem("--term", str(error), "a number and d, w, m or y, such as 2y or 18m"))
    if problems:
        raise BadInput(problems)
    return Terms(cents, length)


def _find_school(console: Console, session: Session, school: str) -> Snapshot:
    """Return the record of a partnership to come at a school. Raises `NotFound`."""
    schools = session.directory.schools
    if school not in schools:
        raise NotFound(f"there is no school {school!r}{suggest(school, schools)}")
    return record_of_school(school, console.now)


def _document(console: Console, ref: str | None, school: str, plan: Plan) -> dict[str, Any]:
    return {
        "ref": ref,
        "school": school,
        "start": plan.start.isoformat(),
        "board": plan.board,
        "board_why": plan.board_why,
        "invitation": plan.invitation or None,
        "possible": plan.missed(console.now) is None,
        "steps": [
            {
                "step": step.name,
                "label": step.label,
                "by": console.format_local(step.by),
                "done_at": console.format_local(step.done),
                "missed": step.is_missed(console.now),
                "why": step.why,
            }
            for step in plan.steps
        ],
    }


def _show(console: Console, plan: Plan) -> None:
    """Print a plan for people: the table, why each day is what it is, and whether the day can be met."""
    rows = [
        (step.label, console.format_short(step.by), _describe_standing(console, step)) for step in plan.steps
    ]
    console.show_table(("step", "at the latest", "standing"), rows, "No steps.")
    echo()
    for step in plan.steps:
        echo(f"{step.label}: {step.why}")
    echo()
    echo(plan.board_why)
    if plan.invitation:
        echo(plan.invitation)
    late = plan.missed(console.now)
    if late:
        echo(f"{plan.start} can no longer be met: {late.label[0].lower()}{late.label[1:]} is too late.")
    else:
        echo(f"{plan.start} can be met{', with the Board' if plan.board else ''}.")


def _describe_standing(console: Console, step: Step) -> str:
    if step.done:
        return f"done {console.format_short(step.done)}"
    if step.by is None:
        return "no regular meeting is known"
    return "too late" if step.is_missed(console.now) else "open"
