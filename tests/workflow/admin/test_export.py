"""An export can be checked by anybody, with a script that knows nothing of this program or another one."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import databases
from tests.support.desk import PROGRAMS, REF, Desk
from tests.support.facts import CBO
from tests.workflow.admin.conftest import Sit
from workflow.store.commitments import Salts, commitments, flatten, hash_of
from workflow.store.saving import COMMITTED, OPEN, hash_entry

DOCS = Path(__file__).parents[3] / "docs"
Document = dict[str, Any]


def checked(desk: Desk, *files: str) -> tuple[int, list[str]]:
    """What the script says of files, run where nothing of this project can be imported; then what it left out."""
    done = subprocess.run(
        [sys.executable, "-S", "-I", str(DOCS / "verify_export.py"), *files],
        capture_output=True, text=True, cwd=desk.folder, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == "", done.stderr
    *said, left_out, not_looked_at = done.stdout.splitlines()
    assert left_out.startswith("Left out, so that only commitments could be checked: values of ")
    assert not_looked_at.startswith("Not looked at: facts, school and title, documents, ")
    return done.returncode, said


def exported(desk: Desk, name: str = "record.json", *refs: str) -> str:
    return desk.file(name, desk.say("export", *refs))


def changed(desk: Desk, file: str, change: Callable[[Document], Any]) -> str:
    """The same export in another file after something was changed in its first partnership."""
    document = json.loads(Path(file).read_text(encoding="utf-8"))
    change(document["partnerships"][0])
    return desk.file("changed.json", json.dumps(document))


def of_format(number: int, desk: Desk) -> Desk:
    """A district whose history so far is of this format."""
    if number == 1:
        databases.to_first_format(desk.life.system.engine)
    return desk


SOUND = "1 partnerships, 0 faults; of 0 sealed rows only the links were checked"


@pytest.mark.parametrize("station", ["needs", "closed", "annual-review", "ended"])
def test_a_record_is_exported_whole_and_holds(sit: Sit, station: str) -> None:
    desk = sit(station)
    file = exported(desk)
    assert checked(desk, file) == (0, [SOUND])
    (found,) = json.loads(Path(file).read_text(encoding="utf-8"))["partnerships"]
    record = desk.life.record
    assert (found["ref"], found["state"], found["version"], found["head"]) == (
        REF, record.state, record.version, record.head,
    )  # fmt: skip
    for shown, kept in zip(found["history"], desk.life.history(), strict=True):
        assert {name: shown[name] for name in OPEN} == {name: kept[name] for name in OPEN}
        texts = {name: kept[name] for name in ("actor", "note", "ran_by", "hash")}
        values = {name: json.loads(kept[name]) for name in ("input", "setting")}
        assert {name: shown[name] for name in (*texts, *values)} == texts | values
        assert (list(shown["facts"]), list(shown["rows"])) == (["withheld"], ["withheld"])


def test_a_record_of_an_earlier_release_is_exported_as_it_is_and_goes_on_in_format_2(sit: Sit) -> None:
    desk = sit("annual-review")
    databases.to_first_format(desk.life.system.engine)
    older = desk.life.history()
    desk.life.do("add-note", "staff", text="More")
    file = exported(desk)
    assert checked(desk, file) == (0, [SOUND])
    (found,) = json.loads(Path(file).read_text(encoding="utf-8"))["partnerships"]
    *first, last = found["history"]
    names = (*HASHED, "hash")
    assert [{name: row[name] for name in names} for row in first] == [
        {name: row[name] for name in names} for row in older
    ]
    assert {name for row in first for name in row} == {*names, "at"}
    assert (last["format"], last["previous"]) == (2, older[-1]["hash"])
    turned = changed(desk, file, lambda one: one["history"].append(older_row(one)))
    assert "it is of format 1 after a row of format 2" in "\n".join(checked(desk, turned)[1])


def older_row(one: Document) -> Document:
    """A row of format 1 that goes on where a record ends."""
    first, last = one["history"][0], one["history"][-1]
    return first | {"seq": last["seq"] + 1, "previous": last["hash"], "from_state": last["to_state"]}


def test_some_partnerships_can_be_exported_and_one_that_is_not_there_is_named(sit: Sit) -> None:
    desk = sit("needs")
    desk.life.another("franklin-2025").do("identify-needs")
    whole = json.loads(desk.say("export"))
    assert [one["ref"] for one in whole["partnerships"]] == ["franklin-2025", REF]
    assert [one["ref"] for one in desk.ask("export", REF)["partnerships"]] == [REF]
    assert (whole["format"], whole["version"]) == ("lead-community-partners record", 2)
    assert desk.run("export", REF, "nobody", "--json").json["problem"] == "there is no partnership 'nobody'"


@pytest.mark.skipif(databases.POSTGRESQL, reason="there nobody who writes waits for who reads")
def test_an_export_is_the_same_however_much_of_it_is_in_memory(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sit("open")
    for number in range(3):
        desk.life.another(f"another-{number}").to("needs")
    whole = desk.say("export")
    monkeypatch.setattr("workflow.record.histories.CHUNK", 2)
    monkeypatch.setattr("workflow.admin.export._IN_MEMORY", 1)
    assert desk.say("export") == whole


def test_who_reads_an_export_slowly_keeps_nobody_from_writing(sit: Sit) -> None:
    desk = sit("needs")
    for _ in range(20):
        desk.life.do("add-note", "staff", text="much " * 1000)  # more than a pipe holds
    with subprocess.Popen(
        [str(PROGRAMS / "partnershipctl"), "--config", desk.config, "export"], stdout=subprocess.PIPE
    ) as slow:
        assert slow.stdout is not None
        begun = slow.stdout.read(1)
        try:
            desk.life.run("INSERT INTO meta VALUES ('while', 'somebody reads')")
        finally:
            found = json.loads(begun + slow.stdout.read())
    assert found["partnerships"][0]["version"] == 21


def row(number: int, **values: Any) -> Callable[[Document], Any]:
    return lambda one: one["history"][number - 1].update(values)


def anew(one: Document, start: int = 1) -> None:
    """Give every row from this one on the hash that fits."""
    for before, entry in zip([None, *one["history"]], one["history"], strict=False):
        if entry["seq"] >= start:
            entry["previous"] = before["hash"] if before else "0" * 64
            entry["hash"] = hash_shown(one["ref"], entry)
    one |= {"head": one["history"][-1]["hash"], "version": len(one["history"])}


def hash_shown(ref: str, entry: Document) -> str:
    """The hash of a row as it is exported. A value that somebody forged gets a salt, as it would."""
    if "format" not in entry:
        values = [ref, entry["at"], *(entry[name] for name in HASHED)]
        return hashlib.sha256(json.dumps(values, ensure_ascii=False).encode()).hexdigest()
    parts = {name: entry[name] for name in COMMITTED}
    for pointer, _ in flatten({name: parts[name] for name in SHOWN}, ""):
        entry["salts"].setdefault(pointer, "0" * 32)
    columns = (2, ref, entry["at"], *(entry[name] for name in OPEN))
    return hash_of(columns, commitments(parts, Salts(json.dumps(entry["salts"]))))


SHOWN = ("actor", "note", "ran_by", "input", "setting")
HASHED = ("seq", "event", "actor", "role", "channel", "from_state", "to_state", "input", "setting", "note",
          "ran_by", "previous")  # fmt: skip
FORGED = {
    "an input": (row(2, input="{}"), "row 2: its content does not fit its hash"),
    "a time": (row(3, at="2025-07-07T16:00:00.000001+00:00"), "row 3: its content does not fit its hash"),
    "a note": (row(3, note="x"), "row 3: its content does not fit its hash"),
    "a hash": (row(3, hash="0" * 64), "row 4: it does not follow the row before it"),
    "a row taken out": (lambda one: one["history"].pop(2), "row 4: it should be row 3"),
    "the first row taken out": (lambda one: one["history"].pop(0), "row 2: it should be row 1"),
    "the last row taken out": (lambda one: one["history"].pop(), "its hash or state is not that of its last row"),
    "rows in another order": (lambda one: one["history"].reverse(), "row 5: it should be row 1"),
    "a row twice": (lambda one: one["history"].append(one["history"][-1]), "row 5: it should be row 6"),
    "no history": (lambda one: one["history"].clear(), "it is at version 5 with 0 rows"),
    "the state": (lambda one: one.update(state="active"), "its hash or state is not that of its last row"),
    "the version": (lambda one: one.update(version=9), "it is at version 9 with 5 rows"),
    "no history and no version": (
        lambda one: one.update(history=[], version=0, head="0" * 64, state=None), "it is at version 0 with 0 rows"),
    "another partnership": (lambda one: one.update(ref="other"), "other, row 1: its content does not fit"),
    "a state between": (
        lambda one: (row(3, from_state="active")(one), anew(one)),
        "row 3: it starts in active, the row before ends in needs-identified"),
    "sealed, to be left alone": (
        row(3, sealed=True, input=None, hash="f" * 64), "row 4: it does not follow the row before it"),
}  # fmt: skip


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("what", FORGED)
def test_whatever_was_changed_in_an_export_is_named(sit: Sit, what: str, number: int) -> None:
    change, fault = FORGED[what]
    desk = of_format(number, sit("open"))
    status, said = checked(desk, changed(desk, exported(desk), change))
    assert status == 1
    assert any(fault in line for line in said), said


def test_what_is_no_export_is_said(sit: Sit) -> None:
    desk = sit("needs")
    for name, content in (("a.json", "{"), ("b.json", '{"partnerships": [{}]}')):
        done = subprocess.run(
            [sys.executable, "-S", "-I", str(DOCS / "verify_export.py"), desk.file(name, content)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert done.stderr.startswith("it cannot be read: ")


def test_a_partnership_that_stands_there_twice_is_refused_as_only_one_would_be_checked(sit: Sit) -> None:
    desk = sit("needs")
    document = json.loads(Path(exported(desk)).read_text(encoding="utf-8"))
    forged = {"ref": REF, "history": []}
    document["partnerships"].insert(0, forged)
    done = subprocess.run(
        [sys.executable, "-S", "-I", str(DOCS / "verify_export.py"), desk.file("twice.json", json.dumps(document))],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    assert "twice.json: a reference stands there twice" in done.stderr


# What is sealed


@pytest.mark.promise("sealed-until-closing")
@pytest.mark.parametrize(("number", "unchecked"), [(1, 2), (2, 0)])
def test_an_export_holds_no_application_before_the_call_closes_and_all_of_it_afterwards(
    sit: Sit, number: int, unchecked: int
) -> None:
    desk = of_format(number, sit("applied"))
    said = json.loads(desk.life.history()[-1]["input"])["abilities"]
    before = exported(desk, "before.json")
    text = Path(before).read_text(encoding="utf-8")
    assert said
    assert not [words for words in said.values() if words in text]
    told = f"1 partnerships, 0 faults; of {unchecked} sealed rows only the links were checked"
    assert checked(desk, before) == (0, [told])
    desk.life.at("2025-08-15 17:00").do("close-applications", "clock")
    after = exported(desk, "after.json")
    assert all(words in Path(after).read_text(encoding="utf-8") for words in said.values())
    assert checked(desk, after, before) == (0, [SOUND])
    assert CBO in text, "who applied is no secret from the office"


@pytest.mark.parametrize("number", [1, 2])
def test_a_sealed_row_that_is_another_after_closing_is_named(sit: Sit, number: int) -> None:
    desk = of_format(number, sit("applied"))
    before = exported(desk, "before.json")
    desk.life.at("2025-08-15 17:00").do("close-applications", "clock")
    forged = changed(desk, exported(desk, "after.json"), lambda one: (row(6, input="{}")(one), anew(one)))
    assert checked(desk, forged)[0] == 0
    assert f"{REF}, row 6: it was changed since: hash" in checked(desk, forged, before)[1]


def swapped(one: Document) -> None:
    """Give the last row an input of somebody's liking, and keep the hash that it had."""
    one["history"][-1] |= {"input": '{"votes": "as they should have been"}', "sealed": True}


def closed_again(one: Document) -> None:
    """Leave out an application though its call has closed."""
    next(row for row in one["history"] if row["event"] == "receive-application").update(
        actor="somebody@example.org", input=None, sealed=True
    )


@pytest.mark.promise("record-verifiable")
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("station", "forge", "number"),
    [("open", swapped, 5), ("active", swapped, -1), ("closed", closed_again, 6), ("active", closed_again, 6)],
)
def test_a_row_is_not_believed_to_be_sealed_where_nothing_is(
    sit: Sit, station: str, forge: Callable[[Document], Any], number: int, first: bool
) -> None:
    desk = of_format(1 if first else 2, sit(station))
    before = exported(desk)
    forged = changed(desk, before, forge)
    where = f"{REF}, row {number if number > 0 else desk.life.record.version}"
    status, said = checked(desk, forged)
    assert status == 1
    if first:
        assert said[:-1] == [f"{where}: it cannot be sealed, only applications to an open call are"]
        assert f"{where}: it was changed since: " in "\n".join(checked(desk, forged, before)[1])
    # A row of format 2 has commitments in the place of what is left out, so that its hash is always checked.
    else:
        assert said[:-1] == [f"{where}: its content does not fit its hash"]


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (1, "it cannot be sealed, only applications to an open call are"),
        (2, "its content does not fit its hash"),
    ],
)
def test_an_application_that_is_not_left_out_is_checked_though_it_says_that_it_is_sealed(
    sit: Sit, number: int, fault: str
) -> None:
    desk = of_format(number, sit("applied"))
    said = checked(desk, changed(desk, exported(desk), row(6, input="{}")))[1]
    assert said[0] == f"{REF}, row 6: {fault}"


def test_the_script_says_what_it_did_not_look_at(sit: Sit) -> None:
    desk = sit("applied")
    said = subprocess.run(
        [sys.executable, "-S", "-I", str(DOCS / "verify_export.py"), exported(desk)],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert said[-2:] == [
        "Left out, so that only commitments could be checked: values of 7 rows, forgotten in 0.",
        "Not looked at: facts, school and title, documents, and whether the law allowed each event.",
    ]


# The description


def test_the_description_has_the_very_list_that_is_hashed_and_its_hash() -> None:
    text = (DOCS / "record.md").read_text(encoding="utf-8")
    listed = re.findall(r"^    \[ref, at, (.+)\]$", text, re.MULTILINE)
    assert listed == [", ".join(HASHED)]
    (example,) = re.findall(r"```json\n(.+)\n```", text)
    (hashed,) = re.findall(r"Its hash is `(\w+)`", text)
    assert hashlib.sha256(example.encode()).hexdigest() == hashed
    ref, at, *values = json.loads(example)
    entry = dict(zip(HASHED, values, strict=True)) | {"at": datetime.fromisoformat(at)}
    assert hash_entry(ref, entry) == hashed


def test_the_script_is_short_and_needs_nothing_else() -> None:
    text = (DOCS / "verify_export.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 200
    modules = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert modules <= set(sys.stdlib_module_names)
