"""`rehearse --procedure FILE` tells what differs under another procedure, and writes nothing."""

from __future__ import annotations

from datetime import UTC

from tests.support.desk import REF, Desk
from tests.workflow.admin.conftest import OWNER, Sit
from tests.workflow.admin.test_init import SETUP
from workflow.clock import tick

UNTIL = ("--until", "2025-10-01")
SCORES = """[deadline.scores-due]
due = "15 business days after selection.anew, or 15 business days after selection.closed"
"""
SCRIPT = """
[[event]]
ref = "rbhs-2025"
event = "choose-partner"
at = 2025-08-20T10:00:00-07:00
as = "staff@example.org"
input = { organization = "harbor-house", reasons = "The strongest plan" }
[[event]]
ref = "rbhs-2025"
event = "file-protest"
at = 2025-08-25T10:00:00-07:00
as = "applicant@example.org"
input = { organization = "city-college", text = "The scores were added up wrongly" }
"""
INPUT = 2


def proposed(desk: Desk, text: str) -> str:
    """A file in a folder of its own, which names neither a database nor keys."""
    (desk.folder / "proposed").mkdir()
    return desk.file("proposed/config.toml", OWNER + text)


def test_it_tells_what_differs_and_writes_nothing(sit: Sit) -> None:
    desk = sit("closed")
    file = proposed(desk, SCORES)
    before = desk.life.dump()
    answer = desk.run("rehearse", *UNTIL, "--procedure", file)
    text = " ".join(answer.out.split())
    assert answer.status == 0, answer
    assert text.startswith("Comparison of the present procedure with ")
    assert "It assumes that nobody does anything. Nothing was written to the record" in text
    assert (
        'Rainier Beach School: "Score the applications" is due on Monday, September 8 instead of Friday,'
        " August 29." in text
    )
    document = desk.ask("rehearse", REF, *UNTIL, "--procedure", file)
    assert document["procedure"] == file
    assert document["deadlines"] == [
        {
            "ref": REF,
            "school": "Rainier Beach School",
            "deadline": "scores-due",
            "label": "Score the applications",
            "present": ["2025-08-29T17:00:00-07:00"],
            "proposed": ["2025-09-08T17:00:00-07:00"],
            "both": [],
        }
    ]
    people = {row["person"]: (row["present"], row["proposed"]) for row in document["messages"]["by_person"]}
    assert people["reviewer-1@example.org"][0] > people["reviewer-1@example.org"][1]
    assert {row["deadline"] for row in document["missed"]} == {"scores-due", "choice-due"}
    assert document["reached"] == document["waiting"] == []
    assert desk.life.dump() == before


def test_what_check_predicts_at_once_is_in_the_comparison_too(sit: Sit) -> None:
    desk = sit("closed")
    tick.run(desk.life.system, desk.life.now.astimezone(UTC), lambda _, work: work())
    file = proposed(desk, SCORES)
    (moved,) = desk.ask("check", file, "--against-record")["loading"]["deadlines"]
    (differs,) = desk.ask("rehearse", *UNTIL, "--procedure", file)["deadlines"]
    assert (differs["present"], differs["proposed"]) == ([moved["was"]], [moved["is_now"]])


def test_both_lives_follow_a_script_and_what_only_one_refuses_is_told(sit: Sit) -> None:
    desk = sit("scored")
    script = desk.file("script.toml", SCRIPT)
    file = proposed(desk, "[selection]\nprotest_days = 3\n")
    words = ("rehearse", *UNTIL, "--procedure", file, "--script", script)
    refused = desk.ask(*words)["refused"]
    assert [[each["event"] for each in refused[side]] for side in ("present", "proposed")] == [
        [], ["file-protest"]
    ]  # fmt: skip
    text = " ".join(desk.run(*words).out.split())
    assert "nobody does anything but what script.toml says." in text
    (reason,) = refused["proposed"][0]["reasons"]
    label = desk.life.system.config.label("file-protest")
    assert f'Rainier Beach School: "{label}" is refused under the new one only: {reason}.' in text


def test_a_procedure_with_mistakes_is_refused_and_files_of_one_future_are_too(sit: Sit) -> None:
    desk = sit("closed")
    bad = desk.run("rehearse", *UNTIL, "--procedure", proposed(desk, "[board]\nquorum = 'half'\n"), "--json")
    assert (bad.status, [each["at"] for each in bad.json["problems"]]) == (SETUP, ["board.quorum"])
    answer = desk.run(
        "rehearse", *UNTIL, "--procedure", desk.config, "--html", "x.html", "--ics", "x.ics", "--json"
    )
    assert (answer.status, [each["at"] for each in answer.json["problems"]]) == (INPUT, ["--ics", "--html"])
