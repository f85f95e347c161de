"""Counts the days that the procedure gives a call: how long it is open, when it closes, how long protests count."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from workflow.procedure.config import Config


def closes_at(config: Config, day: date) -> datetime:
    """Return the instant at which a call closes whose last day this is."""
    return config.instant(day, config.procedure.selection.closes_at)


def opens_until(config: Config, day: date) -> date:
    """Return the first day on which a call may close that opens on a day."""
    return day + timedelta(days=config.procedure.selection.minimum_days)


def protest_until(config: Config, day: date) -> datetime:
    """Return the last instant for a protest against a choice that is made on a day."""
    selection = config.procedure.selection
    return config.instant(day + timedelta(days=selection.protest_days), selection.protest_time)
