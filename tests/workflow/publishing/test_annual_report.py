"""The annual report of a partnership: what it counts, from when, and what stays out of it."""

import json
from datetime import UTC

import pytest

from states.errors import BadInput
from tests.support.facts import COLLEGE, OUTCOMES, REVIEWERS
from workflow.publishing import annual_report, report_page
from workflow.publishing.school_year import SchoolYear

READING = {"name": "reading", "measure": "pupils who read well", "unit": "%", "baseline": 40, "target": 60,
           "direction": "increase", "goal": "every child reads"}  # fmt: skip


def after(life, event, by=None, **given):
    """The same life after one more event."""
    life.do(event, by, **given)
    return life


def report_of(life, year=2026):
    with life.system.reading() as session:
        return annual_report.collect(session, life.record, SchoolYear(year), life.now.astimezone(UTC))


def document_of(life, year=2026):
    return report_of(life, year).document


def page_of(life, year=2026):
    with life.system.reading() as session:
        report = annual_report.collect(session, life.record, SchoolYear(year), life.now.astimezone(UTC))
        return report_page.render(session, report)


def outcome(document, name="attendance"):
    return next(each for each in document["outcomes"] if each["name"] == name)


def lines(document, duty):
    found = next(each for each in document["duties"] if each["duty"] == duty)
    return [(line["standing"], line["due_on"], line["done_on"]) for line in found["lines"]]


def reviewed(life, **values):
    """Open the review, report these values, give both findings, and go on."""
    life.do("open-annual-review", "staff")
    life.do("submit-report", values={"attendance": 91, "suspensions": 30.5} | values)
    life.do("give-finding", "principal")
    life.do("give-finding", "staff", impact=False, reasons="one number moved")
    return after(life, "continue", improvement_plan="more tutors")


def long_life(begin):
    """A partnership of two school years, before its first review."""
    life = begin("agreed")
    life.do("draft-agreement", amount_cents=20_000_000, ends_on="2026-08-31")
    life.at("2025-08-28")
    for role in ("staff", "lead-partner"):
        life.do("sign-agreement", role)
    return after(life.at("2025-09-02"), "activate")


# Outcomes


@pytest.mark.clause("4270.11")
def test_an_outcome_has_its_value_beside_baseline_and_target(begin):
    life = reviewed(begin("active").at("2026-07-02"))
    (point,) = outcome(document_of(life))["points"]
    assert (point["label"], point["baseline"], point["target"], point["value"]) == ("2025-26", 88, 93, 91)
    assert point["standing"] == "on the way, 60 % covered"
    (point,) = outcome(document_of(life), "suspensions")["points"]
    assert (point["value_text"], point["standing"]) == ("30.5", "on the way, 48 % covered")


def test_a_year_without_a_report_says_so(begin):
    life = begin("annual-review")
    document = document_of(life)
    (point,) = outcome(document)["points"]
    assert (point["value"], point["standing"]) == (None, "not reported yet")
    assert document["reviews"][0]["narrative"] is None
    assert "No report has been received" in page_of(life)


def test_a_year_without_a_review_says_so(begin):
    life = begin("active")
    (point,) = outcome(document_of(life))["points"]
    assert (point["label"], point["opened_at"], point["value"]) == ("2025-26", None, None)
    page = page_of(life)
    assert "No annual review was opened in this school year." in page
    assert "no review opened" in page


def test_the_last_report_of_a_review_counts(begin):
    life = after(begin("reported"), "submit-report", values={"attendance": 92.5, "suspensions": 20})
    document = document_of(life)
    assert outcome(document)["points"][0]["value"] == 92.5
    assert document["reviews"][0]["replaced"] == 1


@pytest.mark.clause("4270.10")
def test_a_report_is_read_by_the_outcomes_that_counted_then(begin):
    life = reviewed(begin("active").at("2026-01-15"))
    life.at("2026-02-02").do("set-outcomes", outcomes=[{**OUTCOMES[0], "target": 95}, READING])
    for role in ("principal", "staff", "lead-partner"):
        life.do("agree-outcomes", role)
    life.at("2026-07-02").do("open-annual-review", "staff")
    life.do("submit-report", values={"attendance": 94, "reading": 45})
    document = document_of(life)
    assert [p["label"] for p in outcome(document)["points"]] == ["2025-26 (1)", "2025-26 (2)"]
    assert [(p["target"], p["value"]) for p in outcome(document)["points"]] == [(93, 91), (95, 94)]
    assert [p["standing"] for p in outcome(document, "reading")["points"]] == [
        "not an outcome",
        "on the way, 25 % covered",
    ]
    assert not outcome(document, "suspensions")["counts"]
    # Those that count stand first.
    assert [each["name"] for each in document["outcomes"]] == ["attendance", "reading", "suspensions"]
    assert "This outcome was given up and counts no longer." in page_of(life)


def test_an_outcome_in_another_unit_has_a_scale_of_its_own(begin):
    life = reviewed(begin("active").at("2026-01-15"))
    life.at("2026-02-02")
    days = {**OUTCOMES[0], "unit": "days", "baseline": 150, "target": 165}
    life.do("set-outcomes", outcomes=[days])
    for role in ("principal", "staff", "lead-partner"):
        life.do("agree-outcomes", role)
    document = document_of(life)
    units = [(each["unit"], each["counts"]) for each in document["outcomes"]]
    assert units == [("days", True), ("%", False), ("count", False)]
    assert [(p["label"], p["target"]) for p in outcome(document)["points"]] == [
        ("2025-26", None),
        ("since then", 165),
    ]


def test_a_corrected_value_counts(begin):
    life = begin("reported")
    seq = next(row["seq"] for row in life.history() if row["event"] == "submit-report")
    values = {"values": {"attendance": 89, "suspensions": 30.5}, "narrative": "a good year"}
    life.do("correct-entry", "lead-partner", seq=seq, input=values, reason="a wrong digit")
    assert outcome(document_of(life))["points"][0]["value"] == 89


def test_very_large_and_negative_numbers_are_drawn(begin):
    balance = {**OUTCOMES[0], "name": "balance", "unit": "$", "baseline": -1.7e308, "target": 1.7e308}
    life = begin("chosen")
    life.do("set-outcomes", outcomes=[balance, {**balance, "name": "kept", "baseline": -3, "target": -3}])
    for role in ("principal", "staff", "lead-partner"):
        life.do("agree-outcomes", role)
    life.do("draft-agreement")
    life.at("2025-08-28")
    for role in ("staff", "lead-partner"):
        life.do("sign-agreement", role)
    life.at("2025-09-02").do("activate")
    life.at("2026-07-02").do("open-annual-review", "staff")
    life.do("submit-report", values={"balance": 0, "kept": -4.25})
    document = document_of(life)
    assert outcome(document, "balance")["points"][0]["standing"] == "on the way, 50 % covered"
    assert outcome(document, "kept")["points"][0]["standing"] == "away from the target"
    page = page_of(life)
    assert "-1.7e+308" in page
    assert "nan" not in page.lower().replace("finance", "")
    assert "inf" not in page.lower()


# Duties


@pytest.mark.clause("4270.5a")
def test_a_duty_that_was_done_in_time(begin):
    life = after(begin("active").at("2025-10-20"), "record-assessment", on="2025-10-17")
    assert lines(document_of(life), "assessment") == [("on time", "2025-10-31", "2025-10-17")]


@pytest.mark.clause("4270.5c")
def test_a_duty_that_was_missed_has_its_date(begin):
    life = begin("active")
    life.tick("2025-11-10")
    life.at("2026-03-02")
    document = document_of(life)
    assert lines(document, "assessment") == [("missed", "2025-10-31", None)]
    assert lines(document, "meeting") == [("missed", "2025-11-03", None)]
    assert {"duty": "meeting", "due_on": "2025-11-03"} in document["missed"]


def test_a_duty_that_was_done_late_has_both_dates(begin):
    life = begin("active")
    life.tick("2025-11-10")
    life.at("2025-12-01").do("record-assessment", on="2025-11-20")
    assert lines(document_of(life), "assessment") == [("late", "2025-10-31", "2025-11-20")]


def test_a_duty_that_was_only_recorded_late_was_in_time(begin):
    life = begin("active")
    life.tick("2025-11-10")
    life.at("2025-12-01").do("record-assessment", on="2025-10-30")
    assert lines(document_of(life), "assessment") == [("on time", None, "2025-10-30")]


def test_a_date_that_passed_in_a_downtime_was_missed_too(begin):
    life = begin("active").at("2025-11-20")
    assert lines(document_of(life), "assessment") == [("missed", "2025-10-31", None)]
    life.do("record-assessment", on="2025-11-20")
    assert lines(document_of(life), "assessment") == [("late", "2025-10-31", "2025-11-20")]


def test_a_date_that_was_past_when_the_record_was_imported_was_missed_too(begin):
    life = begin("active").at("2025-11-20")
    life.run("UPDATE deadlines SET status = 'skipped', reason = 'fell before the import' WHERE kind = 'due'")
    assert lines(document_of(life), "assessment") == [("missed", "2025-10-31", None)]


def test_what_is_done_in_the_next_school_year_is_told_there(begin):
    life = begin("active")
    life.tick("2025-11-10")
    life.at("2026-09-01")
    assert lines(document_of(life), "assessment") == [("missed", "2025-10-31", None)]


@pytest.mark.clause("4270.5b", "4270.5d", "4270.5e")
def test_duties_without_a_date_are_listed(begin):
    life = begin("active").at("2025-10-01")
    for duty in ("gap", "engagement", "responsibility"):
        life.do(f"record-{duty}", on="2025-09-30")
        assert lines(document_of(life), duty) == [("done", None, "2025-09-30")]


def test_a_report_that_came_in_time_and_one_that_is_awaited(begin):
    document = document_of(begin("reported"))
    assert [(each["standing"], each["done_on"]) for each in document["reports"]] == [
        ("on time", "2026-07-14")
    ]
    life = begin("annual-review")
    assert [each["standing"] for each in document_of(life)["reports"]] == ["waiting"]
    life.at("2026-08-25")
    assert [each["standing"] for each in document_of(life)["reports"]] == ["missed"]


# Amounts, votes, days, the end


@pytest.mark.clause("4270.9")
def test_amounts_have_every_amendment(begin):
    life = long_life(begin).at("2025-12-01")
    life.do("amend-agreement", amount_cents=24_000_000, terms="one more tutor", reason="more pupils")
    document = document_of(life)
    assert [(each["purpose"], each["amount"], each["change"]) for each in document["amounts"]] == [
        ("new", "$200,000.00", "$0.00"),
        ("amendment", "$240,000.00", "$40,000.00"),
    ]
    assert "more pupils" in page_of(life)
    # An amendment of the next year is not in the report of this one.
    assert [each["amount_cents"] for each in document["amounts"]] == [20_000_000, 24_000_000]


def test_an_amount_that_was_corrected_before_an_amendment(begin):
    life = long_life(begin)
    seq = next(row["seq"] for row in life.history() if row["event"] == "draft-agreement")
    draft = {
        "instrument": "mou",
        "amount_cents": 21_000_000,
        "starts_on": "2025-09-01",
        "ends_on": "2026-08-31",
    }
    life.at("2025-10-01").do("correct-entry", "staff", seq=seq, input=draft, reason="a wrong digit")
    life.at("2025-12-01").do("amend-agreement", amount_cents=24_000_000, reason="more pupils")
    assert [each["amount_cents"] for each in document_of(life)["amounts"]] == [21_000_000, 24_000_000]


def test_the_votes_of_the_board_are_in_it(begin):
    life = begin("approved")
    (vote,) = document_of(life)["votes"]
    assert (vote["meeting_on"], vote["ayes"], vote["noes"], vote["abstentions"]) == ("2025-10-01", 5, 1, 1)
    # The report of the year before knows nothing of it.
    assert document_of(life, 2025)["votes"] == []


def test_days_over_the_procedure_are_counted(begin):
    life = begin("needs").at("2025-08-26 17:00")
    (stay,) = document_of(life, 2025)["stays"]
    assert (stay["state"], stay["left_at"]) == ("needs-identified", None)
    # 30 days after entering is August 6, at 17:00.
    assert stay["days_over"] == 20
    assert stay["dates"][0]["due_on"] == "2025-08-06"
    assert stay["dates"][0]["rule"] == "30 days after entering"


def test_an_agreement_in_force_is_not_over_its_time(begin):
    life = begin("active").at("2026-06-30")
    active = document_of(life)["stays"][-1]
    assert (active["state"], active["days_over"]) == ("active", 0)
    assert active["days"] == 301


def test_a_report_stops_at_the_end_of_its_year(begin):
    life = begin("active").at("2026-06-30")
    document = document_of(life, 2025)
    assert (document["state"], document["as_of"]) == ("open-selection", "2025-08-31")
    assert document["amounts"] == []
    assert document["stays"][-1]["state"] == "open-selection"


def test_a_partnership_that_ended_early(begin):
    document = document_of(begin("ended"))
    assert document["agreement"]["ended"] == {
        "how": "terminated", "ground": "unsatisfactory", "reason": "duties not met", "effective_on": "2025-10-02",
    }  # fmt: skip
    assert document["state"] == "terminated"
    assert "The partnership was terminated" in page_of(begin("ended"))


def test_a_termination_that_is_to_come_is_not_an_end(begin):
    life = begin("ending")
    assert document_of(life)["agreement"]["ended"] is None


@pytest.mark.parametrize("station", ["needs", "open", "closed", "chosen", "drafted", "scheduled", "renewal"])
def test_every_station_of_a_life_has_a_report(begin, station):
    life = begin(station)
    year = SchoolYear.of(life.now.date()).ends_in
    assert document_of(life, year)["year"] == year
    assert "</html>" in page_of(life, year)


@pytest.mark.parametrize(
    ("year", "problem"),
    [(2024, "in 2023-24 there was no such partnership"), (2027, "2026-27 has not begun")],
)
def test_a_year_that_has_no_report_is_refused(begin, year, problem):
    with pytest.raises(BadInput) as refused:
        report_of(begin("active"), year)
    (found,) = refused.value.problems
    assert (found.at, found.problem) == ("--year", problem)
    assert "a year from 2025 to 2026" in found.expected


def test_nothing_of_the_call_but_the_choice_is_in_it(begin):
    life = begin("reported")
    text = json.dumps(document_of(life), default=str) + page_of(life)
    for secret in (*REVIEWERS, COLLEGE, "City College", "how we show", "@example.org"):
        assert secret not in text


def test_what_people_wrote_is_escaped(begin):
    life = after(begin("annual-review"), "submit-report", narrative="<script>alert(1)</script>")
    page = page_of(life)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_is_one_file_without_script_or_anything_from_elsewhere(begin):
    page = page_of(begin("reported"))
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    for part in ("<script", "<link", "src=", "url(", "href="):
        assert part not in page


def test_every_chart_has_its_numbers_in_words(begin):
    page = page_of(begin("reported"))
    assert (
        "attendance over the years, in %. 2025-26: 91, on the way, 60 % covered (baseline 88, target 93)."
        in page
    )
    assert page.count("<svg") == page.count("<title>") - 1 == 3
