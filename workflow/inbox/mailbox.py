"""Looks into the mailbox for answers at each tick, and more rarely while it cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import select

from notifications.incoming.letterboxes import Letterbox, LetterboxFailed
from notifications.incoming.reader import Reader
from workflow.inbox.judge import judge_letters
from workflow.inbox.message import Judged
from workflow.outbox import queue
from workflow.session import Session, System
from workflow.store import tables

# How long to wait after each failure in a row; the last repeats. A server may lock an account that fails often.
RESTS = tuple(timedelta(minutes=minutes) for minutes in (0, 0, 1, 5, 15))
_TOLD = 3  # failures in a row after which staff are told: a server may restart
_AGAIN = timedelta(days=1)  # staff are told once a day at most, also if the daemon restarts


class Mailbox:
    """The mailbox of one daemon: when it was tried last, and what is wrong with it.

    `problem` says why it cannot be used; None while it works. A new object tries at once.
    Without a letterbox, replies are not read at all.
    """

    def __init__(self, letterbox: Letterbox | None) -> None:
        self.problem: str | None = None
        self._letterbox = letterbox
        # It is kept from one tick to the next while messages wait, since its start takes as long as many of them.
        self._reader = Reader()
        self._failures = 0
        self._failed_at: datetime | None = None

    def judge(
        self, system: System, clock: Callable[[], datetime], stop: Callable[[], bool]
    ) -> Iterator[Judged]:
        """Judge the messages that arrived, and yield each verdict; yield nothing during a rest.

        Raise `LetterboxFailed` if the mailbox cannot be used, and `StoreError` if the database cannot.
        """
        if self._letterbox is None or self._is_resting(clock()):
            return
        count = 0
        try:
            for judged in judge_letters(system, self._letterbox, clock, stop, self._reader):
                count += 1
                yield judged
        except LetterboxFailed as error:
            self._failures += 1
            self._failed_at, self.problem = clock(), str(error)
            if self._failures == _TOLD:
                self._tell_staff(system, clock())
            raise
        finally:
            if not count:
                self.close()
        self._failures, self._failed_at, self.problem = 0, None, None

    def close(self) -> None:
        """End the process that reads messages. A later message starts it again."""
        self._reader.end()

    def _is_resting(self, now: datetime) -> bool:
        if self._failed_at is None:
            return False
        rest = RESTS[min(self._failures, len(RESTS)) - 1]
        # A negative span means that the clock was set back, which must not make the rest longer.
        return timedelta(0) <= now - self._failed_at < rest

    def _tell_staff(self, system: System, now: datetime) -> None:
        """Tell staff that answers are not read, unless they were told within `_AGAIN`."""
        table = tables.notices
        since = (table.c.template == "mailbox-failed", table.c.queued_at > now - _AGAIN)
        failure = {"mailbox": repr(self._letterbox), "reason": self.problem}

        def tell(session: Session) -> None:
            if session.connection.scalar(select(table.c.id).where(*since)) is None:
                queue.tell_staff(session, None, "mailbox-failed", {"failure": failure}, now)

        system.transact(tell, exclusive="replies")
