"""Composes the bytes of one mail from a rendered notice; the same input gives the same bytes at every attempt.

This module writes the headers itself. In Python 3.11 the standard library's policy alters a long name when it folds
it: it adds a blank before a comma or inside a word.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Any

from notifications.addresses import parse_address, parse_mailbox, refuse_controls
from notifications.calendar import CalendarFile
from notifications.render import Rendered

_WIDTH = 76
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")  # RFC 5322: ASCII, no blanks, between angle brackets
_REF = re.compile(r"[!-~]+")
_ADDRESS = re.compile(r"https?://[!-;=?-~]{1,900}")  # without the angle brackets that stand around it
_LONGEST_LINE = 998  # RFC 5322, 2.1.1


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A text file that a mail brings: its name, and its content in UTF-8 with CRLF line ends."""

    name: str
    content: bytes


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
    proofs: Sequence[str] = (),
    unsubscribe: str | None = None,
    enclosure: Enclosure | None = None,
    pages: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """Return one mail as RFC 5322 bytes with CRLF line ends.

    `sender` and `reply_to` are addresses with or without a name. `message_id` and `thread_id` have the form
    `<unique@example.org>`. `ref` is "" for mail that concerns no single partnership. Of several calendar files,
    mail programs offer the first. `pages` are the names and contents of attached HTML pages.
    `record` names the entries of the record that the mail proves, a line for each, and `proofs` has their proofs.
    `unsubscribe` is the address that ends such mail by one POST (RFC 8058). The `enclosure` comes last.
    Raise ValueError, which names the header, for a value that a header cannot hold.
    """
    headers = [
        # Every value is checked before it becomes a header, since it may hold what a person typed.
        ("From", _write_mailbox(*parse_mailbox(sender, "From"), "From")),
        ("To", _write_mailbox(recipient_name, parse_address(recipient, "To"), "To")),
        *(
            [("Reply-To", _write_mailbox(*parse_mailbox(reply_to, "Reply-To"), "Reply-To"))]
            if reply_to
            else []
        ),
        ("Subject", _write_text(rendered.subject, "Subject")),
        # Date and Message-ID come from the record, so that a second attempt sends the same message.
        ("Date", _write_date(date)),
        ("Message-ID", _check_identifier(message_id, "Message-ID")),
        *_make_threading(message_id, thread_id),
        # Both ask for no vacation replies: the first of everybody (RFC 3834), the second of Exchange.
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        *([("X-Partnership", _check_ref(ref))] if ref else []),
        *(("X-Partnership-Record", _write_text(line, "X-Partnership-Record")) for line in record),
        *(("X-Partnership-Proof", _write_text(line, "X-Partnership-Proof")) for line in proofs),
        *_make_unsubscribing(unsubscribe),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
    return _within_limit(head + _make_body(rendered, message_id, calendar, pages, enclosure))


def _make_body(
    rendered: Rendered,
    message_id: str,
    calendar: Sequence[CalendarFile],
    pages: Sequence[tuple[str, bytes]],
    enclosure: Enclosure | None,
) -> bytes:
    """Return the body: a text part, an HTML part, the calendar files, the attached pages, and the enclosure.

    The first calendar file is an alternative of the words, where Gmail and Outlook look for it, and is attached a
    second time as a file to save and open. The others are attached only.
    """
    message = EmailMessage(policy=SMTP)
    # Quoted-printable keeps every line short and in ASCII, so no server has to encode it again.
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    for file in calendar[:1]:
        message.add_alternative(file.content.decode(), subtype="calendar", **_calendar_options(file))
    for number, file in enumerate(calendar, 1):
        name = "date.ics" if number == 1 else f"date-{number}.ics"
        if number == 1:
            # As application/ics it is only a file.
            # A second text/calendar part with the same date could show it twice.
            message.add_attachment(file.content, maintype="application", subtype="ics", filename=name)
        else:
            text = file.content.decode()
            message.add_attachment(text, subtype="calendar", filename=name, **_calendar_options(file))
    for name, content in pages:
        message.add_attachment(
            content, maintype="text", subtype="html", filename=name, params={"charset": "utf-8"}
        )
    if enclosure is not None:
        # As base64, so that its bytes can be exchanged without a look at the rest of the message.
        message.add_attachment(
            enclosure.content,
            maintype="text",
            subtype="plain",
            cte="base64",
            filename=enclosure.name,
            params={"charset": "utf-8"},
        )
    files = [file.content.decode() for file in calendar] + [
        hashlib.sha256(page).hexdigest() for _, page in pages
    ]
    seed = _digest(message_id, rendered.subject, rendered.text, rendered.html, *files)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        # A boundary comes from a digest, so that it is the same at every attempt. "=_" cannot occur in
        # quoted-printable text, so no line of the content looks like a boundary.
        part.set_boundary(f"=_{number}_{seed}")
    return message.as_bytes()


def _calendar_options(file: CalendarFile) -> dict[str, Any]:
    """Return how to encode a calendar file, with its method in the header of the part (RFC 6047)."""
    return {"cte": "quoted-printable", "params": {"method": file.method}}


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        # The mark between two parts keeps "ab", "c" apart from "a", "bc".
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:32]


def _make_threading(message_id: str, thread_id: str | None) -> Iterator[tuple[str, str]]:
    """Return headers that make every mail of one partnership answer the same root, so that it is one thread."""
    if thread_id is not None and thread_id != message_id:
        # The root need not exist as a message: many mail programs
        # also group answers to one that they do not have.
        yield "In-Reply-To", _check_identifier(thread_id, "In-Reply-To")
        yield "References", _check_identifier(thread_id, "References")


def _make_unsubscribing(address: str | None) -> Iterator[tuple[str, str]]:
    """Return the headers by which mail programs offer a button that unsubscribes (RFC 2369; RFC 8058, 3.1)."""
    if address is None:
        return
    # An address is never folded: a program may read it with the blank that folding leaves.
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"List-Unsubscribe: {address!r} is not a web address; expected ASCII without blanks")
    yield "List-Unsubscribe", f"<{address}>"
    yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _check_identifier(text: str, header: str) -> str:
    """Return a Message-ID itself. Raise ValueError if it is not well formed."""
    # An identifier is never folded, so its length must keep the line within the limit of RFC 5322.
    if not _MESSAGE_ID.fullmatch(text) or len(text) > 250:
        raise ValueError(f"{header}: {text!r} is not of the form <unique@example.org>")
    return text


def _check_ref(text: str) -> str:
    """Return the reference of a partnership itself. Raise ValueError if no header can hold it."""
    if not _REF.fullmatch(text) or len(text) > 250:
        raise ValueError(f"X-Partnership: {text!r} is not a partnership's reference: ASCII without blanks")
    return text


def _write_date(moment: datetime) -> str:
    """Return a moment as a header has it. Raise ValueError if it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"Date: {moment} has no time zone; expected a time with its zone")
    return format_datetime(moment)


def _write_mailbox(name: str, where: str, header: str) -> str:
    """Return a name and an address for a header: the name quoted if it is short ASCII, else encoded (RFC 2047)."""
    words = " ".join(refuse_controls(name, header).split())
    if not words:
        return where
    # A plain name that contains "=?" would be decoded by its reader as if it were an encoded word.
    short = words.isascii() and len(words) <= _WIDTH - 16 and "=?" not in words
    phrase = formataddr((words, "@"))[: -len(" <@>")] if short else _encode(words, header)
    last_line = phrase.rpartition("\n")[2]
    fits = len(header) + 2 + len(last_line) + len(where) + 3 <= _WIDTH
    return f"{phrase} <{where}>" if fits else f"{phrase}\r\n <{where}>"


def _write_text(text: str, header: str) -> str:
    """Return a line of text for a header: folded at blanks if it is ASCII, else encoded."""
    words = refuse_controls(text, header).split()
    # Only blanks can be folded, so a longer word has to be encoded in pieces.
    is_plain = text.isascii() and "=?" not in text and all(len(word) < _WIDTH for word in words)
    if not is_plain:
        return _encode(" ".join(words), header)
    first = " " * (len(header) + 2)
    lines = textwrap.wrap(
        " ".join(words), _WIDTH, initial_indent=first, break_long_words=False, break_on_hyphens=False
    )
    return "\r\n ".join(line.strip() for line in lines)


def _encode(text: str, header: str) -> str:
    """Return text as encoded words that fit the width of a line (RFC 2047)."""
    return Header(text, "utf-8", maxlinelen=_WIDTH, header_name=header).encode(linesep="\r\n")


def _within_limit(message: bytes) -> bytes:
    """Return a message itself. Raise ValueError if a line is longer than mail servers must accept."""
    # A server may cut a longer line or refuse the message. This is found here, before anything is sent.
    longest = max(len(line) for line in message.split(b"\r\n"))
    if longest > _LONGEST_LINE:
        raise ValueError(f"a line of {longest} octets; expected at most {_LONGEST_LINE} (RFC 5322)")
    return message
