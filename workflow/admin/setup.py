"""Commands that fill the system and check it: import, check, verify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from workflow.admin.console import Console, common
from workflow.admin.partnerships import ANY_REF
from workflow.engine import NotFound
from workflow.procedure import config
from workflow.procedure.config import Config
from workflow.record import importing
from workflow.record.verify import unguarded
from workflow.record.verify import verify as verify_all
from workflow.session import make_letterbox, make_mailer
from workflow.store import database


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything and change nothing.")
@common
def import_(console: Console, file: Path, dry_run: bool) -> None:
    """Take in a district FILE (TOML), all or nothing.

    Schools, organizations, people, meetings, and partnerships with their history. The same file twice
    changes nothing.
    """
    user = console.may_write()
    given = importing.read_file(file)
    with _Progress(len(given.partnership)) as advance:
        counts = importing.take_in(
            console.system, given, by=user, now=console.now, ran_by=user, dry_run=dry_run, progress=advance
        )
    document = {
        "file": str(file),
        "dry_run": dry_run,
        "added": counts.added,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
    }

    def people() -> None:
        click.echo(f"{'Would import' if dry_run else 'Imported'} {file}:")
        for word, table in (
            ("added", counts.added),
            ("changed", counts.changed),
            ("unchanged", counts.unchanged),
        ):
            if table:
                click.echo(f"  {word}: " + ", ".join(_counted(*item) for item in table.items()))

    console.show(document, people)


def _counted(kind: str, number: int) -> str:
    """How many of a kind, such as "1 school" or "2 schools"."""
    return f"{number} " + ({"people": "person"}.get(kind, kind.removesuffix("s")) if number == 1 else kind)


class _Progress:
    """A progress bar on a terminal, for an import that is worth one."""

    def __init__(self, length: int) -> None:
        self._shown = sys.stderr.isatty() and length > 20
        self._bar: Any = None
        self._length = length

    def __enter__(self) -> Any:
        if not self._shown:
            return lambda: None
        from rich.console import Console as Terminal
        from rich.progress import Progress

        self._bar = Progress(console=Terminal(stderr=True))
        self._bar.start()
        task = self._bar.add_task("Importing", total=self._length)
        return lambda: self._bar.advance(task)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


@click.command()
@common
def check(console: Console) -> None:
    """Check the configuration and every template.

    Names every mistake at once, each with its place. Needs no database.
    """
    path = console.path
    settings = config.load(path)
    database.engine_of(settings.database_url)
    _check_secrets(settings)
    document = {
        "config": str(path) if path else "packaged default",
        "deadlines": len(settings.deadlines),
        "notices": len(settings.notices),
        "templates": len(settings.templates.names()),
        "problems": [],
    }
    words = f"{document['config']}: {len(settings.deadlines)} deadlines, {len(settings.notices)} notices, "
    words += f"{document['templates']} templates: all in order."
    console.show(document, lambda: click.echo(words))


def _check_secrets(settings: Config) -> None:
    """Whether the files that mail needs can be read. A password in the daemon's own environment is its own."""
    mail = settings.procedure.mail
    if mail.mailer == "smtp" and (mail.smtp.password_file or not mail.smtp.username):
        make_mailer(settings)
    if mail.replies == "imap" and mail.imap.password_file:
        make_letterbox(settings)


@click.command()
@ANY_REF
@common
def verify(console: Console, ref: str | None) -> int:
    """Prove every record against its history.

    Folds each history again, compares what it adds up to with what is stored, checks the chain of hashes, and
    names each fault; without REF also what is missing of the triggers that guard them. The exit status is 1 if
    there is a fault.
    """
    faults, checked = [], 0
    with console.system.reading() as session:
        found = verify_all(session.connection, session.config, [ref] if ref else [])
        for _, mine in found:
            checked += 1
            faults += mine
        if not ref:
            faults += unguarded(session.connection)
    if ref and not checked:
        raise NotFound(f"there is no partnership {ref!r}")
    document = {
        "checked": checked,
        "faults": [{"ref": f.ref, "seq": f.seq, "problem": f.problem} for f in faults],
    }

    def people() -> None:
        for fault in faults:
            click.echo(str(fault))
        many, faulty = "s" * (checked != 1), "s" * (len(faults) != 1)
        click.echo(f"Verified {checked} partnership{many}: {len(faults) or 'no'} fault{faulty}.")

    console.show(document, people)
    return 1 if faults else 0


COMMANDS = (import_, check, verify)
