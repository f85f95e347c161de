"""An agreement of a school year, the most common term: its review, its report and its decision before the end."""

from __future__ import annotations

import pytest

from tests.story.past import Past
from tests.support.facts import OUTCOMES
from tests.support.office import REF, Office


@pytest.mark.clause("4270.11")
@pytest.mark.promise("review-before-end")
def test_an_agreement_of_a_school_year_has_its_review_and_report(office: Office) -> None:
    past = Past().drafted(amount_cents=24_999_999, starts_on="2025-09-02", ends_on="2026-06-30")
    past.on("2025-08-13")
    for who in ("staff", "lead-partner"):
        past.did("sign-agreement", who, signed_on="2025-08-13")
    past.did("activate", "staff")
    office.at("2026-04-16").take_in(past)

    # A new set of outcomes, which the school has not agreed to yet. The present one counts.
    office.do("set-outcomes", "staff", outcomes=[OUTCOMES[0] | {"target": 95}])
    office.do("agree-outcomes", "lead-partner")

    assert office.at("2026-05-01 16:59").daemon() == []
    assert office.at("2026-05-01 17:00").daemon() == [f"{REF} open-annual-review -> annual-review"]
    due = office.show().due
    assert (due["report-due"], due["review-decided"]) == ("2026-06-01 17:00", "2026-06-30 17:00")
    # Duties go on meanwhile.
    office.do("record-meeting", "lead-partner", on="2026-05-01")

    step = office.at("2026-06-01").do("submit-report", "lead-partner")
    assert (step.due["findings-due"], step.due["review-decided"]) == ("2026-06-18 17:00", "2026-06-30 17:00")
    for who in ("principal", "staff"):
        office.do("give-finding", who)
    assert office.do("continue", "staff").state == "active"
    assert "annual-review-opens" not in office.show().due

    assert office.at("2026-06-30 23:59").daemon() == []
    assert office.at("2026-07-01 00:00").daemon() == [f"{REF} expire -> terminated"]
    step = office.show()
    assert step["facts"]["review"]["reports"][0]["values"] == {"attendance": 91, "suspensions": 30.5}
    assert step.due == {"close-out-due": "2026-07-31 17:00"}
    assert office.ctl("verify", REF)
