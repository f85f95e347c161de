"""Makes the bytes of one mail from what was rendered; the same input gives the same bytes at every attempt.

Headers are written here rather than by the standard library's policy, which in Python 3.11 alters a long name
when it folds it (a blank before a comma, a blank inside a word).
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Any

from notifications.addresses import address, mailbox, without_controls
from notifications.calendar import CalendarFile
from notifications.render import Rendered

_WIDTH = 76
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")  # RFC 5322: ASCII, no blanks, between angle brackets
_REF = re.compile(r"[!-~]+")
_LONGEST_LINE = 998  # RFC 5322, 2.1.1


def compose(
    *,
    rendered: Rendered,
    message_id: str,
    date: datetime,
    sender: str,
    recipient: str,
    recipient_name: str,
    thread_id: str | None,
    ref: str,
    calendar: Sequence[CalendarFile] = (),
    reply_to: str | None = None,
    record: Sequence[str] = (),
) -> bytes:
    """One mail as RFC 5322 bytes with CRLF line ends.

    `sender` and `reply_to` are addresses with or without a name; `message_id` and `thread_id` are of the form
    `<unique@example.org>`; `ref` may be "" for mail about no single partnership; of several calendar files
    the first is the one that is offered; `record` is what the mail bears witness to, a line for each.
    Raises ValueError, naming the header, for what can't stand in one.
    """
    headers = [
        ("From", _written(*mailbox(sender, "From"), "From")),
        ("To", _written(recipient_name, address(recipient, "To"), "To")),
        *([("Reply-To", _written(*mailbox(reply_to, "Reply-To"), "Reply-To"))] if reply_to else []),
        ("Subject", _unstructured(rendered.subject, "Subject")),
        ("Date", _date(date)),
        ("Message-ID", _identifier(message_id, "Message-ID")),
        *_threading(message_id, thread_id),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: no vacation replies, please
        ("X-Auto-Response-Suppress", "All"),  # the same to Exchange
        *([("X-Partnership", _ref(ref))] if ref else []),
        *(("X-Partnership-Record", _unstructured(line, "X-Partnership-Record")) for line in record),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
    return _within_limit(head + _body(rendered, message_id, calendar))


def _body(rendered: Rendered, message_id: str, calendar: Sequence[CalendarFile]) -> bytes:
    """Text and HTML, and what calendars need to offer a date.

    The first calendar file is an alternative of the words, which is where Gmail and Outlook look for it, and
    again a file to save and open; the others are files.
    """
    message = EmailMessage(policy=SMTP)
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    for file in calendar[:1]:
        message.add_alternative(file.content.decode(), subtype="calendar", **_of_calendar(file))
    for number, file in enumerate(calendar, 1):
        name = "date.ics" if number == 1 else f"date-{number}.ics"
        if number == 1:
            message.add_attachment(file.content, maintype="application", subtype="ics", filename=name)
        else:
            text = file.content.decode()
            message.add_attachment(text, subtype="calendar", filename=name, **_of_calendar(file))
    files = (file.content.decode() for file in calendar)
    seed = _digest(message_id, rendered.subject, rendered.text, rendered.html, *files)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        # "=_" can't occur in quoted-printable text, so no line of the content can be taken for a boundary.
        part.set_boundary(f"=_{number}_{seed}")
    return message.as_bytes()


def _of_calendar(file: CalendarFile) -> dict[str, Any]:
    return {"cte": "quoted-printable", "params": {"method": file.method}}


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:32]


def _threading(message_id: str, thread_id: str | None) -> Iterator[tuple[str, str]]:
    """Every mail of one partnership answers the same root, which is all a reader needs to show one thread."""
    if thread_id is not None and thread_id != message_id:
        yield "In-Reply-To", _identifier(thread_id, "In-Reply-To")
        yield "References", _identifier(thread_id, "References")


def _identifier(text: str, header: str) -> str:
    if not _MESSAGE_ID.fullmatch(text) or len(text) > 250:
        raise ValueError(f"{header}: {text!r} is not of the form <unique@example.org>")
    return text


def _ref(text: str) -> str:
    if not _REF.fullmatch(text) or len(text) > 250:
        raise ValueError(f"X-Partnership: {text!r} is not a partnership's reference: ASCII without blanks")
    return text


def _date(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"Date: {moment} has no time zone; expected a time with its zone")
    return format_datetime(moment)


def _written(name: str, where: str, header: str) -> str:
    """A name and an address for a header; the name quoted if it is short ASCII, else encoded (RFC 2047)."""
    words = " ".join(without_controls(name, header).split())
    if not words:
        return where
    short = words.isascii() and len(words) <= _WIDTH - 16 and "=?" not in words
    phrase = formataddr((words, "@"))[: -len(" <@>")] if short else _encoded(words, header)
    last_line = phrase.rpartition("\n")[2]
    fits = len(header) + 2 + len(last_line) + len(where) + 3 <= _WIDTH
    return f"{phrase} <{where}>" if fits else f"{phrase}\r\n <{where}>"


def _unstructured(text: str, header: str) -> str:
    """A line of text for a header, folded at blanks, or encoded where it is not plain ASCII."""
    words = without_controls(text, header).split()
    plain = text.isascii() and "=?" not in text and all(len(word) < _WIDTH for word in words)
    if not plain:
        return _encoded(" ".join(words), header)
    first = " " * (len(header) + 2)
    lines = textwrap.wrap(
        " ".join(words), _WIDTH, initial_indent=first, break_long_words=False, break_on_hyphens=False
    )
    return "\r\n ".join(line.strip() for line in lines)


def _encoded(text: str, header: str) -> str:
    return Header(text, "utf-8", maxlinelen=_WIDTH, header_name=header).encode(linesep="\r\n")


def _within_limit(message: bytes) -> bytes:
    longest = max(len(line) for line in message.split(b"\r\n"))
    if longest > _LONGEST_LINE:
        raise ValueError(f"a line of {longest} octets; expected at most {_LONGEST_LINE} (RFC 5322)")
    return message
