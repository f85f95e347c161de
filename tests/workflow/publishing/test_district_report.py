"""The annual report of the district: which partnerships are in it, and what is added up."""

from datetime import UTC

import pytest

from states.errors import BadInput
from tests.workflow.publishing.test_annual_report import reviewed
from workflow.publishing import district_report, report_page
from workflow.publishing.school_year import SchoolYear


def report_of(life, year=2026):
    with life.system.reading() as session:
        return district_report.collect(session, SchoolYear(year), life.now.astimezone(UTC))


def page_of(life, year=2026):
    with life.system.reading() as session:
        report = district_report.collect(session, SchoolYear(year), life.now.astimezone(UTC))
        return report_page.render_district(session, report)


def test_every_partnership_in_force_is_in_it_by_school(begin):
    life = reviewed(begin("active").at("2026-07-02"))
    other = life.another("franklin-2025").to("active")
    report = report_of(life.at("2026-07-20"))
    assert [each.document["ref"] for each in report.reports] == [other.ref, life.ref]
    assert report.document["amount"] == "$499,999.98"
    assert report.outcomes["on the way"] == 2
    assert report.outcomes["not reported"] == 2
    # Both missed the assessment and a meeting, and one has reported.
    assert report.duties == {"on time": 1, "late": 0, "missed": 4}
    page = page_of(life)
    assert "2 partnerships had an agreement in force." in page
    assert "Franklin School, Harbor House" in page


@pytest.mark.parametrize("station", ["needs", "closed", "drafted", "scheduled"])
def test_what_is_not_in_force_is_not_in_it(begin, station):
    life = begin(station)
    year = SchoolYear.of(life.now.date()).ends_in
    assert report_of(life, year).document["partnerships"] == []
    assert "No agreement was in force in this school year." in page_of(life, year)


def test_a_partnership_is_in_the_years_of_its_agreement_alone(begin):
    life = begin("ended").at("2027-01-04")
    assert [len(report_of(life, year).reports) for year in (2025, 2026, 2027)] == [0, 1, 0]
    assert "It ended on Thursday, October 2, 2025." in page_of(life, 2026)


def test_only_the_votes_of_the_year_are_in_it(begin):
    life = begin("approved").at("2026-10-01")
    (vote,) = report_of(life, 2026).document["votes"]
    assert (vote["ref"], vote["school"], vote["ayes"]) == (life.ref, "Rainier Beach School", 5)
    assert report_of(life, 2027).document["votes"] == []
    assert "The Board did not vote on any of these partnerships." in page_of(life, 2027)


def test_days_are_averages_over_the_partnerships(begin):
    life = begin("active").at("2025-10-02")
    life.another("franklin-2025").to("active")
    days = report_of(life.at("2025-10-12")).days
    assert round(days["active"][0]) == 40
    assert days["active"][1] == 0


def test_what_was_missed_is_named_for_each_partnership(begin):
    life = begin("active").at("2025-11-20")
    assert "Missed: Annual assessment of the school&#39;s needs, due Friday, October 31, 2025" in page_of(
        life
    )


def test_a_year_that_has_not_begun_is_refused(begin):
    with pytest.raises(BadInput):
        report_of(begin("active"), 2027)
