"""partnershipctl report writes the annual report as a page or a PDF, and prints a summary."""

from __future__ import annotations

import hashlib
from html import unescape
from pathlib import Path

import pypdf
import pytest

from tests.support.desk import REF, Desk
from tests.workflow.admin.conftest import Sit
from tests.workflow.publishing.test_pdf import elements_of

YEAR = ("--year", "2026")


def outlines(reader: pypdf.PdfReader) -> list[str]:
    def titles(items: list) -> list[str]:
        return [t for item in items for t in (titles(item) if isinstance(item, list) else [str(item.title)])]

    return titles(reader.outline)


def test_a_page_is_written(sit: Sit) -> None:
    desk = sit("reported")
    answer = desk.run("report", REF, *YEAR, "--output", "report.html", "--json")
    content = Path("report.html").read_bytes()
    assert answer.status == 0
    assert answer.json == {
        "ref": REF, "year": 2026, "school_year": "2025-26", "file": "report.html", "format": "html",
        "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    assert "Annual report 2025-26" in content.decode()


def test_a_pdf_is_written_and_can_be_read(sit: Sit) -> None:
    desk = sit("reported")
    assert desk.run("report", REF, *YEAR, "--output", "report.pdf").status == 0
    reader = pypdf.PdfReader("report.pdf")
    text = "".join(page.extract_text() for page in reader.pages)
    assert reader.metadata is not None
    assert reader.metadata.title == f"Annual report 2025-26: Rainier Beach School, {REF}"
    for words in (
        "on the way, 60 % covered",
        "a good year",
        "Duties of the Lead Partner",
        f"Page 1 of {len(reader.pages)}",
    ):
        assert words in text
    for heading in ("Outcomes against their targets", "attendance", "Amounts", "Votes of the Board"):
        assert heading in outlines(reader)


@pytest.mark.parametrize("of", [(REF,), ("--district",)])
def test_a_pdf_can_be_read_with_a_screen_reader(sit: Sit, of: tuple[str, ...]) -> None:
    desk = sit("reported")
    for name in ("report.html", "report.pdf"):
        assert desk.run("report", *of, *YEAR, "--output", name).status == 0
    page = Path("report.html").read_text(encoding="utf-8")
    tree = list(elements_of(pypdf.PdfReader("report.pdf")))
    figures = [each for each in tree if each["/S"] == "/Figure"]
    assert len(figures) == page.count("<svg") > 0
    assert all(str(figure["/Alt"]) in unescape(page) for figure in figures)
    headers = [each for each in tree if each["/S"] == "/TH"]
    assert headers
    assert all("/Scope" in each["/A"] for each in headers)
    assert len([each for each in tree if each["/S"] == "/H1"]) == 1


def test_the_report_of_the_district_is_written(sit: Sit) -> None:
    desk = sit("reported")
    for name in ("board.html", "board.pdf"):
        assert desk.run("report", "--district", *YEAR, "--output", name).status == 0
    assert "Rainier Beach School, Harbor House" in Path("board.html").read_text(encoding="utf-8")
    assert "Each partnership" in outlines(pypdf.PdfReader("board.pdf"))


def test_a_summary_is_printed_without_a_file(sit: Sit) -> None:
    desk = sit("reported")
    assert "attendance: 91 %, on the way, 60 % covered" in desk.say("report", REF, *YEAR)
    assert "outcomes: 0 reached or kept, 2 on the way" in desk.say("report", "--district", *YEAR)
    assert desk.run("report", REF, *YEAR, "--json").json["outcomes"][0]["points"][0]["value"] == 91
    document = desk.run("report", "--district", *YEAR, "--json").json
    assert document["outcomes"]["on the way"] == 2
    assert (document["amount_cents"], document["amount"]) == (24_999_999, "$249,999.99")


def test_help_says_what_a_year_is(sit: Sit) -> None:
    said = " ".join(sit().say("report", "--help").split())
    assert "2026 is 2025-26" in said
    assert "An annual review belongs to the school year in which it was opened." in said


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((*YEAR,), "REF: one report was not named"),
        ((REF, "--district", *YEAR), "REF: one report was not named"),
        ((REF, "--year", "2031"), "--year: 2030-31 has not begun"),
        (("--district", "--year", "2031"), "--year: 2030-31 has not begun"),
        ((REF, *YEAR, "--output", "report.docx"), "--output: report.docx is neither HTML nor PDF"),
        ((REF, *YEAR, "--output", "there.html"), "--output: there.html is there already"),
        ((REF, *YEAR, "--output", "folder.pdf"), "--output: folder.pdf is no regular file"),
        (
            (REF, *YEAR, "--output", "none/report.pdf"),
            "--output: none/report.pdf cannot be written: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_made_is_said(sit: Sit, words: tuple[str, ...], problem: str) -> None:
    desk = sit("reported")
    Path("there.html").write_text("kept", encoding="utf-8")
    Path("folder.pdf").mkdir()
    answer = desk.run("report", *words, "--json")
    assert (answer.status, answer.problems) == (2, [problem])
    assert Path("there.html").read_text(encoding="utf-8") == "kept"
    assert desk.run("report", REF, *YEAR, "--output", "there.html", "--force").status == 0


def test_a_partnership_that_does_not_exist(sit: Sit) -> None:
    assert sit("reported").run("report", "nowhere-2020", *YEAR).status == 3


@pytest.mark.parametrize("as_json", [True, False])
def test_a_missing_font_is_named(
    sit: Sit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_json: bool
) -> None:
    desk: Desk = sit("annual-review")
    desk.life.do("submit-report", narrative="we met at ትምህርት ቤት")
    few = tmp_path / "fonts.conf"
    few.write_text("<fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir></fontconfig>", encoding="ascii")
    monkeypatch.setenv("FONTCONFIG_FILE", str(few))
    answer = desk.run("report", REF, *YEAR, "--output", "report.pdf", *["--json"] * as_json)
    assert answer.status == 5
    assert not Path("report.pdf").exists()
    if as_json:
        assert answer.json["error"] == "setup"
        assert answer.json["problems"][0]["expected"] == "on Debian: apt install fonts-noto-core"
    else:
        assert "The document cannot be made:" in answer.err
        assert "ት (U+1275)" in answer.err
    # A page needs no font of this machine.
    assert desk.run("report", REF, *YEAR, "--output", "report.html").status == 0
