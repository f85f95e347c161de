"""Names all tables of the database in one place. The modules beside this one define them, by subject."""

from __future__ import annotations

from workflow.store.tables.directory import calendar_versions, meetings, organizations, people, schools
from workflow.store.tables.mail import (
    addresses,
    answers,
    calendar_entries,
    letters_begun,
    notices,
    replies,
    subscribers,
)
from workflow.store.tables.metadata import METADATA
from workflow.store.tables.pages import (
    asked_questions,
    drafts,
    held_applications,
    kept_files,
    kept_forms,
    sign_ins,
)
from workflow.store.tables.record import (
    WANTED,
    changes,
    checkpoints,
    deadlines,
    documents,
    history,
    holds,
    marks,
    meta,
    partnerships,
    records_requests,
)

__all__ = [
    "METADATA",
    "WANTED",
    "addresses",
    "answers",
    "asked_questions",
    "calendar_entries",
    "calendar_versions",
    "changes",
    "checkpoints",
    "deadlines",
    "documents",
    "drafts",
    "held_applications",
    "history",
    "holds",
    "kept_files",
    "kept_forms",
    "letters_begun",
    "marks",
    "meetings",
    "meta",
    "notices",
    "organizations",
    "partnerships",
    "people",
    "records_requests",
    "replies",
    "schools",
    "sign_ins",
    "subscribers",
]
