"""Reads the parts of an incoming message: its text, what its HTML shows, and its files. It never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from html import unescape
from itertools import islice

_PARTS = 200  # parts of one message that are read
_MOST = 400_000  # characters of a part that are read
_BLOCKS = frozenset(
    (
        "p", "div", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote",
        "section", "hr", "pre",
    )
)  # fmt: skip
_UNSEEN = frozenset(("script", "style", "head", "title"))
# Identifiers that Outlook and Gmail put around the message they quote.
_QUOTED_IDS = (
    "divrplyfwdmsg",
    "appendonsend",
    "olk_src_body_section",
    "mail-editor-reference-message-container",
)
_TAGS = re.compile(r"(</?[a-zA-Z][^<>]*>)")
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
# An unclosed comment hides all that follows, as in a browser.
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|<![^<>]*>|<\?[^<>]*>", re.DOTALL)
_ORIGINAL = "-----Original Message-----"


def parts_of(message: Message) -> list[Message]:
    """Return the parts of a message in their order, with those of messages inside it."""
    # A small message can declare very many parts, and each one costs time.
    return list(islice(message.walk(), _PARTS))


def kind(part: Message) -> str:
    """Return the type of a part, such as text/plain."""
    try:
        return part.get_content_type().lower()
    except (ValueError, TypeError, AttributeError):
        return "text/plain"


def parameter(part: Message, name: str) -> str:
    """Return a parameter of the type of a part, such as its charset; "" if it has none."""
    try:
        param = part.get_param(name, "")
        return str(param[2] if isinstance(param, tuple) else param or "")
    except (ValueError, TypeError, LookupError):
        return ""


def content(part: Message) -> str:
    """Return the text of a part, decoded by its charset, or else by UTF-8, or else by Latin-1."""
    try:
        raw = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        raw = None
    if not isinstance(raw, bytes):
        return ""
    raw = raw[: _MOST * 4]
    # Latin-1 comes last, since it can decode any bytes. The words may then be wrong, but nothing is lost.
    for charset in (parameter(part, "charset") or "utf-8", "utf-8"):
        try:
            return raw.decode(charset)[:_MOST]
        except (LookupError, ValueError):  # an unknown charset, or bytes that it does not have
            continue
    return raw.decode("latin-1")[:_MOST]


def name_of(part: Message) -> str | None:
    """Return the name of a part that is a file; None if the part belongs to the text."""
    try:
        filename = part.get_filename()
        disposition = part.get_content_disposition()
    except (ValueError, TypeError, LookupError):
        return "a file"
    # A part without a name can still be a file, if the sender marked it as an attachment.
    if filename is None and disposition != "attachment":
        return None
    return " ".join(str(filename or kind(part)).split())[:200]


def text_of(message: Message) -> str:
    """Return the text of a message: its plain text, or else the text that its HTML shows."""
    html = None
    for part in _own_parts(message):
        if name_of(part) is not None:
            continue
        # Some programs send an empty text part beside the HTML, so an empty one does not count.
        if kind(part) == "text/plain" and (text := content(part)).strip():
            return text
        if kind(part) == "text/html" and html is None:
            html = content(part)
    return shown(html) if html else ""


def _own_parts(message: Message) -> Iterator[Message]:
    """Yield the parts of a message without those of messages inside it."""
    within: set[int] = set()
    for part in parts_of(message):
        # A message inside this one was written by somebody else, so its words must not count as the sender's.
        if id(part) in within or kind(part).startswith("message/"):
            below = part.get_payload()
            within.update(id(each) for each in below) if isinstance(below, list) else None
            continue
        yield part


def shown(html: str) -> str:
    """Return the text that HTML shows, with a mark before each quoted line."""
    page = _Page()
    for piece in _TAGS.split(_COMMENT.sub("", html)):
        page.take(piece)
    return page.text()


class _Page:
    """Collects the lines of HTML: a block element ends a line, and a blockquote marks it as quoted.

    html.parser takes minutes for a message that was made to slow it down. This class reads each character once.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quoted = 0
        self._unseen = 0

    def take(self, piece: str) -> None:
        """Read a tag, or the text between two tags."""
        tag = _TAG.match(piece)
        if tag is None:
            if not self._unseen:
                self._line.append(unescape(piece))
            return
        name, step = tag["name"].lower(), -1 if tag["end"] else 1
        if name in _UNSEEN:
            # Without this floor, an end without its start would make the next hidden part visible.
            self._unseen = max(self._unseen + step, 0)
        if name == "br" or name in _BLOCKS:
            self._end_line()
        if name == "blockquote":
            self._quoted = max(self._quoted + step, 0)
        if step > 0 and not self._quoted and any(mark in piece.lower() for mark in _QUOTED_IDS):
            self._lines.append(_ORIGINAL)

    def _end_line(self) -> None:
        line, self._line = " ".join("".join(self._line).split()), []
        self._lines.append(f"> {line}" if self._quoted else line)

    def text(self) -> str:
        """Return the lines read so far."""
        self._end_line()
        return "\n".join(self._lines)
