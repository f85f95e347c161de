"""The sheet of scores: what to score by, sums, half a sheet saved for its reviewer alone, answers checked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from states.inputs import ABILITIES
from tests.support.facts import CBO, COLLEGE
from tests.support.visitor import Seen, Visit, Visitor, count
from workflow.actions import kept_forms

HALF = {f"{CBO}/scores.diversity": "4", f"{CBO}/comment": "so far"}


def scores(organization: str, score: str = "4", comment: str = "good") -> dict[str, str]:
    given = {f"{organization}/scores.{ability}": score for ability in ABILITIES}
    return given | {f"{organization}/comment": comment}


def saved(visitor: Visitor, path: str, **typed: str) -> Seen:
    """Save a sheet, and return the page that its link shows then."""
    return visitor.send(path, visitor.get(path).form, "save", **typed)


def test_the_sheet_has_the_needs_the_abilities_and_the_points_beside_it(visit: Visit) -> None:
    visitor = visit("closed")
    statement = visitor.life.facts.needs.statement
    assert statement is not None
    said = visitor.get(visitor.link("score-application")).said
    assert all(need in said for need in statement.needs + statement.goals)
    assert "Clear examples with results" in said
    assert said.count("Brings families, staff and partners to one table") == 2  # once in each application
    assert "0 of 2 scored" in said


def test_it_says_how_many_are_scored_and_what_each_got(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    visitor.do(path, **scores(CBO))
    said = visitor.get(path).said
    assert "1 of 2 scored" in said
    assert "On record: 20 of 25" in said
    assert "20 of 25 points" in said


@pytest.mark.promise("half-a-sheet")
def test_half_a_sheet_is_saved_and_comes_back_and_nobody_counts_it(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    before = visitor.life.dump()
    seen = saved(visitor, path, **HALF)
    assert (seen.status, visitor.life.dump()) == (200, before)
    assert "Saved, not recorded" in seen.said
    assert "4 of 25 points , 1 of 5 abilities scored" in seen.said
    assert seen.form.texts[f"{CBO}/comment"] == ["so far"]
    # Another message, such as a reminder, leads to the same sheet.
    assert visitor.get(visitor.link("score-application")).form.texts[f"{CBO}/scores.diversity"] == ["4"]
    selection = visitor.life.facts.selection
    assert selection is not None
    assert selection.scores == ()


@pytest.mark.promise("half-a-sheet")
def test_nobody_but_the_reviewer_sees_what_was_saved(visit: Visit) -> None:
    visitor = visit("closed")
    saved(visitor, visitor.link("score-application"), **HALF)
    other = visitor.get(visitor.link("score-application", to="reviewer-2@example.org"))
    assert other.form.texts[f"{CBO}/comment"] == [""]
    assert "Saved, not recorded" not in other.said
    assert "so far" not in visitor.get(visitor.link("", "staff")).said


def test_a_sheet_that_is_recorded_is_no_longer_saved(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    saved(visitor, path, **HALF)
    visitor.do(path, **scores(CBO))
    assert "Saved, not recorded" not in visitor.get(path).said
    assert count(visitor.life, "kept_forms") == 0


@pytest.mark.promise("nobody-filled-in", "half-a-sheet")
def test_a_saved_sheet_is_not_recorded_by_a_program_that_only_opens_it(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    form = saved(visitor, path, **scores(CBO)).form
    before = visitor.life.dump()
    for button in ("act", "save", "record"):
        visitor.post(path, form.texts | {"do": [button]})
        assert visitor.life.dump() == before
    assert visitor.post(path, form.texts | {"do": ["act"], "confirm": ["yes"]}).status == 303
    assert visitor.events()[-1] == "score-application"


def test_an_empty_sheet_is_not_saved(visit: Visit) -> None:
    visitor = visit("closed")
    seen = saved(visitor, visitor.link("score-application"))
    assert "Saved, not recorded" not in seen.said
    assert count(visitor.life, "kept_forms") == 0


def test_a_comment_that_is_too_long_to_save_says_the_limit_and_stays(visit: Visit) -> None:
    visitor = visit("closed")
    seen = saved(visitor, visitor.link("score-application"), **{f"{CBO}/comment": "x" * 20_001})
    assert seen.status == 422
    assert "20,001 characters, where 20,000 fit" in seen.said
    assert len(seen.form.texts[f"{CBO}/comment"][0]) == 20_001


def test_a_saved_sheet_stays_for_ninety_days(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    saved(visitor, path, **HALF)
    for days, comment in ((59, "so far"), (31, "")):
        visitor.life.now += timedelta(days=days)
        path = visitor.link("score-application")
        assert visitor.get(path).form.texts[f"{CBO}/comment"] == [comment]
    assert timedelta(days=90) == kept_forms.FOR_A_TERM


def test_the_scores_are_shown_with_their_sums_before_they_are_recorded(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    data = visitor.filled(visitor.get(path).form, **scores(CBO), **{f"{COLLEGE}/conflict/reason": "a cousin"})
    before = visitor.life.dump()
    page = visitor.follow(visitor._seen(path, visitor.client.post(path, data=data)))
    assert visitor.life.dump() == before
    assert "Harbor House 4 4 4 4 4 20" in page.said
    assert "City College Conflict of interest, so you do not score it a cousin" in page.said
    assert any(f"../form/{page.form.texts['form'][0]}#f-" in link for link in page.page.links)
