"""Limits how many forms one sender may send in a minute, to keep floods from the database and the mail."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_SENDERS = 50_000  # the most senders to remember; the one unseen for the longest time is forgotten first


def sender_of(address: str) -> str:
    """Return what counts as one sender: an IPv4 address, or the /64 of an IPv6 address, which one line has."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    # ::ffff:192.0.2.1 is an IPv4 address on a socket of both kinds.
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


class Limits:
    """A bucket of `most` forms for each sender, which fills again within `seconds`."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic, seconds: float = 60) -> None:
        self._clock = clock
        self._most, self._seconds = float(most), seconds
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        # Pages are made by several threads, and two of them
        # must not read the same bucket before either counts.
        self._lock = threading.Lock()

    def allow(self, sender: str, *, cost: float = 1, now: float | None = None) -> bool:
        """Return whether the sender may send one more form, and count it if so. `now` is in monotonic seconds."""
        sender = sender_of(sender)
        moment = self._clock() if now is None else now
        with self._lock:
            # The bucket fills with time, but never beyond its size. To take it out and put it back moves the sender
            # to the end of the order, so that the first in it is the one to forget.
            left, then = self._left.pop(sender, (self._most, moment))
            left = min(self._most, left + (moment - then) * self._most / self._seconds)
            allowed = left >= cost
            self._left[sender] = (left - cost if allowed else left, moment)
            if len(self._left) > _MOST_SENDERS:
                self._left.popitem(last=False)
        return allowed
