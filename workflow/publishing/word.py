"""Makes a Word document (Office Open XML, ISO/IEC 29500) from a page of plain HTML, so that its words stand once.

The page may have headings, paragraphs, lists, descriptions, tables and a few marks within a line. Anything else is
refused by its name: a part that was left out silently would be missed by nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO
from typing import TYPE_CHECKING, Any

from states.errors import Problem
from workflow.procedure.config import ConfigError

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Cell
    from docx.text.paragraph import Paragraph as WordParagraph

# The styles of Word's own template. Word and screen readers know its headings by their names.
_STYLES = {
    "h1": "Title", "h2": "Heading 1", "h3": "Heading 2", "p": "Normal", "li": "List Bullet", "dt": "Normal",
    "dd": "Normal", "caption": "Caption",
}  # fmt: skip
# Word's own blue of these has too little contrast on white (WCAG 2.2, 1.4.3).
_DARKENED = ("Heading 1", "Heading 2", "Caption")
_DARK_BLUE = (0x1F, 0x38, 0x64)
_WITHIN_LINE = frozenset({"strong", "mark", "code", "a"})
_AROUND = frozenset({"html", "body", "main", "div", "ul", "dl", "thead", "tbody"})
_SILENT = frozenset({"head", "style", "title"})  # nothing in them is part of the text
_EMPTY = frozenset({"br", "meta"})
# What XML 1.0 (2.2) cannot hold.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Run:
    """Text with the marks of its line, such as "strong"."""

    text: str
    marks: frozenset[str]


@dataclass(slots=True)
class Paragraph:
    """One paragraph in a style of Word."""

    style: str
    runs: list[Run] = field(default_factory=list)
    leads: bool = False  # it stands close above what follows, as a term does

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)


@dataclass(slots=True)
class Cell:
    """One cell of a table; `heads` is whether it heads its row or column."""

    heads: bool
    paragraphs: list[Paragraph] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """A table with its caption. The first row heads the columns."""

    caption: Paragraph | None = None
    rows: list[list[Cell]] = field(default_factory=list)


class _Reader(HTMLParser):
    """Reads a page into paragraphs and tables. Raises `ValueError` for an element that it does not know."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.title, self.language = "", "en-US"
        self.blocks: list[Paragraph | Table] = []
        self._open: list[str] = []
        self._paragraph: Paragraph | None = None
        self._table: Table | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            self.language = dict(attrs).get("lang") or self.language
        if tag == "br":
            self._add("\n")
        if tag in _EMPTY:
            return
        self._open.append(tag)
        if tag in _STYLES:
            self._begin(_STYLES[tag], leads=tag in ("dt", "caption"))
        elif tag == "table":
            self._table = Table()
            self.blocks.append(self._table)
        elif tag == "tr" and self._table:
            self._table.rows.append([])
        elif tag in ("th", "td") and self._table:
            self._table.rows[-1].append(Cell(tag == "th"))
            self._paragraph = None
        elif tag not in _WITHIN_LINE | _AROUND | _SILENT:
            raise ValueError(f"<{tag}> has no place in a Word document here")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        if tag in _STYLES or tag in ("th", "td"):
            self._paragraph = None
        elif tag == "table":
            self._table = None

    def handle_data(self, data: str) -> None:
        if "title" in self._open:
            self.title += " ".join(data.split())
        if not _SILENT.intersection(self._open):
            self._add(re.sub(r"[ \t\r\n]+", " ", _UNWRITABLE.sub("", data)))

    def _begin(self, style: str, *, leads: bool = False) -> None:
        """Begin a paragraph where the open elements are: in the caption or a cell of a table, or on the page."""
        # The paragraphs of a list item are items too, and the first fills the item itself.
        if style == "Normal" and "li" in self._open:
            style = _STYLES["li"]
            if self._paragraph is not None and not self._paragraph.runs:
                return
        self._paragraph = Paragraph(style, leads=leads)
        if self._table is None:
            self.blocks.append(self._paragraph)
        elif style == "Caption":
            self._table.caption = self._paragraph
        else:
            self._table.rows[-1][-1].paragraphs.append(self._paragraph)

    def _add(self, text: str) -> None:
        if self._paragraph is None:
            if not text.strip():
                return
            self._begin("Normal")
        paragraph = self._paragraph
        if paragraph is None:
            return
        before = paragraph.text
        if not before or before.endswith((" ", "\n")):
            text = text.lstrip(" ")
        if text:
            bold = {"strong"} if {"dt", "th"}.intersection(self._open) else set()
            paragraph.runs.append(Run(text, frozenset(_WITHIN_LINE.intersection(self._open) | bold)))


def to_docx(html: str, now: datetime) -> bytes:
    """Return a page as a Word document that was made at `now`.

    Raise `ConfigError` if python-docx is not installed, or the page has an element that Word is not given.
    """
    try:
        import docx
    except ImportError as error:
        expected = "pip install 'lead-community-partners[documents]'"
        raise ConfigError(
            [Problem("documents", f"Word files need a library that is not installed ({error})", expected)]
        ) from None
    try:
        page = _Reader(html)
    except ValueError as error:
        known = ", ".join(sorted({*_STYLES, *_WITHIN_LINE, *_AROUND, "table", "tr", "th", "td", "br"}))
        raise ConfigError([Problem("templates/packet", str(error), f"one of {known}")]) from None
    document = docx.Document()
    _describe(document, page, now)
    for block in page.blocks:
        if isinstance(block, Table):
            _write_table(document, block)
        elif block.text.strip():
            _write(document.add_paragraph(style=block.style), block)
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def _describe(document: Document, page: _Reader, now: datetime) -> None:
    """Set the title, the language, the dates and the colors of a document, and number its pages."""
    from docx.shared import Pt, RGBColor

    about = document.core_properties
    about.title, about.language = page.title, page.language
    about.author = about.last_modified_by = about.comments = ""
    about.created = about.modified = now.astimezone(UTC).replace(tzinfo=None)
    defaults = document.styles.element.xpath("w:docDefaults/w:rPrDefault/w:rPr/w:lang")
    for language in defaults:
        _set(language, "val", page.language)
    for style in _DARKENED:
        document.styles[style].font.color.rgb = RGBColor(*_DARK_BLUE)
    document.styles["Caption"].font.size = Pt(10)
    footer = document.sections[0].footer.paragraphs[0]
    footer.add_run(f"{page.title}, page ")
    footer._p.append(_element("fldSimple", instr="PAGE"))


def _write(into: WordParagraph, paragraph: Paragraph) -> None:
    """Write the runs of a paragraph."""
    from docx.enum.text import WD_COLOR_INDEX
    from docx.shared import Pt

    if paragraph.leads:
        into.paragraph_format.keep_with_next, into.paragraph_format.space_after = True, Pt(0)
    for number, run in enumerate(paragraph.runs):
        is_last = number == len(paragraph.runs) - 1
        written = into.add_run(run.text.rstrip() if is_last else run.text)
        if {"strong", "mark"} & run.marks:
            written.bold = True
        if "mark" in run.marks:
            written.font.highlight_color = WD_COLOR_INDEX.YELLOW
        if "code" in run.marks:
            written.font.name, written.font.size = "Consolas", Pt(8)


def _write_table(document: Document, table: Table) -> None:
    """Write a table whose first row is repeated on each page, with its caption above and as its description."""
    if table.caption:
        _write(document.add_paragraph(style=table.caption.style), table.caption)
    columns = max(map(len, table.rows), default=0)
    if not columns:
        return
    written = document.add_table(rows=0, cols=columns, style="Table Grid")
    properties: Any = written._tbl.tblPr
    if table.caption:
        properties.append(_element("tblCaption", val=table.caption.text.strip()))
    for number, row in enumerate(table.rows):
        made = written.add_row()
        about: Any = made._tr.get_or_add_trPr()
        about.append(_element("cantSplit"))
        if number == 0:
            about.append(_element("tblHeader"))
        for cell, into in zip(row, made.cells, strict=False):
            _write_cell(into, cell)
    document.add_paragraph()


def _write_cell(into: _Cell, cell: Cell) -> None:
    for number, paragraph in enumerate(cell.paragraphs):
        _write(into.paragraphs[0] if number == 0 else into.add_paragraph(), paragraph)


def _element(name: str, **attributes: str) -> Any:
    """Return an element of the namespace of Word, with attributes of that namespace."""
    from docx.oxml import OxmlElement

    element = OxmlElement(f"w:{name}")
    for key, value in attributes.items():
        _set(element, key, value)
    return element


def _set(element: Any, key: str, value: str) -> None:
    from docx.oxml.ns import qn

    element.set(qn(f"w:{key}"), value)
