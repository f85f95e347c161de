"""What `trigger` takes and how: dotted keys, files, notes, versions, dry runs, and partnerships that are new."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.support import databases
from tests.support.desk import REF, STAFF, Desk, real
from tests.support.facts import SAMPLES
from tests.workflow.admin.conftest import Sit
from workflow.session import Session, System

APPLICATION = SAMPLES["receive-application"]
SCORES = dict.fromkeys(SAMPLES["score-application"]["scores"], 4)


def last_input(desk: Desk) -> dict[str, object]:
    given: dict[str, object] = json.loads(desk.life.history()[-1]["input"])
    return given


def test_dotted_keys_reach_inside(sit: Sit) -> None:
    desk = sit("closed")
    sets = [f"--set=scores.{ability}={score}" for ability, score in SCORES.items()]
    words = ["--set", "organization=harbor-house", "--set", "comment=4", *sets]
    assert desk.trigger("score-application", "--as", "reviewer-1@example.org", *words).status == 0
    assert last_input(desk) == {"organization": "harbor-house", "comment": "4", "scores": SCORES}


def test_text_is_taken_as_it_stands_and_anything_else_as_json(sit: Sit) -> None:
    desk = sit("annual-review")
    submitted = ["--set", "narrative=true", "--set", 'values={"attendance": 91, "suspensions": 30.5}']
    assert desk.trigger("submit-report", "--as", "lead-partner@example.org", *submitted).status == 0
    assert last_input(desk) == {"narrative": "true", "values": {"attendance": 91.0, "suspensions": 30.5}}
    found = ["--set", "impact=true", "--set", 'reasons="quoted" = kept, so is the rest']
    assert desk.trigger("give-finding", "--as", "principal@example.org", *found).status == 0
    assert last_input(desk) == {"impact": True, "reasons": '"quoted" = kept, so is the rest'}


def test_text_that_looks_like_a_number_is_no_number_where_one_is_needed(sit: Sit) -> None:
    answer = sit("annual-review").trigger(
        "submit-report", "--as", "lead-partner@example.org", "--set", "narrative=n",
        "--set", 'values.attendance="91"',
    )  # fmt: skip
    assert (answer.status, answer.problems) == (2, ["values.attendance: found '91'"])


def test_a_list_is_given_as_json(sit: Sit) -> None:
    desk = sit("needs-agreed")
    panel = [f"reviewer-{n}@example.org" for n in (1, 2, 3)]
    words = ("--set", "closes_on=2025-08-15", "--set", f"reviewers={json.dumps(panel)}")
    assert desk.trigger("open-selection", *words).status == 0
    assert last_input(desk)["reviewers"] == panel


TOML = """
# an application, as it came
organization = "harbor-house"
contact_name = "Contact"
contact_email = "Lead-Partner@example.org"
[abilities]
""" + "\n".join(f'{ability} = "{words}"' for ability, words in APPLICATION["abilities"].items())


@pytest.mark.parametrize("text", [TOML, json.dumps(APPLICATION), "\n " + json.dumps(APPLICATION, indent=1)])
@pytest.mark.parametrize("from_file", [True, False])
def test_input_comes_as_json_or_toml_from_a_file_or_standard_input(
    sit: Sit, text: str, from_file: bool
) -> None:
    desk = sit("open")
    source = desk.file("application", text) if from_file else "-"
    answer = desk.trigger("receive-application", "--input", source, stdin="" if from_file else text)
    assert answer.status == 0, answer
    assert last_input(desk)["abilities"] == APPLICATION["abilities"]
    assert last_input(desk)["contact_email"] == "lead-partner@example.org"


def test_toml_may_begin_with_a_table_and_have_days(sit: Sit) -> None:
    desk = sit("open")
    tables = TOML.partition("[abilities]\n")
    text = "[abilities]\n" + tables[2]
    sets = [f"--set={key}={APPLICATION[key]}" for key in ("organization", "contact_name", "contact_email")]
    assert desk.trigger("receive-application", "--input", "-", *sets, stdin=text).status == 0
    extended = desk.trigger(
        "extend-selection", "--input", "-", stdin='closes_on = 2025-08-29\nreason = "r"\n'
    )
    assert extended.status == 0, extended
    assert last_input(desk)["closes_on"] == "2025-08-29"


def test_standard_input_counts_also_when_the_transaction_is_begun_again(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sit("open")
    transact = System.transact

    def again(system: System, work: Callable[[Session], object], *, dry_run: bool) -> object:
        def undone(session: Session) -> None:
            work(session)
            raise InterruptedError

        with suppress(InterruptedError):  # as if another writer had been in the way
            transact(system, undone)
        return transact(system, work, dry_run=dry_run)

    monkeypatch.setattr(System, "transact", again)
    assert desk.trigger("add-note", "--input", "-", stdin='{"text": "called"}').status == 0
    assert last_input(desk) == {"text": "called"}


def test_what_is_set_counts_more_than_what_is_in_the_file(sit: Sit) -> None:
    desk = sit("open")
    given = desk.file("note.json", '{"text": "from the file"}')
    assert desk.trigger("add-note", "--input", given, "--set", "text=from the line").status == 0
    assert last_input(desk) == {"text": "from the line"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"text": ', "--input: it is not JSON: Expecting value"),
        ('["text"]', "--input: it has no keys"),
        ('"text"', "--input: it has no keys"),
        ("text: called", "--input: it is neither JSON nor TOML: "),
        ('{"text": ' + "9" * 5000 + "}", "--input: it is not JSON: Exceeds the limit"),
        ('{"text": ' * 100_000, "--input: it is not JSON: it is nested too deeply"),
        ("text = " + "[" * 5000, "--input: it is neither JSON nor TOML: it is nested too deeply"),
        ('{"text": {"de": "angerufen"}}', "text: found {'de': 'angerufen'}"),
        ("", "text: it is missing"),
    ],
)
def test_input_in_another_form_is_wrong_input(sit: Sit, text: str, problem: str) -> None:
    answer = sit("open").trigger("add-note", "--input", "-", stdin=text)
    assert answer.status == 2
    assert answer.problems[0].startswith(problem)


def test_a_new_partnership_gets_a_reference_of_its_own(sit: Sit) -> None:
    desk = sit("needs")
    words = ("identify-needs", "--set", "school=franklin", "--set", "title=Mathematics")
    assert [desk.ask("trigger", "NEW", *words)["ref"] for _ in range(3)] == [
        "franklin-2025", "franklin-2025-2", "franklin-2025-3",
    ]  # fmt: skip
    assert desk.ask("trigger", "franklin-math", *words)["ref"] == "franklin-math"
    shown = desk.ask("show", "franklin-math")
    assert (shown["school"], shown["title"], shown["state"]) == (
        "franklin",
        "Mathematics",
        "needs-identified",
    )
    assert {one["ref"] for one in desk.ask("list", "--school", "franklin")} == {
        "franklin-2025", "franklin-2025-2", "franklin-2025-3", "franklin-math",
    }  # fmt: skip


def test_a_move_tells_what_is_next(sit: Sit) -> None:
    desk = sit("needs-agreed")
    given = desk.file("call.json", json.dumps(SAMPLES["open-selection"]))
    done = desk.trigger("open-selection", *STAFF, "--input", given).json
    assert (done["from"], done["to"], done["state"]) == (
        "needs-identified",
        "open-selection",
        "open-selection",
    )
    assert (done["actor"], done["role"], done["dry_run"]) == ("staff@example.org", "staff", False)
    row = desk.ask("history", REF)[-1]
    assert (done["seq"], done["hash"], done["at"]) == (row["seq"], row["hash"], row["at"])
    assert done["deadlines"] == desk.ask("deadlines", REF)


def test_people_read_what_was_recorded_and_the_next_deadline(sit: Sit) -> None:
    desk = sit("needs-agreed")
    given = desk.file("call.json", json.dumps(SAMPLES["open-selection"]))
    assert desk.say("trigger", REF, "open-selection", "--input", given) == (
        "Recorded open-selection on rbhs-2025 by staff@example.org (staff); rbhs-2025 is now in open-selection.\n"
        "Next deadline: The call closes, 2025-08-15 17:00.\n"
    )


def test_a_dry_run_says_what_would_happen_and_changes_nothing(sit: Sit) -> None:
    desk = sit("needs-agreed")
    given = desk.file("call.json", json.dumps(SAMPLES["open-selection"]))
    before = desk.life.dump()
    would = desk.trigger("open-selection", "--input", given, "--dry-run").json
    assert (would["dry_run"], would["to"]) == (True, "open-selection")
    assert "applications-close" in {one["name"] for one in would["deadlines"]}
    assert desk.say("trigger", REF, "open-selection", "--input", given, "--dry-run").startswith(
        "Would record open-selection on rbhs-2025 by staff@example.org (staff); "
        "rbhs-2025 would then be in open-selection.\n"
    )
    assert desk.life.dump() == before
    assert desk.trigger("open-selection", "--input", given).status == 0, "what was rehearsed can be done"


def test_a_dry_run_is_refused_as_the_real_one_would_be(sit: Sit) -> None:
    desk = sit("open")
    wet, dry = desk.trigger("activate"), desk.trigger("activate", "--dry-run")
    assert (wet.status, wet.json) == (dry.status, dry.json)
    assert wet.status == 1


def test_a_version_that_is_expected_is_checked(sit: Sit) -> None:
    desk = sit("open")
    version = str(desk.ask("show", REF)["version"])
    words = ("add-note", "--set", "text=called", "--expect-version", version)
    assert desk.trigger(*words).status == 0
    again = desk.trigger(*words)
    assert (again.status, again.json["error"]) == (4, "conflict")
    assert (
        again.json["problem"]
        == f"rbhs-2025 is at version {int(version) + 1}, not {version}: somebody moved it"
    )


def test_a_note_is_kept_with_the_event(sit: Sit) -> None:
    desk = sit("open")
    assert desk.trigger("add-note", "--set", "text=called", "--note", "on the office's telephone").status == 0
    assert desk.ask("history", REF)[-1]["note"] == "on the office's telephone"
    assert "on the office's telephone" in desk.say("history", REF)


def test_a_document_is_kept_by_its_digest(sit: Sit) -> None:
    desk = sit("open")
    content = "Dear staff,\n\t an odd letter.\n"
    letter = desk.file("letter.txt", content)
    digest = hashlib.sha256(content.encode()).hexdigest()
    for title in ("A letter", "The same letter"):
        words = ("--set", f"file={letter}", "--set", f"title={title}")
        assert desk.trigger("attach-document", *words).status == 0
        given = {"file": "letter.txt", "title": title, "sha256": digest, "size": len(content)}
        assert last_input(desk) == given
    kept = databases.rows(desk.folder, "SELECT sha256, name, size, content FROM documents")
    assert kept == [(digest, "letter.txt", len(content), content.encode())]


@pytest.mark.promise("documents-are-saved")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("passwd", "root"),
        ("x.html", "<p>"),
        ("evil.exe", "MZ"),
        ("x.txt", "<html>"),
        ("x.pdf", "no"),
        ("x.txt", ""),
    ],
)
def test_a_command_attaches_no_document_that_a_form_would_refuse(sit: Sit, name: str, content: str) -> None:
    desk = sit("open")
    before = desk.life.dump()
    answer = desk.trigger(
        "attach-document", "--set", f"file={desk.file(name, content)}", "--set", "title=A letter"
    )
    assert (answer.status, answer.json["problems"][0]["at"]) == (2, "file")
    assert desk.life.dump() == before


@pytest.mark.parametrize("dry", [True, False])
def test_a_document_that_is_not_recorded_is_not_kept(sit: Sit, dry: bool) -> None:
    desk = sit("open")
    letter = desk.file("letter.txt", "Dear staff")
    before = desk.life.dump()
    words = ("--set", f"file={letter}", "--set", "title=A letter")
    answer = desk.trigger(
        "attach-document", *words, *(["--dry-run"] if dry else ["--as", "principal@example.org"])
    )
    assert answer.status == (0 if dry else 1)
    assert desk.life.dump() == before


def test_a_document_that_cannot_be_read_is_wrong_input(sit: Sit) -> None:
    desk = sit("open")
    answer = desk.trigger(
        "attach-document", "--set", f"file={desk.folder}/letter.txt", "--set", "title=A letter"
    )
    assert (answer.status, answer.json["problems"][0]["at"]) == (2, "file")
    assert answer.json["problems"][0]["problem"].endswith(
        "letter.txt cannot be read: No such file or directory"
    )


def test_the_installed_program_does_the_same(sit: Sit) -> None:
    """A process of its own: its status, its streams and the district's clock."""
    desk = sit("needs")
    words = ("--config", desk.config, "trigger", REF, "add-note", "--set", "text=called", "--json")
    done = real(*words)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["actor"] == "staff@example.org"
    refused = real(*words, "--as", "reviewer-1@example.org")
    assert (refused.returncode, json.loads(refused.stdout)["error"]) == (1, "refused")
    assert refused.stderr.startswith(b"Refused:\n  - add-note is for staff or principal; ")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be-with-mark"])
def test_input_may_be_in_any_encoding_that_names_itself(sit: Sit, encoding: str) -> None:
    desk = sit("open")
    text = '{"text": "caf\u00e9"}'
    content = b"\xfe\xff" + text.encode("utf-16-be") if encoding.endswith("mark") else text.encode(encoding)
    (desk.folder / "note.json").write_bytes(content)
    assert desk.trigger("add-note", "--input", f"{desk.folder}/note.json").status == 0
    assert desk.life.history()[-1]["input"] == '{"text":"caf\u00e9"}'


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--input", "-"), "--input: it is not JSON: the key 'text' stands there twice"),
        (("--input", "/dev/zero"), "--input: /dev/zero cannot be read: it has more than 20,000,000 bytes"),
        (("--set", "text=a\x1b[2Jb"), "text: it has a character that nobody can read (U+001B)"),
        (("--set", "text=a", "--note", "a\x00b"), "note: it has a character that nobody can read (U+0000)"),
        (("--set", "text=a", "--note", "a\x85b"), "note: it has a character that nobody can read (U+0085)"),
    ],
    ids=["a key twice", "no end", "an escape sequence", "NUL in the note", "a control character in the note"],
)
def test_input_that_nobody_can_read_is_refused(sit: Sit, words: tuple[str, ...], problem: str) -> None:
    desk = sit("open")
    before = desk.life.dump()
    answer = desk.trigger("add-note", *words, stdin='{"text": "a", "text": "b"}')
    assert answer.status == 2
    assert answer.problems[0].startswith(problem)
    assert desk.life.dump() == before
