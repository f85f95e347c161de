"""The command dossier writes a ZIP file, and keeps what somebody marked by hand."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support import letters
from tests.support.desk import REF
from tests.workflow.admin.conftest import Sit

ITEM = "row/2/input/needs/0"


def test_an_item_is_marked_withheld_and_shown_again(sit: Sit, tmp_path: Path) -> None:
    desk = sit("needs-agreed")
    listed = {each["item"]: each for each in desk.ask("dossier", "items", REF)}
    assert listed[ITEM] == {"item": ITEM, "text": "tutoring", "marked": None}
    desk.ask("dossier", "mark", REF, ITEM, "--exemption", "student", "--reason", "two pupils")
    zips = [str(tmp_path / name) for name in ("public.zip", "office.zip", "again.zip")]
    made = desk.ask("dossier", REF, "--output", zips[0], "--for", "public-records")
    assert made["withheld"] == 1
    desk.ask("dossier", REF, "--output", zips[1])
    desk.ask("dossier", "unmark", REF, ITEM)
    desk.ask("dossier", REF, "--output", zips[2], "--for", "public-records")
    said = []
    for name in zips:
        with zipfile.ZipFile(name) as packed:
            said.append("tutoring" in packed.read("index.html").decode())
    assert said == [False, True, True]
    told = [each["what"] for each in desk.ask("changes") if REF in each["what"]]
    assert told.count(f"withheld {REF} {ITEM}") == 2
    assert told.count(f"made a dossier of {REF}") == 3
    assert desk.life.faults() == []


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ("mark", REF, "row/2/input/wants", "--exemption", "student"),
            "ITEM: there is no item 'row/2/input/wants'",
        ),
        (("mark", REF, ITEM, "--exemption", "students"), "--exemption: there is no exemption 'students'"),
        ((REF,), "--output: it is not said where the dossier goes"),
        ((REF, "--output", "/nowhere/at/all.zip"), "--output: /nowhere/at/all.zip cannot be written"),
    ],
)
def test_a_mistake_is_named(sit: Sit, words: tuple[str, ...], problem: str) -> None:
    answer = sit("needs-agreed").run("dossier", *words, "--json")
    assert answer.status == 2
    assert answer.problems[0].startswith(problem)


def test_who_may_not_manage_records_gets_none(sit: Sit, tmp_path: Path) -> None:
    desk = sit(
        "needs", '[admin.users]\n"(owner)" = { person = "staff@example.org", may_manage = ["notices"] }\n'
    )
    answer = desk.run("dossier", REF, "--output", str(tmp_path / "all.zip"))
    assert answer.status == 1
    assert not (tmp_path / "all.zip").exists()


def test_check_names_what_no_redaction_can_cover(sit: Sit) -> None:
    row = '[[redaction]]\nname = "one"\ncovers = ["scoring", "submit-report.narative"]\n'
    row += 'exemption = "x"\nstatute = "y"\nexplanation = "z"\n'
    desk = sit("needs")
    desk.file("config.toml", Path(desk.config).read_text() + row)
    answer = desk.run("check", "--json")
    assert answer.status == 5
    assert answer.problems == [
        "redaction one.covers: there is no 'scoring'",
        "redaction one.covers: there is no 'submit-report.narative'",
    ]


def test_those_whom_the_record_names_are_told_before_it_is_given_away(sit: Sit) -> None:
    desk = sit("chosen")
    day = "2025-09-30"
    told = desk.ask(
        "dossier", REF, "--notify-third-parties", "--respond-by", day, "--asked", "all applications"
    )
    assert told["told"] == ["applicant@example.org", "lead-partner@example.org"]
    letter = letters.got(desk.life, "records-request", "applicant").get_body(("plain",))
    assert letter is not None
    words = " ".join(letter.get_content().split())
    for text in ("all applications", "September 30, 2025", "42.56.540", "superior court"):
        assert text in words
    assert f"told third parties of a request for {REF}" in [each["what"] for each in desk.ask("changes")]
    assert desk.life.faults() == []


def test_nobody_is_told_while_the_applications_are_sealed(sit: Sit) -> None:
    answer = sit("applied").run(
        "dossier", REF, "--notify-third-parties", "--respond-by", "2025-09-30", "--json"
    )
    assert answer.status == 1


def test_third_parties_get_a_day_to_come(sit: Sit) -> None:
    desk = sit("chosen")
    for options in ((), ("--respond-by", "2025-01-01")):
        answer = desk.run("dossier", REF, "--notify-third-parties", *options, "--json")
        assert answer.problems[0].startswith("--respond-by: ")
