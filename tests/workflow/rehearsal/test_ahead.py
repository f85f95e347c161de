"""The next 90 days, as a rehearsal in which nobody acts counts them."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import pytest

from states.names import Role
from tests.support.district import Begin, Life
from tests.support.facts import PEOPLE
from workflow.actions import applications
from workflow.rehearsal.ahead import SPAN, Ahead, Series, find_busy, look_ahead
from workflow.rehearsal.happenings import Kind
from workflow.rehearsal.rehearse import rehearse
from workflow.store import loading


def ahead(life: Life) -> Ahead:
    return look_ahead(life.system, life.now)


def save_draft(life: Life, email: str) -> None:
    """Let somebody save an application that they do not send."""
    values = applications.read_form({"name": "Rainier Youth", "diversity": "a text"})
    with life.system.reading() as session:
        record = loading.load(session.connection, [life.ref])[life.ref]
    life.system.transact(lambda session: applications.save(session, record, email, values, life.now))


def test_what_falls_due_stands_in_its_week_with_its_partnership(begin: Begin) -> None:
    seen = ahead(begin("applied").at("2025-08-11"))
    assert seen.weeks[0] == date(2025, 8, 11)
    assert len(seen.weeks) == 13
    # The call closes on August 15, ten business days later scores are due, and after twenty the choice.
    assert [(each.label, each.week, each.asks) for each in seen.due] == [
        ("The call closes", 0, False),
        ("Score the applications", 2, True),
        ("Choose the Lead Partner", 5, True),
    ]
    assert {(each.about.ref, each.about.school) for each in seen.due} == {
        ("rbhs-2025", "Rainier Beach School")
    }
    assert seen.weekly[Series.DUE].counts == (1, 0, 1, 0, 0, 1, *[0] * 7)


def test_what_was_due_before_is_not_ahead(begin: Begin) -> None:
    seen = ahead(begin("closed").at("2025-09-08"))
    assert [each.label for each in seen.due] == ["Choose the Lead Partner"]


def test_nothing_is_written(begin: Begin) -> None:
    life = begin("applied")
    before = life.dump()
    assert ahead(life).due
    assert life.dump() == before


def test_messages_are_those_of_a_rehearsal(begin: Begin) -> None:
    life = begin("closed")
    seen = ahead(life)
    happenings = rehearse(life.system, life.now, life.now + SPAN).happenings
    notices = [each for each in happenings if each.kind is Kind.NOTICE]
    told = Counter(each.who for each in notices if each.role not in (Role.APPLICANT, Role.PUBLIC))
    assert {person.email: sum(person.counts) for person in seen.people} == told
    staff = next(person for person in seen.people if person.email == PEOPLE[Role.STAFF])
    assert (staff.name, staff.role) == ("Staff", "staff")
    weeks = Counter(
        (each.at.astimezone(life.now.tzinfo).date() - seen.weeks[0]).days // 7
        for each in notices
        if each.who == staff.email
    )
    assert staff.counts == tuple(weeks[number] for number in range(len(seen.weeks)))
    assert seen.weekly[Series.MESSAGES].counts == tuple(
        map(sum, zip(*(person.counts for person in seen.people), strict=True))
    )


def test_nobody_learns_from_it_who_applied(begin: Begin) -> None:
    life = begin("applied").at("2025-08-11")
    happenings = rehearse(life.system, life.now, life.now + SPAN).happenings
    assert {each.who for each in happenings if each.role == Role.APPLICANT} >= {"applicant@example.org"}
    assert not {"applicant@example.org", "lead-partner@example.org"} & {
        each.email for each in ahead(life).people
    }
    assert "applicant@example.org" not in ahead(life).model_dump_json()


def test_nobody_learns_from_it_who_saved_an_application(begin: Begin) -> None:
    life = begin("open").at("2025-07-28")
    before = ahead(life)
    save_draft(life, "draft-author@example.org")
    happenings = rehearse(life.system, life.now, life.now + SPAN).happenings
    assert [each.name for each in happenings if each.hidden] == [
        "draft-unsent"
    ] * 4  # 7, 3 and 1 days before, and at the end
    assert ahead(life) == before


def test_reviews_reports_and_ends_are_counted_in_their_weeks(begin: Begin) -> None:
    seen = ahead(begin("active").at("2026-06-15"))
    counted = {name: [at for at, count in enumerate(seen.weekly[name].counts) if count] for name in Series}
    # Review on July 2, report on August 3, end at midnight after Monday, August 31.
    assert counted[Series.REVIEWS] == [2]
    assert counted[Series.REPORTS] == [7]
    assert counted[Series.ENDS] == [11]


def test_midnight_after_a_sunday_belongs_to_its_week(begin: Begin) -> None:
    life = begin("drafted")
    life.do("draft-agreement", starts_on="2025-09-15", ends_on="2026-03-01")  # a Sunday
    life.at("2025-08-28")
    for role in ("staff", "lead-partner"):
        life.do("sign-agreement", role)
    life.at("2025-09-10").do("activate")
    seen = ahead(life.at("2026-02-16"))
    assert [
        week for week, count in zip(seen.weeks, seen.weekly[Series.ENDS].counts, strict=True) if count
    ] == [date(2026, 2, 23)]


@pytest.mark.parametrize(
    ("counts", "busy"),
    [
        ((0, 0, 0), ()),
        ((1, 0, 0, 0), ()),
        ((2, 0, 0, 0), (0,)),
        ((2, 2, 2), ()),
        ((3, 1, 1, 1), ()),
        ((9, 1, 1, 1), (0,)),
    ],
)
def test_a_week_is_busy_with_two_and_more_than_twice_the_average(
    counts: tuple[int, ...], busy: tuple[int, ...]
) -> None:
    assert find_busy(counts) == busy


def test_an_empty_district_has_nothing_ahead(begin: Begin) -> None:
    life = begin(None, "[summary]\nroles = []\n")
    seen = ahead(life)
    assert (seen.due, seen.people, seen.too_late) == ((), (), ())
    assert all(not sum(weekly.counts) for weekly in seen.weekly.values())
    assert seen.until - seen.begin == timedelta(days=90)


def test_it_is_the_same_after_it_was_written_and_read(begin: Begin) -> None:
    seen = ahead(begin("scheduled"))
    assert Ahead.model_validate_json(seen.model_dump_json()) == seen
    assert isinstance(seen.begin, datetime)
