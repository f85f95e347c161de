"""How fast mail leaves, how long it rests while its way out is closed, and what of it could not be noted yet.

Each daemon keeps this for itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

RESTS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15))  # the last again and again
_MINUTE = timedelta(minutes=1)


class Pace:
    """So many messages a minute at most (0: any number), and none while the way out is known to be closed.

    After an outage everything that waited would leave at once, which a mail server takes for a flood.
    """

    def __init__(self, per_minute: int = 0) -> None:
        self.per_minute = per_minute
        self.problem: str | None = None  # why mail cannot leave
        self.more = False  # whether more may leave at once: a turn was over, as deadlines and replies wait
        # What has left and is not on record, as the database was lost just then: else it would leave a second time.
        self.unnoted: list[Callable[..., str]] = []
        self._rests = 0
        self._rested_at: datetime | None = None
        self._left: deque[datetime] = deque()  # when messages left in the last minute

    def room(self, now: datetime) -> int | None:
        """How many messages may leave now; None for any number."""
        if self._resting(now):
            return 0
        if not self.per_minute:
            return None
        # None honest left later: the clock was set back.
        while self._left and not timedelta(0) <= now - self._left[0] < _MINUTE:
            self._left.popleft()
        return max(0, self.per_minute - len(self._left))

    def _resting(self, now: datetime) -> bool:
        if self._rested_at is None:
            return False
        # A clock that was set back must not make the rest longer.
        return timedelta(0) <= now - self._rested_at < RESTS[min(self._rests, len(RESTS)) - 1]

    def one_left(self, now: datetime) -> None:
        """A message has left, or has been tried: the way out is open."""
        if self.per_minute:
            self._left.append(now)
        self._rests, self._rested_at, self.problem = 0, None, None

    def closed(self, now: datetime, why: str) -> None:
        """The way out is closed; it is tried again after a while, and after a longer one the next time."""
        self._rests += 1
        self._rested_at, self.problem = now, why
