"""Reads an incoming message: its kind, its claimed sender, the notice it answers, and the sender's own words.

This module neither believes nor decides anything; its caller knows the people. A stranger can make a message of any
form, so reading one never raises, and a damaged message is read in part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser

from notifications.incoming.bounces import Bounce, read_bounce
from notifications.incoming.bounds import bound
from notifications.incoming.consent import Kind, read_answer
from notifications.incoming.openpgp import SEALED
from notifications.incoming.parts import (
    content,
    decode_words,
    html_of,
    kind,
    name_of,
    parameter,
    parts_of,
    plain_of,
)
from notifications.incoming.quoting import MOST, Surroundings, Words, find_own_words, normalize
from notifications.incoming.senders import Headers, addresses_in, dmarc, sender_of, value, values
from notifications.incoming.signature import REACTED
from notifications.incoming.signed import open_signed
from notifications.links import parse_notice_number

# The headers with the address to which a message came. Those of the server that delivered it are first.
_DELIVERED = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
_ADDRESSES = 20  # addresses of one message that are used
_IDENTIFIER = re.compile(r"<[^<>\s\x00-\x1f\x7f\ufffd]{1,250}>")
_AWAY = re.compile(
    r"\W*(auto(matic|mated)?[- ]?(reply|response|answer)|auto:|out of (the )?office|ooo\b|away from|on vacation|"
    r"vacation (reply|response|notice)|i am (away|out)|respuesta autom[aá]tica|contestaci[oó]n autom[aá]tica|"
    r"fuera de (la )?oficina|estoy (de vacaciones|fuera|ausente)|ausente\b|ausencia\b|de vacaciones)",
    re.IGNORECASE,
)
_REACTED_WITHIN = 10  # lines at the start of a message, one of which says that somebody reacted
_REACTION = "text/vnd.google.email-reaction+json"
_PASSED_ON = re.compile(r"\W*(fwd?|rv|wg|tr|reenv(iado)?)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Incoming:
    """The content of a message."""

    to: tuple[str, ...] = ()  # the addresses to which it came and which name a notice
    sender: str | None = None
    doubt: str | None = None  # why its sender may be forged
    subject: str = ""
    message_id: str | None = None
    answers: tuple[str, ...] = ()  # the Message-IDs that it claims to answer, the nearest first
    automatic: str | None = None  # why a machine wrote it
    bounce: Bounce | None = None
    passed_on: str | None = None  # why it passes on the message of somebody else
    calendar: bool = False  # whether it answers an invitation
    reaction: bool = False  # whether it is a picture that was chosen in place of an answer
    dmarc: str = ""  # what the trusted mail server says; "" if nothing
    plain: str = ""  # its plain text, with all that it quotes
    html: str = ""  # the text that its HTML shows
    words: Words = field(default_factory=Words)
    says: Kind | None = None  # yes or no, if the words say that and nothing besides
    files: tuple[str, ...] = ()
    whole: bool = True  # False if it has too many lines or parts, so that only its head was read


def read(content: bytes, authserv: str = "") -> Incoming:
    """Read a message; `authserv` names the mail server whose Authentication-Results count, "" for none."""
    bounded, whole = bound(content)
    message = _parse(bounded)
    # Take the headers in their raw form and decode them here, which cannot fail however damaged they are.
    headers = [(name, _decode(text)) for name, text in message.raw_items()]
    sender, doubt = sender_of(headers)
    parts = parts_of(message)
    bounce = read_bounce(message, headers)
    # The signature around a message changes none of its words. Who sent it is decided by other means.
    inner = open_signed(message)
    incoming = Incoming(
        to=_find_addresses(headers),
        sender=sender,
        doubt=doubt,
        # Everything that is kept has a limit, since a stranger decides how long it is.
        subject=decode_words(value(headers, "Subject"))[:300],
        message_id=next(iter(_find_identifiers(headers, "Message-ID")), None),
        answers=(
            *_find_identifiers(headers, "In-Reply-To"),
            # References lists the thread from its root on, so the
            # message that was answered is the last (RFC 5322).
            *reversed(_find_identifiers(headers, "References")),
        ),
        automatic=_find_automatic(message, headers),
        bounce=bounce,
        passed_on=None if bounce else _find_passed_on(headers, parts),
        reaction=any(kind(part) == _REACTION for part in parts),
        calendar=any(_is_answer_to_invitation(part) for part in parts),
        dmarc=dmarc(headers, authserv, sender),
        plain=plain_of(inner),
        html=html_of(inner),
        # The first part is the message itself or the container of the others, so it is no file.
        files=tuple(name for part in parts[1:] if (name := name_of(part)) is not None)[:20],
        whole=whole,
    )
    return add_words(incoming, Surroundings())


def add_words(incoming: Incoming, around: Surroundings) -> Incoming:
    """Return an incoming message with its sender's own words, found with what is known of the message it answers.

    If its plain text and its HTML begin with different words, the person may have seen either. It is unclear then.
    """
    words = find_own_words(incoming.plain or incoming.html, around)
    says = read_answer(words.text, around.person)
    if incoming.plain and incoming.html and words.unclear is None:
        shown = find_own_words(incoming.html, around)
        says = says if read_answer(shown.text, around.person) is says else None
        if shown.unclear or normalize(shown.first) != normalize(words.first):
            words = replace(
                words, unclear=shown.unclear or "its plain text and its HTML say different things"
            )
    if SEALED in words.text:
        # Nobody knows what the rest says, and it may be a condition.
        words = replace(words, unclear="a part of it is encrypted")
    forwarded = "it passes another message on" if words.forwarded and incoming.bounce is None else None
    lines = (incoming.plain or incoming.html)[:MOST].splitlines()
    reaction = incoming.reaction or any(REACTED.fullmatch(line) for line in lines[:_REACTED_WITHIN])
    says = None if words.unclear or reaction else says
    passed_on = incoming.passed_on or forwarded
    return replace(incoming, words=words, says=says, passed_on=passed_on, reaction=reaction)


def _parse(content: bytes) -> Message:
    """Return the message, or only its head if its parts are nested too deep to be read."""
    try:
        # The parser of Python calls itself for each part inside
        # a part, so deep nesting ends in RecursionError.
        message = BytesParser().parsebytes(content)
        parts_of(message)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return BytesHeaderParser().parsebytes(
            content.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0] + b"\n\n"
        )
    return message


def _decode(raw: object) -> str:
    """Return the value of a header as text. Bytes that are not UTF-8, and NUL, become replacement marks."""
    return str(raw).encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\x00", "\ufffd")


def _find_addresses(headers: Headers) -> tuple[str, ...]:
    """Return the addresses to which a message came and which name a notice."""
    addresses: list[str] = []
    for name in _DELIVERED:
        for line in values(headers, name):
            addresses += [
                text
                for text in addresses_in(line)
                if parse_notice_number(text.rpartition("@")[0]) is not None
            ]
    return tuple(dict.fromkeys(addresses))[:_ADDRESSES]


def _find_identifiers(headers: Headers, name: str) -> list[str]:
    """Return the Message-IDs in the headers with a name."""
    return [text for line in values(headers, name) for text in _IDENTIFIER.findall(line)][:50]


def _find_automatic(message: Message, headers: Headers) -> str | None:
    """Return why a machine wrote this message (RFC 3834, 2 and 5); None if a person did."""
    # An answer to an automatic message could come back automatically, and the two systems would not stop.
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
    # An empty return path marks reports and vacation replies, so that nobody answers them (RFC 5321, 4.5.5).
    if "<>" in values(headers, "Return-Path"):
        return "no answer to it is wanted (its Return-Path is empty)"
    if kind(message) == "multipart/report":
        return "it is a report, such as a receipt"
    subject = decode_words(value(headers, "Subject"))
    if _AWAY.match(subject) or (values(headers, "X-Auto-Response-Suppress") and _AWAY.search(subject)):
        return "its subject is that of somebody who is away"
    return None


def _find_passed_on(headers: Headers, parts: Sequence[Message]) -> str | None:
    """Return why this passes on the message of somebody else; None if it does not."""
    # The words of a message that is passed on are those of its first author, not of the person who sent it.
    if any(name.lower().startswith("resent-") for name, _ in headers):
        return "it was sent on from another mailbox (Resent)"
    if any(kind(part) in ("message/rfc822", "message/global") for part in parts):
        return "another message is attached to it"
    if _PASSED_ON.match(decode_words(value(headers, "Subject"))):
        return "it passes another message on"
    return None


def _is_answer_to_invitation(part: Message) -> bool:
    """Return whether a part is a calendar program's answer, such as "accepted" (RFC 5546)."""
    if kind(part) != "text/calendar":
        return False
    # Some programs name the method only inside the calendar and not in the header of the part.
    method = parameter(part, "method").upper() or ("REPLY" if "METHOD:REPLY" in content(part).upper() else "")
    return method in ("REPLY", "COUNTER", "REFRESH")
