"""The law tried out to the end in a small world: the Board is never passed by, nobody is caught, none is forgotten.

MODEL=thorough adds the wider searches one after the other: with protests, changes of the panel, what is taken back,
later ends, signatures on paper, immediate action, good reviews, new outcomes, and another year.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import groupby
from typing import NamedTuple

import pytest

from states import machine
from states.agreement import Agreement
from states.case import BoardRules, Lead
from states.event import Event
from states.lifecycle import TABLE
from states.names import State
from states.partnership import Partnership
from tests.lives import model
from tests.lives.invariants import without_the_board
from tests.lives.model import ASIDE, NOTICE, RARE, TIMES, WIDER, Place, meetings, onward
from tests.support.facts import NOTHING_YET, Life
from workflow.procedure import ladders
from workflow.procedure.config import Config
from workflow.store.rows import Snapshot

SEARCHES = ["ordinary", *(WIDER if os.environ.get("MODEL") == "thorough" else ())]


class Seen(NamedTuple):
    """What is kept of a situation once it was looked at."""

    state: State | None
    time: int
    deed: str
    after: int


@dataclass
class World:
    """Every situation that can be reached, by key, and from which others each can be."""

    wider: str
    seen: dict[int, Seen] = field(default_factory=dict)
    before: dict[int, list[int]] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    found: list[str] | None = None  # the way to the first situation that is wrong, if there is one

    def way(self, key: int) -> list[str]:
        """How one comes to a situation."""
        steps: list[str] = []
        while key in self.seen:
            here = self.seen[key]
            steps.append(f"{TIMES[here.time]:%Y-%m-%d} {here.deed}")
            key = here.after
        return steps[::-1]

    def backwards(self, goal: Callable[[Seen], bool]) -> set[int]:
        """The situations from which one with `goal` can be reached."""
        found = {key for key, seen in self.seen.items() if goal(seen)}
        new = list(found)
        while new:
            for key in self.before.get(new.pop(), ()):
                if key not in found:
                    found.add(key)
                    new.append(key)
        return found


def explored(wrong: Callable[[Place], bool] = lambda place: False, wider: str = "ordinary") -> World:
    """The whole world, or as much of it as was seen when the first `wrong` situation was found."""
    world = World(wider)
    start = Place(None, NOTHING_YET, 0)
    world.seen[start.key] = Seen(None, 0, "", 0)
    new = deque([start])
    while new:
        here = new.popleft()
        for place in onward(here, wider):
            world.before.setdefault(place.key, []).append(here.key)
            world.events.add(place.deed.split(" ")[1])
            if wrong(place):
                world.found = [*world.way(here.key), place.deed]
                return world
            if place.key in world.seen:
                continue
            world.seen[place.key] = Seen(place.state, place.time, place.deed, here.key)
            if place.state is not State.TERMINATED:
                new.append(place)
    return world


def forgotten(settings: Config) -> Callable[[Place], bool]:
    """Whether a situation has no open deadline that insists, or makes something happen."""
    known: dict[object, bool] = {}

    def is_forgotten(place: Place) -> bool:
        if place.state in (None, State.TERMINATED):
            return False
        life = Snapshot(1, "model", State(place.state), 1, place.entered_at, place.facts, "")
        facts = (life.state, frozenset(life.moments))
        if facts not in known:
            rows = [settings.deadlines[name] for name in ladders.due_instants(settings, life)]
            known[facts] = not any(row.fires or (row.overdue and row.again) for row in rows)
        return known[facts]

    return is_forgotten


def changed_without_a_vote(before: Agreement | None, after: Partnership) -> list[str]:
    """Whether a step changed the amount, the first or the last day of what the Board approved, without its vote."""
    if before is None or before.approval is None or after.agreement is None:
        return []
    if after.agreement.approval != before.approval:
        return [] if after.board.decisions[-1].decision == "approve" else ["approved by no vote"]
    kept = ("amount_cents", "starts_on", "ends_on")
    moved = [name for name in kept if getattr(before, name) != getattr(after.agreement, name)]
    return [f"{name} of what the Board approved changed without a vote" for name in moved]


def cut_short(before: Agreement | None, after: Partnership, today: date) -> list[str]:
    """Whether a step brought the last day of an agreement in force nearer, with less notice than it should have."""
    terms = after.agreement
    if before is None or before.in_force_at is None or terms is None or terms.ends_on >= before.ends_on:
        return []
    # The vote is on the day of a meeting; staff decide on the day itself.
    voted = terms.approval is not None and terms.approval != before.approval
    decided = after.board.decisions[-1].meeting_on if voted else today
    notice = (terms.ends_on - decided).days
    return [f"{terms.ends_on} came with {notice} days of notice"] if notice < NOTICE else []


def passed_by(place: Place) -> bool:
    """Whether terms are in force that the Board should have decided on and did not, or that came without notice."""
    before, facts = place.terms_before, place.facts
    wrong = [*without_the_board(facts), *changed_without_a_vote(before, facts)]
    return bool([*wrong, *cut_short(before, facts, place.now.date())])


def beside_another(place: Place) -> bool:
    """Whether the agreement is in force on a day of another one at the school."""
    first, last = place.facts.first_day, place.facts.last_day
    if not place.facts.in_force or first is None or last is None:
        return False
    return any(max(first, each.starts_on) <= min(last, each.ends_on) for each in model.LEADS)


def is_met_again(time: int, wider: str) -> bool:
    """Whether the Board meets again before the world ends; after its last meeting it can take nothing back."""
    return meetings(wider)[-1] > TIMES[time].date()


@pytest.fixture(scope="module", params=SEARCHES)
def world(settings: Config, request: pytest.FixtureRequest) -> World:
    """Everything that can happen, as long as nothing is wrong."""
    is_forgotten = forgotten(settings)
    found = explored(lambda place: passed_by(place) or is_forgotten(place), request.param)
    print(
        f"{found.wider}: {len(found.seen)} situations, {sum(map(len, found.before.values()))} steps between them"
    )
    return found


@pytest.mark.promise("law-has-no-gaps")
@pytest.mark.promise("approved-by-the-board")
def test_no_way_leads_past_the_board_and_no_situation_is_without_a_deadline_that_insists(
    world: World,
) -> None:
    assert world.found is None
    assert len(world.seen) > 8_000


@pytest.mark.promise("law-has-no-gaps")
def test_every_situation_can_be_brought_to_its_end(world: World) -> None:
    ends = world.backwards(lambda seen: seen.state is State.TERMINATED)
    met = [key for key, seen in world.seen.items() if is_met_again(seen.time, world.wider)]
    caught = [key for key in met if key not in ends]
    assert len(met) > 1_000
    assert caught == [], world.way(caught[0])


def test_every_event_and_every_state_belongs_to_that_world(world: World) -> None:
    assert {seen.state for seen in world.seen.values()} == {None, *State}
    assert set(machine.EVENTS) - world.events == ASIDE | RARE - WIDER.get(world.wider, set())


# The search can fail


def without(requirement: str, *events: str) -> list[Event]:
    """The table with a requirement taken out of the rows of some events."""
    return [
        replace(row, needs=tuple(need for need in row.needs if need.name != requirement))
        if row.name in events
        else row
        for row in TABLE
    ]


def under(monkeypatch: pytest.MonkeyPatch, table: Sequence[Event]) -> None:
    """Let this table be the law."""
    changed = machine.build(table)
    monkeypatch.setattr(machine, "machine_of_law", lambda: changed)
    places = [((row.name, state), row) for row in table for state in row.at]
    grouped = groupby(sorted(places, key=lambda one: str(one[0])), key=lambda one: one[0])
    monkeypatch.setattr(machine, "_ROWS", {key: [row for _, row in rows] for key, rows in grouped})


@pytest.mark.parametrize(
    ("requirement", "events", "last"),
    [
        ("board-need-not-act-a", ("sign-agreement", "activate"), "activate"),
        ("board-need-not-act-b", ("sign-agreement", "activate"), "activate"),
        ("board-need-not-act-c", ("sign-agreement", "activate"), "activate"),
        ("board-did-not-ask", ("activate",), "activate"),
        ("vote-carried", ("approve",), "approve"),
        ("notice-kept-at-vote", ("approve",), "approve"),
        ("shortening-keeps-notice", ("amend-agreement",), "amend-agreement"),
    ],
)
def test_a_law_without_one_of_these_requirements_is_found_to_lead_past_the_board(
    monkeypatch: pytest.MonkeyPatch, requirement: str, events: tuple[str, ...], last: str
) -> None:
    under(monkeypatch, without(requirement, *events))
    found = explored(passed_by).found
    assert found is not None
    assert last in found[-1]


def test_a_law_that_lets_staff_change_what_the_board_approved_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model, "Life", partial(Life, rules=BoardRules(keeps=False)))
    found = explored(passed_by).found
    assert found is not None
    assert "staff amend-agreement" in found[-1]


PRESENT = Lead(ref="before", starts_on=date(2024, 9, 1), ends_on=date(2025, 10, 1))
MOVES_NO_DAY = {
    "ask-for-review", "send-back", "defer-item", "open-annual-review", "submit-report",
    "give-finding", "continue", "withdraw", "recall-item", "move-item", "withdraw-amendment",
}  # fmt: skip
SUCCESSOR = Lead(ref="after", starts_on=date(2026, 9, 1), ends_on=date(2027, 8, 31))


@pytest.mark.parametrize(
    ("lead", "requirement", "event"),
    [
        (PRESENT, "no-other-lead-partner", "activate"),
        (PRESENT.but(ends_on=date(2025, 10, 2)), "no-other-lead-partner", "approve"),
        (SUCCESSOR, "no-other-lead-partner", "approve"),
    ],
)
def test_a_law_that_gives_a_school_two_lead_partners_on_a_day_is_found(
    monkeypatch: pytest.MonkeyPatch, lead: Lead, requirement: str, event: str
) -> None:
    monkeypatch.setattr(model, "LEADS", (lead,))
    under(monkeypatch, without(requirement, event))
    found = explored(beside_another).found
    assert found is not None
    assert event in found[-1]


@pytest.mark.promise("law-has-no-gaps")
@pytest.mark.clause("4270.4")
def test_no_way_leads_to_two_lead_partners_on_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "LEADS", (PRESENT, SUCCESSOR))
    # What moves no day of an agreement is left out, so that this search is short.
    monkeypatch.setattr(model, "ASIDE", ASIDE | MOVES_NO_DAY)
    world = explored(beside_another)
    assert world.found is None
    assert {"activate", "approve", "amend-agreement", "terminate"} <= world.events


def test_a_law_without_a_way_out_is_found_to_catch_a_partnership(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `withdraw`, and without the Board for a new agreement that calls for it."""
    from_selection = [row for row in TABLE if row.name == "refer-to-board" and State.OPEN_SELECTION in row.at]
    under(monkeypatch, [row for row in TABLE if row.name != "withdraw" and row not in from_selection])
    world = explored()
    ends = world.backwards(lambda seen: seen.state is State.TERMINATED)
    caught = [
        seen for key, seen in world.seen.items() if key not in ends and is_met_again(seen.time, world.wider)
    ]
    assert {seen.state for seen in caught} >= {State.OPEN_SELECTION}


@pytest.mark.parametrize("name", ["needs-agreed", "choice-due", "item-scheduled"])
def test_a_procedure_without_one_of_these_rows_is_found_to_forget_a_partnership(
    settings: Config, name: str
) -> None:
    rows = {key: row for key, row in settings.procedure.deadline.items() if key != name}
    mine = replace(settings, procedure=settings.procedure.model_copy(update={"deadline": rows}))
    assert explored(forgotten(mine)).found is not None
