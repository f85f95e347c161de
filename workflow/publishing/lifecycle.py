"""Draws the lifecycle as SVG: the states one below the other, 320 pixels wide, with where a partnership stands.

Each box says in words what leads out of its state, so that the arrows need no labels. This module computes where
everything stands, and `templates/publishing/lifecycle.svg.j2` draws it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from jinja2 import TemplateError

from notifications.sandbox import bounded
from states.machine import FIRST, moves
from states.names import State
from workflow.procedure.config import Config
from workflow.publishing.words import broken

WIDTH = 320
# In pixels: the space between two boxes, inside of a box, between two lanes of arrows, and the height of a line.
_GAP, _PAD, _LANE, _LINE = 27, 10, 14, 16
_TOP, _TITLE = 44, 20
_LETTER = 6.1  # the width of a letter of 12 pixels on average
_FILE = "publishing/lifecycle.svg.j2"


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a partnership stands: its reference, its school, its state, and the instant at which it entered it."""

    ref: str
    school: str
    state: State
    since: datetime


@dataclass(slots=True)
class Box:
    """The box of a state. `lines` are the words below its name, already broken into lines."""

    state: State
    lines: list[str]
    is_current: bool
    top: int = 0

    @property
    def height(self) -> int:
        return 2 * _PAD + _TITLE + _LINE * len(self.lines)

    @property
    def bottom(self) -> int:
        return self.top + self.height


def draw_svg(config: Config, stand: Stand | None = None) -> str:
    """Return the lifecycle as an SVG document. Raise `ConfigError` if the template has a mistake."""
    environment = config.open_templates(html=True)
    lanes = _assign_lanes()
    left, right = _LANE * (max(lanes.values(), default=-1) + 1) + 12, WIDTH - _LANE - 12
    boxes = _place_boxes(config, stand, right - left)
    context = {
        "width": WIDTH,
        "height": boxes[-1].bottom + 8,
        "left": left,
        "right": right,
        "boxes": boxes,
        "lines": _draw_lines(boxes, lanes, left, right),
        "first": config.events[FIRST]["label"],
        "stand": stand,
        "pad": _PAD,
        "title_height": _TITLE,
        "line": _LINE,
        "events": _list_events(config),
    }
    try:
        with bounded():
            return environment.get_template(_FILE).render(context)
    except TemplateError as error:
        raise broken(_FILE, error) from None


def _list_events(config: Config) -> dict[State, list[tuple[State, str]]]:
    """Return for each state where it leads, with the labels of the events that lead there."""
    pairs, order = moves(), list(State)
    return {
        state: [
            (to, "; ".join(config.events[name]["label"] for name in pairs[state, to]))
            for to in order
            if (state, to) in pairs
        ]
        for state in State
    }


def _place_boxes(config: Config, stand: Stand | None, width: int) -> list[Box]:
    """Return the boxes of all states from the top to the bottom, with their words broken to this width."""
    letters = int((width - 2 * _PAD) / _LETTER)
    boxes: list[Box] = []
    top = _TOP + (2 * _LINE if stand else 0)
    for state, leads in _list_events(config).items():
        is_current = stand is not None and stand.state is state
        lines: list[str] = []
        for to, labels in leads:
            lines += _wrap(f"→ {_name(to)}: {labels}", letters)
        boxes.append(Box(state, lines, is_current, top))
        top = boxes[-1].bottom + _GAP
    return boxes


def _name(state: State) -> str:
    return state.replace("-", " ").capitalize()


def _wrap(text: str, letters: int) -> Iterable[str]:
    return textwrap.wrap(text, letters, subsequent_indent="   ", break_on_hyphens=False)


# Arrows


def _assign_lanes() -> dict[frozenset[State], int]:
    """Return the lane at the left side for each pair of states that are no neighbors, 0 next to the boxes.

    Pairs that overlap get different lanes. What ends a partnership has a lane of its own at the right side.
    """
    order = list(State)
    spans = {
        (min(order.index(a), order.index(b)), max(order.index(a), order.index(b)))
        for a, b in moves()
        if State.TERMINATED not in (a, b)
    }
    lanes: dict[frozenset[State], int] = {}
    taken: list[int] = []  # the last state of each lane so far
    for first, last in sorted(span for span in spans if span[1] - span[0] > 1):
        lane = next((n for n, end in enumerate(taken) if end < first), len(taken))
        taken[lane : lane + 1] = [last]
        lanes[frozenset({order[first], order[last]})] = lane
    return lanes


def _draw_lines(
    boxes: Sequence[Box], lanes: dict[frozenset[State], int], left: int, right: int
) -> list[dict[str, Any]]:
    """Return every arrow: its path, and whether it has a head at its start and at its end."""
    by_state = {box.state: box for box in boxes}
    middle, pairs = (left + right) // 2, moves()
    lines: list[dict[str, Any]] = []
    for upper, lower in pairwise(boxes):
        down, up = (upper.state, lower.state) in pairs, (lower.state, upper.state) in pairs
        if down:
            x = middle - 30 if up else middle
            lines.append(_line(f"M{x} {upper.bottom}V{lower.top - 1}"))
        if up:
            lines.append(_line(f"M{middle + 30} {lower.top}V{upper.bottom + 1}"))
    for pair, lane in lanes.items():
        upper, lower = sorted((by_state[state] for state in pair), key=lambda box: box.top)
        x, inset = left - 12 - _LANE * lane, 14 + 10 * lane
        path = f"M{left - 1} {upper.bottom - inset}H{x}V{lower.top + inset}H{left - 1}"
        lines.append(_line(path, (lower.state, upper.state) in pairs, (upper.state, lower.state) in pairs))
    lines += _draw_ends(boxes, right)
    return lines


def _draw_ends(boxes: Sequence[Box], right: int) -> list[dict[str, Any]]:
    """Return the one arrow at the right side that all states share from which a partnership can end."""
    last, rail = boxes[-1], right + _LANE
    starts = [box for box in boxes[:-2] if (box.state, last.state) in moves()]
    branches = [_line(f"M{right} {box.bottom - 14}H{rail}", end=False) for box in starts]
    if starts:
        branches.append(_line(f"M{rail} {starts[0].bottom - 14}V{last.top + 14}H{right + 1}"))
    return branches


def _line(path: str, start: bool = False, end: bool = True) -> dict[str, Any]:
    return {"path": path, "start": start, "end": end}
