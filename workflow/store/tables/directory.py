"""Defines the tables of the directory: schools, organizations, people, and the meetings of the Board."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Integer,
    String,
    Table,
    Text,
    false,
    true,
)

from workflow.store.column_types import Instant
from workflow.store.tables.metadata import METADATA

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
