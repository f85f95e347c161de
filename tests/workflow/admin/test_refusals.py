"""Every kind of mistake has its exit status, says what would be right, and leaves the database as it was."""

from __future__ import annotations

import pytest

from tests.support.desk import REF
from tests.support.facts import REVIEWERS
from tests.workflow.admin.conftest import Sit

REFUSED, INPUT, NOT_FOUND, CONFLICT = 1, 2, 3, 4
NAMES = {REFUSED: "refused", INPUT: "input", NOT_FOUND: "not-found", CONFLICT: "conflict"}
NOTE = ("trigger", REF, "add-note", "--set", "text=called")

CASES: dict[str, tuple[int, tuple[str, ...], str]] = {
    "a requirement is unmet": (
        REFUSED, ("trigger", REF, "close-applications", "--as", "staff@example.org"), "is for clock; staff@"),
    "the state is another": (REFUSED, ("trigger", REF, "activate"), "no Lead Partner has been chosen yet"),
    "the event is of another state": (REFUSED, ("trigger", REF, "describe-needs"), "in open-selection"),
    "the reference is taken": (
        REFUSED, ("trigger", REF, "identify-needs", "--set", "school=franklin", "--set", "title=T"),
        "open-selection"),
    "somebody else's event": (
        REFUSED, ("trigger", REF, "extend-selection", "--as", "principal@example.org", "--set", "reason=r",
                  "--set", "closes_on=2025-09-01"),
        "extend-selection is for staff; principal@example.org has principal"),
    "a role that is not held": (
        REFUSED, (*NOTE, "--role", "principal"),
        "add-note is for staff or principal; staff@example.org has staff and asks to act as principal"),
    "no such event": (INPUT, ("trigger", REF, "choose-partners"), "there is no event 'choose-partners'"),
    "no such role": (INPUT, (*NOTE, "--role", "boss"), "there is no role 'boss'"),
    "an unknown key": (
        INPUT, (*NOTE, "--set", "txt=x"),
        "txt: there is no such key (did you mean text?); expected one of text"),
    "a missing key": (INPUT, ("trigger", REF, "add-note"), "text: it is missing; expected the note"),
    "a day that is none": (
        INPUT, ("trigger", REF, "extend-selection", "--set", "closes_on=someday", "--set", "reason=r"),
        "closes_on: 'someday' is not a date; expected a day such as 2026-10-31, Oct 31, tomorrow or +21 days"),
    "a day that does not exist": (
        INPUT, ("trigger", REF, "extend-selection", "--set", "closes_on=2025-02-30", "--set", "reason=r"),
        "a day that exists, as YYYY-MM-DD"),
    "a value that is no JSON": (
        INPUT, ("trigger", REF, "score-application", "--as", REVIEWERS[0], "--set", "scores.diversity=good"),
        "'good' is not JSON"),
    "a number beyond all measure": (
        INPUT, ("trigger", REF, "score-application", "--as", REVIEWERS[0], "--set",
                "scores.diversity=" + "9" * 5000), "9' is not JSON"),
    "a note that is no text": (INPUT, (*NOTE, "--note", "\udcff"), "'\\udcff' is not text; expected text in UTF-8"),
    "a reference that is no text": (INPUT, ("show", "\udcff"), "'\\udcff' is not text; expected text in UTF-8"),
    "no equals sign": (INPUT, ("trigger", REF, "add-note", "--set", "text"), "'text' has no key or no value"),
    "a key inside a value": (
        INPUT, ("trigger", REF, "add-note", "--set", "a=1", "--set", "a.b=2"), "a is already a value"),
    "an input file that is not there": (
        INPUT, ("trigger", REF, "add-note", "--input", "nowhere.json"), "nowhere.json cannot be read: No such"),
    "an organization nobody knows": (
        INPUT, ("trigger", REF, "receive-application", "--set", "organization=acme", "--set", "contact_name=C",
                "--set", "contact_email=c@example.org", "--set", "abilities.diversity=much"),
        "there is no organization 'acme'; expected city-college, good-works, harbor-house"),
    "a school nobody knows": (
        INPUT, ("trigger", "NEW", "identify-needs", "--set", "school=hogwarts", "--set", "title=T"),
        "there is no school 'hogwarts'; expected franklin, garfield, rainier-beach"),
    "a reference that cannot be": (
        INPUT, ("trigger", "New School", "identify-needs", "--set", "school=franklin", "--set", "title=T"),
        "'New School' cannot be a reference"),
    "no such command": (INPUT, ("lst",), "No such command 'lst'"),
    "no such option": (INPUT, ("list", "--stat", "active"), "No such option"),
    "an argument is missing": (INPUT, ("show",), "Missing argument 'REF'"),
    "an argument too many": (INPUT, ("show", REF, "more"), "unexpected extra argument"),
    "no command": (INPUT, (), "Missing command. partnershipctl --help says how."),
    "a state that is none": (INPUT, ("list", "--state", "open"), "'open' is not one of 'needs-identified'"),
    "a span that is none": (INPUT, ("deadlines", "--within", "12h"), "'12h' is not a span of time; expected a"),
    "a status that is none": (INPUT, ("notices", "--status", "sent,lost"), "there is no status 'lost'"),
    "a number that is none": (INPUT, ("notices", "show", "first"), "'first' is not a valid integer"),
    "a notice that is not stuck": (INPUT, ("notices", "retry", "1"), "notice 1 is queued"),
    "an import that is not there": (INPUT, ("import", "nowhere.toml"), "nowhere.toml: it cannot be read: No"),
    "a calendar that is not there": (INPUT, ("meetings", "import", "nowhere.ics"), "it cannot be read: No such"),
    "a meeting on no day": (INPUT, ("meetings", "remove", "someday"), "'someday' is not a date"),
    "a meeting of no kind": (INPUT, ("meetings", "add", "2025-08-13", "--kind", "secret"), "kind: found 'secret'"),
    "a meeting at no hour": (INPUT, ("meetings", "add", "2025-08-13", "--at", "noon"), "at: it is not a time"),
    "a person without a name": (INPUT, ("people", "add", "new@example.org"), "name: it is missing"),
    "a person without an address": (INPUT, ("people", "add", "new", "--name", "N"), "it is not an e-mail address"),
    "a person of no role": (INPUT, ("people", "add", "new@example.org", "--name", "N", "--role", "boss"), "'boss'"),
    "a person of no school": (
        INPUT, ("people", "add", "new@example.org", "--name", "N", "--school", "x"),
        "--school: there is no school 'x'"),
    "a person of no organization": (
        INPUT, ("people", "change", "staff@example.org", "--organization", "x"), "there is no organization 'x'"),
    "an absence without a delegate": (
        INPUT, ("people", "away", "staff@example.org", "--until", "2025-08-01"), "it is not said who stands in"),
    "a delegate nobody knows": (
        INPUT, ("people", "away", "staff@example.org", "--until", "2025-08-01", "--delegate", "x@example.org"),
        "there is no person 'x@example.org'"),
    "a delegate for oneself": (
        INPUT, ("people", "away", "staff@example.org", "--until", "2025-08-01", "--delegate", "staff@example.org"),
        "nobody stands in for themselves"),
    "an organization of no kind": (INPUT, ("organizations", "add", "x", "--name", "X", "--kind", "club"), "'club'"),
    "an identifier with a space": (INPUT, ("schools", "add", "a school", "--name", "A"), "small letters, digits"),
    "no such partnership": (NOT_FOUND, ("show", "nowhere"), "there is no partnership 'nowhere'"),
    "its events": (NOT_FOUND, ("events", "nowhere"), "there is no partnership 'nowhere'"),
    "its history": (NOT_FOUND, ("history", "nowhere"), "there is no partnership 'nowhere'"),
    "its deadlines": (NOT_FOUND, ("deadlines", "nowhere"), "there is no partnership 'nowhere'"),
    "its notices": (NOT_FOUND, ("notices", "nowhere"), "there is no partnership 'nowhere'"),
    "its proof": (NOT_FOUND, ("verify", "nowhere"), "there is no partnership 'nowhere'"),
    "to move it": (NOT_FOUND, ("trigger", "nowhere", "add-note"), "there is no partnership 'nowhere'"),
    "to move a new one": (NOT_FOUND, ("trigger", "NEW", "add-note"), "there is no partnership 'NEW'"),
    "no such school to list": (NOT_FOUND, ("list", "--school", "hogwarts"), "there is no school 'hogwarts'"),
    "no such notice": (NOT_FOUND, ("notices", "show", "4270"), "there is no notice 4270"),
    "a notice of a number that none can have": (NOT_FOUND, ("notices", "show", "9" * 30), "there is no notice 999"),
    "to retry such a one": (NOT_FOUND, ("notices", "retry", "9" * 30), "there is no notice 999"),
    "to revoke such a one": (NOT_FOUND, ("notices", "revoke", "9" * 30), "there is no notice 999"),
    "a reply of such a number": (NOT_FOUND, ("replies", "show", "9" * 30), "there is no reply 999"),
    "a notice of too large a number": (NOT_FOUND, ("notices", "show", str(2**31)), f"no notice {2**31}"),
    "no such notice to retry": (NOT_FOUND, ("notices", "retry", "4270"), "there is no notice 4270"),
    "no such person to act": (NOT_FOUND, (*NOTE, "--as", "x@example.org"), "no person 'x@example.org'"),
    "no such person to look": (NOT_FOUND, ("events", REF, "--as", "x@example.org"), "no person 'x@example.org'"),
    "no such person to change": (NOT_FOUND, ("people", "change", "x@example.org", "--name", "X"), "no person"),
    "no such person to be away": (
        NOT_FOUND, ("people", "away", "x@example.org", "--until", "2025-08-01"), "no person"),
    "no such person to remove": (NOT_FOUND, ("people", "remove", "x@example.org"), "no person x@example.org"),
    "no such meeting": (NOT_FOUND, ("meetings", "remove", "2025-08-07"), "there is no meeting on 2025-08-07"),
    "somebody moved it": (CONFLICT, (*NOTE, "--expect-version", "3"), "rbhs-2025 is at version 5, not 3"),
    "somebody moved it to another state": (
        CONFLICT, ("trigger", REF, "open-selection", "--expect-version", "4"), "rbhs-2025 is at version 5, not 4"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_explained_and_changes_nothing(sit: Sit, case: str) -> None:
    status, words, phrase = CASES[case]
    desk = sit("open")
    before = desk.life.dump()
    to_people, to_programs = desk.run(*words), desk.run(*words, "--json")
    assert (to_people.status, to_programs.status) == (status, status), (to_people, to_programs)
    assert to_people.out == ""
    assert phrase in " ".join(to_people.err.split()), to_people.err
    assert to_programs.json["error"] == NAMES[status]
    assert to_programs.err == to_people.err, "people are told on standard error all the same"
    assert desk.life.dump() == before


def test_a_refusal_names_every_unmet_requirement_with_its_clause(sit: Sit) -> None:
    desk = sit("open")
    answer = desk.trigger("choose-partner", "--set", "organization=harbor-house", "--set", "reasons=best")
    assert answer.status == REFUSED
    unmet = {one["requirement"]: one for one in answer.json["unmet"]}
    assert all(one.keys() == {"requirement", "reason", "clause"} and one["reason"] for one in unmet.values())
    assert {"call-closed", "has-applied"} <= unmet.keys()
    assert unmet["call-closed"]["clause"] == "4270.8"
    assert answer.err.startswith("Refused:\n  - ")
    assert len(answer.err.splitlines()) == 1 + len(unmet)


def test_wrong_input_names_every_mistake_with_its_place_and_what_is_expected(sit: Sit) -> None:
    answer = sit("closed").trigger(
        "score-application", "--as", "reviewer-1@example.org", "--input", "-",
        stdin='{"organization": "Harbor House", "scores": {"diversity": 6, "beauty": 3}}',
    )  # fmt: skip
    assert answer.status == INPUT
    places = {problem["at"]: problem["expected"] for problem in answer.json["problems"]}
    assert places.keys() >= {"organization", "scores.diversity", "scores.beauty", "comment"}
    assert places["comment"] == "what the scores rest on"


@pytest.mark.parametrize(
    ("words", "at"),
    [
        (("list", "--state", "open"), "--state"),
        (("list", "--stat", "x"), "--stat"),
        (("show",), "REF"),
        (("notices", "show", "x"), "ID"),
        (("trigger", REF, "add-note", "--expect-version", "x"), "--expect-version"),
    ],
)
def test_wrong_usage_says_at_which_option_or_argument(sit: Sit, words: tuple[str, ...], at: str) -> None:
    (problem,) = sit("open").run(*words, "--json").json["problems"]
    assert problem["at"] == at


def test_wrong_usage_says_where_to_find_help(sit: Sit) -> None:
    assert sit("open").run("show").err.endswith("\n  partnershipctl show --help says how.\n")
