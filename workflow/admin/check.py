"""Runs the command check: read the configuration and every template, without a database."""

from __future__ import annotations

from typing import Any

import click

from workflow.admin.console import Console, common, echo
from workflow.outbox.trial import require_writable
from workflow.procedure import config
from workflow.procedure.config import Config
from workflow.procedure.warnings import find_warnings
from workflow.session import make_letterbox, make_mailer
from workflow.store import database


@click.command()
@common
def check(console: Console) -> None:
    """Check the configuration and every template.

    Names every mistake at once, each with its place. Needs no database.
    """
    path = console.path
    settings = config.load(path)
    require_writable(settings)
    # This reads the address and connects to nothing, so a mistake in it shows without a database.
    database.make_engine(settings.database_url)
    _check_secrets(settings)
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
    console.show(document, lambda: echo(words))


def _check_secrets(settings: Config) -> None:
    """Raise `ConfigError` if a file that mail needs cannot be read.

    A password in the environment is not checked, since only the daemon has it.
    """
    mail = settings.procedure.mail
    if mail.mailer == "smtp" and (mail.smtp.password_file or not mail.smtp.username):
        make_mailer(settings)
    if mail.replies == "imap" and (mail.imap.password_file or mail.imap.oauth_token_file):
        make_letterbox(settings)
