"""The office's desk: every partnership, the longest overdue first, with whom it waits for, and filters by links."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import event

from states.names import Role
from tests.support.district import Begin, Life
from tests.support.visitor import page_of
from workflow.views import desk
from workflow.views.desk import Line, Listing

DESK = "desk.partnerships(listing, '/me/partnerships/')"


def listing(life: Life, role: Role = Role.STAFF, **values: str) -> Listing:
    with life.system.reading() as session:
        return desk.partnerships(session, role, life.now, desk.read_filters(session, values))


def refs(life: Life, **values: str) -> list[str]:
    return [line.ref for line in listing(life, **values).lines]


@pytest.fixture
def district(begin: Begin) -> Life:
    """Three partnerships: one overdue, one with a call that is open, one before the Board."""
    life = begin("referred")
    life.another("late").to("needs").do("describe-needs")
    life.at("2025-09-10")
    life.another("early").do("identify-needs")
    life.tick()
    return life


def line(life: Life, ref: str, role: Role = Role.STAFF) -> Line:
    (found,) = [line for line in listing(life, role).lines if line.ref == ref]
    return found


def test_the_longest_overdue_comes_first(district: Life) -> None:
    assert refs(district) == ["late", "rbhs-2025", "early"]


def test_a_line_says_state_since_deadlines_and_whom_it_waits_for(district: Life) -> None:
    late = line(district, "late")
    assert (late.school, late.state) == ("Franklin School", "needs-identified")
    assert [due.label for due in late.overdue] == ["Agree to the statement of needs"]
    assert {(one.name, one.role) for one in late.awaited} == {
        ("Franklin principal", "principal"),
        ("Staff", "staff"),
    }
    early = line(district, "early")
    assert early.overdue == ()
    assert early.next is not None
    assert early.next.label == "Agree to the statement of needs"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"state": "board-review"}, ["rbhs-2025"]),
        ({"school": "franklin"}, ["late", "early"]),
        ({"overdue": "yes"}, ["late", "rbhs-2025"]),
        ({"waiting": "board-office"}, ["rbhs-2025"]),
        ({"waiting": "principal", "overdue": "yes"}, ["late"]),
        ({"waiting": "reviewer"}, []),
        ({"page": "2"}, []),
    ],
)
def test_a_filter_shows_only_what_it_names(
    district: Life, values: Mapping[str, str], expected: list[str]
) -> None:
    assert refs(district, **values) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("state", "nowhere"), ("school", "x' OR 1"), ("overdue", "no"), ("waiting", "clock"),
     ("page", "0"), ("page", "-1"), ("page", "9" * 30), ("page", "٣")],
)  # fmt: skip
def test_an_unknown_value_is_ignored_and_said(district: Life, name: str, value: str) -> None:
    shown = listing(district, **{name: value})
    assert len(shown.lines) == 3
    assert len(shown.filters.ignored) == 1
    assert value in shown.filters.ignored[0]
    assert "so " in page_of(district, DESK, listing=shown).said


def test_a_key_that_is_no_filter_changes_nothing(district: Life) -> None:
    assert listing(district, sort="ref").filters == desk.Filters()


def test_a_filter_keeps_the_others_and_begins_at_the_first_page(district: Life) -> None:
    filters = desk.Filters(state="active", school="franklin", page=3)
    assert filters.query(school="garfield") == "state=active&school=garfield"
    assert filters.query(page=4) == "state=active&school=franklin&page=4"


def test_a_page_has_fifty_and_says_whether_there_are_more(
    district: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "PAGE", 2)
    first, second = listing(district), listing(district, page="2")
    assert [line.ref for line in first.lines + second.lines] == ["late", "rbhs-2025", "early"]
    assert (first.previous, first.next) == (None, "page=2")
    assert (second.previous, second.next) == ("page=1", None)


def count_queries(life: Life, **values: str) -> int:
    seen: list[str] = []
    listen = lambda *args: seen.append(args[2])  # noqa: E731
    event.listen(life.system.engine, "before_cursor_execute", listen)
    listing(life, **values)
    event.remove(life.system.engine, "before_cursor_execute", listen)
    return len(seen)


@pytest.mark.parametrize("values", [{}, {"waiting": "principal"}, {"overdue": "yes"}])
def test_the_number_of_queries_does_not_grow_with_the_partnerships(
    district: Life, values: Mapping[str, str]
) -> None:
    before = count_queries(district, **values)
    for number in range(12):
        district.another(f"more-{number}").do("identify-needs")
    assert count_queries(district, **values) == before


def test_the_number_of_queries_does_not_grow_with_what_is_not_shown(
    district: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "PAGE", 1)
    before = count_queries(district)
    for number in range(5):
        district.another(f"more-{number}").do("identify-needs")
    assert count_queries(district) == before


def test_a_record_that_cannot_be_read_keeps_no_other_from_the_desk(district: Life) -> None:
    district.run("UPDATE partnerships SET facts = '{' WHERE ref = 'late'")
    broken = line(district, "late")
    assert broken.problem == "Its record cannot be read. Run partnershipctl verify."
    assert len(listing(district).lines) == 3


@pytest.mark.parametrize("role", [role for role in Role if role not in desk.READERS])
def test_other_roles_have_no_desk(district: Life, role: Role) -> None:
    with pytest.raises(LookupError):
        listing(district, role)


def test_only_staff_and_the_superintendent_read_who_has_left(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    life.person("principal", active=False)
    sentences = {
        role: {one.name for one in line(life, "rbhs-2025", role).awaited if one.role == "principal"}
        for role in desk.READERS
    }
    assert sentences[Role.STAFF] == sentences[Role.SUPERINTENDENT] != sentences[Role.BOARD_OFFICE]
    assert sentences[Role.BOARD_OFFICE] == {"Nobody holds this role."}


def test_the_page_marks_the_present_filter_and_links_each_partnership(district: Life) -> None:
    shown = listing(district, state="board-review", overdue="yes")
    page = page_of(district, DESK, listing=shown)
    current = [tag["href"] for name, tag in page.tags if name == "a" and tag.get("aria-current") == "true"]
    # The present value of each of the four filters.
    assert current == ["?state=board-review&overdue=yes#desk"] * 4
    assert "/me/partnerships/rbhs-2025" in page.links
    assert "Overdue" in page.said
