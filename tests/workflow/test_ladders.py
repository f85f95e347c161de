"""Ladders over time: what was sent stays sent, what was missed is told once, and the last rung insists."""

from __future__ import annotations

from tests.support.district import Begin

# Reminders that are past, and returns.


def test_a_reminder_that_is_past_when_it_would_be_set_is_skipped_and_says_so(begin: Begin) -> None:
    life = begin("scheduled")
    (skipped,) = [row for row in life.deadlines("agenda-packet") if row["kind"] == "remind"]
    assert life.wall(skipped["due_at"]) == "2025-08-28 17:00"
    assert (skipped["status"], skipped["done_at"]) == ("skipped", life.now)
    assert skipped["reason"] == "already past when the deadline was set"


def test_what_was_sent_before_the_partnership_left_is_not_sent_again_when_it_is_back(begin: Begin) -> None:
    life = begin("active")
    life.do("amend-agreement")
    life.tick("2025-10-01 17:00")
    sent = [row["id"] for row in life.deadlines() if row["status"] == "fired"]
    assert len(life.notices("agreement-signed")) == 2
    life.do("refer-to-board", purpose="renewal", ends_on="2027-08-31")
    assert "agreement-signed" not in life.running()
    life.do("schedule-item", meeting_on="2025-10-15")
    life.at("2025-10-16").do("send-back", meeting_on="2025-10-15")
    assert life.ladder("agreement-signed") == [
        "due 2025-10-02 17:00",
        "escalate 2025-10-03 17:00",
        "escalate 2025-10-16 17:00",
    ]
    assert {row["status"] for row in life.deadlines() if row["id"] in sent} == {"fired"}


# Ladders that repeat.


def test_the_last_rung_repeats_until_somebody_acts(begin: Begin) -> None:
    life = begin("needs")
    for day in ("08-06", "08-07", "08-13", "08-20", "08-27", "09-03"):
        life.tick(f"2025-{day} 17:00")
    assert life.ladder("needs-agreed") == ["escalate 2025-09-10 17:00"]
    last = [row for row in life.deadlines("needs-agreed") if row["status"] == "fired"][-3:]
    told = [row["to"] for row in life.notices("needs-agreed") if row["deadline"] in {r["id"] for r in last}]
    assert told == ["superintendent@example.org"] * 3
    life.do("withdraw")
    assert life.running() == set()


def test_what_was_missed_of_repetitions_is_told_once_and_goes_on_from_there(begin: Begin) -> None:
    life = begin("needs")
    life.tick("2025-09-05 10:00")
    assert life.told("needs-agreed") == ["superintendent"]
    assert life.ladder("needs-agreed") == ["escalate 2025-09-10 17:00"]


def test_a_ladder_without_again_falls_silent_after_its_last_rung(begin: Begin) -> None:
    life = begin("active")
    life.tick("2026-05-01 17:00")
    assert life.ladder("renewal-decision") == []
