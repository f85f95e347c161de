"""Fills a form with what is there already: the document on record that it replaces, and what is usual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from states.event import Event
from states.names import Role
from workflow.actions.task import Task
from workflow.session import Session
from workflow.store.application_texts import read_text


def values_on_record(session: Session, task: Task) -> dict[str, Any]:
    """Return the values of the document on record that the form will replace."""
    name = task.event.form.replaces
    return (DOCUMENTS[name](session, task) or {}) if name else {}


def usual_values(event: Event, today: date) -> dict[str, Any]:
    """Return what most people fill in, to save them the typing: today's date and the defaults of the input."""
    defaults = {
        key: field.default
        for key, field in event.takes.model_fields.items()
        if isinstance(field.default, (bool, int))
    }
    return defaults | ({event.form.today: today.isoformat()} if event.form.today else {})


def _statement(_: Session, task: Task) -> dict[str, Any] | None:
    statement = task.record.facts.needs.statement
    return statement.model_dump(mode="json") if statement else None


def _outcomes(_: Session, task: Task) -> dict[str, Any]:
    items = task.record.facts.outcomes_to_agree.items
    return {"outcomes": [outcome.model_dump(mode="json") for outcome in items]}


def _terms(_: Session, task: Task) -> dict[str, Any] | None:
    # Only the keys of the input. The agreement has more, such as signatures, that no form may state.
    keys = {"instrument", "amount_cents", "starts_on", "ends_on", "autonomy_requested_by", "responsibilities"}
    agreement = task.record.facts.agreement
    return agreement.model_dump(mode="json", include=keys) if agreement else None


def _application(session: Session, task: Task) -> dict[str, Any] | None:
    keys = {"organization", "contact_name", "contact_email"}
    selection = task.record.facts.selection
    every = selection.applications.values() if selection else ()
    # Only the author fills in this form: `find_action` lets no delegate do a sealed event.
    mine = [each for each in every if each.contact_email == task.actor]
    # Staff may enter an application for any organization, so they start from an empty form.
    if task.role is not Role.APPLICANT or not mine:
        return None
    text = read_text(session.connection, task.record, mine[0])
    return mine[0].model_dump(mode="json", include=keys) | asdict(text)


def _report(_: Session, task: Task) -> dict[str, Any] | None:
    review = task.record.facts.review
    if review is None or not review.reports:
        return None
    return review.reports[-1].model_dump(mode="json", include={"values", "narrative"})


def _pending_change(_: Session, task: Task) -> dict[str, Any] | None:
    agreement = task.record.facts.agreement
    if agreement is None or agreement.pending is None:
        return None
    keys = {"purpose", "reason", "amount_cents", "ends_on"}
    return agreement.pending.model_dump(mode="json", include=keys)


def _contact(_: Session, task: Task) -> dict[str, Any] | None:
    contact = task.record.facts.contact
    return contact.model_dump(mode="json") if contact else None


DOCUMENTS: Mapping[str, Callable[[Session, Task], dict[str, Any] | None]] = {
    "statement": _statement,
    "outcomes": _outcomes,
    "terms": _terms,
    "application": _application,
    "report": _report,
    "pending-change": _pending_change,
    "contact": _contact,
}
