"""Sets up the log of the daemon and its libraries: key=value lines or JSON on standard error."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, TextIO

import structlog

from notifications.markup import escape_controls
from workflow.procedure.config import Config


class _Unfailing:
    """A stream that drops what it cannot write, so that a full disk stops neither deadlines nor mail."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, or drop the text if the stream cannot take it."""
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush, as far as that is possible."""
        with contextlib.suppress(OSError):
            self._stream.flush()


_LOGFMT = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])


def _render_text(logger: Any, name: str, event: Any) -> str:
    """Return a line of key=value pairs on whose characters no terminal acts, since it may quote a stranger."""
    return escape_controls(_LOGFMT(logger, name, event))


def set_up(settings: Config) -> None:
    """Send the log to standard error, in the form and from the level that the configuration names."""
    log_settings = settings.procedure.log
    level = getattr(logging, log_settings.level.upper())
    renderer: Any = structlog.processors.JSONRenderer()
    stream: Any = _Unfailing(sys.stderr)
    if log_settings.format == "text":
        renderer = _render_text
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    # Libraries log through the standard library. Give their lines the same form as ours.
    of_libraries = logging.StreamHandler(sys.stderr)
    of_libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    # `force` replaces the handler of an earlier call, since a reload sets the log up again.
    logging.basicConfig(level=logging.WARNING, handlers=[of_libraries], force=True)
    # APScheduler would warn of each tick that a long one replaces, and waitress of each page that has to wait.
    for noisy in ("apscheduler", "waitress.queue"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        # A logger that is kept would still have the old form after a reload.
        cache_logger_on_first_use=False,
    )
