"""The one way in: what it writes, what it refuses without a trace, and as whom somebody acts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from states.errors import BadInput, Refused, UnknownEvent, WrongRole, WrongState
from states.names import State
from tests.support.district import Begin, Life
from tests.support.facts import CBO, CHARITY, LA, way
from workflow import engine
from workflow.outbox import queue
from workflow.store.errors import Conflict, NotFound
from workflow.store.rows import GENESIS


def unmet(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [f"{u.requirement} {u.clause or ''}".strip() for u in refused.value.unmet]


# What is written


def test_a_partnership_is_created_by_its_first_event(begin: Begin) -> None:
    life = begin().at("2025-07-07 09:00")
    change = life.do("identify-needs", note="as the Board wished")
    assert (change.before.state, change.record.state, change.has_moved) == (
        None,
        State.NEEDS_IDENTIFIED,
        True,
    )
    record = life.record
    assert (record.ref, record.state, record.version) == ("rbhs-2025", State.NEEDS_IDENTIFIED, 1)
    assert record.entered_at == life.now
    assert record.facts.title == "A Lead Partner for the school"


def test_every_event_leaves_a_row_that_says_who_did_what_when_and_how(begin: Begin) -> None:
    life = begin("needs").at("2025-07-08 10:15")
    life.do("describe-needs", "staff")
    *_, row = life.history()
    assert row["seq"] == 2
    assert (row["event"], row["actor"], row["role"]) == ("describe-needs", "staff@example.org", "staff")
    assert (row["from_state"], row["to_state"]) == ("needs-identified", "needs-identified")
    assert (row["at"], row["channel"], row["note"], row["ran_by"]) == (life.now, "cli", None, None)
    assert json.loads(row["input"])["needs"] == ["tutoring"]


def test_who_ran_the_program_is_kept_beside_who_acted(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "principal", ran_by="clerk", note="read to me on the telephone")
    *_, row = life.history()
    assert (row["actor"], row["ran_by"]) == ("principal@example.org", "clerk")
    assert row["note"] == "read to me on the telephone"


def test_each_row_carries_the_hash_of_the_one_before_it_and_the_partnership_the_last(begin: Begin) -> None:
    life = begin("active")
    rows = life.history()
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["previous"] for row in rows] == [GENESIS, *(row["hash"] for row in rows[:-1])]
    assert len({row["hash"] for row in rows}) == len(rows)
    assert life.record.head == rows[-1]["hash"]
    assert life.record.version == len(rows)


def test_only_a_move_changes_when_the_state_was_entered(begin: Begin) -> None:
    life = begin("needs")
    entered = life.record.entered_at
    life.at("2025-07-09").do("describe-needs")
    assert life.record.entered_at == entered
    life.do("withdraw")
    assert life.record.entered_at == life.now


def test_what_the_law_looked_at_is_kept_with_the_event(begin: Begin) -> None:
    life = begin("open")
    *_, row = life.history()
    assert json.loads(row["setting"])["minimum_panel"] == 3
    assert json.loads(row["setting"])["opens_until"] == "2025-07-21"


# Versions


def test_an_event_on_the_version_that_was_seen_goes_through(begin: Begin) -> None:
    life = begin("needs")
    assert life.do("describe-needs", expected_version=1).record.version == 2


@pytest.mark.parametrize("version", [0, 1, 3])
def test_an_event_on_another_version_than_was_seen_is_a_conflict(begin: Begin, version: int) -> None:
    life = begin("needs")
    life.do("describe-needs")
    with pytest.raises(Conflict, match=f"at version 2, not {version}"):
        life.do("agree-needs", expected_version=version)
    assert life.record.version == 2


def test_a_decision_on_a_record_that_has_moved_meanwhile_cannot_be_written(begin: Begin) -> None:
    life = begin("needs")
    intent, old = life.intent("describe-needs"), life.record
    life.do("add-note", "staff")
    with pytest.raises(Conflict, match="somebody else moved it first"):
        life.system.transact(lambda s: engine.write(s, [engine.decide(s, old, intent)]))
    assert [row["event"] for row in life.history()] == ["identify-needs", "add-note"]


# Refusals leave nothing behind


def refused_event(life: Life) -> None:
    life.do("open-selection", closes_on="2025-07-08")


def bad_input(life: Life) -> None:
    life.do("describe-needs", needs=[])


def wrong_state(life: Life) -> None:
    life.do("agree-outcomes", "staff")


def wrong_role(life: Life) -> None:
    life.do("agree-needs", "superintendent")


def unknown_person(life: Life) -> None:
    life.do("agree-needs", "stranger@example.org")


def unknown_partnership(life: Life) -> None:
    life.another("no-such").do("agree-needs", "staff")


def unknown_school(life: Life) -> None:
    life.another("other", "no-such-school").do("identify-needs", "staff")


def old_version(life: Life) -> None:
    life.do("agree-needs", expected_version=7)


def naive_time(life: Life) -> None:
    life.now = datetime(2025, 7, 8, 9)
    life.do("describe-needs")


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        (refused_event, Refused), (bad_input, BadInput), (wrong_state, WrongState), (wrong_role, WrongRole),
        (unknown_person, NotFound), (unknown_partnership, NotFound), (unknown_school, BadInput),
        (old_version, Conflict), (naive_time, ValueError),
    ],
)  # fmt: skip
def test_a_refusal_leaves_the_database_as_it_was_byte_for_byte(
    begin: Begin, attempt: Callable[[Life], None], error: type[Exception]
) -> None:
    life = begin("needs")
    before = life.dump()
    with pytest.raises(error):
        attempt(life)
    assert life.dump() == before


def test_an_unknown_event_is_refused_with_the_known_ones(begin: Begin) -> None:
    life = begin("needs")
    before = life.dump()
    with pytest.raises(UnknownEvent, match="identify-needs, describe-needs"):
        life.system.transact(
            lambda s: engine.advance(s, life.ref, "agree", {}, "staff@example.org", "cli", life.now)
        )
    assert life.dump() == before


def test_a_refusal_names_every_unmet_requirement_with_its_clause(begin: Begin) -> None:
    life = begin("needs").another("garfield-2025", "garfield")
    life.do("identify-needs", "staff")
    with pytest.raises(Refused) as refused:
        life.do("open-selection", closes_on="2025-07-08", reviewers=["principal@example.org"])
    assert unmet(refused) == [
        "needs-described 4270.7", "school-agreed-to-needs 4270.7", "district-agreed-to-needs 4270.7",
        "school-invited 4270.1", "panel-large-enough 4270.8", "panel-known 4270.8",
        "open-long-enough 4270.8",
    ]  # fmt: skip


@pytest.mark.promise("all-or-nothing")
def test_a_failure_while_notices_are_queued_undoes_the_move(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = begin("needs")
    before = life.dump()

    def broken(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(queue, "prepare", broken)
    with pytest.raises(RuntimeError, match="disk"):
        life.do("describe-needs")
    assert life.dump() == before


def test_a_decision_without_writing_says_what_would_be_and_leaves_nothing(begin: Begin) -> None:
    life = begin("needs")
    before = life.dump()
    with life.system.reading() as session:
        change = engine.decide(session, life.record, life.intent("withdraw"))
    assert change.record.state is State.TERMINATED
    assert life.dump() == before
    assert life.state is State.NEEDS_IDENTIFIED


# Doors, names, and one Lead Partner at a school


@pytest.mark.parametrize("channel", ["cli", "link", "reply", "import"])
def test_the_same_answer_through_every_door(begin: Begin, channel: str) -> None:
    life = begin("needs-agreed")
    with pytest.raises(Refused) as refused:
        life.do("open-selection", channel=channel, closes_on="2025-07-20", reviewers=[])
    assert unmet(refused) == ["panel-large-enough 4270.8", "open-long-enough 4270.8"]
    change = life.do("open-selection", channel=channel)
    assert (change.record.state, change.entry["channel"]) == (State.OPEN_SELECTION, channel)


def test_an_unknown_school_is_refused_with_the_known_ones(begin: Begin) -> None:
    with pytest.raises(BadInput, match="no school 'nowhere'; expected franklin, garfield, rainier-beach"):
        begin().another("other", "nowhere").do("identify-needs", "staff")


def test_an_unknown_organization_is_refused_with_the_known_ones(begin: Begin) -> None:
    with pytest.raises(BadInput, match=f"no organization 'nobody'; expected city-college, {CHARITY}, {CBO}"):
        begin("open").do("receive-application", "staff", organization="nobody")


def signed_for_nothing(life: Life) -> Life:
    """The next agreement of the school, which costs nothing: with the last one it stays below the threshold."""
    other = life.another("rbhs-again", "rainier-beach").to("agreed")
    other.do("draft-agreement", amount_cents=0)
    return other.step(way("signed", "drafted"))


def test_a_second_lead_partner_at_a_school_is_refused_by_the_law(begin: Begin) -> None:
    life = begin("active")
    other = life.another("rbhs-again", "rainier-beach")
    # A successor is sought, chosen and signed while the present partner serves.
    other.to("signed").now = life.now
    with pytest.raises(Refused, match=r"rbhs-2025 \(4270\.4\)"):
        other.do("activate")


def test_a_lead_partner_whose_end_is_still_to_come_keeps_others_out(begin: Begin) -> None:
    life = begin("active")
    other = signed_for_nothing(life)
    life.do("terminate", effective_on="2025-10-15")
    with pytest.raises(Refused, match="active Lead Partner, in partnership rbhs-2025"):
        other.at("2025-10-14 23:59").do("activate")
    life.tick("2025-10-15 00:00")
    assert other.at("2025-10-15").do("activate").record.state is State.ACTIVE


def test_a_second_lead_partner_at_a_school_is_refused_by_the_database_too(begin: Begin) -> None:
    life = begin("drafted")
    for role in ("staff", "lead-partner"):
        life.at("2025-08-28").do("sign-agreement", role)
    other = life.another("rbhs-again", "rainier-beach").to("active")
    ready = life.record
    # As if both had been judged before either was written.
    other.run("UPDATE partnerships SET school = 'franklin' WHERE ref = 'rbhs-again'")
    with life.system.reading() as session:
        change = engine.decide(session, ready, life.at("2025-09-02").intent("activate"))
    other.run("UPDATE partnerships SET school = 'rainier-beach' WHERE ref = 'rbhs-again'")
    before = life.dump()
    with pytest.raises(Refused) as refused:
        life.system.transact(lambda s: engine.write(s, [change]))
    assert unmet(refused) == ["no-other-lead-partner 4270.4"]
    assert life.dump() == before
    with pytest.raises(IntegrityError):
        life.run("UPDATE partnerships SET in_force = true")


def test_a_school_gets_its_next_lead_partner_once_the_last_one_is_over(begin: Begin) -> None:
    life = begin("active")
    life.do("terminate", ground="mutual", effective_on="2025-09-02")
    other = signed_for_nothing(life).at("2025-09-03")
    assert other.do("activate").record.state is State.ACTIVE


def test_times_are_kept_in_utc_and_come_back_aware(begin: Begin) -> None:
    life = begin().at("2025-07-07 23:30")
    life.do("identify-needs")
    stored = life.record.entered_at
    assert stored.utcoffset() is not None
    assert stored == datetime(2025, 7, 7, 23, 30, tzinfo=LA)
    assert life.history()[0]["at"].hour == 6
