"""The procedure of a district: config.toml, read and checked, every mistake reported at once with its place.

A district's file is laid over the packaged one, table by table, so it holds only what differs.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from notifications.addresses import Mailbox, mailbox
from notifications.errors import ServiceError
from notifications.links import Links
from notifications.pages import Pages
from notifications.render import Templates
from states.case import Meaning
from states.errors import Problem
from states.mistakes import problems
from workflow.procedure.calendar import Calendar
from workflow.procedure.checks import missing_words, mistakes
from workflow.procedure.settings import DeadlineSettings, NoticeSettings, Procedure

_PACKAGE = Path(__file__).parents[1]
DEFAULTS = _PACKAGE / "defaults"
if not DEFAULTS.is_dir():
    DEFAULTS = _PACKAGE.parent  # a checkout: config.toml and templates/ at its top

_SQLITE = re.compile(r"(?P<kind>sqlite(\+\w+)?:///)(?P<file>[^?]*)(?P<more>.*)", re.DOTALL)
# What reading TOML or JSON can raise: a number in it may be too long, a list in it too deep.
UNREADABLE = (OSError, ValueError, RecursionError)


def unreadable(error: Exception) -> str:
    """Why a file cannot be read, in words."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
        return f"line {line} has a byte (0x{error.object[error.start]:02x}) that is no UTF-8 text"
    return str(getattr(error, "strerror", None) or error)


class ConfigError(ServiceError):
    """The configuration cannot be used; `problems` says every mistake."""

    exit_status = 5

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


@dataclass(frozen=True)
class Config:
    """A configuration that has passed every check. `folder` is what its relative paths are relative to."""

    procedure: Procedure
    folder: Path
    path: Path | None
    templates: Templates
    pages: Pages
    calendar: Calendar
    events: Mapping[str, Mapping[str, str]]  # the words for each event: label, does, done, automatic

    @cached_property
    def deadlines(self) -> dict[str, DeadlineSettings]:
        return {name: row for name, row in self.procedure.deadline.items() if row.enabled}

    def meaning(self, of: Meaning) -> tuple[str, DeadlineSettings]:
        """Return the name and row of the deadline that means this to the law: there is exactly one."""
        return next((name, row) for name, row in self.deadlines.items() if row.means is of)

    def label(self, event: str) -> str:
        """Return what the button for an event says."""
        return self.events[event]["label"]

    def labeled(self, reason: str) -> str:
        """Return a reason of the law in which each event goes by the words of its button, in quotes."""

        def label(name: re.Match[str]) -> str:
            return f'"{self.label(name[0])}"' if name[0] in self.events else name[0]

        # Only names of several words: "continue" or "approve" in a reason is an ordinary verb.
        return re.sub(r"[a-z]+(?:-[a-z]+)+", label, reason)

    @cached_property
    def notices(self) -> dict[str, NoticeSettings]:
        return {name: row for name, row in self.procedure.notice.items() if row.enabled}

    @cached_property
    def ladders(self) -> dict[tuple[str, datetime], tuple[Any, ...]]:
        """Ladders that `deadlines.rungs` has worked out, by deadline and due instant."""
        return {}

    @cached_property
    def links(self) -> Links:
        """What signs links and reads them. Raises `ConfigError` where there are no keys."""
        path = self.folder / self.procedure.web.keys_file
        try:
            return Links(path.read_text(encoding="ascii").split())
        except FileNotFoundError:
            problem = "there is no such file"
        except (OSError, ValueError) as error:
            problem = f"it cannot be used: {error}"
        expected = "keys for links; `partnershipctl init` makes it"
        raise ConfigError([Problem(f"web.keys_file, {path}", problem, expected)])

    def address(self, path: str) -> str:
        """The address of a page, as people reach it."""
        return f"{self.procedure.web.base_url}/{path}"

    @cached_property
    def sender(self) -> Mailbox:
        """From whom messages come."""
        return mailbox(self.procedure.mail.sender, "mail.sender")

    @cached_property
    def database_url(self) -> str:
        """The address of the database; a relative SQLite file is taken from the configuration's folder."""
        url = self.procedure.database.url
        found = _SQLITE.fullmatch(url)
        if found is None or found["file"] == ":memory:":
            return url
        return found["kind"] + str((self.folder / found["file"]).resolve()) + found["more"]

    @cached_property
    def fingerprint(self) -> str:
        """A text that changes when anything changes that deadlines are worked out from."""
        parts = (self.procedure.deadline, self.procedure.calendar, self.procedure.district.zone)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def instant(self, day: date, at: time) -> datetime:
        """The instant at which the district's clocks show `at` on `day`, in the district's zone."""
        return self.calendar.local(self.calendar.instant(day, at))

    def clock(self, row: DeadlineSettings) -> time:
        """The wall-clock time of a deadline."""
        return row.at or self.procedure.calendar.at


def find(given: str | None, environment: Mapping[str, str]) -> Path | None:
    """The configuration file: the one given, else PARTNERSHIPS_CONFIG, else ./config.toml, else none."""
    named = given or environment.get("PARTNERSHIPS_CONFIG")
    if named:
        return Path(named)
    here = Path("config.toml")
    return here if here.is_file() else None


def load(path: Path | None, *, words: bool = True) -> Config:
    """The configuration of a file, or the packaged one alone. Raises `ConfigError` with every mistake.

    Without `words` the templates are not read through, which takes most of the time; whoever renders one
    still finds its mistakes.
    """
    packaged = _read(DEFAULTS / "config.toml")
    data, folder = packaged, Path.cwd()
    if path is not None:
        own = _read(path)
        data = _with_own_users(_laid_over(packaged, own), own)
        folder = path.resolve().parent
    procedure, found = _validated(data, packaged)
    folders = [folder / "templates", DEFAULTS / "templates"]
    templates = Templates(folders, procedure.district.zone)
    pages = Pages(folders, procedure.district.zone)
    words_of_events = _words(folders, "events.toml")
    found += mistakes(procedure, templates, words=words, whole=not found)
    found += missing_words(words_of_events)
    if (folder / "templates" / "labels.toml").is_file():
        expected = 'each as label = "..." of its event in templates/events.toml'
        found.append(Problem("templates/labels.toml", "it is not read any more", expected))
    found += [Problem(*fault) for fault in (pages.problems() if words else ())]
    try:
        calendar = _calendar(procedure)
    except ValueError as error:
        found.append(Problem("calendar", str(error)))
    if found:
        raise ConfigError(found)
    return Config(procedure, folder, path, templates, pages, calendar, words_of_events)


def _with_own_users(data: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What the district says of a user is all there is of that user: nobody keeps a right it does not mention."""
    admin = own.get("admin")
    users = admin.get("users") if isinstance(admin, dict) else None
    if not isinstance(users, dict) or not isinstance(data["admin"].get("users"), dict):
        return data
    return data | {"admin": data["admin"] | {"users": data["admin"]["users"] | users}}


def _words(folders: Sequence[Path], name: str) -> dict[str, Any]:
    """A file of words, the district's own laid over the packaged one."""
    found: dict[str, Any] = {}
    for place in reversed(folders):
        if (place / name).is_file():
            found = _laid_over(found, _read(place / name))
    return found


def _validated(data: dict[str, Any], packaged: Mapping[str, Any]) -> tuple[Procedure, list[Problem]]:
    """The settings, and what is wrong in their form; where something is, without the tables it is in."""
    try:
        return Procedure.model_validate(data), []
    except ValidationError as error:
        found = problems(error, Procedure)
        places = [detail["loc"] for detail in error.errors(include_url=False)]
    sound = dict(data)
    for table, *inside in places:
        if table in ("deadline", "notice") and inside and isinstance(sound.get(table), dict):
            fields = (DeadlineSettings if table == "deadline" else NoticeSettings).model_fields.keys()
            sound[table] = _without(sound[table], fields, *map(str, inside))
        elif table in packaged:
            sound[str(table)] = packaged[str(table)]
        else:
            sound.pop(str(table), None)
    return Procedure.model_validate(sound), found


# The keys of a row on which nothing else in it depends; without them the rest of it can still be looked at.
_BY_THEMSELVES = frozenset({"label", "at", "roll", "remind", "again", "enabled"})


def _without(
    rows: Mapping[str, Any], fields: Collection[str], name: str, key: str = "", *_: str
) -> dict[str, Any]:
    """Rows without a mistake of form in one of them: without its key, where the row goes on without that."""
    row = rows.get(name)
    if not isinstance(row, dict) or key == "" or (key in fields and key not in _BY_THEMSELVES):
        return {other: row for other, row in rows.items() if other != name}
    rest = {other: value for other, value in row.items() if other != key}
    return {**rows, name: rest | ({"label": name} if key == "label" and key in fields else {})}


def _calendar(procedure: Procedure) -> Calendar:
    days = procedure.calendar
    return Calendar(
        procedure.district.zone,
        breaks=tuple((span.first, span.last) for span in days.breaks),
        closed=days.closed,
        working=days.working,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError([Problem(str(path), "there is no such file", "a configuration file")]) from None
    except UNREADABLE as error:
        raise ConfigError([Problem(str(path), f"it cannot be read: {unreadable(error)}", "TOML")]) from None


def _laid_over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _laid_over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
