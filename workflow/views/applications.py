"""Decides who may read which applications of a call, and what they say (4270.8)."""

from __future__ import annotations

from datetime import datetime

from states.selection import Application
from workflow.session import Session
from workflow.store import application_texts
from workflow.store.application_texts import ApplicationText
from workflow.store.rows import Snapshot
from workflow.views.sealing import is_sealed
from workflow.views.visibility import Viewer, facts_for


def applications_for(
    session: Session, record: Snapshot, viewer: Viewer, now: datetime
) -> tuple[Application, ...]:
    """Return the applications of the present call as somebody may see them now."""
    call = facts_for(session, record, viewer, now)["selection"] or {}
    return tuple(map(Application.model_validate, (call.get("applications") or {}).values()))


def texts_for(
    session: Session, record: Snapshot, viewer: Viewer, now: datetime
) -> dict[str, ApplicationText]:
    """Return what the applications of the present call say, by organization: only those that somebody may read.

    Nobody reads an application before its call closes but the person who sent it: no colleague, no delegate, no
    office.
    """
    readable = applications_for(session, record, viewer, now)
    if is_sealed(record.facts, now):
        is_author = viewer.through is None and not viewer.is_office
        readable = tuple(each for each in readable if is_author and each.contact_email == viewer.email)
    texts = application_texts.read_texts(session.connection, record, readable)
    return {each.organization: texts[application_texts.key_of(each)] for each in readable}
