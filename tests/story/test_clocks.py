"""The nights in which the clocks change: due times stay at 17:00 by the clock on the wall."""

from __future__ import annotations

from tests.story.past import Past
from tests.support.office import REF, Office


def test_a_call_closes_at_17_00_on_the_day_that_summer_time_ends(office: Office) -> None:
    office.at("2025-10-27").take_in(Past().applied("2025-11-02"))
    (closing,) = [one for one in office.show()["deadlines"] if one["kind"] == "due"]
    assert closing["due_at"] == "2025-11-02T17:00:00-08:00"
    assert office.at("2025-11-02 16:58").daemon() == []
    office.letters()
    assert office.at("2025-11-02 17:00").daemon() == [f"{REF} close-applications -> open-selection"]
    assert "lead-partner" in office.letters()


def test_a_reminder_comes_at_17_00_on_the_day_that_summer_time_begins(office: Office) -> None:
    past = Past().active()
    for day in ("2025-10-01", "2025-12-01", "2026-02-01"):
        past.on(day).did("record-meeting", "lead-partner", on=day)
        if day == "2025-10-01":
            past.did("record-assessment", "lead-partner", on=day)
    past.on("2026-02-06").did("open-annual-review", "staff")
    office.at("2026-02-07").take_in(past)
    assert [
        (one["kind"], one["due_at"])
        for one in office.show()["deadlines"]
        if one["name"] == "report-due" and one["kind"] != "escalate"
    ] == [
        ("remind", "2026-02-23T17:00:00-08:00"),
        ("remind", "2026-03-02T17:00:00-08:00"),
        ("remind", "2026-03-08T17:00:00-07:00"),
        ("due", "2026-03-09T17:00:00-07:00"),
    ]
    office.at("2026-03-08 16:58").daemon()
    assert office.letters() == ["lead-partner"]  # a week's warning, late
    office.at("2026-03-08 17:00").daemon()
    assert office.letters() == ["lead-partner"]
    assert office.notices() == ["report-due: lead-partner", "report-due: lead-partner"]
