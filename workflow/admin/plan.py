"""Runs the command plan: list the last day for each step before a wanted first day of an agreement."""

from __future__ import annotations

from dataclasses import replace

import click

from states.chapters.board import ScheduleItem
from states.errors import BadInput
from states.inputs import read_input
from workflow.admin.console import Console, common, echo
from workflow.admin.references import REF, find_record
from workflow.views import planning


@click.command()
@REF
@click.option(
    "--start", required=True, metavar="DAY", help="The wanted first day, such as 2026-09-01 or Sep 1."
)
@click.option(
    "--board/--no-board", default=None, help="Whether the Board acts; else worked out from the terms."
)
@common
def plan(console: Console, ref: str, start: str, board: bool | None) -> None:
    """Plan backwards from a wanted first day.

    Shows until when each step still serves that day, and what is too late already.
    """
    given = console.read_day("--start", start)
    try:
        day = read_input(ScheduleItem, {"meeting_on": given}).meeting_on
    except BadInput as error:
        raise BadInput([replace(problem, at="--start") for problem in error.problems]) from None
    with console.system.reading() as session:
        record = find_record(session, ref)
        facts = record.facts
        acts = planning.needs_board(session, record, console.now) if board is None else board
        steps = planning.plan_backwards(session, facts, day, board=acts)
    late = [step for step in steps if step.is_missed(console.now)]
    document = {
        "ref": record.ref,
        "start": day.isoformat(),
        "board": acts,
        "possible": not late,
        "steps": [
            {
                "step": step.name,
                "label": step.label,
                "by": console.format_local(step.by),
                "done_at": console.format_local(step.done),
                "missed": step.is_missed(console.now),
                "why": step.why,
            }
            for step in steps
        ],
    }

    def standing(step: planning.Step) -> str:
        if step.done:
            return f"done {console.format_short(step.done)}"
        if step.by is None:
            return "no regular meeting is known"
        return "too late" if step.is_missed(console.now) else "open"

    def people() -> None:
        rows = [(step.label, console.format_short(step.by), standing(step)) for step in steps]
        console.show_table(("step", "at the latest", "standing"), rows, "No steps.")
        if late:
            echo(f"{day} can no longer be met: {late[0].label[0].lower()}{late[0].label[1:]} is too late.")
        else:
            echo(f"{day} can be met{', with the Board' if acts else ''}.")

    console.show(document, people)
