"""Runs the command restore: put a backup into an absent or empty database."""

from __future__ import annotations

from pathlib import Path

import click

from states.errors import BadInput, Problem
from workflow.admin.backup import FILE, count_text, summary_document
from workflow.admin.console import Console, common
from workflow.admin.terminal import echo
from workflow.store.database import open_store, readable_address


@click.command()
@FILE
@common
def restore(console: Console, file: Path) -> None:
    """Put a backup back into a database with nothing in it.

    The database is that of the configuration, absent or empty. The backup may come from SQLite or from PostgreSQL,
    and from an earlier version of this program. It is checked as by `verify` first; if anything is wrong with it,
    nothing is changed. The daemon must not run. `changes` lists the restore; the user needs the right to import.
    """
    # A backup brings a whole past along, as an import does.
    user = console.require_manager("import").name
    settings = console.settings
    from workflow.record import restore as restoring

    engine = open_store(settings.database_url, create=True)
    try:
        summary = restoring.restore(settings, engine, file, by=user, now=console.now)
    except restoring.NoBackup as error:
        expected = "a file that `partnershipctl backup` wrote"
        raise BadInput([Problem(f"FILE {file}", str(error), expected)]) from None
    finally:
        engine.dispose()
    where = readable_address(engine)
    keys = settings.folder / settings.procedure.web.keys_file
    document = summary_document(file, summary) | {"database": where, "keys": keys.is_file()}
    # The restored database is another file than the backup, with another size and digest.
    del document["bytes"], document["sha256"]

    def people() -> None:
        echo(f"Restored {file} into {where}: {count_text(summary)}; every record was verified.")
        if not keys.is_file():
            echo(f"The keys for links are not in a backup: put them back at {keys}.")
            echo("`partnershipctl init` makes new ones; links that are out then end.")

    console.show(document, people)
