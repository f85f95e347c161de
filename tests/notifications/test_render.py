"""Notices as people read them."""

import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications import markup
from notifications.render import TemplateFailed, TemplateMissing, Templates
from tests.support.samples import PACKAGED, SIGN_URL, WORDS, ZONE, context, templates, write

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
        "WHAT HAPPENED\n\nOn Wednesday, November 19, 2025 the Board approved $250,000.00",
        "WHAT YOU ARE ASKED TO DO\n\nPlease sign the agreement.",
        "BY WHEN\n\nFriday, November 28, 2025, 5:00 p.m. PST\nThe agreement is to be signed\n",
        f"HOW\n\nSign the agreement:\n  {SIGN_URL}\n\nAdd a note:\n  Reply with the word NOTE.\n",
        "MORE\n\nThe vote was unanimous.",
        "WHERE THE PARTNERSHIP STANDS\n\nFamily support (LCP-2025-003)\n\nNeeds identified > Open selection > ",
        "WHY YOU GET THIS\n\nSchool Principal, you get this message as principal of",
        "-- \nPartnership Office, Example Public Schools\noffice@example.org\n206-555-0100\n",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_the_first_line_says_what_happened_and_not_the_title_again(tmp_path: Path) -> None:
    rendered = templates(tmp_path).notice("board-approved", context())
    said = "On Wednesday, November 19, 2025 the Board approved"
    assert rendered.text.startswith(f"WHAT HAPPENED\n\n{said}")
    body = rendered.html.partition("<body")[2].partition(">")[2]
    shown = " ".join(re.sub(r"<[^>]+>", " ", body).split())
    assert shown.startswith(said)
    assert shown.count("Family support") == 1
    assert rendered.subject not in shown


def test_a_long_name_of_a_school_is_cut_in_a_subject_and_nothing_else(tmp_path: Path) -> None:
    school = "The International School of Languages, Sciences and Arts at the Old Harbor"
    asked = "Please score 12 applications by September 30"
    words = with_subject(asked + ", {{ partnership.school_name }}")
    place = {**context()["partnership"], "school_name": school}
    rendered = templates(tmp_path, words).notice("board-approved", context(partnership=place))
    assert rendered.subject == f"{asked}, The International School of Lan…"
    assert len(rendered.subject) <= 78


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


def test_what_is_due_at_midnight_is_due_at_the_end_of_the_day_before(tmp_path: Path) -> None:
    midnight = {**context()["deadline"], "due_at": "2025-11-29T00:00:00-08:00"}
    rendered = templates(tmp_path).notice("board-approved", context(deadline=midnight))
    assert "BY WHEN\n\nAt the end of Friday, November 28, 2025\nThe agreement is" in rendered.text
    assert "<strong>At the end of Friday, November 28, 2025</strong>" in rendered.html
    overdue = templates(tmp_path).notice("board-approved", context(deadline=midnight | {"overdue": True}))
    assert "BY WHEN\n\nOverdue since the end of Friday, November 28, 2025\n" in overdue.text


def test_a_delegate_reads_for_whom_they_act_first_of_all(tmp_path: Path) -> None:
    rendered = templates(tmp_path).notice("board-approved", context(delegate_for="Assistant Principal"))
    assert rendered.text.startswith("For Assistant Principal, who is away. You act in their place")
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
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", rendered.html) == ["What happened"]


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


@pytest.mark.promise("text-stays-text")
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
    html = str(markup.make_html(text))
    assert {tag for tag, _ in Outline(html).tags} <= {"p", "ul", "li", "a"}
    assert "".join(markup.wrap(text).split()).replace("-", "") == (
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
    assert markup.wrap(source).endswith("A list:\n\n- first goes on\n- second\n\nAfter it.")


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("see https://example.org/a.", "https://example.org/a"),
        ("(https://example.org/a_(b)),", "https://example.org/a_(b)"),
        ("https://example.org/?a=1&b=2", "https://example.org/?a=1&amp;b=2"),
    ],
)
def test_web_addresses_are_linked_without_the_punctuation_after_them(text: str, linked: str) -> None:
    assert re.findall(r'href="([^"]*)"', markup.link_addresses(text)) == [linked]


def test_control_characters_and_reversed_writing_are_taken_out() -> None:
    assert markup.clean("a\x00b\x1b[31m\u202ec\r\nd\te") == "ab[31mc\nd e"


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
