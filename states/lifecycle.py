"""Puts together the table of the law from the rows of every event, and checks it when the program starts.

Start here. A row says in which states an event can happen, who may do it, what must be true first and what it
records. The rows are in the chapters of the policy (`states/chapters/`). A table that contradicts itself, or
that leaves something out, raises `TableError` at import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from states.case import Setting
from states.chapters import (
    agreement,
    anytime,
    board,
    call,
    changes,
    choice,
    correction,
    decision,
    ending,
    needs,
    outcomes,
    panel,
    questions,
    recalling,
    referral,
    review,
    scoring,
    service,
    signing,
    starting,
)
from states.contacts import COVERS, HEARS
from states.errors import TableError
from states.event import OFFICE, Event
from states.mistakes import input_keys
from states.moments import MOMENTS
from states.names import Role, State

TABLE: tuple[Event, ...] = (
    *needs.EVENTS,
    *call.EVENTS,
    *questions.EVENTS,
    *scoring.EVENTS,
    *choice.EVENTS,
    *panel.EVENTS,
    *outcomes.EVENTS,
    *agreement.EVENTS,
    *signing.EVENTS,
    *changes.EVENTS,
    *referral.EVENTS,
    *board.EVENTS,
    *decision.EVENTS,
    *recalling.EVENTS,
    *service.EVENTS,
    *review.EVENTS,
    *ending.EVENTS,
    *starting.EVENTS,
    *anytime.EVENTS,
    *correction.EVENTS,
)

# By state, the moments that every partnership in it has. A deadline that counts from one of these always runs
# there.
CERTAIN: Mapping[State, frozenset[str]] = {
    State.NEEDS_IDENTIFIED: frozenset(),
    State.OPEN_SELECTION: frozenset({"selection.closes_at"}),
    State.BOARD_REVIEW: frozenset({"board.referred", "agreement.ends_on", "agreement.drafted"}),
    State.ACTIVE: frozenset({"agreement.starts_on", "agreement.ends_on", "agreement.in_force"}),
    State.ANNUAL_REVIEW: frozenset(
        {"agreement.starts_on", "agreement.ends_on", "agreement.in_force", "review.opened"}
    ),
    State.TERMINATED: frozenset(),
}

# The fields that may differ between the rows of one event. All other fields are about the event in every
# state.
_BY_ROW = frozenset({"at", "to", "who", "takes", "records", "needs", "asks", "when", "optional", "form"})


def faults_of(table: Sequence[Event], certain: Mapping[State, frozenset[str]] = CERTAIN) -> list[str]:
    """Return everything in which a table contradicts itself or leaves something out."""
    return [*_check_places(table), *_check_rows(table), *_check_states(table, certain), *_check_rights(table)]


def _check_places(table: Sequence[Event]) -> Iterator[str]:
    """Yield rows of one event and state without a `when` to select one, and rows of one event that disagree."""
    taken: dict[tuple[str, State | None], list[Event]] = {}
    first: dict[str, Event] = {}
    columns = [column.name for column in fields(Event) if column.name not in _BY_ROW]
    for row in table:
        for state in row.at:
            others = taken.setdefault((row.name, state), [])
            # The machine tries rows in their order and would take the first whose requirements hold.
            if others and any(other.when is None for other in (row, *others)):
                yield f"{row.name} stands twice at {state}, and nothing tells the rows apart"
            others.append(row)
        other = first.setdefault(row.name, row)
        for column in columns if other is not row else ():
            if _comparable(getattr(row, column)) != _comparable(getattr(other, column)):
                yield f"the rows of {row.name} disagree in {column}: it is about the event, in any state"


def _comparable(value: object) -> object:
    """Return a value that is equal for equal fields. Two lambdas are equal if they have the same code."""
    return getattr(value, "__code__", value)


def _check_rows(table: Sequence[Event]) -> Iterator[str]:
    """Yield names in a row that do not exist: parts of the setting, moments, keys of the input, events."""
    events = {row.name for row in table}
    for row in table:
        # A field that is the same for the whole event may name a key that only another row of it takes.
        keys = {key for other in table if other.name == row.name for key in input_keys(other.takes)}
        if not row.who:
            yield f"nobody may do {row.name}"
        if unknown := set(row.asks) - Setting.model_fields.keys():
            yield f"{row.name} asks for what no setting has: {', '.join(sorted(unknown))}"
        for column in ("awaited_since", "done_once"):
            moment = getattr(row, column)
            if moment is not None and moment not in MOMENTS:
                yield f"{row.name} names in {column} a moment that there is not: {moment}"
        # An entry for the office would have no effect, and a reader could think that it restricts the office.
        if insiders := row.audience.keys() & OFFICE:
            yield f"the audience of {row.name} names who sees everything anyway: {', '.join(sorted(insiders))}"
        named = {key for sees in row.audience.values() for key in sees.fields}
        form = row.form
        named |= {*row.sealed, *form.choices, *form.beside, *form.without, *form.only, *form.demands}
        named |= {key for key in (row.document, form.today) if key}
        if missing := named - keys:
            yield f"{row.name} names what its input does not have: {', '.join(sorted(missing))}"
        # One press of a button, or one forwarded message, must not do what nobody can undo.
        if row.final and not row.confirmed:
            yield f"{row.name} cannot be undone, so it has to be confirmed"
        if row.instead and row.instead not in events:
            yield f"instead of {row.name} comes what is no event: {row.instead}"
        for word, meant in row.reply_words.items():
            if meant.event not in events:
                yield f"the reply {word!r} to {row.name} does what is no event: {meant.event}"


def _check_rights(table: Sequence[Event]) -> Iterator[str]:
    """Yield events in the rights of contacts that do not exist, or that are not for the Lead Partner to do."""
    events, theirs = ({r.name for r in table}, {r.name for r in table if Role.LEAD_PARTNER in r.who})
    for right, names in COVERS.items():
        for name in sorted(names - theirs):
            yield f"the right {right} covers {name}, which is not for the Lead Partner to do"
    for right, names in HEARS.items():
        for name in sorted(names - events):
            yield f"the right {right} hears of an event that does not exist: {name}"


def _check_states(table: Sequence[Event], certain: Mapping[State, frozenset[str]]) -> Iterator[str]:
    """Yield states that cannot be entered or left, and states without an entry in `certain`."""
    moves: dict[State | None, set[State]] = {}
    for row in table:
        for state in row.at if row.to is not None else ():
            moves.setdefault(state, set()).add(row.to)  # type: ignore[arg-type]
    # `transitions` accepts a misspelt or unreachable state without an error, so check the graph here.
    if len(moves.get(None, ())) != 1:
        yield "there must be exactly one initial state"
    if State.TERMINATED in moves:
        yield f"{State.TERMINATED} is final, but something leaves it"
    reachable = _reachable(None, moves)
    for state in State:
        if state not in reachable:
            yield f"{state} cannot be reached: no row leads there"
        # A partnership in such a state could never be ended or closed out.
        if State.TERMINATED not in _reachable(state, moves):
            yield f"{state} never reaches {State.TERMINATED}: no row leads out of it"
        if state not in certain:
            yield f"{state} is missing in lifecycle.CERTAIN: say which moments every partnership in it has"
        elif unknown := certain[state] - MOMENTS.keys():
            yield f"lifecycle.CERTAIN names for {state} moments that there are not: {', '.join(sorted(unknown))}"


def _reachable(start: State | None, moves: Mapping[State | None, set[State]]) -> set[State | None]:
    """Return every state that can be reached from `start`, itself included."""
    reached = {start}
    new = [start]
    while new:
        onward = moves.get(new.pop(), set()) - reached
        reached |= onward
        new += onward
    return reached


if _faults := faults_of(TABLE):
    raise TableError(_faults)
