"""Limits how fast mail leaves, and pauses it while the mail server is unreachable.

Each daemon keeps its own pace in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

# How long to pause after each failure to reach the server. The last pause repeats.
RESTS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15))
_MINUTE = timedelta(minutes=1)


class Pace:
    """Allow at most `per_minute` messages a minute (0: any number), and none while the server is unreachable.

    Without a limit every message that waited during an outage would leave at once, and a mail server would treat
    that as a flood of spam.
    """

    def __init__(self, per_minute: int = 0) -> None:
        self.per_minute = per_minute
        self.problem: str | None = None  # why mail cannot leave
        self.more = False  # more notices are due: the turn ended so that deadlines and replies do not wait
        # Outcomes that the database does not have yet, since it was away when their messages had been sent.
        # They are recorded before anything else is sent, so that no message is sent twice.
        self.unrecorded: list[Callable[..., str]] = []
        # Releases the claims that a turn left since the database was away, which would last for their whole lease.
        self.release: Callable[..., None] | None = None
        self._rests = 0
        self._rested_at: datetime | None = None
        self._attempts: deque[datetime] = deque()  # the attempts of the last minute, oldest first

    def room(self, now: datetime) -> int | None:
        """Return how many messages may leave now; None for any number."""
        if self._is_resting(now):
            return 0
        if not self.per_minute:
            return None
        # An attempt later than now was made before the clock was set back. Drop it like one that is too old.
        while self._attempts and not timedelta(0) <= now - self._attempts[0] < _MINUTE:
            self._attempts.popleft()
        return max(0, self.per_minute - len(self._attempts))

    def _is_resting(self, now: datetime) -> bool:
        """Return whether a pause is on."""
        if self._rested_at is None:
            return False
        # A negative span means that the clock was set back, which must not make the pause longer.
        return timedelta(0) <= now - self._rested_at < RESTS[min(self._rests, len(RESTS)) - 1]

    def note_attempt(self, now: datetime) -> None:
        """Count a message that was tried, and end the pauses: the server answered, so it is reachable."""
        # Without a limit nothing would ever remove the old attempts.
        if self.per_minute:
            self._attempts.append(now)
        self._rests, self._rested_at, self.problem = 0, None, None

    def end_pause(self) -> None:
        """Let the next message leave at once: new settings may have mended what was wrong."""
        self._rests, self._rested_at = 0, None

    def note_closed(self, now: datetime, why: str) -> None:
        """Begin a pause, since the server is unreachable. Each pause in a row is longer than the one before."""
        self._rests += 1
        self._rested_at, self.problem = now, why
