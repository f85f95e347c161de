"""Runs the command check: read the configuration and every template; on request hold them against the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from workflow.admin.console import Console, common
from workflow.admin.terminal import echo
from workflow.mail_servers import make_letterbox, make_mailer
from workflow.outbox.trial import require_writable
from workflow.procedure import config
from workflow.procedure.config import Config
from workflow.procedure.warnings import find_warnings
from workflow.record.moved import format_instant
from workflow.rehearsal.prediction import Prediction, predict_loading
from workflow.store import database


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--against-record", is_flag=True, help="Say what moves at once among open deadlines if it is loaded."
)
@common
def check(console: Console, file: Path | None, against_record: bool) -> None:
    """Check the configuration and every template.

    Names every mistake at once, each with its place. Needs no database. FILE is another configuration than the
    one in use. With --against-record, it is held against the record of the one in use, whose database, keys and
    mail it then has. Nothing is written.
    """
    path = file or console.path
    settings = config.load(path)
    if file and against_record:
        settings = config.put_in_place(settings, console.settings)
    require_writable(settings)
    # This reads the address and connects to nothing, so a mistake in it shows without a database.
    database.make_engine(settings.database_url)
    _check_secrets(settings)
    prediction = predict_loading(console.system, settings, console.now) if against_record else None
    document: dict[str, Any] = {
        "config": str(path) if path else "packaged default",
        "deadlines": len(settings.deadlines),
        "notices": len(settings.notices),
        "templates": len(settings.templates.names()),
        "problems": [],
        "warnings": list(find_warnings(settings)),
    }
    words = f"{document['config']}: {len(settings.deadlines)} deadlines, {len(settings.notices)} notices, "
    words += f"{document['templates']} templates: all in order."
    words = "\n".join([words, *(f"Warning: {warning}" for warning in document["warnings"])])

    def people() -> None:
        echo(words)
        if prediction:
            _print_prediction(console, prediction)

    console.show(document | ({"loading": _describe(prediction)} if prediction else {}), people)


def _describe(prediction: Prediction) -> dict[str, Any]:
    """Return the document of a prediction. Its deadlines are as the daemon will put them on record."""
    return {
        "settings": [asdict(setting) for setting in prediction.settings],
        "deadlines": prediction.moves,
        "unreadable": prediction.unreadable,
    }


def _print_prediction(console: Console, prediction: Prediction) -> None:
    """Print what will differ as soon as the configuration is loaded."""
    echo("\nIf this configuration is loaded now, these settings change:")
    settings = [
        (each.name, "" if each.before is None else each.before, "" if each.after is None else each.after)
        for each in prediction.settings
    ]
    console.show_table(("setting", "is", "will be"), settings, "None.")
    echo("\nThese open deadlines move at once:")
    moves = [(_place(move), move["label"], *_describe_change(move)) for move in prediction.moves]
    console.show_table(("partnership", "deadline", "was", "will be"), moves, "None.")
    for item in prediction.unreadable:
        echo(f"\nThe deadlines of {item['ref']} stay as they are: {item['problem']}")
    echo("\nNothing was written.")


def _place(move: Mapping[str, str]) -> str:
    return f"{move['school']} ({move['ref']})"


def _describe_change(move: Mapping[str, str]) -> tuple[str, str]:
    """Return in words when a deadline was due, and when it will be."""
    was, will_be = format_instant(move["was"]), format_instant(move["is_now"])
    if not was:
        return "does not run", will_be
    if was == will_be:
        return was, f"{will_be}, other reminders"
    return was, will_be or "runs no longer"


def _check_secrets(settings: Config) -> None:
    """Raise `ConfigError` if a file that mail needs cannot be read.

    A password in the environment is not checked, since only the daemon has it.
    """
    mail = settings.procedure.mail
    if mail.mailer == "smtp" and (mail.smtp.password_file or not mail.smtp.username):
        make_mailer(settings)
    if mail.replies == "imap" and (mail.imap.password_file or mail.imap.oauth_token_file):
        make_letterbox(settings)
