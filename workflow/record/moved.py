"""Says in words which open deadlines moved with the procedure: the same before it is loaded and on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

# What an entry of the changes is named by: this and the reference of a partnership.
DEADLINES = "deadlines "


def describe_moves(moves: Sequence[Mapping[str, str]]) -> str:
    """Return in words what moved in one partnership."""
    return "; ".join(map(describe_move, moves))


def describe_move(move: Mapping[str, str]) -> str:
    """Return in words how one deadline moved, or why those of a partnership did not.

    Such as: "Score the applications" 2026-04-26 17:00, now 2026-05-03 17:00.
    """
    if "problem" in move:
        return move["problem"]
    # Earlier releases put no label on record.
    label = f'"{move["label"]}"' if "label" in move else move["deadline"]
    was, is_now = format_instant(move["was"]), format_instant(move["is_now"])
    if not was:
        return f"{label} begins, due {is_now}"
    if not is_now:
        return f"{label} ends; it was due {was}"
    return f"{label} {was}, now {is_now}" if was != is_now else f"{label} {was} as before, other reminders"


def format_instant(text: str) -> str:
    """Return a local time in ISO 8601 to the minute, as people read it; "" stays empty."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}" if text else ""
