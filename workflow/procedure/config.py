"""Reads the configuration of a district, config.toml, and reports all its mistakes at once, each with its place.

A district's file is merged over the packaged one, table by table, so it holds only what differs.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from notifications.addresses import Mailbox, parse_mailbox
from notifications.errors import ServiceError
from notifications.template_files import TemplateFiles
from states.case import Meaning
from states.errors import Problem
from states.mistakes import problems_of
from workflow.procedure.calendar import Calendar
from workflow.procedure.checks import find_missing_words, find_mistakes
from workflow.procedure.reading import UNREADABLE, explain_unreadable, read_text, read_toml
from workflow.procedure.redactions import find_redaction_mistakes
from workflow.procedure.settings import DeadlineSettings, NoticeSettings, Procedure
from workflow.store.column_types import canonical
from workflow.store.files import private_mode

if TYPE_CHECKING:
    from notifications.links import Links
    from notifications.pages import Pages
    from notifications.render import Templates
    from notifications.sandbox import Sandbox

_PACKAGE = Path(__file__).parents[1]
DEFAULTS = _PACKAGE / "defaults"
if not DEFAULTS.is_dir():
    DEFAULTS = _PACKAGE.parent  # a checkout: config.toml and templates/ at its top

# The tables that say who decides what and when, and those of them that have rows. The others hold the machine's own
# settings, some of them secret.
_STATED = ("district", "calendar", "board", "selection", "termination", "retention")
_STATED_ROWS = ("deadline", "notice")

_SQLITE = re.compile(r"(?P<kind>sqlite(\+\w+)?:///)(?P<file>[^?]*)(?P<more>.*)", re.DOTALL)


class ConfigError(ServiceError):
    """The configuration cannot be used; `problems` has every mistake."""

    exit_status = 5

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


# It has no slots, since `cached_property` stores its value in the dictionary of the instance.
@dataclass(frozen=True)
class Config:
    """A configuration that has passed every check.

    `folder` is the folder that its relative paths start from.
    """

    procedure: Procedure
    folder: Path
    path: Path | None
    files: TemplateFiles
    calendar: Calendar
    events: Mapping[str, Mapping[str, str]]  # the words for each event: label, does, done, automatic
    signer: Links | None = None  # signs links in place of the keys, for a copy whose messages nobody reads

    @property
    def templates(self) -> Templates:
        """Return the notices, which are compiled at their first use."""
        return self.files.templates

    @property
    def pages(self) -> Pages:
        """Return the pages, which are compiled at their first use."""
        return self.files.pages

    @cached_property
    def published(self) -> Sandbox:
        """Return the environment of the texts that are published. As of a notice, each file is read once."""
        return self.open_templates(html=False)

    def open_templates(self, *, html: bool) -> Sandbox:
        """Return an environment of templates: those of the district come before the packaged ones."""
        # Imported here, since most commands render nothing, and Jinja takes long to import.
        from notifications.render import make_environment

        folders = [self.folder / "templates", DEFAULTS / "templates"]
        return make_environment(folders, self.procedure.district.zone, html=html)

    @cached_property
    def deadlines(self) -> dict[str, DeadlineSettings]:
        """Return the deadlines that are enabled, by name."""
        return {name: row for name, row in self.procedure.deadline.items() if row.enabled}

    def meaning(self, of: Meaning) -> tuple[str, DeadlineSettings]:
        """Return the name and row of the deadline that means this to the law: there is exactly one."""
        return next((name, row) for name, row in self.deadlines.items() if row.means is of)

    def label(self, event: str) -> str:
        """Return the words on the button for an event."""
        return self.events[event]["label"]

    def labeled(self, reason: str) -> str:
        """Return a reason of the law in which each event goes by the words of its button, in quotes."""

        def label(name: re.Match[str]) -> str:
            return f'"{self.label(name[0])}"' if name[0] in self.events else name[0]

        # Only names of several words: "continue" or "approve" in a reason is an ordinary verb.
        return re.sub(r"[a-z]+(?:-[a-z]+)+", label, reason)

    @cached_property
    def notices(self) -> dict[str, NoticeSettings]:
        """Return the notices that are enabled, by name."""
        return {name: row for name, row in self.procedure.notice.items() if row.enabled}

    @cached_property
    def ladders(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Return the cache of the ladders that `ladders.rungs` has computed, by deadline and instants."""
        return {}

    @cached_property
    def links(self) -> Links:
        """Return the signer and reader of links. Raise `ConfigError` if there are no keys."""
        if self.signer is not None:
            return self.signer
        from notifications.links import Links

        # The keys are read at their first use, since `init` reads the configuration before it makes them.
        path = self.folder / self.procedure.web.keys_file
        try:
            readable = stat.S_IMODE(path.stat().st_mode) & 0o077 & ~private_mode(path.parent)
            if not readable:
                return Links(read_text(path).split())
            # Everybody who can read the keys can make every link.
            problem = f"other users may use it: its mode is {stat.S_IMODE(path.stat().st_mode):04o}"
            raise ConfigError([Problem(f"web.keys_file, {path}", problem, f"chmod 600 {path}")])
        except FileNotFoundError:
            problem = "there is no such file"
        except (OSError, ValueError) as error:
            problem = f"it cannot be used: {error}"
        expected = "keys for links; `partnershipctl init` makes it"
        raise ConfigError([Problem(f"web.keys_file, {path}", problem, expected)])

    def address(self, path: str) -> str:
        """Return the public address of a page."""
        return f"{self.procedure.web.base_url}/{path}"

    @cached_property
    def sender(self) -> Mailbox:
        """Return the mailbox that messages come from."""
        return parse_mailbox(self.procedure.mail.sender, "mail.sender")

    @cached_property
    def database_url(self) -> str:
        """Return the address of the database. A relative path of a SQLite file starts from `folder`."""
        url = self.procedure.database.url
        parts = _SQLITE.fullmatch(url)
        if parts is None or parts["file"] == ":memory:":
            return url
        # Programs start in different folders, and all have to open the same file.
        return parts["kind"] + str((self.folder / parts["file"]).resolve()) + parts["more"]

    @cached_property
    def fingerprint(self) -> str:
        """Return a text that changes whenever a setting changes from which deadlines are computed."""
        # Other settings are left out, or a new mail server would make the clock read every partnership.
        parts = (self.procedure.deadline, self.procedure.calendar, self.procedure.district.zone)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @cached_property
    def stated(self) -> dict[str, str]:
        """Return each setting of the procedure and of the rights by its dotted name, as text."""
        parts: dict[str, Any] = {name: getattr(self.procedure, name).model_dump() for name in _STATED}
        for name in _STATED_ROWS:
            rows = getattr(self.procedure, name)
            parts[name] = {key: row.model_dump() for key, row in rows.items()}
        parts["admin"] = {"users": {key: row.model_dump() for key, row in self.procedure.admin.users.items()}}
        return dict(_flatten("", parts))

    @cached_property
    def stated_text(self) -> str:
        """Return all these settings as canonical JSON. Every tick asks for it."""
        return canonical(self.stated)

    def instant(self, day: date, at: time) -> datetime:
        """Return the instant at which the district's clocks show `at` on `day`, in the district's zone."""
        return self.calendar.local(self.calendar.instant(day, at))

    def clock(self, row: DeadlineSettings) -> time:
        """Return the wall-clock time of a deadline."""
        return row.at or self.procedure.calendar.at


def _flatten(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", str(value)


def find(path: str | None, environment: Mapping[str, str]) -> Path | None:
    """Return the configuration file: `path`, else PARTNERSHIPS_CONFIG, else ./config.toml, else None."""
    chosen = path or environment.get("PARTNERSHIPS_CONFIG")
    if chosen:
        return Path(chosen)
    here = Path("config.toml")
    return here if here.is_file() else None


def require_place(settings: Config) -> None:
    """Raise `ConfigError` if no configuration was found and there is no database either.

    The packaged defaults and a database that somebody made by them are a place to work in. An empty folder is not.
    """
    parts = _SQLITE.fullmatch(settings.database_url)
    if settings.path is not None or parts is None or Path(parts["file"]).exists():
        return
    here = Path.cwd() / "config.toml"
    problem = f"no configuration was found: there is no --config, no PARTNERSHIPS_CONFIG and no {here}"
    expected = (
        "the folder of your config.toml, or --config FILE; `partnershipctl init` starts a new record here"
    )
    raise ConfigError([Problem("", problem, expected)])


def load(path: Path | None, *, words: bool = True) -> Config:
    """Load the configuration of a file, or the packaged one alone. Raise `ConfigError` with every mistake.

    1. Merge the file over the packaged one, except that a user in it replaces the packaged user.
    2. Check the form of the settings. Go on with the sound ones, so that all mistakes are reported at once.
    3. Check the settings against the law, and the words of events, pages and messages.

    Without `words` the templates are not read through, since that takes most of the time. Rendering a
    template with a mistake still raises.
    """
    packaged = _read(DEFAULTS / "config.toml")
    data, folder = packaged, Path.cwd()
    if path is not None:
        own = _read(path)
        data = _replace_users(_merge(packaged, own), own)
        folder = path.resolve().parent
    packaged, data = _fill_in(packaged), _fill_in(data)
    procedure, problems = _validate(data, packaged)
    folders = [folder / "templates", DEFAULTS / "templates"]
    files = TemplateFiles(folders, procedure.district.zone)
    words_of_events = _read_words(folders, "events.toml")
    problems += find_mistakes(procedure, files, words=words, whole=not problems)
    problems += find_missing_words(words_of_events)
    problems += find_redaction_mistakes(procedure.redaction)
    # An earlier release read this file. Without an error the district's own labels would silently be gone.
    if (folder / "templates" / "labels.toml").is_file():
        expected = 'each as label = "..." of its event in templates/events.toml'
        problems.append(Problem("templates/labels.toml", "it is not read any more", expected))
    problems += [Problem(*fault) for fault in (files.pages.problems() if words else ())]
    try:
        # The calendar compares days with each other, which the types of single settings cannot do.
        calendar = _make_calendar(procedure)
    except ValueError as error:
        problems.append(Problem("calendar", str(error)))
    if problems:
        raise ConfigError(problems)
    return Config(procedure, folder, path, files, calendar, words_of_events)


def put_in_place(proposed: Config, present: Config) -> Config:
    """Return a proposed configuration as if it stood in the place of the present one, with templates of its own.

    The database, the pages with their keys, and the ways of mail stay those of the present one. When messages
    leave is part of the procedure, so it is as the proposed one says.
    """
    mail = proposed.procedure.mail
    when = {"hours": mail.hours, "digest_at": mail.digest_at, "per_minute": mail.per_minute}
    kept = {
        "database": present.procedure.database,
        "web": present.procedure.web,
        "mail": present.procedure.mail.model_copy(update=when),
    }
    procedure = proposed.procedure.model_copy(update=kept)
    return replace(proposed, procedure=procedure, folder=present.folder, path=present.path)


def _fill_in(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with the value of `board.record_within` in each due time that names it."""
    board, rows = data.get("board"), data.get("deadline")
    within = board.get("record_within") if isinstance(board, dict) else None
    if not isinstance(within, int) or not isinstance(rows, dict):
        return dict(data)
    filled = {
        name: row | {"due": row["due"].replace("board.record_within", str(within))}
        if isinstance(row, dict) and isinstance(row.get("due"), str)
        else row
        for name, row in rows.items()
    }
    return {**data, "deadline": filled}


def _replace_users(data: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Replace each packaged user by the district's own, so that no right stays that the district leaves out."""
    admin = own.get("admin")
    users = admin.get("users") if isinstance(admin, dict) else None
    if not isinstance(users, dict) or not isinstance(data["admin"].get("users"), dict):
        return data
    # Merged key by key, a district could add rights to the packaged user but not take any away.
    return data | {"admin": data["admin"] | {"users": data["admin"]["users"] | users}}


def _read_words(folders: Sequence[Path], name: str) -> dict[str, Any]:
    """Read a file of words, the district's own merged over the packaged one."""
    words: dict[str, Any] = {}
    # The packaged words come first, so that those of the district replace them.
    for folder in reversed(folders):
        if (folder / name).is_file():
            words = _merge(words, _read(folder / name))
    return words


def _validate(data: dict[str, Any], packaged: Mapping[str, Any]) -> tuple[Procedure, list[Problem]]:
    """Return the settings and the mistakes in their form.

    A part of the settings with a mistake is left out, or taken from the packaged configuration, so that the
    rest can still be checked against the law.
    """
    try:
        return Procedure.model_validate(data), []
    except ValidationError as error:
        mistakes = problems_of(error, Procedure)
        places = [detail["loc"] for detail in error.errors(include_url=False)]
    sound = dict(data)
    # Take out what is bad and keep the rest, so that its mistakes are found in the same run.
    for table, *inside in places:
        if table in ("deadline", "notice") and inside and isinstance(sound.get(table), dict):
            fields = (DeadlineSettings if table == "deadline" else NoticeSettings).model_fields.keys()
            sound[table] = _without(sound[table], fields, *map(str, inside))
        elif table in packaged:
            sound[str(table)] = packaged[str(table)]
        else:
            sound.pop(str(table), None)
    return Procedure.model_validate(sound), mistakes


# The keys of a row that no other key depends on. Without them the rest of the row can still be checked.
_INDEPENDENT = frozenset({"label", "at", "roll", "remind", "again", "enabled"})


def _without(
    rows: Mapping[str, Any], fields: Collection[str], name: str, key: str = "", *_: str
) -> dict[str, Any]:
    """Return the rows without the key that has a mistake, or without its whole row if other keys depend on it."""
    row = rows.get(name)
    if not isinstance(row, dict) or key == "" or (key in fields and key not in _INDEPENDENT):
        return {other: row for other, row in rows.items() if other != name}
    rest = {other: value for other, value in row.items() if other != key}
    # Every row needs a label, so its name stands in for the bad one.
    return {**rows, name: rest | ({"label": name} if key == "label" and key in fields else {})}


def _make_calendar(procedure: Procedure) -> Calendar:
    days = procedure.calendar
    return Calendar(
        procedure.district.zone,
        breaks=tuple((span.first, span.last) for span in days.breaks),
        closed=days.closed,
        working=days.working,
    )


def _read(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file. Raise `ConfigError`."""
    try:
        return read_toml(path)
    except FileNotFoundError:
        raise ConfigError([Problem(str(path), "there is no such file", "a configuration file")]) from None
    except UNREADABLE as error:
        raise ConfigError(
            [Problem(str(path), f"it cannot be read: {explain_unreadable(error)}", "TOML")]
        ) from None


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over` in place of its own, table by table."""
    merged = dict(base)
    for key, value in over.items():
        # Only tables are merged. A list is replaced, since otherwise nobody could take an item out of it.
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
