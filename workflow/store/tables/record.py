"""Defines the tables of the record: the partnerships with their histories, and what the District keeps of them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from workflow.store.column_types import Instant
from workflow.store.tables.metadata import METADATA

meta = Table("meta", METADATA, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

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
    # What the public lists are found and ordered by, see `public_columns.py`. Empty before a first call is opened.
    Column("public_state", String),
    Column("call_changed_at", Instant),
    Column("call_ends_at", Instant),
    # By these the other agreements of its partner are found, see `partner_columns.py`. Empty without an agreement.
    Column("partner", String),
    Column("partner_name", String),
    Column("partner_domain", String),
    # A page of a list takes only what it shows from these. The end is in the second one, so that calls that ended
    # long ago are passed over without a look at their rows.
    Index("ix_partnerships_public", "school", "public_state", "id"),
    Index("ix_partnerships_call_changed_at", "call_changed_at", "id", "call_ends_at"),
    Index("ix_partnerships_call_ends_at", "call_ends_at", "id"),
)
Index(
    "ix_partnerships_in_force",
    partnerships.c.school,
    sqlite_where=partnerships.c.in_force,
)
for _name in ("partner", "partner_name", "partner_domain"):
    # Most events of most partnerships leave these columns empty, and then write nothing into the index.
    Index(
        f"ix_partnerships_{_name}",
        partnerships.c[_name],
        sqlite_where=partnerships.c[_name].is_not(None),
    )
# The daemon counts them by state at every tick.
Index("ix_partnerships_state", partnerships.c.state)
# An agreement is judged by the others at its school, and a tick adds up their versions.
Index("ix_partnerships_school_version", partnerships.c.school, partnerships.c.version)
# The partnerships with a wanted first day. A database uses the index only for the very same text.
WANTED = text("""facts LIKE '%"wanted":{%'""")
Index(
    "ix_partnerships_wanted",
    partnerships.c.state,
    partnerships.c.school,
    sqlite_where=WANTED,
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
    # JSON: name, number and hash of each head, in the order of the tree
    Column("heads", Text, nullable=False),
    Column("stamp", LargeBinary),  # the time stamp of a server (RFC 3161)
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
    # Lists ask for what falls due next, and for the open rungs of some partnerships.
    Index("ix_deadlines_status_due_at", "status", "due_at"),
    Index("ix_deadlines_status_partnership_ladder", "status", "partnership", "ladder"),
)

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
