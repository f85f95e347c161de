"""Receives the signals that end or reload the daemon, and keeps the ticks going while it waits for one."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from datetime import timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from workflow.session import current_time

AT_ONCE = timedelta(seconds=1)  # the wait before the next tick where something is due already

log = structlog.get_logger("partnershipd")


def receive() -> socket.socket:
    """Return a socket that receives each SIGTERM, SIGINT and SIGHUP as one byte, its number.

    A Python handler runs between two steps of the main thread. It may wait there for a lock that this thread holds,
    or run too late to wake the thread. The interpreter itself writes to this socket, which avoids both.
    """
    ours, theirs = socket.socketpair()
    # The interpreter accepts no socket that could make it wait.
    theirs.setblocking(False)
    # Without `detach` Python would close the socket at the end of this function.
    signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Without a handler a signal has its default effect, which ends the process.
        signal.signal(number, lambda _number, _frame: None)
    return ours


def wait_for_signal(
    received: socket.socket, jobs: BackgroundScheduler, tick_seconds: Callable[[], float]
) -> int:
    """Return the next signal, and keep the ticks going until it arrives.

    If the clock is set back, the next tick lies far in the future, so it is moved to now.
    """
    while True:
        seconds = tick_seconds()
        # Wake up at least once a tick, so that a clock that was set back is noticed.
        received.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            return received.recv(1)[0]
        tick, now = jobs.get_job("tick"), current_time()
        if tick is not None and tick.next_run_time > now + timedelta(seconds=seconds) + AT_ONCE:
            log.warning("the clock was set back", by=str(tick.next_run_time - now))
            jobs.modify_job("tick", next_run_time=now)
        # The scheduler may have begun to wait while the clock was wrong. Without this it would wait on.
        jobs.wakeup()
