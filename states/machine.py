"""Runs the one state machine over the table: applies, replays and explains events, and draws the lifecycle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from states.case import Case, require_recorded
from states.errors import Refused, TableError, UnknownEvent, Unmet, WrongRole, WrongState
from states.event import Event, Waiting
from states.lifecycle import TABLE, faults_of
from states.names import Role, State
from states.partnership import Partnership

if TYPE_CHECKING:
    from transitions import Machine

# The library logs every step of a transition at INFO, which would bury the messages of the daemon.
logging.getLogger("transitions").setLevel(logging.WARNING)

# The library needs a name for every state, so None cannot be one.
_BEFORE = "(none)"  # the state of the machine before there is a partnership


@dataclass(frozen=True, slots=True)
class Made:
    """The result of an event: the new state and facts of the partnership."""

    state: State
    facts: Partnership


@dataclass(frozen=True, slots=True)
class Possibility:
    """A row of a state with the result of each of its requirements.

    `requirements` are triples of name, clause and result: a reason if the requirement does not hold, None if
    it holds, `ASKED` if it depends on the input.
    """

    row: Event
    requirements: tuple[tuple[str, str | None, str | None], ...]

    @property
    def possible(self) -> bool:
        """Return whether the event can happen with the right input."""
        return not self.unmet

    @property
    def unmet(self) -> tuple[str, ...]:
        """Return the reasons why the event cannot happen now with any input."""
        return tuple(reason for _, _, reason in self.requirements if reason not in (None, ASKED))


ASKED = "depends on what is given"


class _Subject:
    """The model of the machine for one call: the state, the case, the new facts and the unmet requirements."""

    __slots__ = ("case", "facts", "state", "unmet")

    def __init__(self, case: Case) -> None:
        self.state: str = case.state or _BEFORE
        self.case = case
        self.facts = case.facts
        self.unmet: list[Unmet] = []


def _make_condition(row: Event) -> Callable[[Any], bool]:
    """Return the condition of a transition.

    It collects every unmet requirement instead of stopping at the first.
    """

    def condition(data: Any) -> bool:
        subject: _Subject = data.model
        # This row is for another case. Its unmet requirements would only confuse the person.
        if row.when is not None and not row.when(subject.case):
            return False
        unmet = [reason for need in row.needs if (reason := need.check(subject.case))]
        # A condition can return only True or False, so the
        # reasons go to the subject, where `apply` finds them.
        subject.unmet += unmet
        return not unmet

    return condition


def _make_effect(row: Event) -> Callable[[Any], None]:
    def before(data: Any) -> None:
        # The library runs this after the conditions and before it changes the state.
        # An error goes to the caller.
        data.model.facts = row.records(data.model.case)

    return before


def build(table: Sequence[Event]) -> Machine:
    """Build the machine over a table. Raise `TableError` if the table contradicts itself."""
    faults = faults_of(table)
    if faults:
        raise TableError(faults)
    return _assemble(table)


@cache
def machine_of_law() -> Machine:
    """Return the machine over the table of the law, which `lifecycle` has checked."""
    return _assemble(TABLE)


def _assemble(table: Sequence[Event]) -> Machine:
    # Imported here, since who only reads the record needs no machine.
    from transitions import Machine

    # One machine without a model serves every partnership: `apply` passes its subject to the trigger.
    # Automatic transitions would bypass the requirements, and a queue would be shared between threads.
    machine = Machine(
        model=None,
        states=[_BEFORE, *State],
        initial=_BEFORE,
        auto_transitions=False,
        send_event=True,
        queued=False,
    )
    for row in table:
        for state in row.at:
            machine.add_transition(
                row.name,
                state or _BEFORE,
                row.to,
                conditions=[_make_condition(row)],
                before=[_make_effect(row)],
            )
    return machine


EVENTS: tuple[str, ...] = tuple(dict.fromkeys(row.name for row in TABLE))
# The first row of each event, for the fields that are the same in every row.
# Reversed, so that the first row of an event is the last to be written and stays.
_EVENT: dict[str, Event] = {row.name: row for row in reversed(TABLE)}
FIRST = next(row.name for row in TABLE if None in row.at)  # the event that creates a partnership
COLLECTED: tuple[str, ...] = tuple(name for name in EVENTS if _EVENT[name].collected)
_ROWS: dict[tuple[str, State | None], list[Event]] = {}
for _row in TABLE:
    for _state in _row.at:
        _ROWS.setdefault((_row.name, _state), []).append(_row)
_FIRST_ROWS: dict[State | None, tuple[Event, ...]] = {
    _state: tuple(rows[0] for (_, at), rows in _ROWS.items() if at is _state) for _state in (None, *State)
}


def event_named(name: str) -> Event:
    """Return the first row of an event, for the fields that are the same in every state.

    Raise `UnknownEvent`.
    """
    if name not in _EVENT:
        raise UnknownEvent(name, EVENTS)
    return _EVENT[name]


def row_of(event: str, state: State | None) -> Event:
    """Return the row of an event in a state; the first, if several differ in their next state.

    Raise `UnknownEvent` or `WrongState`.
    """
    if event not in EVENTS:
        raise UnknownEvent(event, EVENTS)
    rows = _ROWS.get((event, state))
    if not rows:
        where = [str(s or "a new partnership") for e, s in _ROWS if e == event]
        here = f"the partnership is in {state}" if state else "there is no such partnership yet"
        raise WrongState([Unmet("state", f"{here}; {event} is possible in {' and '.join(where)}")])
    return rows[0]


def events_of(state: State | None) -> tuple[Event, ...]:
    """Return the rows of a state, one for each event."""
    return _FIRST_ROWS[state]


def check_role(row: Event, role: Role, state: State | None) -> None:
    """Raise `WrongRole` unless the role may do this event."""
    if role not in row.who:
        who = " or ".join(row.who)
        raise WrongRole(
            [Unmet("role", f"{row.name} in {state or 'a new partnership'} is for {who}, not {role}")]
        )


def apply(event: str, case: Case) -> Made:
    """Do the event and return the new state and facts.

    Raise `UnknownEvent`, `WrongState`, `WrongRole`, or `Refused` with every requirement that does not hold.
    """
    # Check state and role first. Requirements rely on them: `SIDES`, for one, has no entry for every role.
    check_role(row_of(event, case.state), case.role, case.state)
    subject = _Subject(case)
    # The trigger returns False for a failed condition instead of raising an error.
    if not machine_of_law().events[event].trigger(subject):
        raise Refused(subject.unmet or [Unmet("state", f"{event} leads nowhere from here")])
    return Made(State(subject.state), subject.facts)


def replay(event: str, case: Case) -> Made:
    """Do an event of the history again without checking requirements, since the law may have changed since.

    Raise `LookupError` if the event does not exist in this state.
    """
    for row in _ROWS.get((event, case.state), ()):
        # A `when` still decides here: it says which row the event took, not whether the event was allowed.
        if row.when is None or row.when(case):
            facts = row.records(case)
            return Made(row.to or require_recorded(case.state), facts)
    raise LookupError(f"{event} does not exist in {case.state}")


def find_possible(
    case_for: Callable[[Event], Case], state: State | None, events: Container[str] | None = None
) -> list[Event]:
    """Return the rows of a state that can happen now with the right input, of these `events` only, if given.

    `case_for` returns the case to judge a row by. A row that needs nothing now takes no case, and a row is left at
    the first requirement that does not hold: lists judge thousands of partnerships.
    """
    possible = []
    for row in events_of(state):
        if events is not None and row.name not in events:
            continue
        needs = [need for need in row.needs if not need.of_input]
        if needs:
            case = case_for(row)
            if any(need.reason(case) is not None for need in needs):
                continue
        possible.append(row)
    return possible


def explain(
    case_for: Callable[[Event], Case], state: State | None, events: Container[str] | None = None
) -> list[Possibility]:
    """Return every event of a state with its requirements, or these `events` only.

    `case_for` returns the case to judge a row by.
    """
    possibilities = []
    for row in events_of(state):
        if events is not None and row.name not in events:
            continue
        case = case_for(row)
        possibilities.append(
            Possibility(
                row,
                tuple(
                    (need.name, need.clause, ASKED if need.of_input else need.reason(case))
                    for need in row.needs
                ),
            )
        )
    return possibilities


def waiting_on(facts: Partnership, event: str) -> Sequence[Waiting]:
    """Return who still has to do this event; empty unless several have to do it."""
    return event_named(event).waiting(facts)


def askable(state: State | None, facts: Partnership, role: Role) -> set[str]:
    """Return the events that a message can ask a person in this role to do now."""
    names = set()
    for row in events_of(state):
        # An event that several people do is asked only of those who have not done it yet.
        awaited = row.collected is None or role in {waiting.role for waiting in row.waiting(facts)}
        if role in row.who and awaited and not row.of_entry:
            names.add(row.name)
    return names


def draw(current: State | None = None) -> str:
    """Return the lifecycle as Mermaid text, with the current state marked."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.NEEDS_IDENTIFIED}: {FIRST}"]
    lines += [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in moves().items()]
    lines.append(f"    {State.TERMINATED} --> [*]")
    if current:
        lines += ["    classDef current font-weight:bold,stroke-width:4px", f"    class {current} current"]
    return "\n".join(lines)


def moves() -> dict[tuple[State, State], list[str]]:
    """Return the events that lead from one state to another, by the two states."""
    events: dict[tuple[State, State], dict[str, None]] = {}
    for row in TABLE:
        for state in row.at:
            if state is not None and row.to is not None:
                # A dictionary keeps the order and leaves out what is repeated.
                events.setdefault((state, row.to), {})[row.name] = None
    return {pair: list(names) for pair, names in events.items()}
