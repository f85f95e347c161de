"""The sheets that people fill in: the form of one event, or the scores of all applications side by side.

A sheet is drawn from texts and read back into events with their inputs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol

from states.chapters.choice import DECLARE_CONFLICT, SCORE_APPLICATION, DeclareConflict, ScoreApplication
from states.errors import BadInput, Problem
from states.inputs import ABILITIES, READABLE, Input
from workflow.actions import attachments
from workflow.actions.action import Action
from workflow.forms import parsing
from workflow.forms.fields import NOTHING, Field, Offered, Texts, build_form, other_problems
from workflow.session import Session
from workflow.store.tables import canonical
from workflow.web import briefing, choices

Deeds = list[tuple[str, dict[str, Any]]]


class Sheet(Protocol):
    """What can be drawn and read back."""

    @property
    def template(self) -> str:
        """The name of the page that draws it."""
        ...

    def texts(self, today: date) -> dict[str, str]:
        """What stands in it before anything is typed."""
        ...

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        """What its template needs: `fields` above all, which the summary of errors goes through."""
        ...

    def deeds(self, texts: Texts) -> Deeds:
        """The events that it asks for, each with its input. Raises `BadInput`."""
        ...

    def shown(self) -> str:
        """A text that changes when what it shows is another: what one agrees to, reads or replaces."""
        ...


def sheet_of(session: Session, action: Action, now: datetime) -> Sheet:
    """Return the sheet of an action."""
    if action.event.takes is ScoreApplication:
        return Scores(action)
    return Single(action, choices.offered(session, action, now), briefing.sections(session, action))


def _digest(*parts: Any) -> str:
    return hashlib.sha256(canonical(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Single:
    """The form of one event."""

    action: Action
    offered: Offered
    sections: list[briefing.Section]

    @property
    def template(self) -> str:
        return "ask"

    @property
    def _takes(self) -> type[Input]:
        return self.action.event.takes

    def texts(self, today: date) -> dict[str, str]:
        values = choices.usual(self.action.event, today) | choices.on_record(self.action)
        return parsing.to_texts(self._takes, values, self.offered)

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        fields = build_form(self._takes, texts, self.offered, problems)
        if self.action.event.confirmed:
            fields = (*fields, self._confirmation(texts, problems))
        return {
            "fields": fields,
            "rest": other_problems(fields, problems),
            "sections": self.sections,
            "upload": any(one.kind == "file" for one in fields),
            "endings": attachments.ENDINGS,
        }

    def _confirmation(self, texts: Texts, problems: Sequence[Problem]) -> Field:
        ref = self.action.record.ref
        mine = tuple(f"{p.problem}." for p in problems if p.at == "confirm")
        return Field(
            "confirm", "confirm", "confirm", f"Type {ref} to confirm", "line", True,
            text=texts.get("confirm", ""), problems=mine,
        )  # fmt: skip

    def deeds(self, texts: Texts) -> Deeds:
        found: list[Problem] = []
        values: dict[str, Any] = {}
        try:
            values = parsing.read(self._takes, texts, self.offered)
        except BadInput as bad:
            found += bad.problems
        ref = self.action.record.ref
        given = parsing.clean(texts.get("confirm", "")).lower()
        if self.action.event.confirmed and given != ref.lower():
            found.append(Problem("confirm", f"Type {ref} here to confirm"))
        if found:
            raise BadInput(found)
        return [(self.action.event.name, values)]

    def shown(self) -> str:
        read = self.action.event.version_read(self.action.record.facts)
        return _digest(read, [asdict(section) for section in self.sections], choices.on_record(self.action))


@dataclass(frozen=True, slots=True)
class Scores:
    """All applications side by side, without those that the reviewer has a conflict of interest with."""

    action: Action

    @property
    def template(self) -> str:
        return "scores"

    def texts(self, today: date) -> dict[str, str]:
        found: dict[str, str] = {}
        for one in choices.without_conflict(self.action):
            if given := self._on_record(one.organization):
                found |= parsing.to_texts(ScoreApplication, given, _SCORE, _prefix(one.organization))
        return found

    def _on_record(self, organization: str) -> dict[str, Any] | None:
        selection = self.action.record.facts.selection
        score = selection.score(self.action.actor, organization) if selection else None
        return score.model_dump(mode="json", include={"scores", "comment"}) if score else None

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        rows = [
            self._row(one, texts, [p for p in problems if p.at.startswith(_prefix(one.organization))])
            for one in choices.without_conflict(self.action)
        ]
        selection = self.action.record.facts.selection
        conflicts = selection.conflicts if selection else ()
        names = {key: one.name for key, one in (selection.applications if selection else {}).items()}
        return {
            "rows": rows,
            "abilities": [(ability, READABLE[ability]) for ability in ABILITIES],
            "fields": [
                _of_one(row["name"], row[key]) for row in rows for key in ("scores", "comment", "conflict")
            ],
            "rest": [p.problem for p in problems if not p.at],
            "sections": [],
            "declared": [
                names.get(c.organization, c.organization)
                for c in conflicts
                if c.reviewer == self.action.actor
            ],
        }

    def _row(self, one: Any, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        start = _prefix(one.organization)
        mine = [replace_at(problem, start) for problem in problems]
        score = build_form(ScoreApplication, texts, _SCORE, mine, start)
        conflict = build_form(
            DeclareConflict, texts, _CONFLICT, [replace_at(p, "conflict/") for p in mine], start + "conflict/"
        )
        scores, comment = score
        return {
            "name": one.name,
            "kind": one.kind,
            "abilities": one.abilities,
            "demonstration": one.demonstration,
            "scores": scores,
            "comment": comment,
            "conflict": replace(conflict[0], required=False),
        }

    def deeds(self, texts: Texts) -> Deeds:
        found: list[Problem] = []
        deeds: Deeds = []
        for one in choices.without_conflict(self.action):
            try:
                deeds += self._deed(one.organization, texts)
            except BadInput as bad:
                start = _prefix(one.organization)
                found += [Problem(start + p.at, p.problem, p.expected) for p in bad.problems]
        if not found and not deeds:
            found.append(
                Problem("", "There is nothing new here: score an application, or declare a conflict")
            )
        if found:
            raise BadInput(found)
        return deeds

    def _deed(self, organization: str, texts: Texts) -> Deeds:
        """What is to be done with one application; nothing where it is left blank or as it was."""
        start, key = _prefix(organization), {"organization": organization}
        if reason := parsing.clean(texts.get(f"{start}conflict/reason", ""), lines=True):
            try:
                parsing.read(DeclareConflict, {"organization": organization, "reason": reason})
            except BadInput as bad:
                raise BadInput([replace(p, at="conflict/" + p.at) for p in bad.problems]) from None
            return [(DECLARE_CONFLICT, key | {"reason": reason})]
        if not any(text.strip() for name, text in texts.items() if name.startswith(start)):
            return []
        whole = dict(texts) | {f"{start}organization": organization}
        values = parsing.read(ScoreApplication, whole, NOTHING, start)
        old = self._on_record(organization)
        return [] if old and old | key == values else [(SCORE_APPLICATION, values)]

    def shown(self) -> str:
        applications = choices.without_conflict(self.action)
        return _digest([(one.organization, one.received_at.isoformat()) for one in applications])


_SCORE = Offered(without=frozenset({"organization"}))
_CONFLICT = Offered(
    without=frozenset({"organization"}),
    labels={"reason": "Conflict of interest"},
    helps={
        "reason": "Only if you have one with this applicant: say what it is. Then you do not score it, and"
        " whatever you fill in above for it does not count."
    },
)


def _of_one(name: str, one: Field) -> Field:
    """A field whose label says which application it is about, for the summary of what is wrong."""
    return replace(one, label=f"{name}, {one.label}", parts=tuple(_of_one(name, part) for part in one.parts))


def _prefix(organization: str) -> str:
    return f"{organization}/"


def replace_at(problem: Problem, start: str) -> Problem:
    """The same problem, placed inside what begins with `start`."""
    return replace(problem, at=problem.at.removeprefix(start))
