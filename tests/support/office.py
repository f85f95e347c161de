"""A partnership office on one machine: the installed programs as subprocesses, at whatever time a test sets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import databases
from tests.support.district import ROLES
from tests.support.facts import ORGANIZATIONS, SAMPLES, instant


def address(who: str) -> str:
    """The address of somebody called by a role; the clock has none."""
    return who if who == "clock" or "@" in who else f"{who}@example.org"


REF = "rbhs-2025"
CONFIG = """
[district]
name = "Example Public Schools"
[database]
url = {url}
[log]
format = "json"
[summary]
roles = []
"""
MAILDIR = '[mail]\nmaildir = "mail"\n'
PRINCIPALS = {
    "rainier-beach": "principal", "franklin": "franklin-principal", "garfield": "garfield-principal",
}  # fmt: skip
GARFIELD = {"garfield-principal": {"roles": ["principal"], "schools": ["garfield"]}}
MEETINGS_2025 = ("2025-07-02", "2025-08-27", "2025-09-17", "2025-10-08", "2025-11-19", "2025-12-10")
MEETINGS_2026 = ("2026-01-14", "2026-02-11", "2026-03-11", "2026-07-15", "2026-08-26", "2026-09-16")
DISTRICT: dict[str, list[dict[str, Any]]] = {
    "school": [
        {"id": key, "name": f"{key.replace('-', ' ').title()} High School", "invited_on": "2025-07-02"}
        for key in PRINCIPALS
    ],
    "organization": [organization.model_dump() for organization in ORGANIZATIONS.values()],
    "person": [
        {"email": address(name), "name": name.replace("-", " ").capitalize(), **given}
        for name, given in (ROLES | GARFIELD).items()
    ],
    "meeting": [{"on": on, "at": "16:15", "kind": "regular"} for on in MEETINGS_2025 + MEETINGS_2026],
}  # fmt: skip


def short(written: str) -> str:
    """An address as a story says it."""
    return parseaddr(written)[1].removesuffix("@example.org")


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return value.isoformat() if isinstance(value, datetime) else json.dumps(value, ensure_ascii=False)


def file_of(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """A district file with these tables."""
    lines = []
    for kind, rows in tables.items():
        for row in rows:
            lines += [f"[[{kind}]]", *(f"{key} = {toml(value)}" for key, value in row.items())]
    return "\n".join(lines)


def program(name: str) -> str:
    """Where a program of the machine is; without it the test is skipped, and under CI fails."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed (on Debian: apt-get install {name})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@cache
def preload(faketime: str) -> dict[str, str]:
    """What makes a program load the library that shifts its clock."""
    said = subprocess.run([faketime, "-f", "+0", "env"], capture_output=True, check=True).stdout
    lines = [line for line in said.decode().splitlines() if line.startswith("LD_PRELOAD=")]
    return dict(line.split("=", 1) for line in lines)


class Step(dict[str, Any]):
    """What a command answered about one partnership."""

    @property
    def state(self) -> str:
        return str(self["state"])

    @property
    def due(self) -> dict[str, str]:
        """The open due instants, such as {"needs-agreed": "2025-08-06 17:00"}."""
        return dict(self.rungs("due"))

    def rungs(self, kind: str) -> Iterator[tuple[str, str]]:
        for one in self["deadlines"]:
            if one["kind"] == kind and one["status"] == "open":
                yield one["name"], minute(one["due_at"])

    @property
    def unmet(self) -> dict[str, str | None]:
        """The requirements that a refusal names, each with its clause."""
        return {one["requirement"]: one["clause"] for one in self["unmet"]}


def minute(instant: str | None) -> str:
    """An instant of a JSON document, as the district's clocks show it."""
    return instant[:16].replace("T", " ") if instant else ""


class Office:
    """Runs `partnershipctl` and `partnershipd` in a folder; a minute passes between one run and the next."""

    def __init__(self, folder: Path, faketime: str, bytecode: Path) -> None:
        self.folder, self.faketime = folder, faketime
        self.now = instant("2025-07-01")
        self.opened: set[str] = set()
        left = ("PARTNERSHIPS_CONFIG", "PYTHONDONTWRITEBYTECODE")
        self.environment = {key: value for key, value in os.environ.items() if key not in left}
        # Compiled once for all runs, which halves what each takes.
        self.environment |= {"TZ": "America/Los_Angeles", "PYTHONPYCACHEPREFIX": str(bytecode)}
        self.configure(MAILDIR)

    def at(self, when: str) -> Office:
        """Let it be this wall-clock time."""
        self.now = instant(when)
        return self

    def configure(self, text: str) -> None:
        """Write the configuration: the district's own, and this besides."""
        url = json.dumps(databases.address(self.folder))
        (self.folder / "config.toml").write_text(CONFIG.format(url=url) + text, encoding="utf-8")

    def run(self, program: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run an installed program under the shifted clock."""
        command = [str(Path(sys.executable).parent / program), *arguments]
        environment = self.shifted()
        self.now += timedelta(minutes=1)
        return subprocess.run(
            command, cwd=self.folder, env=environment, input=given.encode(), capture_output=True,
            check=False, timeout=120,
        )  # fmt: skip

    def shifted(self) -> dict[str, str]:
        """The environment in which a program takes it for now, without faketime's own process around it.

        That one passes no signals on, and refuses when its number was that of one which was killed.
        """
        clock = {"FAKETIME": f"@{self.now:%Y-%m-%d %H:%M:%S}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        return self.environment | preload(self.faketime) | clock

    def ctl(self, *arguments: str, status: int = 0, given: str = "") -> Any:
        """The JSON answer of `partnershipctl`, which has to end with this status."""
        done = self.run("partnershipctl", *arguments, "--json", given=given)
        assert done.returncode == status, b"\n".join((done.stdout, done.stderr)).decode()
        return json.loads(done.stdout)

    def daemon(self) -> list[str]:
        """Let `partnershipd --once` do what is due now; a line for each event that the clock made happen."""
        done = self.run("partnershipd", "--once")
        assert done.returncode == 0, done.stderr.decode()
        said = [json.loads(line) for line in done.stderr.splitlines()]
        assert {one["level"] for one in said} <= {"info"}, done.stderr.decode()
        return [f"{one['ref']} {one['event_name']} -> {one['state']}" for one in said if "event_name" in one]

    def letters(self) -> list[str]:
        """Who got the messages that have come since this was asked last, in alphabetical order."""
        found = {path.name: path for path in (self.folder / "mail" / "new").glob("*")}
        fresh = [path.read_bytes() for name, path in found.items() if name not in self.opened]
        self.opened |= found.keys()
        return sorted(short(message_from_bytes(content)["To"]) for content in fresh)

    # Doing

    def do(self, event: str, by: str, *, ref: str = REF, status: int = 0, **given: Any) -> Step:
        """Trigger an event as somebody, with the usual input but for what is given here."""
        values = {**SAMPLES.get(event, {}), **given}
        options = ("--input", "-") if values else ()
        command = ("trigger", ref, event, "--as", address(by), *options)
        return Step(self.ctl(*command, status=status, given=json.dumps(values)))

    def take_in(self, *partnerships: Mapping[str, Any]) -> None:
        """Import these partnerships with their histories so far."""
        tables = []
        for one in partnerships:
            head = {key: value for key, value in one.items() if key != "event"}
            tables += [file_of({"partnership": [head]}), file_of({"partnership.event": one["event"]})]
        (self.folder / "history.toml").write_text("\n".join(tables), encoding="utf-8")
        answer = self.ctl("import", "history.toml")
        assert answer["added"]["partnerships"] == len(partnerships)

    # Looking

    def show(self, ref: str = REF) -> Step:
        return Step(self.ctl("show", ref))

    def history(self, ref: str = REF) -> list[str]:
        """A line for each row, such as "2025-07-07 09:00 identify-needs by principal"; moves name the state."""
        lines = []
        for row in self.ctl("history", ref):
            who = row["actor"].removesuffix("@example.org")
            moved = f" -> {row['to']}" if row["from"] != row["to"] else ""
            lines.append(f"{minute(row['at'])} {row['event']} by {who}{moved}")
        return lines

    def notices(self, ref: str = REF) -> list[str]:
        """A line for each occasion of which people were told, in order: its name and who they are."""
        told: dict[tuple[str, str], list[str]] = {}
        for notice in self.ctl("notices", ref):
            assert notice["status"] == "sent", notice
            who = notice["to"].removesuffix("@example.org")
            told.setdefault((notice["queued_at"], notice["template"]), []).append(who)
        return [f"{template}: {', '.join(sorted(who))}" for (_, template), who in told.items()]

    def faults(self) -> list[dict[str, Any]]:
        """What `verify` finds in the whole database."""
        done = self.run("partnershipctl", "verify", "--json")
        document = json.loads(done.stdout)
        assert done.returncode == (1 if document["faults"] else 0), done.stderr.decode()
        return list(document["faults"])

    def tamper(self, statement: str, **values: Any) -> None:
        """Change one row by hand, behind the programs' back; what guards the history is taken away first."""
        assert databases.tamper(self.folder, statement, **values) == 1


def founded(folder: Path, faketime: str, bytecode: Path) -> Office:
    """An office with an empty record and a full directory."""
    databases.create(folder)
    office = Office(folder, faketime, bytecode)
    (folder / "district.toml").write_text(file_of(DISTRICT), encoding="utf-8")
    assert office.ctl("init")["done"] == "created"
    office.ctl("import", "district.toml")
    return office


def moved_into(folder: Path, source: Office) -> Office:
    """A copy of an office, to work in alone."""
    shutil.copytree(source.folder, folder)
    databases.copy(source.folder, folder)
    return Office(folder, source.faketime, Path(source.environment["PYTHONPYCACHEPREFIX"]))
