"""A PDF is made for a screen reader too, draws each letter of the district's languages, and has no empty box."""

import builtins
import io
import sys
import unicodedata

import pypdf
import pytest

from workflow.publishing import pdf

FIGURE = '<svg width="90" height="30"><title>Two of three</title><text y="20">ሁለት</text></svg>'
ROWS = "".join(f'<tr><th scope="row">{year}</th><td>{year * 2}</td></tr>' for year in range(1000, 1080))
PAGE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The year 2027</title>
<style>@page {{ @bottom-right {{ content: counter(page) }} }}</style></head><body>
<h1>The year 2027</h1><p>Trường Nguyễn Thị Hường, አማርኛ ትምህርት ቤት, 西雅图公立学校</p>
<h2>Numbers</h2><figure>{FIGURE}</figure>
<table><caption>Values</caption><thead><tr><th>Year</th><th>Value</th></tr></thead><tbody>{ROWS}</tbody></table>
</body></html>"""


def read(content):
    return pypdf.PdfReader(io.BytesIO(content))


def elements_of(reader):
    """Yield each element of the structure tree, in the order in which a screen reader has them."""

    def walk(element):
        yield element
        kids = element.get("/K", [])
        for kid in kids if isinstance(kids, list) else [kids]:
            if isinstance(kid := kid.get_object(), dict) and "/S" in kid:
                yield from walk(kid)

    for kid in reader.root_object["/StructTreeRoot"]["/K"]:
        yield from walk(kid.get_object())


@pytest.fixture(scope="module")
def made():
    return read(pdf.to_pdf(PAGE))


def test_it_says_its_title_its_language_and_that_it_is_tagged(made):
    root = made.root_object
    assert made.metadata.title == "The year 2027"
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    xmp = root["/Metadata"].get_data().decode()
    assert "pdfuaid:part>1<" in xmp or 'pdfuaid:part="1"' in xmp
    assert all(page["/Tabs"] == "/S" for page in made.pages)


def test_headings_are_tagged_and_have_bookmarks(made):
    assert [each["/S"] for each in elements_of(made) if each["/S"] in ("/H1", "/H2")] == ["/H1", "/H2"]
    outline = made.outline
    assert outline[0].title == "The year 2027"
    assert outline[1][0].title == "Numbers"


def test_a_figure_has_its_text_and_its_place_on_the_page(made):
    (figure,) = [each for each in elements_of(made) if each["/S"] == "/Figure"]
    assert figure["/Alt"] == "Two of three"
    left, bottom, right, top = figure["/A"]["/BBox"]
    page = made.pages[0].mediabox
    assert (right - left, top - bottom) == (90 * 0.75, 30 * 0.75)
    # It stands in the upper half of the page, below the heading.
    assert page.height / 2 < bottom < top < page.height - 50


def test_a_table_repeats_its_header_and_names_the_scope_of_each(made):
    tables = [each for each in elements_of(made) if each["/S"] == "/Table"]
    assert len(tables) == len(made.pages) > 1
    for page in made.pages:
        assert "Year Value" in page.extract_text()
    scopes = [each["/A"]["/Scope"] for each in elements_of(made) if each["/S"] == "/TH"]
    assert scopes.count("/Column") == 2 * len(tables)
    assert scopes.count("/Row") == 80


def test_page_numbers_are_not_read_as_content(made):
    for number, page in enumerate(made.pages):
        content = page.get_contents().get_data().decode("latin-1")
        assert content.count("/Artifact\n<</Type /Pagination>>\nBDC") == 1
        # Every other text belongs to an element of the tree.
        parents = made.root_object["/StructTreeRoot"]["/ParentTree"]["/Nums"][2 * number + 1]
        in_tree = {id(each.get_object()) for each in elements_of(made)}
        assert sum(each.get_object() is None or id(each.get_object()) not in in_tree for each in parents) == 1


def test_every_letter_is_drawn_and_can_be_read_back(made):
    text = unicodedata.normalize("NFC", made.pages[0].extract_text())
    for words in ("Trường Nguyễn Thị Hường", "አማርኛ ትምህርት ቤት", "西雅图公立学校", "ሁለት"):
        assert words in text


def test_every_font_is_embedded(made):
    fonts = {
        id(font.get_object()): font.get_object() for font in made.pages[0]["/Resources"]["/Font"].values()
    }
    assert len(fonts) >= 3
    for font in fonts.values():
        descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_letters_in_pieces_are_one_letter(made):
    pieces = unicodedata.normalize("NFD", "Nguyễn Thị Hường")
    text = read(pdf.to_pdf(PAGE.replace("Nguyễn Thị Hường", pieces))).pages[0].extract_text()
    assert "Nguyễn Thị Hường" in unicodedata.normalize("NFC", text)


def test_a_letter_without_a_font_is_named_with_its_package(monkeypatch, tmp_path):
    few = tmp_path / "fonts.conf"
    few.write_text("<fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(few))
    with pytest.raises(pdf.CannotDraw) as refused:
        pdf.to_pdf(PAGE.replace("አማርኛ ትምህርት ቤት", "አ"))
    ethiopic, chinese = refused.value.problems
    assert ethiopic.expected == "on Debian: apt install fonts-noto-core"
    assert "አ (U+12A0)" in ethiopic.problem
    assert chinese.expected == "on Debian: apt install fonts-noto-cjk"
    assert "西 (U+897F)" in chinese.problem


def test_each_script_has_its_package():
    problems = pdf.explain_missing_glyphs("西雅西አ한か")
    assert [each.expected for each in problems] == [
        "on Debian: apt install fonts-noto-core",
        "on Debian: apt install fonts-noto-cjk",
    ]
    assert problems[0].problem == "no font on this machine can draw አ (U+12A0)"
    assert problems[1].problem.count("U+") == 4
    assert pdf.explain_missing_glyphs(map(chr, range(0x4E00, 0x4E20)))[0].problem.endswith(" and 20 more")
    assert "fonts-noto-color-emoji" in pdf.explain_missing_glyphs("\U0001f389")[0].expected


def test_a_character_that_no_font_can_have_does_not_block_the_document():
    text = read(pdf.to_pdf(PAGE.replace("Numbers", "Num\ue000bers"))).pages[0].extract_text()
    assert "Num\ufffdbers" in text


def test_nothing_is_fetched(tmp_path):
    secret = tmp_path / "secret.css"
    secret.write_text("h1::after { content: 'from outside' }")
    page = PAGE.replace("<style>", f'<link rel="stylesheet" href="{secret.as_uri()}"><style>')
    assert "from outside" not in read(pdf.to_pdf(page)).pages[0].extract_text()


@pytest.mark.parametrize(("part", "without"), [(' lang="en"', ""), ("<title>The year 2027</title>", "")])
def test_a_page_without_title_or_language_is_refused(part, without):
    with pytest.raises(ValueError, match="needs a title and a language"):
        pdf.to_pdf(PAGE.replace(part, without))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ImportError("No module named 'weasyprint'"), "lead-community-partners[documents]"),
        (OSError("cannot load library 'libpango-1.0-0'\nand more"), "apt install libpango-1.0-0"),
    ],
)
def test_what_is_missing_is_named(monkeypatch, error, expected):
    whole = builtins.__import__

    def without(name, *rest):
        if name.startswith("weasyprint"):
            raise error
        return whole(name, *rest)

    for name in [each for each in sys.modules if each.startswith("weasyprint")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(pdf.CannotDraw) as refused:
        pdf.to_pdf(PAGE)
    (problem,) = refused.value.problems
    assert expected in problem.expected
    assert "\n" not in problem.problem
