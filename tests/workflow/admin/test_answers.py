"""Every command answers people in words and programs with one JSON document whose keys stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from states.inputs import ABILITIES
from tests.support import databases
from tests.support.desk import REF
from tests.workflow.admin.conftest import Sit
from workflow.admin.program import COMMANDS, load

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
DAY = r"\d{4}-\d{2}-\d{2}"
INSTANT = re.compile(DAY + r"T\d{2}:\d{2}:\d{2}-0[78]:00")

PARTNERSHIP = {"ref", "school", "state", "version", "entered_at", "facts", "deadlines", "next_events"}
ENTRY = {"seq", "at", "event", "actor", "channel", "from", "to", "input", "note", "hash"}
DEADLINE = {"ref", "name", "kind", "due_at", "status", "fires"}
NOTICE = {
    "id", "ref", "template", "to", "role", "subject", "status", "attempts", "message_id", "queued_at",
    "sent_at", "reason",
}  # fmt: skip

# Arguments with which each command succeeds in a district whose partnership has an open call, and a phrase
# that people must find in the answer.
USUAL = {
    "init": ((), "is up to date; nothing was changed"),
    "import": (("district.toml",), "added: 1 school"),
    "check": ((), "all in order"),
    "checkpoint": ((), "Checkpoint of"),
    "packet": ((REF, "--output", "packet.html"), "packet.html"),
    "report": ((REF, "--year", "2025"), "2025"),
    "dossier write": ((REF, "--output", "dossier.zip"), "dossier.zip"),
    "dossier items": ((REF,), "row/1/input/title"),
    "dossier mark": ((REF, "row/1/input/title", "--exemption", "trade-secret"), "row/1/input/title"),
    "dossier unmark": ((REF, "row/1/input/title"), "row/1/input/title"),
    "dossier request": ((REF, "--received", "2025-07-01"), "2025-07-01"),
    "applications list": ((REF,), "Newcomers"),
    "applications release": ((REF, "new@example.org"), "1 application released."),
    "applications set-aside": ((REF, "new@example.org"), "1 application set aside."),
    "backup": (("copy.db",), "Wrote copy.db: 1 partnership, "),
    "restore": (("copy.db",), "every record was verified."),
    "export": ((), '"format":"lead-community-partners record"'),
    "verify": ((), "Verified 1 partnership: no faults."),
    "hold list": ((), "No holds."),
    "hold add": ((REF, "--reason", "A lawsuit"), f"{REF} is on hold."),
    "hold release": ((REF, "--reason", "It is over"), f"{REF} is not on hold any more."),
    "retention preview": ((), "Nothing is due."),
    "retention clean": ((), "Nothing deleted is left in"),
    "list": ((), "applications-close: 2025-08-15 17:00"),
    "show": ((REF,), "[open-selection]"),
    "events": ((REF,), "extend-selection  (staff): possible"),
    "trigger": ((REF, "add-note", "--set", "text=called"), "Recorded add-note on rbhs-2025 by staff@"),
    "history": ((REF,), "needs-identified: 0.0 days"),
    "deadlines list": ((REF,), "fires close-applications"),
    "deadlines explain": ((REF, "applications-close"), "From the fact selection.closes_at"),
    "notices preview": (
        ("open-selection", REF, "--to", "principal"),
        "Nothing is sent, and the links do nothing.",
    ),
    "notices test": (("--to", "new@example.org"), "The test message to new@example.org has left"),
    "notices resend": (("1",), "sends notice 1 again, with fresh links."),
    "notices list": ((), "reviewer-3@example.org"),
    "notices show": (("1",), "Notice 1 to principal@example.org as principal: queued, not tried yet."),
    "notices retry": (("1",), "Notice 1 will be tried again; it was dead."),
    "replies list": ((), "principal@example.org"),
    "replies show": (("1",), "Reply 1 from principal@example.org: note"),
    "replies handled": (("1",), "Reply 1 is marked as handled."),
    "notices revoke": (("1",), "Revoked 1 notice"),
    "people feed": (("staff@example.org",), "/feed/"),
    "people invite": ((), "Invited "),
    "people link": (("staff@example.org",), "with a link to sign in goes to staff@example.org"),
    "people revoke": (("staff@example.org",), "staff@example.org"),
    "people list": ((), "franklin-principal@example.org"),
    "people add": (("new@example.org", "--name", "New", "--role", "staff"), "new@example.org: added."),
    "people change": (("staff@example.org", "--name", "Office"), "staff@example.org: changed."),
    "people away": (
        ("staff@example.org", "--until", "2025-08-01", "--delegate", "superintendent@example.org"),
        "staff@example.org: changed.",
    ),
    "people replace": (
        ("staff@example.org", "new@example.org", "--name", "New", "--reason", "retired"),
        "new@example.org takes over from staff@example.org.",
    ),
    "people remove": (("superintendent@example.org",), "superintendent@example.org: removed."),
    "schools list": ((), "Rainier Beach School"),
    "schools add": (("mercer", "--name", "Mercer"), "mercer: added."),
    "schools close": (
        ("rainier-beach", "--on", "2025-08-31", "--into", "franklin", "--reason", "too few students"),
        "rainier-beach: closed. franklin has its partnerships now: rbhs-2025.",
    ),
    "organizations list": ((), "higher-education"),
    "organizations add": (("clinic", "--name", "Clinic", "--kind", "public-agency"), "clinic: added."),
    "meetings list": ((), "2025-08-06"),
    "meetings add": (("2025-08-13",), "2025-08-13: added."),
    "meetings remove": (("2025-08-06",), "2025-08-06: removed."),
    "meetings move": (("2025-08-06", "2025-08-13"), "2025-08-06: moved to 2025-08-13."),
    "subscribers list": ((), "reader@example.org"),
    "subscribers remove": (("reader@example.org",), "reader@example.org"),
    "changes": ((), "meetings 2025-08-06"),
    "plan": ((REF, "--start", "2026-09-01"), "2026-09-01"),
    "rehearse": (("--until", "2025-08-06"), "Rehearsal of 1 partnership"),
    "diagram": ((REF,), "stateDiagram-v2"),
    "meetings import": (("board.ics",), "1 added"),
}
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20270310
SUMMARY:Regular Board Meeting
END:VEVENT
END:VCALENDAR
"""


# An application that waits.
HELD = (
    'INSERT INTO held_applications (partnership, email, "values", held_at, reason)'
    " VALUES (1, 'new@example.org', :values, '2025-07-20 12:00:00', 'there are more than 100')"
)
FORM = {"name": "Newcomers", "kind": "community-based-organization", "contact_name": "A contact"}
FORM |= {"demonstration": ""} | dict.fromkeys(ABILITIES, "How.")
SUBSCRIBED = "INSERT INTO subscribers VALUES ('reader@example.org', '2025-07-10 12:00:00')"
# A message that came back.
REPLIED = (
    "INSERT INTO replies (digest, received_at, sender, partnership, verdict, text, message)"
    " VALUES ('d', '2025-07-10 12:00:00', 'principal@example.org', 1, 'note', 'Thanks!', :message)"
)


def below(command: click.Command, path: str) -> Iterator[str]:
    """The name of a command; of a group, the names of every command in it that is no group."""
    if not isinstance(command, click.Group):
        yield path
        return
    for name, each in command.commands.items():
        yield from below(each, f"{path} {name}")


ALL = sorted(path for name in COMMANDS for path in below(load(name), name))


AGAIN = ("notices retry", "notices resend")


def arguments(sit: Sit, name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[object, list[str]]:
    desk = sit("scheduled" if name == "packet" else "open")
    monkeypatch.chdir(desk.folder)
    desk.file("district.toml", 'school = [{ id = "mercer", name = "Mercer" }]\n')
    desk.file("board.ics", CALENDAR)
    desk.life.set_up(REPLIED, message=b"A\n")
    desk.life.set_up(HELD, values=json.dumps(FORM))
    desk.life.set_up(
        "INSERT INTO subscribers (email, confirmed_at) VALUES ('reader@example.org', '2025-07-10 12:00:00')"
    )
    desk.life.set_up("UPDATE notices SET status = 'dead' WHERE id = 1 AND :retry", retry=name in AGAIN)
    if name == "hold release":
        desk.say("hold", "add", REF, "--reason", "A lawsuit")
    if name == "dossier unmark":
        desk.say("dossier", "mark", REF, "row/1/input/title", "--exemption", "trade-secret")
    if name == "restore":
        desk.say("backup", "copy.db")
        desk.life.system.engine.dispose()
        databases.clear(desk.folder)
    return desk, [*name.split(), *USUAL[name][0]]


def test_the_tests_below_know_every_command() -> None:
    # `do` works only on a terminal; tests/story/test_terminal.py tests it there. `retention apply` needs a record
    # without faults, and has tests of its own.
    assert sorted([*USUAL, "do", "retention apply"]) == ALL


@pytest.mark.parametrize("name", sorted(USUAL))
def test_every_command_tells_people(sit: Sit, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, words = arguments(sit, name, monkeypatch)
    if name == "replies show":  # what became of it is for people; what is shown is the message alone
        answer = desk.run(*words)
        assert (answer.status, answer.out) == (0, "A\n")
        assert USUAL[name][1] in answer.err
        return
    assert USUAL[name][1] in desk.say(*words)


@pytest.mark.parametrize("name", sorted(USUAL))
def test_every_command_answers_programs(sit: Sit, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, words = arguments(sit, name, monkeypatch)
    assert isinstance(desk.ask(*words), (dict, list))


@pytest.mark.parametrize("name", ALL)
def test_every_command_explains_itself(sit: Sit, name: str) -> None:
    desk = sit()
    for option in ("--help", "-h"):
        text = desk.say(*name.split(), option)
        assert text.startswith(f"Usage: partnershipctl {name} ")
        assert "--json" in text
        assert "--config FILE" in text


def test_the_help_of_the_program_names_every_command_in_whole_sentences(sit: Sit) -> None:
    text = sit().say("--help")
    listed = re.findall(r"^  (\S+)  +(\S.*)$", text.partition("Commands:")[2], re.MULTILINE)
    assert {name for name, _ in listed} == set(COMMANDS)
    assert [
        sentence for _, sentence in listed if not sentence.endswith(".") or sentence.endswith("...")
    ] == []
    assert "5 the configuration" in text


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_of_the_program_says_what_the_command_itself_says_first(name: str) -> None:
    command = load(name)
    assert command.name == name
    assert command.get_short_help_str(limit=80) == COMMANDS[name].words


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_in_the_documents(name: str) -> None:
    assert f"partnershipctl {name}" in OPERATIONS.read_text(encoding="utf-8")


@pytest.mark.parametrize("group", ["people", "schools", "organizations", "meetings", "notices", "replies"])
def test_a_group_alone_lists_wherever_the_options_stand(sit: Sit, group: str) -> None:
    desk = sit("open")
    desk.life.set_up(REPLIED, message=b"A\n")
    listed = desk.ask(group, "list")
    assert listed
    assert desk.ask(group) == listed
    assert desk.run("--json", group).json == listed
    assert desk.run(group, "--json", "list").json == listed


def test_options_of_every_command_may_stand_before_a_command_of_a_group(sit: Sit) -> None:
    desk, other = sit("open"), sit()
    assert desk.run("notices", "--json", "show", "1").json["id"] == 1
    assert other.run("notices", "--config", desk.config, "--json", "show", "1").json["id"] == 1
    assert other.run("notices", f"--config={desk.config}", "show", "1", "--json").json["id"] == 1


ONLY_SHOWN = ("contacts", "days_in_state", "replies")  # what `show` says and `list` does not


def test_a_partnership_has_the_keys_that_stay(sit: Sit) -> None:
    desk = sit("open")
    shown = desk.ask("show", REF)
    assert shown.keys() >= PARTNERSHIP
    assert (shown["ref"], shown["school"], shown["state"]) == (REF, "rainier-beach", "open-selection")
    assert shown["version"] == len(desk.ask("history", REF))
    assert shown["facts"]["selection"]["reviewers"][0] == "reviewer-1@example.org"
    assert "extend-selection" in shown["next_events"]
    assert "close-applications" not in shown["next_events"]
    assert "needs-identified" in shown["days_in_state"]
    assert INSTANT.fullmatch(shown["entered_at"])
    (listed,) = desk.ask("list")
    assert listed == {key: value for key, value in shown.items() if key not in ONLY_SHOWN}


def test_a_row_of_a_history_has_the_keys_that_stay(sit: Sit) -> None:
    history = sit("open").ask("history", REF)
    assert [row["seq"] for row in history] == list(range(1, len(history) + 1))
    assert all(row.keys() >= ENTRY for row in history)
    assert (history[0]["from"], history[0]["to"]) == (None, "needs-identified")
    assert (history[-1]["from"], history[-1]["to"]) == ("needs-identified", "open-selection")
    assert history[-1]["input"]["closes_on"] == "2025-08-15"
    assert all(INSTANT.fullmatch(row["at"]) and re.fullmatch("[0-9a-f]{64}", row["hash"]) for row in history)
    assert {row["channel"] for row in history} == {"cli"}


def test_a_deadline_has_the_keys_that_stay(sit: Sit) -> None:
    desk = sit("open")
    listed = desk.ask("deadlines", REF, "--all")
    assert all(one.keys() >= DEADLINE and INSTANT.fullmatch(one["due_at"]) for one in listed)
    assert {one["kind"] for one in listed} == {"remind", "due", "escalate"}
    assert {one["status"] for one in listed} == {"open", "cancelled"}
    assert [one["fires"] for one in listed if one["fires"]] == ["close-applications"]
    assert desk.ask("show", REF)["deadlines"] == desk.ask("deadlines") == desk.ask("deadlines", REF)


def test_a_notice_has_the_keys_that_stay(sit: Sit) -> None:
    desk = sit("open")
    listed = desk.ask("notices", REF)
    assert all(one.keys() >= NOTICE for one in listed)
    assert desk.ask("notices", "show", "1").items() >= listed[0].items()
    assert (listed[0]["ref"], listed[0]["status"], listed[0]["sent_at"]) == (REF, "queued", None)
    assert re.fullmatch("<[0-9a-f]{32}@example.org>", listed[0]["message_id"])


def test_money_is_an_integer_of_cents_beside_a_formatted_text(sit: Sit) -> None:
    desk = sit("drafted")
    agreement = desk.ask("show", REF)["facts"]["agreement"]
    assert (agreement["amount_cents"], agreement["amount"]) == (24_999_999, "$249,999.99")
    drafted = next(row for row in desk.ask("history", REF) if row["event"] == "draft-agreement")
    assert (drafted["input"]["amount_cents"], drafted["input"]["amount"]) == (24_999_999, "$249,999.99")


def test_events_say_who_may_do_each_and_what_it_requires_by_clause(sit: Sit) -> None:
    desk = sit("open")
    found = {one["event"]: one for one in desk.ask("events", REF)}
    choose = found["choose-partner"]
    assert (choose["who"], choose["possible"], choose["input"]) == (
        ["staff"],
        False,
        ["organization", "reasons"],
    )
    closed = next(need for need in choose["requirements"] if need["requirement"] == "call-closed")
    assert (closed["met"], closed["clause"]) == (False, "4270.8")
    assert "2025-08-15" in closed["reason"]
    assert found["withdraw"]["to"] == "terminated"
    asked = [need["met"] for need in found["extend-selection"]["requirements"]]
    assert None in asked, "what depends on the input is neither met nor unmet"


def test_events_of_one_person_are_those_of_the_roles_this_one_has(sit: Sit) -> None:
    desk = sit("open")
    mine = {one["event"] for one in desk.ask("events", REF, "--as", "Principal@example.org")}
    assert {"withdraw", "add-note"} <= mine
    assert "extend-selection" not in mine
    assert desk.ask("events", REF, "--as", "franklin-principal@example.org") == []
    nothing = desk.say("events", REF, "--as", "franklin-principal@example.org")
    assert nothing == "franklin-principal@example.org may do nothing here now.\n"


def test_people_read_what_an_event_takes_and_what_stands_in_its_way(sit: Sit) -> None:
    text = sit("open").say("events", REF)
    assert "    unmet call-closed (4270.8): " in text
    assert "    takes closes_on, reason\n" in text
    assert text.endswith('"asked": depends on what is given with the event.\n')
