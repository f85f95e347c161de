"""The history is the record: folded again it gives the same state and facts, and no life is stuck on its way."""

import json
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from states import machine
from states.case import Case, Setting
from states.inputs import read_input
from states.names import Role, State
from states.partnership import Partnership
from tests.support.facts import MEETINGS, NOTHING_YET, Done, Life
from tests.support.walk import REGULAR, later, step

STATIONS = [
    Life(),
    Life().to("open"),
    Life().to("scored"),
    Life().to("drafted"),
    Life().at_board_review(),
    Life().to("approved"),
    Life().to("active"),
    Life().at_board_review("renewal", "annual-review"),
    Life().to("reported"),
]
CHANCE, STEPS = st.integers(0, 2**32).map(Random), st.integers(0, 40)
steady = settings(derandomize=True, deadline=None, max_examples=100)


def written(done: Done) -> str:
    """An event as a database keeps it: text, with no more of the setting than its row asked for."""
    setting = json.loads(done.setting.model_dump_json(exclude_defaults=True))
    kept = (done.event, done.input, done.actor, done.role, done.at.isoformat(), setting)
    return json.dumps(kept)


def folded(history: list[str]) -> tuple[State | None, Partnership]:
    state, facts = None, NOTHING_YET
    for line in history:
        event, data, actor, role, at, setting = json.loads(line)
        given = read_input(machine.row_of(event, state).takes, data)
        when = datetime.fromisoformat(at)
        case = Case(state, facts, given, actor, Role(role), when, Setting.model_validate(setting))
        change = machine.replay(event, case)
        state, facts = change.state, change.facts
    return state, facts


def walk(life: Life, rng: Random, steps: int) -> Life:
    for _ in range(steps):
        life = step(later(life, rng), rng)
    return life


def way_out(life: Life) -> Life:
    """The life brought to its end by people alone, unless its last day comes before the Board meets."""
    while life.state is not State.TERMINATED:
        if life.state in (State.NEEDS_IDENTIFIED, State.OPEN_SELECTION):
            life = life.do("withdraw", "principal")
        elif life.state is State.BOARD_REVIEW:
            meeting = next(m for m in map(MEETINGS.get, REGULAR) if m.agenda_closes_at > life.now)
            vote = {"meeting_on": meeting.on.isoformat()}
            life = life.do("schedule-item", **vote).at(meeting.on + timedelta(days=1))
            if life.facts.in_force and meeting.on > life.facts.agreement.ends_on:
                life = life.do("expire")
            elif life.facts.in_force:
                life = life.do("terminate", effective_on=life.facts.agreement.ends_on.isoformat(), **vote)
            else:
                life = life.do("send-back", **vote)
        else:
            life = life.do("refer-to-board", purpose="termination")
    return life


@steady
@given(st.sampled_from(STATIONS), CHANCE, STEPS)
def test_a_history_folded_again_gives_the_same_state_and_facts(start: Life, rng: Random, steps: int) -> None:
    life = walk(start, rng, steps)
    state, facts = folded([written(done) for done in life.history])
    assert state is life.state
    assert facts == life.facts


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.sampled_from(STATIONS), CHANCE, st.integers(0, 12))
def test_every_beginning_of_a_history_gives_what_was_on_record_then(
    start: Life, rng: Random, steps: int
) -> None:
    stages = [start]
    for _ in range(steps):
        stages.append(walk(stages[-1], rng, 1))
    whole = [written(done) for done in stages[-1].history]
    for stage in stages:
        assert folded(whole[: len(stage.history)]) == (stage.state, stage.facts)


@steady
@given(st.sampled_from(STATIONS), CHANCE, STEPS)
def test_facts_survive_being_stored_after_every_event(start: Life, rng: Random, steps: int) -> None:
    life = start
    for _ in range(steps):
        life = walk(life, rng, 1)
        stored = life.facts.model_dump_json(exclude_defaults=True)
        assert Partnership.model_validate_json(stored) == life.facts


@steady
@given(st.sampled_from(STATIONS), CHANCE, STEPS)
def test_an_event_replaces_facts_and_never_changes_them(start: Life, rng: Random, steps: int) -> None:
    before = start.facts.model_dump_json()
    walk(start, rng, steps)
    assert start.facts.model_dump_json() == before


@steady
@given(st.sampled_from(STATIONS[1:]), CHANCE, STEPS)
def test_no_life_is_stuck(start: Life, rng: Random, steps: int) -> None:
    """From wherever a partnership has come, people can bring it to its end."""
    assert way_out(walk(start, rng, steps)).state is State.TERMINATED


@steady
@given(st.sampled_from(STATIONS[1:]), CHANCE, STEPS)
def test_no_agreement_runs_past_its_last_day(start: Life, rng: Random, steps: int) -> None:
    life = walk(start, rng, steps)
    if life.facts.in_force:
        over = life.at(life.facts.last_day + timedelta(days=1))
        assert over.do("expire").state is State.TERMINATED


def test_random_lives_reach_every_state_and_every_event() -> None:
    """Else the properties above would say little."""
    states, events = set(), set()
    # A correction needs a history: see tests/workflow/test_corrections.py.
    every = {name for name in machine.EVENTS if not machine.event_named(name).of_entry}
    for seed in range(100):
        for start in STATIONS:
            life = walk(start, Random(seed), 60)
            states.add(life.state)
            events.update(done.event for done in life.history)
        if states == set(State) and events == every:
            return
    pytest.fail(f"never reached: {set(State) - states} {every - events}")


def test_a_history_that_the_table_does_not_know_is_said_to_be_so() -> None:
    life = Life().to("active")
    case = Case(life.state, life.facts, None, "staff@example.org", Role.STAFF, life.now)
    with pytest.raises(LookupError, match="schedule-item does not exist in active"):
        machine.replay("schedule-item", case)


@pytest.mark.parametrize(
    ("life", "event", "given"),
    [
        (Life().to("scored"), "sign-agreement", {}),
        (Life().at_board_review(), "schedule-item", {"meeting_on": "2025-09-18"}),
    ],
    ids=["a signature without an agreement", "an item for a day without a meeting"],
)
def test_what_an_event_builds_on_is_never_made_up(life: Life, event: str, given: dict) -> None:
    with pytest.raises(LookupError, match="on record"):
        machine.replay(event, life.case(event, **given))


def test_the_past_is_not_judged_by_todays_law() -> None:
    life = Life().to("drafted")
    case = life.case("activate")
    assert life.missing("activate") == ["signed-by-both"]
    assert machine.replay("activate", case).state is State.ACTIVE
