"""Runs the command verify: compare every record with its history."""

from __future__ import annotations

import click

from workflow.admin.console import Console, common, echo
from workflow.admin.references import ANY_REF, resolve
from workflow.record.verify import find_missing_triggers
from workflow.record.verify import verify as verify_all
from workflow.store.errors import NotFound


@click.command()
@ANY_REF
@common
def verify(console: Console, ref: str | None) -> int:
    """Compare every record with its history.

    Folds each history again, compares what it adds up to with what is stored, checks the chain of hashes, and
    names each fault; without REF also what is missing of the triggers that guard them. The exit status is 1 if
    there is a fault.
    """
    faults, checked = [], 0
    with console.system.reading() as session:
        refs = [resolve(session.connection, ref)] if ref else []
        results = verify_all(session.connection, session.config, refs)
        # The results come one record at a time, so the faults are kept and never all histories at once.
        for _, of_record in results:
            checked += 1
            faults += of_record
        if not ref:
            faults += find_missing_triggers(session.connection)
    if ref and not checked:
        raise NotFound(f"there is no partnership {ref!r}")
    document = {
        "checked": checked,
        "faults": [{"ref": f.ref, "seq": f.seq, "problem": f.problem} for f in faults],
    }

    def people() -> None:
        for fault in faults:
            echo(str(fault))
        many, faulty = "s" * (checked != 1), "s" * (len(faults) != 1)
        echo(f"Verified {checked} partnership{many}: {len(faults) or 'no'} fault{faulty}.")

    console.show(document, people)
    return 1 if faults else 0
