"""Logs what a tick did: the events that happened, the deadlines that failed, and a line of counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from workflow.clock.fire import Tally

log = structlog.get_logger("partnershipd")


def log_changes(tally: Tally) -> None:
    """Log the events and the failures of one batch of the clock, a line for each."""
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


def log_moved(moved: Sequence[Mapping[str, str]]) -> None:
    """Log each deadline that moved with the procedure, and each partnership whose deadlines could not be moved."""
    for change in moved:
        if "problem" in change:
            log.error("deadlines are not as the procedure says", **change)
        else:
            log.info("deadline changed with the procedure", **change)


def log_tick(tally: Tally, answered: Mapping[str, int], sent: Mapping[str, int], seconds: float) -> None:
    """Log the counts of a tick, if it did anything; `answered` counts by verdict, `sent` by status."""
    # Most ticks do nothing. A line for each would hide those that did something.
    if not (tally.fired or tally.told or tally.skipped or tally.failed or sent or answered):
        return
    counts = {f"notices_{status.replace('-', '_')}": number for status, number in sent.items()}
    counts |= {f"replies_{verdict}": number for verdict, number in answered.items()}
    log.info(
        "tick",
        fired=tally.fired,
        told=tally.told,
        skipped=tally.skipped,
        failed=tally.failed,
        **counts,
        seconds=round(seconds, 3),
    )
