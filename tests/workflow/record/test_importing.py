"""A district file is imported: all of it, the same file twice as once, and no noise about the past."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from sqlalchemy import func, select

from states.names import State
from tests.story.past import Past
from tests.support.district import Begin, Life
from workflow.record import district_file, importing
from workflow.record.directory_import import Counts, Options
from workflow.store import tables

NEEDS = (
    '{ needs = ["tutoring"], gaps = [], resources = ["staff"], assets = ["roots"], '
    'qualities = ["patience"], goals = ["graduation"] }'
)
DIRECTORY = """
    [[school]]
    id = "ballard"
    name = "Ballard School"
    invited_on = 2025-07-02
    [[person]]
    email = "ballard-principal@example.org"
    name = "Principal of Ballard"
    roles = ["principal"]
    schools = ["ballard"]
    [[meeting]]
    on = 2025-07-16
    at = "16:15"
"""
BEGIN = f"""
    [[partnership]]
    ref = "ballard-2025"
    school = "ballard"
    title = "A Lead Partner for Ballard"
    [[partnership.event]]
    event = "describe-needs"
    at = 2025-07-07T09:00:00-07:00
    as = "ballard-principal@example.org"
    input = {NEEDS}
    [[partnership.event]]
    event = "agree-needs"
    at = 2025-07-08T09:00:00-07:00
    as = "ballard-principal@example.org"
    note = "at the school"
"""
AGREE = """
    [[partnership.event]]
    event = "agree-needs"
    at = 2025-07-09T09:00:00-07:00
    as = "staff@example.org"
"""
OPEN = """
    [[partnership.event]]
    event = "open-selection"
    at = 2025-07-10T09:00:00-07:00
    as = "staff@example.org"
    [partnership.event.input]
    closes_on = 2025-07-31
    reviewers = ["reviewer-1@example.org", "reviewer-2@example.org", "reviewer-3@example.org"]
"""
WHOLE = DIRECTORY + BEGIN
APPEND = Options(append=True)


@pytest.fixture
def life(begin: Begin) -> Life:
    """The partnership that the file tells of, at noon of 1 August 2025, before it is taken in."""
    return begin().at("2025-08-01 12:00").another("ballard-2025", "ballard")


def take(life: Life, text: str, **options: Any) -> Counts:
    path = life.system.config.folder / "district.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    given = district_file.read_file(path)
    return importing.take_in(life.system, given, by="staff@example.org", now=life.now, **options)


def test_a_file_is_taken_in_with_its_directory_and_its_histories(life: Life) -> None:
    counts = take(life, WHOLE, ran_by="clerk")
    assert counts.added == {"schools": 1, "people": 1, "meetings": 1, "events": 3, "partnerships": 1}
    assert (life.state, life.record.version) == (State.NEEDS_IDENTIFIED, 3)
    rows = life.history()
    assert [row["event"] for row in rows] == ["identify-needs", "describe-needs", "agree-needs"]
    assert {row["channel"] for row in rows} == {"import"}
    assert {row["ran_by"] for row in rows} == {"clerk"}
    assert [life.wall(row["at"]) for row in rows] == [
        "2025-07-07 09:00", "2025-07-07 09:00", "2025-07-08 09:00",
    ]  # fmt: skip
    assert rows[2]["note"] == "at the school"
    assert life.record.entered_at == rows[0]["at"]
    assert life.faults() == []


def test_the_change_of_the_directory_is_on_record(life: Life) -> None:
    take(life, WHOLE)
    table = tables.changes
    with life.system.reading() as session:
        last = session.connection.execute(select(table).order_by(table.c.id.desc()).limit(4)).all()
    assert [row.what for row in last][::-1] == [
        "schools ballard", "people ballard-principal@example.org", "meetings 2025-07-16",
        "import file",
    ]  # fmt: skip
    assert {row.by for row in last} == {"staff@example.org"}


def test_the_same_file_twice_changes_nothing(life: Life) -> None:
    take(life, WHOLE)
    before = life.dump()
    counts = take(life.at("2025-08-02 09:00"), WHOLE)
    assert (counts.added, counts.changed) == ({}, {})
    assert counts.unchanged == {"schools": 1, "people": 1, "meetings": 1, "events": 3, "partnerships": 1}
    assert life.dump() == before


def test_a_dry_run_says_what_it_would_do_and_does_nothing(life: Life) -> None:
    before = life.dump()
    counts = take(life, WHOLE, dry_run=True)
    assert counts.added["events"] == 3
    assert life.dump() == before


def test_an_extended_file_appends_what_is_new(life: Life) -> None:
    take(life, WHOLE)
    counts = take(life, WHOLE + AGREE + OPEN, options=APPEND)
    assert (counts.added, counts.changed) == ({"events": 2}, {"partnerships": 1})
    assert life.state is State.OPEN_SELECTION
    assert life.faults() == []
    assert life.running() == {"applications-close"}


def test_a_person_who_changed_is_changed(life: Life) -> None:
    take(life, DIRECTORY)
    counts = take(life, DIRECTORY.replace("Principal of Ballard", "New principal"))
    assert counts.changed == {"people": 1}


def test_what_was_done_since_is_not_undone_by_an_older_file(life: Life) -> None:
    take(life, WHOLE)
    life.at("2025-08-02").do("agree-needs", "staff")
    counts = take(life, WHOLE)
    assert (counts.added, counts.changed) == ({}, {})
    assert life.record.version == 4


def test_a_file_can_say_how_a_partnership_began(life: Life) -> None:
    began = """
    [[partnership.event]]
    event = "identify-needs"
    at = 2025-07-03T09:00:00-07:00
    as = "staff@example.org"
    input = { school = "ballard", title = "A Lead Partner for Ballard" }
    """
    first = BEGIN.index("    [[partnership.event]]")
    take(life, DIRECTORY + BEGIN[:first] + began + BEGIN[first:])
    assert [row["actor"] for row in life.history()][:2] == [
        "staff@example.org", "ballard-principal@example.org",
    ]  # fmt: skip


def test_a_partnership_without_events_begins_now_and_goes_on_with_a_longer_file(life: Life) -> None:
    bare = WHOLE[: WHOLE.index("    [[partnership.event]]")]
    assert take(life, bare).added["partnerships"] == 1
    assert (life.state, life.record.entered_at) == (State.NEEDS_IDENTIFIED, life.now)
    assert take(life.at("2025-08-02"), bare).unchanged["partnerships"] == 1
    later = WHOLE.replace("2025-07-07", "2025-08-02").replace("2025-07-08", "2025-08-03")
    assert take(life.at("2025-08-04"), later, options=APPEND).added == {"events": 2}
    assert take(life.at("2025-08-05"), later).added == {}
    assert life.faults() == []


def test_a_progress_is_told_after_each_partnership(life: Life) -> None:
    told: list[int] = []
    take(life, WHOLE, progress=lambda: told.append(1))
    assert told == [1]


@pytest.mark.promise("import-in-any-order")
def test_events_are_judged_at_their_own_time_whatever_their_order_in_the_file(life: Life) -> None:
    first, second = (
        f"    [[partnership.event]]{part}" for part in BEGIN.split("    [[partnership.event]]")[1:]
    )
    take(life, DIRECTORY + BEGIN.split("    [[partnership.event]]")[0] + OPEN + AGREE + second + first)
    assert life.state is State.OPEN_SELECTION
    assert [row["event"] for row in life.history()] == [
        "identify-needs", "describe-needs", "agree-needs", "agree-needs", "open-selection",
    ]  # fmt: skip
    assert life.faults() == []
    # The same in another order is the same.
    assert take(life, WHOLE + AGREE + OPEN).added == {}


@pytest.mark.promise("import-in-any-order")
@pytest.mark.parametrize("at_once", [True, False])
def test_a_predecessor_is_imported_after_its_successor(begin: Begin, at_once: bool) -> None:
    """Two Lead Partners of a school, one after the other: in one file, or the earlier one in a later file."""
    life = begin().at("2027-12-01")
    last = Past("first").active().on("2026-09-01 00:00").did("expire", "clock")
    again = Past("second").chosen()
    again.on("2027-09-10").did("set-outcomes", "staff")
    for who in ("principal", "staff", "lead-partner"):
        again.did("agree-outcomes", who)
    again.did("draft-agreement", "staff", amount_cents=1, starts_on="2027-09-15", ends_on="2028-06-30")
    for who in ("staff", "lead-partner"):
        again.did("sign-agreement", who, signed_on="2027-09-10")
    again.on("2027-09-15 09:00").did("activate", "staff")
    for part in [[again, last]] if at_once else [[again], [last]]:
        file = district_file.DistrictFile.model_validate({"partnership": [dict(each) for each in part]})
        importing.take_in(life.system, file, by="staff@example.org", now=life.now, options=APPEND)
    assert [life.another(ref).facts.in_force for ref in ("first", "second")] == [False, True]
    assert life.another("first").faults() == []


def test_a_file_may_leave_out_that_a_termination_took_effect(begin: Begin) -> None:
    life = begin().at("2026-03-01")
    past = Past("ended").active().on("2025-12-01").did("terminate", "staff", effective_on="2026-02-01")
    past.on("2026-01-20").did("add-note", "staff").on("2026-02-02").did("close-out", "staff")
    file = district_file.DistrictFile.model_validate({"partnership": [dict(past)]})
    for _ in range(2):  # the same file twice changes nothing
        importing.take_in(life.system, file, by="staff@example.org", now=life.now, options=APPEND)
    ended = life.another("ended")
    assert [(row["event"], life.wall(row["at"])) for row in ended.history()][-3:] == [
        ("add-note", "2026-01-20 09:00"), ("expire", "2026-02-01 00:00"), ("close-out", "2026-02-02 09:00"),
    ]  # fmt: skip
    assert ended.faults() == []


# No noise about the past


def count(life: Life, status: str) -> int:
    table = tables.deadlines
    with life.system.reading() as session:
        query = select(func.count()).select_from(table).where(table.c.status == status)
        return int(session.connection.scalar(query) or 0)


def test_no_notice_is_sent_about_the_past(life: Life) -> None:
    take(life.at("2025-08-10"), WHOLE)
    assert life.notices() == []
    assert life.tick().told == 0


def test_what_fell_before_the_import_is_passed_over_with_the_reason_and_insists_again_later(
    life: Life,
) -> None:
    take(life.at("2025-09-01 12:00"), WHOLE)
    rungs = life.deadlines("needs-agreed")
    assert [(row["kind"], row["status"]) for row in rungs[:4]] == [
        ("remind", "skipped"), ("due", "skipped"), ("escalate", "skipped"), ("escalate", "skipped"),
    ]  # fmt: skip
    assert {row["reason"] for row in rungs[:4]} == {"fell before the import"}
    assert life.ladder("needs-agreed") == ["escalate 2025-09-03 17:00"]
    assert life.tick("2025-09-03 17:00").told == 1


def test_what_is_still_to_come_is_set(life: Life) -> None:
    take(life.at("2025-08-01 12:00"), WHOLE)
    assert life.ladder("needs-agreed") == [
        "due 2025-08-06 17:00", "escalate 2025-08-07 17:00", "escalate 2025-08-13 17:00",
    ]  # fmt: skip


def test_what_makes_an_event_happen_and_is_overdue_stays_open_and_happens(life: Life) -> None:
    take(life, WHOLE + AGREE + OPEN)
    assert life.ladder("applications-close") == ["due 2025-07-31 17:00"]
    tally = life.tick()
    assert (tally.fired, life.facts.selection.closed_at) == (1, life.now)
    assert "close-applications" in {row["template"] for row in life.notices()}, "this happens now"


def test_only_the_end_of_a_history_has_deadlines(life: Life) -> None:
    take(life.at("2025-07-20"), WHOLE + AGREE + OPEN)
    assert {row["name"] for row in life.deadlines()} == {"applications-close", "draft-unsent"}
    assert count(life, "cancelled") == 0
