"""Draws the form of one event, and reads it back into the event with its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from states.chapters.scoring import ScoreApplication
from states.errors import BadInput, Problem
from states.inputs import Input
from workflow.actions import attachments, briefing, choices, prefill
from workflow.actions.action import Action
from workflow.forms import parsing
from workflow.forms.fields import Field, Offered, Texts, build_form, other_problems, walk
from workflow.forms.summary import answers_of
from workflow.session import Session
from workflow.web import score_sheet
from workflow.web.correction_sheet import open_correction
from workflow.web.sheet import TICKED, EventInputs, Sheet, digest_of

MOST_UNCHECKED = 5  # the most fields of a form whose answers are recorded without being shown once more


def sheet_of(session: Session, action: Action, now: datetime, entry: str = "") -> Sheet:
    """Return the sheet of an action. `entry` names the entry of the record that it corrects, if it does.

    Raise `LinkClosed` for an entry that the person may not correct.
    """
    if action.event.of_entry:
        return open_correction(session, action, entry, now)
    if action.event.takes is ScoreApplication:
        return score_sheet.open_sheet(session, action, now)
    offered, sections = choices.make_offer(session, action, now), briefing.collect_sections(session, action)
    on_record = prefill.values_on_record(session, action)
    return Single(action, offered, sections, session.config.calendar.day(now), on_record)


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
        usual = prefill.usual_values(self.action.event, self.today)
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
            "upload": any(field.kind in ("file", "files") for field in fields),
            "endings": attachments.ENDINGS,
            "asks_check": self.asks_check(texts),
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

    def asks_check(self, texts: Texts) -> bool:
        fields = build_form(self._takes, texts, self.offered)
        asked = [field for field in walk(fields) if not field.parts and not field.is_stated]
        return self.action.event.final or len(asked) > MOST_UNCHECKED

    def sum_up(self, texts: Texts) -> dict[str, Any]:
        return {"answers": [("", answers_of(build_form(self._takes, texts, self.offered)))], "grids": []}

    def digest(self) -> str:
        read = self.action.event.version_read(self.action.record.facts)
        # The sections are what the person has read, and the values what the form replaces.
        # A change in either makes the form outdated.
        return digest_of(read, [asdict(section) for section in self.sections], self.on_record)
