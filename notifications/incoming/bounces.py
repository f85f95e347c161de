"""Reports that a message was not delivered: in the form of RFC 3464, or in a mail server's own words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message

from notifications.incoming.parts import content, kind, parameter, parts_of
from notifications.incoming.senders import Headers, addresses_in, value

_DAEMON = re.compile(r"(mailer-daemon|postmaster|mail-daemon|mailerdaemon)@.*|mailer-daemon", re.IGNORECASE)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -])")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_MESSAGE_ID = re.compile(r"^[>\s]*message-id:\s*(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)
_UNDELIVERED = re.compile(
    r"undeliver|not? (be )?deliver|delivery (status|has )?(failed|failure|notification)|returned mail|mail delivery"
    r"|failure notice|no se (ha )?(pudo|podido) entregar|no entregado|devuelto",
    re.IGNORECASE,
)
_MOST = 20_000  # characters of a report that are looked at


@dataclass(frozen=True, slots=True)
class Bounce:
    """That a message did not arrive, or not yet. `about` are the Message-IDs that the report names."""

    address: str | None
    status: str | None  # RFC 3463, such as 5.1.1
    permanent: bool
    said: str
    about: tuple[str, ...] = ()


def bounce_of(message: Message, headers: Headers) -> Bounce | None:
    """What a report says; None where the message is none."""
    found = parts_of(message)
    reports = [part for part in found if kind(part) == "message/delivery-status"]
    if reports:
        return _reported(reports[0], found)
    if kind(message) == "multipart/report" and parameter(message, "report-type").lower() == "delivery-status":
        return _plain(found, headers)
    sender = next(iter(addresses_in(value(headers, "From"))), value(headers, "From"))
    unreturnable = value(headers, "Return-Path") in ("<>", "")
    if _DAEMON.fullmatch(sender) and unreturnable and _UNDELIVERED.search(_whole(found, headers)):
        return _plain(found, headers)
    return None


def _reported(report: Message, parts: Sequence[Message]) -> Bounce:
    blocks = report.get_payload()
    fields: list[tuple[str, str]] = []
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, Message):
            fields += [(name, str(text)) for name, text in block.items()]
    final = value(fields, "Original-Recipient") or value(fields, "Final-Recipient")
    named = _ADDRESS.search(final)
    status = _STATUS.search(value(fields, "Status"))
    action = value(fields, "Action").lower()
    said = value(fields, "Diagnostic-Code") or value(fields, "Status") or action
    code = status[1] if status else None
    permanent = action == "failed" and (code is None or code.startswith("5"))
    return Bounce(named[0].lower() if named else None, code, permanent, _plainly(said), _about(parts))


def _plain(parts: Sequence[Message], headers: Headers) -> Bounce:
    """What a report in a server's own words says: its first status and the first address beside its own."""
    text = _whole(parts, headers)
    status, code = _STATUS.search(text), _CODE.search(text)
    digit = status[1][0] if status else code[1][0] if code else ""
    own = {*addresses_in(value(headers, "From")), *addresses_in(value(headers, "To"))}
    failed = value(headers, "X-Failed-Recipients")
    named = (found.lower() for found in _ADDRESS.findall(f"{failed} {text}"))
    said = next((line for line in text.splitlines() if _STATUS.search(line) or _CODE.search(line)), "")
    return Bounce(
        next((one for one in named if one not in own), None),
        status[1] if status else None,
        digit == "5",
        _plainly(said or value(headers, "Subject")),
        _about(parts),
    )


def _plainly(text: str) -> str:
    """A line without anything that cannot be shown or stored."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:500]


def _whole(parts: Sequence[Message], headers: Headers) -> str:
    texts = [content(part)[:_MOST] for part in parts if kind(part) == "text/plain"]
    return "\n".join([value(headers, "Subject"), *texts])[:_MOST]


def _about(parts: Sequence[Message]) -> tuple[str, ...]:
    """The Message-IDs of what was returned: in a part of its own, or in the text."""
    found: list[str] = []
    for part in parts[1:]:
        text = content(part) if kind(part).startswith("text/") else ""
        found += [str(part.get("Message-ID", "")).strip(), *_MESSAGE_ID.findall(text[:_MOST])]
    if len(parts) == 1:
        found += _MESSAGE_ID.findall(content(parts[0])[:_MOST])
    return tuple(dict.fromkeys(one for one in found if one and one.isprintable()))[:10]
