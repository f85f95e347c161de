"""Defines the shape of config.toml: each table and key with its type and bounds.

The comments in config.toml itself say what each key means.
"""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from notifications.addresses import parse_mailbox
from states.case import BoardRules, Meaning
from states.inputs import Count, Day, Email, Name, Text
from states.mistakes import shorten
from states.names import Ground, State
from workflow.procedure.calendar import Roll
from workflow.procedure.due import Due, parse_due
from workflow.procedure.offsets import Hour, Offset, parse_offset, parse_reminder


def _parse_time(value: object) -> object:
    """Return a time of day, given as text or as a time of TOML. Raise `ValueError` for anything else."""
    try:
        at = time.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        at = None
    # Pydantic would read a number as seconds. A time zone in it would contradict that of the district.
    if not isinstance(at, time) or at.tzinfo is not None:
        raise ValueError('it is not a time of day; expected one like "17:00"')
    return at


def _parse_zone(value: object) -> object:
    try:
        return ZoneInfo(str(value))
    # ZoneInfo looks for a file, so a bad name fails in several ways, such as the name of a folder.
    except (LookupError, ValueError, OSError):
        raise ValueError(f'{value!r} is not a time zone; expected one like "America/Los_Angeles"') from None


def _parse_hours(value: object) -> object:
    """Return the two times of a text such as "08:00-18:00", where 24:00 is the end of the day."""
    first, dash, last = str(value).partition("-")
    try:
        begin = time.fromisoformat(first.strip())
        # Python has no time 24:00, so the last instant of the day stands for it.
        end = time.max if last.strip() == "24:00" else time.fromisoformat(last.strip())
    except ValueError:
        dash = ""
    if not dash or begin.tzinfo or end.tzinfo or begin >= end:
        raise ValueError('these are no hours; expected two times like "08:00-18:00"')
    return (begin, end)


def _check_sender(value: str) -> str:
    mailbox = parse_mailbox(value, "the sender")  # raises now rather than when the first message leaves
    if not mailbox.address.isascii():
        raise ValueError(f"{mailbox.address!r} has letters before the @ that not every mail server takes")
    return value


def _check_stamp_url(value: str) -> str:
    value = value.strip()
    if value and not (value.startswith(("http://", "https://")) and urlsplit(value).hostname):
        raise ValueError(f'{value!r} is not a web address; expected one like "https://stamp.example.org/tsa"')
    return value


# What an address in a message may consist of (RFC 3986, 2), and no more of it than leaves room for a token.
_ADDRESS = re.compile(r"[A-Za-z0-9._~:/%@!$&()*+,;=\[\]-]{1,200}")


def _check_base_url(value: str) -> str:
    value = value.strip()
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or a bracket is missing
        is_whole = False
    # The part before an @ would be a name and a password, which every message would show.
    if not is_whole or not _ADDRESS.fullmatch(value) or "@" in parts.netloc:
        raise ValueError(
            f'{value!r} is not an address of pages; expected one like "https://partners.example.org"'
        )
    # `Config.address` puts the slash between this and the path.
    return value.rstrip("/")


def _check_listen(value: str) -> str:
    address = re.fullmatch(r"[^:\s]+:([0-9]{1,5})", value)
    if address is None or int(address[1]) > 65535:
        raise ValueError(
            f'{shorten(value)} is not an address to listen on; expected one like "127.0.0.1:8427"'
        )
    return value


def _check_uri(value: str) -> str:
    value = value.strip()
    parts = urlsplit(value)
    if value and not (parts.scheme in ("http", "https") and parts.hostname and _ADDRESS.fullmatch(value)):
        raise ValueError(
            f'{shorten(value)} is not an address; expected one like "https://example.org/license"'
        )
    return value


UNREGISTERED = "ocds-unregistered"


def _check_prefix(value: str) -> str:
    if value != UNREGISTERED and not re.fullmatch("ocds-[a-z0-9]{6}", value):
        raise ValueError(f'{shorten(value)} is not a prefix; expected one like "ocds-a1b2c3"')
    return value


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _check_weekday(value: str) -> str:
    if value.lower() not in WEEKDAYS:
        raise ValueError(f'{shorten(value)} is not a day of the week; expected one like "monday"')
    return value.lower()


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Clock = Annotated[time, BeforeValidator(_parse_time)]
DueText = Annotated[Due, BeforeValidator(lambda value: parse_due(str(value)))]
OffsetText = Annotated[Offset, BeforeValidator(lambda value: parse_offset(str(value)))]
ReminderText = Annotated[Offset | Hour, BeforeValidator(lambda value: parse_reminder(str(value)))]
States = Annotated[tuple[State, ...], BeforeValidator(_as_list), Field(min_length=1)]


class Settings(BaseModel):
    # A misspelt key is an error, since a setting that is
    # silently ignored would show only when a date is missed.
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class District(Settings):
    name: Name
    zone: Annotated[ZoneInfo, BeforeValidator(_parse_zone)]
    office: Name
    email: Email
    phone: str = ""


class Database(Settings):
    url: Name


class Smtp(Settings):
    host: Name
    port: int = Field(ge=1, le=65535)
    security: Literal["starttls", "tls", "none"]
    username: str = ""
    password_file: str = ""
    oauth_token_file: str = ""
    # The bound keeps a delivery shorter than the lease on its notice (`outbox/delivery.py`).
    timeout_seconds: float = Field(gt=0, le=60)  # for each answer
    ca_file: str = ""


Minutes = tuple[Annotated[float, Field(gt=0, le=100_000)], ...]


class Imap(Settings):
    host: Name
    port: int = Field(ge=1, le=65535)
    username: str = ""
    password_file: str = ""
    oauth_token_file: str = ""
    folder: Name
    timeout_seconds: float = Field(gt=0, le=60)  # for each answer
    ca_file: str = ""


class Mail(Settings):
    mailer: Literal["maildir", "smtp"]
    maildir: str
    sender: Annotated[Name, AfterValidator(_check_sender)]
    hours: Annotated[tuple[time, time], BeforeValidator(_parse_hours)]
    digest_at: Clock
    retry_minutes: Minutes
    per_minute: int = Field(ge=0, le=100_000)
    smtp: Smtp
    replies: Literal["maildir", "imap", "none"]
    replies_to: Email
    replies_maildir: str
    trust: Literal["from", "dmarc"]
    authserv: str = ""
    banners: tuple[Name, ...]
    imap: Imap


class Summary(Settings):
    """When the weekly summary leaves, and in which roles people get it. Nobody gets one without roles."""

    day: Annotated[str, AfterValidator(_check_weekday)]
    time: Clock
    roles: tuple[str, ...] = ()


class Web(Settings):
    listen: Annotated[str, AfterValidator(_check_listen)]
    base_url: Annotated[str, AfterValidator(_check_base_url)]
    # A file of its own, so that the keys are not in a configuration that many people may read.
    keys_file: Name
    link_days: int = Field(ge=1, le=3650)
    proxies: int = Field(ge=0, le=5)
    upload_megabytes: int = Field(ge=1, le=100)
    posts_per_minute: int = Field(ge=1, le=10_000)
    # Pydantic keeps the plain name for itself.
    shows_register: StrictBool = Field(alias="register")


class Ocds(Settings):
    """Who publishes open data, and under which prefix (Open Contracting Data Standard 1.1)."""

    prefix: Annotated[str, AfterValidator(_check_prefix)]
    publisher: str  # empty: the name of the district
    publisher_uri: Annotated[str, AfterValidator(_check_uri)]  # empty: the address of the pages
    license: Annotated[str, AfterValidator(_check_uri)]  # empty: none is named

    @property
    def is_registered(self) -> bool:
        """Return whether the prefix is no longer the one that stands in for a registered prefix."""
        return self.prefix != UNREGISTERED


class RecordSettings(Settings):
    checkpoint_at: Clock
    checkpoint_folder: str
    witnesses: tuple[Email, ...] = ()
    timestamp_url: Annotated[str, AfterValidator(_check_stamp_url)] = ""
    timestamp_ca_file: str = ""


class Log(Settings):
    format: Literal["text", "json"]
    level: Literal["debug", "info", "warning", "error"]


class Daemon(Settings):
    tick_seconds: float = Field(gt=0, le=3600)
    batch: int = Field(ge=1, le=10_000)
    retry_minutes: Minutes


Area = Literal["people", "meetings", "import", "notices", "records"]


class User(Settings):
    person: Email | None = None
    may_act_as: tuple[str, ...] = ()
    may_manage: tuple[Area, ...] = ()


class Admin(Settings):
    users: dict[str, User] = {}


class Break(Settings):
    first: Day
    last: Day


class Days(Settings):
    at: Clock
    breaks: tuple[Break, ...] = ()
    closed: tuple[Day, ...] = ()
    working: tuple[Day, ...] = ()


class BoardSettings(Settings):
    threshold_cents: int = Field(ge=0)
    more_than_years: int = Field(ge=1, le=50)
    readings: int = Field(ge=1, le=2)
    members: int = Field(ge=1, le=100)
    quorum: int = Field(ge=1, le=100)
    terminates: bool
    known_days: int = Field(ge=0, le=365)
    record_within: int = Field(ge=1, le=60)
    meeting_at: Clock
    meetings: tuple[Day, ...] = ()

    @property
    def rules(self) -> BoardRules:
        """Return the part of these settings that the law needs."""
        given = {
            name: getattr(self, name) for name in BoardRules.model_fields if name in type(self).model_fields
        }
        # These are no settings: a district cannot choose to change what the Board approved without the Board,, nor
        # what was on an agenda and what follows from that.
        return BoardRules(keeps=True, marks_late=True, joins=True, by_agenda=True, **given)


class SelectionSettings(Settings):
    minimum_panel: Count
    minimum_days: Count
    closes_at: Clock
    protest_days: Count
    protest_time: Clock
    most_applications: Count
    most_of_domain: Count
    public_domains: tuple[str, ...]


def _check_grounds(days: dict[Ground, int]) -> dict[Ground, int]:
    if missing := [ground for ground in get_args(Ground) if ground not in days]:
        raise ValueError("it lacks " + ", ".join(missing))
    return days


class Termination(Settings):
    notice_days: Annotated[dict[Ground, Count], AfterValidator(_check_grounds)]


class ContactSettings(Settings):
    accept_days: int = Field(ge=1, le=365)


class Escalation(Settings):
    after: OffsetText
    to: tuple[str, ...] = Field(min_length=1)


class DeadlineSettings(Settings):
    """A row of the table of deadlines. Comments in config.toml say what each key means."""

    label: Name
    state: States
    due: DueText
    latest: DueText | None = None
    at: Clock | None = None
    roll: Roll = "stay"
    when: str | None = None
    until: str | None = None
    done: str | None = None
    means: Meaning | None = None
    fires: str | None = None
    offers: tuple[str, ...] = ()
    tasks: tuple[str, ...] | None = None
    to: tuple[str, ...] = Field(min_length=1)
    remind: tuple[ReminderText, ...] = ()
    overdue: tuple[Escalation, ...] = ()
    again: OffsetText | None = None
    enabled: bool = True

    @property
    def owed(self) -> tuple[str, ...]:
        """Return the offers that have to be done by then: all of them, unless the row names some."""
        return self.offers if self.tasks is None else self.tasks

    @property
    def is_of_drafts(self) -> bool:
        """Return whether it concerns only those who have saved an application and not sent it."""
        return set(self.to) == {"draft-author"}


class NoticeSettings(Settings):
    """Who gets a notice of an event, and which event it offers next."""

    to: tuple[str, ...] = Field(min_length=1)
    when: str | None = None
    offers: tuple[str, ...] = ()
    tells_actor: bool = False
    once_signed: tuple[str, ...] = ()  # who gets the signed copy besides, as does the person who signed last
    enabled: bool = True


class Retained(Settings):
    """How long a class of the record is kept, from which event on, and by which rule."""

    keep: OffsetText
    after: Literal["termination", "saving", "sending", "receipt", "use", "closing", "asking", "leaving"]
    rule: Name


class Retention(Settings):
    """The classes of the record that can be destroyed. Comments in config.toml say what each holds."""

    backups: OffsetText
    record: Retained
    documents: Retained
    messages: Retained
    drafts: Retained
    held_applications: Retained
    questions: Retained
    office_mail: Retained
    unknown_mail: Retained
    sign_ins: Retained
    leavers: Retained

    @property
    def classes(self) -> dict[str, Retained]:
        """Return the classes by name, in the order in which they are listed."""
        return {
            name: each
            for name in type(self).model_fields
            if isinstance(each := getattr(self, name), Retained)
        }


class Redaction(Settings):
    """What a copy for public records withholds, and by which exemption. `redactions.py` has the classes."""

    name: Annotated[Name, Field(pattern=r"^[a-z0-9-]+$")]
    covers: tuple[str, ...] = ()  # classes, or EVENT.KEY; empty: only what is marked by hand
    exemption: Name
    statute: Name
    explanation: Text
    confirmed: bool = False  # whether counsel has confirmed it


class Procedure(Settings):
    district: District
    database: Database
    record: RecordSettings
    mail: Mail
    summary: Summary
    web: Web
    ocds: Ocds
    log: Log
    daemon: Daemon
    admin: Admin = Admin()
    calendar: Days
    board: BoardSettings
    selection: SelectionSettings
    termination: Termination
    contact: ContactSettings
    retention: Retention
    deadline: dict[str, DeadlineSettings]
    notice: dict[str, NoticeSettings]
    redaction: tuple[Redaction, ...] = ()
