"""The Board's coming meetings: what is on their agendas, and for whom each is the last that is early enough."""

from __future__ import annotations

from datetime import date, timedelta

from tests.support.district import Begin, Life
from tests.support.facts import MEETING_1
from workflow.rehearsal.agendas import MeetingAhead, list_agendas, list_too_late

SPAN = timedelta(days=90)


def agendas(life: Life) -> list[MeetingAhead]:
    with life.system.reading() as session:
        return list(list_agendas(session, life.now, life.now + SPAN))


def needed(life: Life) -> list[tuple[str, str]]:
    """For which partnership each meeting is the last: to introduce, or to act."""
    meetings = agendas(life)
    first = [(str(each.on), "introduce") for each in meetings for _ in each.last_to_introduce]
    return sorted(first + [(str(each.on), "act") for each in meetings for _ in each.last_to_act])


def too_late(life: Life) -> list[str]:
    with life.system.reading() as session:
        return [about.ref for about in list_too_late(session, life.now, life.now + SPAN)]


def test_an_agenda_names_what_is_on_it(begin: Begin) -> None:
    life = begin("scheduled")
    on = {each.on: [about.ref for about in each.scheduled] for each in agendas(life)}
    assert on[date.fromisoformat(MEETING_1)] == ["rbhs-2025"]
    assert sum(map(len, on.values())) == 1
    assert needed(life) == []


def test_only_regular_meetings_within_the_days_are_there(begin: Begin) -> None:
    life = begin("needs").at("2025-09-10")
    days = [each.on for each in agendas(life)]
    assert days == sorted(days)
    assert (days[0], days[-1]) == (date(2025, 9, 17), date(2025, 12, 3))
    assert date(2025, 9, 24) not in days  # a special one


def test_a_renewal_needs_two_meetings_before_the_agreement_ends(begin: Begin) -> None:
    life = begin("active").at("2026-06-15")  # until August 31
    assert needed(life) == [("2026-08-05", "introduce"), ("2026-08-19", "act")]
    assert too_late(life) == []


def test_with_one_reading_a_renewal_needs_the_last_meeting(begin: Begin) -> None:
    life = begin("active", "[board]\nreadings = 1\n").at("2026-06-15")
    assert needed(life) == [("2026-08-19", "act")]


def test_when_no_agenda_in_time_is_open_it_is_too_late(begin: Begin) -> None:
    life = begin("active").at("2026-08-24")
    assert too_late(life) == ["rbhs-2025"]


def test_what_a_later_calendar_may_solve_is_not_too_late_yet(begin: Begin) -> None:
    life = begin("active").at("2025-10-01")
    life.run("DELETE FROM meetings")
    assert too_late(life) == []


def test_what_ends_needs_no_meeting(begin: Begin) -> None:
    assert needed(begin("ending")) == []


def test_an_agreement_that_the_board_need_not_approve_needs_no_meeting(begin: Begin) -> None:
    assert needed(begin("drafted")) == []
    assert too_late(begin("drafted")) == []


def test_an_item_without_a_meeting_needs_those_before_the_start(begin: Begin) -> None:
    life = begin("referred")
    starts = life.facts.agreement.starts_on  # type: ignore[union-attr]
    before = [each.on for each in agendas(life) if each.on <= starts]
    assert {day for day, _ in needed(life)} <= {str(day) for day in before}
    assert bool(needed(life)) != bool(too_late(life))


def test_a_wanted_first_day_needs_meetings_before_it(begin: Begin) -> None:
    life = begin("needs").at("2025-08-25")
    assert needed(life) == []
    life.do("want-start", on="2025-11-10")
    assert needed(life) == [("2025-10-15", "introduce"), ("2025-11-05", "act")]
