"""What waits for the daily digest, when the digest leaves, and what is told at night."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.support.district import Begin, Life
from tests.support.facts import LA, REVIEWERS
from tests.workflow.outbox.test_digest import PRINCIPAL, morning, to, two_for_the_principal, wants
from workflow.clock import replan
from workflow.outbox import queue, timing


def held(life: Life, template: str, name: str) -> bool:
    (row,) = [
        row for row in life.notices(template)
        if row["to"] == f"{name}@example.org" and row["queued_at"] == life.now
    ]  # fmt: skip
    return bool(row["held"])


# What is held


def test_what_is_only_to_be_known_waits_and_others_get_it_at_once(begin: Begin) -> None:
    life = two_for_the_principal(begin)
    assert to(morning(life, "2025-09-03 10:01")) == []
    mine = [row for row in life.notices() if row["to"] == PRINCIPAL and row["status"] == "queued"]
    assert [(row["held"], life.wall(row["next_at"])) for row in mine] == [(True, "2025-09-04 07:00")] * 2
    assert {row["status"] for row in life.notices() if row["to"] == "staff@example.org"} == {"sent"}


def test_what_they_alone_must_do_does_not_wait(begin: Begin) -> None:
    life = wants(begin("needs"), "principal")
    life.do("describe-needs")
    assert not held(life, "describe-needs", "principal")


def test_what_a_colleague_can_do_as_well_waits(begin: Begin) -> None:
    life = wants(begin("needs"), "staff")
    life.person("deputy", roles=["staff"])
    life.do("describe-needs")
    assert held(life, "describe-needs", "staff")


def test_a_colleague_whose_mail_comes_here_is_nobody_else(begin: Begin) -> None:
    life = wants(begin("needs"), "staff")
    away = datetime(2026, 1, 1).date()
    life.person("deputy", roles=["staff"], away_until=away, delegate="staff@example.org")
    life.do("describe-needs")
    rows = [row for row in life.notices("describe-needs") if row["to"] == "staff@example.org"]
    assert [row["held"] for row in rows] == [False, False]


def test_a_reviewer_is_asked_at_once_since_nobody_scores_for_another(begin: Begin) -> None:
    life = wants(begin("applied"), *(name.partition("@")[0] for name in REVIEWERS)).at("2025-08-15 17:00")
    life.tick()
    rows = [row for row in life.notices("close-applications") if row["role"] == "reviewer"]
    assert [row["held"] for row in rows] == [False] * len(REVIEWERS)


def test_an_overdue_duty_is_told_at_once(begin: Begin) -> None:
    life = wants(begin("active"), "principal", "staff").at("2025-11-04 17:00")
    life.tick()
    rows = [row for row in life.notices("assessment-due") if row["to"] == PRINCIPAL]
    assert rows[-1]["held"] is False


def overdue(life: Life, template: str, name: str) -> list[tuple[str, bool]]:
    """When somebody was told that a deadline is overdue, and whether that waits for the digest."""
    rungs = {row["id"] for row in life.deadlines(template) if row["kind"] == "escalate"}
    return [
        (life.wall(row["queued_at"])[5:10], row["held"])
        for row in life.notices(template)
        if row["to"] == f"{name}@example.org" and row["deadline"] in rungs
    ]


def test_escalations_that_repeat_join_the_digest(begin: Begin) -> None:
    life = wants(begin("active"), "principal", "staff", "lead-partner")
    for day in ("2025-11-04", "2025-11-18", "2025-12-02"):
        life.tick(f"{day} 17:00")
    for name in ("principal", "staff"):
        assert overdue(life, "assessment-due", name) == [("11-04", False), ("11-18", True), ("12-02", True)]


def escalate(life: Life, deadline: str, times: int = 1) -> None:
    """Let a deadline pass, and be told so many times that it is overdue."""
    while times:
        rung = life.ladder(deadline)[0]
        life.tick(rung.partition(" ")[2])
        times -= rung.startswith("escalate")


def test_a_repeated_escalation_joins_it_also_where_only_this_person_can_act(begin: Begin) -> None:
    life = wants(begin("scored"), "staff")
    escalate(life, "choice-due", 3)
    assert [held for _, held in overdue(life, "choice-due", "staff")] == [False, True, True]


def test_the_first_escalation_to_each_person_is_told_at_once(begin: Begin) -> None:
    """Staff are told a day after it was due, the Superintendent a week later for the first time."""
    life = wants(begin("needs"), "staff", "superintendent")
    for day in ("08-06", "08-07", "08-13", "08-20", "08-27"):
        life.tick(f"2025-{day} 17:00")
    assert overdue(life, "needs-agreed", "staff") == [("08-07", False)]
    assert overdue(life, "needs-agreed", "superintendent") == [
        ("08-13", False), ("08-20", True), ("08-27", True),
    ]  # fmt: skip


def test_those_without_a_digest_are_told_each_time(begin: Begin) -> None:
    life = wants(begin("needs"))
    for day in ("08-13", "08-20", "08-27"):
        life.tick(f"2025-{day} 17:00")
    assert [held for _, held in overdue(life, "needs-agreed", "superintendent")] == [False] * 3


def test_one_that_never_arrived_does_not_count_as_told(begin: Begin) -> None:
    life = wants(begin("needs"), "superintendent")
    life.tick("2025-08-13 17:00")
    life.run("UPDATE notices SET status = 'dead' WHERE template = 'needs-agreed'")
    life.tick("2025-08-20 17:00")
    assert overdue(life, "needs-agreed", "superintendent") == [("08-13", False), ("08-20", False)]


def test_the_next_ladder_of_the_same_deadline_begins_anew(begin: Begin) -> None:
    life = wants(begin("active"), "principal")
    escalate(life, "meeting-due", 2)
    life.do("record-meeting", on=str(life.now.date()))
    escalate(life, "meeting-due", 2)
    assert [held for _, held in overdue(life, "meeting-due", "principal")] == [False, True] * 2


def test_what_would_come_after_its_deadline_does_not_wait(begin: Begin) -> None:
    """The agreement ends at midnight: a reminder at eight that day would be in the next morning's digest."""
    text = '[deadline.agreement-ends]\nremind = ["2 days", "1 day"]\n[mail]\ndigest_at = "07:00"\n'
    life = wants(begin("active", text), "principal")
    life.system.transact(lambda session: replan.replan(session, life.now))
    life.run("UPDATE deadlines SET status = 'cancelled' WHERE name != 'agreement-ends'")
    found = {}
    for when in ("2026-08-30 00:00", "2026-08-31 08:00"):
        life.tick(when)
        found[when] = [row["held"] for row in life.notices("agreement-ends") if row["to"] == PRINCIPAL][-1]
    assert found == {"2026-08-30 00:00": True, "2026-08-31 08:00": False}


def test_news_of_the_system_and_of_a_deferred_meeting_do_not_wait(begin: Begin) -> None:
    life = wants(begin("scheduled"), "principal", "staff", "lead-partner")
    life.do("defer-item", meeting_on="2025-10-01")
    assert {row["held"] for row in life.notices("defer-item")} == {False}
    assert set(timing.AT_ONCE) == {
        "message-failed", "deadline-failed", "meeting-changed", "reply-note", "reply-doubtful", "address-failed",
        "mailbox-failed", "question", "applications-held", "call-limit", "choice-overturned",
        "defer-item", "recall-item", "directory-changed",
    }  # fmt: skip


def test_a_receipt_does_not_wait(begin: Begin) -> None:
    life = wants(begin("needs"), "principal")
    life.system.transact(
        lambda s: queue.tell(
            s, "receipt", PRINCIPAL, "principal", life.now, partnership=life.record.id, seq=1
        )
    )
    assert not held(life, "receipt", "principal")


# When it leaves


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2025-07-08 06:59", "2025-07-08 07:00"), ("2025-07-08 07:00", "2025-07-08 07:00"),
        ("2025-07-08 07:01", "2025-07-09 07:00"), ("2025-07-11 17:00", "2025-07-12 07:00"),
        ("2025-11-01 07:30", "2025-11-02 07:00"), ("2026-03-07 07:30", "2026-03-08 07:00"),
    ],
)  # fmt: skip
def test_a_digest_leaves_every_day_at_the_same_hour_of_the_clock(begin: Begin, now: str, leaves: str) -> None:
    life = begin().at(now)
    assert life.wall(timing.next_digest_time(life.system.config, life.now)) == leaves


@pytest.mark.parametrize("at", ["02:00", "02:30"])
def test_a_digest_at_an_hour_that_the_clocks_skip_leaves_once_all_the_same(begin: Begin, at: str) -> None:
    life = begin(None, f'[mail]\ndigest_at = "{at}"\n').at("2026-03-07 12:00")
    first = timing.next_digest_time(life.system.config, life.now)
    assert life.wall(first) == "2026-03-08 03:00"
    following = timing.next_digest_time(life.system.config, first + timedelta(seconds=1))
    assert life.wall(following) == f"2026-03-09 {at}"


# The hours of the night


def test_a_deadline_that_falls_at_night_is_told_at_night(begin: Begin) -> None:
    text = '[mail]\nhours = "07:00-19:00"\n[deadline.needs-agreed]\nat = "22:00"\n'
    life = begin("needs", text)
    life.system.transact(lambda session: replan.replan(session, life.now))
    life.run("DELETE FROM notices")
    life.tick("2025-07-30 22:00")
    assert {life.wall(row["next_at"]) for row in life.notices()} == {"2025-07-30 22:00"}


def test_a_deadline_of_the_day_that_is_found_at_night_waits_for_the_morning(begin: Begin) -> None:
    life = begin("needs", '[mail]\nhours = "07:00-19:00"\n')
    life.run("DELETE FROM notices")
    life.tick("2025-07-30 23:00")
    assert {life.wall(row["next_at"]) for row in life.notices()} == {"2025-07-31 07:00"}


def test_what_the_clock_makes_happen_at_night_is_told_at_night(begin: Begin) -> None:
    life = begin("active", '[mail]\nhours = "07:00-19:00"\n')
    life.run("DELETE FROM notices")
    life.run("UPDATE deadlines SET status = 'cancelled' WHERE name != 'agreement-ends' OR kind != 'due'")
    life.at("2026-09-01 00:00").tick()
    assert life.told("expire")
    assert {life.wall(row["next_at"]) for row in life.notices("expire")} == {"2026-09-01 00:00"}
    assert life.now == datetime(2026, 9, 1, tzinfo=LA)
