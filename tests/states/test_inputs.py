"""What every event takes: what is said to an input that is not well formed, and how a good one is kept."""

import json
from datetime import date, datetime
from typing import Any

import pytest

from states import inputs
from states.chapters.agreement import AmendAgreement
from states.chapters.anytime import AddNote, ChangeContact
from states.chapters.board import DeferItem
from states.chapters.choice import FileProtest
from states.chapters.decision import Decide
from states.chapters.ending import BoardTerminate
from states.chapters.outcomes import SetOutcomes
from states.errors import BadInput, Problem
from states.inputs import Input, as_stored, read_input
from states.lifecycle import TABLE
from states.mistakes import input_keys
from tests.support.facts import LA, SAMPLES, Life

VOTE = {"meeting_on": "2025-10-01", "ayes": 5, "noes": 1, "abstentions": 1, "short_notice": "a flood"}
FILE = {"name": "a letter.pdf", "sha256": "ab" * 32, "size": 12}
# One row for each event and kind of input, with a sample that gives every key that there is.
FULL: dict[str, dict[str, Any]] = {
    "receive-application": {"demonstration": "ten years of it"},
    "answer-protest": {"remedy": "score-anew"},
    "draft-agreement": {"autonomy_requested_by": "board", "document": FILE},
    "sign-agreement": {"name": "Ann Lee", "consent": True},
    "record-signature": {"document": FILE},
    "refer-to-board": {"amount_cents": 30_000_000, "ends_on": "2027-08-31"},
    "introduce-item": {"immediate_action": True, "short_notice": "a flood"},
    "approve": {"reason": "well done", "short_notice": "a flood"},
    "send-back": {"reason": "too dear", "short_notice": "a flood"},
    "amend-agreement": {"amount_cents": 1, "ends_on": "2026-08-31", "document": FILE},
    "submit-report": {"document": "report.pdf", "sha256": "ab" * 32, "size": 12, "received_on": "2026-07-10"},
    "continue": {"improvement_plan": "a tutor more"},
    "correct-entry": {"void": False, "takes_back": [2]},
    "attach-document": {"sha256": "ab" * 32, "size": 12},
}
TAKEN = {
    f"{row.name} {row.takes.__name__}": (
        row.takes,
        SAMPLES.get(row.name, {})
        | FULL.get(row.name, {})
        | (VOTE if row.takes is BoardTerminate else {})
        | ({"documents": [FILE]} if row.document == "documents" else {}),
    )
    for row in TABLE
}
EVERY_INPUT = pytest.mark.parametrize(("takes", "sample"), TAKEN.values(), ids=TAKEN)


def problems(takes: type[Input], data: Any) -> list[str]:
    with pytest.raises(BadInput) as error:
        read_input(takes, data)
    assert str(error.value) == "; ".join(map(str, error.value.problems))
    return [str(problem) for problem in error.value.problems]


def said(event: str, **given: Any) -> list[str]:
    """What is said to the usual input of an event with some keys given otherwise."""
    takes = next(row.takes for row in TABLE if row.name == event)
    return problems(takes, SAMPLES[event] | given)


# Documents


@pytest.mark.parametrize("given", ["a.pdf", ["a.pdf"], [{"name": "a.pdf"}]], ids=["name", "names", "tables"])
def test_a_file_is_named_alone_or_in_a_list(given: Any) -> None:
    files = read_input(FileProtest, SAMPLES["file-protest"] | {"documents": given}).documents
    assert [(file.name, file.sha256) for file in files] == [("a.pdf", None)]


def test_no_input_names_more_files_than_one_form_takes() -> None:
    names = [f"{n}.pdf" for n in range(inputs.MOST_FILES + 1)]
    assert said("file-protest", documents=names)
    assert not read_input(FileProtest, SAMPLES["file-protest"]).documents


def test_nobody_consents_by_a_no() -> None:
    assert said("sign-agreement", consent=False) == ["consent: found False; expected True"]


# Every input


@EVERY_INPUT
def test_the_sample_gives_every_key(takes: type[Input], sample: dict[str, Any]) -> None:
    assert set(sample) == set(input_keys(takes))


@EVERY_INPUT
def test_what_is_kept_gives_the_same_input_again(takes: type[Input], sample: dict[str, Any]) -> None:
    given = read_input(takes, sample)
    kept = json.loads(json.dumps(as_stored(given)))
    assert read_input(takes, kept) == given
    assert as_stored(read_input(takes, kept)) == kept
    assert kept == sample


@EVERY_INPUT
def test_an_unknown_key_is_named_with_the_known_ones(takes: type[Input], sample: dict[str, Any]) -> None:
    (found,) = problems(takes, sample | {"colour": "red"})
    known = f"one of {', '.join(input_keys(takes))}" if input_keys(takes) else "none"
    assert found == f"colour: there is no such key; expected {known}"


@EVERY_INPUT
def test_each_missing_key_is_named_with_what_belongs_there(
    takes: type[Input], sample: dict[str, Any]
) -> None:
    needed = {field.alias or name: field for name, field in takes.model_fields.items() if field.is_required()}
    if needed:
        found = problems(takes, {})
        assert found == [f"{key}: it is missing; expected {f.description}" for key, f in needed.items()]
    else:
        assert as_stored(read_input(takes, {})) == {} or takes is inputs.Nothing


@EVERY_INPUT
def test_each_key_of_the_wrong_type_is_named_with_what_would_be_right(
    takes: type[Input], sample: dict[str, Any]
) -> None:
    for key in sample:
        with pytest.raises(BadInput) as error:
            read_input(takes, sample | {key: object})
        (problem,) = error.value.problems
        assert problem.at == key
        assert problem.problem
        assert problem.expected, problem


@EVERY_INPUT
def test_an_input_cannot_be_changed(takes: type[Input], sample: dict[str, Any]) -> None:
    given = read_input(takes, sample)
    for key in takes.model_fields:
        with pytest.raises(ValueError, match="frozen"):
            setattr(given, key, None)


@pytest.mark.parametrize("data", ["text", ["a"], 3, None])
def test_an_input_is_a_table(data: object) -> None:
    assert problems(AddNote, data) == [f"found {data!r}; expected a table of keys and values"]


# Days, money, numbers, text


@pytest.mark.parametrize(
    "wrong",
    [
        "2025-08-15T17:00:00",
        "2025-08-15 17:00",
        "20250815",
        "15.08.2025",
        "tomorrow",
        "",
        20250815,
        1.5,
        True,
    ],
)
def test_a_day_is_written_in_one_way(wrong: object) -> None:
    (found,) = said("open-selection", closes_on=wrong)
    assert found.startswith("closes_on: ")
    assert repr(wrong) in found
    assert found.endswith("expected YYYY-MM-DD")


def test_a_day_has_no_time() -> None:
    (found,) = said("open-selection", closes_on=datetime(2025, 8, 15, tzinfo=LA))
    assert found == "closes_on: a day without a time is needed; expected YYYY-MM-DD"
    assert Life().to("needs-agreed").allows("open-selection", closes_on=date(2025, 8, 15))


def test_a_day_exists() -> None:
    (found,) = said("open-selection", closes_on="2025-02-29")
    assert found == "closes_on: found '2025-02-29'; expected a day that exists, as YYYY-MM-DD"


@pytest.mark.parametrize("wrong", [249_999.99, 25_000_000.0, "25000000", "250,000.00", True])
def test_money_is_whole_cents(wrong: object) -> None:
    assert said("draft-agreement", amount_cents=wrong) == [
        f"amount_cents: found {wrong!r}; expected a whole number"
    ]


def test_money_is_neither_owed_nor_beyond_all_measure() -> None:
    assert "expected greater than or equal to 0" in said("draft-agreement", amount_cents=-1)[0]
    assert "expected less than or equal to" in said("draft-agreement", amount_cents=10**12)[0]


@pytest.mark.parametrize("wrong", ["5", 5.0, True, -1])
def test_votes_are_counted(wrong: object) -> None:
    assert said("approve", ayes=wrong)[0].startswith(f"ayes: found {wrong!r}; expected ")


@pytest.mark.parametrize("wrong", ["91", True, float("nan"), float("inf")])
def test_the_value_of_an_outcome_is_a_number(wrong: object) -> None:
    (found,) = said("submit-report", values={"attendance": wrong})
    assert found.startswith(f"values.attendance: found {wrong!r}; expected a ")


@pytest.mark.parametrize("wrong", ["yes", 1, "true", None])
def test_a_finding_is_true_or_false(wrong: object) -> None:
    assert said("give-finding", impact=wrong) == [f"impact: found {wrong!r}; expected true or false"]


@pytest.mark.parametrize("blank", ["", "   ", "\n\t"])
def test_blank_text_is_no_text(blank: str) -> None:
    assert said("withdraw", reason=blank)[0].endswith("expected some text")
    assert read_input(inputs.Reason, {"reason": "  because  "}).reason == "because"


def test_a_choice_names_what_can_be_chosen() -> None:
    assert said("draft-agreement", instrument="deal") == [
        "instrument: found 'deal'; expected mou or contract"
    ]
    assert said("refer-to-board", purpose="gift")[0].endswith(
        "expected new, amendment, renewal or termination"
    )
    assert said("draft-agreement", autonomy_requested_by="mayor")[0].endswith(
        "school, superintendent or board"
    )


def test_an_identifier_is_plain() -> None:
    assert said("identify-needs", school="Rainier Beach") == [
        "school: found 'Rainier Beach'; expected small letters, digits, dots and hyphens"
    ]


# What belongs together


def test_every_fault_is_said_at_once() -> None:
    found = said("draft-agreement", instrument="deal", amount_cents="much", ends_on="never", colour="red")
    assert [line.partition(":")[0] for line in found] == ["instrument", "amount_cents", "ends_on", "colour"]


def test_a_fault_within_a_list_is_found_in_its_place() -> None:
    (good,) = SAMPLES["set-outcomes"]["outcomes"][:1]
    assert said("set-outcomes", outcomes=[good, good | {"name": "b", "unit": ""}]) == [
        "outcomes.1.unit: found ''; expected some text"
    ]
    (unknown,) = said("set-outcomes", outcomes=[good | {"color": 1}])
    assert unknown.startswith("outcomes.0.color: there is no such key; expected one of name, measure, unit")


def test_an_outcome_is_named_once_and_aims_ahead() -> None:
    (good,) = SAMPLES["set-outcomes"]["outcomes"][:1]
    assert said("set-outcomes", outcomes=[good, good]) == ["one is named twice"]
    (found,) = said("set-outcomes", outcomes=[good | {"target": 80}])
    assert found == "outcomes.0: the target is on the wrong side of the baseline for 'increase'"
    assert said("set-outcomes", outcomes=[good | {"direction": "decrease"}])
    assert read_input(SetOutcomes, {"outcomes": [good | {"target": 88}]})


def test_an_ability_that_the_policy_does_not_know_is_named() -> None:
    (found,) = said("receive-application", abilities={"punctuality": "always on time"})
    assert found.startswith("abilities.punctuality: found 'punctuality'; expected collaboration, high-expect")


@pytest.mark.parametrize("address", ["somebody", "a@b@c", "a b@example.org", "@example.org"])
def test_an_address_is_an_address(address: str) -> None:
    (found,) = said("change-contact", email=address)
    assert found.startswith("email: it is not an e-mail address: ")


def test_addresses_are_kept_in_one_spelling_and_named_once() -> None:
    given = read_input(ChangeContact, {"email": "Staff@Example.ORG", "name": "Staff"})
    assert given.email == "staff@example.org"
    twice = ["staff@example.org", "Staff@example.org"]
    assert said("open-selection", reviewers=twice) == ["reviewers: one is named twice"]


def test_an_amendment_amends() -> None:
    assert problems(AmendAgreement, {"reason": "for its own sake"}) == [
        "nothing is changed: give amount_cents, ends_on or terms"
    ]


def test_what_was_not_given_is_not_kept() -> None:
    assert as_stored(read_input(DeferItem, {"reason": "late", "meeting_on": None})) == {"reason": "late"}
    assert as_stored(read_input(Decide, VOTE)) == VOTE


def test_a_problem_says_where_what_and_what_would_be_right() -> None:
    assert str(Problem("a.b", "it is missing", "text")) == "a.b: it is missing; expected text"
    assert str(Problem("", "it is wrong")) == "it is wrong"
