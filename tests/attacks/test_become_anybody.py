"""Tries to become anybody: to grant oneself a role, to change things without a right, to bring a past along."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.desk import Answer, Desk
from tests.support.district import merged
from tests.workflow.admin.conftest import ALL, Sit
from tests.workflow.admin.conftest import sit as sit

STAFF_ONLY = f'[admin.users]\n"(owner)" = {{ person = "staff@example.org", {ALL} }}\n'
READS_ONLY = '[admin.users]\n"(owner)" = {}\n'
MEETING = "[[meeting]]\non = 2025-07-02\nat = 16:15:00\n"
PERSON = '[[person]]\nemail = "staff@example.org"\nname = "Staff"\nroles = ["staff", "board-office"]\n'
NOTE = """
[[partnership]]
ref = "rbhs-2025"
school = "rainier-beach"
title = "A Lead Partner for the school"
"""


def unmet(answer: Answer) -> list[str]:
    assert (answer.status, answer.json["error"]) == (1, "refused"), answer
    return sorted({each["requirement"] for each in answer.json["unmet"]})


GRANTS = [
    ("people", "change", "staff@example.org", "--role", "staff", "--role", "board-office"),
    ("people", "add", "me@example.org", "--name", "Me", "--role", "superintendent"),
    ("people", "add", "me@example.org", "--name", "Me", "--role", "principal", "--school", "franklin"),
    ("people", "change", "staff@example.org", "--organization", "harbor-house"),
    (
        "people",
        "away",
        "board-office@example.org",
        "--until",
        "2026-01-01",
        "--delegate",
        "staff@example.org",
    ),
]


@pytest.mark.promise("nobody-grants-more")
@pytest.mark.parametrize("words", GRANTS, ids=lambda words: words[2])
def test_nobody_grants_a_role_in_which_they_may_not_act(sit: Sit, words: tuple[str, ...]) -> None:
    desk = sit("open", STAFF_ONLY)
    if "harbor-house" in words:
        words = (*words[:-1], next(row["id"] for row in desk.ask("organizations")))
    before = desk.life.dump()
    assert unmet(desk.run(*words, "--json")) == ["may-grant"]
    assert desk.life.dump() == before


@pytest.mark.promise("nobody-grants-more")
def test_an_import_grants_no_more_than_a_command(sit: Sit) -> None:
    desk = sit("open", STAFF_ONLY)
    assert unmet(desk.run("import", desk.file("more.toml", PERSON), "--json")) == ["may-grant"]


REGISTRAR = "people.r@example.org"
REGISTRAR_ONLY = f"""[admin.users]
"(owner)" = {{ person = "{REGISTRAR}", may_act_as = [], may_manage = ["people", "import"] }}
"""


def use(desk: Desk, text: str) -> None:
    Path(desk.config).write_text(merged(text, desk.folder), encoding="utf-8")


@pytest.mark.promise("nobody-grants-more")
@pytest.mark.parametrize("between", [False, True], ids=["directly", "by way of another"])
@pytest.mark.parametrize("how", ["away", "import"])
def test_a_delegate_does_not_pass_on_the_right_to_act(sit: Sit, between: bool, how: str) -> None:
    desk = sit("open")
    for name in (REGISTRAR, "friend@example.org", "between@example.org"):
        desk.ask("people", "add", name, "--name", name)
    until = ("--until", "2026-01-01", "--delegate")
    first = "between@example.org" if between else REGISTRAR
    desk.ask("people", "away", "superintendent@example.org", *until, first)
    if between:
        desk.ask("people", "away", first, *until, REGISTRAR)
    use(desk, REGISTRAR_ONLY)
    text = f"""[[person]]
email = "{REGISTRAR}"
name = "R"
away_until = 2026-01-01
delegate = "friend@example.org"
"""
    words = ("people", "away", REGISTRAR, *until, "friend@example.org")
    before = desk.life.dump()
    if how == "import":
        words = ("import", desk.file("more.toml", text))
    assert unmet(desk.run(*words, "--json")) == ["may-grant"]
    assert desk.life.dump() == before


@pytest.mark.promise("nobody-grants-more")
def test_who_stands_in_for_nobody_chooses_their_delegate(sit: Sit) -> None:
    desk = sit("open")
    for name in (REGISTRAR, "friend@example.org"):
        desk.ask("people", "add", name, "--name", name)
    use(desk, REGISTRAR_ONLY)
    desk.ask("people", "away", REGISTRAR, "--until", "2026-01-01", "--delegate", "friend@example.org")


CHANGES = [
    ("people", "add", "new@example.org", "--name", "New"),
    ("people", "remove", "staff@example.org"),
    ("people", "feed", "staff@example.org", "--new"),
    ("schools", "add", "mercer", "--name", "Mercer"),
    ("organizations", "add", "clinic", "--name", "Clinic", "--kind", "other"),
    ("meetings", "add", "2025-09-10"),
    ("meetings", "remove", "2025-08-06"),
    ("meetings", "import", "board.ics"),
    ("import", "more.toml"),
    ("notices", "retry", "1"),
    ("notices", "revoke", "1"),
]


@pytest.mark.promise("only-who-may-manage")
@pytest.mark.parametrize("words", CHANGES, ids=" ".join)
def test_a_user_who_only_reads_changes_nothing(sit: Sit, words: tuple[str, ...]) -> None:
    desk = sit("open", READS_ONLY)
    desk.file("more.toml", PERSON)
    before = desk.life.dump()
    assert unmet(desk.run(*words, "--json")) == ["may-manage"]
    assert desk.life.dump() == before


@pytest.mark.promise("no-past-meeting")
def test_no_meeting_is_added_for_a_day_that_is_over(sit: Sit) -> None:
    desk = sit("open")
    assert unmet(desk.run("meetings", "add", "2025-07-02", "--json")) == ["meeting-to-come"]
    past = desk.file("past.toml", MEETING)
    assert unmet(desk.run("import", past, "--json")) == ["meeting-to-come"]
    desk.ask("import", past, "--because", "The calendar lacked it")
    assert desk.ask("changes")[-1]["after"]["because"] == "The calendar lacked it"


@pytest.mark.promise("no-past-meeting")
def test_a_meeting_for_today_decides_nothing_at_once(sit: Sit) -> None:
    desk = sit("referred")
    desk.life.at("2025-09-09 09:00")
    desk.ask("meetings", "add", "2025-09-09", "--at", "09:00")
    day = ("--set", "meeting_on=2025-09-09", "--as", "board-office@example.org")
    refused = unmet(desk.trigger("introduce-item", *day, "--set", "immediate_action=true"))
    assert refused == ["immediate-only-from-agenda", "meeting-known-before"]
    told = [row["to"] for row in desk.ask("notices") if row["template"] == "directory-changed"]
    assert sorted(told) == ["board-office@example.org", "superintendent@example.org"]


@pytest.mark.promise("no-past-meeting")
def test_a_meeting_is_not_made_earlier_to_vote_before_it_begins(sit: Sit) -> None:
    desk = sit("introduced")
    desk.ask("meetings", "add", "2025-10-22", "--at", "16:15")
    desk.life.at("2025-10-22 07:00")
    desk.ask("meetings", "add", "2025-10-22", "--at", "00:01")
    words = ("--set", "meeting_on=2025-10-22", "--as", "board-office@example.org")
    votes = ("--set", "ayes=5", "--set", "noes=0")
    assert "meeting-known-before" in unmet(desk.trigger("approve", *words, *votes))


@pytest.mark.promise("imports-are-told")
def test_an_import_adds_to_a_live_partnership_only_openly(sit: Sit) -> None:
    desk = sit("needs", STAFF_ONLY)
    events = [{**row, "as": row["actor"]} for row in desk.ask("history", "rbhs-2025")]
    began = events[0]
    text = (
        NOTE
        + f"""
[[partnership.event]]
event = "add-note"
at = {began["at"]}
as = "WHO"
input = {{ text = "It was so" }}
"""
    )
    title = desk.ask("show", "rbhs-2025")["facts"]["title"]
    text = text.replace("A Lead Partner for the school", title)
    mine = desk.file("mine.toml", text.replace("WHO", "staff@example.org"))
    others = desk.file("others.toml", text.replace("WHO", "superintendent@example.org"))
    assert unmet(desk.run("import", mine, "--json")) == ["append"]
    assert unmet(desk.run("import", others, "--append", "--json")) == ["may-act-as"]
    desk.ask("import", mine, "--append")
    assert "directory-changed" in {row["template"] for row in desk.ask("notices")}
