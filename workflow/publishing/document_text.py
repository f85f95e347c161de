"""Reads the text of documents as far as this program can: also within messages, archives and base64."""

from __future__ import annotations

import base64
import binascii
import email.policy
import html
import io
import re
import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import BytesParser
from typing import NamedTuple

_TEXTS = ("txt", "csv", "md", "json", "xml", "ics", "vcf", "rels")
_PAGES = ("html", "htm", "xhtml")
_PACKED = ("docx", "xlsx", "pptx", "odt", "ods", "odp", "zip")
_DEEPEST = 5  # documents within documents that are opened
_LARGEST = 100_000_000  # bytes that one packed part may unpack to
_FILE_WITHIN = re.compile(r"data:[\w/+.-]*[;,]")  # in a page
_TAG = re.compile(r"<[^>]*>")
# Lines of base64, as messages and pages have them. A shorter run is an ordinary word.
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{4}[ \t\r\n>]*){4,}(?:[A-Za-z0-9+/_-]{2,3}={0,2})?")


class Read(NamedTuple):
    """The text of a document. It is not `whole` if something in it could not be read, such as a picture."""

    text: str
    whole: bool


def read_document(name: str, content: bytes, depth: int = 0) -> Read:
    """Return the text of a document by the kind that its name tells."""
    kind = name.rpartition(".")[2].lower()
    if depth > _DEEPEST:
        return Read("", False)
    if kind in _TEXTS:
        return Read(f"{search_bytes(content)} {_decode_base64(content)}", True)
    if kind in _PAGES:
        text = f"{search_bytes(content)} {_decode_base64(content)}"
        return Read(f"{text} {strip_tags(text)}", not _FILE_WITHIN.search(text))
    if kind == "eml":
        return _read_message(content, depth)
    if kind in _PACKED:
        return _read_packed(content, depth)
    return Read("", False)


def strip_tags(text: str) -> str:
    """Return what a browser shows of a page in HTML, near enough to search in it."""
    return html.unescape(_TAG.sub("", text))


def search_bytes(content: bytes) -> str:
    """Return what stands in any file in clear: its bytes read as UTF-8 and as both kinds of UTF-16."""
    return " ".join(content.decode(code, "ignore") for code in ("utf-8", "utf-16-le", "utf-16-be"))


def _decode_base64(content: bytes) -> str:
    texts = []
    for match in _BASE64.finditer(content.decode("latin-1")):
        run = re.sub(r"[^A-Za-z0-9+/_-]", "", match[0]).replace("-", "+").replace("_", "/")
        # A word before the run may have shifted it.
        for shift in range(4):
            part = run[shift:]
            try:
                texts.append(search_bytes(base64.b64decode(part[: len(part) // 4 * 4 or None] + _rest(part))))
            except (binascii.Error, ValueError):
                continue
    return " ".join(texts)


def _rest(run: str) -> str:
    """Return what is left of a run of base64 after its last whole group, with its padding."""
    left = len(run) % 4
    return "" if left < 2 else run[-left:] + "=" * (4 - left)


def _read_message(content: bytes, depth: int) -> Read:
    """Return the headers and all parts of a message, also of those that are attached to it."""
    message = BytesParser(policy=email.policy.default).parsebytes(content)
    reads = [Read(search_bytes(content), True)]
    for part in message.walk():
        reads.append(Read(" ".join(map(str, part.values())), True))
        if not part.is_multipart():
            reads.append(_read_part(part, depth))
    return _join(reads)


def _read_part(part: Message, depth: int) -> Read:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    name = part.get_filename() or ""
    if part.get_content_maintype() != "text":
        return read_document(name, content, depth + 1)
    try:
        text = content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = ""
    text = f"{text} {search_bytes(content)}"
    return _join([Read(f"{text} {strip_tags(text)}", True), Read(_decode_base64(content), True)])


def _read_packed(content: bytes, depth: int) -> Read:
    """Return the parts of an archive, such as a document of a word processor."""
    reads = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for part in packed.infolist():
                if part.is_dir():
                    continue
                if part.file_size > _LARGEST:
                    return Read("", False)
                inside = packed.read(part)
                read = read_document(part.filename, inside, depth + 1)
                reads += [Read(part.filename, True), read, Read(strip_tags(read.text), True)]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError):
        return Read(_join(reads).text, False)
    return _join(reads)


def _join(reads: Iterable[Read]) -> Read:
    known = list(reads)
    return Read(" ".join(read.text for read in known), all(read.whole for read in known))
