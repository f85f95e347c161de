"""The dates that come with messages: one UID for each, a sequence that rises only as it moves, cancellations."""

from __future__ import annotations

from datetime import date, datetime
from email import message_from_bytes
from email.policy import default
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from notifications.mailers import TemporaryFailure
from tests.support.district import Begin, Life, Stations, opened
from tests.support.facts import LA
from tests.workflow.outbox.test_delivery import Post, deliver
from workflow import directory_changes
from workflow.clock import meetings
from workflow.procedure.config import Config
from workflow.store import tables
from workflow.views import dates


class Sent(NamedTuple):
    """A calendar entry as somebody got it."""

    method: str
    key: str
    sequence: int
    start: str


def entries(content: bytes) -> list[Sent]:
    """The calendar entries of a message, the one that is offered first."""
    found = []
    for part in message_from_bytes(content, policy=default).walk():
        if part.get_content_type() != "text/calendar":
            continue
        calendar = Calendar.from_ical(part.get_content())
        (event,) = calendar.walk("VEVENT")
        method = str(calendar["METHOD"])
        assert part["Content-Type"].params["method"] == method
        assert ("ATTENDEE" in event) == (method != "PUBLISH")
        assert (event["STATUS"] == "CANCELLED") == (method == "CANCEL")
        start = event["DTSTART"].dt.astimezone(LA)
        key = str(event["UID"]).removesuffix(".rbhs-2025@example.org")
        found.append(Sent(method, key, int(event["SEQUENCE"]), f"{start:%Y-%m-%d %H:%M}"))
    return found


def sent(life: Life, to: str) -> list[Sent]:
    """What is delivered to somebody now, the entries of all messages together."""
    post = Post()
    deliver(life, post)
    return [
        entry for who, content, _ in post.given if who == f"{to}@example.org" for entry in entries(content)
    ]


def quiet(life: Life) -> Life:
    """Deliver what is queued, to look at what comes after."""
    deliver(life, Post())
    return life


def told(life: Life) -> list[str]:
    return life.system.transact(lambda session: meetings.tell_changed(session, life.now))


# Which UID


def uids(life: Life) -> dict[str, str]:
    record = life.record
    with life.system.reading() as session:
        found = dates.dates(session, record)
    return {name: one.uid.removesuffix(f".{life.ref}@example.org") for name, one in found.items()}


def test_every_person_has_the_same_uid_of_a_date(begin: Begin) -> None:
    life = quiet(begin("needs"))
    life.do("describe-needs")
    post = Post()
    deliver(life, post)
    found = {who: entries(content) for who, content, _ in post.given}
    due = Sent("REQUEST", "needs-agreed", 0, "2025-08-06 17:00")
    assert found == {"principal@example.org": [due], "staff@example.org": [due]}


def test_a_second_call_has_dates_of_its_own(begin: Begin) -> None:
    life = begin("closed")
    assert uids(life)["choice-due"] == "choice-due"
    life.do("restart")
    assert uids(life)["needs-agreed"] == "needs-agreed-2"


def test_the_next_occurrence_of_a_duty_is_another_date(begin: Begin) -> None:
    life = begin("active").at("2025-10-01")
    assert (uids(life)["assessment-due"], uids(life)["meeting-due"]) == (
        "assessment-due-2025", "meeting-due-after-2025-09-02",
    )  # fmt: skip
    life.do("record-assessment", on="2025-09-30")
    life.do("record-meeting", on="2025-09-29")
    assert (uids(life)["assessment-due"], uids(life)["meeting-due"]) == (
        "assessment-due-2026", "meeting-due-after-2025-09-29",
    )  # fmt: skip


def test_a_change_of_procedure_moves_an_occurrence_and_makes_no_other(begin: Begin) -> None:
    yearly = '[deadline.assessment-due]\ndue = "15 November every year"\n'
    text = yearly + '[deadline.meeting-due]\ndue = "every 3 months"\n'
    mine, packaged = begin("active", text), begin("active")
    assert uids(mine) == uids(packaged)


def test_the_next_annual_review_has_dates_of_its_own(begin: Begin) -> None:
    life = begin("reported")
    assert uids(life)["findings-due"] == "findings-due"
    life.do("give-finding", "principal")
    life.do("give-finding", "staff")
    life.do("continue")
    life.at("2026-08-01").do("open-annual-review", "staff")
    assert uids(life)["report-due"] == "report-due-2"


def test_an_item_that_comes_again_is_another_meeting(begin: Begin) -> None:
    life = begin("introduced")
    assert uids(life)["board-meeting"] == "board-meeting"
    life.at("2025-10-02").do("send-back")
    life.do("refer-to-board")
    life.do("schedule-item", meeting_on="2025-11-19")
    assert uids(life)["board-meeting"] == "board-meeting-2"


# Which method


def test_what_is_only_to_be_known_is_published(begin: Begin) -> None:
    """The Board office checks the packet outside of this system."""
    life = quiet(begin("referred"))
    life.do("schedule-item", meeting_on="2025-10-15")
    quiet(life)
    life.tick("2025-09-26 17:00")
    found = {entry.key: entry.method for entry in sent(life, "board-office")}
    assert found == {"board-meeting": "REQUEST", "agenda-packet": "PUBLISH"}


def test_a_meeting_of_the_board_is_an_invitation_for_everybody_who_is_told_of_it(begin: Begin) -> None:
    life = quiet(begin("referred"))
    life.do("schedule-item")
    assert sent(life, "principal") == [Sent("REQUEST", "board-meeting", 0, "2025-09-17 16:15")]


# Moves


def test_a_date_that_moved_comes_again_as_the_same_with_the_next_sequence(begin: Begin) -> None:
    life = begin("applied").at("2025-08-12 17:00")
    life.tick()
    before = [entry for entry in sent(life, "lead-partner") if entry.key == "applications-close"][-1]
    life.do("extend-selection", closes_on="2025-08-29")
    after = sent(life, "lead-partner")
    assert (before.sequence, before.start) == (0, "2025-08-15 17:00")
    assert after == [Sent(before.method, "applications-close", 1, "2025-08-29 17:00")]


def test_a_move_comes_with_whatever_message_is_next(begin: Begin) -> None:
    """Staff are not told of the extension itself, and learn of the new date with the next application."""
    life = begin("open").at("2025-08-12 17:00")
    life.tick()
    quiet(life)
    life.do("extend-selection", closes_on="2025-08-29")
    assert sent(life, "staff") == []
    life.do("receive-application", "lead-partner@example.org")
    assert sent(life, "staff") == [Sent("REQUEST", "applications-close", 1, "2025-08-29 17:00")]


def test_the_same_date_told_again_keeps_its_sequence(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    life.do("describe-needs")
    found = sent(life, "principal")
    assert len(found) > 1
    assert set(found) == {Sent("REQUEST", "needs-agreed", 0, "2025-08-06 17:00")}


def test_an_item_that_is_deferred_moves_the_meeting(begin: Begin) -> None:
    life = quiet(begin("scheduled"))
    life.do("defer-item", meeting_on="2025-10-01")
    assert sent(life, "principal") == [Sent("REQUEST", "board-meeting", 1, "2025-10-01 16:15")]


# Dates that fall away


def test_a_date_that_is_met_is_cancelled_with_the_next_message(begin: Begin) -> None:
    life = quiet(begin("needs"))
    life.do("describe-needs")
    quiet(life)
    life.do("agree-needs", "principal")
    life.do("agree-needs", "staff")
    found = sent(life, "principal")
    assert Sent("CANCEL", "needs-agreed", 1, "2025-08-06 17:00") in found
    life.do("withdraw")
    assert sent(life, "principal") == [], "once is enough"


def test_a_deferral_without_a_day_takes_the_meeting_away(begin: Begin) -> None:
    life = quiet(begin("scheduled"))
    life.do("defer-item", "clock", meeting_on=None)
    assert sent(life, "lead-partner") == [Sent("CANCEL", "board-meeting", 1, "2025-09-17 16:15")]
    life.do("schedule-item", meeting_on="2025-10-01")
    assert sent(life, "lead-partner") == [Sent("REQUEST", "board-meeting", 2, "2025-10-01 16:15")]


def test_with_the_partnership_its_dates_end(begin: Begin) -> None:
    life = quiet(begin("active"))
    open_ = {row["uid"] for row in life.rows(tables.calendar_entries) if not row["cancelled"]}
    life.do("terminate", effective_on="2025-10-02")
    life.tick("2025-10-02 09:00")
    quiet(life)
    for row in life.rows(tables.calendar_entries):
        running = row["name"] == "close-out-due" or row["start"] < life.now
        assert row["cancelled"] is not running, row
    assert open_


def test_a_date_that_has_passed_is_not_cancelled(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    quiet(life).at("2025-08-20").do("withdraw")
    assert sent(life, "principal") == []


# The Board's own calendar


def change(life: Life, kind: str) -> None:
    if kind == "moved":
        life.put(tables.meetings, on=date(2025, 9, 17), at="18:00", kind="regular")
    else:
        day, by = date(2025, 9, 17), "staff@example.org"
        life.system.transact(
            lambda s: directory_changes.remove(s.connection, tables.meetings, day, by=by, now=life.now)
        )


MOVED = Sent("REQUEST", "board-meeting", 1, "2025-09-17 18:00")
OFF = Sent("CANCEL", "board-meeting", 1, "2025-09-17 16:15")


@pytest.mark.parametrize(("kind", "entry"), [("moved", MOVED), ("off", OFF)])
def test_a_meeting_that_is_moved_or_off_is_told_at_once(begin: Begin, kind: str, entry: Sent) -> None:
    life = quiet(begin("scheduled"))
    assert told(life) == []
    change(life, kind)
    assert told(life) == ["rbhs-2025"]
    assert life.told("meeting-changed") == [
        "board-office",
        "lead-partner",
        "principal",
        "staff",
        "superintendent",
    ]
    assert sent(life, "principal") == [entry]
    assert told(life) == [], "once"
    life.person("staff", organization="city-college")
    assert told(life) == [], "another change of the directory is not told again"


def test_a_meeting_that_comes_back_is_told_too(begin: Begin) -> None:
    life = quiet(begin("scheduled"))
    change(life, "off")
    told(life)
    quiet(life)
    life.put(tables.meetings, on=date(2025, 9, 17), at="16:15", kind="regular")
    assert told(life) == ["rbhs-2025"]
    assert sent(life, "principal") == [Sent("REQUEST", "board-meeting", 2, "2025-09-17 16:15")]


def test_whoever_has_the_meeting_in_the_calendar_is_told_even_if_no_row_names_them(begin: Begin) -> None:
    text = '[notice.meeting-changed]\nto = ["board-office"]\n'
    life = quiet(begin("scheduled", text))
    change(life, "off")
    told(life)
    assert life.told("meeting-changed") == [
        "board-office",
        "lead-partner",
        "principal",
        "staff",
        "superintendent",
    ]


def test_a_meeting_that_is_over_is_not_told(begin: Begin) -> None:
    life = quiet(begin("scheduled")).at("2025-09-18 20:00")
    change(life, "moved")
    assert told(life) == []


# Properties


MOVES = st.lists(st.sampled_from(["2025-10-01", "2025-10-15", "2025-11-05", "none", "back"]), max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_a_sequence_never_falls_and_rises_exactly_when_the_date_changes(
    moves: list[str], stations: Stations, settings: Config
) -> None:
    with TemporaryDirectory() as folder:
        life = opened(stations.made("scheduled"), Path(folder), settings)
        life.at("2025-09-03")
        seen: list[Any] = sent(life, "principal")
        for move in moves:
            if move == "none":
                life.do("defer-item", "clock", meeting_on=None)
            elif move == "back":
                life.do("schedule-item", meeting_on="2025-10-01")
            else:
                life.do("schedule-item", meeting_on=move)
            seen += sent(life, "principal")
        life.system.engine.dispose()
    mine = [one for one in seen if one.key == "board-meeting"]
    assert mine[0].sequence == 0
    for before, after in pairwise(mine):
        changed = (before.start, before.method) != (after.start, after.method)
        assert after.sequence == before.sequence + changed


def test_the_bytes_of_a_message_stay_though_the_date_moves_before_it_is_tried_again(begin: Begin) -> None:
    life = quiet(begin("referred"))
    life.do("schedule-item")
    first = Post(lambda to: TemporaryFailure("busy"))
    deliver(life, first)
    life.do("defer-item", meeting_on="2025-10-01")
    again = Post()
    deliver(life, again, datetime(2025, 12, 1, tzinfo=LA))
    kept = {key: content for _, content, key in first.given}
    assert {key: content for _, content, key in again.given if key in kept} == kept
