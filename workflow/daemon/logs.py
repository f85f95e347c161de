"""The log: what the daemon and its libraries say, on standard error, as key=value lines or JSON."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, TextIO

import structlog

from workflow.procedure.config import Config


class _Unfailing:
    """A stream of which what cannot be written is lost: a log on a full disk stops no deadline and no message."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def set_up(settings: Config) -> None:
    """Log to standard error: key=value lines, or JSON."""
    log_settings = settings.procedure.log
    level = getattr(logging, log_settings.level.upper())
    renderer: Any = structlog.processors.JSONRenderer()
    stream: Any = _Unfailing(sys.stderr)
    if log_settings.format == "text":
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    # What libraries log, in the same form.
    theirs = logging.StreamHandler(sys.stderr)
    theirs.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[theirs], force=True)
    # Else a long tick is a warning for each that it replaces, and a busy minute one for each page that waits.
    for noisy in ("apscheduler", "waitress.queue"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
