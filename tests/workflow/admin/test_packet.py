"""The command packet writes the draft in three forms, never over a file, and says why where it does not."""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path

import docx
import pypdf
import pytest

from tests.support.desk import REF
from tests.workflow.admin.conftest import Sit
from workflow.publishing import packet


def test_the_packet_is_written_as_a_page_for_word_and_as_pdf(sit: Sit, tmp_path: Path) -> None:
    desk = sit("scheduled")
    for ending in ("html", "docx", "pdf"):
        file = tmp_path / f"board.{ending}"
        made = desk.ask("packet", REF, "--output", str(file))
        content = file.read_bytes()
        assert made == {
            "ref": REF, "purpose": "new", "prepared": False, "file": str(file), "format": ending,
            "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "places": 7,
        }  # fmt: skip
    assert "3. Recommended motion" in (tmp_path / "board.html").read_text(encoding="utf-8")
    document = docx.Document(str(tmp_path / "board.docx"))
    assert "3. Recommended motion" in [each.text for each in document.paragraphs]
    pdf = pypdf.PdfReader(io.BytesIO((tmp_path / "board.pdf").read_bytes()))
    assert pdf.root_object["/MarkInfo"]["/Marked"]
    assert "3. Recommended motion" in "".join(page.extract_text() for page in pdf.pages)
    assert "7 places are marked for staff" in desk.say("packet", REF, "--output", str(tmp_path / "a.HTML"))


def test_nothing_is_written_over_without_force(sit: Sit, tmp_path: Path) -> None:
    desk, file = sit("scheduled"), tmp_path / "board.html"
    file.write_text("mine", encoding="utf-8")
    refused = desk.run("packet", REF, "--output", str(file), "--json")
    assert (refused.status, refused.problems) == (2, [f"--output: {file} is there already"])
    assert file.read_text(encoding="utf-8") == "mine"
    desk.ask("packet", REF, "--output", str(file), "--force")
    assert "mine" not in file.read_text(encoding="utf-8")
    (tmp_path / "folder.html").mkdir()
    assert desk.run("packet", REF, "--output", str(tmp_path / "folder.html"), "--force").status == 2
    assert desk.run("packet", REF, "--output", str(tmp_path / "none" / "b.html")).status == 2


@pytest.mark.parametrize("name", ["board.odt", "board", "docx"])
def test_another_kind_of_file_is_refused_with_the_three_that_there_are(
    sit: Sit, tmp_path: Path, name: str
) -> None:
    answer = sit("scheduled").run("packet", REF, "--output", str(tmp_path / name), "--json")
    assert answer.status == 2
    assert answer.json["problems"][0]["expected"] == "a name that ends in .docx, .pdf, .html"
    assert not (tmp_path / name).exists()


def test_a_partnership_that_is_not_there_is_not_found(sit: Sit, tmp_path: Path) -> None:
    assert sit("scheduled").run("packet", "nowhere", "--output", str(tmp_path / "a.html")).status == 3


def test_with_nothing_for_the_board_the_refusal_says_what_comes_first(sit: Sit, tmp_path: Path) -> None:
    answer = sit("active").run("packet", REF, "--output", str(tmp_path / "a.html"), "--json")
    assert answer.status == 1
    (unmet,) = answer.json["unmet"]
    assert (unmet["requirement"], unmet["clause"]) == ("item-before-board", "4270.9")
    assert "refer-to-board comes first" in unmet["reason"]
    assert not (tmp_path / "a.html").exists()


def test_a_broken_word_of_the_district_is_a_mistake_of_the_configuration(sit: Sit, tmp_path: Path) -> None:
    desk = sit("scheduled")
    (folder := desk.folder / "templates" / "packet").mkdir(parents=True)
    (folder / "new.j2").write_text("{{ nobody }}", encoding="utf-8")
    answer = desk.run("packet", REF, "--output", str(tmp_path / "a.html"), "--json")
    assert (answer.status, answer.json["problems"][0]["at"]) == (5, "templates/packet/new.j2")
    (folder / "new.j2").write_text("{% block", encoding="utf-8")
    assert "templates/packet/new.j2, line 1" in desk.run("check").err


def test_a_missing_library_is_named(sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    answer = sit("scheduled").run("packet", REF, "--output", str(tmp_path / "a.docx"), "--json")
    assert (answer.status, answer.json["problems"][0]["at"]) == (5, "documents")
    assert not (tmp_path / "a.docx").exists()
    monkeypatch.setattr(packet, "find_spec", lambda name: None if name == "docx" else name)
    assert packet.installed() == ("pdf", "html")
