"""What goes before the Board: a large agreement in two readings, an item that is deferred, an amendment."""

from __future__ import annotations

import pytest

from tests.story.past import LARGE, Past
from tests.support.office import REF, Office

FIRST, SECOND, THIRD, FOURTH = "2025-09-17", "2025-10-08", "2025-11-19", "2025-12-10"


def test_a_large_agreement_is_introduced_at_one_meeting_and_approved_at_the_next(office: Office) -> None:
    office.at("2025-08-13").take_in(Past().drafted(**{**LARGE, "ends_on": "2026-11-01"}))
    refused = office.do("sign-agreement", "staff", signed_on="2025-08-13", status=1)
    assert refused.unmet == {"board-need-not-act-a": "4270.9a", "board-need-not-act-c": "4270.9c"}
    step = office.do("refer-to-board", "staff")
    assert (step.state, step.due) == ("board-review", {"item-scheduled": "2025-08-20 17:00"})
    step = office.do("schedule-item", "board-office", meeting_on=FIRST)
    assert step.due == {"agenda-packet": "2025-09-05 17:00", "decision-recorded": "2025-09-19 12:00"}
    assert office.at("2025-09-05 17:00").daemon() == []
    refused = office.at(f"{FIRST} 18:00").do("approve", "board-office", meeting_on=FIRST, status=1)
    assert refused.unmet == {"readings-done": "4270.9"}
    office.do("introduce-item", "board-office", meeting_on=FIRST)
    step = office.do("schedule-item", "board-office", meeting_on=SECOND)
    assert step.due == {"agenda-packet": "2025-09-26 17:00", "decision-recorded": "2025-10-10 12:00"}
    step = office.at(f"{SECOND} 18:00").do("approve", "board-office", meeting_on=SECOND)
    assert step.state == "active"
    assert step.due == {
        "assessment-due": "2026-11-02 17:00",
        "agreement-signed": "2025-11-07 17:00",
        "meeting-due": "2026-01-02 17:00",
        "renewal-decision": "2026-07-02 17:00",
        "annual-review-opens": "2026-09-02 17:00",
        "agreement-ends": "2026-11-02 00:00",
    }
    office.at("2025-10-10").do("sign-agreement", "lead-partner", signed_on="2025-10-10")
    step = office.do("sign-agreement", "staff", signed_on="2025-10-10")
    assert "agreement-signed" not in step.due
    assert office.daemon() == []
    assert office.history()[16:] == [
        "2025-08-13 09:02 refer-to-board by staff -> board-review",
        "2025-08-13 09:03 schedule-item by board-office",
        "2025-09-17 18:01 introduce-item by board-office",
        "2025-09-17 18:02 schedule-item by board-office",
        "2025-10-08 18:00 approve by board-office -> active",
        "2025-10-10 09:00 sign-agreement by lead-partner",
        "2025-10-10 09:01 sign-agreement by staff",
    ]
    assert office.notices() == [
        "refer-to-board: board-office, lead-partner, principal, superintendent",
        "schedule-item: board-office, lead-partner, principal, staff, superintendent",
        "agenda-packet: board-office, staff",
        "introduce-item: board-office, lead-partner, principal, staff, superintendent",
        "schedule-item: board-office, lead-partner, principal, staff, superintendent",
        "approve: board-office, lead-partner, principal, staff, superintendent",
        "sign-agreement: staff",
        "sign-agreement: board-office, lead-partner, principal, staff, superintendent",
    ]


def test_an_item_on_which_nothing_is_recorded_is_deferred_by_the_clock_again_and_again(
    office: Office,
) -> None:
    past = Past().referred().did("schedule-item", "board-office", meeting_on=FIRST)
    office.at("2025-08-14").take_in(past)
    assert office.at("2025-09-19 11:58").daemon() == []
    assert office.letters() == ["board-office", "board-office", "staff"]  # the packet; what was decided?
    assert office.daemon() == []
    assert office.at("2025-09-19 12:00").daemon() == [f"{REF} defer-item -> board-review"]
    assert office.letters() == ["board-office", "lead-partner", "principal", "staff", "superintendent"]
    assert office.at("2025-10-10 12:00").daemon() == [f"{REF} defer-item -> board-review"]
    shown = office.show()
    item = shown["facts"]["board"]["item"]
    assert (item["deferred"], item["meeting_on"], item["meeting_at"][11:]) == (2, THIRD, "16:15:00-08:00")
    assert shown.due == {"agenda-packet": "2025-11-07 17:00", "decision-recorded": "2025-11-21 12:00"}
    office.at(f"{THIRD} 19:00").do("introduce-item", "board-office", meeting_on=THIRD, immediate_action=True)
    assert office.do("approve", "board-office", meeting_on=THIRD).state == "active"
    assert office.at("2025-11-21 12:00").daemon() == []
    assert office.history()[17:] == [
        "2025-08-13 09:01 schedule-item by board-office",
        "2025-09-19 12:00 defer-item by clock",
        "2025-10-10 12:00 defer-item by clock",
        "2025-11-19 19:00 introduce-item by board-office",
        "2025-11-19 19:01 approve by board-office -> active",
    ]


def test_an_amendment_that_reaches_the_threshold_waits_for_the_board_and_is_signed_anew(
    office: Office,
) -> None:
    office.at("2025-08-14").take_in(Past().active())
    step = office.at("2025-10-01").do("amend-agreement", "staff", amount_cents=25_000_000)
    assert (step.state, step.due["amendment-referred"]) == ("active", "2025-10-15 17:00")
    agreement = office.show()["facts"]["agreement"]
    assert (agreement["amount_cents"], agreement["pending"]["amount_cents"]) == (24_999_999, 25_000_000)
    step = office.do("refer-to-board", "staff", purpose="amendment")
    assert step.due == {
        "item-scheduled": "2025-10-08 17:00",
        "meeting-due": "2025-11-03 17:00",  # the agreement goes on meanwhile, and so do its duties
        "assessment-due": "2025-10-31 17:00",
        "annual-review-opens": "2026-07-02 17:00",
        "agreement-ends": "2026-09-01 00:00",
    }
    step = office.do("schedule-item", "board-office", meeting_on=THIRD)
    assert step.due["agenda-packet"] == "2025-11-07 17:00"
    office.at(f"{THIRD} 18:00").do("introduce-item", "board-office", meeting_on=THIRD)
    office.do("schedule-item", "board-office", meeting_on=FOURTH)
    step = office.at(f"{FOURTH} 18:00").do("approve", "board-office", meeting_on=FOURTH)
    assert (step.state, step.due["agreement-signed"]) == ("active", "2026-01-09 17:00")
    agreement = office.show()["facts"]["agreement"]
    assert (agreement["amount_cents"], agreement["pending"]) == (25_000_000, None)
    assert agreement["approval"]["meeting_on"] == FOURTH
    assert agreement["signatures"] == {}
    office.do("sign-agreement", "staff", signed_on=FOURTH)
    step = office.do("sign-agreement", "lead-partner", signed_on=FOURTH)
    assert "agreement-signed" not in step.due
    assert office.daemon() == []
    assert office.notices()[:8] == [
        "amend-agreement: lead-partner, principal, staff, superintendent",
        "refer-to-board: board-office, lead-partner, principal, superintendent",
        "schedule-item: board-office, lead-partner, principal, staff, superintendent",
        "introduce-item: board-office, lead-partner, principal, staff, superintendent",
        "schedule-item: board-office, lead-partner, principal, staff, superintendent",
        "approve: board-office, lead-partner, principal, staff, superintendent",
        "sign-agreement: lead-partner",
        "sign-agreement: board-office, lead-partner, principal, staff, superintendent",
    ]


@pytest.mark.promise("items-follow-the-calendar")
def test_one_meeting_is_moved_and_the_next_is_turned_into_a_special_one(office: Office) -> None:
    past = Past().referred().did("schedule-item", "board-office", meeting_on=FIRST)
    office.at("2025-08-14").take_in(past)
    moved = office.ctl("meetings", "move", FIRST, "2025-09-18")
    assert [(item["ref"], item["now"]) for item in moved["items"]] == [(REF, "2025-09-18T16:15:00-07:00")]
    assert office.daemon() == []
    everybody = "board-office, lead-partner, principal, staff, superintendent"
    assert office.notices()[-1] == f"meeting-changed: {everybody}"
    assert office.show().due == {"agenda-packet": "2025-09-08 17:00", "decision-recorded": "2025-09-22 12:00"}
    held = {"meeting_on": "2025-09-18", "short_notice": "the building was closed"}
    step = office.at("2025-09-18 18:00").do("introduce-item", "board-office", **held)
    assert step.due == {"agenda-packet": "2025-09-26 17:00", "decision-recorded": "2025-10-10 12:00"}
    special = office.at("2025-09-20").ctl("meetings", "add", SECOND, "--kind", "special")
    assert [(item["now"], item["special"]) for item in special["items"]] == [(None, True)]
    assert office.show().due == {"item-scheduled": "2025-09-26 17:00"}
    assert office.at("2025-10-01").daemon() == []
    assert office.notices()[-1] == "item-scheduled: board-office, staff"
    office.do("schedule-item", "board-office", meeting_on=THIRD)
    item = office.show()["facts"]["board"]["item"]
    assert (item["meeting_on"], item.get("deferred", 0), item["introduced"]) == (THIRD, 0, ["2025-09-18"])
    assert office.at(f"{THIRD} 18:00").do("approve", "board-office", meeting_on=THIRD).state == "active"
    assert office.daemon() == []
