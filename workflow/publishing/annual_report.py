"""Collects the annual report of one partnership for a school year, for a page, a PDF or a program.

It holds what both the office and the Lead Partner may read (`workflow/views/visibility.py`). Of the call it has
only who was chosen, and no score. Where an entry was corrected, the corrected values count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from notifications.written import money
from states.agreement import Agreement
from states.case import Entry
from states.errors import BadInput, Problem
from states.history import effective
from states.names import State
from states.partnership import Partnership, Review
from workflow import deadlines
from workflow.procedure.calendar import Calendar
from workflow.publishing.duties_of_year import CLAUSES, Owed, list_duties, list_reports
from workflow.publishing.outcome_years import Point, Series, follow, list_reviews
from workflow.publishing.school_year import SchoolYear
from workflow.publishing.stays import Stay, list_stays
from workflow.session import Session
from workflow.store import past
from workflow.store.rows import HistoryEntry, Snapshot
from workflow.views import present_names, visible_history
from workflow.views.progress import format_number


@dataclass(frozen=True, slots=True)
class AnnualReport:
    """A report as data. `document` is JSON; the charts are drawn from `outcomes` and `stays`."""

    document: dict[str, Any]
    outcomes: list[Series]
    duties: dict[str, list[Owed]]
    stays: list[Stay]


def collect(session: Session, record: Snapshot, year: SchoolYear, now: datetime) -> AnnualReport:
    """Return the report for a school year, as things stood at its end, or stand now if it lasts.

    Raise `BadInput` for a school year before the partnership began, or one that has not begun.
    """
    record = present_names.rename_record(session.directory, record)
    facts, calendar = record.facts, session.config.calendar
    history = visible_history.history_rows(session, record)
    _check_year(year, SchoolYear.of(calendar.day(history[0].at)), SchoolYear.of(calendar.day(now)))
    until, as_of = min(now, calendar.end_of(year.last)), min(calendar.day(now), year.last)
    rows = deadlines.rows_of(session.connection, [record.key]).get(record.key, [])
    outcomes = follow(facts, year, now, calendar)
    stays = list_stays(session.config, facts, history, rows, until)
    duties: dict[str, list[Owed]] = {
        **list_duties(session.config, facts, rows, year, now),
        "report": list_reports(session.config, facts, rows, year, now),
    }
    reviews = [each for each in list_reviews(facts) if calendar.day(each.opened_at) in year]
    document = {
        **_describe_head(session, record, year, now),
        "as_of": as_of.isoformat(),
        "state": next(row.to_state for row in reversed(history) if row.at <= until),
        "agreement": _describe_agreement(facts, as_of),
        "amounts": list(_list_amounts(session, facts, history, until)),
        "outcomes": [_describe_series(session, each) for each in outcomes],
        "duties": [
            {"duty": duty, "clause": clause, "lines": list(map(_describe_owed, duties[duty]))}
            for duty, clause in CLAUSES.items()
        ],
        "reports": list(map(_describe_owed, duties["report"])),
        "missed": list(_list_missed(duties)),
        "reviews": [_describe_review(session, each) for each in reviews],
        "votes": list(_list_votes(facts, as_of)),
        "stays": [_describe_stay(session, each) for each in stays],
    }
    return AnnualReport(document, outcomes, duties, stays)


def _describe_head(session: Session, record: Snapshot, year: SchoolYear, now: datetime) -> dict[str, Any]:
    return {
        "ref": record.ref,
        "title": record.facts.title,
        "school": session.directory.school_name(record.facts.school),
        "partner": _name_partner(record.facts),
        "district": session.config.procedure.district.name,
        **year.as_json(),
        "made_at": session.local(now),
    }


def list_years(facts: Partnership, now: datetime, calendar: Calendar) -> list[SchoolYear]:
    """Return the school years in which the agreement was in force, up to the present one, the earliest first."""
    if facts.agreement is None or facts.agreement.in_force_at is None:
        return []
    first, last = facts.first_day, facts.last_day
    if first is None or last is None:
        return []
    until = min(SchoolYear.of(last), SchoolYear.of(calendar.day(now)))
    return [SchoolYear(ends_in) for ends_in in range(SchoolYear.of(first).ends_in, until.ends_in + 1)]


def _check_year(year: SchoolYear, first: SchoolYear, last: SchoolYear) -> None:
    if not first <= year <= last:
        problem = f"in {year} there was no such partnership" if year < first else f"{year} has not begun"
        years = f"{first.ends_in}" if first == last else f"a year from {first.ends_in} to {last.ends_in}"
        raise BadInput([Problem("--year", problem, f"{years}; 2026 is the school year 2025-26")])


def _name_partner(facts: Partnership) -> str | None:
    choice = facts.selection.choice if facts.selection else None
    if facts.selection is None or choice is None:
        return None
    applied = facts.selection.applications.get(choice.organization)
    return applied.name if applied else choice.organization


def _describe_agreement(facts: Partnership, on: date) -> dict[str, Any] | None:
    """Return the days of the agreement, and how it ended if it had on that day; None before it is in force."""
    agreement, end = facts.agreement, facts.ended or facts.ending
    if agreement is None or agreement.in_force_at is None or facts.first_day is None:
        return None
    has_ended = end is not None and end.effective_on <= on
    return {
        "instrument": agreement.instrument,
        "first_day": facts.first_day.isoformat(),
        "last_day": facts.last_day.isoformat() if facts.last_day else None,
        "responsibilities": list(agreement.responsibilities),
        "ended": {
            "how": end.how,
            "ground": end.ground,
            "reason": end.reason,
            "effective_on": end.effective_on.isoformat(),
        }
        if end and has_ended
        else None,
    }


def _list_amounts(
    session: Session, facts: Partnership, history: Sequence[HistoryEntry], until: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the whole amount of the agreement and its last day at first, and after each amendment or renewal."""
    agreement = facts.agreement
    if agreement is None or agreement.in_force_at is None or agreement.in_force_at > until:
        return
    calendar = session.config.calendar
    amount, ends_on = _first_terms(agreement, [past.entry_of(row, calendar.local) for row in history])
    yield _describe_amount("new", calendar.day(agreement.in_force_at), amount, 0, ends_on, None)
    for change in agreement.changes:
        if change.at <= until:
            on = calendar.day(change.at)
            yield _describe_amount(
                change.purpose,
                on,
                change.amount_cents,
                change.amount_cents - amount,
                change.ends_on,
                change.reason,
            )
            amount = change.amount_cents


def _first_terms(agreement: Agreement, entries: Sequence[Entry]) -> tuple[int, date]:
    """Return the amount in cents and the last day that were first agreed to."""
    if not agreement.changes:
        return agreement.amount_cents, agreement.ends_on
    # The facts hold the present terms. Those before the first change are in the last draft, as it was corrected.
    counts = effective(entries)
    drafts = [counts.get(each.seq, each) for each in entries if each.event == "draft-agreement"]
    values = next(each.values for each in reversed(drafts) if each)
    return values["amount_cents"], date.fromisoformat(values["ends_on"])


def _describe_amount(
    purpose: str, on: date, cents: int, more: int, ends_on: date, reason: str | None
) -> dict[str, Any]:
    return {
        "purpose": purpose,
        "on": on.isoformat(),
        "amount_cents": cents,
        "amount": money(cents),
        "change_cents": more,
        "change": money(more),
        "ends_on": ends_on.isoformat(),
        "reason": reason,
    }


def _describe_series(session: Session, series: Series) -> dict[str, Any]:
    terms = series.terms
    return {
        "name": terms.name,
        "measure": terms.measure,
        "unit": terms.unit,
        "goal": terms.goal,
        "direction": terms.direction,
        "counts": series.counts,
        "points": [
            {
                "label": point.label,
                "opened_at": session.local(point.opened_at),
                **_describe_numbers(point),
                "standing": point.says,
            }
            for point in series.points
        ],
    }


def _describe_numbers(point: Point) -> dict[str, float | str | None]:
    terms = point.terms
    numbers = {
        "baseline": terms.baseline if terms else None,
        "target": terms.target if terms else None,
        "value": point.value,
    }
    texts = {f"{name}_text": None if n is None else format_number(n) for name, n in numbers.items()}
    return {**numbers, **texts}


def _describe_owed(owed: Owed) -> dict[str, Any]:
    return {
        "standing": owed.standing,
        "due_on": owed.due_on.isoformat() if owed.due_on else None,
        "done_on": owed.done_on.isoformat() if owed.done_on else None,
        "summary": owed.summary,
        "evidence": owed.evidence,
    }


def _list_missed(duties: Mapping[str, Sequence[Owed]]) -> Iterator[dict[str, str]]:
    for duty, owed in duties.items():
        for each in owed:
            if each.standing == "missed" and each.due_on:
                yield {"duty": duty, "due_on": each.due_on.isoformat()}


def _describe_review(session: Session, review: Review) -> dict[str, Any]:
    report = review.reports[-1] if review.reports else None
    return {
        "opened_at": session.local(review.opened_at),
        "reported_at": session.local(report.at) if report else None,
        "replaced": max(0, len(review.reports) - 1),
        "narrative": report.narrative if report else None,
        "findings": [
            {
                "side": side,
                "impact": finding.impact,
                "reasons": finding.reasons,
                "at": session.local(finding.at),
            }
            for side, finding in review.findings.items()
        ],
        "improvement_plan": review.improvement_plan,
        "decided_at": session.local(review.decided_at),
    }


def _list_votes(facts: Partnership, until: date) -> Iterator[dict[str, Any]]:
    for decision in facts.board.decisions:
        if decision.meeting_on <= until:
            yield {
                "purpose": decision.purpose,
                "decision": decision.decision,
                "meeting_on": decision.meeting_on.isoformat(),
                "ayes": decision.vote.ayes,
                "noes": decision.vote.noes,
                "abstentions": decision.vote.abstentions,
                "reason": decision.reason,
            }


def _describe_stay(session: Session, stay: Stay) -> dict[str, Any]:
    return {
        "state": stay.state,
        "entered_at": session.local(stay.entered),
        "left_at": session.local(stay.left),
        "days": round(stay.days, 1),
        "days_over": round(stay.days_over, 1),
        "allowed_until": session.local(stay.allowed_until),
        "dates": [
            {"label": each.label, "rule": each.rule, "due_on": each.due_on.isoformat()}
            for each in stay.targets
        ],
    }


def total_days(stays: Sequence[Stay]) -> dict[State, tuple[float, float]]:
    """Return, by state in the order of a life, how many days were spent in it and how many of them were over."""
    return {
        state: (sum(each.days for each in mine), sum(each.days_over for each in mine))
        for state in State
        if (mine := [each for each in stays if each.state is state])
    }


def summarize(report: AnnualReport) -> list[str]:
    """Return the report in a few lines for a terminal."""
    document = report.document
    lines = [f"{document['title']} ({document['ref']}), school year {document['school_year']}"]
    for series in report.outcomes:
        point = series.points[-1]
        value = "no value" if point.value is None else f"{format_number(point.value)} {series.terms.unit}"
        lines.append(f"  {series.terms.name}: {value}, {point.says}")
    for duty, owed in report.duties.items():
        counted = Counter(each.standing for each in owed)
        lines.append(
            f"  {duty}: " + (", ".join(f"{n} {standing}" for standing, n in counted.items()) or "nothing")
        )
    for state, (days, over) in total_days(report.stays).items():
        lines.append(f"  {state}: {days:.0f} days" + (f", {over:.0f} over" if round(over) else ""))
    return lines
