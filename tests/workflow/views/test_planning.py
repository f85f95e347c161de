"""Planning backwards: from a wanted first day, until when each step still serves it."""

from datetime import UTC, date, datetime

from workflow.setting import needs_board
from workflow.store import tables
from workflow.views.planning import Step, plan_backwards


def planned(life, start: str, *, board: bool) -> dict[str, str]:
    """By label, the last local instant of each step."""
    with life.system.reading() as session:
        steps = plan_backwards(session, life.facts, date.fromisoformat(start), board=board)
    return {step.label: life.wall(step.by) if step.by else "never" for step in steps}


def test_with_the_board_the_last_two_regular_meetings_before_the_start_count(begin):
    steps = planned(begin("needs"), "2025-12-01", board=True)
    assert steps["The Board acts"].startswith("2025-11-19")
    assert steps["The Board has the item introduced"].startswith("2025-11-05")
    assert steps["The item is on the agenda"].startswith("2025-10-24")  # ten days before, on a business day


def test_steps_stand_in_their_order_and_none_is_later_than_the_next(begin):
    with (life := begin("needs")).system.reading() as session:
        steps = plan_backwards(session, life.facts, date(2025, 12, 1), board=True)
    instants = [step.by for step in steps]
    assert instants == sorted(instants)
    assert steps[0].name == "agree"
    assert steps[-1].name == "start"


def test_without_the_board_the_signature_is_what_counts(begin):
    steps = planned(begin("needs"), "2025-12-01", board=False)
    assert "The Board acts" not in steps
    assert steps["The agreement is signed"].startswith("2025-12-01")
    assert steps["The Lead Partner is chosen (then protests are possible)"].startswith("2025-11-24")


def test_where_no_regular_meeting_is_known_nothing_serves(begin):
    assert planned(begin("needs"), "2020-01-01", board=True)["The Board acts"] == "never"


def test_a_step_is_missed_when_it_is_neither_done_nor_can_be_in_time():
    noon = datetime(2025, 7, 1, 12, tzinfo=UTC)
    later = datetime(2025, 7, 1, 13, tzinfo=UTC)
    assert Step("x", "X", noon).is_missed(later)
    assert Step("x", "X", None).is_missed(later)
    assert not Step("x", "X", later).is_missed(noon)
    assert not Step("x", "X", noon, done=noon).is_missed(later)


def test_until_terms_are_drafted_the_board_is_reckoned_with(begin):
    life = begin("needs")
    with life.system.reading() as session:
        assert needs_board(session, life.record, life.now)


def readings(life) -> dict[str, str]:
    """By label, when each reading of the Board was done; "" if it is still open."""
    with life.system.reading() as session:
        steps = plan_backwards(session, life.facts, date(2025, 12, 1), board=True)
    return {step.label: life.wall(step.done) if step.done else "" for step in steps if step.name == "board"}


def test_an_introduced_item_is_introduced_although_the_board_has_not_acted(begin):
    introduced, acted = "The Board has the item introduced", "The Board acts"
    assert readings(begin("scheduled")) == {introduced: "", acted: ""}
    assert readings(begin("introduced")) == {introduced: "2025-09-17 16:15", acted: ""}
    done = readings(begin("approved"))
    assert done[introduced]
    assert done[acted]


def test_two_readings_are_not_planned_where_the_second_agenda_closes_before_the_first_meeting(begin):
    life = begin("needs")
    # A week apart: the agenda of 19 November closes on 7 November, before the meeting of 12 November.
    life.put(tables.meetings, on=date(2025, 11, 12), at="16:15", kind="regular")
    steps = planned(life, "2025-12-01", board=True)
    assert steps["The Board acts"].startswith("2025-11-19")
    assert steps["The Board has the item introduced"].startswith("2025-11-05")


def test_an_item_that_lost_its_meeting_is_on_no_agenda(begin):
    life = begin("scheduled")
    assert "done" in standing(life)
    life.do("move-item", "clock", meeting_on=None)
    assert "done" not in standing(life)


def standing(life) -> str:
    """Whether the item is on an agenda, as the plan has it."""
    with life.system.reading() as session:
        steps = plan_backwards(session, life.facts, date(2025, 12, 1), board=True)
    return "done" if next(step for step in steps if step.name == "agenda").done else "open"
