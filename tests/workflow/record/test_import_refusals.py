"""A district file that is wrong anywhere is refused as a whole, and every mistake is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from states.errors import BadInput, Refused
from tests.support.district import Begin, Life
from tests.workflow.record.test_importing import AGREE, BEGIN, DIRECTORY, OPEN, WHOLE, take
from workflow.record import district_file


@pytest.fixture
def life(begin: Begin) -> Life:
    """The partnership that the file tells of, at noon of 1 August 2025, before it is taken in."""
    return begin().at("2025-08-01 12:00").another("ballard-2025", "ballard")


def problems(life: Life, text: str) -> list[str]:
    """Every mistake for which a file is refused; the database is as it was before."""
    before = life.dump()
    with pytest.raises(BadInput) as refused:
        take(life, text)
    assert life.dump() == before
    return [str(problem) for problem in refused.value.problems]


def test_a_misspelt_school_gets_the_nearest_and_all_others_only_if_they_are_few(life: Life) -> None:
    wrong = WHOLE.replace('schools = ["ballard"]', 'schools = ["balard"]')
    (problem,) = problems(life, wrong)
    assert problem == (
        "person.0.schools: there is no school 'balard' (did you mean ballard?);"
        " expected one of ballard, franklin, garfield, rainier-beach"
    )
    many = "".join(f'[[school]]\nid = "school-{n}"\nname = "School {n}"\n' for n in range(30))
    (problem,) = problems(life, wrong + many)
    assert problem.endswith("(did you mean ballard?); expected one that the file or the directory has")


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('gaps = []', 'gaps = ["counseling"]'), ("07-07T09:00", "07-07T09:01"),
        ('as = "ballard-principal', 'as = "staff'), ("A Lead Partner for Ballard", "Another title"),
    ],
)  # fmt: skip
def test_a_history_is_not_rewritten_by_another_file(life: Life, was: str, now: str) -> None:
    take(life, WHOLE)
    (problem, *_) = problems(life, DIRECTORY + BEGIN.replace(was, now))
    assert problem.startswith("partnership.0.event.")
    assert "another event is on record here" in problem


def test_an_event_that_was_done_otherwise_meanwhile_is_refused(life: Life) -> None:
    take(life, WHOLE)
    life.at("2025-08-02").do("agree-needs", "staff")
    (problem,) = problems(life, WHOLE + AGREE)
    assert "partnership.0.event.2: another event is on record here" in problem
    assert "agree-needs by staff@example.org" in problem


def test_one_event_that_the_law_does_not_allow_undoes_all_of_it(life: Life) -> None:
    before = life.dump()
    with pytest.raises(Refused) as refused:
        take(life, WHOLE + OPEN)
    assert life.dump() == before
    (unmet,) = refused.value.unmet
    assert (unmet.requirement, unmet.clause) == ("district-agreed-to-needs", "4270.7")
    assert unmet.reason.startswith("ballard-2025, open-selection at 2025-07-10T09:00:00-07:00: ")


def test_an_event_that_is_still_to_come_is_refused(life: Life) -> None:
    (problem,) = problems(life.at("2025-07-08 08:59"), WHOLE)
    assert problem.startswith("partnership.0.event.1.at: 2025-07-08T09:00:00-07:00 is still to come")


def test_a_first_event_that_is_still_to_come_is_named_once(life: Life) -> None:
    found = problems(life.at("2025-07-07 08:59"), WHOLE)
    assert [problem.partition(": ")[0] for problem in found] == [
        "partnership.0.event.0.at", "partnership.0.event.1.at",
    ]  # fmt: skip


def test_another_school_or_title_than_on_record_is_refused_also_without_events(life: Life) -> None:
    take(life, WHOLE)
    bare = WHOLE[: WHOLE.index("    [[partnership.event]]")]
    (problem,) = problems(life, bare.replace("A Lead Partner for Ballard", "Another title"))
    assert "another event is on record here; expected identify-needs by ballard-principal" in problem


def test_what_was_not_possible_at_its_time_is_refused_wherever_it_stands(life: Life) -> None:
    with pytest.raises(
        Refused, match="agree-needs at 2025-07-06T09:00:00-07:00: the statement of needs is not"
    ):
        take(life, WHOLE + AGREE.replace("07-09", "07-06"))


@pytest.mark.parametrize(
    ("was", "now", "place", "said"),
    [
        ('schools = ["ballard"]', 'schools = ["nowhere"]', "person.0.schools",
         "there is no school 'nowhere'"),
        ('school = "ballard"\n', 'school = "nowhere"\n', "partnership.0.school",
         "there is no school 'nowhere'"),
        ('roles = ["principal"]', 'roles = ["principal"]\norganization = "nobody"', "person.0.organization",
         "there is no organization 'nobody'"),
        ('    schools = ["ballard"]\n', "", "person.0.schools", "a principal needs a school"),
        ('roles = ["principal"]', 'roles = ["principal", "lead-partner"]', "person.0.organization",
         "a contact of a Lead Partner needs an organization"),
        ('roles = ["principal"]', 'roles = ["king"]', "person.0.roles.0", "found 'king'"),
        ('as = "ballard-principal@example.org"\n    note', 'as = "stranger@example.org"\n    note',
         "partnership.0.event.1.as", "there is no person 'stranger@example.org'"),
        ('event = "describe-needs"', 'event = "describe"', "partnership.0.event.0.event",
         "there is no event 'describe'"),
        ('qualities = ["patience"], ', "", "partnership.0.event.0.input.qualities", "it is missing"),
        ("2025-07-07T09:00:00-07:00", "2025-07-07T09:00:00", "partnership.0.event.0.at",
         "found 2025-07-07 09:00:00; expected a time with its offset, such as "),
        ("2025-07-07T09:00:00-07:00", "2025-07-07", "partnership.0.event.0.at", "a time with its offset"),
        ("2025-07-07T09:00:00-07:00", '"7 July"', "partnership.0.event.0.at", "a time with its offset"),
        ("2025-07-07T09:00:00-07:00", "0001-01-01T00:00:00+14:00", "partnership.0.event.0.at", "is out of reach"),
        ("2025-07-07T09:00:00-07:00", "9999-12-31T23:59:59-14:00", "partnership.0.event.0.at", "is out of reach"),
        ("invited_on = 2025-07-02", "invited_on = 9999-12-31", "school.0.invited_on", "is out of reach"),
        ('note = "at the school"', 'note = "at\\u0000the school"', "partnership.0.event.1.note", "nobody can read"),
        ('at = "16:15"', "at = 5", "meeting.0.at", "it is not a time of day"),
        ('at = "16:15"', 'at = "16:15Z"', "meeting.0.at", "it is not a time of day"),
        ("invited_on", "invited", "school.0.invited", "there is no such key"),
        ('at = "16:15"', 'at = "a quarter past four"', "meeting.0.at", 'not a time of day; expected'),
        ("on = 2025-07-16", 'on = "16 July"', "meeting.0.on", "not a date"),
        ('email = "ballard-principal@example.org"', 'email = "ballard-principal"', "person.0.email",
         "not an e-mail address"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(life: Life, was: str, now: str, place: str, said: str) -> None:
    assert was in WHOLE
    found = problems(life, WHOLE.replace(was, now))
    assert [problem.partition(":")[0] for problem in found] == [place]
    assert said in found[0]


def test_all_mistakes_of_form_are_named_at_once(life: Life) -> None:
    found = problems(life, WHOLE.replace("invited_on", "invited").replace("kind", "sort") + "[[skool]]\n")
    assert {problem.partition(":")[0] for problem in found} == {"school.0.invited", "skool"}


def test_what_stands_twice_is_named(life: Life) -> None:
    again = DIRECTORY.replace("Ballard School", "Another name") + BEGIN
    assert problems(life, WHOLE + again) == [
        "school.1: ballard stands there twice; expected each school once",
        "person.1: ballard-principal@example.org stands there twice; expected each person once",
        "meeting.1: 2025-07-16 stands there twice; expected each meeting once",
        "partnership.1: ballard-2025 stands there twice; expected each partnership once",
    ]


def test_a_delegate_whom_nobody_knows_is_named(life: Life) -> None:
    person = DIRECTORY.replace('roles = ["principal"]', 'roles = ["principal"]\ndelegate = "x@example.org"')
    (problem,) = problems(life, person)
    assert problem.startswith("person.0.delegate: there is no person 'x@example.org'; expected somebody")


def test_an_input_that_is_malformed_is_named_with_its_place_also_where_it_is_on_record(life: Life) -> None:
    take(life, WHOLE)
    (problem,) = problems(life, WHOLE.replace('qualities = ["patience"], ', ""))
    assert problem.startswith("partnership.0.event.0.input.qualities: it is missing")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[[school]\n", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"school = " + b"9" * 5000, "cannot be read"),
        (b"school = " + b"[" * 5000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_with_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "district.toml").write_bytes(content)
    with pytest.raises(BadInput, match=said):
        district_file.read_file(tmp_path / "district.toml")
    with pytest.raises(BadInput, match="No such file"):
        district_file.read_file(tmp_path / "none.toml")
