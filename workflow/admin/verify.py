"""Runs the command verify: compare every record with its history."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from states.errors import BadInput, Problem
from workflow.admin.console import Console, common
from workflow.admin.progress import Progress
from workflow.admin.references import ANY_REF, resolve
from workflow.admin.terminal import echo
from workflow.record import checkpoint
from workflow.record.checkpoint import NotACheckpoint
from workflow.record.committed import Ledger
from workflow.record.timestamp import verify_stamp
from workflow.record.verify import count, find_missing_triggers
from workflow.record.verify import verify as verify_all
from workflow.store.errors import NotFound

T = TypeVar("T")


@click.command()
@ANY_REF
@click.option(
    "--checkpoint",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Compare with this checkpoint as well.",
)
@common
def verify(console: Console, ref: str | None, file: Path | None) -> int:
    """Compare every record with its history.

    Judges each event of each history again by the law, compares what it adds up to with what is stored, and
    compares every message, deadline, document and answer with the chains of hashes. Without REF it also looks at
    the directory, the last checkpoint, and the triggers that guard the chains. With a checkpoint that somebody else
    has kept it names what was cut off or written anew since. The exit status is 1 if there is a fault.
    """
    kept = _read_checkpoint(console, file) if file else None
    faults, checked = [], 0
    with console.system.reading() as session, Ledger() as ledger:
        refs = [resolve(session.connection, ref)] if ref else []
        many = len(refs) or count(session.connection)
        results = verify_all(session.connection, session.config, refs, ledger=ledger)
        # The results come one record at a time, so the faults are kept and never all histories at once.
        for number, (_, of_record) in enumerate(_with_progress(results, many), start=1):
            checked = min(number, many)
            faults += of_record
        if not ref:
            faults += find_missing_triggers(session.connection)
            faults += checkpoint.compare_kept(session.connection)
        if kept is not None:
            faults += checkpoint.compare(session.connection, kept)
    if ref and not checked:
        raise NotFound(f"there is no partnership {ref!r}")
    document = {
        "checked": checked,
        # Only where there are any, so that what reads this document need not know of destruction.
        **({"forgotten": ledger.forgotten} if ledger.forgotten else {}),
        "faults": [{"ref": f.ref, "seq": f.seq, "problem": f.problem} for f in faults],
    }

    def people() -> None:
        for fault in faults:
            echo(str(fault))
        plural, faulty = "s" * (checked != 1), "s" * (len(faults) != 1)
        if rows := ledger.forgotten:
            echo(
                f"Values of {rows} row{'s' * (rows != 1)} were lawfully destroyed; their commitments were checked."
            )
        echo(f"Verified {checked} partnership{plural}: {len(faults) or 'no'} fault{faulty}.")

    console.show(document, people)
    return 1 if faults else 0


def _with_progress(results: Iterable[T], many: int) -> Iterator[T]:
    """Yield the results, and show on a terminal how many of them are done."""
    with Progress("Verifying", many) as advance:
        for result in results:
            yield result
            advance()


def _read_checkpoint(console: Console, file: Path) -> dict[str, Any]:
    """Return the checkpoint in a file, after its time stamp was verified. Raise `BadInput`, or `NoTimeStamp`."""
    try:
        document = checkpoint.read_file(file)
    except NotACheckpoint as wrong:
        problem = Problem("--checkpoint", str(wrong), "a file that `partnershipctl checkpoint` wrote")
        raise BadInput([problem]) from None
    except OSError as error:
        problem = Problem(
            "--checkpoint", f"{file} cannot be read: {error.strerror}", "a file that can be read"
        )
        raise BadInput([problem]) from None
    settings = console.settings
    authorities = settings.procedure.record.timestamp_ca_file
    if (stamp := document.get("stamp")) is not None and authorities:
        verify_stamp(base64.b64decode(stamp), bytes.fromhex(document["root"]), settings.folder / authorities)
        echo("Its time stamp holds.", err=True)
    return document
