"""Taking a district file in, and proving every record against its history."""

from __future__ import annotations

import pytest

from tests.support.desk import REF, Desk
from tests.workflow.admin.conftest import Sit

DISTRICT = """
[[school]]
id = "mercer"
name = "Mercer Middle School"
invited_on = 2025-07-02

[[person]]
email = "mercer-principal@example.org"
name = "Principal of Mercer"
roles = ["principal"]
schools = ["mercer"]

[[meeting]]
on = 2031-03-12
at = "16:15"

[[partnership]]
ref = "mercer-2025"
school = "mercer"
title = "Mathematics"
  [[partnership.event]]
  event = "describe-needs"
  at = 2025-07-03T09:00:00-07:00
  as = "mercer-principal@example.org"
  input = { needs = ["tutoring"], resources = ["staff"], assets = ["roots"], qualities = ["calm"], goals = ["it"] }
  [[partnership.event]]
  event = "agree-needs"
  at = 2025-07-04T09:00:00-07:00
  as = "mercer-principal@example.org"
  note = "on paper"
"""
ADDED = {"schools": 1, "people": 1, "meetings": 1, "events": 3, "partnerships": 1}


def desk_of(sit: Sit) -> Desk:
    desk = sit()
    desk.life.at("2025-08-01")
    return desk


def test_a_district_file_is_taken_in_with_its_history(sit: Sit) -> None:
    desk = desk_of(sit)
    file = desk.file("district.toml", DISTRICT)
    done = desk.ask("import", file)
    assert done == {"file": file, "dry_run": False, "added": ADDED, "changed": {}, "unchanged": {}}
    history = desk.ask("history", "mercer-2025")
    assert [row["event"] for row in history] == ["identify-needs", "describe-needs", "agree-needs"]
    assert history[2]["at"] == "2025-07-04T09:00:00-07:00"
    assert (history[2]["channel"], history[2]["note"]) == ("import", "on paper")
    told = {row["template"] for row in desk.ask("notices")}
    assert told <= {"directory-changed"}, "nobody is told about the past"
    assert {one["name"] for one in desk.ask("deadlines", "mercer-2025")} == {"needs-agreed"}


def test_the_same_file_again_changes_nothing(sit: Sit) -> None:
    desk = desk_of(sit)
    file = desk.file("district.toml", DISTRICT)
    desk.ask("import", file)
    before = desk.life.dump()
    assert desk.ask("import", file)["unchanged"] == ADDED
    assert desk.life.dump() == before


def test_a_dry_run_tells_what_would_be_taken_in_and_changes_nothing(sit: Sit) -> None:
    desk = desk_of(sit)
    file = desk.file("district.toml", DISTRICT)
    before = desk.life.dump()
    would = desk.ask("import", file, "--dry-run")
    assert (would["dry_run"], would["added"]) == (True, ADDED)
    assert desk.say("import", file, "--dry-run") == (
        f"Would import {file}:\n  added: 1 school, 1 person, 1 meeting, 3 events, 1 partnership\n"
    )
    assert desk.life.dump() == before


MISTAKES = {
    "no TOML": (DISTRICT + "[[", 2, "district.toml: it cannot be read: "),
    "an unknown table": (DISTRICT + "[[club]]\n", 2, "club: there is no such key"),
    "an unknown key": (
        DISTRICT.replace("invited_on", "invited"), 2, "school.0.invited: there is no such key"),
    "an unknown role": (DISTRICT.replace('["principal"]', '["boss"]'), 2, "person.0.roles.0: found 'boss'"),
    "an unknown school": (
        DISTRICT.replace('schools = ["mercer"]', 'schools = ["x"]'), 2, "person.0.schools: there is no school 'x'"),
    "an unknown event": (DISTRICT.replace('"agree-needs"', '"agree"'), 2, "partnership.0.event.1"),
    "an unknown person": (
        DISTRICT.replace('as = "mercer', 'as = "other'), 2, "partnership.0.event.0.as: there is no person 'other-"),
    "an input that is wrong": (
        DISTRICT.replace('needs = ["tutoring"]', "needs = []"), 2, "partnership.0.event.0.input.needs: "),
    "a day still to come": (
        DISTRICT.replace("2025-07-04T", "2025-09-04T"), 2,
        "partnership.0.event.1.at: 2025-09-04T09:00:00-07:00 is still"),
    "an event before what it needs": (
        DISTRICT.replace("2025-07-04T", "2025-07-02T"), 1,
        "mercer-2025, agree-needs at 2025-07-02T09:00:00-07:00: the statement of needs is not written yet"),
    "an instant without a zone": (
        DISTRICT.replace("07-04T09:00:00-07:00", "07-04T09:00:00"), 2, "partnership.0.event.1.at"),
    "an event that the law refuses": (
        DISTRICT.replace('"agree-needs"', '"activate"'), 1, "mercer-2025, activate at 2025-07-04T09:00:00-07:00: "),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_file_has_its_place_and_nothing_is_taken_in(sit: Sit, mistake: str) -> None:
    text, status, place = MISTAKES[mistake]
    desk = desk_of(sit)
    file = desk.file("district.toml", text)
    before = desk.life.dump()
    answer = desk.run("import", file, "--json")
    assert answer.status == status, answer
    found = answer.problems if status == 2 else [need["reason"] for need in answer.json["unmet"]]
    assert any(place in one for one in found), found
    assert desk.life.dump() == before


def test_every_mistake_in_the_form_is_named_at_once(sit: Sit) -> None:
    text = (
        DISTRICT.replace("invited_on", "invited").replace('"Mathematics"', '""').replace('"16:15"', '"noon"')
    )
    desk = desk_of(sit)
    answer = desk.run("import", desk.file("district.toml", text), "--json")
    places = {problem["at"] for problem in answer.json["problems"]}
    assert places == {"school.0.invited", "partnership.0.title", "meeting.0.at"}


def test_a_history_is_not_rewritten_by_an_import(sit: Sit) -> None:
    desk = desk_of(sit)
    desk.ask("import", desk.file("district.toml", DISTRICT))
    before = desk.life.dump()
    other = DISTRICT.replace('needs = ["tutoring"]', 'needs = ["swimming"]')
    answer = desk.run("import", desk.file("district.toml", other), "--json")
    assert (answer.status, answer.problems) == (2, ["partnership.0.event.0: another event is on record here"])
    assert desk.life.dump() == before


def test_a_file_may_go_on_where_the_record_stops(sit: Sit) -> None:
    desk = desk_of(sit)
    desk.ask(
        "import",
        desk.file("district.toml", DISTRICT.partition('  [[partnership.event]]\n  event = "agree')[0]),
    )
    done = desk.ask("import", "--append", desk.file("district.toml", DISTRICT))
    assert (done["added"], done["changed"]) == ({"events": 1}, {"partnerships": 1})
    assert len(desk.ask("history", "mercer-2025")) == 3


def test_a_sound_record_is_proved(sit: Sit) -> None:
    desk = sit("active")
    assert desk.ask("verify") == desk.ask("verify", REF) == {"checked": 1, "faults": []}
    assert desk.say("verify", REF) == "Verified 1 partnership: no faults.\n"


TAMPERED = {
    "an input was changed": (
        "UPDATE history SET input = replace(input, 'tutoring', 'nothing') WHERE seq = 2",
        {"seq": 2, "problem": "its content does not fit its hash: it was changed"}),
    "an event was taken out": (
        "DELETE FROM history WHERE seq = 3", {"seq": 4, "problem": "row 3 of the history is missing"}),
    "the state was set": (
        "UPDATE partnerships SET state = 'terminated'",
        {"seq": None, "problem": "the row says terminated, its history active"}),
    "the version was set": (
        "UPDATE partnerships SET version = 99",
        {"seq": None, "problem": "the row is at version 99; its history has {rows} rows"}),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERED)
def test_each_fault_of_a_record_is_named_with_its_place(sit: Sit, how: str) -> None:
    sql, fault = TAMPERED[how]
    desk = sit("active")
    rows = len(desk.ask("history", REF))
    desk.life.tamper(sql)
    answer = desk.run("verify", "--json")
    wanted = {"ref": REF, "seq": fault["seq"], "problem": str(fault["problem"]).format(rows=rows)}
    assert answer.status == 1
    assert wanted in answer.json["faults"]
    to_people = desk.run("verify", REF)
    place = f"{REF}, row {fault['seq']}" if fault["seq"] else REF
    assert (to_people.status, to_people.err) == (1, "")
    assert f"{place}: {wanted['problem']}\n" in to_people.out
