"""What `partnershipctl export` writes besides the record: tables, a calendar and open data."""

from __future__ import annotations

import json
from pathlib import Path

import icalendar
import openpyxl
import pytest

from tests.support.desk import REF
from tests.workflow.admin.conftest import OWNER, Sit

REGISTERED = f'{OWNER}\n[ocds]\nprefix = "ocds-a1b2c3"\n'


def test_open_data_is_a_release_package_or_a_record_package(sit: Sit) -> None:
    desk = sit("active", REGISTERED)
    desk.life.another("franklin-2025").do("identify-needs")
    released = desk.ask("export", "--format", "ocds")
    assert {release["ocid"] for release in released["releases"]} == {
        f"ocds-a1b2c3-{REF}", "ocds-a1b2c3-franklin-2025",
    }  # fmt: skip
    (record,) = desk.ask("export", REF, "--format", "ocds", "--package", "records")["records"]
    assert record["compiledRelease"]["contracts"][0]["status"] == "active"
    assert json.loads(desk.say("export", "--format", "ocds")) == released


def test_a_prefix_that_is_not_registered_is_told_to_people(sit: Sit) -> None:
    answer = sit("needs").run("export", "--format", "ocds")
    assert json.loads(answer.out)["releases"]
    assert "The prefix of the identifiers is not registered" in answer.err


def test_a_prefix_that_cannot_be_one_is_refused(sit: Sit) -> None:
    desk = sit("needs")
    Path(desk.config).write_text('[ocds]\nprefix = "OCDS 1"\nlicense = "CC0"\n', encoding="utf-8")
    assert desk.run("check", "--json").problems == [
        "ocds.prefix: 'OCDS 1' is not a prefix; expected one like \"ocds-a1b2c3\"",
        "ocds.license: 'CC0' is not an address; expected one like \"https://example.org/license\"",
    ]


def test_csv_is_one_table(sit: Sit) -> None:
    desk = sit("active")
    assert desk.say("export", "--format", "csv").splitlines()[1].startswith(f"{REF},Rainier Beach School,")
    history = desk.say("export", "--format", "csv", "--table", "history").splitlines()
    assert len(history) == desk.life.record.version + 1
    assert desk.ask("export", "--format", "csv").startswith("\ufeffReference,")


def test_a_workbook_goes_to_a_file(sit: Sit, tmp_path: Path) -> None:
    desk = sit("active")
    file = tmp_path / "partnerships.xlsx"
    answer = desk.run("export", "--format", "xlsx", "--output", str(file))
    assert (answer.status, answer.out, answer.err) == (0, "", f"Wrote {file}.\n")
    assert openpyxl.load_workbook(file)["Partnerships"]["A2"].value == REF
    assert desk.run("export", "--format", "xlsx", "--json").problems == [
        "--output: a workbook cannot be shown"
    ]
    nowhere = str(tmp_path / "nowhere" / "a.xlsx")
    answer = desk.run("export", "--format", "xlsx", "--output", nowhere, "--json")
    assert answer.problems == ["--output: it cannot be written: No such file or directory"]


@pytest.mark.parametrize("format_", ["json", "csv", "ics", "ocds"])
def test_a_file_has_what_would_be_printed(sit: Sit, tmp_path: Path, format_: str) -> None:
    desk = sit("active", REGISTERED)
    file = tmp_path / "export"
    printed = desk.say("export", "--format", format_)
    assert desk.ask("export", "--format", format_, "--output", str(file)) == {
        "format": format_, "output": str(file),
    }  # fmt: skip
    assert file.read_bytes().decode() == printed


def test_the_calendar_has_deadlines_and_the_meeting_of_the_board(sit: Sit) -> None:
    desk = sit("scheduled")
    calendar = icalendar.Calendar.from_ical(desk.say("export", REF, "--format", "ics"))
    uids = {str(event["uid"]).partition(".")[0] for event in calendar.walk("VEVENT")}
    assert "board-meeting" in uids
    assert {uid for uid in uids if uid in desk.life.running()}


def test_a_partnership_that_is_not_there_is_named_in_every_form(sit: Sit) -> None:
    answer = sit("needs").run("export", "nobody", "--format", "csv", "--json")
    assert (answer.status, answer.json["error"]) == (3, "not-found")


def test_the_lifecycle_is_drawn_to_a_file_or_in_json(sit: Sit, tmp_path: Path) -> None:
    desk = sit("active")
    answer = desk.ask("diagram", REF, "--format", "svg")
    assert (answer["ref"], answer["state"], answer["format"]) == (REF, "active", "svg")
    assert f"Where {REF} stands: Active" in answer["diagram"]
    file = tmp_path / "life.svg"
    assert desk.run("diagram", REF, "--format", "svg", "--output", str(file)).err == f"Wrote {file}.\n"
    assert (
        file.read_text(encoding="utf-8")
        == answer["diagram"] + "\n"
        == desk.say("diagram", REF, "--format", "svg")
    )
    assert "Where" not in desk.say("diagram", "--format", "svg")
