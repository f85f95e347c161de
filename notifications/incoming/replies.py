"""A message that came back: what it is, who says to have written it, which notice it answers, and its words.

Nothing here is believed or decided; that is for whoever knows the people. Whatever comes is read, if only in part:
a message is made by strangers, and reading one never raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser

from notifications.incoming.bounces import Bounce, bounce_of
from notifications.incoming.parts import content, kind, name_of, parameter, parts_of, text_of
from notifications.incoming.quoting import Words, own_words
from notifications.incoming.senders import Headers, addresses_in, dmarc, sender_of, value, values
from notifications.links import parse_notice_number

# Where the address stands that a message came to; first what the server says that delivered it.
_DELIVERED = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
_ADDRESSES = 20  # of one message that are looked at
_IDENTIFIER = re.compile(r"<[^<>\s\x00-\x1f\x7f\ufffd]{1,250}>")
_AWAY = re.compile(
    r"\W*(auto(matic|mated)?[- ]?(reply|response|answer)|auto:|out of (the )?office|ooo\b|away from|on vacation|"
    r"vacation (reply|response|notice)|i am (away|out)|respuesta autom[aá]tica|contestaci[oó]n autom[aá]tica|"
    r"fuera de (la )?oficina|estoy (de vacaciones|fuera|ausente)|ausente\b|ausencia\b|de vacaciones)",
    re.IGNORECASE,
)
_PASSED_ON = re.compile(r"\W*(fwd?|rv|wg|tr|reenv(iado)?)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a message is. `doubt`, `automatic` and `passed_on` say why; None where it is not so.

    `to` are the addresses it came to that name a notice, `answers` the messages it says to answer, `dmarc` what the
    trusted mail server found ("" where it says nothing).
    """

    to: tuple[str, ...] = ()
    sender: str | None = None
    doubt: str | None = None
    subject: str = ""
    message_id: str | None = None
    answers: tuple[str, ...] = ()
    automatic: str | None = None
    bounce: Bounce | None = None
    passed_on: str | None = None
    calendar: bool = False
    dmarc: str = ""
    words: Words = field(default_factory=Words)
    files: tuple[str, ...] = ()


def read(content: bytes, authserv: str = "") -> Incoming:
    """What a message is; `authserv` names the mail server whose Authentication-Results are believed, if any is."""
    message = _parsed(content)
    headers = [(name, _text(text)) for name, text in message.raw_items()]
    sender, doubt = sender_of(headers)
    found = parts_of(message)
    bounce = bounce_of(message, headers)
    words = own_words(text_of(message))
    return Incoming(
        to=_to(headers),
        sender=sender,
        doubt=doubt,
        subject=_words(value(headers, "Subject"))[:300],
        message_id=next(iter(_identifiers(headers, "Message-ID")), None),
        answers=(*_identifiers(headers, "In-Reply-To"), *reversed(_identifiers(headers, "References"))),
        automatic=_automatic(message, headers),
        bounce=bounce,
        passed_on=None if bounce else _passed_on(headers, found, words),
        calendar=any(_answers_invitation(part) for part in found),
        dmarc=dmarc(headers, authserv, sender),
        words=words,
        files=tuple(name for part in found[1:] if (name := name_of(part)) is not None)[:20],
    )


def _parsed(content: bytes) -> Message:
    """The message, or only its head where its parts are nested beyond all measure."""
    try:
        message = BytesParser().parsebytes(content)
        parts_of(message)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return BytesHeaderParser().parsebytes(
            content.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0] + b"\n\n"
        )
    return message


def _text(raw: object) -> str:
    """The value of a header as text; bytes that are no letters become marks."""
    return str(raw).encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\x00", "")


def _words(line: str) -> str:
    """A header with its encoded words decoded (RFC 2047), as far as they can be."""
    from email.header import decode_header, make_header

    with suppress(Exception):  # whatever is wrong with it, its raw form tells enough
        line = str(make_header(decode_header(line)))
    return " ".join("".join(c if c.isprintable() else " " for c in line).split())


def _to(headers: Headers) -> tuple[str, ...]:
    found: list[str] = []
    for name in _DELIVERED:
        for line in values(headers, name):
            found += [
                one for one in addresses_in(line) if parse_notice_number(one.rpartition("@")[0]) is not None
            ]
    return tuple(dict.fromkeys(found))[:_ADDRESSES]


def _identifiers(headers: Headers, name: str) -> list[str]:
    return [one for line in values(headers, name) for one in _IDENTIFIER.findall(line)][:50]


def _automatic(message: Message, headers: Headers) -> str | None:
    """Why nobody in person wrote this (RFC 3834, 2 and 5), if so."""
    submitted = value(headers, "Auto-Submitted").partition(";")[0].strip().lower()
    if submitted not in ("", "no"):
        return f"it says so itself (Auto-Submitted: {submitted[:40]})"
    if (order := value(headers, "Precedence").lower()) in (
        "bulk",
        "auto_reply",
        "auto-reply",
        "junk",
        "list",
    ):
        return f"it says so itself (Precedence: {order})"
    for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "X-Autoreply-From"):
        if value(headers, name).lower() not in ("", "no"):
            return f"it says so itself ({name})"
    if value(headers, "List-Id") or value(headers, "List-Unsubscribe"):
        return "it comes from a mailing list"
    if "<>" in values(headers, "Return-Path"):
        return "no answer to it is wanted (its Return-Path is empty)"
    if kind(message) == "multipart/report":
        return "it is a report, such as a receipt"
    subject = _words(value(headers, "Subject"))
    if _AWAY.match(subject) or (values(headers, "X-Auto-Response-Suppress") and _AWAY.search(subject)):
        return "its subject is that of somebody who is away"
    return None


def _passed_on(headers: Headers, parts: Sequence[Message], words: Words) -> str | None:
    """Why this is another message passed on, if so."""
    if any(name.lower().startswith("resent-") for name, _ in headers):
        return "it was sent on from another mailbox (Resent)"
    if any(kind(part) in ("message/rfc822", "message/global") for part in parts):
        return "another message is attached to it"
    if words.forwarded or _PASSED_ON.match(_words(value(headers, "Subject"))):
        return "it passes another message on"
    return None


def _answers_invitation(part: Message) -> bool:
    if kind(part) != "text/calendar":
        return False
    method = parameter(part, "method").upper() or ("REPLY" if "METHOD:REPLY" in content(part).upper() else "")
    return method in ("REPLY", "COUNTER", "REFRESH")
