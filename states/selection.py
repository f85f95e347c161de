"""Defines the facts of one open call: applications, conflicts, scores, the choice, protests (4270.8)."""

from datetime import datetime

from states.fact import Attachment, Fact
from states.names import Ability, Kind, Remedy


class Application(Fact):
    """An application without its texts: the history keeps these, in the row of `received_at`."""

    organization: str
    name: str
    kind: Kind
    contact_name: str
    contact_email: str
    received_at: datetime
    replaces: int = 0
    applied_as: str | None = None  # the name that was sent, for readers of a present name; never on record


class Conflict(Fact):
    reviewer: str
    organization: str
    reason: str
    at: datetime


class Score(Fact):
    reviewer: str
    organization: str
    scores: dict[Ability, int]
    comment: str
    at: datetime


class Choice(Fact):
    organization: str
    reasons: str
    by: str
    at: datetime
    protest_until: datetime


class Protest(Fact):
    organization: str
    text: str
    at: datetime
    answer: str | None = None
    answered_at: datetime | None = None
    remedy: Remedy | None = None
    documents: tuple[Attachment, ...] = ()
    answer_documents: tuple[Attachment, ...] = ()


class Question(Fact):
    """A question that somebody asked about a call. One that is withheld does not stand on the page of the call."""

    text: str
    at: datetime
    answer: str | None = None
    answered_at: datetime | None = None
    withheld: bool = False


class Selection(Fact):
    """One open call, from its opening to the choice (4270.8)."""

    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None = None
    reviewers: tuple[str, ...] = ()
    applications: dict[str, Application] = {}
    conflicts: tuple[Conflict, ...] = ()
    scores: tuple[Score, ...] = ()
    scored_at: datetime | None = None
    anew_at: datetime | None = None  # since when the panel scores anew, after a protest that was upheld
    earlier_scores: tuple[Score, ...] = ()  # those that no longer count since
    choice: Choice | None = None
    protests: tuple[Protest, ...] = ()
    questions: tuple[Question, ...] = ()
    restarted: str | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether the call still takes applications, so that their contents are sealed (4270.8)."""
        return now < self.closes_at

    def score(self, reviewer: str, organization: str) -> Score | None:
        """Return the score that this reviewer gave this applicant, if any."""
        return next(
            (s for s in self.scores if (s.reviewer, s.organization) == (reviewer, organization)), None
        )

    def has_conflict(self, reviewer: str, organization: str) -> bool:
        """Return whether this reviewer declared a conflict of interest with this applicant."""
        return any((c.reviewer, c.organization) == (reviewer, organization) for c in self.conflicts)

    @property
    def counting_scores(self) -> tuple[Score, ...]:
        """Return the scores of those who are on the panel. The scores of a reviewer who left do not count."""
        return tuple(score for score in self.scores if score.reviewer in self.reviewers)

    def unscored(self) -> dict[str, tuple[str, ...]]:
        """Return, by reviewer, the applicants without a score or a conflict of interest from this reviewer."""
        left = {
            reviewer: tuple(
                organization
                for organization in self.applications
                if not self.has_conflict(reviewer, organization) and not self.score(reviewer, organization)
            )
            for reviewer in self.reviewers
        }
        return {reviewer: organizations for reviewer, organizations in left.items() if organizations}

    def unanswered(self) -> tuple[Protest, ...]:
        """Return the protests that still wait for an answer."""
        return tuple(protest for protest in self.protests if protest.answer is None)
