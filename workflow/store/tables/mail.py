"""Defines the tables of what is mailed and answered: notices, replies, and what each address got."""

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
    text,
)

from workflow.store.column_types import Instant
from workflow.store.tables.metadata import METADATA

notices = Table(
    "notices",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("partnership", Integer, ForeignKey("partnerships.id")),
    Column("template", String, nullable=False),
    Column("to", String, nullable=False),
    Column("role", String, nullable=False),
    Column("delegate_for", String),
    Column("seq", Integer),  # the history row that it is about
    Column("deadline", Integer, ForeignKey("deadlines.id")),
    Column("extra", Text),  # JSON: what the template needs besides the record
    Column("status", String, nullable=False),  # queued, sent, in-doubt, failed, dead
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("message_id", String, nullable=False),
    Column("subject", String),
    Column("queued_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),  # not before this instant
    Column("lease_until", Instant),  # claimed for delivery until this time
    Column("sent_at", Instant),
    Column("reason", String),
    # The bytes stay, so that every attempt sends the same and staff can see what was sent.
    Column("message", LargeBinary),
    # JSON: each event that its message offered, with the version of what the event consents to.
    Column("shown", Text),
    Column("held", Boolean, nullable=False, server_default=false()),  # waits for the daily digest
    Column("within", Integer, ForeignKey("notices.id")),  # the digest that it went out in
    Column("revoked_at", Instant),  # from then on its links and replies do nothing
    # A claim reads the due notices in this order, so that a long backlog is never sorted.
    Index("ix_notices_status_next_at", "status", "next_at"),
    Index("ix_notices_partnership", "partnership"),
)
# Indexes only the few notices that are claimed, among all that were ever sent.
_leased = notices.c.lease_until.is_not(None)
Index("ix_notices_lease_until", notices.c.lease_until, sqlite_where=_leased)

# Events that a link or a reply did. The unique `form` makes each happen once: it names the notice and the
# event, or, for an event that a link may repeat, the form that was sent. An application has no notice: its
# link is for an address. Nor has an event that a person did who had signed in.
answers = Table(
    "answers",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("notice", Integer, ForeignKey("notices.id")),
    Column("event", String, nullable=False),
    Column("form", String, nullable=False, unique=True),
    Column("channel", String, nullable=False),  # link or reply
    Column("by", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("partnership", Integer, ForeignKey("partnerships.id"), nullable=False),
    Column("seq", Integer, nullable=False),  # the history row that it wrote
    Column("sign_in", Integer),  # the sign-in from which it was done
    Index("ix_answers_notice", "notice"),
    Index("ix_answers_sign_in", "sign_in"),
)

# Every incoming message, and how the program classified it.
replies = Table(
    "replies",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", String, nullable=False, unique=True),  # SHA-256 of the message, so that it counts once
    Column("message_id", String),
    Column("received_at", Instant, nullable=False),
    Column("sender", String),
    Column("notice", Integer, ForeignKey("notices.id")),
    Column("partnership", Integer, ForeignKey("partnerships.id")),
    Column("verdict", String, nullable=False),  # done, note, refused, automatic, bounce, repeated, unknown
    Column("reason", String),
    Column("text", Text),  # what was written above the quoted message
    Column("message", LargeBinary, nullable=False),
    Index("ix_replies_partnership", "partnership"),
    Index("ix_replies_message_id", "message_id"),
)

# The incoming messages that a daemon has begun to read and has not judged yet.
letters_begun = Table(
    "letters_begun",
    METADATA,
    Column("digest", String, primary_key=True),  # SHA-256 of the message
    Column("by", String, nullable=False),  # the process that began last
    Column("times", Integer, nullable=False),  # how many processes have begun
    Column("begun_at", Instant, nullable=False),
)

# What is on record about an e-mail address itself, apart from any person.
addresses = Table(
    "addresses",
    METADATA,
    Column("email", String, primary_key=True),
    Column("bounced_at", Instant),
    Column("bounce", String),  # what the mail server said
    # counts up when the address of the feed changes
    Column("feed", Integer, nullable=False, server_default=text("0")),
)

# The addresses that hear of each new call. Each was confirmed by a link that was mailed to it.
subscribers = Table(
    "subscribers",
    METADATA,
    Column("email", String, primary_key=True),
    Column("confirmed_at", Instant, nullable=False),
)

# The calendar entries that went out to each address, so that a later message can move or cancel them (RFC
# 5546).
calendar_entries = Table(
    "calendar_entries",
    METADATA,
    Column("email", String, primary_key=True),
    Column("uid", String, primary_key=True),
    Column("partnership", Integer, ForeignKey("partnerships.id"), nullable=False),
    Column("name", String, nullable=False),  # of the deadline, or board-meeting
    Column("sequence", Integer, nullable=False),
    Column("start", Instant, nullable=False),
    Column("summary", String, nullable=False),
    Column("method", String, nullable=False),  # REQUEST or PUBLISH
    Column("cancelled", Boolean, nullable=False, server_default=false()),
    Index("ix_calendar_entries_partnership", "partnership"),
)
