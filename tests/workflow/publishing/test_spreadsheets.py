"""CSV and XLSX for the office: what is on record in typed cells, no formula from a stranger, nothing sealed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.district import Begin, Life
from tests.support.facts import CBO, REVIEWERS
from workflow.procedure.config import ConfigError, load
from workflow.publishing.spreadsheets import LONGEST, is_risky, to_csv, to_xlsx
from workflow.publishing.tables import TABLES, Cell, Column, Kind, Table, make_table
from workflow.publishing.words import read_words
from workflow.record import export

NOW = datetime.fromisoformat("2026-01-02T03:04:05+00:00")


def table(life: Life, name: str) -> Table:
    with life.system.reading() as session:
        words, records = read_words(session.config, "tables"), list(export.select_records(session, ()))
        return make_table(session, words, name, records, life.now)


def lines(made: Table) -> list[dict[str, str]]:
    """The rows of a table as somebody reads them from its CSV, by heading."""
    text = to_csv(made).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def book(*tables: Table) -> Any:
    return openpyxl.load_workbook(io.BytesIO(to_xlsx(tables, "Title", "Office", NOW)))


def of(*cells: Cell, kind: Kind = "text") -> Table:
    return Table("list", "Sheet", (Column("a", kind),), ("A",), [(cell,) for cell in cells])


# What people open


def test_a_workbook_has_every_table_with_real_dates_and_numbers(begin: Begin) -> None:
    life = begin("active")
    opened = book(*(table(life, name) for name in TABLES))
    assert opened.sheetnames == ["Partnerships", "Deadlines", "History", "Scores"]
    for sheet in opened:
        assert (sheet.freeze_panes, sheet.auto_filter.ref[:3]) == ("A2", "A1:")
        assert sheet.column_dimensions["A"].width >= 22
        assert all(cell.font.bold for cell in sheet[1])
    sheet = opened["Partnerships"]
    heading, row = ([cell.value for cell in line] for line in sheet.iter_rows())
    shown = dict(zip(heading, row, strict=True))
    assert shown["In this state since (America/Los_Angeles)"] == datetime(2025, 9, 2, 9)
    assert (shown["Amount in dollars"], shown["First day"]) == (249_999.99, datetime(2025, 9, 2))
    assert shown["Lead Partner"] == "Harbor House"
    assert sheet["G2"].number_format == "#,##0.00"


def test_a_csv_has_the_same_in_text(begin: Begin) -> None:
    life = begin("active")
    (row,) = lines(table(life, "list"))
    assert (row["Amount in dollars"], row["Last day"]) == ("249999.99", "2026-08-31")
    assert row["In this state since (America/Los_Angeles)"] == "2025-09-02 09:00"
    history = lines(table(life, "history"))
    assert [int(each["Row"]) for each in history] == list(range(1, life.record.version + 1))
    scores = lines(table(life, "scores"))
    assert {(each["Organization"], each["Sum"], each["Counts"]) for each in scores} == {
        ("Harbor House", "20", "yes"), ("City College", "20", "yes"),
    }  # fmt: skip
    deadlines = lines(table(life, "deadlines"))
    assert {each["Deadline"] for each in deadlines if each["Status"] == "open"} == life.running()


def test_a_reviewer_with_a_conflict_or_off_the_panel_is_marked(begin: Begin) -> None:
    life = begin("scored")
    life.do("declare-conflict", REVIEWERS[0], organization=CBO)
    life.person("reviewer-4", roles=["reviewer"])
    life.do("change-panel", "staff")
    counts = {
        (each["Reviewer"], each["Organization"]): each["Counts"] for each in lines(table(life, "scores"))
    }
    assert counts["Reviewer 3", "Harbor House"] == "no: not on the panel"
    assert "no: conflict of interest" in counts.values()


# What is sealed


@pytest.mark.promise("sealed-until-closing")
@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_nothing_that_is_sealed(begin: Begin, name: str) -> None:
    life = begin("open")
    secret = "A text that only the applicant may read"
    life.at("2025-08-01").do(
        "receive-application", "lead-partner@example.org", abilities=dict.fromkeys(
            ("collaboration", "high-expectations", "diversity", "connecting-assets", "shared-accountability"),
            secret,
        ),
    )  # fmt: skip
    life.do("withdraw-application", "lead-partner@example.org")
    made = table(life, name)
    with ZipFile(io.BytesIO(to_xlsx([made], "Title", "Office", NOW))) as parts:
        texts = [parts.read(part) for part in parts.namelist()] + [to_csv(made)]
    for word in (secret, "Harbor House", CBO):
        assert [word for text in texts if word.encode() in text] == []


# What strangers write


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1+1",
    "＋1",
    "－1",
    "＠a",
    "﹦1",
    "\u3000=1",
]


@pytest.mark.promise("no-formula")
@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_read_as_a_formula(text: str) -> None:
    (row,) = csv.reader(io.StringIO(to_csv(of(text)).decode("utf-8-sig").partition("\r\n")[2], newline=""))
    assert row[0].startswith("'")
    cell = book(of(text))["Sheet"]["A2"]
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert cell.value.strip() == text.strip()


@given(st.text(max_size=40))
def test_any_text_can_be_opened_and_is_a_text(text: str) -> None:
    made = of(text, "next")
    sheet = book(made)["Sheet"]
    assert sheet["A3"].value == "next"
    assert sheet["A2"].data_type in ("s", "n" if not text else "s")
    rows = list(csv.reader(io.StringIO(to_csv(made).decode("utf-8-sig"), newline="")))
    assert [row for row in rows if row][-1] == ["next"]
    for cell in (row[0] for row in rows[1:] if row):
        assert not is_risky(cell)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\ufffeb", "a\ud800b", "a\u202eb"])
def test_a_character_that_xml_does_not_allow_or_that_hides_text_is_shown(text: str) -> None:
    shown = book(of(text))["Sheet"]["A2"].value
    assert shown != text
    assert (shown[0], shown[-1]) == ("a", "b")


def test_a_text_that_is_too_long_for_a_cell_says_so() -> None:
    shown = book(of("x" * 40_000))["Sheet"]["A2"].value
    assert len(shown) == LONGEST
    assert shown.endswith(" [cut off]")
    assert "x" * 40_000 in to_csv(of("x" * 40_000)).decode()


def test_a_negative_amount_is_a_number_and_not_a_text() -> None:
    assert book(of(-1_050, kind="money"))["Sheet"]["A2"].value == -10.5
    assert to_csv(of(-1_050, -1_005, 7, kind="money")).decode("utf-8-sig").split() == [
        "A",
        "-10.50",
        "-10.05",
        "0.07",
    ]


# Words


def test_a_district_has_its_own_words_and_check_names_a_mistake_in_them(begin: Begin) -> None:
    life = begin("needs")
    own = life.system.config.folder / "templates" / "publishing" / "tables.j2"
    own.parent.mkdir(parents=True)
    own.write_text("{% macro sheet(t) %}S{% endmacro %}{% macro heading(t, c) %}{{ c|upper }}{% endmacro %}")
    assert table(life, "list").headings[0] == "REF"
    own.write_text("{% macro sheet(t) %}S{% endmacro %}")
    # As with messages, a file is read again when the configuration is.
    assert table(life, "list").headings[0] == "REF"
    life.system.config = replace(life.system.config)
    with pytest.raises(ConfigError, match="it has no text 'heading'"):
        table(life, "list")
    own.write_text("{% macro sheet(t) %}")
    life.system.config = replace(life.system.config)
    for read in (lambda: table(life, "list"), lambda: load(life.system.config.path)):
        with pytest.raises(ConfigError, match=r"templates/publishing/tables\.j2"):
            read()
