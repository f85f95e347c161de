"""Three days without the daemon, over a closing date, a Board meeting and the day a report was due."""

from __future__ import annotations

from typing import Any

import pytest

from tests.story.past import Past
from tests.support.office import Office, minute

CALL, ITEM, REPORT = "rbhs-2025", "fhs-2025", "ghs-2025"


def rungs(office: Office, ref: str, name: str) -> list[tuple[str, str, str]]:
    """The kind, due time and status of each rung of a deadline."""
    found: list[dict[str, Any]] = office.ctl("deadlines", ref, "--all")
    mine = [one for one in found if one["name"] == name]
    return [(one["kind"], minute(one["due_at"]), one["status"]) for one in mine]


@pytest.mark.promise("deadline-fires-once")
def test_after_three_days_off_everything_happens_once_and_in_order(office: Office) -> None:
    call = Past(CALL).applied("2025-10-07")
    item = Past(ITEM, "franklin").referred().did("schedule-item", "board-office", meeting_on="2025-10-08")
    report = Past(REPORT, "garfield").active().on("2025-09-08").did("open-annual-review", "staff")
    office.at("2025-09-09").take_in(call, item, report)
    assert office.at("2025-10-07").daemon() == []  # the last look before the machine is off
    office.letters()

    assert office.at("2025-10-10 12:30").daemon() == [
        f"{CALL} close-applications -> open-selection",
        f"{ITEM} defer-item -> board-review",
    ]
    letters = office.letters()
    assert office.at("2025-10-10 12:35").daemon() == []
    assert office.letters() == []

    assert office.history(CALL)[-1] == "2025-10-10 12:30 close-applications by clock"
    assert office.history(ITEM)[-1] == "2025-10-10 12:30 defer-item by clock"
    assert office.show(ITEM)["facts"]["board"]["item"]["meeting_on"] == "2025-11-19"
    panel = "reviewer-1, reviewer-2, reviewer-3"
    assert office.notices(CALL)[-1] == f"close-applications: lead-partner, principal, {panel}, staff"
    assert (
        office.notices(ITEM)[-1]
        == "defer-item: board-office, franklin-principal, lead-partner, staff, superintendent"
    )
    assert office.notices(REPORT)[-1] == "report-due: lead-partner"
    assert len(letters) == 6 + 5 + 1
    assert rungs(office, REPORT, "report-due")[-6:] == [
        ("remind", "2025-10-07 17:00", "skipped"),
        ("due", "2025-10-08 17:00", "skipped"),
        ("escalate", "2025-10-09 17:00", "fired"),
        ("escalate", "2025-10-10 17:00", "open"),
        ("escalate", "2025-10-11 17:00", "open"),
        ("escalate", "2025-10-12 17:00", "open"),
    ]
    assert rungs(office, ITEM, "decision-recorded")[:2] == [
        ("remind", "2025-10-08 19:00", "skipped"),
        ("due", "2025-10-10 12:00", "fired"),
    ]
