"""partnershipd: puts the doors together, lives and stops."""

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
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger
from sdnotify import SystemdNotifier
from sqlalchemy.exc import SQLAlchemyError

from notifications.incoming.letterboxes import LetterboxFailed
from states.errors import Problem
from workflow.clock import meetings, replan
from workflow.clock.fire import Tally, fire_due, next_due
from workflow.daemon import logs, reload, signals
from workflow.daemon.metrics import Metrics
from workflow.daemon.signals import AT_ONCE
from workflow.inbox import judge
from workflow.outbox import delivery, digest
from workflow.outbox.throttle import Pace
from workflow.procedure import config
from workflow.procedure.config import ConfigError
from workflow.session import Session, System, current_time, make_letterbox, make_mailer, open_system
from workflow.store import database
from workflow.store.database import StoreError, StoreLocked, StoreUnavailable
from workflow.web.app import address, application
from workflow.web.server import Server

AWAY = 1  # exit status: the database is away or another's, so that whoever watches over this starts it again
PATIENCE = 18.0  # seconds to finish what is held after SIGTERM
_ANOTHER = "another partnershipd runs on this database; one SQLite file has one daemon"
STALE = 3  # ticks that may be missed before /healthz says so

log = structlog.get_logger("partnershipd")
T = TypeVar("T")


class _Every(BaseTrigger):  # type: ignore[misc]
    """So many seconds after the last time, whatever the clock said then.

    APScheduler's own counts every time that it missed, which takes minutes and all memory when a machine that began
    in 1970 learns what year it is.
    """

    def __init__(self, seconds: float) -> None:
        self._pause = timedelta(seconds=seconds)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + self._pause


class Daemon:
    """One running daemon: ticks, the web pages, and the signals that end or reload it."""

    def __init__(self, opened: System, path: Path | None, *, sole: bool = False) -> None:
        self.system = opened
        _ = opened.config.links  # without keys it is refused here rather than at the first message
        self.mailer = make_mailer(opened.config)
        self.letterbox = make_letterbox(opened.config)
        self.metrics = Metrics()
        self._path = path
        self._claims_are_ours = not sole  # else a killed one's are still to be taken back
        self._stop = threading.Event()
        self._ticking = threading.Lock()
        self._ticked: float | None = None  # monotonic seconds
        self._problem: str | None = None
        self.pace = Pace()
        self._trouble: str | None = None  # of the tick that runs, or the last one
        self._systemd = SystemdNotifier() if os.environ.get("NOTIFY_SOCKET") else None
        # Jobs only tick; deadlines are rows. A late tick is run all the same, and never two at once.
        self._jobs = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    def once(self) -> bool:
        """Do what is due now, deliver what is queued. False if something failed."""
        with self._ticking:
            if self._stop.is_set():
                return True
            began = time.monotonic()
            now = current_time()
            self._trouble = None
            self._apart("claims", self._take_back)
            self._apart("procedure", partial(self._replan, now))
            self._apart(
                "meetings", partial(self._exclusively, "meetings", partial(meetings.tell_changed, now=now))
            )
            fire = partial(fire_due, self.system, now, stop=self._stop.is_set, done=self._said)
            tally = self._apart("deadlines", fire) or Tally()
            answered = self._apart("replies", self._take_replies) or {}
            self._apart("digests", partial(self._exclusively, "digests", partial(digest.gather, now=now)))
            sent = self._apart("mail", self._deliver) or {}
            took = time.monotonic() - began
        self.metrics.count(tally)
        for status, number in sent.items():
            self.metrics.notices.labels(status).inc(number)
        self.metrics.ticks.observe(took)
        if tally.fired or tally.told or tally.skipped or tally.failed or sent or answered:
            counts = {f"notices_{status.replace('-', '_')}": number for status, number in sent.items()}
            counts |= {f"replies_{verdict}": number for verdict, number in answered.items()}
            log.info(
                "tick",
                fired=tally.fired,
                told=tally.told,
                skipped=tally.skipped,
                failed=tally.failed,
                **counts,
                seconds=round(took, 3),
            )
        return not tally.failed and self._trouble is None

    def _apart(self, part: str, work: Callable[[], T]) -> T | None:
        """One part of a tick; whatever goes wrong with it, deadlines still fire and mail still leaves."""
        try:
            return work()
        except StoreLocked as error:  # what the other parts write may be free
            self._trouble = f"{part}: {error}"
            log.error("a part of the tick failed", part=part, problem=str(error))  # noqa: TRY400 - words say it
            return None
        except StoreError:
            raise  # without the database nothing else works either
        except Exception as error:
            self._trouble = f"{part}: {type(error).__name__}: {error}"
            log.exception("a part of the tick failed", part=part)
            return None

    def _take_back(self) -> None:
        """Let go of what a daemon had claimed that was killed, where no other can run."""
        if self._claims_are_ours:
            return
        left = self.system.transact(delivery.release_all)
        self._claims_are_ours = True
        if left:
            log.info("taken back from a daemon that was killed", messages=left)

    def _exclusively(self, what: str, work: Callable[[Session], T]) -> T:
        """What one daemon does at a time, also of several on one database."""
        return self.system.transact(work, exclusive=what)

    def _take_replies(self) -> Mapping[str, int]:
        """Do what people answered. How many messages by verdict; a mailbox out of reach is for the next tick."""
        counts: Counter[str] = Counter()
        if self.letterbox is None:
            return counts
        try:
            for judged in judge.take_in(self.system, self.letterbox, current_time, stop=self._stop.is_set):
                counts[judged.verdict] += 1
                self.metrics.replies.labels(judged.verdict).inc()
                log.info("reply", **judged.line())
        except LetterboxFailed as failed:
            log.warning("replies cannot be read", problem=str(failed))
            self.metrics.letterbox_failures.inc()
        return counts

    def _deliver(self) -> Mapping[str, int]:
        """Deliver what may leave. How many by status."""
        self.pace.per_minute = self.system.config.procedure.mail.per_minute
        known = self.pace.problem
        sent = delivery.deliver(
            self.system, self.mailer, current_time, stop=self._stop.is_set, pace=self.pace
        )
        if self.pace.problem not in (None, known):
            log.warning("mail cannot leave", problem=self.pace.problem)
        elif known is not None and self.pace.problem is None:
            log.info("mail leaves again")
        return sent

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
                due = next_due(session.connection)
                self.metrics.measure(session, time.time())
        except Exception as error:
            # Whatever it was, the next tick tries again; /healthz and the watchdog tell if it goes on.
            self._problem = f"{type(error).__name__}: {error}"
            log.exception("tick failed")
            return
        self._problem = self._trouble or self._mail_trouble
        self._ticked = time.monotonic()
        self._tell_systemd("WATCHDOG=1")
        self._wake_at(due)

    @property
    def _mail_trouble(self) -> str | None:
        return f"mail cannot leave: {self.pace.problem}" if self.pace.problem is not None else None

    def _wake_at(self, due: datetime | None) -> None:
        """Tick early for the next due instant, if that comes before the next tick, or for mail that may leave."""
        if self.pace.more:
            due = current_time()
        if due is None:
            return
        seconds = self._tick_seconds()
        now = current_time()
        soon = max(due, now + AT_ONCE)  # it may have fallen due while this tick was at something else
        if soon < now + timedelta(seconds=seconds):
            self._jobs.add_job(self._tick, DateTrigger(soon), id="wake", replace_existing=True)

    def _tell_systemd(self, state: str) -> None:
        if self._systemd is not None:
            self._systemd.notify(state)

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Whether ticks are completed in time, and what is known."""
        age = None if self._ticked is None else time.monotonic() - self._ticked
        patience = STALE * self._tick_seconds() + 60
        well = age is not None and age < patience and self._problem is None
        return well, {
            "seconds_since_tick": None if age is None else round(age, 1),
            "problem": self._problem,
            "config": str(self._path or "packaged default"),
        }

    def run(self) -> None:
        """Live until SIGTERM or SIGINT. Raises `ConfigError` if it cannot listen where it is told to."""
        asked = signals.receive()
        host, port = address(self.system.config)
        app = application(self.system, self.health, self.metrics.registry)
        try:
            server = Server(app, host, port)
        except (OSError, OverflowError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                [Problem("web.listen", f"cannot listen on {host}:{port}: {reason}", "a free address here")]
            ) from None
        server.start()
        self._start_ticks()
        self._tell_systemd("READY=1")
        log.info("running", config=str(self._path or "packaged default"), web=f"http://{host}:{port}")
        while signals.hear(asked, self._jobs, self._tick_seconds) == signal.SIGHUP:
            # As a job, so that a stop is heard while the reload waits for a tick.
            self._jobs.add_job(self._take_new_configuration, max_instances=100)
        self._stop.set()
        self._end(server)

    def _tick_seconds(self) -> float:
        """Return the seconds between two ticks; a reload may change them."""
        return self.system.config.procedure.daemon.tick_seconds

    def _start_ticks(self) -> None:
        self._jobs.add_job(self._tick, _Every(self._tick_seconds()), id="tick", next_run_time=current_time())
        self._jobs.start()

    def _take_new_configuration(self) -> None:
        """Read the configuration again; a bad one is refused and the old one kept."""
        self._tell_systemd("RELOADING=1")
        try:
            with self._ticking:
                before = self.system.config
                after, self.mailer, self.letterbox = reload.read(self._path)
                self.system.config = after
        except ConfigError as error:
            reload.report_refused(error)
        else:
            logs.set_up(after)
            reload.report_postponed(before, after)
            log.info("configuration loaded")
            self._jobs.reschedule_job("tick", trigger=_Every(self._tick_seconds()))
            self._jobs.add_job(self._tick, id="wake", replace_existing=True)  # it tells what moved
        finally:
            self._tell_systemd("READY=1")

    def _replan(self, now: datetime) -> None:
        """Bring open deadlines in line with the procedure as it is now, and report what moved."""
        for change in self._exclusively("procedure", partial(replan.replan, now=now)):
            if "problem" in change:
                log.error("deadlines are not as the procedure says", **change)
            else:
                log.info("deadline changed with the procedure", **change)

    def _end(self, server: Server) -> None:
        last = time.monotonic() + PATIENCE
        self._tell_systemd("STOPPING=1")
        log.info("stopping")
        self._jobs.pause()
        server.close()
        finished = self._ticking.acquire(timeout=max(0, last - time.monotonic()))
        self._jobs.shutdown(wait=False)
        if not finished:
            log.warning("stopped while a message was still on its way", seconds=PATIENCE)
            sys.stderr.flush()
            os._exit(0)  # an orderly end would wait for the thread that holds it
        self._ticking.release()
        log.info("stopped")


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[System]:
    """The system of a configuration file; at the end a server is told of it, rather than left to find out."""
    opened = open_system(path)
    try:
        yield opened
    finally:
        opened.engine.dispose()


def _fail(problems: list[Problem], status: int = ConfigError.exit_status) -> None:
    for problem in problems:
        click.echo(f"partnershipd: {problem}", err=True)
    sys.exit(status)


def _once(daemon: Daemon) -> bool:
    well = daemon.once()
    while daemon.pace.more:  # a turn of the mail was over
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
    path = config.find(config_file, os.environ)
    try:
        with _opened(path) as opened:
            logs.set_up(opened.config)
            with database.exclusive(opened.engine, _ANOTHER) as sole:
                database.check_sound(opened.engine)
                daemon = Daemon(opened, path, sole=sole)
                if once:
                    sys.exit(0 if _once(daemon) else 1)
                daemon.run()
    except ConfigError as error:
        _fail(error.problems)
    except StoreUnavailable as error:
        _fail([Problem("", str(error))], AWAY)
    except StoreError as error:
        _fail([Problem("", str(error))])
    except SQLAlchemyError as error:
        _fail([Problem("database", database.first_line(error))])
