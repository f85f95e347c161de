"""Describes a rehearsal as one JSON document."""

from __future__ import annotations

from typing import Any

from workflow.rehearsal.happenings import Happening, Kind
from workflow.rehearsal.rehearse import End
from workflow.rehearsal.telling import Telling
from workflow.views.pending import Wait


def make_document(telling: Telling) -> dict[str, Any]:
    """Return everything that happened in order, and how each partnership ends."""
    rehearsal, totals = telling.rehearsal, telling.totals
    return {
        "begin": telling.wording.local(rehearsal.begin),
        "until": telling.wording.local(rehearsal.until),
        "assumes": telling.assumption,
        "happenings": [_happening(telling, each) for each in rehearsal.happenings],
        "refused": [
            {
                "at": telling.wording.local(each.at),
                "ref": each.ref,
                "event": each.event,
                "actor": each.actor,
                "reasons": list(each.reasons),
            }
            for each in telling.refusals
        ],
        "ends": [_end(telling, end) for end in rehearsal.ends],
        "totals": {
            "events": totals.events,
            "deadlines": totals.deadlines,
            "messages": totals.messages,
            "missed": totals.missed,
            "by_person": [{"person": person, "messages": count} for person, count in totals.by_person],
        },
    }


def _happening(telling: Telling, each: Happening) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "at": telling.wording.local(each.at),
        "kind": str(each.kind),
        "ref": each.ref or None,
        "name": each.name,
    }
    if each.kind is Kind.DEADLINE:
        due = telling.wording.local(each.due_at)
        return shown | {"label": telling.wording.label_of(each.name), "step": each.detail, "due_at": due}
    who = {"role": each.role, "who": telling.wording.describe_person(each)}
    if each.kind is Kind.NOTICE:
        return shown | {"to": each.who or None} | who | {"subject": each.detail or None}
    label = telling.wording.settings.label(each.name)
    return shown | {"label": label, "actor": each.who or None} | who | {"to_state": each.detail or None}


def _end(telling: Telling, end: End) -> dict[str, Any]:
    record = end.record
    return {
        "ref": record.ref,
        "school": record.facts.school,
        "school_name": telling.wording.school_of(record.ref),
        "title": record.facts.title,
        "state": record.state,
        "was": end.was,
        "waits": [_wait(telling, wait) for wait in end.waits],
        "missed": [
            {
                "deadline": each.deadline,
                "label": telling.wording.label_of(each.deadline),
                "due_at": telling.wording.local(each.due_at),
            }
            for each in end.missed
        ],
    }


def _wait(telling: Telling, wait: Wait) -> dict[str, Any]:
    return {
        "person": wait.person.email if wait.person else None,
        "name": wait.person.name if wait.person else wait.problem,
        "role": str(wait.role),
        "event": wait.event,
        "label": telling.wording.settings.label(wait.event),
        "since": telling.wording.local(wait.since),
        "by": telling.wording.local(wait.by),
        "deadline": wait.deadline,
        "overdue": wait.by is not None and wait.by <= telling.rehearsal.until,
        "delegate": wait.delegate.email if wait.delegate else None,
    }
