"""Turns a page of HTML into a PDF that a screen reader can read (PDF/UA-1, ISO 14289-1).

WeasyPrint lays out the page and tags it. `_finish` repairs what its tags lack before the file is written.
"""

from __future__ import annotations

import contextlib
import io
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from states.errors import Problem
from workflow.procedure.config import ConfigError

if TYPE_CHECKING:
    from pydyf import PDF, Dictionary
    from weasyprint import Document

# The package of Debian that brings a font, by the first word of the names that Unicode gives the characters.
_FONT_PACKAGES = {
    "CJK": "fonts-noto-cjk",
    "BOPOMOFO": "fonts-noto-cjk",
    "FULLWIDTH": "fonts-noto-cjk",
    "HANGUL": "fonts-noto-cjk",
    "HIRAGANA": "fonts-noto-cjk",
    "IDEOGRAPHIC": "fonts-noto-cjk",
    "KATAKANA": "fonts-noto-cjk",
}
# Pictures, such as those of telephones, have names of every kind. Their category is "other symbol".
_SYMBOLS, _OTHER_SCRIPTS = "fonts-noto-color-emoji, fonts-symbola", "fonts-noto-core"
# How many characters an error shows for each package.
_SHOWN = 12


class CannotDraw(ConfigError):
    """The machine lacks the library or a font for a document; `problems` says what to install."""


def to_pdf(html: str) -> bytes:
    """Return the page as a tagged PDF, with a bookmark for each heading and every font embedded.

    The page needs a `title` and the attribute `lang`. A figure is an inline `svg` with a `title`, or an `img` with
    `alt`. Nothing is fetched from outside the page. A character that no font can ever draw becomes U+FFFD.
    Raise `CannotDraw` if the library or a font is missing, and `ValueError` if the page has no title or language.
    """
    try:
        # Where it misses Pango, it prints a page of advice. Standard output belongs to the command's own answer.
        with contextlib.redirect_stdout(io.StringIO()):
            import weasyprint
            from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:  # OSError: the library is there, but not the system's Pango
        raise CannotDraw([_explain_missing_library(error)]) from None
    # No protocol is allowed: a document is made of what it says, and nobody can make the program open an address.
    fetcher = URLFetcher(allowed_protocols=())
    document = weasyprint.HTML(string=_drawable(html), url_fetcher=fetcher).render()
    if not (document.metadata.title and document.metadata.lang):
        raise ValueError("A page that becomes a PDF needs a title and a language.")
    pdf: bytes = document.write_pdf(pdf_variant="pdf/ua-1", finisher=_finish)
    return pdf


def _explain_missing_library(error: ImportError | OSError) -> Problem:
    if isinstance(error, ImportError):
        return Problem(
            "documents",
            f"PDF files need a library that is not installed ({error})",
            "pip install 'lead-community-partners[documents]'",
        )
    return Problem(
        "documents",
        f"PDF files need Pango, a library of the system ({str(error).splitlines()[0]})",
        "on Debian: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
    )


def _drawable(text: str) -> str:
    """Return the text without characters that no font can draw: private, unassigned, and halves of a pair."""
    return "".join("\ufffd" if unicodedata.category(char) in ("Co", "Cn", "Cs") else char for char in text)


def explain_missing_glyphs(characters: Iterable[str]) -> list[Problem]:
    """Return a problem for each package of fonts that the characters need."""
    by_package: dict[str, list[str]] = {}
    for character in sorted(set(characters)):
        by_package.setdefault(_package_for(character), []).append(character)
    problems = []
    for package, missing in by_package.items():
        shown = ", ".join(f"{each} (U+{ord(each):04X})" for each in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        problems.append(
            Problem(
                "fonts",
                f"no font on this machine can draw {shown}{more}",
                f"on Debian: apt install {package}",
            )
        )
    return problems


def _package_for(character: str) -> str:
    if unicodedata.category(character) == "So":
        return _SYMBOLS
    return _FONT_PACKAGES.get(unicodedata.name(character, "").split(" ")[0].split("-")[0], _OTHER_SCRIPTS)


def _finish(document: Document, pdf: PDF) -> None:
    """Refuse a document with empty boxes, and repair the tags.

    1. A character without a font would be drawn as an empty box.
    2. Each header cell needs its scope (ISO 14289-1, 7.5).
    3. Page numbers repeat on each page. They are artifacts, which a screen reader skips (7.8).
    4. The box around a figure is in points from the lower left corner of the page (ISO 32000-1, 14.8.5.4.3).
    """
    missing = [chr(code) for font in document.fonts.values() for code in font.missing]
    if missing:
        raise CannotDraw(explain_missing_glyphs(missing))
    elements = {each.reference: each for each in pdf.objects if _is_element(each)}
    for element in elements.values():
        if element["S"] == "/TH":
            group = elements[elements[element["P"]]["P"]]["S"]
            element["A"]["Scope"] = "/Column" if group == "/THead" else "/Row"
        if element["S"] == "/Figure":
            height = _object(pdf, element["Pg"])["MediaBox"][3]
            left, top, right, bottom = (length * 0.75 for length in element["A"]["BBox"])
            element["A"]["BBox"][:] = (left, height - bottom, right, height - top)
    root = _object(pdf, pdf.catalog["StructTreeRoot"])
    in_tree = set(_walk(root, elements))
    for reference, element in elements.items():
        if reference not in in_tree:
            _make_artifact(pdf, root, element)


def _is_element(candidate: Any) -> bool:
    return isinstance(candidate, dict) and candidate.get("Type") == "/StructElem"


def _object(pdf: PDF, reference: bytes) -> Any:
    """Return the object of a reference such as b"12 0 R"."""
    return pdf.objects[int(reference.split()[0])]


def _walk(element: Any, elements: dict[bytes, Dictionary]) -> Iterator[bytes]:
    """Yield the reference of each element below this one."""
    for kid in element["K"]:
        if kid in elements:
            yield kid
            yield from _walk(elements[kid], elements)


def _make_artifact(pdf: PDF, root: Dictionary, element: Dictionary) -> None:
    """Mark the content of an element outside of the tree as an artifact, and remove the element."""
    page = _object(pdf, element["Pg"])
    stream = _object(pdf, page["Contents"])
    numbers = _object(pdf, root["ParentTree"])["Nums"]
    of_page = numbers[2 * page["StructParents"] + 1]
    for kid in element["K"]:
        if isinstance(kid, int):
            # The operands of the operator BDC: the name of the tag, and its properties.
            at = stream.stream.index({"MCID": kid})
            stream.stream[at - 1] = "/Artifact"
            stream.stream[at] = type(element)({"Type": "/Pagination"})
            of_page[kid] = b"null"
    element.free = "f"
