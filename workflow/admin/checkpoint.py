"""Runs the command checkpoint: fix how far all chains have come, for comparison later."""

from __future__ import annotations

from pathlib import Path

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.admin.terminal import echo
from workflow.record import checkpoint as checkpoints


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file as well."
)
@common
def checkpoint(console: Console, output: Path | None) -> None:
    """Take a checkpoint: one hash over the ends of all chains.

    Keep the file, or the hash, where nobody who runs this system can change it: with the minutes of the Board, for
    instance. `verify --checkpoint FILE` then shows what was cut off or written anew since.
    """
    by = console.require_writer()
    if output is not None and output.exists():
        raise BadInput([Problem("--output", f"{output} is there already", "another name")])
    taken = checkpoints.take(console.system, console.now, by=by)
    assert taken is not None
    if output is not None:
        try:
            checkpoints.write_file(output, taken)
        except OSError as error:
            problem = f"{output} cannot be written: {error.strerror}"
            raise BadInput([Problem("--output", problem, "a place that can be written")]) from None
    document = taken.document()

    def people() -> None:
        many = len(document["heads"])
        echo(f"Checkpoint of {many} chain{'s' * (many != 1)}: {document['root']}")
        if output is not None:
            echo(f"Wrote {output}.")

    console.show(document, people)
