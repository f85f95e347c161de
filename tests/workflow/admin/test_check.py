"""What `check` finds in the configuration, the templates and the files that these name; nothing runs then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import databases
from tests.support.desk import REF, Answer
from tests.workflow.admin.conftest import Sit
from tests.workflow.admin.test_init import SETUP, empty
from workflow.procedure import checks, config
from workflow.procedure.warnings import find_warnings


def test_the_configuration_is_checked_without_a_database(sit: Sit) -> None:
    desk = empty(sit)
    databases.drop(desk.folder)
    found = desk.ask("check")
    procedure = config.load(Path(desk.config), words=False)
    assert found == {
        "config": desk.config,
        "deadlines": len(procedure.deadlines),
        "notices": len(procedure.notices),
        "templates": len(procedure.templates.names()),
        "problems": [],
        "warnings": list(find_warnings(procedure)),
    }
    assert desk.say("check").startswith(f"{desk.config}: {found['deadlines']} deadlines, ")
    assert not databases.exists(desk.folder)


def test_one_address_for_questions_and_answers_is_a_warning_that_says_what_follows() -> None:
    procedure = config.load(None, words=False).procedure
    (warning,) = checks.find_warnings(procedure)
    assert warning.startswith("district.email, mail.sender and mail.replies_to are one address")
    assert "pass" in warning
    other = procedure.district.model_copy(update={"email": "questions@example.org"})
    assert not list(checks.find_warnings(procedure.model_copy(update={"district": other})))


BROKEN = """
[database]
url = "sqlite:///partnerships.db"
[district]
zone = "America/Emerald_City"
[mail]
hours = "late"
colour = "green"
[deadline.report-due]
due = "30 days after the flood"
[deadline.findings-due]
to = ["the-mayor"]
[notice.continue]
to = []
"""
PLACES = {"district.zone", "mail.hours", "mail.colour", "deadline.report-due.due", "notice.continue.to"}


def test_every_mistake_of_a_configuration_is_named_at_once_with_its_place(sit: Sit) -> None:
    desk = sit("open")
    desk.file("config.toml", BROKEN)
    answer = desk.run("check", "--json")
    places = {problem["at"] for problem in answer.json["problems"]}
    assert (answer.status, answer.json["error"]) == (SETUP, "setup")
    assert places >= PLACES
    assert any(place.startswith("deadline.findings-due") for place in places)
    lines = answer.err.splitlines()
    assert lines[0] == "The configuration cannot be used:"
    assert len(lines) == 1 + len(answer.json["problems"])
    assert all(any(f"  - {place}: " in line for line in lines) for place in PLACES)


@pytest.mark.parametrize(
    "words", ["init", "list", f"trigger {REF} add-note --set text=x", "import nowhere.toml"]
)
def test_no_command_runs_on_a_broken_configuration(sit: Sit, words: str) -> None:
    desk = sit("open")
    before = desk.life.dump()
    desk.file("config.toml", BROKEN)
    answer = desk.run(*words.split(), "--json")
    assert (answer.status, answer.json["error"]) == (SETUP, "setup")
    assert desk.life.dump() == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mail", "it cannot be read: "),
        ("a = " + "9" * 5000, "it cannot be read: "),
        (None, "there is no such file; expected a configuration"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_named(sit: Sit, text: str | None, words: str) -> None:
    desk = sit()
    if text is None:
        Path(desk.config).unlink()
    else:
        desk.file("config.toml", text)
    answer = desk.run("check", "--json")
    assert answer.status == SETUP
    assert f"  - {desk.config}: {words}" in answer.err


def test_a_broken_template_is_named_by_check(sit: Sit) -> None:
    desk = sit()
    (desk.folder / "templates" / "email").mkdir(parents=True)
    desk.file("templates/email/approve.j2", "{% extends 'base.j2' %}{% block subject %}{{ nobody.knows }}")
    answer = desk.run("check", "--json")
    assert answer.status == SETUP
    file = desk.folder / "templates" / "email" / "approve.j2"
    assert answer.problems
    assert all(problem.startswith(str(file)) for problem in answer.problems), "where it lies"


def test_the_configuration_is_the_one_given_else_the_one_in_the_environment_else_the_one_here(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, named, here = sit("active"), sit("open"), sit("needs")
    monkeypatch.chdir(here.folder)

    def state(*words: str) -> str:
        return str(here.bare(*words, "list", "--json").json[0]["state"])

    assert state() == "needs-identified"
    monkeypatch.setenv("PARTNERSHIPS_CONFIG", named.config)
    assert state() == "open-selection"
    assert state("--config", given.config) == "active"


def test_check_looks_at_the_address_of_the_database_and_opens_nothing(sit: Sit) -> None:
    desk = sit()
    settings = desk.folder / "config.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace(databases.address(desk.folder), "nonsense")
    )
    answer = desk.run("check", "--json")
    assert answer.status == SETUP
    assert answer.problems[0].startswith("database: database.url cannot be used: ")


SECRETS = {
    "smtp": ('mailer = "smtp"\nsmtp.username = "office"\n{}', "mail.smtp.password_file"),
    "imap": ('replies = "imap"\nimap.username = "office"\n{}', "mail.imap.password_file"),
}


@pytest.mark.parametrize(("text", "place"), SECRETS.values(), ids=SECRETS)
def test_check_looks_at_the_files_with_passwords_but_not_for_those_in_the_daemons_environment(
    sit: Sit, text: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PARTNERSHIPS_SMTP_PASSWORD", "PARTNERSHIPS_IMAP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    desk = sit()
    settings = desk.folder / "config.toml"
    before = settings.read_text(encoding="utf-8")

    def checked(more: str) -> Answer:
        settings.write_text(before.replace("[mail]\n", f"[mail]\n{text.format(more)}\n", 1), encoding="utf-8")
        return desk.run("check", "--json")

    assert checked("").status == 0
    answer = checked(f"{place.removeprefix('mail.')} = 'none-such'")
    assert answer.status == SETUP
    assert answer.problems[0].startswith(f"{place}: it cannot be read: ")
    (desk.folder / "none-such").write_text("secret")
    assert checked(f"{place.removeprefix('mail.')} = 'none-such'").status == 0


PLACELESS = ("list", "show rbhs-2025", "notices", "deadlines", "people", "verify", "export", "backup b.db",
             "trigger NEW identify-needs", "import x.toml", "changes", "meetings")  # fmt: skip


@pytest.mark.promise("place-named")
@pytest.mark.parametrize("words", PLACELESS)
def test_outside_any_configuration_a_command_says_so_and_makes_nothing(
    sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    desk = sit()
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    (empty / "x.toml").write_text("")
    answer = desk.bare(*words.split(), "--json")
    assert (answer.status, answer.json["error"]) == (5, "setup")
    (problem,) = answer.json["problems"]
    expected = (
        f"no configuration was found: there is no --config, no PARTNERSHIPS_CONFIG and no {empty}/config.toml"
    )
    assert problem["problem"] == expected
    assert "--config FILE" in problem["expected"]
    assert [path.name for path in empty.iterdir()] == ["x.toml"]


def test_an_empty_folder_can_be_checked_and_made_a_place_to_work_in(
    sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sit()
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert desk.bare("check", "--json").json["config"] == "packaged default"
    assert desk.bare("init", "--json").json["done"] == "created"
    assert desk.bare("list", "--json").json == []
