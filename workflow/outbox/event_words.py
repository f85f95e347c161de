"""Describes events for the reader of a message, in the words and with the names that they may read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from states.machine import row_of
from states.names import State
from states.partnership import Partnership
from workflow.forms.summary import summary as summarize
from workflow.outbox import queue
from workflow.session import Session
from workflow.store.column_types import canonical
from workflow.store.rows import HistoryEntry, Notice
from workflow.views import attached, corrections, visibility
from workflow.views.sealing import names_nobody
from workflow.views.visibility import Viewer


def names_in(session: Session, facts: Partnership) -> dict[str, str]:
    """Return names: of organizations and applicants by identifier, of people by address."""
    return _applicants(facts) | session.directory.names


def write_reason(session: Session, reason: str, facts: Partnership | None = None) -> str:
    """Return a reason of the law as people read it: with the labels of events and names in place of identifiers."""
    applicants = _applicants(facts) if facts else {}
    names = applicants | session.directory.names

    def name(found: re.Match[str]) -> str:
        word = found[0]
        # An identifier of one word may be an ordinary word, unless it is that of an applicant.
        is_plain = not {"-", "@"} & set(word) and word not in applicants
        return word if is_plain else names.get(word, word)

    return re.sub(r"[\w.+@-]*\w", name, session.config.labeled(reason))


def _applicants(facts: Partnership) -> dict[str, str]:
    return {key: a.name for selection in facts.selections for key, a in selection.applications.items()}


def describe_event(
    session: Session, row: Notice, facts: Partnership, viewer: Viewer
) -> dict[str, Any] | None:
    """Return the event that a notice tells of, with the parts that its reader may know; None for a deadline."""
    if row.seq is None or row.partnership is None:
        return None
    # One form may do several events, and they share one receipt.
    entries = [entry_of(session, row.partnership, seq) for seq in (*row.more.get("before", ()), row.seq)]
    entry = entries[-1]
    named = visibility.is_named(viewer, entry, unopened=names_nobody(facts, entry))
    through = entry.stood_in if named else None
    return {
        "name": entry.event,
        "at": entry.at.isoformat(),
        "by": entry.actor if named else None,
        "by_name": session.name_of(entry.actor) if named else None,
        "through": session.name_of(through) if through else None,
        "role": entry.role,
        "input": visibility.visible_input(viewer, entry) if named else {},
        "note": entry.note if viewer.is_office or viewer.email == entry.actor else None,
        "deeds": [describe_entry(session, each, facts, viewer) for each in entries],
        "correction": _correction(session, entry, facts, viewer),
    }


def _correction(
    session: Session, entry: HistoryEntry, facts: Partnership, viewer: Viewer
) -> dict[str, Any] | None:
    """Return what a correction changes, as its reader may know it; None for another event.

    Each part of the input that changed has its label, what stood, and what stands.
    """
    correction = corrections.of_row(session.connection, entry)
    if correction is None:
        return None

    def visible(values: Mapping[str, Any] | None) -> dict[str, str]:
        if values is None:
            return {}
        row = correction.target._replace(input=canonical(values))
        return {pair["label"]: pair["value"] for pair in describe_entry(session, row, facts, viewer)["said"]}

    was, now = visible(correction.was), visible(correction.now)
    parts = [
        {"label": label, "was": was.get(label), "now": now.get(label)}
        for label in dict.fromkeys((*was, *now))
        if was.get(label) != now.get(label)
    ]
    may_read = viewer.is_office or viewer.email == entry.actor or correction.can_see_reason(viewer.role)
    return {
        "done": session.config.events[correction.target.event]["done"],
        "on": session.local(correction.target.at),
        "void": correction.now is None,
        "reason": correction.reason if may_read else None,
        "parts": parts,
        "asks_again": correction.asks_again,
    }


def entry_of(session: Session, partnership: int, seq: int) -> HistoryEntry:
    """Return the row of a partnership's history with this number."""
    key = ("entry", partnership, seq)
    return session.once(key, lambda: queue.read_entry(session.connection, partnership, seq))


def describe_entry(
    session: Session, entry: HistoryEntry, facts: Partnership, viewer: Viewer
) -> dict[str, Any]:
    """Return a row of the history in words for its reader: the event, and the input that the reader may see."""
    made = _correction(session, entry, facts, viewer)
    row = row_of(entry.event, State(entry.from_state) if entry.from_state else None)
    visible = visibility.visible_input(viewer, entry)
    # No message quotes an application, since other people may read mail in a shared mailbox.
    pairs = (
        [(part["label"], part["now"] or "nothing") for part in made["parts"]]
        if made
        else summarize(row.takes, visible, names_in(session, facts), sealed=bool(row.sealed))
    )
    return {
        "event": entry.event,
        "label": session.config.label(entry.event),
        "done": session.config.events[entry.event]["done"],
        "said": [{"label": label, "value": value} for label, value in pairs],
        # What is sealed has a page of its own, which only its author can open.
        "files": [] if row.sealed else attached.of_input(visible, row.document),
    }
