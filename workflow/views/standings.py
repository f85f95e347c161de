"""Counts up what the panel gave each application: sums, averages, conflicts of interest, who is left (4270.3)."""

from __future__ import annotations

from dataclasses import dataclass

from states.inputs import ABILITIES
from states.names import Ability
from states.selection import Application, Conflict, Score, Selection

MOST = 5 * len(ABILITIES)  # the most points that a reviewer can give an application


@dataclass(frozen=True, slots=True)
class Standing:
    """What the panel has given one application. `left` are the addresses of reviewers who have not scored it."""

    application: Application
    scores: tuple[Score, ...]
    conflicts: tuple[Conflict, ...]
    left: tuple[str, ...]

    @property
    def average(self) -> float | None:
        """Return the average of the reviewers' sums; None without a score.

        A reviewer with a conflict of interest has no score here, so it divides by the scores and not by the panel.
        """
        return sum(map(add_up, self.scores)) / len(self.scores) if self.scores else None

    def average_of(self, ability: Ability) -> float | None:
        """Return the average of the scores for one ability; None without a score."""
        points = [score.scores[ability] for score in self.scores]
        return sum(points) / len(points) if points else None

    def write_average(self) -> str:
        """Return the average in words, such as "21.3 of 25 on average, by 3 reviewers"."""
        if self.average is None:
            return "no scores"
        count = len(self.scores)
        return f"{self.average:.1f} of {MOST} on average, by {count} reviewer{'s' if count > 1 else ''}"


def add_up(score: Score) -> int:
    """Return the sum of the scores for all abilities, at most `MOST`."""
    return sum(score.scores.values())


def standings_of(selection: Selection) -> tuple[Standing, ...]:
    """Return the standing of each application of a call, the highest average first."""
    left = selection.unscored()
    standings = [
        Standing(
            application,
            tuple(score for score in selection.counting_scores if score.organization == key),
            tuple(
                conflict
                for conflict in selection.conflicts
                if conflict.organization == key and conflict.reviewer in selection.reviewers
            ),
            tuple(reviewer for reviewer, organizations in left.items() if key in organizations),
        )
        for key, application in selection.applications.items()
    ]
    # Two with the same average stand in the order of their names, so that no page depends on the database.
    return tuple(
        sorted(
            standings,
            key=lambda each: (-(each.average or 0.0), each.application.name, each.application.organization),
        )
    )
