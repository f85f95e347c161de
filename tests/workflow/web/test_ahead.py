"""The page with the next 90 days: for those who have a desk, and never a reason to wait."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from states.names import Role
from tests.support.district import Life
from tests.support.facts import PEOPLE
from tests.support.visitor import Seen, Visit, Visitor
from workflow.directory import DISTRICT_ROLES
from workflow.rehearsal.ahead import Ahead, Series, look_ahead
from workflow.rehearsal.background import Background, NotWorkedOut
from workflow.session import System

STAFF = PEOPLE[Role.STAFF]


class Office(Visitor):
    """A visitor to whose page the days ahead are worked out when the test says so."""

    def __init__(self, life: Life, work: Callable[..., Ahead] = look_ahead) -> None:
        self.waiting: list[Callable[[], None]] = []
        super().__init__(life, Background(work, self.waiting.append))

    def finish(self) -> Seen:
        """Let the work be done, and look again."""
        while self.waiting:
            self.waiting.pop()()
        return self.get("/me/ahead")


def office(visit: Visit, station: str, when: str | None = None, who: str = STAFF) -> Office:
    life = visit(station).life
    visitor = Office(life.at(when) if when else life)
    visitor.sign_in(who)
    return visitor


@pytest.mark.parametrize("role", DISTRICT_ROLES)
def test_the_desk_leads_to_it(visit: Visit, role: Role) -> None:
    visitor = Office(visit("applied").life)
    page = visitor.sign_in(PEOPLE[role])
    (address,) = [link for link in page.page.links if link.endswith("/me/ahead")]
    assert visitor.get(visitor.path_of(address)).status == 200
    assert visitor.finish().status == 200


@pytest.mark.parametrize("who", [PEOPLE[Role.PRINCIPAL], "reviewer-1@example.org", "applicant@example.org"])
def test_who_has_no_desk_has_no_such_page(visit: Visit, who: str) -> None:
    visitor = Office(visit("applied").life)
    page = visitor.sign_in(who)
    assert not [link for link in page.page.links if "ahead" in link]
    assert visitor.get("/me/ahead").status == 404
    assert visitor.waiting == []


def test_who_is_not_signed_in_is_asked_to(visit: Visit) -> None:
    visitor = Office(visit("applied").life)
    seen = visitor.get("/me/ahead")
    assert (seen.status, seen.headers["Location"]) == (303, visitor.life.system.config.address("me"))
    assert visitor.waiting == []


def test_the_first_visitor_reads_that_it_is_being_worked_out(visit: Visit) -> None:
    visitor = office(visit, "applied")
    seen = visitor.get("/me/ahead")
    assert seen.status == 200
    assert "This page is being worked out." in seen.said
    assert "Load this page again" in seen.said
    # A page that loads itself again takes it from who reads slowly (WCAG 2.2.1).
    assert not [given for tag, given in seen.page.tags if tag == "meta" and "http-equiv" in given]
    assert "Refresh" not in seen.headers
    assert "being worked out" not in visitor.finish().said


def test_it_says_as_of_when_it_is_and_that_nobody_acts(visit: Visit) -> None:
    visitor = office(visit, "applied", "2025-08-11")
    visitor.get("/me/ahead")
    said = visitor.finish().said
    assert "Worked out on Monday, August 11, 2025, 9:00 a.m. PDT, for the days until Sunday," in said
    assert "It assumes that nobody acts" in said
    assert "Score the applications : Friday, August 29, 2025, 5:00 p.m. PDT" in said
    assert "Rainier Beach School" in said


def test_after_a_change_the_last_one_is_shown_while_it_is_worked_out_anew(visit: Visit) -> None:
    visitor = office(visit, "needs")
    visitor.get("/me/ahead")
    visitor.finish()
    visitor.life.do("describe-needs")
    said = visitor.get("/me/ahead").said
    assert "This page is worked out anew when somebody opens it more than 10 minutes after" in said
    visitor.life.now += timedelta(minutes=20)
    said = visitor.get("/me/ahead").said
    assert "This page is being worked out anew." in said
    assert "Worked out on Monday, July 7, 2025, 9:00 a.m. PDT" in said
    assert "being worked out anew" not in visitor.finish().said


def test_a_failure_is_shown(visit: Visit) -> None:
    def work(system: System, now: object) -> Ahead:
        raise NotWorkedOut("a reason for the log")

    visitor = Office(visit("needs").life, work)
    visitor.sign_in(STAFF)
    visitor.get("/me/ahead")
    seen = visitor.finish()
    assert seen.status == 200
    assert "this page could not be worked out. The log of the program says why." in seen.said
    assert "a reason for the log" not in seen.said


def test_each_chart_has_a_table_with_the_same_numbers(visit: Visit) -> None:
    visitor = office(visit, "active", "2026-06-15")
    visitor.get("/me/ahead")
    text = visitor.finish().page.text
    ahead = look_ahead(visitor.life.system, visitor.life.now)
    charts = re.findall(r"<svg.*?</svg>", text, re.S)
    drawn = [tuple(map(int, re.findall(r">(\d+)(?:, more than usual)?</text>", chart))) for chart in charts]
    order = (Series.DUE, Series.MESSAGES, Series.REVIEWS, Series.REPORTS, Series.ENDS)
    assert drawn == [ahead.weekly[series].counts for series in order]
    due, people, _, years = re.findall(r"<table.*?</table>", text, re.S)
    assert list(zip(*numbers_of(due), strict=True)) == [ahead.weekly[Series.DUE].counts]
    assert list(zip(*numbers_of(years), strict=True)) == [ahead.weekly[series].counts for series in order[2:]]
    messages = [ahead.weekly[Series.MESSAGES].counts, *(person.counts for person in ahead.people)]
    assert numbers_of(people) == [(*counts, sum(counts)) for counts in messages]


def numbers_of(table: str) -> list[tuple[int, ...]]:
    """The numbers in each row of a table below its head."""
    rows = re.findall(r"<tr.*?</tr>", table, re.S)[1:]
    return [tuple(map(int, re.findall(r"<td[^>]*>(\d+)</td>", row))) for row in rows]


def test_a_busy_week_is_named_in_words_and_not_by_color_alone(visit: Visit) -> None:
    visitor = office(visit, "applied", "2025-08-11")
    visitor.life.another("second").to("applied")
    visitor.life.at("2025-08-11")
    visitor.get("/me/ahead")
    said = visitor.finish().said
    assert "Week of August 11: 2 dates that fall due . An average week has 0.5." in said
    assert "2, more than usual" in said


def test_the_meetings_name_what_they_carry(visit: Visit) -> None:
    visitor = office(visit, "scheduled")
    visitor.get("/me/ahead")
    said = visitor.finish().said
    assert "On its agenda: 1" in said
    assert "Last to act: none" in said


def test_it_names_nobody_who_applied(visit: Visit) -> None:
    visitor = office(visit, "applied", "2025-08-11")
    visitor.get("/me/ahead")
    text = visitor.finish().page.text
    assert "Messages of each person in each week" in text
    assert "Applicant" not in text.replace("as applicants", "")
    assert "applicant@example.org" not in text
