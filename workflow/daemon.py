"""partnershipd: puts the doors together, lives and stops."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click
import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sdnotify import SystemdNotifier
from waitress.server import create_server

from states.errors import Problem
from workflow import config, outbox, replan, scheduler, system, web
from workflow.config import Config, ConfigError
from workflow.metrics import Metrics
from workflow.scheduler import Tally
from workflow.store import StoreError
from workflow.system import System

SETUP = 5  # exit status: the configuration or the database cannot be used
PATIENCE = 18.0  # seconds to finish what is held after SIGTERM
STALE = 3  # ticks that may be missed before /healthz says so

log = structlog.get_logger("partnershipd")


class Daemon:
    """One running daemon: ticks, the web pages, and the signals that end or reload it."""

    def __init__(self, opened: System, path: Path | None) -> None:
        self.system = opened
        self.mailer = system.mailer(opened.config)
        self.metrics = Metrics()
        self._path = path
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._woken = threading.Event()
        self._ticking = threading.Lock()
        self._ticked: float | None = None  # monotonic seconds
        self._problem: str | None = None
        self._systemd = SystemdNotifier()
        # Jobs only tick; deadlines are rows. A late tick is run all the same, and never two at once.
        self._jobs = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    def once(self) -> bool:
        """Do what is due now, deliver what is queued. False if something failed."""
        with self._ticking:
            began = time.monotonic()
            now = system.now()
            tally = scheduler.fire_due(self.system, now, stop=self._stop.is_set, done=self._said)
            sent = outbox.deliver(self.system, self.mailer, system.now, stop=self._stop.is_set)
            took = time.monotonic() - began
        self.metrics.count(tally)
        for status, number in sent.items():
            self.metrics.notices.labels(status).inc(number)
        self.metrics.ticks.observe(took)
        if tally.fired or tally.told or tally.skipped or tally.failed or sent:
            counts = {status.replace("-", "_"): number for status, number in sent.items()}
            log.info(
                "tick",
                fired=tally.fired,
                told=tally.told,
                skipped=tally.skipped,
                failed=tally.failed,
                **counts,
                seconds=round(took, 3),
            )
        return not tally.failed

    def _said(self, tally: Tally) -> None:
        for change in tally.changes:
            log.info(
                "event",
                ref=change.record.ref,
                event_name=change.intent.event,
                state=str(change.record.state),
                was=str(change.before.state),
            )
        for failure in tally.failures:
            log.error("deadline failed", problem=failure)

    def _tick(self) -> None:
        try:
            self.once()
            with self.system.reading() as session:
                due = scheduler.next_due(session.connection)
                self.metrics.measure(session, time.time())
        except Exception as error:
            # Whatever it was, the next tick tries again; /healthz and the watchdog tell if it goes on.
            self._problem = f"{type(error).__name__}: {error}"
            log.exception("tick failed")
            return
        self._problem = None
        self._ticked = time.monotonic()
        self._systemd.notify("WATCHDOG=1")
        self._wake_at(due)

    def _wake_at(self, due: datetime | None) -> None:
        """Tick early for the next due instant, if that comes before the next tick."""
        seconds = self.system.config.procedure.daemon.tick_seconds
        now = system.now()
        if due is not None and now < due < now + timedelta(seconds=seconds):
            self._jobs.add_job(self._tick, DateTrigger(due), id="wake", replace_existing=True)

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Whether ticks are completed in time, and what is known."""
        age = None if self._ticked is None else time.monotonic() - self._ticked
        patience = STALE * self.system.config.procedure.daemon.tick_seconds + 60
        well = age is not None and age < patience and self._problem is None
        return well, {
            "seconds_since_tick": None if age is None else round(age, 1),
            "problem": self._problem,
            "config": str(self._path or "packaged default"),
        }

    def run(self) -> None:
        """Live until SIGTERM or SIGINT."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        host, port = web.address(self.system.config)
        app = web.application(self.health, self.metrics.registry)
        try:
            server = create_server(app, host=host, port=port, threads=4)
        except OSError as error:
            raise StoreError(f"web.listen: nothing can listen on {host}:{port}: {error.strerror}") from None
        threading.Thread(target=server.run, name="web", daemon=True).start()
        self._replan()
        self._start_ticks()
        self._systemd.notify("READY=1")
        log.info("running", config=str(self._path or "packaged default"), web=f"http://{host}:{port}")
        while not self._stop.is_set():
            self._woken.wait()
            self._woken.clear()
            if self._reload.is_set():
                self._reload.clear()
                self._take_new_configuration()
        self._end(server)

    def _start_ticks(self) -> None:
        seconds = self.system.config.procedure.daemon.tick_seconds
        self._jobs.add_job(
            self._tick, IntervalTrigger(seconds=seconds, timezone=UTC), id="tick", next_run_time=system.now()
        )
        self._jobs.start()

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()
        self._woken.set()

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reload.set()
        self._woken.set()

    def _take_new_configuration(self) -> None:
        """Read the configuration again; a bad one is refused and the old one kept."""
        self._systemd.notify("RELOADING=1")
        try:
            settings = config.load(self._path)
            mailer = system.mailer(settings)
        except ConfigError as error:
            for problem in error.problems:
                log.warning("configuration refused", at=problem.at, problem=str(problem))
        else:
            with self._ticking:
                self.system.config = settings
                self.mailer = mailer
            self._replan()
            seconds = settings.procedure.daemon.tick_seconds
            self._jobs.reschedule_job("tick", trigger=IntervalTrigger(seconds=seconds, timezone=UTC))
            log.info("configuration loaded")
        self._systemd.notify("READY=1")

    def _replan(self) -> None:
        """Bring open deadlines in line with the procedure as it is now, and report what moved."""
        with self._ticking:
            moved = self.system.transact(partial(replan.replan, now=system.now()))
        for change in moved:
            log.info("deadline changed with the procedure", **change)

    def _end(self, server: Any) -> None:
        self._systemd.notify("STOPPING=1")
        log.info("stopping")
        self._jobs.pause()
        finished = self._ticking.acquire(timeout=PATIENCE)
        self._jobs.shutdown(wait=False)
        with contextlib.suppress(OSError):
            server.close()
        self.system.engine.dispose()
        log.info("stopped" if finished else "stopped while a message was still on its way")


@contextlib.contextmanager
def alone(settings: Config) -> Iterator[None]:
    """Hold the database for this daemon alone, where it is a file. Raises `StoreError` if another has it."""
    url = settings.database_url
    if not url.startswith("sqlite:///") or ":memory:" in url:
        yield
        return
    path = Path(url.removeprefix("sqlite:///") + ".lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(
                "another partnershipd runs on this database; one SQLite file has one daemon"
            ) from None
        yield


def set_up_logs(settings: Config) -> None:
    """Log to standard error: key=value lines, or JSON."""
    log_settings = settings.procedure.log
    level = getattr(logging, log_settings.level.upper())
    renderer: Any = structlog.processors.JSONRenderer()
    if log_settings.format == "text":
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="level=%(levelname)s event=%(message)r"
    )


def _fail(problems: list[Problem]) -> None:
    for problem in problems:
        click.echo(f"partnershipd: {problem}", err=True)
    sys.exit(SETUP)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lead-community-partners", message="%(version)s")
@click.option("--config", "config_file", metavar="FILE", help="The configuration; else ./config.toml.")
@click.option("--once", is_flag=True, help="Do what is due now, deliver what is queued, and exit.")
def main(config_file: str | None, once: bool) -> None:
    """Fire deadlines as they fall due and deliver notices, until it is told to stop.

    SIGTERM ends it after what it holds; SIGHUP makes it read its configuration again. Exit status: 0 done,
    1 something that was due failed (with --once), 5 the configuration or the database cannot be used.
    """
    path = config.find(config_file, os.environ)
    try:
        opened = system.open_system(path)
        set_up_logs(opened.config)
        with alone(opened.config):
            daemon = Daemon(opened, path)
            if not once:
                daemon.run()
                return
            opened.transact(partial(replan.replan, now=system.now()))
            sys.exit(0 if daemon.once() else 1)
    except ConfigError as error:
        _fail(error.problems)
    except StoreError as error:
        _fail([Problem("", str(error))])
