"""What people type in part, misspell or write in their own way: references, names, days and amounts."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.desk import REF, Desk
from tests.support.facts import SAMPLES
from tests.workflow.admin.conftest import Sit

OTHER = (
    "trigger",
    "franklin-2025",
    "identify-needs",
    "--set",
    "school=franklin",
    "--set",
    "title=Mathematics",
)
READERS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "show": lambda ref: ("show", ref),
    "events": lambda ref: ("events", ref),
    "history": lambda ref: ("history", ref),
    "deadlines": lambda ref: ("deadlines", ref),
    "notices": lambda ref: ("notices", ref),
    "replies": lambda ref: ("replies", ref),
    "applications": lambda ref: ("applications", ref),
    "plan": lambda ref: ("plan", ref, "--start", "2026-09-01"),
    "diagram": lambda ref: ("diagram", ref),
    "export": lambda ref: ("export", ref),
    "verify": lambda ref: ("verify", ref),
}


@pytest.mark.parametrize("part", ["rbhs", "BHS-2", "RBHS-2025"])
@pytest.mark.parametrize("command", READERS)
def test_any_unique_part_of_a_reference_names_it(sit: Sit, command: str, part: str) -> None:
    desk = sit("open")
    desk.ask(*OTHER)
    assert desk.ask(*READERS[command](part)) == desk.ask(*READERS[command](REF))


@pytest.mark.promise("no-guessed-reading")
@pytest.mark.parametrize("command", READERS)
def test_a_part_of_two_references_names_both(sit: Sit, command: str) -> None:
    desk = sit("open")
    desk.ask(*OTHER)
    answer = desk.run(*READERS[command]("2025"), "--json")
    assert (answer.status, answer.json["error"]) == (3, "not-found")
    expected = "'2025' is a part of 2 references: franklin-2025, rbhs-2025; write more of it"
    assert answer.json["problem"] == expected


def test_a_whole_reference_counts_although_another_one_contains_it(sit: Sit) -> None:
    desk = sit("open")
    desk.ask("trigger", "rbhs-2025-2", *OTHER[2:])
    assert desk.ask("show", "rbhs-2025")["ref"] == "rbhs-2025"
    assert desk.ask("show", "RBHS-2025")["ref"] == "rbhs-2025"
    assert desk.ask("show", "2025-2")["ref"] == "rbhs-2025-2"


def test_an_event_goes_to_the_partnership_of_a_part_but_a_new_one_never(sit: Sit) -> None:
    desk = sit("open")
    done = desk.ask("trigger", "rbhs", "add-note", "--set", "text=called")
    assert done["ref"] == REF
    assert desk.ask("trigger", "rbhs", *OTHER[2:])["ref"] == "rbhs"


def test_nothing_is_a_part_of_nothing(sit: Sit) -> None:
    assert sit("open").run("show", "").status == 3


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("show", "rhbs-2025"), REF),
        (("trigger", REF, "chose-partner"), "choose-partner"),
        (("trigger", REF, "add-note", "--as", "staf@example.org", "--set", "text=t"), "staff@example.org"),
        (("events", REF, "--as", "princpal@example.org"), "principal@example.org"),
        (("list", "--waiting-on", "staf@example.org"), "staff@example.org"),
        (("list", "--school", "frnklin"), "franklin"),
        (("people", "change", "staf@example.org", "--name", "N"), "staff@example.org"),
        (("people", "remove", "staf@example.org"), "staff@example.org"),
        (("people", "feed", "staf@example.org"), "staff@example.org"),
        (("people", "add", "n@example.org", "--name", "N", "--school", "frnklin"), "franklin"),
        (("people", "change", "staff@example.org", "--organization", "habor-house"), "harbor-house"),
        (("people", "away", "staff@example.org", "--until", "Aug 14", "--delegate", "princpal@example.org"),
         "principal@example.org"),
        (("notices", "revoke", "--person", "staf@example.org"), "staff@example.org"),
        (("notices", "--status", "quued"), "queued"),
        (("trigger", REF, "add-note", "--set", "txt=t"), "text"),
        (("trigger", REF, "add-note", "--set", "text=t", "--role", "staf"), "staff"),
        (("trigger", "NEW", "identify-needs", "--set", "school=frnklin", "--set", "title=T"), "franklin"),
    ],
)  # fmt: skip
def test_a_misspelt_word_gets_the_nearest_right_one(sit: Sit, words: tuple[str, ...], meant: str) -> None:
    answer = sit("open").run(*words, "--json")
    assert answer.status in (2, 3)
    assert f"(did you mean {meant}?)" in answer.out
    assert f"(did you mean {meant}?)" in sit("open").run(*words).err


def test_what_is_near_nothing_gets_no_suggestion(sit: Sit) -> None:
    assert sit("open").run("show", "nowhere", "--json").json["problem"] == "there is no partnership 'nowhere'"


def last_input(desk: Desk) -> dict[str, object]:
    stored: dict[str, object] = json.loads(desk.life.history()[-1]["input"])
    return stored


def test_a_day_in_set_is_read_as_people_write_it_and_said(sit: Sit) -> None:
    desk = sit("open")
    answer = desk.run("trigger", REF, "extend-selection", "--set", "closes_on=29 Aug", "--set", "reason=few")
    assert (answer.status, answer.err) == (0, "closes_on: Friday, August 29, 2025.\n")
    assert last_input(desk)["closes_on"] == "2025-08-29"
    again = desk.trigger("extend-selection", "--set", "closes_on=+60 days", "--set", "reason=few")
    assert (again.status, again.err) == (0, ""), "programs are told nothing besides the document"


def test_a_day_is_said_before_a_refusal_that_comes_of_it(sit: Sit) -> None:
    answer = sit("open").run(
        "trigger", REF, "extend-selection", "--set", "closes_on=tomorrow", "--set", "reason=r"
    )
    assert answer.status == 1
    assert answer.err.startswith("closes_on: Tuesday, July 8, 2025.\nRefused:\n")


def test_a_day_with_two_readings_is_wrong_input_everywhere(sit: Sit) -> None:
    desk = sit("open")
    for words in (
        ("trigger", REF, "extend-selection", "--set", "closes_on=09/10", "--set", "reason=r"),
        ("plan", REF, "--start", "09/10"),
        ("meetings", "add", "09/10"),
        ("meetings", "remove", "09/10"),
        ("people", "away", "staff@example.org", "--until", "09/10", "--delegate", "principal@example.org"),
        ("schools", "add", "mercer", "--name", "M", "--invited-on", "09/10"),
    ):
        answer = desk.run(*words, "--json")
        assert answer.status == 2, words
        assert "can mean Wednesday, September 10, 2025" in answer.json["problems"][0]["problem"], words


def test_options_take_days_as_people_write_them(sit: Sit) -> None:
    desk = sit("open")
    assert desk.ask("plan", REF, "--start", "Sep 1 2026")["start"] == "2026-09-01"
    desk.ask(
        "people", "away", "staff@example.org", "--until", "+14 days", "--delegate", "principal@example.org"
    )
    away = {person["email"]: person["away_until"] for person in desk.ask("people")}
    assert away["staff@example.org"] == "2025-07-21"
    assert desk.ask("meetings", "add", "August 13, 2025")["id"] == "2025-08-13"
    assert desk.ask("meetings", "remove", "13 Aug")["id"] == "2025-08-13"


DRAFT = {key: value for key, value in SAMPLES["draft-agreement"].items() if key != "amount_cents"}


@pytest.mark.parametrize(
    ("amount", "cents", "sentence"),
    [
        ("amount=250,000", 25_000_000, "$250,000.00: the Board has to act, 4270.9a.\n"),
        ("amount=$250,000.00", 25_000_000, "$250,000.00: the Board has to act, 4270.9a.\n"),
        ("amount=249999.99", 24_999_999, "$249,999.99: nothing calls for the Board, 4270.9.\n"),
        ("amount_cents=25000000", 25_000_000, "$250,000.00: the Board has to act, 4270.9a.\n"),
    ],
)
@pytest.mark.clause("4270.9")
def test_an_amount_is_given_in_dollars_and_said_with_what_follows(
    sit: Sit, amount: str, cents: int, sentence: str
) -> None:
    desk = sit("chosen")
    terms = desk.file("terms.json", json.dumps(DRAFT))
    answer = desk.run("trigger", REF, "draft-agreement", "--input", terms, "--set", amount)
    assert (answer.status, answer.err) == (0, sentence)
    assert last_input(desk)["amount_cents"] == cents


@pytest.mark.parametrize("amount", ["250k", "2,50", "-1", "1.234", ""])
def test_what_is_no_amount_says_how_to_write_one(sit: Sit, amount: str) -> None:
    answer = sit("chosen").trigger("draft-agreement", "--set", f"amount={amount}")
    assert answer.status == 2
    assert answer.problems == [
        f'--set amount: "{amount}" is not an amount; write dollars and cents such as 250,000.00'
    ]


@pytest.mark.parametrize("given", ["250,000", "$250,000.00", 250_000])
def test_a_file_of_input_has_days_and_amounts_as_people_write_them_too(sit: Sit, given: object) -> None:
    desk = sit("chosen")
    terms = desk.file("terms.json", json.dumps(DRAFT | {"amount": given, "ends_on": "31 Aug 2026"}))
    answer = desk.run("trigger", REF, "draft-agreement", "--input", terms)
    assert (answer.status, "amount: $250,000.00." in answer.err or "has to act" in answer.err) == (0, True)
    assert "ends_on: Monday, August 31, 2026." in answer.err
    taken = last_input(desk)
    assert (taken["amount_cents"], taken["ends_on"]) == (25_000_000, "2026-08-31")


def test_a_file_that_gives_an_amount_twice_is_refused(sit: Sit) -> None:
    answer = sit("chosen").trigger(
        "draft-agreement", "--input", "-", stdin=json.dumps(DRAFT | {"amount": "5", "amount_cents": 700})
    )
    assert (answer.status, answer.problems) == (2, ["amount: amount_cents says it already"])
