"""Tells APScheduler when the next tick comes."""

from __future__ import annotations

from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger


class Every(BaseTrigger):  # type: ignore[misc]
    """Fires a fixed number of seconds after the last time, whatever the clock showed then.

    APScheduler's own interval counts every time that it missed. When a machine that started in 1970 learns what
    year it is, that takes minutes and all memory.
    """

    def __init__(self, seconds: float) -> None:
        self._pause = timedelta(seconds=seconds)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return the time of the next tick, as APScheduler asks for it."""
        return now + self._pause
