"""Terminations that wait for their day, in the pure law: what goes on until then, and what moves the day."""

from __future__ import annotations

import pytest

from states.names import State
from tests.support.facts import Life, day

ENDING = Life().to("ending")  # by staff, to take effect on 2 October 2025


@pytest.mark.clause("4270.12")
@pytest.mark.promise("ends-on-its-day")
@pytest.mark.parametrize("station", ["active", "reported"])
def test_an_agreement_goes_on_until_its_termination_takes_effect(station: str) -> None:
    life = Life().to(station)
    effective = "2025-12-01" if station == "active" else "2026-08-20"
    ending = life.do("terminate", effective_on=effective, reason="as found")
    assert (ending.state, ending.facts.in_force, ending.facts.ended) == (life.state, True, None)
    assert ending.allows("record-meeting", on="2025-09-02")
    assert ending.missing("expire") == ["past-last-day"]
    ended = ending.at(f"{effective} 00:00").do("expire")
    record = ended.facts.ended
    assert (ended.state, ended.facts.in_force, ended.facts.ending) == (State.TERMINATED, False, None)
    assert (record.how, record.reason, record.by) == ("terminated", "as found", "staff@example.org")
    assert (record.effective_on, record.at) == (day(effective), ended.now)


def test_the_day_can_come_earlier_and_not_later() -> None:
    assert ENDING.missing("terminate", effective_on="2025-10-03") == ["ends-earlier-than-on-record 4270.12"]
    sooner = ENDING.do("terminate", ground="breach", effective_on="2025-09-20", around={"notice_days": 0})
    assert sooner.facts.ending.effective_on == day("2025-09-20")
    now = ENDING.do("terminate", ground="breach", effective_on="2025-09-02", around={"notice_days": 0})
    assert (now.state, now.facts.ending, now.facts.ended.ground) == (State.TERMINATED, None, "breach")


def test_a_last_day_that_moves_before_it_ends_the_agreement_first() -> None:
    shorter = ENDING.do("amend-agreement", ends_on="2025-09-15", around={"longest_notice": 0})
    assert shorter.facts.last_day == day("2025-09-15")
    expired = shorter.at("2025-09-16 00:00").do("expire")
    assert (expired.facts.ended.how, expired.facts.ending) == ("expired", None)


def test_it_is_taken_back_by_whoever_decided_it() -> None:
    back = ENDING.do("withdraw-termination")
    assert (back.state, back.facts.ending, back.facts.last_day) == (State.ACTIVE, None, day("2026-08-31"))
    by_board = Life().at_introduced("termination").do("terminate", effective_on="2025-12-01")
    assert by_board.missing("withdraw-termination") == ["board-did-not-end 4270.9"]


@pytest.mark.clause("4270.9")
@pytest.mark.parametrize(
    ("origin", "state"), [("active", State.ACTIVE), ("annual-review", State.ANNUAL_REVIEW)]
)
def test_the_boards_termination_goes_back_to_where_it_was_referred(origin: str, state: State) -> None:
    life = Life().at_board_review("termination", origin)
    item = life.facts.board.item.but(introduced=(day("2025-09-17"),), agenda=(day("2026-07-08"),))
    life = life.having("board", item=item).at("2026-07-09")
    ending = life.do("terminate", meeting_on="2026-07-08", effective_on="2026-08-10")
    assert (ending.state, ending.facts.board.item) == (state, None)
    assert (ending.facts.ending.board, ending.facts.in_force) == (True, True)
    assert ending.facts.review is None or ending.facts.review.interrupted_at is None
    assert ending.at("2026-08-10 00:00").do("expire").facts.ended.board


def test_a_renewal_that_the_board_approves_takes_it_back() -> None:
    renewing = ENDING.do("refer-to-board", purpose="renewal", ends_on="2027-08-31")
    item = renewing.facts.board.item.but(introduced=(day("2025-09-03"),), agenda=(day("2025-09-17"),))
    renewed = renewing.having("board", item=item).at("2025-09-18").do("approve", meeting_on="2025-09-17")
    assert (renewed.facts.ending, renewed.facts.last_day) == (None, day("2027-08-31"))
    assert renewing.at("2025-10-02").do("expire").facts.ended.how == "terminated", "before the Board too"


def test_a_history_from_before_this_rule_ends_at_once() -> None:
    ended = Life().to("active").do("terminate", around={"ends_later": False})
    assert (ended.state, ended.facts.ended.effective_on) == (State.TERMINATED, day("2026-06-30"))
