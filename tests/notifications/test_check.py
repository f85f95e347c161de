"""What is said about a template that is wrong: the file, the line, and what would be right."""

from pathlib import Path

import pytest

from notifications.render import TemplateFailed, Templates
from tests.support.samples import PACKAGED, WORDS, ZONE, context, templates, write


def test_the_packaged_templates_have_no_problems(tmp_path: Path) -> None:
    assert templates(tmp_path).problems() == []
    assert templates(tmp_path).problems_with("board-approved", context()) is None


@pytest.mark.parametrize(
    ("words", "line", "problem", "expected"),
    [
        (WORDS.replace("{% endfor %}", ""), 9, "Encountered unknown tag 'endblock'", "correct Jinja"),
        (WORDS.replace("|money", "|mony"), 3, "there is no filter 'mony'", "perhaps 'money'"),
        (WORDS.replace("block more", "block mor"), 13, "there is no block 'mor'", "perhaps 'more'"),
        (WORDS.replace("block asked", "block subject"), None, "the block 'asked' is missing", "block asked"),
        (
            WORDS + "\nKind regards",
            17,
            "this stands outside the blocks",
            "the blocks subject, happened, asked",
        ),
        (WORDS.replace("event.note", "evnt.note"), 14, "there is nothing called 'evnt'", "perhaps 'event'"),
        (WORDS.replace("event.note", "zzz"), 14, "there is nothing called 'zzz'", "one of: changes"),
        (WORDS + "{% block more %}{% endblock %}", 16, "block 'more' defined twice", "correct Jinja"),
        (
            WORDS.replace("{{ event.note }}", "{% if event is sweet %}x{% endif %}"),
            14,
            "there is no test 'sweet'",
            "one of: ",
        ),
    ],
)
def test_a_wrong_template_is_told_with_its_file_line_and_remedy(
    tmp_path: Path, words: str, line: int | None, problem: str, expected: str
) -> None:
    found = templates(tmp_path, words).problems()
    told = next(each for each in found if problem in each.problem)
    assert told.file == str(tmp_path / "email" / "board-approved.j2")
    assert expected in told.expected
    if line is not None:
        assert told.line == line
        assert str(told).startswith(f"{told.file}, line {line}: ")


def test_a_value_set_outside_the_blocks_would_be_lost_and_is_told(tmp_path: Path) -> None:
    (told,) = templates(tmp_path, "{% set who = 'x' %}\n" + WORDS).problems()
    assert (told.line, told.problem) == (1, "this stands outside the blocks and would never be sent")


def test_further_context_names_can_be_allowed(tmp_path: Path) -> None:
    found = templates(tmp_path, WORDS.replace("event.note", "moved"))
    assert [each.problem for each in found.problems()] == ["there is nothing called 'moved'"]
    assert found.problems(also={"moved"}) == []


def test_a_missing_layout_is_told(tmp_path: Path) -> None:
    write(tmp_path, "board-approved.j2", WORDS)
    alone = Templates([tmp_path], ZONE)
    assert [(each.file, each.problem) for each in alone.problems()] == [
        ("email/layout.txt.j2", "the layout is missing"),
        ("email/layout.html.j2", "the layout is missing"),
    ]
    told = alone.problems_with("board-approved", context())
    assert told is not None
    assert told.problem == "the file is missing"


def test_a_file_name_that_is_no_name_for_a_notice_is_told(tmp_path: Path) -> None:
    write(tmp_path, "Board Approved (copy).j2", WORDS)
    found = templates(tmp_path)
    assert [each.problem for each in found.problems()] == ["this is not a name for a notice"]
    assert "Board Approved (copy)" not in found.names()


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    found = templates(tmp_path)
    (tmp_path / "email" / "board-approved.j2").write_bytes(WORDS.encode() + b"{# \xe9 #}")
    assert [each.expected for each in found.problems()] == ["a file in UTF-8"]
    told = found.problems_with("board-approved", context())
    assert told is not None
    assert told.expected == "a file in UTF-8"


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("facts.agrement.amount", "there is no 'agrement' here; there is: agreement, goals"),
        ("facts.goals|money", "money: expected a whole number of cents"),
        ("1 // 0", "integer division or modulo by zero"),
        ("facts.__class__.__mro__", "access to attribute '__class__' of 'dict' object is unsafe"),
        ("facts.goals.append('x')", "access to attribute 'append' of 'list' object is unsafe"),
        ("nonsense", "there is nothing called 'nonsense' in the notice context"),
    ],
)
def test_what_fails_in_rendering_is_told_with_its_line(tmp_path: Path, expression: str, problem: str) -> None:
    found = templates(tmp_path, WORDS.replace("event.note", expression))
    told = found.problems_with("board-approved", context())
    assert told is not None
    assert (told.file, told.line) == (str(tmp_path / "email" / "board-approved.j2"), 14)
    assert problem in told.problem
    with pytest.raises(TemplateFailed) as failed:
        found.notice("board-approved", context())
    assert failed.value.problem == told


def test_what_fails_in_a_layout_names_the_layout(tmp_path: Path) -> None:
    told = templates(tmp_path).problems_with("board-approved", context(office={"name": "Office"}))
    assert told is not None
    assert told.file == str(PACKAGED / "email" / "layout.txt.j2")
    assert told.line is not None
    assert "there is no 'email' here; there is: name" in told.problem


def test_a_syntax_error_or_missing_notice_is_a_problem_of_the_sample_too(tmp_path: Path) -> None:
    found = templates(tmp_path, WORDS.replace("{% endfor %}", ""))
    broken, absent = (found.problems_with(name, context()) for name in ("board-approved", "absent"))
    assert broken is not None
    assert broken.file == str(tmp_path / "email" / "board-approved.j2")
    assert absent is not None
    assert "no notice 'absent'" in absent.problem


def test_a_missing_block_is_a_failure_of_rendering_too(tmp_path: Path) -> None:
    told = templates(tmp_path, "{% block subject %}x{% endblock %}").problems_with(
        "board-approved", context()
    )
    assert told is not None
    assert told.problem == "the block 'happened' is missing"


def test_a_fact_may_be_called_as_a_method_of_dictionaries_is(tmp_path: Path) -> None:
    found = templates(tmp_path, WORDS.replace("event.note", "facts['goals'][0] ~ ' ' ~ facts.items"))
    facts = {**context()["facts"], "items": "three items"}
    assert "three items" in found.notice("board-approved", context(facts=facts)).text


LAYOUT = "{{ happened }}{{ asked }}{{ more }}{{ deadline }}{% for one in offers %}{% endfor %}{{ digest }}"


def test_a_layout_that_leaves_out_what_a_message_must_say_is_told(tmp_path: Path) -> None:
    write(tmp_path, "layout.txt.j2", LAYOUT.replace("{{ asked }}", "").replace("offers", "replies"))
    told = templates(tmp_path).problems()
    assert [(each.file, each.problem.partition(":")[0]) for each in told] == [
        (str(tmp_path / "email" / "layout.txt.j2"), "no message would say 'asked'"),
        (str(tmp_path / "email" / "layout.txt.j2"), "no message would say 'offers'"),
    ]


def test_a_layout_may_say_it_in_a_file_that_it_includes(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "asked.j2").write_text("{{ asked }}")
    write(tmp_path, "layout.txt.j2", LAYOUT.replace("{{ asked }}", "{% include 'parts/asked.j2' %}"))
    assert templates(tmp_path).problems() == []
