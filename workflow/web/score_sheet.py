"""Draws the sheet of scores, all applications side by side, and reads it back into scores and conflicts.

A reviewer can save a sheet that is half filled in. Only this reviewer sees it, and nobody counts it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from states.chapters.scoring import DECLARE_CONFLICT, SCORE_APPLICATION, DeclareConflict, ScoreApplication
from states.errors import BadInput, Problem
from states.inputs import ABILITIES, READABLE
from states.selection import Application
from workflow.actions import choices, kept_forms
from workflow.actions.action import Action
from workflow.actions.briefing import Grid
from workflow.actions.kept_forms import Kept
from workflow.forms import parsing
from workflow.forms.fields import NOTHING, Field, Offered, Texts, build_form, walk
from workflow.forms.summary import Answer
from workflow.session import Session
from workflow.store.application_texts import ApplicationText
from workflow.views import attached
from workflow.views.applications import texts_for
from workflow.views.standings import MOST
from workflow.web.sheet import TICKED, EventInputs, digest_of


def open_sheet(session: Session, action: Action, now: datetime) -> Scores:
    """Return the sheet of a reviewer, with what they saved of it last."""
    texts = texts_for(session, action.record, action.viewer, now)
    applications = tuple(choices.applications_without_conflict(session, action, now))
    return Scores(action, applications, texts, kept_forms.find(session, key := _key(action), key, now))


def save(session: Session, action: Action, texts: Texts, now: datetime) -> None:
    """Keep a sheet that is half filled in, for this reviewer alone. Raise `BadInput` if a text is too long.

    Do nothing if nobody has filled in anything since the page was shown.
    """
    sheet, key = open_sheet(session, action, now), _key(action)
    own = sheet.own(texts)
    if own == sheet.own(sheet.texts()):
        return
    if problems := sheet.find_too_long(own):
        raise BadInput(problems)
    kept_forms.keep(session, key, Kept(key, sheet.digest(), own), now, kept_forms.FOR_A_TERM)


def forget(session: Session, action: Action) -> None:
    """Delete what a reviewer saved, once it is recorded."""
    kept_forms.forget(session, key := _key(action), key)


def _key(action: Action) -> str:
    # A delegate does not read what the absent reviewer saved, and a new round begins with an empty sheet.
    return f"sheet {action.record.id} {action.record.facts.round} {action.actor} {action.reader}"


@dataclass(frozen=True, slots=True)
class Scores:
    """All applications side by side, except those with which the reviewer has a conflict of interest."""

    action: Action
    applications: tuple[Application, ...]
    application_texts: Mapping[str, ApplicationText]  # by organization
    saved: Kept | None = None  # what the reviewer saved and has not recorded

    @property
    def template(self) -> str:
        return "scores"

    def texts(self) -> dict[str, str]:
        texts: dict[str, str] = {}
        for application in self.applications:
            if score := self._score_on_record(application.organization):
                texts |= parsing.to_texts(ScoreApplication, score, _SCORE, _prefix(application.organization))
        return texts | self.own(self.saved.texts if self.saved else {})

    def own(self, texts: Texts) -> dict[str, str]:
        """Return the texts of this sheet's controls, without the empty ones."""
        names = {control.name for control in walk(self._fields(texts))}
        cleaned = {name: parsing.clean(text, lines=True) for name, text in texts.items() if name in names}
        return {name: text for name, text in cleaned.items() if text}

    def find_too_long(self, texts: Texts) -> list[Problem]:
        """Return a problem for each text that is longer than its limit."""
        return [
            Problem(control.name, parsing.say_too_long(control.text, control.longest))
            for control in walk(self._fields(texts))
            if control.longest is not None and len(control.text) > control.longest
        ]

    def _fields(self, texts: Texts) -> list[Field]:
        rows = (self._row(application, texts, ()) for application in self.applications)
        return [row[key] for row in rows for key in _CONTROLS]

    def _score_on_record(self, organization: str) -> dict[str, Any] | None:
        selection = self.action.record.facts.selection
        score = selection.score(self.action.actor, organization) if selection else None
        return score.model_dump(mode="json", include={"scores", "comment"}) if score else None

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        rows = [self._row(application, texts, problems) for application in self.applications]
        confirmation = self._confirmation(texts, problems)
        return {
            "rows": rows,
            "abilities": [(ability, READABLE[ability]) for ability in ABILITIES],
            "fields": [
                *(_name_applicant(row["name"], row[key]) for row in rows for key in _CONTROLS),
                *([confirmation] if confirmation else []),
            ],
            "confirmation": confirmation,
            "statement": self._statement(),
            "most": MOST,
            "scored": sum(row["sum_on_record"] is not None for row in rows),
            "saved_at": self.saved.kept_at if self.saved else None,
            "rest": [problem.problem for problem in problems if not problem.at],
            "sections": [],
            "declared": self._declared(),
        }

    def _statement(self) -> list[tuple[str, list[str]]]:
        statement = self.action.record.facts.needs.statement
        document = statement.model_dump(mode="json") if statement else {}
        return [(key.capitalize(), entries) for key, entries in document.items() if entries]

    def _confirmation(self, texts: Texts, problems: Sequence[Problem]) -> Field | None:
        """Return the box that a person ticks to record a saved sheet as it is. None if nothing is saved.

        Programs that check mail send the forms behind links as they are, and a saved sheet can be complete.
        """
        if self.saved is None:
            return None
        words = "I want to record what I saved as it is"
        faults = tuple(f"{problem.problem}." for problem in problems if problem.at == "confirm")
        return Field(
            "confirm", "confirm", "confirm", "If you change nothing", "tick", False,
            choices=((TICKED, words),), text=texts.get("confirm", ""), problems=faults,
        )  # fmt: skip

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
        score = self._score_on_record(application.organization)
        points = [int(part.text) for part in scores.parts if part.text in dict(part.choices)]
        return {
            "name": application.name,
            "kind": application.kind,
            "key": re.sub(r"[^A-Za-z0-9]", "-", application.organization),
            # What is marked on this page, and what the record has: a sheet that is not sent differs.
            "sum": sum(points),
            "marked": len(points),
            "sum_on_record": sum(score["scores"].values()) if score else None,
            **asdict(text := self.application_texts[application.organization]),
            "files": [attached.show(each) for each in text.documents],
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
        if events and self.saved and texts.get("confirm") != TICKED and self._is_untouched(texts):
            problems.append(
                Problem("confirm", "Nothing is changed since you saved. Tick this box to record it")
            )
        # An empty sheet is most likely a slip, and a page that says "recorded" would be wrong.
        if not problems and not events:
            problems.append(
                Problem("", "There is nothing new here: score an application, or declare a conflict")
            )
        if problems:
            raise BadInput(problems)
        return events

    def _is_untouched(self, texts: Texts) -> bool:
        return self.own(texts) == self.own(self.texts())

    def asks_check(self, texts: Texts) -> bool:
        return True

    def sum_up(self, texts: Texts) -> dict[str, Any]:
        scores, answers = [], []
        for application in self.applications:
            row = self._row(application, texts, ())
            for event, values in self._events_of(application.organization, texts):
                if event == DECLARE_CONFLICT:
                    words = "Conflict of interest, so you do not score it"
                    answers.append((row["name"], [Answer(words, values["reason"], row["conflict"].id)]))
                    continue
                scores.append([row["name"], *(part.text for part in row["scores"].parts), str(row["sum"])])
                # The link of the sum leads to the first score, and the table has them all.
                points = Answer("Sum of your scores", f"{row['sum']} of {MOST}", row["scores"].parts[0].id)
                comment = Answer("Comment", values["comment"], row["comment"].id)
                answers.append((row["name"], [points, comment]))
        columns = ["Organization", *(READABLE[ability] for ability in ABILITIES), f"Sum, of {MOST}"]
        return {"answers": answers, "grids": [Grid("Your scores", columns, scores)] if scores else []}

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
        return digest_of([(each.organization, each.received_at.isoformat()) for each in self.applications])


_CONTROLS = ("conflict", "scores", "comment")  # of each application
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
