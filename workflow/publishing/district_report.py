"""Collects the annual report of the district for the Board: every partnership in force in a school year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from notifications.written import money
from states.errors import BadInput, Problem
from states.names import State
from states.partnership import Partnership
from workflow.publishing.annual_report import AnnualReport, total_days
from workflow.publishing.annual_report import collect as collect_one
from workflow.publishing.outcome_years import Point
from workflow.publishing.school_year import SchoolYear
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot

# How far an outcome has come, in the order of the chart.
STANDINGS = ("reached or kept", "on the way", "at the baseline", "moving away", "not reported")
_DUTY_STANDINGS = ("on time", "late", "missed")


@dataclass(frozen=True, slots=True)
class DistrictReport:
    """A report as data: `document` is JSON, `reports` those of the partnerships, by school."""

    document: dict[str, Any]
    reports: list[AnnualReport]
    outcomes: dict[str, int]  # how many, by standing
    duties: dict[str, int]
    days: dict[State, tuple[float, float]]  # the mean over the partnerships, and how much of it was over


def collect(session: Session, year: SchoolYear, now: datetime) -> DistrictReport:
    """Return the report of a school year. Raise `BadInput` for one that has not begun."""
    if year > (last := SchoolYear.of(session.config.calendar.day(now))):
        problem = Problem("--year", f"{year} has not begun", f"{last.ends_in}, or a year before")
        raise BadInput([problem])
    reports = [collect_one(session, record, year, now) for record in _in_force(session, year)]
    reports.sort(key=lambda each: (each.document["school"], each.document["ref"]))
    outcomes = Counter(
        find_standing(series.points[-1]) for each in reports for series in each.outcomes if series.counts
    )
    duties: Counter[str] = Counter(
        owed.standing for each in reports for lines in each.duties.values() for owed in lines
    )
    in_force = [each.document["amounts"][-1] for each in reports if each.document["amounts"]]
    total = sum(each["amount_cents"] for each in in_force)
    document = {
        "district": session.config.procedure.district.name,
        **year.as_json(),
        "made_at": session.local(now),
        "amount_cents": total,
        "amount": money(total),
        "amounts": [
            {key: each.document[key] for key in ("ref", "school", "partner")} | each.document["amounts"][-1]
            for each in reports
            if each.document["amounts"]
        ],
        "outcomes": {standing: outcomes[standing] for standing in STANDINGS},
        "duties": {standing: duties[standing] for standing in _DUTY_STANDINGS},
        "votes": sorted(_list_votes(reports, year), key=lambda each: str(each["meeting_on"])),
        "partnerships": [each.document for each in reports],
    }
    return DistrictReport(document, reports, document["outcomes"], document["duties"], _average_days(reports))


def _in_force(session: Session, year: SchoolYear) -> Iterator[Snapshot]:
    """Yield each partnership whose agreement was in force on a day of the year."""
    for row in session.connection.execute(select(tables.partnerships)):
        record = Snapshot.from_row(row)
        if _was_in_force(record.facts, year):
            yield record


def _was_in_force(facts: Partnership, year: SchoolYear) -> bool:
    started = facts.agreement is not None and facts.agreement.in_force_at is not None
    first, last = facts.first_day, facts.last_day
    return started and first is not None and last is not None and first <= year.last and last >= year.first


def find_standing(point: Point) -> str:
    """Return which of the `STANDINGS` an outcome has."""
    said = point.says
    if point.value is None:
        return "not reported"
    if said in ("target reached", "target kept"):
        return "reached or kept"
    if said.startswith("on the way"):
        return "on the way"
    return "at the baseline" if said == "at the baseline" else "moving away"


def _list_votes(reports: Sequence[AnnualReport], year: SchoolYear) -> Iterator[dict[str, Any]]:
    for each in reports:
        for vote in each.document["votes"]:
            if year.first.isoformat() <= vote["meeting_on"] <= year.last.isoformat():
                yield vote | {key: each.document[key] for key in ("ref", "school", "partner")}


def _average_days(reports: Sequence[AnnualReport]) -> dict[State, tuple[float, float]]:
    totals = [total_days(each.stays) for each in reports]
    means = {}
    for state in State:
        if mine := [total[state] for total in totals if state in total]:
            means[state] = (
                sum(days for days, _ in mine) / len(mine),
                sum(over for _, over in mine) / len(mine),
            )
    return means


def summarize(report: DistrictReport) -> list[str]:
    """Return the report in a few lines for a terminal."""
    document = report.document
    return [
        f"{document['district']}, school year {document['school_year']}",
        f"  in force: {len(report.reports)}, for {document['amount']} over their whole terms",
        "  outcomes: " + ", ".join(f"{n} {standing}" for standing, n in report.outcomes.items()),
        "  duties: " + ", ".join(f"{n} {standing}" for standing, n in report.duties.items()),
        *(
            f"  {each.document['ref']}: {each.document['school']}, {each.document['partner']}"
            for each in report.reports
        ),
    ]
