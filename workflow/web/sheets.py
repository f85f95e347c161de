"""Draws the sheet (the form of an event, or of all scores), and reads it back into events with inputs.

A sheet is the form of one event, or the scores of all applications side by side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol

from states.chapters.choice import DECLARE_CONFLICT, SCORE_APPLICATION, DeclareConflict, ScoreApplication
from states.errors import BadInput, Problem
from states.inputs import ABILITIES, READABLE, Input
from states.partnership import Application
from workflow.actions import attachments
from workflow.actions.action import Action
from workflow.forms import parsing
from workflow.forms.fields import NOTHING, Field, Offered, Texts, build_form, other_problems
from workflow.session import Session
from workflow.store.application_texts import ApplicationText
from workflow.store.tables import canonical
from workflow.views.applications import texts_for
from workflow.web import briefing, choices

TICKED = "yes"  # the value of a box that a person ticks to say that a form is meant
EventInputs = list[tuple[str, dict[str, Any]]]


class Sheet(Protocol):
    """A sheet that can be drawn on a page and read back from what was typed."""

    @property
    def template(self) -> str:
        """The name of the template that draws the sheet."""
        ...

    def texts(self) -> dict[str, str]:
        """Return the texts of the sheet before anything is typed."""
        ...

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        """Return the context of its template. The summary of problems at the top of the page reads `fields`."""
        ...

    def read_events(self, texts: Texts) -> EventInputs:
        """Return the events that the texts ask for, each with its input. Raise `BadInput`."""
        ...

    def digest(self) -> str:
        """Return a digest that changes when what the person reads, agrees to or replaces has changed."""
        ...


def sheet_of(session: Session, action: Action, now: datetime) -> Sheet:
    """Return the sheet of an action."""
    if action.event.takes is ScoreApplication:
        texts = texts_for(session, action.record, action.viewer, now)
        return Scores(action, tuple(choices.applications_without_conflict(session, action, now)), texts)
    offered, sections = choices.make_offer(session, action, now), briefing.collect_sections(session, action)
    on_record = choices.values_on_record(session, action)
    return Single(action, offered, sections, session.config.calendar.day(now), on_record)


def _digest(*values: object) -> str:
    return hashlib.sha256(canonical(values).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Single:
    """The form of one event."""

    action: Action
    offered: Offered
    sections: list[briefing.Section]
    today: date
    on_record: Mapping[str, Any]  # what the form replaces

    @property
    def template(self) -> str:
        return "ask"

    @property
    def _takes(self) -> type[Input]:
        return self.action.event.takes

    def texts(self) -> dict[str, str]:
        usual = choices.usual_values(self.action.event, self.today)
        fields = build_form(self._takes, {}, self.offered)
        stated = {field.name: field.choices[0][0] for field in fields if field.is_stated}
        return parsing.to_texts(self._takes, usual | dict(self.on_record), self.offered) | stated

    def _untouched(self) -> dict[str, Any] | None:
        """Return the input that the form states before anybody fills it in. None if it is not complete."""
        try:
            return parsing.read(self._takes, self.texts(), self.offered)
        except BadInput:
            return None

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        fields = build_form(self._takes, texts, self.offered, problems)
        if (confirmation := self._confirmation()) is not None:
            sentences = tuple(f"{problem.problem}." for problem in problems if problem.at == "confirm")
            fields = (*fields, replace(confirmation, text=texts.get("confirm", ""), problems=sentences))
        return {
            "fields": fields,
            "rest": other_problems(fields, problems),
            "sections": self.sections,
            "upload": any(field.kind == "file" for field in fields),
            "endings": attachments.ENDINGS,
        }

    def _confirmation(self) -> Field | None:
        """Return the control that a person fills in to mean it. None if the form needs other words anyway.

        Programs that check mail open links and send the forms behind them as they are. So a form that is complete
        as the page shows it has a box, which is never ticked beforehand.
        """
        event, ref = self.action.event, self.action.record.ref
        if event.confirmed:
            return Field("confirm", "confirm", "confirm", f"Type {ref} to confirm", "line", True)
        if self._untouched() is None:
            return None
        if self.on_record:
            label, words = "If you change nothing", "I want to record it again as it is"
        elif event.consents_to:
            label, words = "Your consent", "I have read this, and I agree to it"
        else:
            label, words = "Your decision", "Yes, I want this"
        required = not self.on_record
        return Field("confirm", "confirm", "confirm", label, "tick", required, choices=((TICKED, words),))

    def _doubt(self, values: Mapping[str, Any], typed: str) -> str | None:
        """Return why the form does not count as filled in; None if it does. `typed` is its confirmation."""
        confirmation, ref = self._confirmation(), self.action.record.ref
        if confirmation is None:
            return None
        if confirmation.kind == "line":
            return None if typed.lower() == ref.lower() else f"Type {ref} here to confirm"
        if typed == TICKED or not (confirmation.required or values == self._untouched()):
            return None
        if confirmation.required:
            return "Tick this box if you want this"
        return "Nothing is changed in this form. Change something, or tick this box"

    def read_events(self, texts: Texts) -> EventInputs:
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        try:
            values = parsing.read(self._takes, texts, self.offered)
        except BadInput as bad:
            problems += bad.problems
        # The page shows all problems at once, so a missing confirmation joins those of the fields.
        if doubt := self._doubt(values, parsing.clean(texts.get("confirm", ""))):
            problems.append(Problem("confirm", doubt))
        if problems:
            raise BadInput(problems)
        return [(self.action.event.name, values)]

    def digest(self) -> str:
        read = self.action.event.version_read(self.action.record.facts)
        # The sections are what the person has read, and the values what the form replaces.
        # A change in either makes the form outdated.
        return _digest(read, [asdict(section) for section in self.sections], self.on_record)


@dataclass(frozen=True, slots=True)
class Scores:
    """All applications side by side, except those with which the reviewer has a conflict of interest."""

    action: Action
    applications: tuple[Application, ...]
    application_texts: Mapping[str, ApplicationText]  # by organization

    @property
    def template(self) -> str:
        return "scores"

    def texts(self) -> dict[str, str]:
        texts: dict[str, str] = {}
        for application in self.applications:
            if score := self._score_on_record(application.organization):
                texts |= parsing.to_texts(ScoreApplication, score, _SCORE, _prefix(application.organization))
        return texts

    def _score_on_record(self, organization: str) -> dict[str, Any] | None:
        selection = self.action.record.facts.selection
        score = selection.score(self.action.actor, organization) if selection else None
        return score.model_dump(mode="json", include={"scores", "comment"}) if score else None

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        rows = [self._row(application, texts, problems) for application in self.applications]
        return {
            "rows": rows,
            "abilities": [(ability, READABLE[ability]) for ability in ABILITIES],
            "fields": [
                _name_applicant(row["name"], row[key])
                for row in rows
                for key in ("conflict", "scores", "comment")
            ],
            "rest": [problem.problem for problem in problems if not problem.at],
            "sections": [],
            "declared": self._declared(),
        }

    def _declared(self) -> list[str]:
        """Return the names of the applicants with which the reviewer has declared a conflict of interest."""
        selection = self.action.record.facts.selection
        if selection is None:
            return []
        organizations = [
            conflict.organization
            for conflict in selection.conflicts
            if conflict.reviewer == self.action.actor
        ]
        names = {key: application.name for key, application in selection.applications.items()}
        return [names.get(organization, organization) for organization in organizations]

    def _row(self, application: Application, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        """Return what the template shows of one application, with its fields and their problems."""
        start = _prefix(application.organization)
        mine = [_strip_place(problem, start) for problem in problems if problem.at.startswith(start)]
        scores, comment = build_form(ScoreApplication, texts, _SCORE, mine, start)
        of_conflict = [_strip_place(problem, "conflict/") for problem in mine]
        conflict = build_form(DeclareConflict, texts, _CONFLICT, of_conflict, start + "conflict/")
        return {
            "name": application.name,
            "kind": application.kind,
            **asdict(self.application_texts[application.organization]),
            "scores": scores,
            "comment": comment,
            "conflict": replace(conflict[0], required=False),
        }

    def read_events(self, texts: Texts) -> EventInputs:
        problems: list[Problem] = []
        events: EventInputs = []
        for application in self.applications:
            try:
                events += self._events_of(application.organization, texts)
            except BadInput as bad:
                start = _prefix(application.organization)
                problems += [replace(problem, at=start + problem.at) for problem in bad.problems]
        # An empty sheet is most likely a slip, and a page that says "recorded" would be wrong.
        if not problems and not events:
            problems.append(
                Problem("", "There is nothing new here: score an application, or declare a conflict")
            )
        if problems:
            raise BadInput(problems)
        return events

    def _events_of(self, organization: str, texts: Texts) -> EventInputs:
        """Return the events for one application: a conflict of interest, a score, or nothing.

        1. A declared conflict counts alone: a reviewer with a conflict does not score.
        2. An application that is left blank is skipped, so that the reviewer can score it later.
        3. A score that equals the one on record is not recorded again.
        """
        start, key = _prefix(organization), {"organization": organization}
        if reason := parsing.clean(texts.get(f"{start}conflict/reason", ""), lines=True):
            try:
                parsing.read(DeclareConflict, {"organization": organization, "reason": reason})
            except BadInput as bad:
                problems = [replace(problem, at="conflict/" + problem.at) for problem in bad.problems]
                raise BadInput(problems) from None
            return [(DECLARE_CONFLICT, key | {"reason": reason})]
        if not any(text.strip() for name, text in texts.items() if name.startswith(start)):
            return []
        whole = dict(texts) | {f"{start}organization": organization}
        values = parsing.read(ScoreApplication, whole, NOTHING, start)
        old = self._score_on_record(organization)
        return [] if old and old | key == values else [(SCORE_APPLICATION, values)]

    def digest(self) -> str:
        # The scores themselves are left out: another reviewer's score must not make this sheet outdated.
        return _digest([(each.organization, each.received_at.isoformat()) for each in self.applications])


_SCORE = Offered(without=frozenset({"organization"}))
_CONFLICT = Offered(
    without=frozenset({"organization"}),
    labels={"reason": "Conflict of interest"},
    helps={
        "reason": "Only if you have one with this applicant: say what it is. Then you do not score it, and"
        " whatever you fill in below for it does not count."
    },
)


def _name_applicant(name: str, field: Field) -> Field:
    """Return a field with the applicant's name in its label, for the summary of problems."""
    parts = tuple(_name_applicant(name, part) for part in field.parts)
    return replace(field, label=f"{name}, {field.label}", parts=parts)


def _prefix(organization: str) -> str:
    """Return how the names of one application's controls begin, since all applications share one form."""
    return f"{organization}/"


def _strip_place(problem: Problem, start: str) -> Problem:
    """Return the problem with `start` removed from its place."""
    return replace(problem, at=problem.at.removeprefix(start))
