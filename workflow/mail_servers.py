"""Makes the mailer and the letterbox that the configuration names."""

from __future__ import annotations

import os
import ssl

from notifications.incoming.letterboxes import ImapLetterbox, Letterbox, MaildirLetterbox
from notifications.mailers import MaildirMailer, Mailer, SmtpMailer
from notifications.texts import read_secret
from states.errors import Problem
from workflow.procedure.config import Config, ConfigError
from workflow.procedure.settings import Imap, Smtp


def make_mailer(settings: Config) -> Mailer:
    """Return the mailer that the configuration names. Raise `ConfigError` if its settings cannot work."""
    mail = settings.procedure.mail
    if mail.mailer == "maildir":
        return MaildirMailer(settings.folder / mail.maildir)
    smtp = mail.smtp
    try:
        return SmtpMailer(
            smtp.host,
            smtp.port,
            smtp.security,
            username=smtp.username or None,
            password=_password(settings, "smtp", smtp),
            timeout=smtp.timeout_seconds,
            context=_trust(settings, "smtp", smtp),
            oauth_token_file=settings.folder / smtp.oauth_token_file if smtp.oauth_token_file else None,
        )
    # The mailer refuses settings that would send a password in
    # the clear. To staff this is a mistake in the configuration.
    except ValueError as error:
        raise ConfigError([Problem("mail.smtp", str(error))]) from None


def make_letterbox(settings: Config) -> Letterbox | None:
    """Return the letterbox that the configuration names, or None if answers are not read.

    Raise `ConfigError` if its settings cannot work.
    """
    mail = settings.procedure.mail
    if mail.replies == "none":
        return None
    if mail.replies == "maildir":
        return MaildirLetterbox(settings.folder / mail.replies_maildir)
    imap = mail.imap
    return ImapLetterbox(
        imap.host,
        imap.port,
        imap.username,
        _password(settings, "imap", imap) or "",
        folder=imap.folder,
        timeout=imap.timeout_seconds,
        context=_trust(settings, "imap", imap),
        token_file=settings.folder / imap.oauth_token_file if imap.oauth_token_file else None,
    )


def _trust(settings: Config, table: str, server: Smtp | Imap) -> ssl.SSLContext | None:
    """Return a TLS context that trusts the configured authorities; None for those of the operating system."""
    authorities = server.ca_file
    if not authorities:
        return None
    try:
        return ssl.create_default_context(cafile=str(settings.folder / authorities))
    except OSError as error:
        problem = Problem(
            f"mail.{table}.ca_file", f"it cannot be read: {error}", "certificates in a PEM file"
        )
        raise ConfigError([problem]) from None


def _password(settings: Config, table: str, server: Smtp | Imap) -> str | None:
    """Return the password for a mail server from its file or the environment; None if it asks for none."""
    if not server.username or server.oauth_token_file:
        return None
    if server.password_file:
        path = settings.folder / server.password_file
        try:
            return read_secret(path)
        except OSError as error:
            problem = Problem(
                f"mail.{table}.password_file", f"it cannot be read: {error}", "a file with the password"
            )
            raise ConfigError([problem]) from None
    password = os.environ.get(f"PARTNERSHIPS_{table.upper()}_PASSWORD")
    if password is None:
        problem = Problem(
            f"mail.{table}.username",
            "there is no password for it",
            f"mail.{table}.password_file, or PARTNERSHIPS_{table.upper()}_PASSWORD in the environment",
        )
        raise ConfigError([problem])
    return password
