"""Runs the command plan: list the last day for each step before a wanted first day of an agreement."""

from __future__ import annotations

import click

from states.chapters.board import ScheduleItem
from states.errors import BadInput, Problem
from states.inputs import read_input
from workflow.admin.console import Console, common, echo
from workflow.admin.references import REF, find_record
from workflow.views import planning


@click.command()
@REF
@click.option("--start", required=True, metavar="DAY", help="The wanted first day, YYYY-MM-DD.")
@click.option(
    "--board/--no-board", default=None, help="Whether the Board acts; else worked out from the terms."
)
@common
def plan(console: Console, ref: str, start: str, board: bool | None) -> None:
    """Plan backwards from a wanted first day.

    Shows until when each step still serves that day, and what is too late already.
    """
    try:
        day = read_input(ScheduleItem, {"meeting_on": start}).meeting_on
    except BadInput as error:
        problem = error.problems[0]
        raise BadInput([Problem("--start", problem.problem, problem.expected or "YYYY-MM-DD")]) from None
    with console.system.reading() as session:
        facts = find_record(session, ref).facts
        acts = planning.needs_board(session, facts) if board is None else board
        steps = planning.plan_backwards(session, facts, day, board=acts)
    late = [step for step in steps if step.is_missed(console.now)]
    document = {
        "ref": ref,
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
