"""Draws the form that corrects an entry of the record: the form of that entry as it counts now, and the reason.

Before the correction is recorded, the check page shows what it would change. If later entries would not have been
allowed, the form names them, and offers to let those of the clock fall with the correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from notifications.written import long_day
from states.case import Refusal
from states.errors import BadInput, Problem, Unmet
from states.inputs import Nothing, Reason
from workflow.actions import attachments
from workflow.actions.action import Action, LinkClosed
from workflow.actions.correcting import PREFIX, EntryForm, can_fall, find_refusals
from workflow.forms import parsing
from workflow.forms.fields import Field, Texts, build_form, other_problems
from workflow.forms.summary import answers_of
from workflow.outbox import event_words
from workflow.session import Session
from workflow.store.rows import HistoryEntry
from workflow.views import corrections, visible_history
from workflow.web.sheet import TICKED, EventInputs, digest_of

ENTRY = "entry"  # the name of the control, and of the part of the address, that says which entry is corrected
_FALLS = "takes_back"  # the name of the boxes beside later entries of the clock
_REASON = build_form(Reason, {})[0]
# What the law says of a correction in the words of its input, in the words of the form.
_OF_FORM = {
    "something-changes": (
        "Nothing is changed in this form. Change something, or tick the box that takes the entry back."
    ),
    "falls-with-it": "An entry that you ticked would still be right after this correction. Remove its tick.",
}


def open_correction(session: Session, action: Action, entry: str, now: datetime) -> Correcting:
    """Return the sheet that corrects an entry, which is named by the beginning of its hash.

    The number of an entry would tell applicants how many others have applied. Raise `LinkClosed` for an entry that
    there is not, or that this person may not correct.
    """
    rows = corrections.as_they_count(visible_history.history_rows(session, action.record))
    viewer = action.viewer
    for row in rows:
        if entry and corrections.name_of(row) == entry:
            if corrections.may_correct(row, viewer.role, viewer.email, viewer.through):
                seen = tuple(visible_history.visible_rows(session, action.record, viewer, now))
                return Correcting(action, row, session.config.label(row.event), session, seen, now)
            break
    raise LinkClosed("overtaken", "This entry is not yours to correct.", action.claim)


@dataclass(frozen=True, slots=True)
class Correcting:
    """The form that corrects one entry. `row` has the input that counts, and the reader knows the rows `seen`."""

    action: Action
    row: HistoryEntry
    label: str
    session: Session
    seen: tuple[HistoryEntry, ...]
    now: datetime

    @property
    def template(self) -> str:
        return "ask"

    @property
    def _form(self) -> EntryForm:
        return EntryForm(self.row)

    def texts(self) -> dict[str, str]:
        return self._form.texts(PREFIX) | {ENTRY: corrections.name_of(self.row)}

    def _fields(self, texts: Texts, problems: Sequence[Problem] = ()) -> tuple[Field, ...]:
        own = [replace(p, at=p.at.removeprefix(PREFIX)) for p in problems if p.at != "reason"]
        name = corrections.name_of(self.row)
        entry = Field(ENTRY, ENTRY, ENTRY, "Entry", "choice", True, choices=((name, self.label),), text=name)
        fields = build_form(self._form.takes, texts, self._form.offered, own, PREFIX)
        choices = ((TICKED, "Take the entry back: it should not be there at all"),)
        void = Field(
            "void",
            "void",
            "void",
            "Instead of another input",
            "tick",
            self._form.takes is Nothing,
            choices=choices,
        )
        sentences = tuple(f"{p.problem}." for p in problems if p.at == "reason")
        reason = replace(_REASON, text=texts.get("reason", ""), problems=sentences)
        falls = self._offer_to_fall(texts)
        return (entry, *fields, replace(void, text=texts.get("void", "")), *falls, reason)

    def _offer_to_fall(self, texts: Texts) -> tuple[Field, ...]:
        """Return a box beside each later entry of the clock that would not have been allowed; none without such."""
        fall = {each.entry.seq for each in self._find_refusals(texts) if can_fall(each, self.row.seq)}
        choices = tuple(
            (corrections.name_of(row), f"{long_day(self._day(row))}: {self._sentence(row)}")
            for row in self.seen
            if row.seq in fall
        )
        if not choices:
            return ()
        label = "Later entries that fall with it"
        told = (
            "They were made because a day had come. Tick each that should not be there after this correction."
        )
        text = texts.get(_FALLS, "")
        return (Field(_FALLS, _FALLS, _FALLS, label, "several", False, told, choices=choices, text=text),)

    def _find_refusals(self, texts: Texts) -> tuple[Refusal, ...]:
        """Return what the law has against entries if this one is corrected so, and none of them falls."""
        if dict(texts) == self.texts():
            return ()
        try:
            ((_, given),) = self.read_events({**texts, "reason": texts.get("reason") or "-"})
        except BadInput:
            return ()  # The form says what is wrong with its own fields.
        action = self.action
        return find_refusals(self.session, action.record, given, self.now, action.actor, action.through)

    def explain(self, texts: Texts, refused: Sequence[Unmet]) -> list[str] | None:
        """Return why a correction was refused, in the words of the page: each later entry that stands in the way.

        None if it was refused for another reason than these, which the law itself puts into words.
        """
        if refused and all(unmet.requirement in _OF_FORM for unmet in refused):
            return [_OF_FORM[unmet.requirement] for unmet in refused]
        refusals = self._find_refusals(texts) if refused else ()
        against = {(refusal.requirement, refusal.clause) for refusal in refusals}
        if not {(unmet.requirement, unmet.clause) for unmet in refused} <= against:
            return None
        ticked = self._ticked(texts)
        lines = [self._explain_refusal(refusal) for refusal in refusals if refusal.entry.seq not in ticked]
        return list(dict.fromkeys(lines))

    def _explain_refusal(self, refusal: Refusal) -> str:
        row = next((row for row in self.seen if row.seq == refusal.entry.seq), None)
        if row is None:
            return "Something that came later, and that you may not read, rests on this entry. Write to the office."
        session, record = self.session, self.action.record
        reason = event_words.write_reason(session, refusal.reason, record.facts)
        clause = f" (policy {refusal.clause})" if refusal.clause else ""
        why = f"That would not have been allowed: {reason}{clause}."
        if row.seq == self.row.seq:
            return f"This entry itself: {self._sentence(row)} {why}"
        hint = " Tick it below if it falls with this correction." if can_fall(refusal, self.row.seq) else ""
        return f"{long_day(self._day(row))}: {self._sentence(row)} {why}{hint}"

    def _day(self, row: HistoryEntry) -> Any:
        return self.session.config.calendar.day(row.at)

    def _sentence(self, row: HistoryEntry) -> str:
        (line,) = visible_history.lines_of(self.session, self.action.record, self.action.viewer, [row])
        return str(line["sentence"])

    def _ticked(self, texts: Texts) -> list[int]:
        names = parsing.lines_of(texts.get(_FALLS, ""))
        return [row.seq for row in self.seen if corrections.name_of(row) in names]

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        fields = self._fields(texts, problems)
        return {
            "fields": fields,
            "rest": other_problems(fields, problems),
            "sections": [],
            "upload": False,
            "endings": attachments.ENDINGS,
            "asks_check": True,
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
                values = parsing.read(self._form.takes, texts, self._form.offered, PREFIX)
            except BadInput as bad:
                problems += bad.problems
            else:
                given["input"] = self._form.complete(values)
        if problems:
            raise BadInput(problems)
        if ticked := self._ticked(texts):
            given[_FALLS] = ticked
        return [(self.action.event.name, given)]

    def asks_check(self, texts: Texts) -> bool:
        # So that its author reads first what it would change.
        return True

    def sum_up(self, texts: Texts) -> dict[str, Any]:
        return {"answers": [("", answers_of(self._fields(texts)))], "grids": []}

    def digest(self) -> str:
        # What the correction would change depends on all rows. Those whom the reader does not know must not show.
        return digest_of(self.row.hash, self.row.input, self.seen[-1].hash if self.seen else "")
