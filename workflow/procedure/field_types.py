"""Reads the values of config.toml: times, zones, hours, addresses, periods. A mistake says what would be right."""

import re
from datetime import time
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from notifications.addresses import parse_mailbox
from states.mistakes import shorten
from states.names import State
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


def parse_zone(value: object) -> object:
    try:
        return ZoneInfo(str(value))
    # ZoneInfo looks for a file, so a bad name fails in several ways, such as the name of a folder.
    except (LookupError, ValueError, OSError):
        raise ValueError(f'{value!r} is not a time zone; expected one like "America/Los_Angeles"') from None


def parse_hours(value: object) -> object:
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


def check_sender(value: str) -> str:
    mailbox = parse_mailbox(value, "the sender")  # raises now rather than when the first message leaves
    if not mailbox.address.isascii():
        raise ValueError(f"{mailbox.address!r} has letters before the @ that not every mail server takes")
    return value


def check_stamp_url(value: str) -> str:
    value = value.strip()
    if value and not (value.startswith(("http://", "https://")) and urlsplit(value).hostname):
        raise ValueError(f'{value!r} is not a web address; expected one like "https://stamp.example.org/tsa"')
    return value


# What an address in a message may consist of (RFC 3986, 2), and no more of it than leaves room for a token.
_ADDRESS = re.compile(r"[A-Za-z0-9._~:/%@!$&()*+,;=\[\]-]{1,200}")


def check_base_url(value: str) -> str:
    value = value.strip()
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number, or a bracket is missing
        is_whole = False
    # The part before an @ would be a name and a password, which every message would show.
    if not is_whole or not _ADDRESS.fullmatch(value) or "@" in parts.netloc:
        raise ValueError(
            f'{value!r} is not an address of pages; expected one like "https://partners.example.org"'
        )
    # `Config.address` puts the slash between this and the path.
    return value.rstrip("/")


def check_listen(value: str) -> str:
    address = re.fullmatch(r"[^:\s]+:([0-9]{1,5})", value)
    if address is None or int(address[1]) > 65535:
        raise ValueError(
            f'{shorten(value)} is not an address to listen on; expected one like "127.0.0.1:8427"'
        )
    return value


def check_uri(value: str) -> str:
    value = value.strip()
    parts = urlsplit(value)
    if value and not (parts.scheme in ("http", "https") and parts.hostname and _ADDRESS.fullmatch(value)):
        raise ValueError(
            f'{shorten(value)} is not an address; expected one like "https://example.org/license"'
        )
    return value


UNREGISTERED = "ocds-unregistered"


def check_prefix(value: str) -> str:
    if value != UNREGISTERED and not re.fullmatch("ocds-[a-z0-9]{6}", value):
        raise ValueError(f'{shorten(value)} is not a prefix; expected one like "ocds-a1b2c3"')
    return value


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def check_weekday(value: str) -> str:
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
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)
