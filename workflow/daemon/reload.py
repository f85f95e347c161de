"""Reads the configuration again, and reports the changed settings that a running daemon cannot take up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from notifications.incoming.letterboxes import Letterbox
from notifications.mailers import Mailer
from states.errors import Problem
from workflow.mail_servers import make_letterbox, make_mailer
from workflow.outbox.trial import require_writable
from workflow.procedure import config
from workflow.procedure.config import Config, ConfigError
from workflow.procedure.warnings import find_warnings

_SHOWN = 5  # the most problems of a refused configuration that /healthz shows

log = structlog.get_logger("partnershipd")


def read(path: Path | None) -> tuple[Config, Mailer, Letterbox | None]:
    """Read the configuration, and make the mailer and the letterbox it names. Raise `ConfigError` if it is bad."""
    settings = config.load(path)
    return settings, *equip(settings)


def equip(settings: Config) -> tuple[Mailer, Letterbox | None]:
    """Return the mailer and the letterbox for a configuration. Raise `ConfigError` if no mail can leave with it."""
    require_writable(settings)
    # Reading the keys for links refuses a bad file here rather than at the first message.
    _ = settings.links
    # Both are made anew at a reload, since passwords and servers may have changed.
    return make_mailer(settings), make_letterbox(settings)


def report_warnings(settings: Config, before: Config | None = None) -> None:
    """Log every warning of `check` that does not hold for the configuration `before` as well."""
    logged = set(find_warnings(before)) if before else set()
    for warning in find_warnings(settings):
        if warning not in logged:
            log.warning("configuration", problem=warning)


def report_refused(error: ConfigError) -> None:
    """Log every problem of a configuration that was refused."""
    for problem in error.problems:
        log.warning("configuration refused", at=problem.at, problem=str(problem))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A configuration on disk that was refused at a reload, while the daemon went on with the one before."""

    since: datetime  # of the first refusal: there may have been several
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        why = "; ".join(map(str, self.problems[:_SHOWN]))
        rest = len(self.problems) - _SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        since = self.since.isoformat(timespec="seconds")
        return f"refused at a reload, since {since}; the one before is in use: {why}{more}"


def refuse(error: ConfigError, before: Refusal | None, now: datetime) -> Refusal:
    """Return the refusal of a configuration, which lasts since an earlier one that is not over (`before`)."""
    return Refusal(before.since if before else now, tuple(error.problems))


def report_postponed(before: Config, after: Config) -> None:
    """Log every changed setting that takes effect only after a restart."""
    for name in _need_restart(before, after):
        log.warning("changed only after a restart", at=name)


def _need_restart(before: Config, after: Config) -> Iterator[str]:
    """Return the names of changed settings on which the database engine or the web server was built."""
    if before.database_url != after.database_url:
        yield "database.url"
    for name in ("listen", "proxies", "upload_megabytes", "posts_per_minute"):
        if getattr(before.procedure.web, name) != getattr(after.procedure.web, name):
            yield f"web.{name}"
