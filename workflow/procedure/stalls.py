"""Finds states in which a partnership could wait forever, since no deadline is open there that insists."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from states.errors import Problem
from states.lifecycle import CERTAIN
from states.names import State
from workflow.procedure.settings import DeadlineSettings, Procedure


def find_stalls(procedure: Procedure) -> Iterator[Problem]:
    """Yield each state in which a partnership could stall.

    A partnership stalls if no deadline is open that insists: one that fires an event, or that escalates again
    and again.

    1. Take the deadlines of the state that insist, and the moments that open or close them.
    2. Moments that every partnership in the state has (`CERTAIN`) are always there. Try every subset of the
       others.
    3. Report the first subset under which no deadline is open, then go on with the next state.
    """
    for state in State:
        if state is State.TERMINATED:
            continue
        rows = {
            name: row
            for name, row in procedure.deadline.items()
            if row.enabled and state in row.state and _can_insist(row)
        }
        # Only moments that a row depends on can make a difference, which keeps the subsets few.
        mentioned = {
            moment for row in rows.values() for moment in (*row.due.anchors, row.until, row.when) if moment
        } - {"entering"}
        optional = sorted(mentioned - CERTAIN[state])
        for facts in _subsets(optional):
            moments = CERTAIN[state] | facts | {"entering"}
            if not any(_is_open(row, moments) for row in rows.values()):
                are = "are known" if len(facts) > 1 else "is known"
                when = f"where {', '.join(sorted(facts))} {are}" if facts else "as it is entered"
                yield Problem(
                    "deadline",
                    f"a partnership could stall in {state}: {when}, no deadline is open",
                    "a row for it that fires an event, or has overdue and again",
                )
                break


def _can_insist(row: DeadlineSettings) -> bool:
    return row.fires is not None or (bool(row.overdue) and row.again is not None)


def _is_open(row: DeadlineSettings, moments: frozenset[str]) -> bool:
    # This follows `ladders.due_instants`, but without knowing any times.
    if row.until in moments or (row.when is not None and row.when not in moments):
        return False
    return row.due.recurring or any(anchor in moments for anchor in row.due.anchors)


def _subsets(names: list[str]) -> Iterator[frozenset[str]]:
    for size in range(len(names) + 1):
        yield from map(frozenset, combinations(names, size))
