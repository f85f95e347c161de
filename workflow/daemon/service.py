"""Runs partnershipd: ticks at intervals, serves the web pages, reloads, and stops in order."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from sdnotify import SystemdNotifier
from sqlalchemy.exc import SQLAlchemyError

from notifications.incoming.letterboxes import LetterboxFailed
from notifications.markup import escape_controls
from states.errors import Problem
from workflow import startup
from workflow.clock import tick
from workflow.clock.fire import next_due
from workflow.daemon import logs, reload, report, signals
from workflow.daemon.every import Every
from workflow.daemon.metrics import Metrics
from workflow.daemon.signals import AT_ONCE
from workflow.inbox.mailbox import Mailbox
from workflow.outbox import claims, delivery
from workflow.outbox.throttle import Pace
from workflow.procedure import config
from workflow.procedure.config import ConfigError
from workflow.session import System, current_time, open_system
from workflow.store import database
from workflow.store.database import StoreError, StoreLocked, StoreUnavailable
from workflow.web.app import application, listen_address
from workflow.web.server import Server

AWAY = 1  # exit status: the database is away or held by another program, and a later start may succeed
PATIENCE = 18.0  # seconds after SIGTERM in which the running tick may finish
_ANOTHER = "another partnershipd runs on this database; one SQLite file has one daemon"
STALE = 3  # ticks that may be missed before /healthz reports trouble
_TURN_SECONDS = 0.0005  # for which one thread may keep Python from the others that wait

log = structlog.get_logger("partnershipd")
T = TypeVar("T")


class Daemon:
    """One running daemon: ticks, the web pages, and the signals that end or reload it."""

    def __init__(self, opened: System, path: Path | None, *, sole: bool = False) -> None:
        self.system = opened
        self.mailer, letterbox = reload.equip(opened.config)
        self.mailbox = Mailbox(letterbox)
        self.metrics = Metrics()
        self._path = path
        # A sole daemon still has to take back what a killed one had claimed. Where several run, claims may be live.
        self._claims_are_ours = not sole
        self._stop = threading.Event()
        # A tick, a reload and the end of the daemon take turns, so that no tick sees half of a change.
        self._ticking = threading.Lock()
        self._ticked: float | None = None  # end of the last whole tick, in monotonic seconds
        self._problem: str | None = None  # what /healthz reports
        self._refused: reload.Refusal | None = (
            None  # of the configuration on disk, until a good one is loaded
        )
        self.pace = Pace()
        self._answered = False  # whether the last tick judged a message, so that more may wait
        self._trouble: str | None = None  # what failed in the present tick, or else in the last one
        self._systemd = SystemdNotifier() if os.environ.get("NOTIFY_SOCKET") else None
        # Jobs only tick; deadlines are rows. A late tick still runs, and two never run at once.
        self._jobs = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    def once(self) -> bool:
        """Run one tick, and return whether all of it succeeded.

        Its parts, in this order:

        1. Take back the messages that a killed daemon had claimed.
        2. Do what is due (`workflow.clock.tick`).
        3. Deliver the mail that may leave.
        4. Judge the replies that arrived. Strangers write there too, so nothing else waits for them.

        A part that fails does not stop the others, unless the database is away: raise `StoreError` then.
        """
        with self._ticking:
            # The daemon may have begun to stop while this tick waited for its turn.
            if self._stop.is_set():
                return True
            # This clock cannot be set, so the length is right also where the time of day jumps.
            began = time.monotonic()
            now = current_time()
            self._trouble = None
            self._run_part("claims", self._take_back)
            tally = tick.run(
                self.system,
                now,
                self._run_part,
                stop=self._stop.is_set,
                moved=report.log_moved,
                done=report.log_changes,
            )
            sent = self._run_part("mail", self._deliver) or {}
            answered = self._run_part("replies", self._judge_replies) or {}
            took = time.monotonic() - began
        self.metrics.count(tally)
        for status, number in sent.items():
            self.metrics.notices.labels(status).inc(number)
        self.metrics.ticks.observe(took)
        report.log_tick(tally, answered, sent, took)
        return not tally.failed and self._trouble is None

    def _run_part(self, name: str, work: Callable[[], T]) -> T | None:
        """Run one part of a tick; log its error rather than let it stop the parts that follow.

        Return None if it failed. Raise `StoreError` if the database is away, since no other part works without it.
        """
        try:
            return work()
        except StoreLocked as error:
            # Another program holds one row or table. What the other parts write may be free.
            self._trouble = f"{name}: {error}"
            log.error("a part of the tick failed", part=name, problem=str(error))  # noqa: TRY400 - words say it
            return None
        except StoreError:
            raise
        except Exception as error:
            self._trouble = f"{name}: {type(error).__name__}: {error}"
            log.exception("a part of the tick failed", part=name)
            return None

    def _take_back(self) -> None:
        """Release, once, the messages that a killed daemon had claimed, where no other daemon can run."""
        if self._claims_are_ours:
            return
        released = self.system.transact(claims.release_all)
        # Only after the transaction, so that an error makes the next tick try again.
        self._claims_are_ours = True
        if released:
            log.info("taken back from a daemon that was killed", messages=released)

    def _judge_replies(self) -> Mapping[str, int]:
        """Judge the replies that arrived; return how many there were by verdict."""
        counts: Counter[str] = Counter()
        self._answered = False
        try:
            for judged in self.mailbox.judge(self.system, current_time, stop=self._stop.is_set):
                counts[judged.verdict] += 1
                # A message that was read before is one that could not be marked as seen. It must not cause a tick.
                self._answered |= judged.recorded
                self.metrics.replies.labels(judged.verdict).inc()
                log.info("reply", **judged.line())
        except LetterboxFailed as failed:
            log.warning("replies cannot be read", problem=str(failed))
            self.metrics.letterbox_failures.inc()
        return counts

    def _deliver(self) -> Mapping[str, int]:
        """Deliver the mail that may leave; return how many notices by their new status.

        Log when mail stops leaving and when it leaves again, rather than at every tick between.
        """
        # A reload may have changed the limit.
        self.pace.per_minute = self.system.config.procedure.mail.per_minute
        before = self.pace.problem
        sent = delivery.deliver(
            self.system, self.mailer, current_time, stop=self._stop.is_set, pace=self.pace
        )
        if self.pace.problem not in (None, before):
            log.warning("mail cannot leave", problem=self.pace.problem)
        elif before is not None and self.pace.problem is None:
            log.info("mail leaves again")
        return sent

    def _tick(self) -> None:
        """Run one tick as a job: feed the watchdog if it was completed, and plan the next early tick.

        The watchdog is fed nowhere else. A scheduler thread that has died, or a tick that hangs, starves it.
        """
        try:
            self.once()
            with self.system.reading() as session:
                due = next_due(session.connection)
                self.metrics.measure(session, time.time())
        except Exception as error:
            # The next tick tries again. If the error persists, /healthz reports it and the watchdog starves.
            self._problem = f"{type(error).__name__}: {error}"
            log.exception("tick failed")
            return
        self._problem = self._trouble or self._mail_trouble
        self._ticked = time.monotonic()
        self._tell_systemd("WATCHDOG=1")
        self._wake_at(due)

    @property
    def _mail_trouble(self) -> str | None:
        if self.pace.problem is not None:
            return f"mail cannot leave: {self.pace.problem}"
        return f"replies cannot be read: {self.mailbox.problem}" if self.mailbox.problem else None

    @property
    def more(self) -> bool:
        """Return whether something is left to do at once: the turn of the mail ended, or replies were judged."""
        return self.pace.more or self._answered

    def _wake_at(self, due: datetime | None) -> None:
        """Plan an early tick if a deadline falls due, or more mail may leave, before the next regular tick."""
        if due is None and not self.more:
            return
        seconds = self._tick_seconds()
        now = current_time()
        soon = now if self.more or due is None else max(due, now + AT_ONCE)  # a deadline may be due already
        if soon < now + timedelta(seconds=seconds):
            self._jobs.add_job(self._tick, DateTrigger(soon), id="wake", replace_existing=True)

    def _tell_systemd(self, state: str) -> None:
        if self._systemd is not None:
            self._systemd.notify(state)

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Return whether ticks are completed in time and without trouble, and the document of /healthz."""
        age = None if self._ticked is None else time.monotonic() - self._ticked
        # A tick may last a while itself, since a mail server may be slow. So allow a minute more.
        patience = STALE * self._tick_seconds() + 60
        well = age is not None and age < patience and self._problem is None
        return well, {
            "seconds_since_tick": None if age is None else round(age, 1),
            "problem": self._problem,
            "config": str(self._path or "packaged default"),
            "configuration": str(self._refused or "loaded"),
        }

    def run(self) -> None:
        """Tick and serve until SIGTERM or SIGINT. Raise `ConfigError` if the address for pages cannot be used."""
        # This comes first, so that a signal during the start is heard below.
        received = signals.receive()
        host, port = listen_address(self.system.config)
        try:
            server = Server(application(self.system, self.health, self.metrics.registry), host, port)
        except (OSError, OverflowError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                [Problem("web.listen", f"cannot listen on {host}:{port}: {reason}", "a free address here")]
            ) from None
        # A page gives up its turn at each statement of SQL, and would wait long for the next while a tick computes.
        sys.setswitchinterval(_TURN_SECONDS)
        server.start()
        self._start_ticks()
        self._tell_systemd("READY=1")
        # Only here, since cron mails every line of --once to somebody each time.
        reload.report_warnings(self.system.config)
        log.info("running", config=str(self._path or "packaged default"), web=f"http://{host}:{port}")
        while signals.wait_for_signal(received, self._jobs, self._tick_seconds) == signal.SIGHUP:
            # A job of its own, so that this thread still hears a stop while the reload waits for a tick.
            self._jobs.add_job(self._reload, max_instances=100)
        self._stop.set()
        self._end(server)

    def _tick_seconds(self) -> float:
        """Return the seconds between two ticks; a reload may change them."""
        return self.system.config.procedure.daemon.tick_seconds

    def _start_ticks(self) -> None:
        # The first tick comes at once, since much may have fallen due while no daemon ran.
        self._jobs.add_job(self._tick, Every(self._tick_seconds()), id="tick", next_run_time=current_time())
        self._jobs.start()

    def _reload(self) -> None:
        """Take up the configuration as it is now, between two ticks; keep the old one if the new one is bad."""
        self._tell_systemd("RELOADING=1")
        try:
            with self._ticking:
                before = self.system.config
                # Everything is read before anything is replaced, so a bad file leaves the daemon as it was.
                after, self.mailer, letterbox = reload.read(self._path)
                self.mailbox.close()
                self.mailbox = Mailbox(letterbox)
                self.system.config = after
                self.pace.end_pause()
        except ConfigError as error:
            reload.report_refused(error)
            self._refused = reload.refuse(
                error, self._refused, self.system.config.calendar.local(current_time())
            )
            self.metrics.refused.set(1)
        else:
            self._refused = None
            self.metrics.refused.set(0)
            logs.set_up(after)
            reload.report_postponed(before, after)
            reload.report_warnings(after, before)
            log.info("configuration loaded")
            self._jobs.reschedule_job("tick", trigger=Every(self._tick_seconds()))
            # Tick at once, so that the log shows which deadlines the new procedure moved.
            self._jobs.add_job(self._tick, id="wake", replace_existing=True)
        finally:
            self._tell_systemd("READY=1")

    def _end(self, server: Server) -> None:
        """Stop in order: no new ticks, no new requests, then wait for the running tick.

        If it does not finish within `PATIENCE` seconds, leave the process at once. The next daemon takes its
        claims back.
        """
        last = time.monotonic() + PATIENCE
        self._tell_systemd("STOPPING=1")
        log.info("stopping")
        # Pause rather than shut down, since the running tick may still need a while.
        self._jobs.pause()
        server.close()
        finished = self._ticking.acquire(timeout=max(0, last - time.monotonic()))
        self._jobs.shutdown(wait=False)
        if not finished:
            log.warning("stopped while a message was still on its way", seconds=PATIENCE)
            sys.stderr.flush()
            # An orderly exit would wait for the thread that still runs the tick.
            os._exit(0)
        self._ticking.release()
        log.info("stopped")


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[System]:
    """Open the system of a configuration file, and close its connections at the end of the block."""
    opened = open_system(path)
    try:
        yield opened
    finally:
        opened.engine.dispose()


def _fail(problems: list[Problem], status: int = ConfigError.exit_status) -> None:
    """Print the problems and end the program."""
    for problem in problems:
        click.echo(escape_controls(f"partnershipd: {problem}"), err=True)
    sys.exit(status)


def _run_once(daemon: Daemon) -> bool:
    """Tick until no more mail may leave and no reply waits, and return whether all ticks succeeded."""
    well = daemon.once()
    # A tick ends its turn of the mail after a while, so that deadlines need not wait for a long queue.
    while daemon.more:
        well = daemon.once() and well
    return well


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lead-community-partners", message="%(version)s")
@click.option("--config", "config_file", metavar="FILE", help="The configuration; else ./config.toml.")
@click.option("--once", is_flag=True, help="Do what is due now, deliver what is queued, and exit.")
def main(config_file: str | None, once: bool) -> None:
    """Fire deadlines as they fall due and deliver notices, until it is told to stop.

    SIGTERM ends it after what it holds; SIGHUP makes it read its configuration again. Exit status: 0 done,
    1 something that was due failed (with --once), or the database is away or held by another program for now, 5 the
    configuration or the database cannot be used.
    """
    startup.end()
    path = config.find(config_file, os.environ)
    try:
        with _opened(path) as opened:
            logs.set_up(opened.config)
            with database.exclusive(opened.engine, _ANOTHER) as sole:
                # Under the lock, so that no other daemon can write to the file meanwhile.
                database.check_sound(opened.engine)
                daemon = Daemon(opened, path, sole=sole)
                if once:
                    sys.exit(0 if _run_once(daemon) else 1)
                daemon.run()
    except ConfigError as error:
        _fail(error.problems)
    except StoreUnavailable as error:
        _fail([Problem("", str(error))], AWAY)
    except StoreError as error:
        _fail([Problem("", str(error))])
    except SQLAlchemyError as error:
        _fail([Problem("database", database.first_line(error))])
