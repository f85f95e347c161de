"""Defines the tables of pages: who is signed in, and what was typed and is not recorded yet."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
)

from workflow.store.column_types import Instant
from workflow.store.tables.metadata import METADATA

# The browsers in which people have signed in. The key of each is in a cookie of the browser, and nowhere else.
sign_ins = Table(
    "sign_ins",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("email", String, nullable=False),
    Column("link", String, nullable=False, unique=True),  # the name in the link, so that it works once
    Column("key", String, nullable=False, unique=True),  # SHA-256 of the key
    Column("browser", String, nullable=False),  # in words, such as "Firefox on Windows"
    Column("opened_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("ix_sign_ins_email", "email"),
)

# Applications that are saved and not sent yet. Only the applicant sees them.
drafts = Table(
    "drafts",
    METADATA,
    Column("partnership", Integer, ForeignKey("partnerships.id"), primary_key=True),
    Column("email", String, primary_key=True),
    Column("values", Text, nullable=False),  # JSON
    Column("saved_at", Instant, nullable=False),
    # It is the text of an application that its author has withdrawn, so nobody is reminded to send it.
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
)

# Forms that were filled in and are not recorded yet. Nobody counts them, and only their own link leads to them.
kept_forms = Table(
    "kept_forms",
    METADATA,
    # the random name of the form, or what names the sheet that a reviewer saved
    Column("form", String, primary_key=True),
    Column("link", String, nullable=False),  # what the link is for, such as "12 describe-needs"
    Column("values", Text, nullable=False),  # JSON: what was typed, and what was wrong with it
    Column("kept_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),  # from then on it is not shown, and the next form deletes it
    Index("ix_kept_forms_link", "link"),
    Index("ix_kept_forms_until", "until"),
)

# The documents that were chosen in these forms.
kept_files = Table(
    "kept_files",
    METADATA,
    Column("form", String, ForeignKey("kept_forms.form", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # their order in the form
    Column("name", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# Applications over a cap of the call. They wait until staff release them or set them aside.
held_applications = Table(
    "held_applications",
    METADATA,
    Column("partnership", Integer, ForeignKey("partnerships.id"), primary_key=True),
    Column("email", String, primary_key=True),
    Column("values", Text, nullable=False),  # JSON
    Column("held_at", Instant, nullable=False),  # when the applicant sent it
    Column("reason", String, nullable=False),
    Column("set_aside_at", Instant),
)

# Questions about a call, with the addresses of those who asked. Only here do these addresses stand: the record says
# what was asked, and not who asked. Until its address is confirmed, a question stands here alone.
asked_questions = Table(
    "asked_questions",
    METADATA,
    Column("name", String, primary_key=True),  # the random name in the link that confirms it
    Column("partnership", Integer, ForeignKey("partnerships.id"), nullable=False),
    Column("email", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("seq", Integer),  # the history row that it became; empty until its address is confirmed
    Index("ix_asked_questions_partnership", "partnership"),
)
