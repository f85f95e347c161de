"""`partnershipctl plan`: of a partnership or of one to come, in words, as JSON and as a calendar."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from icalendar import Calendar

from tests.support.desk import REF, Desk
from tests.workflow.admin.conftest import OWNER, Sit
from workflow.store import tables

START = ("--start", "2025-12-01")
FRANKLIN = ("plan", "--school", "franklin", *START)


def by(document: dict[str, Any]) -> dict[str, str]:
    return {step["label"]: step["by"][:10] for step in document["steps"]}


def test_each_day_says_why_it_is_that_day(sit: Sit) -> None:
    plan = sit("needs").ask("plan", REF, *START)
    why = {step["step"]: step["why"] for step in plan["steps"]}
    # The agenda of 5 November closes ten days before it, on Sunday 26 October.
    assert by(plan)["The item is on the agenda"] == "2025-10-24"
    assert "10 days before board.meeting: deadline.agenda-packet.due in the packaged" in why["agenda"]
    assert "Days that do not count: weekends." in why["agenda"]
    # Protests of a choice on 17 October end on the 24th. Ten business days from Sunday 5 October end on the 17th.
    assert by(plan)["The call closes (then it is scored)"] == "2025-10-05"
    assert "Scores are due 10 business days after selection.closed: deadline.scores-due.due" in why["close"]
    assert "Closed a day later, they would be due Monday, October 20, 2025, 17:00" in why["close"]
    assert "selection.minimum_days in the packaged config.toml, line" in why["open"]


def test_the_reasons_name_the_breaks_and_the_line_of_the_district(sit: Sit) -> None:
    text = OWNER + "[calendar]\nbreaks = [{ first = 2025-10-06, last = 2025-10-10 }]\n"
    text += "closed = [2025-10-14]\n[selection]\nprotest_days = 5\n"
    desk = sit("needs", text)
    plan = desk.ask("plan", REF, *START)
    why = {step["step"]: step["why"] for step in plan["steps"]}
    skipped = "weekends; the break 2025-10-06 to 2025-10-10; Tuesday, October 14, 2025 (closed)."
    assert f"Days that do not count: {skipped}" in why["close"]
    lines = (desk.folder / "config.toml").read_text(encoding="utf-8").splitlines()
    line = lines.index("protest_days = 5") + 1
    assert f"5 days: selection.protest_days in config.toml of the district, line {line}." in why["choose"]
    said = desk.say("plan", REF, *START)
    assert f"The call closes (then it is scored): {why['close']}" in said


def test_a_plan_for_a_school_without_a_partnership_leaves_time_for_the_board(sit: Sit) -> None:
    desk = sit()
    desk.life.at("2025-07-07")
    plan = desk.ask(*FRANKLIN)
    assert (plan["ref"], plan["school"], plan["board"], plan["possible"]) == (None, "franklin", True, True)
    assert "The terms are not known" in plan["board_why"]
    assert all(step["done_at"] is None for step in plan["steps"])


def test_the_plan_says_that_no_call_opens_before_the_board_has_invited(sit: Sit) -> None:
    desk = sit()
    desk.life.at("2025-07-07")
    assert desk.ask(*FRANKLIN)["invitation"] is None
    desk.life.put(tables.schools, id="franklin", name="Franklin School", invited_on=date(2025, 11, 3))
    late = (
        "The Board's invitation is of Monday, November 3, 2025, after the last day on which the call serves"
    )
    assert late in desk.ask(*FRANKLIN)["invitation"]
    desk.life.put(tables.schools, id="franklin", name="Franklin School", invited_on=None)
    assert "The Board has not invited a Lead Partner at this school" in desk.say(*FRANKLIN)


def test_the_amount_and_the_term_decide_whether_the_board_acts(sit: Sit) -> None:
    desk = sit()
    desk.life.at("2025-07-07")

    def judged(*terms: str) -> tuple[bool, str]:
        plan = desk.ask(*FRANKLIN, *terms)
        return plan["board"], plan["board_why"]

    nothing = "Nothing in these terms calls for the Board (4270.9)."
    assert judged("--amount", "249,999.99", "--term", "1y") == (False, nothing)
    assert judged("--amount", "250,000", "--term", "1y") == (True, "The Board has to act: 4270.9a.")
    assert judged("--amount", "1,000", "--term", "366d") == (True, "The Board has to act: 4270.9c.")
    assert judged("--amount", "300000", "--term", "2 years") == (
        True,
        "The Board has to act: 4270.9a, 4270.9c.",
    )
    assert judged("--amount", "1,000")[0], "a part of the terms decides nothing"


def test_earlier_agreements_at_the_school_count_with_the_terms(sit: Sit) -> None:
    desk = sit("active")  # 249,999.99 until August 2026
    later = ("plan", "--school", "rainier-beach", "--start", "2026-09-01", "--amount", "1", "--term", "1y")
    plan = desk.ask(*later)
    assert plan["board_why"] == f"The Board has to act together with {REF}: 4270.9a, 4270.9c."


def test_the_plan_as_a_calendar_has_each_step_with_its_reason(sit: Sit) -> None:
    desk = sit()
    desk.life.at("2025-07-07")
    answer = desk.run(*FRANKLIN, "--ics")
    events = Calendar.from_ical(answer.out).walk("VEVENT")
    steps = desk.ask(*FRANKLIN)["steps"]
    starts = [event.decoded("dtstart") for event in events]
    assert starts == [datetime.fromisoformat(step["by"]) for step in steps]
    assert len({str(event["uid"]) for event in events}) == len(steps)
    close = next(event for event in events if "call closes" in str(event["summary"]))
    assert "Franklin School" in str(close["summary"])
    assert "Scores are due" in str(close["description"])


def test_the_calendar_goes_to_a_file(sit: Sit) -> None:
    desk = sit("needs")
    path = desk.folder / "plan.ics"
    answer = desk.run("plan", REF, *START, "--ics", "--output", str(path), "--json")
    assert answer.json == {"format": "ics", "output": str(path)}
    assert path.read_bytes().startswith(b"BEGIN:VCALENDAR")


def refused(desk: Desk, *words: str) -> list[str]:
    answer = desk.run("plan", *words, "--json")
    assert answer.status == 2
    return answer.problems


def test_what_cannot_be_planned_is_refused_with_every_mistake(sit: Sit) -> None:
    desk = sit("needs")
    assert refused(desk, *START) == ["REF: one of REF and --school is needed"]
    assert refused(desk, REF, "--school", "franklin", *START) == ["REF: one of REF and --school is needed"]
    assert refused(desk, REF, *START, "--output", "x.ics") == ["--output: it takes the calendar file"]
    wrong = refused(desk, REF, *START, "--amount", "much", "--term", "long")
    assert [each.partition(":")[0] for each in wrong] == ["--amount", "--term"]
    answer = desk.run("plan", "--school", "franklyn", *START, "--json")
    assert (answer.status, answer.json["error"]) == (3, "not-found")
