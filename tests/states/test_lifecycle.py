"""Which event is possible in which state, and for whom: exhausted over every state, event and role."""

from dataclasses import replace
from itertools import product

import pytest

from states import inputs, machine
from states.case import Case
from states.errors import Refused, TableError, UnknownEvent, WrongRole, WrongState
from states.event import OFFICE_ONLY, Event, ReplyWord, Scope, Sees, change_nothing, partner_sees
from states.inputs import read_input
from states.lifecycle import CERTAIN, TABLE, faults_of
from states.names import Role, State
from tests.support.facts import PEOPLE, life_in

# State or states, event, where it leads ("-": nowhere), who may do it. Every combination not here is refused.
LIFECYCLE = """
none              | identify-needs        | needs-identified | principal staff
needs             | describe-needs        | -                | principal staff
needs             | agree-needs           | -                | principal staff
needs             | open-selection        | open-selection   | staff
needs open        | withdraw              | terminated       | principal staff
open              | receive-application   | -                | applicant staff
open              | withdraw-application  | -                | applicant staff
open              | extend-selection      | -                | staff
open              | ask-question          | -                | public
open              | answer-question       | -                | staff
open              | close-applications    | -                | clock
open              | declare-conflict      | -                | reviewer
open              | score-application     | -                | reviewer
open              | choose-partner        | -                | staff
open              | file-protest          | -                | applicant
open              | answer-protest        | itself needs-identified | staff
open              | draft-agreement       | -                | staff
open active       | set-outcomes          | -                | staff principal lead-partner
open active       | agree-outcomes        | -                | principal staff lead-partner
needs open        | ask-for-changes       | -                | principal lead-partner
open              | ask-for-review        | -                | board-office superintendent
open              | sign-agreement        | -                | staff lead-partner
open active       | record-signature      | -                | staff
open              | refer-to-board        | board-review     | staff
open              | activate              | active           | staff
open              | restart               | needs-identified | staff
board             | schedule-item         | -                | board-office
board             | introduce-item        | -                | board-office
board             | defer-item            | -                | board-office clock
board             | approve               | active           | board-office
board             | send-back             | open-selection active annual-review | board-office
board             | terminate             | terminated active annual-review | board-office
active review board | record-assessment     | -                | lead-partner staff
active review board | record-gap            | -                | lead-partner staff
active review board | record-meeting        | -                | lead-partner staff
active review board | record-engagement     | -                | lead-partner staff
active review board | record-responsibility | -                | lead-partner staff
board             | recall-item           | open-selection active annual-review | staff
board             | move-item             | -                | clock
active review     | withdraw-amendment    | -                | staff
active            | add-agreement         | -                | lead-partner staff
active            | sign-agreement        | -                | staff lead-partner
active            | amend-agreement       | -                | staff
active review     | refer-to-board        | board-review     | staff
active            | open-annual-review    | annual-review    | clock staff
board             | open-annual-review    | -                | clock staff
review board      | submit-report         | -                | lead-partner staff
review board      | give-finding          | -                | principal staff
review            | continue              | active           | staff
active review     | terminate             | terminated itself | staff
active review     | withdraw-termination  | -                | staff
active review board | expire              | terminated       | clock
ended             | close-out             | -                | staff lead-partner
needs open board  | want-start            | -                | staff
needs open board  | replan-start          | -                | clock
any               | add-note              | -                | staff principal
any   | attach-document       | -                | staff principal lead-partner board-office superintendent
any               | change-contact        | -                | staff
any               | correct-entry         | -                | everybody
open              | change-panel          | -                | staff
any               | accept-contact        | -                | next-contact
"""
EVERYBODY = set(Role) - {Role.CLOCK, Role.NEXT_CONTACT, Role.PUBLIC}
SHORT = dict(zip(("needs", "open", "board", "active", "review", "ended"), State, strict=True))


def _expected() -> tuple[dict, dict]:
    leads, who = {}, {}
    for line in LIFECYCLE.strip().splitlines():
        where, event, to, roles = (part.strip() for part in line.split("|"))
        states = State if where == "any" else [SHORT.get(name) for name in where.split()]
        for state in states:
            who[state, event] = EVERYBODY if roles == "everybody" else {Role(role) for role in roles.split()}
            itself = {"-": state, "itself": state}
            leads[state, event] = {itself.get(name) or State(name) for name in to.split()}
    return leads, who


LEADS, WHO = _expected()
EVENTS = sorted({event for _, event in WHO})
STATES = (None, *State)


def attempt(state: State | None, event: str, role: Role) -> type[Exception] | None:
    """With what the law answers a usual input; None if the event happens or only a requirement is unmet."""
    life = life_in(state)
    takes = machine.row_of(event, state).takes if (state, event) in WHO else inputs.Nothing
    given = read_input(takes, life.input(event)) if (state, event) in WHO else inputs.Nothing()
    case = Case(state, life.facts, given, PEOPLE[role], role, life.now, life.setting(given))
    try:
        machine.apply(event, case)
    except (WrongState, WrongRole) as error:
        return type(error)
    except Refused:
        return None
    return None


@pytest.mark.parametrize("state", STATES, ids=str)
def test_exactly_the_rows_of_the_lifecycle_are_permitted(state: State | None) -> None:
    for event, role in product(EVENTS, Role):
        expected = WrongState if (state, event) not in WHO else None
        if expected is None and role not in WHO[state, event]:
            expected = WrongRole
        assert attempt(state, event, role) is expected, (state, event, role)


def test_the_table_has_no_event_that_the_lifecycle_does_not_know() -> None:
    assert set(machine.EVENTS) == set(EVENTS)


def test_every_event_leads_where_the_lifecycle_says() -> None:
    found: dict = {}
    for row in TABLE:
        for state in row.at:
            found.setdefault((state, row.name), set()).add(row.to or state)
    assert found == LEADS


@pytest.mark.parametrize("state", STATES, ids=str)
def test_an_unknown_event_is_named_with_the_known_ones(state: State | None) -> None:
    life = life_in(state)
    case = Case(state, life.facts, inputs.Nothing(), "staff@example.org", Role.STAFF, life.now)
    words = r"no event 'open-selektion' .*mean open-selection.*; expected one of .*restart"
    with pytest.raises(UnknownEvent, match=words):
        machine.apply("open-selektion", case)


def test_the_wrong_state_is_answered_with_the_right_ones() -> None:
    with pytest.raises(WrongState, match="in active; schedule-item is possible in board-review"):
        life_in(State.ACTIVE).do("schedule-item")
    with pytest.raises(WrongState, match="no such partnership yet; continue is possible in annual-review"):
        life_in(None).do("continue")
    with pytest.raises(WrongState, match="identify-needs is possible in a new partnership"):
        life_in(State.ACTIVE).do("identify-needs")


def test_the_wrong_role_is_answered_with_the_right_ones() -> None:
    with pytest.raises(WrongRole, match="ask-for-review in open-selection is for board-office or superinten"):
        life_in(State.OPEN_SELECTION).do("ask-for-review", "principal")


def test_only_what_leads_to_several_states_has_several_rows_for_one_state() -> None:
    pairs = [(row.name, state) for row in TABLE for state in row.at]
    assert {event for event, state in pairs if pairs.count((event, state)) > 1} == {
        "answer-protest",
        "send-back",
        "terminate",
        "recall-item",
    }


# What is wrong with a broken table is said


def a_row(event: str, at: State | None, to: State | None, **changes: object) -> Event:
    row = Event(
        name=event,
        at=(at,),
        to=to,
        who=(Role.STAFF,),
        takes=inputs.Nothing,
        records=change_nothing,
        audience=OFFICE_ONLY,
    )
    return replace(row, **changes)


def faults(*more: Event, without: str = "") -> list[str]:
    table = [row for row in TABLE if row.name != without]
    return faults_of((*table, *more))


def test_the_table_of_the_law_has_no_faults() -> None:
    assert faults() == []


def test_two_initial_states_are_a_fault() -> None:
    assert faults(a_row("begin", None, State.ACTIVE)) == ["there must be exactly one initial state"]


def test_no_initial_state_is_a_fault() -> None:
    assert "there must be exactly one initial state" in faults(without="identify-needs")


def test_leaving_the_final_state_is_a_fault() -> None:
    found = faults(a_row("revive", State.TERMINATED, State.ACTIVE))
    assert found == ["terminated is final, but something leaves it"]


def test_a_state_that_nothing_reaches_is_a_fault() -> None:
    found = faults_of([row for row in TABLE if row.to is not State.ANNUAL_REVIEW])
    assert found == ["annual-review cannot be reached: no row leads there"]


def test_a_state_that_cannot_end_is_a_fault() -> None:
    ways_out = [row for row in TABLE if State.ANNUAL_REVIEW in row.at and row.to is not None]
    kept = [row for row in TABLE if row not in ways_out]
    narrowed = [replace(row, at=tuple(s for s in row.at if s is not State.ANNUAL_REVIEW)) for row in ways_out]
    assert faults_of((*kept, *narrowed)) == ["annual-review never reaches terminated: no row leads out of it"]


def test_two_rows_that_nothing_tells_apart_are_a_fault() -> None:
    said = "add-note stands twice at active, and nothing tells the rows apart"
    assert said in faults(a_row("add-note", State.ACTIVE, None))
    assert said in faults(a_row("add-note", State.ACTIVE, None, when=lambda case: True))


def test_asking_for_what_no_setting_has_is_a_fault() -> None:
    found = faults(a_row("wonder", State.ACTIVE, None, asks=("weather", "board")))
    assert found == ["wonder asks for what no setting has: weather"]


def test_a_row_without_an_audience_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="audience"):
        Event(
            name="wonder", at=(State.ACTIVE,), who=(Role.STAFF,), takes=inputs.Nothing, records=change_nothing
        )  # type: ignore[call-arg]


def test_a_state_of_which_nothing_certain_is_said_is_a_fault() -> None:
    certain = {state: moments for state, moments in CERTAIN.items() if state is not State.ACTIVE}
    said = "active is missing in lifecycle.CERTAIN: say which moments every partnership in it has"
    assert faults_of(TABLE, certain) == [said]
    assert (
        "that there are not: agreement.dreamt"
        in faults_of(TABLE, CERTAIN | {State.ACTIVE: {"agreement.dreamt"}})[0]
    )


def test_rows_of_one_event_agree_about_everything_that_is_not_of_a_state() -> None:
    found = faults(a_row("sign-agreement", State.ANNUAL_REVIEW, None, repeatable=True))
    assert "the rows of sign-agreement disagree in repeatable: it is about the event, in any state" in found
    assert "the rows of sign-agreement disagree in audience: it is about the event, in any state" in found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"awaited_since": "dawn"}, "wonder names in awaited_since a moment that there is not: dawn"),
        ({"done_once": "dusk"}, "wonder names in done_once a moment that there is not: dusk"),
        ({"audience": partner_sees("weight")}, "wonder names what its input does not have: weight"),
        ({"sealed": ("weight",)}, "wonder names what its input does not have: weight"),
        ({"document": "file"}, "wonder names what its input does not have: file"),
        ({"final": True}, "wonder cannot be undone, so it has to be confirmed"),
        (
            {"audience": {Role.STAFF: Sees(Scope.ALWAYS)}},
            "the audience of wonder names who sees everything anyway: staff",
        ),
        (
            {"reply_words": {"yes": ReplyWord("dream")}},
            "the reply 'yes' to wonder does what is no event: dream",
        ),
    ],
)
def test_a_row_that_names_what_there_is_not_is_a_fault(changes: dict, said: str) -> None:
    assert faults(a_row("wonder", State.ACTIVE, None, **changes)) == [said]


def test_an_event_for_nobody_is_a_fault() -> None:
    assert faults(a_row("wonder", State.ACTIVE, None, who=())) == ["nobody may do wonder"]


def test_a_broken_table_builds_no_machine_and_says_every_fault() -> None:
    broken = (a_row("wonder", State.ACTIVE, None, who=()), a_row("revive", State.TERMINATED, State.ACTIVE))
    with pytest.raises(TableError) as error:
        machine.build((*TABLE, *broken))
    assert len(error.value.faults) == 2
