"""How far the steps towards a wanted first day have got, and when the next one is too late."""

from __future__ import annotations

from datetime import datetime

from states.partnership import PlannedStep, WantedStart
from states.starting import next_limit, next_step
from tests.support.facts import LA, MEETING_1, Life, instant

DAYS = {
    "agree": "2025-07-10 17:00", "open": "2025-07-10 17:00", "close": "2025-08-15 17:00",
    "choose": "2025-08-29 17:00", "refer": "2025-09-05 17:00", "agenda": "2025-09-05 17:00",
    "introduce": f"{MEETING_1} 16:15", "act": "2025-10-01 16:15", "start": "2025-10-06 17:00",
}  # fmt: skip


def wanting(station: str, **days: str | None) -> Life:
    steps = tuple(
        PlannedStep(name=name, by=instant(by) if by else None) for name, by in (DAYS | days).items()
    )
    at = datetime(2025, 7, 8, 9, tzinfo=LA)
    life = Life().to(station)
    return life.but(wanted=WantedStart(on=at.date(), at=at, steps=steps))


def following(life: Life) -> tuple[str | None, str | None]:
    """The next step and its last instant."""
    step, limit = next_step(life.facts), next_limit(life.facts)
    return step and step.name, limit and f"{limit.astimezone(LA):%Y-%m-%d %H:%M}"


def test_the_next_step_is_the_first_that_is_not_done():
    assert following(wanting("needs")) == ("agree", DAYS["agree"])
    assert following(wanting("needs-agreed")) == ("open", DAYS["open"])
    assert following(wanting("closed")) == ("choose", DAYS["choose"])
    assert following(wanting("agreed")) == ("refer", DAYS["refer"])
    assert following(wanting("referred")) == ("agenda", DAYS["agenda"])
    assert following(wanting("approved")) == (None, None)


def test_a_call_that_closes_in_time_and_a_meeting_on_the_agenda_need_nobody():
    assert following(wanting("open")) == ("choose", DAYS["choose"])
    # Both readings are recorded after the meeting, so the step after it comes next.
    assert following(wanting("scheduled")) == ("act", DAYS["act"])
    assert following(wanting("introduced")) == ("start", DAYS["start"])


def test_what_can_only_come_too_late_was_too_late_when_it_was_recorded():
    late = wanting("open", close="2025-08-14 17:00")
    assert late.facts.selection is not None
    opened = late.facts.selection.opened_at
    assert following(late) == ("close", f"{max(opened, late.facts.wanted.at).astimezone(LA):%Y-%m-%d %H:%M}")
    # The choice of 20 August can be protested against until the 27th.
    assert following(wanting("agreed", refer="2025-08-27 12:00")) == ("refer", "2025-08-20 09:00")


def test_where_no_meeting_is_early_enough_it_was_too_late_when_the_day_was_recorded():
    unknown = dict.fromkeys(DAYS)
    assert following(wanting("needs", **unknown)) == ("agree", "2025-07-08 09:00")


def test_without_a_wanted_day_there_is_no_next_step():
    assert following(Life().to("needs")) == (None, None)
