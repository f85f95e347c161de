"""How much one sender may do in a minute, so that a flood of forms reaches neither database nor mail."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_KNOWN = 50_000  # senders that are remembered; the longest unseen is forgotten first


class Limits:
    """A bucket for each sender: it holds `per_minute` and fills again within a minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._most = float(per_minute)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def allow(self, sender: str, *, cost: float = 1, now: float | None = None) -> bool:
        """Whether the sender may do one more; `now` in monotonic seconds."""
        moment = self._clock() if now is None else now
        with self._lock:
            left, then = self._left.pop(sender, (self._most, moment))
            left = min(self._most, left + (moment - then) * self._most / 60)
            allowed = left >= cost
            self._left[sender] = (left - cost if allowed else left, moment)
            if len(self._left) > _KNOWN:
                self._left.popitem(last=False)
        return allowed
