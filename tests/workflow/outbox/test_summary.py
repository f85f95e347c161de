"""The weekly summary: once for each person and week, whatever daemons, clocks and configurations do."""

from __future__ import annotations

import threading
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.district import Begin, Life, written
from tests.workflow.outbox.test_delivery import Post, deliver
from tests.workflow.outbox.test_digest import plain, to
from workflow.outbox import summary
from workflow.procedure.config import ConfigError, load
from workflow.store import tables

STAFF, CHIEF = "staff@example.org", "superintendent@example.org"
# 2025-09-08 is a Monday.
MONDAY = "2025-09-08"


def look(life: Life, when: str | None = None) -> int:
    """What a tick does for the summary at this time."""
    now = (life.at(when) if when else life).now
    return life.system.transact(lambda session: summary.gather(session, now), exclusive="summary")


def summaries(life: Life) -> list[dict[str, Any]]:
    table = tables.notices
    query = select(table).where(table.c.template == "summary").order_by(table.c.id)
    with life.system.reading() as session:
        return [dict(row) for row in session.connection.execute(query).mappings()]


@pytest.mark.promise("summary-once")
def test_staff_and_the_superintendent_get_it_once_on_monday_at_eight(begin: Begin) -> None:
    life = begin("referred")
    look(life, "2025-09-05")
    assert look(life, f"{MONDAY} 07:59") == 0
    assert look(life, f"{MONDAY} 08:00") == 2
    assert look(life, f"{MONDAY} 08:00") == look(life, "2025-09-12") == look(life, "2025-09-15 07:59") == 0
    assert [row["to"] for row in summaries(life)][-2:] == [CHIEF, STAFF]
    assert look(life, "2025-09-15 08:00") == 2


@pytest.mark.promise("summary-once")
def test_a_daemon_that_was_down_catches_up_with_one(begin: Begin) -> None:
    life = begin("referred")
    look(life, MONDAY)
    assert look(life, "2025-10-09 03:00") == 2  # a month later
    assert look(life, "2025-10-09 03:01") == 0
    assert look(life, "2025-10-13 08:00") == 2


def test_a_week_that_was_over_before_the_district_began_is_told_to_nobody(begin: Begin) -> None:
    life = begin()  # on Tuesday, July 1
    assert look(life, "2025-07-02") == 0
    assert look(life, "2025-07-07 08:00") == 2


def test_a_daemon_that_starts_after_the_first_monday_still_tells_of_it(begin: Begin) -> None:
    assert look(begin(), "2025-07-08 10:00") == 2


@pytest.mark.promise("summary-once")
def test_several_daemons_at_the_same_moment_tell_once(begin: Begin) -> None:
    life = begin("referred").at(f"{MONDAY} 08:00")
    look(life, "2025-09-05")
    life.at(f"{MONDAY} 08:00")
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(look(life))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, 2]


@pytest.mark.promise("summary-once")
def test_a_crash_before_the_commit_loses_none(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    life = begin("referred")
    look(life, "2025-09-05")
    with monkeypatch.context() as patch:
        patch.setattr(summary, "_tell", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            look(life, MONDAY)
    assert look(life, MONDAY) == 2


@pytest.mark.promise("summary-once")
@pytest.mark.parametrize(
    ("day", "when", "count"),
    [
        ("wednesday", "2025-09-10 08:00", 0),  # this week was told on Monday
        ("wednesday", "2025-09-17 08:00", 2),
        ("friday", "2025-09-14", 0),
        ("sunday", "2025-09-14 12:00", 0),
    ],
)
def test_a_reload_that_moves_the_day_gives_no_second_one_in_a_week(
    begin: Begin, day: str, when: str, count: int
) -> None:
    life = begin("referred")
    assert look(life, f"{MONDAY} 08:00") == 2
    life.system.config = load(written(life.system.config.folder, f'[summary]\nday = "{day}"\n'))
    assert look(life, when) == count


def test_the_clock_set_back_gives_no_second_one(begin: Begin) -> None:
    life = begin("referred")
    look(life, f"{MONDAY} 08:00")
    assert look(life, "2025-09-02 09:00") == look(life, f"{MONDAY} 09:00") == 0


@pytest.mark.parametrize("sunday", ["2026-03-08", "2025-11-02"])  # the clocks change on these days
@pytest.mark.parametrize("at", ["08:00", "02:30", "01:30"])
def test_it_keeps_its_hour_when_the_clocks_change(begin: Begin, sunday: str, at: str) -> None:
    life = begin("referred", f'[summary]\nday = "sunday"\ntime = "{at}"\n')
    day = date.fromisoformat(sunday)
    look(life, f"{day - timedelta(days=7)} {at}")
    # In UTC, since an hour of the wall clock comes twice that day or not at all.
    due = life.system.config.calendar.instant(day, time.fromisoformat(at))
    counts = []
    for minutes in range(-1, 180, 10):
        life.now = due + timedelta(minutes=minutes)
        counts.append(look(life))
    assert counts == [0, 2, *[0] * 17]
    assert look(life, f"{day + timedelta(days=7)} {at}") == 2


@pytest.mark.parametrize("text", ["roles = []", 'roles = ["board-office"]'])
def test_the_roles_of_the_configuration_get_it_and_nobody_else(begin: Begin, text: str) -> None:
    life = begin("referred", f"[summary]\n{text}\n")
    look(life, MONDAY)
    assert {row["role"] for row in summaries(life)} == ({"board-office"} if "board" in text else set())


def test_one_who_has_both_roles_gets_one_and_one_who_left_none(begin: Begin) -> None:
    life = begin("referred")
    life.person("both", roles=["superintendent", "staff"])
    life.person("staff", active=False)
    look(life, MONDAY)
    told = {row["to"]: row["role"] for row in summaries(life)}
    assert told == {"both@example.org": "staff", CHIEF: "superintendent"}


def test_it_goes_to_the_delegate_of_one_who_is_away(begin: Begin) -> None:
    life = begin("referred")
    life.person("staff", away_until=date(2025, 9, 30), delegate="board-office@example.org")
    look(life, MONDAY)
    assert ("board-office@example.org", STAFF, "staff") in {
        (row["to"], row["delegate_for"], row["role"]) for row in summaries(life)
    }


def test_one_who_wants_a_digest_gets_it_as_its_own_message(begin: Begin) -> None:
    life = begin("referred")
    life.person("staff", digest=True)
    look(life, f"{MONDAY} 08:00")
    assert [row["held"] for row in summaries(life)] == [False, False]


def test_outside_of_the_mail_hours_it_waits(begin: Begin) -> None:
    life = begin("referred", '[mail]\nhours = "09:00-17:00"\n')
    look(life, f"{MONDAY} 08:00")
    assert {life.wall(row["next_at"]) for row in summaries(life)} == {f"{MONDAY} 09:00"}


def test_one_message_holds_what_is_late_awaited_coming_and_undelivered(begin: Begin) -> None:
    life = begin("scheduled")
    life.another("late").to("needs").do("describe-needs")
    life.another("quiet", "garfield").do("identify-needs", "staff")
    deliver(life, Post())
    life.run(
        "UPDATE notices SET status = 'dead', reason = 'no such mailbox' WHERE template = 'refer-to-board'"
        " AND \"to\" = 'principal@example.org'"
    )
    life.at("2025-09-08 08:00").tick()
    look(life)
    deliver(life, post := Post())
    (message,) = [each for each in to(post, STAFF) if each["Subject"].startswith("Partnerships this week")]
    text, html = plain(message), message.get_body(("html",)).get_content()
    for words in (
        "Overdue since Wednesday, August 6, 2025",
        "Waits for Franklin principal, principal: Agree to the statement of needs",
        "THE BOARD'S COMING MEETINGS Wednesday, September 17, 2025",
        "No such mailbox.",
        "as partnership staff of",
    ):
        assert words in text
    assert "<table" in html
    assert "quiet" not in text  # nothing of it is due within two weeks
    assert message["Subject"] == (
        "Partnerships this week: 1 overdue, 1 due within two weeks, 1 not delivered"
    )  # fmt: skip


def test_a_district_without_partnerships_reads_that_there_is_nothing(begin: Begin) -> None:
    life = begin()
    look(life, "2025-07-07 08:00")
    deliver(life, post := Post())
    (message,) = to(post, STAFF)
    assert message["Subject"] == "Partnerships this week: nothing overdue, nothing due within two weeks"
    assert "You do not have to do anything now" in plain(message)


MISTAKES = [
    ('day = "mon"', "summary.day", "'mon' is not a day of the week; expected one like \"monday\""),
    ("day = 1", "summary.day", ""),
    ('time = "8 am"', "summary.time", "not a time of day"),
    ('roles = ["principal"]', "summary.roles.0", "'principal' gets no summary"),
    ('roles = "staff"', "summary.roles", ""),
    ("hour = 8", "summary.hour", ""),
]


@pytest.mark.parametrize(("text", "at", "problem"), MISTAKES)
def test_a_mistake_in_the_configuration_is_named_with_its_place(
    begin: Begin, text: str, at: str, problem: str
) -> None:
    folder = begin().system.config.folder
    with pytest.raises(ConfigError) as refused:
        load(written(folder, f"[summary]\n{text}\n"))
    (found,) = refused.value.problems
    assert found.at == at
    assert problem in str(found)


def test_a_day_may_be_written_with_a_capital(begin: Begin) -> None:
    life = begin("referred", '[summary]\nday = "Friday"\n')
    assert life.system.config.procedure.summary.day == "friday"
