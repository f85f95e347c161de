"""Writes tables as CSV (RFC 4180) and as XLSX (ECMA-376).

People open both in a spreadsheet program, which would take a text that begins with "=" for a formula and run it.
What strangers wrote stays text.
"""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from notifications.markup import escape_controls
from states.errors import BadInput, Problem
from workflow.publishing.tables import Cell, Column, Row, Table

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

# What makes a spreadsheet program read a text as a formula (OWASP, CSV injection).
_FORMULA = frozenset("=+-@")
# The most characters of a cell and rows of a sheet that Excel opens.
LONGEST, MOST_ROWS = 32_767, 1_048_576
_CUT = " [cut off]"
_FORMATS = {"instant": "yyyy-mm-dd hh:mm", "day": "yyyy-mm-dd", "money": "#,##0.00", "number": "0"}
_NO_XML = {0xFFFE: "�", 0xFFFF: "�"}  # XML 1.0, 2.2; the control characters are escaped


def is_risky(text: str) -> bool:
    """Return whether a spreadsheet program could take a text for a formula, perhaps without the blanks before."""
    # A Japanese or Chinese program reads the wide forms of the signs as the signs (NFKC makes them equal).
    start = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return text[:1] in ("\t", "\r", "\n") or start[:1] in _FORMULA


def clean(text: str) -> str:
    """Return a text without characters that no XML may have, or that would hide a part of the text."""
    return escape_controls(text.replace("\r\n", "\n").replace("\r", "\n")).translate(_NO_XML)


# CSV

_BLOCK = 1 << 16  # characters


def to_csv(table: Table) -> bytes:
    """Return a table as CSV in UTF-8 with a byte order mark, without which Excel reads it in another encoding.

    Instants are local to the district, which the heading says. A text that looks like a formula begins with an
    apostrophe.
    """
    return b"".join(stream_csv(table.headings, table.columns, table.rows))


def stream_csv(headings: Iterable[str], columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield a table as `to_csv` writes it, in blocks of lines, so that a long one is never in memory as a whole."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([_safe(heading) for heading in headings])
    yield codecs.BOM_UTF8
    for row in rows:
        writer.writerow([_as_text(cell, column) for cell, column in zip(row, columns, strict=True)])
        # A server sends each block on its own, which for every line would take longer than to make the line.
        if file.tell() >= _BLOCK:
            yield file.getvalue().encode()
            file.seek(0)
            file.truncate()
    yield file.getvalue().encode()


def _safe(text: str) -> str:
    return f"'{clean(text)}" if is_risky(text) else clean(text)


def _as_text(cell: Cell, column: Column) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, str):
        return _safe(cell)
    if column.kind == "money":
        return f"{'-' if cell < 0 else ''}{abs(cell) // 100}.{abs(cell) % 100:02d}"
    return str(cell)


# XLSX


def to_xlsx(tables: Sequence[Table], title: str, author: str, now: datetime) -> bytes:
    """Return a workbook with a sheet for each table: real dates and numbers, the heading row fixed, with filters.

    Raise `BadInput` if a table has more rows than a sheet.
    """
    # Imported here, since only this format needs it.
    import xlsxwriter

    file = io.BytesIO()
    # A text is written as a text whatever it looks like. The options say so for the calls that would guess.
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties(
            {"title": title, "author": author, "created": now.astimezone(UTC).replace(tzinfo=None)}
        )
        heading = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        formats = {
            kind: book.add_format({"num_format": form, "valign": "top"}) for kind, form in _FORMATS.items()
        }
        text = book.add_format({"text_wrap": True, "valign": "top"})
        # Somebody who edits such a cell, or saves the sheet as CSV, gets no formula either.
        quoted = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
        for table in tables:
            if len(table.rows) >= MOST_ROWS:
                raise BadInput([_too_long(table)])
            sheet = book.add_worksheet(table.title)
            _set_up(sheet, table, title, heading)
            for number, row in enumerate(table.rows, start=1):
                for place, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
                    if isinstance(cell, str):
                        sheet.write_string(number, place, _fit(cell), quoted if is_risky(cell) else text)
                    elif cell is not None:
                        _write_value(sheet, number, place, cell, column, formats)
    return file.getvalue()


def _too_long(table: Table) -> Problem:
    problem = f"the table {table.name} has {len(table.rows):,} rows; a sheet takes {MOST_ROWS - 1:,}"
    return Problem("--format", problem, "fewer partnerships, or --format csv")


def _set_up(sheet: Worksheet, table: Table, title: str, heading: Format) -> None:
    """Write the headings of a sheet, and let it stay readable while people scroll and print."""
    for place, (words, column) in enumerate(zip(table.headings, table.columns, strict=True)):
        sheet.write_string(0, place, clean(words), heading)
        sheet.set_column(place, place, column.width)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(table.rows), 1), len(table.columns) - 1)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(f"&L{title.replace('&', '&&')}&R&P / &N")


def _fit(text: str) -> str:
    cleaned = clean(text)
    return cleaned if len(cleaned) <= LONGEST else cleaned[: LONGEST - len(_CUT)] + _CUT


def _write_value(
    sheet: Worksheet, number: int, place: int, cell: Any, column: Column, formats: dict[str, Format]
) -> None:
    if isinstance(cell, (datetime, date)):
        # A cell knows no time zone. The heading names that of the district.
        wall = cell.replace(tzinfo=None) if isinstance(cell, datetime) else cell
        sheet.write_datetime(number, place, wall, formats[column.kind])
    else:
        value = cell / 100 if column.kind == "money" else cell
        sheet.write_number(number, place, value, formats[column.kind])
