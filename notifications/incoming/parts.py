"""The parts of a message that came back: its text, what its HTML shows, the files with it. Nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from html import unescape
from itertools import islice

_PARTS = 200  # of one message that are looked at
_MOST = 400_000  # characters of a part that are looked at
_BLOCKS = frozenset(
    (
        "p", "div", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote",
        "section", "hr", "pre",
    )
)  # fmt: skip
_UNSEEN = frozenset(("script", "style", "head", "title"))
# What Outlook and Gmail put around the message that is quoted.
_QUOTED_IDS = (
    "divrplyfwdmsg",
    "appendonsend",
    "olk_src_body_section",
    "mail-editor-reference-message-container",
)
_TAGS = re.compile(r"(</?[a-zA-Z][^<>]*>)")
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|<![^<>]*>|<\?[^<>]*>", re.DOTALL)
_ORIGINAL = "-----Original Message-----"


def parts_of(message: Message) -> list[Message]:
    """The parts of a message in their order, those of messages within it too."""
    return list(islice(message.walk(), _PARTS))


def kind(part: Message) -> str:
    """The type of a part, such as text/plain."""
    try:
        return part.get_content_type().lower()
    except (ValueError, TypeError, AttributeError):
        return "text/plain"


def parameter(part: Message, name: str) -> str:
    """A parameter of the type of a part, such as its charset; "" where it has none."""
    try:
        found = part.get_param(name, "")
        return str(found[2] if isinstance(found, tuple) else found or "")
    except (ValueError, TypeError, LookupError):
        return ""


def content(part: Message) -> str:
    """The text of a part, in whatever letters it is written."""
    try:
        raw = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        raw = None
    if not isinstance(raw, bytes):
        return ""
    raw = raw[: _MOST * 4]
    for charset in (parameter(part, "charset") or "utf-8", "utf-8"):
        try:
            return raw.decode(charset)[:_MOST]
        except (LookupError, ValueError):  # no such charset, or other letters than it says
            continue
    return raw.decode("latin-1")[:_MOST]


def name_of(part: Message) -> str | None:
    """The name of a part that is a file; None where it is part of the text."""
    try:
        named = part.get_filename()
        disposition = part.get_content_disposition()
    except (ValueError, TypeError, LookupError):
        return "a file"
    if named is None and disposition != "attachment":
        return None
    return " ".join(str(named or kind(part)).split())[:200]


def text_of(message: Message) -> str:
    """What the message says: its plain text, else what its HTML shows."""
    html = None
    for part in _own_parts(message):
        if name_of(part) is not None:
            continue
        if kind(part) == "text/plain" and (found := content(part)).strip():
            return found
        if kind(part) == "text/html" and html is None:
            html = content(part)
    return shown(html) if html else ""


def _own_parts(message: Message) -> Iterator[Message]:
    """The parts of a message without those of messages within it."""
    within: set[int] = set()
    for part in parts_of(message):
        if id(part) in within or kind(part).startswith("message/"):
            below = part.get_payload()
            within.update(id(one) for one in below) if isinstance(below, list) else None
            continue
        yield part


def shown(html: str) -> str:
    """What HTML shows as text, with a mark before each line that is quoted."""
    page = _Page()
    for piece in _TAGS.split(_COMMENT.sub("", html)):
        page.take(piece)
    return page.text()


class _Page:
    """Lines read out of HTML: block elements end one, a blockquote marks it.

    html.parser would take minutes over a message that was made to be hard; this looks at each character once.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quoted = 0
        self._unseen = 0

    def take(self, piece: str) -> None:
        """A tag, or the text between two."""
        found = _TAG.match(piece)
        if found is None:
            if not self._unseen:
                self._line.append(unescape(piece))
            return
        name, step = found["name"].lower(), -1 if found["end"] else 1
        if name in _UNSEEN:
            self._unseen = max(self._unseen + step, 0)
        if name == "br" or name in _BLOCKS:
            self._end_line()
        if name == "blockquote":
            self._quoted = max(self._quoted + step, 0)
        if step > 0 and not self._quoted and any(one in piece.lower() for one in _QUOTED_IDS):
            self._lines.append(_ORIGINAL)

    def _end_line(self) -> None:
        line, self._line = " ".join("".join(self._line).split()), []
        self._lines.append(f"> {line}" if self._quoted else line)

    def text(self) -> str:
        """The lines read so far."""
        self._end_line()
        return "\n".join(self._lines)
