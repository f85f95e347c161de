"""The form of every event follows from what the event takes, and what is typed into it comes back as that."""

from __future__ import annotations

from typing import Any

import pytest

from states.chapters.agreement import AmendAgreement, DraftAgreement
from states.chapters.anytime import AddNote, AttachDocument, ChangeContact
from states.chapters.call import OpenSelection, ReceiveApplication
from states.chapters.choice import ChoosePartner
from states.chapters.correction import CorrectEntry
from states.chapters.ending import BoardTerminate
from states.chapters.needs import DescribeNeeds
from states.chapters.outcomes import SetOutcomes
from states.chapters.review import SubmitReport
from states.chapters.signing import SignAgreement
from states.errors import BadInput
from states.event import Event
from states.inputs import as_stored, read_input
from states.lifecycle import TABLE
from tests.support.facts import OUTCOMES, SAMPLES
from workflow.forms import parsing
from workflow.forms.fields import (
    MOST_ENTRIES,
    NOTHING,
    Offered,
    build_fields,
    build_form,
    other_problems,
    walk,
)
from workflow.forms.summary import summary

# A correction has the form of the entry that it corrects: test_correction_sheet.py tests it.
ROWS = [
    pytest.param(row, id=f"{row.name} of {row.takes.__name__}")
    for row in TABLE
    if row.takes is not CorrectEntry
]


def sample(row: Event) -> dict[str, Any]:
    vote = SAMPLES["approve"] if row.takes is BoardTerminate else {}
    return SAMPLES.get(row.name, {}) | vote


def offered(values: dict[str, Any]) -> Offered:
    return Offered(values=dict.fromkeys(values.get("values", {}), "in %, from 88 to 93"))


def problems(takes: Any, texts: dict[str, str], offers: Offered = NOTHING) -> dict[str, list[str]]:
    """By the name of a control, what is said beside it."""
    with pytest.raises(BadInput) as bad:
        parsing.read(takes, texts, offers)
    fields = list(walk(build_form(takes, texts, offers, bad.value.problems)))
    found = {one.name: list(one.problems) for one in fields if one.problems}
    rest = other_problems(fields, bad.value.problems)
    return found | ({"": rest} if rest else {})


@pytest.mark.parametrize("row", ROWS)
def test_every_form_reads_back_what_was_typed(row: Event) -> None:
    values = sample(row)
    texts = parsing.to_texts(row.takes, values, offered(values))
    given = read_input(row.takes, parsing.read(row.takes, texts, offered(values)))
    assert as_stored(given) == as_stored(read_input(row.takes, values))


@pytest.mark.parametrize("row", ROWS)
def test_every_control_has_a_label_and_a_name_of_its_own(row: Event) -> None:
    fields = list(walk(build_fields(row.takes, offered(sample(row)), entries=2)))
    assert all(one.label.strip() and "_" not in one.label and "cents" not in one.label for one in fields)
    assert len({one.name for one in fields}) == len({one.id for one in fields}) == len(fields)


@pytest.mark.parametrize("row", ROWS)
def test_a_blank_form_says_beside_each_field_that_it_is_needed(row: Event) -> None:
    fields = build_fields(row.takes, offered(sample(row)))
    needed = {one.name for one in walk(fields) if one.required and not one.parts}
    if needed:
        assert set(problems(row.takes, {}, offered(sample(row)))) == needed


@pytest.mark.parametrize("row", ROWS)
def test_what_was_said_is_told_in_labels_and_words(row: Event) -> None:
    values = as_stored(read_input(row.takes, sample(row)))
    pairs = summary(row.takes, values, {"harbor-house": "Harbor House"})
    assert bool(pairs) == bool(values)
    assert not [value for _, value in pairs if value in ("harbor-house", "mou", "True", "unsatisfactory")]


@pytest.mark.parametrize(
    ("text", "cents"),
    [("250,000.00", 25_000_000), ("$1,200", 120_000), ("1200", 120_000), ("$ 0.5", 50), ("0", 0),
     ("1,000,000,000.00", 100_000_000_000)],
)  # fmt: skip
def test_money_is_typed_in_dollars(text: str, cents: int) -> None:
    texts = {"amount_cents": text, "reason": "more tutors"}
    assert parsing.read(AmendAgreement, texts)["amount_cents"] == cents


@pytest.mark.parametrize(
    "text", ["250.000,00", "12,00", "-5", "5.001", "five", "1e6", "NaN", "1,000,000,000.01", "9" * 40, "٣"]
)
def test_what_is_no_amount_is_told_beside_it(text: str) -> None:
    assert list(problems(AmendAgreement, {"amount_cents": text, "reason": "x"})) == ["amount_cents"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("91", 91), ("91.5", 91.5), (" -3 ", -3), ("1,234.5", 1234.5), ("91 %", 91), ("−2", -2)],
)
def test_a_number_is_typed_as_people_write_it(text: str, number: float) -> None:
    offers = Offered(values={"attendance": ""})
    read = parsing.read(SubmitReport, {"values.0": text, "narrative": "a year"}, offers)
    assert read["values"] == {"attendance": number}


@pytest.mark.parametrize("text", ["1e400", "inf", "nan", "ten", "1,2", "--1", "."])
def test_what_is_no_number_is_told_beside_it(text: str) -> None:
    found = problems(SubmitReport, {"values.0": text, "narrative": "x"}, Offered(values={"attendance": ""}))
    assert list(found) == ["values.0"]


@pytest.mark.parametrize("text", ["2026-02-30", "1/2/2026", "tomorrow", "2026-9-1", "٢٠٢٦-٠١-٠١"])
def test_what_is_no_day_is_told_beside_it(text: str) -> None:
    assert list(problems(SignAgreement, {"signed_on": text})) == ["signed_on"]


def test_lists_are_typed_one_entry_to_a_line() -> None:
    texts = dict.fromkeys(("needs", "resources", "assets", "qualities", "goals"), " one \r\n\r\n two\r")
    assert parsing.read(DescribeNeeds, texts)["goals"] == ["one", "two"]


def test_the_panel_is_ticked_where_the_reviewers_are_known() -> None:
    offers = Offered(choices={"reviewers": (("a@example.org", "A"), ("b@example.org", "B"))})
    fields = build_form(OpenSelection, {"reviewers": "b@example.org"}, offers)
    assert [(one.kind, one.chosen) for one in fields if one.key == "reviewers"] == [
        ("several", ("b@example.org",))
    ]
    texts = {"closes_on": "2026-01-31", "reviewers": "a@example.org\nb@example.org"}
    assert parsing.read(OpenSelection, texts, offers)["reviewers"] == ["a@example.org", "b@example.org"]
    assert list(problems(OpenSelection, texts | {"reviewers": "c@example.org"}, offers)) == ["reviewers"]


def test_what_cannot_be_chosen_any_more_is_told_beside_it() -> None:
    offers = Offered(choices={"organization": (("harbor-house", "Harbor House"),)})
    found = problems(ChoosePartner, {"organization": "city-college", "reasons": "x"}, offers)
    assert found == {"organization": ["This cannot be chosen any more; choose again."]}


def test_a_mistake_between_fields_is_told_in_their_labels() -> None:
    texts = {"instrument": "mou", "amount_cents": "5", "starts_on": "2026-02-01", "ends_on": "2026-01-01"}
    assert problems(DraftAgreement, texts) == {
        "": ['"Last day" is before "First day": the last day cannot come before the first']
    }


def test_a_mistake_in_one_outcome_is_told_beside_that_outcome() -> None:
    values = {"outcomes": [OUTCOMES[0], OUTCOMES[1] | {"target": 99}]}
    assert problems(SetOutcomes, parsing.to_texts(SetOutcomes, values)) == {
        "outcomes.1": ["The target is on the wrong side of the baseline for 'decrease'."]
    }


def test_outcomes_that_are_left_blank_are_none() -> None:
    texts = parsing.to_texts(SetOutcomes, {"outcomes": OUTCOMES})
    moved = {name.replace("outcomes.1", "outcomes.3"): text for name, text in texts.items()}
    blank = moved | {"outcomes.1.name": " ", "outcomes.2.goal": "", "other": "stays"}
    assert parsing.drop_blanks(blank) == texts | {"other": "stays"}
    assert parsing.drop_blanks(texts, drop=0).keys() == {
        name.replace("outcomes.1", "outcomes.0") for name in texts if name.startswith("outcomes.1")
    }


def test_a_form_never_grows_beyond_what_people_fill_in() -> None:
    fields = build_form(SetOutcomes, {"outcomes.999.name": "x", "outcomes.1000000000.name": "x"})
    assert len(fields[0].parts) == MOST_ENTRIES


def test_text_that_is_too_long_is_told_beside_it_and_kept() -> None:
    texts = {"text": "x" * 20_001}
    assert problems(AddNote, texts) == {"text": ["It is too long: 20,001 characters, where 20,000 fit."]}
    assert build_form(AddNote, texts)[0].text == texts["text"]


def test_what_only_machines_type_is_left_out() -> None:
    assert parsing.read(AddNote, {"text": "\x00one\r\ntwo\x1b\x85\u2028 "}) == {"text": "one\ntwo"}
    contact = {"email": "a@example.org", "name": "An\r\nBcc: b@example.org"}
    assert parsing.read(ChangeContact, contact)["name"] == "An Bcc: b@example.org"


def test_the_digest_of_a_file_is_never_typed() -> None:
    texts = {"file": "a.pdf", "title": "A", "sha256": "0" * 64, "size": "1"}
    assert parsing.read(AttachDocument, texts) == {"file": "a.pdf", "title": "A"}


@pytest.mark.promise("sealed-until-closing")
def test_a_receipt_does_not_open_a_sealed_application() -> None:
    values = SAMPLES["receive-application"] | {"demonstration": "secret"}
    told = summary(ReceiveApplication, values, sealed=True)
    assert not [value for _, value in told if "how we show" in value or "secret" in value]
    assert ("Diversity", "21 characters, kept under seal") in told
