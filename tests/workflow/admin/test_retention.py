"""The commands of hold and retention: what they list, refuse, destroy and certify, and what is seen afterwards."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from states.names import Role
from tests.support.desk import REF, Desk
from tests.support.letters import delivered
from tests.support.visitor import Guest, Visitor
from tests.workflow.admin.conftest import OWNER, Sit

SCRIPT = Path(__file__).parents[3] / "docs" / "verify_export.py"


def long_after(sit: Sit, text: str = OWNER) -> Desk:
    """A desk in the district of a partnership that ended long ago, all of whose messages have left."""
    desk = sit("ended", text)
    delivered(desk.life)
    desk.life.at("2033-01-03")
    return desk


def applied(desk: Desk, *words: str) -> object:
    items = desk.ask("retention", "preview")["items"]
    return desk.ask(
        "retention", "apply", "--confirm", str(items), "--certificate", str(desk.folder / "gone.html"), *words
    )


def test_a_destruction_is_previewed_confirmed_certified_and_told(sit: Sit) -> None:
    desk = long_after(sit)
    listed = desk.ask("retention", "preview")
    record = next(each for each in listed["due"] if each["class"] == "record")
    assert (record["ref"], record["since"], record["due_on"]) == (REF, "2025-10-02", "2031-10-02")
    assert record["rule"] == "RCW 40.14.060, six years after termination"
    done = applied(desk)
    assert done["items"] == listed["items"]
    kept = (desk.folder / "gone.json").read_bytes()
    page = (desk.folder / "gone.html").read_text(encoding="utf-8")
    assert REF in page
    assert hashlib.sha256(kept).hexdigest() in page
    entry = next(each for each in desk.ask("changes") if each["what"] == "destruction of records")
    assert entry["after"]["certificate"] == hashlib.sha256(kept).hexdigest()
    assert json.loads(kept)["backups"]["destroy_by"] == "2033-04-03"
    assert "board-office@example.org" in {
        row["to"]
        for row in desk.ask("notices", "--status", "queued")
        if row["template"] == "directory-changed"
    }
    verified = desk.ask("verify")
    assert (verified["faults"], verified["forgotten"] > 0) == ([], True)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "the count is missing"),
        (("--confirm", "1"), "it says 1, and"),
    ],
)
def test_nothing_is_destroyed_without_the_right_count(sit: Sit, words: tuple[str, ...], problem: str) -> None:
    desk = long_after(sit)
    answer = desk.run("retention", "apply", "--certificate", "gone.html", *words, "--json")
    assert answer.status == 2
    assert problem in answer.out
    assert not (desk.folder / "gone.json").exists()
    assert "forgotten" not in desk.ask("verify")


def test_a_hold_refuses_until_it_is_released(sit: Sit) -> None:
    desk = long_after(sit)
    desk.ask("hold", "add", "--all", "--reason", "An audit of the State Auditor")
    answer = desk.run("retention", "apply", "--confirm", "0", "--certificate", "gone.html", "--json")
    assert answer.status == 1
    assert "on hold since 2033-01-03: An audit of the State Auditor" in answer.out
    desk.ask("hold", "release", "--all", "--reason", "The audit is over")
    (row,) = desk.ask("hold")
    assert (row["ref"], row["released_reason"]) == (None, "The audit is over")
    assert applied(desk)["items"] > 0


def test_an_open_request_for_public_records_refuses(sit: Sit) -> None:
    desk = long_after(sit)
    desk.ask("dossier", "request", REF, "--received", "2033-01-02")
    answer = desk.run("retention", "apply", "--confirm", "0", "--certificate", "gone.html", "--json")
    assert answer.status == 1
    assert "a request for public records of 2033-01-02 is open" in answer.out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("hold", "add", REF, "--all", "--reason", "Why"), 2),
        (("hold", "add", "--reason", "Why"), 2),
        (("hold", "add", REF, "--reason", " "), 2),
        (("hold", "add", "nowhere-1999", "--reason", "Why"), 3),
        (("hold", "release", REF, "--reason", "Why"), 1),
        (("retention", "apply", "--certificate", "config.toml", "--confirm", "1"), 2),
        (("retention", "apply", "--certificate", "no/such/folder/gone.html", "--confirm", "1"), 2),
    ],
)
def test_a_mistake_changes_nothing(sit: Sit, words: tuple[str, ...], status: int) -> None:
    desk = long_after(sit)
    (desk.folder / "config.html").write_text("", encoding="utf-8")
    before = desk.life.dump()
    assert desk.run(*words).status == status
    assert desk.life.dump() == before


def test_only_who_may_manage_records_holds_or_destroys(sit: Sit) -> None:
    desk = long_after(sit, OWNER.replace(', "records"', ""))
    for words in (
        ("hold", "add", REF, "--reason", "Why"),
        ("retention", "apply", "--confirm", "1", "--certificate", "gone.html"),
        ("retention", "clean"),
    ):
        answer = desk.run(*words)
        assert (answer.status, "may not change records" in answer.err) == (1, True)


def test_every_command_still_answers_about_a_destroyed_partnership(sit: Sit) -> None:
    desk = long_after(sit)
    applied(desk)
    assert "(destroyed on 2033-01-03: RCW 40.14.060" in desk.say("show", REF)
    assert "(destroyed)" in desk.say("history", REF)
    for words in (
        ("list",), ("events", REF), ("deadlines", REF, "--all"), ("notices", REF), ("notices", "show", "1"),
        ("changes",), ("replies",), ("applications", REF), ("diagram", REF), ("people", "list"),
        ("retention", "preview"), ("export", "--format", "csv"), ("export", "--format", "ics"),
        ("export", "--format", "ocds"), ("report", REF, "--year", "2026"),
        ("report", "--district", "--year", "2026"),
    ):  # fmt: skip
        assert desk.run(*words).status == 0, words


def test_a_dossier_of_a_destroyed_partnership_is_still_written(sit: Sit) -> None:
    desk = long_after(sit)
    applied(desk)
    answer = desk.run("dossier", REF, "--output", str(desk.folder / "dossier.zip"))
    assert answer.status == 0, answer


def test_an_export_of_a_destroyed_partnership_verifies_without_this_program(sit: Sit) -> None:
    desk = long_after(sit)
    before = desk.run("export").out
    (desk.folder / "before.json").write_text(before, encoding="utf-8")
    applied(desk)
    (desk.folder / "after.json").write_text(desk.run("export").out, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-S", "-I", str(SCRIPT), "after.json", "before.json"],
        capture_output=True, text=True, cwd=desk.folder, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    rows = len(desk.life.history())
    assert f"forgotten in {rows}." in done.stdout


@pytest.mark.parametrize("role", ["staff", "principal", "board-office"])
def test_the_pages_say_that_a_partnership_was_destroyed(sit: Sit, role: str) -> None:
    desk = long_after(sit)
    applied(desk)
    page = Guest(desk.life).shown(Role(role), f"{role}@example.org")
    assert "(destroyed on 2033-01-03: RCW 40.14.060, six years after termination)" in page
    assert not re.search("None|Undefined|forgotten", page)


def test_the_register_still_opens_after_a_destruction(sit: Sit) -> None:
    desk = long_after(sit)
    applied(desk)
    for path in ("/partnerships", f"/partnerships/{REF}", "/calls"):
        assert Visitor(desk.life).get(path).status < 500
