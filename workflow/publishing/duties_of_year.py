"""Lists what the Lead Partner had to do in a school year, what was done for it, and what was missed (4270.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from states.case import Meaning
from states.names import Duty
from states.partnership import DutyDone, Partnership
from workflow.procedure.config import Config
from workflow.publishing.outcome_years import list_reviews
from workflow.publishing.school_year import SchoolYear
from workflow.store.rows import DeadlineRow, DeadlineStatus, RungKind

Standing = Literal["on time", "late", "missed", "waiting", "done"]
# The duties of the Lead Partner, each with its clause.
CLAUSES: dict[Duty, str] = {
    "assessment": "4270.5a",
    "gap": "4270.5b",
    "meeting": "4270.5c",
    "engagement": "4270.5d",
    "responsibility": "4270.5e",
}


@dataclass(frozen=True, slots=True)
class Owed:
    """A date of a duty, something that was done for it, or both.

    `due_on` is None for what was done without a date. `done_on` is None for what was missed, since nothing was done
    by the end of the year, and for what is not due yet (waiting). The procedure sets no date for what is just done.
    """

    standing: Standing
    due_on: date | None
    done_on: date | None
    summary: str = ""
    evidence: str = ""

    @property
    def day(self) -> date:
        """Return the day by which it is sorted."""
        return self.due_on or self.done_on or date.max


def list_duties(
    config: Config, facts: Partnership, rows: Sequence[DeadlineRow], year: SchoolYear, now: datetime
) -> dict[str, list[Owed]]:
    """Return, by duty, what was due or done in a school year, in order of its days.

    `rows` are all rows of the partnership's deadlines.
    """
    owed: dict[str, list[Owed]] = {}
    for duty in CLAUSES:
        names = {name for name, row in config.deadlines.items() if row.done == duty}
        mine = [row for row in rows if row.name in names and row.kind == RungKind.DUE]
        done = sorted(
            (each for each in facts.duties if each.duty == duty), key=lambda each: (each.on, each.at)
        )
        passed = list(_find_passed(config, mine, done, year, now))
        met = _dates_met(config, mine)
        judged = [
            *(_performed("late", came, due) if came else Owed("missed", due, None) for due, came in passed),
            *(
                _judge_kept(each, met.get(each.at), has_dates=bool(names))
                for each in done
                if all(each is not came for _, came in passed)
            ),
        ]
        owed[duty] = sorted((each for each in judged if _concerns(each, year)), key=lambda each: each.day)
    return owed


def _concerns(owed: Owed, year: SchoolYear) -> bool:
    # What was done late in another year is told there; the year in which it was due tells that it was missed.
    return any(day is not None and day in year for day in (owed.due_on, owed.done_on))


def _dates_met(config: Config, rows: Sequence[DeadlineRow]) -> dict[datetime | None, date]:
    """Return the day that was met by what was recorded at an instant."""
    # What meets a deadline cancels it in the same transaction.
    cancelled = [row for row in rows if row.status == DeadlineStatus.CANCELLED]
    return {row.done_at: config.calendar.day(row.ladder) for row in cancelled}


def _judge_kept(done: DutyDone, due: date | None, *, has_dates: bool) -> Owed:
    # In a downtime nothing noticed that it was due, and it was late all the same.
    late = due is not None and done.on > due
    return _performed("late" if late else "on time" if has_dates else "done", done, due)


def _was_open_when_due(row: DeadlineRow, now: datetime) -> bool:
    """Return whether nothing on record met a deadline when it was due: what is met, or moved, is cancelled before.

    It is skipped and not fired if a downtime made a later rung tell people, or if it was past already at an import.
    """
    return row.ladder <= now and row.status != DeadlineStatus.CANCELLED


def _find_passed(
    config: Config, rows: Sequence[DeadlineRow], done: Sequence[DutyDone], year: SchoolYear, now: datetime
) -> Iterator[tuple[date, DutyDone | None]]:
    """Yield each date that passed before anything was recorded for it, with what was done for it later.

    1. What was done by the day and only recorded later was on time, and is not yielded.
    2. Otherwise the first performance after it, and before the next date that passed, was late.
    3. Without one by the end of the year it was missed: yield None.
    """
    calendar = config.calendar
    until = min(calendar.day(now), year.last)
    passed = sorted(row.ladder for row in rows if _was_open_when_due(row, now))
    for number, ladder in enumerate(passed):
        due = calendar.day(ladder)
        before = calendar.day(passed[number - 1]) if number else date.min
        following = calendar.day(passed[number + 1]) if number + 1 < len(passed) else date.max
        if any(before < each.on <= due and each.at > ladder for each in done):
            continue
        came = next((each for each in done if due < each.on <= min(until, following)), None)
        yield due, came


def _performed(standing: Standing, done: DutyDone, due: date | None) -> Owed:
    return Owed(standing, due, done.on, done.summary, done.evidence)


def list_reports(
    config: Config, facts: Partnership, rows: Sequence[DeadlineRow], year: SchoolYear, now: datetime
) -> list[Owed]:
    """Return the annual report of each review that was opened in a school year: when it was due, and when it came.

    The first report of a review is the one that was due. A later one replaces what it says.
    """
    calendar = config.calendar
    names = {name for name, row in config.deadlines.items() if row.means is Meaning.REPORT}
    ladders = sorted({row.ladder for row in rows if row.name in names and row.kind == RungKind.DUE})
    reviews = list_reviews(facts)
    owed = []
    # Not strict: the second list is the longer one where there is no review.
    for review, following in zip(reviews, (*reviews[1:], None), strict=False):
        if calendar.day(review.opened_at) not in year:
            continue
        ends = following.opened_at if following else None
        # The last plan counts: a day may have moved while the review was open.
        dues = [at for at in ladders if at >= review.opened_at and (ends is None or at < ends)]
        due = calendar.day(dues[-1]) if dues else None
        if review.reports:
            report = review.reports[0]
            came = report.received_on or calendar.day(report.at)
            owed.append(Owed("late" if due and came > due else "on time", due, came))
        else:
            owed.append(Owed("missed" if due and dues[-1] <= now else "waiting", due, None))
    return owed
