"""Defines the shape of config.toml: each table and key with its type and bounds.

The comments in config.toml itself say what each key means.
"""

from datetime import time
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool

from states.case import BoardRules, Meaning
from states.inputs import Count, Day, Email, Name, Text
from states.names import Ground
from workflow.procedure.calendar import Roll
from workflow.procedure.field_types import (
    UNREGISTERED,
    Clock,
    DueText,
    OffsetText,
    ReminderText,
    Settings,
    States,
    check_base_url,
    check_listen,
    check_prefix,
    check_sender,
    check_stamp_url,
    check_uri,
    check_weekday,
    parse_hours,
    parse_zone,
)


class District(Settings):
    name: Name
    zone: Annotated[ZoneInfo, BeforeValidator(parse_zone)]
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
    # The bound keeps a delivery shorter than the lease on its notice (`outbox/claims.py`).
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
    sender: Annotated[Name, AfterValidator(check_sender)]
    hours: Annotated[tuple[time, time], BeforeValidator(parse_hours)]
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

    day: Annotated[str, AfterValidator(check_weekday)]
    time: Clock
    roles: tuple[str, ...] = ()


class Web(Settings):
    listen: Annotated[str, AfterValidator(check_listen)]
    base_url: Annotated[str, AfterValidator(check_base_url)]
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

    prefix: Annotated[str, AfterValidator(check_prefix)]
    publisher: str  # empty: the name of the district
    publisher_uri: Annotated[str, AfterValidator(check_uri)]  # empty: the address of the pages
    license: Annotated[str, AfterValidator(check_uri)]  # empty: none is named

    @property
    def is_registered(self) -> bool:
        """Return whether the prefix is no longer the one that stands in for a registered prefix."""
        return self.prefix != UNREGISTERED


class RecordSettings(Settings):
    checkpoint_at: Clock
    checkpoint_folder: str
    witnesses: tuple[Email, ...] = ()
    timestamp_url: Annotated[str, AfterValidator(check_stamp_url)] = ""
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
    users: dict[str, User] = Field(default_factory=dict)


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
    admin: Admin = Admin.model_construct()
    calendar: Days
    board: BoardSettings
    selection: SelectionSettings
    termination: Termination
    contact: ContactSettings
    retention: Retention
    deadline: dict[str, DeadlineSettings]
    notice: dict[str, NoticeSettings]
    redaction: tuple[Redaction, ...] = ()
