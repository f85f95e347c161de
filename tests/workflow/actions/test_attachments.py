"""Documents are known by what is in them, as the programs of people save them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from states.errors import BadInput
from workflow.actions.attachments import refuse_unfit

CASES = Path(__file__).parents[2] / "cases"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
MACROS = "application/vnd.ms-word.document.macroEnabled.main+xml"
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{}</Types>'


def packed(types: str, *names: str) -> bytes:
    """An office document of these parts, with this list of types."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        parts.writestr("[Content_Types].xml", types)
        for name in names:
            parts.writestr(name, "<x/>")
    return file.getvalue()


def typed(part: str, of: str) -> str:
    return f'<Override PartName="/{part}" ContentType="{of}"/>'


@pytest.mark.parametrize("name", ["word-online.docx", "notepad-unicode.txt"])
def test_what_other_programs_save_is_taken(name: str) -> None:
    refuse_unfit("document", name, (CASES / name).read_bytes(), 10)


def test_the_main_part_may_have_any_name() -> None:
    for name in ("word/document22.xml", "Document.XML", "x/y"):
        refuse_unfit("document", "a.docx", packed(TYPES.format(typed(name, WORD)), name), 10)


@pytest.mark.parametrize(
    ("types", "names"),
    [
        (typed("word/document.xml", MACROS), ["word/document.xml"]),
        (typed("word/document.xml", WORD) + typed("word/code.bin", "application/vnd.ms-office.vbaProject"),
         ["word/document.xml", "word/code.bin"]),
        (typed("word/document.xml", WORD)
         + '<Default Extension="bin" ContentType="application/vnd.ms-office.vba&#80;roject"/>',
         ["word/document.xml", "word/code.bin"]),
        (typed("word/document.xml", WORD), ["word/other.xml"]),
        (typed("word/document.xml", "text/xml"), ["word/document.xml"]),
        ("<broken", ["word/document.xml"]),
        (" " * 2_000_000 + typed("word/document.xml", WORD), ["word/document.xml"]),
    ],
    ids=["macros", "code", "code by its ending", "no such part", "another type", "broken", "too large"],
)  # fmt: skip
def test_macros_and_other_files_are_refused_by_their_types(types: str, names: list[str]) -> None:
    with pytest.raises(BadInput):
        refuse_unfit("document", "a.docx", packed(TYPES.format(types), *names), 10)


def test_a_list_of_types_with_entities_is_refused() -> None:
    text = '<!DOCTYPE x [<!ENTITY a "aa">]>' + TYPES.format(typed("word/document.xml", WORD))
    with pytest.raises(BadInput):
        refuse_unfit("document", "a.docx", packed(text, "word/document.xml"), 10)


@pytest.mark.parametrize(
    "content",
    ["<html>".encode("utf-16"), "a\x00b".encode("utf-16"), b"\xff\xfea"],
    ids=["a page", "NUL", "odd"],
)
def test_text_in_utf_16_is_judged_like_any_other(content: bytes) -> None:
    with pytest.raises(BadInput):
        refuse_unfit("document", "a.txt", content, 10)
