"""Defines the tables of the database."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from workflow.store.column_types import Instant

# Constraints have fixed names, since a migration can change a constraint only by its name.
METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table("meta", METADATA, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

schools = Table(
    "schools",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("invited_on", Date),
    Column("closed_on", Date),
    Column("merged_into", String),  # the school that has its partnerships since
)

organizations = Table(
    "organizations",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
)

people = Table(
    "people",
    METADATA,
    Column("email", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("roles", Text, nullable=False),  # JSON list
    Column("schools", Text, nullable=False),  # JSON list
    Column("organization", String),
    Column("away_until", Date),  # last day away
    Column("delegate", String),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("digest", Boolean, nullable=False, server_default=false()),  # one message a day
    Column("dates", String),  # the language in which they want each day besides English
    # JSON list: what they may do as a contact of their organization.
    Column("contact_rights", Text, nullable=False, server_default="[]"),
)

meetings = Table(
    "meetings",
    METADATA,
    Column("on", Date, primary_key=True),
    Column("at", String, nullable=False),  # local wall-clock time, HH:MM
    # "regular", "special", or "cancelled" for a meeting of the configuration that does not take place
    Column("kind", String, nullable=False),
    # since when it has been known; empty for one that was known before the record
    Column("known_at", Instant),
    Column("uid", String),  # of its event in the calendar file that it came from, and
    Column("title", String),  # the title of that event
    Column("moved_from", Text),  # the days from which it was moved here, as a JSON list
)

# The newest version of each event of a calendar file that made, changed or cancelled a meeting.
calendar_versions = Table(
    "calendar_versions",
    METADATA,
    Column("uid", String, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("changed_at", Instant),
)

# The second chain: what changes or is read beside the histories, see `chain.py`.
changes = Table(
    "changes",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # counts from 1, without a gap
    Column("at", Instant, nullable=False),
    Column("by", String, nullable=False),
    Column("what", String, nullable=False),  # such as "people staff@example.org"
    Column("before", Text),  # JSON
    Column("after", Text),  # JSON
    Column("rows", Text),  # JSON list: table, key and digest of each row that the program wrote
    Column("salt", Text, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
)
Index("ix_changes_what", changes.c.what)

# The Merkle root over the heads of all chains at one moment, and these heads, from which proofs are made.
checkpoints = Table(
    "checkpoints",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("root", String, nullable=False),
    Column(
        "heads", Text, nullable=False
    ),  # JSON: name, number and hash of each head, in the order of the tree
    Column("stamp", LargeBinary),  # the time stamp of a server (RFC 3161)
)

partnerships = Table(
    "partnerships",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("ref", String, nullable=False, unique=True),
    Column("school", String, ForeignKey("schools.id"), nullable=False),
    Column("title", String, nullable=False),
    Column("state", String, nullable=False),
    Column("version", Integer, nullable=False),  # the seq of the last row of its history
    Column("entered_at", Instant, nullable=False),
    Column("facts", Text, nullable=False),
    Column("head", String, nullable=False),  # the hash of the last row of its history
    Column("in_force", Boolean, nullable=False, server_default=false()),
    # The days on which its agreement is in force, while it is. A trigger keeps two of a school from having a day
    # in common (4270.4), even if both are written at the same moment: see `v0020_days_in_force.py`.
    Column("first_day", Date),
    Column("last_day", Date),
)
Index(
    "ix_partnerships_in_force",
    partnerships.c.school,
    sqlite_where=partnerships.c.in_force,
    postgresql_where=partnerships.c.in_force,
)

history = Table(
    "history",
    METADATA,
    Column("partnership", Integer, ForeignKey("partnerships.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("event", String, nullable=False),
    Column("actor", String, nullable=False),
    # The role and the setting are kept, since people and
    # procedure change, and a replay needs those of the time.
    Column("role", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("from_state", String),
    Column("to_state", String, nullable=False),
    Column("input", Text, nullable=False),
    Column("setting", Text, nullable=False),
    Column("note", Text),
    Column("ran_by", String),  # who ran the program, where that is not the actor
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    # A row of format 2 has all of these, a row of format 1 has none; see `docs/record.md`.
    Column("salt", Text),  # random, or JSON with the salts that are left after others were destroyed
    Column("facts", String),  # SHA-256 of the facts after the event
    Column("rows", Text),  # JSON list: table, key and digest of each row that came with the event
    Column("beside", String),  # number and hash of the last row of the second chain at that time
)

deadlines = Table(
    "deadlines",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("partnership", Integer, ForeignKey("partnerships.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("ladder", Instant, nullable=False),  # the due instant, which tells one ladder from the next
    Column("rung", Integer, nullable=False),  # below 0 reminders, 0 due, above 0 escalations
    Column("kind", String, nullable=False),  # remind, due, escalate
    Column("due_at", Instant, nullable=False),
    Column("status", String, nullable=False),  # open, fired, skipped, cancelled
    Column("fires", String),
    Column("reason", String),
    Column("done_at", Instant),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", Instant, nullable=False),  # when to look at it: due_at, later after a failure
    # Two programs that plan the same rung at once must not both insert it.
    UniqueConstraint("partnership", "name", "ladder", "rung"),
    # Every tick asks for the open rungs that are due.
    Index("ix_deadlines_status_next_at", "status", "next_at"),
)

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
Index("ix_notices_lease_until", notices.c.lease_until, sqlite_where=_leased, postgresql_where=_leased)

documents = Table(
    "documents",
    METADATA,
    # The digest is the key, so that a document that is sent twice is stored once.
    Column("sha256", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

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
    Column(
        "feed", Integer, nullable=False, server_default=text("0")
    ),  # counts up when the address of the feed changes
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

# What stops the destruction of the record, of one partnership or of the whole district, until it is released.
holds = Table(
    "holds",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # counts from 1
    Column("ref", String),  # of the partnership; empty for the whole district
    Column("reason", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("released_at", Instant),
    Column("released_by", String),
    Column("released_reason", Text),
)

# Requests for public records about a partnership. While one is open, nothing of it is destroyed.
records_requests = Table(
    "records_requests",
    METADATA,
    Column("ref", String, primary_key=True),
    Column("received_on", Date, primary_key=True),
    Column("closed_on", Date),
)

# Items of a partnership that somebody marked by hand, so that a copy for public records withholds them.
marks = Table(
    "marks",
    METADATA,
    Column("partnership", Integer, ForeignKey("partnerships.id"), primary_key=True),
    Column("item", String, primary_key=True),  # such as "row/12/note", "document/signed.pdf" or "message/31"
    Column("exemption", String, nullable=False),  # the name of a [[redaction]] of the configuration
    Column("reason", Text),
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
