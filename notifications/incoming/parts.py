"""Reads the parts of an incoming message: its text, what its HTML shows, and its files. It never raises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from html import unescape
from itertools import islice

from notifications.incoming.charsets import decode
from notifications.incoming.openpgp import drop_armour
from notifications.incoming.styles import Look, is_doubtful, look_of

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
_VOID = frozenset(("br", "hr", "img", "input", "meta", "link", "col", "area", "base", "wbr", "source"))
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
    """Return the text of a part, decoded by its charset, or else by UTF-8, or else by Windows-1252."""
    try:
        raw = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        raw = None
    if not isinstance(raw, bytes):
        return ""
    raw = raw[: _MOST * 4]
    return decode(raw, parameter(part, "charset"))[:_MOST]


def decode_words(line: str) -> str:
    """Return a header with its encoded words decoded (RFC 2047), as far as possible."""
    from email.header import decode_header, make_header

    # A stranger may encode a header wrongly in any way. Its raw form is good enough then.
    with suppress(Exception):
        line = str(make_header(decode_header(line)))
    return " ".join("".join(c if c.isprintable() else " " for c in line).split())


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
    return plain_of(message) or html_of(message)


def plain_of(message: Message) -> str:
    """Return the plain text of a message; "" if it has none."""
    # Some programs send an empty text part beside the HTML, so an empty one does not count.
    return next(
        (text for part in _text_parts(message, "text/plain") if (text := drop_armour(content(part))).strip()),
        "",
    )


def html_of(message: Message) -> str:
    """Return the text that the HTML of a message shows; "" if it has none."""
    return next((drop_armour(shown(content(part))) for part in _text_parts(message, "text/html")), "")


def _text_parts(message: Message, wanted: str) -> list[Message]:
    """Return the text parts of a type: those without a name, or else those with one that are no attachments.

    A message that is nothing but one text is that text, whatever its name.
    """
    own = list(_own_parts(message))
    parts = [part for part in own if kind(part) == wanted]
    unnamed = [part for part in parts if name_of(part) is None]
    if unnamed or any(kind(part).startswith("text/") and name_of(part) is None for part in own):
        return unnamed
    return [part for part in parts if part is message or not _is_attachment(part)]


def _is_attachment(part: Message) -> bool:
    try:
        return part.get_content_disposition() == "attachment"
    except (ValueError, TypeError, LookupError):
        return True


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
        # The element that hides what is in it, and how often it is open.
        self._hidden: tuple[str, int] | None = None
        self._looks: list[tuple[str, Look]] = [
            ("", Look())
        ]  # the open elements, and how the text in each looks
        self._open: Counter[str] = Counter()
        self._sheets: list[str] = []
        self._in_sheet = False

    def take(self, piece: str) -> None:
        """Read a tag, or the text between two tags."""
        tag = _TAG.match(piece)
        if tag is None:
            if self._in_sheet:
                self._sheets.append(piece)
            elif not self._unseen and self._hidden is None:
                self._add(piece)
            return
        name, step = tag["name"].lower(), -1 if tag["end"] else 1
        if name in _UNSEEN:
            # Without this floor, an end without its start would make the next hidden part visible.
            self._unseen = max(self._unseen + step, 0)
            self._in_sheet = name == "style" and step > 0
            return
        if self._hidden is not None:
            self._hidden = self._close(name, step)
            return
        if name == "br" or name in _BLOCKS:
            self._end_line()
        if name not in _VOID:
            self._enter(name, piece) if step > 0 else self._leave(name)
        if name == "blockquote":
            self._quoted = max(self._quoted + step, 0)
        if step > 0 and not self._quoted and any(mark in piece.lower() for mark in _QUOTED_IDS):
            self._lines.append(_ORIGINAL)

    def _add(self, piece: str) -> None:
        """Add text to the line, if it is seen, with a mark if it is struck out."""
        look = self._looks[-1][1]
        if not look.is_faint:
            self._line.append("~~" * (look.struck and bool(piece.strip())) + unescape(piece))

    def _enter(self, name: str, piece: str) -> None:
        """Begin an element, and hide what is in it if no reader sees it."""
        look = look_of(name, piece, self._looks[-1][1])
        if look.hidden:
            self._hidden = (name, 1)
            return
        self._looks.append((name, look))
        self._open[name] += 1

    def _leave(self, name: str) -> None:
        """End an element, with those in it that were not ended."""
        while self._open[name]:
            ended, _ = self._looks.pop()
            self._open[ended] -= 1
            if ended == name:
                return

    def _close(self, name: str, step: int) -> tuple[str, int] | None:
        """Return the hidden element after one more tag inside it; None if it has ended."""
        assert self._hidden is not None
        hidden, depth = self._hidden
        depth += step if name == hidden else 0
        return (hidden, depth) if depth else None

    def _end_line(self) -> None:
        line, self._line = " ".join("".join(self._line).split()), []
        self._lines.append(f"> {line}" if self._quoted else line)

    def text(self) -> str:
        """Return the lines read so far, all with the mark of doubt if a style sheet may hide some."""
        self._end_line()
        if is_doubtful("".join(self._sheets)):
            self._lines = [f"~~{line}" if line else line for line in self._lines]
        return "\n".join(self._lines)
