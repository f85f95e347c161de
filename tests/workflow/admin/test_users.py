"""Who acts: the operating-system user, whom [admin.users] lets this user act as, and what the record says."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests.support.desk import REF, Answer, Desk
from tests.workflow.admin.conftest import Sit

AsUser = Callable[[str], None]
NOTE = ("add-note", "--set", "text=called")
LISTED = """
[admin.users]
"partner-office" = { person = "staff@example.org", may_act_as = ["Principal@example.org"] }
"intern" = { may_manage = ["people"] }
"robot" = { may_act_as = ["*"] }
"""


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch) -> AsUser:
    """Makes the programs believe that another operating-system user runs them."""

    def become(name: str) -> None:
        monkeypatch.setattr(os, "getuid", lambda: 4270)
        monkeypatch.setattr("pwd.getpwuid", lambda _number: SimpleNamespace(pw_name=name))

    return become


def row(desk: Desk) -> tuple[str, str]:
    """Of the last row of the history: who acted, and who ran the program."""
    last = desk.ask("history", REF)[-1]
    return last["actor"], last["ran_by"]


def refusal(answer: Answer) -> str:
    assert (answer.status, answer.json["error"]) == (1, "refused")
    (unmet,) = answer.json["unmet"]
    return str(unmet["reason"])


def test_the_owner_of_the_configuration_acts_as_its_owner_entry_says(sit: Sit) -> None:
    desk = sit("open", '[admin.users]\n"(owner)" = { person = "staff@example.org", may_act_as = [] }\n')
    assert desk.trigger(*NOTE).status == 0
    assert row(desk) == ("staff@example.org", desk_user())
    assert refusal(desk.trigger(*NOTE, "--as", "principal@example.org")) == (
        f"'{desk_user()}' may not act as principal@example.org; [admin.users] allows nobody else"
    )


def desk_user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def test_a_user_who_is_listed_acts_as_the_person_given_there(sit: Sit, as_user: AsUser) -> None:
    desk = sit("open", LISTED)
    as_user("partner-office")
    assert desk.trigger(*NOTE).status == 0
    assert row(desk) == ("staff@example.org", "partner-office")


def test_a_user_may_act_as_those_who_are_allowed_and_the_record_names_both(sit: Sit, as_user: AsUser) -> None:
    desk = sit("open", LISTED)
    as_user("partner-office")
    for spelled in ("principal@example.org", "PRINCIPAL@example.org"):
        assert desk.trigger(*NOTE, "--as", spelled).status == 0
        assert row(desk) == ("principal@example.org", "partner-office")
    assert "cli (partner-office)" in desk.say("history", REF)


def test_acting_as_anybody_else_is_refused_and_changes_nothing(sit: Sit, as_user: AsUser) -> None:
    desk = sit("open", LISTED)
    as_user("partner-office")
    before = desk.life.dump()
    reason = refusal(desk.trigger(*NOTE, "--as", "superintendent@example.org"))
    assert reason == (
        "'partner-office' may not act as superintendent@example.org; [admin.users] allows Principal@example.org"
    )
    assert desk.life.dump() == before


def test_a_star_allows_anybody(sit: Sit, as_user: AsUser) -> None:
    desk = sit("open", LISTED)
    as_user("robot")
    assert desk.trigger(*NOTE, "--as", "principal@example.org").status == 0
    assert row(desk) == ("principal@example.org", "robot")


def test_who_acts_must_be_said_where_no_person_is_given(sit: Sit, as_user: AsUser) -> None:
    desk = sit("open", LISTED)
    as_user("robot")
    answer = desk.trigger(*NOTE)
    assert (answer.status, answer.problems) == (2, ["--as: it is not said who acts"])


def test_a_user_who_is_listed_with_nothing_may_act_as_nobody(sit: Sit, as_user: AsUser) -> None:
    desk = sit("open", LISTED)
    as_user("intern")
    assert refusal(desk.trigger(*NOTE, "--as", "staff@example.org")).startswith(
        "'intern' may not act as staff@"
    )


WRITING = [
    ("trigger", REF, *NOTE, "--as", "staff@example.org"),
    ("trigger", REF, *NOTE, "--as", "staff@example.org", "--dry-run"),
    ("import", "nowhere.toml"),
    ("notices", "retry", "1"),
    ("people", "add", "new@example.org", "--name", "New"),
    ("people", "change", "staff@example.org", "--name", "Office"),
    ("people", "away", "staff@example.org", "--until", "2025-08-01", "--delegate", "principal@example.org"),
    ("people", "remove", "staff@example.org"),
    ("schools", "add", "mercer", "--name", "Mercer"),
    ("organizations", "add", "clinic", "--name", "Clinic", "--kind", "other"),
    ("meetings", "add", "2025-08-13"),
    ("meetings", "remove", "2025-08-06"),
    ("meetings", "import", "nowhere.ics"),
]


@pytest.mark.parametrize("words", WRITING, ids=lambda words: " ".join(words[:2]))
def test_an_unknown_user_changes_nothing(sit: Sit, as_user: AsUser, words: tuple[str, ...]) -> None:
    desk = sit("open")
    as_user("visitor")
    before = desk.life.dump()
    reason = refusal(desk.run(*words, "--json"))
    assert reason == "the operating-system user 'visitor' may only read: add it to [admin.users]"
    assert desk.life.dump() == before


def test_an_unknown_user_may_read(sit: Sit, as_user: AsUser) -> None:
    desk = sit("open")
    as_user("visitor")
    for words in ("list", f"show {REF}", f"events {REF}", f"history {REF}", "deadlines", "notices",
                  "notices show 1", "people", "schools", "organizations", "meetings", "verify"):  # fmt: skip
        assert desk.ask(*words.split())


def test_a_user_without_a_name_is_known_by_number(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = sit("open", '[admin.users]\n"4270" = { person = "staff@example.org" }\n')

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(os, "getuid", lambda: 4270)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert desk.trigger(*NOTE).status == 0
    assert row(desk) == ("staff@example.org", "4270")


def test_what_is_changed_in_the_directory_is_recorded_with_who_did_it(sit: Sit, as_user: AsUser) -> None:
    desk = sit("open", LISTED)
    as_user("intern")
    assert desk.run("people", "change", "staff@example.org", "--name", "Office").status == 0
    assert any("people staff@example.org" in line and "intern" in line for line in desk.life.dump())
