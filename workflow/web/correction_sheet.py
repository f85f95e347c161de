"""Draws the form that corrects an entry of the record: the form of that entry as it counts now, and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from states.errors import BadInput, Problem
from states.event import Event
from states.inputs import Input, Nothing, Reason
from states.machine import event_named, row_of
from states.partnership import State
from workflow.actions import attachments
from workflow.actions.action import Action, LinkClosed
from workflow.forms import parsing
from workflow.forms.fields import Field, Offered, Texts, build_form, other_problems
from workflow.forms.summary import answers_of
from workflow.session import Session
from workflow.store.rows import HistoryEntry
from workflow.views import corrections, visibility
from workflow.web.sheet import TICKED, EventInputs, digest_of

ENTRY = "entry"  # the name of the control, and of the part of the address, that says which entry is corrected
_PREFIX = "input."  # of the controls of the entry's own form
_REASON = build_form(Reason, {})[0]


def open_correction(session: Session, action: Action, entry: str) -> Correcting:
    """Return the sheet that corrects an entry, which is named by the beginning of its hash.

    The number of an entry would tell applicants how many others have applied. Raise `LinkClosed` for an entry that
    there is not, or that this person may not correct.
    """
    rows = corrections.as_they_count(visibility.history_rows(session, action.record))
    viewer = action.viewer
    for row in rows:
        if entry and corrections.name_of(row) == entry:
            if corrections.may_correct(row, viewer.role, viewer.email, viewer.through):
                return Correcting(action, row, session.config.label(row.event))
            break
    raise LinkClosed("overtaken", "This entry is not yours to correct.", action.claim)


@dataclass(frozen=True, slots=True)
class Correcting:
    """The form that corrects one entry. `row` has the input that counts now."""

    action: Action
    row: HistoryEntry
    label: str

    @property
    def template(self) -> str:
        return "ask"

    @property
    def _takes(self) -> type[Input]:
        return row_of(self.row.event, State(self.row.from_state) if self.row.from_state else None).takes

    @property
    def _event(self) -> Event:
        return event_named(self.row.event)

    @property
    def _offered(self) -> Offered:
        # The lists of the usual form are those of today. An identifier is typed as it was then.
        values = dict.fromkeys(self.row.input_values.get("values") or {}, "")
        document = {self._event.document} if self._event.document else set()
        return Offered(values=values, without=frozenset(document))

    def texts(self) -> dict[str, str]:
        usual = parsing.to_texts(self._takes, self.row.input_values, self._offered, _PREFIX)
        return usual | {ENTRY: corrections.name_of(self.row)}

    def _fields(self, texts: Texts, problems: Sequence[Problem] = ()) -> tuple[Field, ...]:
        own = [replace(p, at=p.at.removeprefix(_PREFIX)) for p in problems if p.at != "reason"]
        name = corrections.name_of(self.row)
        entry = Field(ENTRY, ENTRY, ENTRY, "Entry", "choice", True, choices=((name, self.label),), text=name)
        fields = build_form(self._takes, texts, self._offered, own, _PREFIX)
        choices = ((TICKED, "Take the entry back: it should not be there at all"),)
        void = Field(
            "void",
            "void",
            "void",
            "Instead of another input",
            "tick",
            self._takes is Nothing,
            choices=choices,
        )
        sentences = tuple(f"{p.problem}." for p in problems if p.at == "reason")
        reason = replace(_REASON, text=texts.get("reason", ""), problems=sentences)
        return (entry, *fields, replace(void, text=texts.get("void", "")), reason)

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        fields = self._fields(texts, problems)
        return {
            "fields": fields,
            "rest": other_problems(fields, problems),
            "sections": [],
            "upload": False,
            "endings": attachments.ENDINGS,
            "asks_check": False,
        }

    def read_events(self, texts: Texts) -> EventInputs:
        problems: list[Problem] = []
        given: dict[str, Any] = {
            "seq": self.row.seq,
            "reason": parsing.clean(texts.get("reason", ""), lines=True),
        }
        if not given["reason"]:
            problems.append(Problem("reason", "Say why"))
        if texts.get("void") == TICKED:
            given["void"] = True
        else:
            try:
                values = parsing.read(self._takes, texts, self._offered, _PREFIX)
            except BadInput as bad:
                problems += bad.problems
            else:
                given["input"] = self._kept() | values
        if problems:
            raise BadInput(problems)
        return [(self.action.event.name, given)]

    def _kept(self) -> dict[str, Any]:
        """Return the parts of the input that no form asks for, such as a document with its digest."""
        asked = {field.key for field in build_form(self._takes, {}, self._offered, prefix=_PREFIX)}
        return {key: value for key, value in self.row.input_values.items() if key not in asked}

    def asks_check(self, texts: Texts) -> bool:
        return False

    def sum_up(self, texts: Texts) -> dict[str, Any]:
        return {"answers": [("", answers_of(self._fields(texts)))], "grids": []}

    def digest(self) -> str:
        return digest_of(self.row.hash, self.row.input)
