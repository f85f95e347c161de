"""A Word document has the words of its page, with headings, a title, a language and tables to be read aloud."""

from __future__ import annotations

import builtins
import io
import re
import sys
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn

from tests.support.district import Begin
from tests.support.facts import START
from tests.support.visitor import words
from workflow.procedure.config import ConfigError
from workflow.publishing import packet
from workflow.publishing.word import to_docx

PAGE = """<!doctype html><html lang="en-US"><head><title>A draft</title><style>p {{ color: red }}</style></head>
<body><main><h1>Report</h1>{}</main></body></html>"""


def opened(html: str) -> Any:
    return docx.Document(io.BytesIO(to_docx(html, START)))


def of(body: str) -> Any:
    return opened(PAGE.format(body))


def paragraphs(document: Any) -> list[tuple[str, str]]:
    return [(each.style.name, each.text) for each in document.paragraphs if each.text]


def test_headings_lists_and_terms_have_their_styles() -> None:
    document = of(
        "<h2>1. Title</h2>\n<p>One\n  line.<br>Two</p><h3>Needs</h3><ul><li>a</li><li><p>b</p></li></ul>"
        "<dl><dt>Date</dt><dd>today</dd></dl>"
    )
    assert paragraphs(document) == [
        ("Title", "Report"), ("Heading 1", "1. Title"), ("Normal", "One line.\nTwo"), ("Heading 2", "Needs"),
        ("List Bullet", "a"), ("List Bullet", "b"), ("Normal", "Date"), ("Normal", "today"),
    ]  # fmt: skip


def test_the_document_says_its_title_its_language_and_when_it_was_made() -> None:
    document = of("<p>x</p>")
    about = document.core_properties
    assert (about.title, about.language, about.author, about.comments) == ("A draft", "en-US", "", "")
    assert about.created.isoformat() == "2025-07-07T16:00:00+00:00"
    (language,) = document.styles.element.xpath("w:docDefaults/w:rPrDefault/w:rPr/w:lang")
    assert language.get(qn("w:val")) == "en-US"
    assert document.sections[0].footer.paragraphs[0].text == "A draft, page "
    assert document.sections[0].footer._element.xpath(".//w:fldSimple/@w:instr") == ["PAGE"]


def test_a_table_has_a_header_row_that_repeats_and_its_caption_as_description() -> None:
    table = "<table><caption>Terms</caption><thead><tr><th>Term</th><th>Now</th></tr></thead>"
    document = of(table + "<tbody><tr><th>Amount</th><td><code>a</code> b<p>c</p></td></tr></tbody></table>")
    assert ("Caption", "Terms") in paragraphs(document)
    (made,) = document.tables
    assert [[cell.text for cell in row.cells] for row in made.rows] == [["Term", "Now"], ["Amount", "a b\nc"]]
    assert made._tbl.xpath("w:tblPr/w:tblCaption/@w:val") == ["Terms"]
    assert [bool(row._tr.xpath("w:trPr/w:tblHeader")) for row in made.rows] == [True, False]
    assert made.rows[1].cells[0].paragraphs[0].runs[0].bold


def test_a_place_for_staff_is_bold_and_highlighted() -> None:
    (run,) = [
        run for each in of("<p>x <mark>[Staff: y]</mark> z</p>").paragraphs for run in each.runs if run.bold
    ]
    assert (run.text, run.font.highlight_color.name) == ("[Staff: y]", "YELLOW")


def test_what_xml_cannot_hold_is_left_out_and_other_letters_stay() -> None:
    assert (
        paragraphs(of("<p>a\x0bb\x00 ትምህርት &lt;b&gt; Nguyễn 西 😀</p>"))[1][1] == "ab ትምህርት <b> Nguyễn 西 😀"
    )


def test_an_element_that_word_is_not_given_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigError, match=r"templates/packet: <img> has no place"):
        of('<p><img src="x"></p>')


@pytest.mark.parametrize("station", ["scheduled", "introduced", "renewal"])
def test_the_packet_in_word_has_every_word_of_its_page(begin: Begin, station: str) -> None:
    life = begin(station)
    with life.system.reading() as session:
        made = packet.write_packet(session, life.record, life.now)
    document = docx.Document(io.BytesIO(packet.make_file(made, "docx", life.now)))
    texts = [each.text for each in document.element.body.iter(qn("w:t"))]
    squeezed = re.sub(r"\s", "", "".join(texts))
    assert squeezed == re.sub(r"\s", "", words(made.html))
    assert next(each.text for each in document.paragraphs if each.style.name == "Heading 1") == "1. Title"


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def missing(name: str, *more: Any) -> Any:
        if name == "docx":
            raise ImportError("no module named docx")
        return imported(name, *more)

    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.delitem(sys.modules, "docx", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'lead-community-partners\[documents\]'"):
        to_docx(PAGE.format(""), START)
