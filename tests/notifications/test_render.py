"""Notices as people read them, and what is said about a template that is wrong."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined, UndefinedError

from notifications import filters, markup
from notifications.render import TemplateFailed, TemplateMissing, Templates
from tests.notifications.samples import PACKAGED, SIGN_URL, WORDS, ZONE, context, templates, write

HOSTILE = '<script>alert(1)</script> & "quoted" <img src=x onerror=alert(1)>'


class Outline(HTMLParser):
    """The tags of a document with their attributes, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def with_subject(subject: str) -> str:
    return WORDS.replace("{{ partnership.title }}: the Board approved", subject)


def with_asked(asked: str) -> str:
    return re.sub(r"Please sign.*", lambda _: asked, WORDS)


# What every message carries


def test_the_text_part_tells_everything_in_the_order_people_need_it(tmp_path: Path) -> None:
    text = templates(tmp_path).notice("board-approved", context()).text
    order = [
        "Rainier Beach High School: Family support (LCP-2025-003)",
        "WHAT HAPPENED\n\nOn Wednesday, November 19, 2025 the Board approved $250,000.00",
        "WHAT YOU ARE ASKED TO DO\n\nPlease sign the agreement.",
        "BY WHEN\n\nFriday, November 28, 2025, 5:00 p.m. PST\nThe agreement is to be signed\n",
        f"HOW\n\nSign the agreement:\n  {SIGN_URL}\n\nAdd a note:\n  Reply with the word NOTE.\n",
        "MORE\n\nThe vote was unanimous.",
        "WHERE THE PARTNERSHIP STANDS\n\nNeeds identified > Open selection > Board review > [Active:",
        "WHY YOU GET THIS\n\nSchool Principal, you get this message as principal of",
        "-- \nPartnership Office, Example Public Schools\noffice@example.org\n206-555-0100\n",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_the_html_part_has_the_same_sections_in_the_same_order(tmp_path: Path) -> None:
    html = templates(tmp_path).notice("board-approved", context()).html
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", html) == [
        *("What happened", "What you are asked to do", "By when", "How", "More"),
        *("Where the partnership stands", "Why you get this"),
    ]
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", html) == ["Family support"]


def test_a_date_at_night_in_utc_is_told_as_the_day_it_is_in_the_district(tmp_path: Path) -> None:
    assert "Wednesday, November 19, 2025" in templates(tmp_path).notice("board-approved", context()).html


def test_what_was_due_is_told_as_overdue(tmp_path: Path) -> None:
    late = {**context()["deadline"], "overdue": True, "kind": "escalate"}
    rendered = templates(tmp_path).notice("board-approved", context(deadline=late))
    assert (
        "Overdue since Friday, November 28, 2025, 5:00 p.m. PST\nThe agreement is to be signed"
        in rendered.text
    )
    assert "Overdue since Friday, November 28, 2025, 5:00 p.m. PST</strong>" in rendered.html


def test_a_delegate_reads_for_whom_they_act_first_of_all(tmp_path: Path) -> None:
    rendered = templates(tmp_path).notice("board-approved", context(delegate_for="Assistant Principal"))
    assert rendered.text.startswith("For Assistant Principal, who is away. You were named to act")
    assert "in place of Assistant Principal." in " ".join(rendered.text.split())
    assert rendered.html.index("For Assistant Principal, who is away") < rendered.html.index("What happened")


def test_a_notice_that_asks_for_nothing_says_so(tmp_path: Path) -> None:
    rendered = templates(tmp_path, with_asked("")).notice("board-approved", context(offers=[], deadline=None))
    assert "WHAT YOU ARE ASKED TO DO\n\nNothing. This is for your information.\n" in rendered.text
    assert "Nothing. This is for your information." in rendered.html
    assert "BY WHEN" not in rendered.text
    assert "By when" not in rendered.html


def test_a_notice_that_only_offers_something_says_what_can_be_done(tmp_path: Path) -> None:
    rendered = templates(tmp_path, with_asked("")).notice("board-approved", context())
    assert "WHAT YOU CAN DO\n\nSign the agreement:" in rendered.text
    assert "What you can do</h2>" in rendered.html
    assert "asked to do" not in rendered.html


def test_a_notice_about_no_single_partnership_leaves_its_parts_out(tmp_path: Path) -> None:
    words = with_subject("Your day")
    rendered = templates(tmp_path, words).notice("board-approved", context(partnership=None, standing=[]))
    assert rendered.text.startswith("WHAT HAPPENED")
    assert "stands" not in rendered.html
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", rendered.html) == ["Your day"]


def test_a_notice_may_have_no_more_to_say(tmp_path: Path) -> None:
    words = WORDS[: WORDS.index("{% block more %}")]
    rendered = templates(tmp_path, words).notice("board-approved", context())
    assert "MORE" not in rendered.text
    assert "More" not in rendered.html


# On paper and on a phone


def test_text_lines_stay_within_72_columns_and_no_address_is_broken(tmp_path: Path) -> None:
    text = templates(tmp_path).notice("board-approved", context()).text
    assert f"  {SIGN_URL}\n" in text
    assert "https://partners.example.org/agreement?of=3&page=1." in text
    assert all(len(line) <= 72 for line in text.splitlines() if "https://" not in line)


def test_no_state_is_broken_over_two_lines(tmp_path: Path) -> None:
    text = templates(tmp_path).notice("board-approved", context()).text
    for label in ("Needs identified", "Open selection", "Board review", "[Active: now]", "Annual review"):
        assert label in text


def test_the_html_part_is_one_narrow_column_without_images_tables_or_scripts(tmp_path: Path) -> None:
    html = templates(tmp_path).notice("board-approved", context()).html
    outline = Outline(html)
    assert not {"img", "table", "script", "link", "iframe"} & {tag for tag, _ in outline.tags}
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in outline.named("meta")
    style = outline.named("div")[0]["style"] or ""
    assert "max-width: 600px" in style
    assert "font: 16px/1.5" in style


def test_the_html_part_can_be_listened_to(tmp_path: Path) -> None:
    outline = Outline(templates(tmp_path).notice("board-approved", context()).html)
    assert outline.named("html") == [{"lang": "en"}]
    assert outline.named("ol")[0]["role"] == "list"  # list-style: none takes it away in Safari
    assert [step["aria-current"] for step in outline.named("li") if "aria-current" in step] == ["step"]


def test_buttons_are_large_enough_for_a_thumb(tmp_path: Path) -> None:
    outline = Outline(templates(tmp_path).notice("board-approved", context()).html)
    button = next(link for link in outline.named("a") if link.get("class") == "button")
    assert button["href"] == SIGN_URL
    height = re.search(r"min-height: (\d+)px", button["style"] or "")
    assert height is not None
    assert int(height[1]) >= 44


def test_every_pair_of_colours_has_the_contrast_that_wcag_aa_asks_for() -> None:
    source = (PACKAGED / "email" / "layout.html.j2").read_text(encoding="utf-8")
    pairs = re.findall(r"[{;\s]color: (#\w{6})[^;]*; background-color: (#\w{6})", source)
    assert len(pairs) == source.count("background-color: ")
    for colour, ground in pairs:
        light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (colour, ground)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# What people typed stays text


def test_nothing_a_person_typed_becomes_markup(tmp_path: Path) -> None:
    hostile = context(
        why=HOSTILE,
        delegate_for=HOSTILE,
        partnership={**context()["partnership"], "title": HOSTILE, "school_name": HOSTILE},
        facts={"agreement": {"amount": 1, "partner": HOSTILE}, "goals": [HOSTILE]},
        person={"name": HOSTILE, "email": "principal@example.org", "role": "principal"},
        offers=[{"event": "x", "label": HOSTILE, "url": None, "help": HOSTILE, "words": []}],
    )
    html = templates(tmp_path).notice("board-approved", hostile).html
    assert not {"script", "img"} & {tag for tag, _ in Outline(html).tags}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://example.org/ x", 'https://e.org/"x', "ftp://e.org"]
)
def test_an_offer_leads_to_a_web_or_mail_address_only(tmp_path: Path, url: str) -> None:
    offers = [{"event": "x", "label": "Answer", "url": url, "help": "", "words": []}]
    with pytest.raises(TemplateFailed, match="an address that starts with https://"):
        templates(tmp_path).notice("board-approved", context(offers=offers))


@settings(deadline=None)
@given(st.text())
def test_any_text_at_all_becomes_html_that_reads_the_same(text: str) -> None:
    html = str(markup.paragraphs(text))
    assert {tag for tag, _ in Outline(html).tags} <= {"p", "ul", "li", "a"}
    assert "".join(markup.wrapped(text).split()).replace("-", "") == (
        "".join(re.sub(r"<[^>]*>", " ", html).split())
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#34;", '"')
        .replace("&#39;", "'")
        .replace("&amp;", "&")
        .replace("-", "")
    )


def test_paragraphs_and_lists_are_told_from_blank_lines_and_dashes() -> None:
    source = "One line\nand its second.\n\nA list:\n- first\n  goes on\n- second\nAfter it."
    assert markup.read(source) == [
        markup.Paragraph("One line and its second."),
        markup.Paragraph("A list:"),
        markup.Bullets(("first goes on", "second")),
        markup.Paragraph("After it."),
    ]
    assert markup.wrapped(source).endswith("A list:\n\n- first goes on\n- second\n\nAfter it.")


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("see https://example.org/a.", "https://example.org/a"),
        ("(https://example.org/a_(b)),", "https://example.org/a_(b)"),
        ("https://example.org/?a=1&b=2", "https://example.org/?a=1&amp;b=2"),
    ],
)
def test_web_addresses_are_linked_without_the_punctuation_after_them(text: str, linked: str) -> None:
    assert re.findall(r'href="([^"]*)"', markup.linked(text)) == [linked]


def test_control_characters_and_reversed_writing_are_taken_out() -> None:
    assert markup.cleaned("a\x00b\x1b[31m\u202ec\r\nd\te") == "ab[31mc\nd e"


# Subjects


def test_a_subject_is_one_line_whatever_goes_into_it(tmp_path: Path) -> None:
    title = "Family\r\nBcc: everyone@example.org\t  support\x00"
    found = templates(tmp_path).subject(
        "board-approved", context(partnership={**context()["partnership"], "title": title})
    )
    assert found == "Family Bcc: everyone@example.org support: the Board approved"


def test_a_subject_is_not_escaped_as_html(tmp_path: Path) -> None:
    assert (
        templates(tmp_path, with_subject("Arts & Crafts")).subject("board-approved", context())
        == "Arts & Crafts"
    )


def test_an_empty_subject_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateFailed, match="the subject is empty; expected a line of words"):
        templates(tmp_path, with_subject(" ")).subject("board-approved", context())


# Folders and files


def test_the_districts_own_file_hides_the_packaged_one(tmp_path: Path) -> None:
    write(tmp_path / "packaged", "board-approved.j2", WORDS)
    write(tmp_path / "packaged", "report-due.j2", WORDS)
    write(tmp_path / "district", "board-approved.j2", with_subject("Ours"))
    found = Templates([tmp_path / "district", tmp_path / "packaged", PACKAGED], ZONE)
    assert found.subject("board-approved", context()) == "Ours"
    assert found.subject("report-due", context()) == "Family support: the Board approved"
    assert {"board-approved", "report-due"} <= set(found.names())


def test_layouts_are_not_notices(tmp_path: Path) -> None:
    assert not [name for name in templates(tmp_path).names() if name.startswith("layout")]


def test_a_notice_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(TemplateMissing, match=r"no notice 'board-aproved'.*there are: .*board-approved"):
        templates(tmp_path).notice("board-aproved", context())


@pytest.mark.parametrize("name", ["../secrets", "layout.txt", "/etc/passwd"])
def test_a_name_can_not_lead_out_of_the_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(TemplateMissing):
        templates(tmp_path).notice(name, context())


def test_many_threads_render_the_same_thing(tmp_path: Path) -> None:
    shared = templates(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: shared.notice("board-approved", context()), range(64)))
    assert len(set(made)) == 1


# What is wrong with a template


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
        (WORDS.replace("event.note", "zzz"), 14, "there is nothing called 'zzz'", "one of: deadline"),
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


# Filters


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("day", date(2025, 11, 19), "Wednesday, November 19, 2025"),
        ("day", "2025-11-19", "Wednesday, November 19, 2025"),
        ("day", datetime(2025, 11, 20, 2, 30, tzinfo=UTC), "Wednesday, November 19, 2025"),
        ("day", "2025-11-20T02:30:00+00:00", "Wednesday, November 19, 2025"),
        ("when", "2025-11-29T01:00:00Z", "Friday, November 28, 2025, 5:00 p.m. PST"),
        ("when", datetime(2025, 7, 1, 16, 5, tzinfo=UTC), "Tuesday, July 1, 2025, 9:05 a.m. PDT"),
        ("when", datetime(2025, 7, 2, 7, 0, tzinfo=UTC), "Wednesday, July 2, 2025, 12:00 a.m. PDT"),
        ("when", datetime(2025, 7, 1, 19, 0, tzinfo=UTC), "Tuesday, July 1, 2025, 12:00 p.m. PDT"),
        ("money", 25_000_000, "$250,000.00"),
        ("money", 5, "$0.05"),
        ("money", -150, "-$1.50"),
        ("words", "needs-identified", "needs identified"),
        ("words", "school_community", "school community"),
        ("listing", ["a", "b", "c"], "a, b and c"),
        ("listing", ("a", "b"), "a and b"),
        ("listing", ["a"], "a"),
        ("listing", [], "none"),
        ("listing", [1, 2], "1 and 2"),
    ],
)
def test_filters_write_as_people_do(name: str, value: Any, expected: str) -> None:
    assert filters.filters_for(ZONE)[name](value) == expected


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("day", None, r"day: expected a date such as 2025-11-19, got nothing \(None\)"),
        ("day", "next week", r"day: expected a date such as 2025-11-19, got 'next week' \(str\)"),
        ("day", 20251119, r"got 20251119 \(int\)"),
        ("day", datetime(2025, 11, 19), "day: expected a time with its zone"),
        ("when", "2025-11-19", "a date alone has no time, use the filter `day`"),
        ("when", date(2025, 11, 19), "when: expected a time such as"),
        ("when", "2025-11-19T17:00:00", "when: expected a time with its zone"),
        ("when", 5, "when: expected a time such as"),
        ("money", 2500.0, "money: expected a whole number of cents such as 25000000, got 2500.0"),
        ("money", "2500", "money: expected a whole number"),
        ("money", True, "money: expected a whole number"),
        ("words", 3, "words: expected a name such as 'needs-identified'"),
        ("listing", "abc", "listing: expected a list such as"),
        ("listing", {"a": 1}, "listing: expected a list such as"),
        ("listing", ["a", None], r"listing: expected a list of texts, found nothing \(None\) in it"),
    ],
)
def test_filters_say_what_they_take_when_given_something_else(name: str, value: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        filters.filters_for(ZONE)[name](value)


@pytest.mark.parametrize("name", ["day", "when", "money", "words", "listing"])
def test_filters_given_something_missing_say_what_is_missing(name: str) -> None:
    with pytest.raises(UndefinedError, match="amount"):
        filters.filters_for(ZONE)[name](StrictUndefined(name="amount"))
