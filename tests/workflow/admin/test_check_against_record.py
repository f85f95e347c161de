"""`check --against-record` says what moves as soon as a configuration is loaded, and writes nothing."""

from __future__ import annotations

from datetime import UTC
from functools import partial
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.desk import REF, Desk
from tests.support.district import configured
from tests.workflow.admin.conftest import OWNER, Sit
from tests.workflow.admin.test_init import SETUP
from workflow.clock import tick
from workflow.clock.procedure import tell_procedure
from workflow.record.changes import list_changes

LATER = '[deadline.needs-agreed]\ndue = "40 days after entering"\n'
MOVED = {
    "ref": REF,
    "school": "Rainier Beach School",
    "deadline": "needs-agreed",
    "label": "Agree to the statement of needs",
    "was": "2025-08-06T17:00:00-07:00",
    "is_now": "2025-08-18T17:00:00-07:00",
}


def seated(sit: Sit, station: str = "needs") -> Desk:
    """A desk on whose record a daemon has seen the present procedure."""
    desk = sit(station)
    look(desk)
    return desk


def look(desk: Desk) -> None:
    now = desk.life.now.astimezone(UTC)
    desk.life.system.transact(partial(tell_procedure, now=now), exclusive="settings")


def proposed(desk: Desk, text: str) -> str:
    """A file in a folder of its own that says this besides what a district says of its users."""
    folder = desk.folder / "proposed"
    folder.mkdir()
    (folder / "config.toml").write_text(OWNER + text, encoding="utf-8")
    return str(folder / "config.toml")


def test_it_tells_which_settings_change_and_which_deadlines_move(sit: Sit) -> None:
    desk = seated(sit)
    configured(desk.folder, OWNER + LATER)
    before = desk.life.dump()
    loading = desk.ask("check", "--against-record")["loading"]
    assert loading == {
        "settings": [
            {
                "name": "deadline.needs-agreed.due.text",
                "before": "30 days after entering",
                "after": "40 days after entering",
            }
        ],
        "deadlines": [MOVED],
        "unreadable": [],
    }
    words = desk.say("check", "--against-record")
    row = f"Rainier Beach School ({REF}) Agree to the statement of needs 2025-08-06 17:00 2025-08-18 17:00"
    assert row in [" ".join(line.split()) for line in words.splitlines()]
    assert desk.life.dump() == before


def test_a_proposed_file_is_held_against_the_record_of_the_one_in_use(sit: Sit) -> None:
    desk = seated(sit)
    file = proposed(desk, LATER)
    found = desk.ask("check", file, "--against-record")
    assert (found["config"], found["loading"]["deadlines"]) == (file, [MOVED])
    assert [path.name for path in Path(file).parent.iterdir()] == ["config.toml"], (
        "no database was made there"
    )
    assert "loading" not in desk.ask("check", file), "without the option it needs no record"


def test_what_is_predicted_is_what_a_tick_then_records(sit: Sit) -> None:
    desk = seated(sit, "active")
    text = (
        '[deadline.renewal-decision]\nremind = ["20 days"]\n[deadline.meeting-due]\ndue = "every 3 months"\n'
    )
    text += '[deadline.assessment-due]\ndue = "2 November every year"\n[board]\nreadings = 1\n'
    predicted = desk.ask("check", proposed(desk, text), "--against-record")["loading"]
    moving = {move["deadline"]: move["was"] == move["is_now"] for move in predicted["deadlines"]}
    assert moving == {"assessment-due": False, "meeting-due": False, "renewal-decision": True}
    life = desk.life
    life.system.config = configured(desk.folder, OWNER + text)
    tick.run(life.system, life.now.astimezone(UTC), lambda _, work: work())
    with life.system.reading() as session:
        entries = list_changes(session)
    assert [e["after"] for e in entries if e["by"] == "procedure"] == [predicted["deadlines"]]
    assert [
        {"name": e["what"].partition(" ")[2], "before": e["before"], "after": e["after"]}
        for e in entries
        if e["by"] == "config.toml"
    ] == predicted["settings"]
    assert desk.ask("check", "--against-record")["loading"] == {
        "settings": [], "deadlines": [], "unreadable": []
    }  # fmt: skip


def test_a_partnership_that_cannot_be_read_is_named(sit: Sit) -> None:
    desk = seated(sit)
    desk.life.run("UPDATE partnerships SET facts = '{' WHERE ref = :ref", ref=REF)
    file = proposed(desk, LATER)
    loading = desk.ask("check", file, "--against-record")["loading"]
    assert loading["deadlines"] == []
    assert loading["unreadable"] == [
        {"ref": REF, "problem": "its record cannot be read: partnershipctl verify"}
    ]
    assert f"The deadlines of {REF} stay as they are: its record cannot be read" in desk.say(
        "check", file, "--against-record"
    )


def test_a_file_with_a_mistake_is_refused_as_ever_and_one_without_a_record_too(sit: Sit) -> None:
    desk = seated(sit)
    answer = desk.run("check", proposed(desk, "[board]\nquorum = 'half'\n"), "--against-record", "--json")
    assert (answer.status, [p["at"] for p in answer.json["problems"]]) == (SETUP, ["board.quorum"])
    desk.life.close()
    databases.lose(desk.folder)
    assert desk.run("check", "--against-record", "--json").status == SETUP
    assert desk.run("check").status == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LATER, "2025-08-06 17:00 2025-08-18 17:00"),
        ('[deadline.needs-agreed]\nremind = ["2 days"]\n', "2025-08-06 17:00 2025-08-06 17:00, other reminders"),
    ],
)  # fmt: skip
def test_people_read_when_it_was_due_and_when_it_will_be(sit: Sit, text: str, words: str) -> None:
    desk = seated(sit)
    said = desk.say("check", proposed(desk, text), "--against-record")
    assert any(line.endswith(words) for line in (" ".join(each.split()) for each in said.splitlines()))
