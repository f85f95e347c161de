"""Offers the entries of a record that a person may correct, and the form of each as it was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from states.case import Refusal
from states.chapters.call import CLOSE_APPLICATIONS
from states.chapters.correction import CorrectEntry
from states.errors import BadInput
from states.inputs import Input, read_input
from states.machine import event_named, row_of
from states.names import Role, State
from workflow.forms import parsing
from workflow.forms.fields import Offered, build_form
from workflow.session import Session
from workflow.setting import Situation, try_correction
from workflow.store.rows import Channel, HistoryEntry, Snapshot
from workflow.views import corrections, visible_history
from workflow.views.visibility import Viewer

PREFIX = "input."  # of the controls of the entry's own form, beside those of the correction


@dataclass(frozen=True, slots=True)
class EntryForm:
    """The form of an entry. Its row has the input that counts now."""

    row: HistoryEntry

    @property
    def takes(self) -> type[Input]:
        """Return the type of the input of the entry."""
        return row_of(self.row.event, State(self.row.from_state) if self.row.from_state else None).takes

    @property
    def offered(self) -> Offered:
        """Return what the form offers. The lists of the usual form are those of today, so identifiers are typed."""
        values = dict.fromkeys(self.row.input_values.get("values") or {}, "")
        document = event_named(self.row.event).document
        return Offered(values=values, without=frozenset({document} if document else ()))

    def texts(self, prefix: str = "") -> dict[str, str]:
        """Return the form as it was filled in."""
        return parsing.to_texts(self.takes, self.row.input_values, self.offered, prefix)

    def complete(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return an input with the parts that no form asks for, such as a document with its digest."""
        asked = {field.key for field in build_form(self.takes, {}, self.offered)}
        kept = {key: value for key, value in self.row.input_values.items() if key not in asked}
        return kept | dict(values)


def list_correctable(
    session: Session, record: Snapshot, viewer: Viewer, now: datetime
) -> list[tuple[HistoryEntry, str]]:
    """Return the entries that somebody may correct, the latest first, each with its sentence in the history."""
    rows = visible_history.visible_rows(session, record, viewer, now)
    lines = visible_history.lines_of(session, record, viewer, rows)
    counting = {row.seq: row for row in corrections.as_they_count(rows)}
    return [
        (counting[row.seq], str(line["sentence"]))
        for row, line in reversed(list(zip(rows, lines, strict=True)))
        if line["entry"]
    ]


def find_refusals(
    session: Session,
    record: Snapshot,
    given: Mapping[str, Any],
    now: datetime,
    actor: str,
    through: str | None = None,
) -> tuple[Refusal, ...]:
    """Return what the law has against other entries if one is corrected in this way.

    Return none for an input that the event does not take: the form says what is wrong with it.
    """
    try:
        values = read_input(CorrectEntry, {key: given[key] for key in given if key != "takes_back"})
        situation = Situation(session, record, values, now, actor, through, Channel.LINK)
        return try_correction(situation, values).refusals
    except (BadInput, LookupError):
        return ()


def can_fall(refusal: Refusal, corrected: int) -> bool:
    """Return whether an entry can fall with the correction of the one with this number: a later one of the clock.

    The closing of a call never falls, since it has opened the applications.
    """
    entry = refusal.entry
    return entry.role is Role.CLOCK and entry.seq > corrected and entry.event != CLOSE_APPLICATIONS
