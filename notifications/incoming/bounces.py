"""Reads reports that a message was not delivered: in the form of RFC 3464, or in a mail server's own words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from notifications.incoming.parts import content, kind, parameter, parts_of
from notifications.incoming.senders import Headers, addresses_in, value

_DAEMON = re.compile(
    r"(mailer-daemon|postmaster|mail-daemon|mailerdaemon|microsoftexchange[0-9a-f]{0,40})@.*|mailer-daemon|postmaster"
    r"|system administrator",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -])")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_MESSAGE_ID = re.compile(r"^[>\t ]{0,40}message-id:\s{0,10}(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)
_UNDELIVERED = re.compile(
    r"undeliver|not? (be )?deliver|delivery (status|has )?(failed|failure|notification)|returned mail|mail delivery"
    r"|not yet been deliver|n.t able to deliver|unable to deliver|delayed|could not send message"
    r"|failure notice|no se (ha )?(pudo|podido) entregar|no entregado|devuelto",
    re.IGNORECASE,
)
# In a server's own words: that it still tries, that it does not, and that the message is sent back.
_WAITS = re.compile(
    r"delayed|not yet been deliver|warning message only|(will|shall) (keep|continue)|still (undelivered|trying)"
    r"|could not send message for|no action is required",
    re.IGNORECASE,
)
_GAVE_UP = re.compile(
    r"(given|giving|gave) up|permanent(ly)? (error|fail)|not going to try"
    r"|(retry|queue)[^\n]{0,40}(exceeded|expired|too long)",
    re.IGNORECASE,
)
_RETURNED = re.compile(
    r"undeliver|returned|delivery failure|failure notice|mail delivery failed|devuelto|no entregado",
    re.IGNORECASE,
)
# Where the copy of the message begins, whose words are not the server's.
_COPY = re.compile(
    r"^-{2,80}[^\n]{0,60}(?:copy|original message|below this line|unsent|returned message)"
    r"|^[>\t ]{0,9}(?:return-path|received|message-id|dkim-signature):",
    re.IGNORECASE | re.MULTILINE,
)
_REPORTS = ("message/delivery-status", "message/global-delivery-status")  # RFC 3464, RFC 6533
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")  # RFC 3464, 2.3.3
_MOST = 20_000  # characters of a report that are read


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a report says: a message did not arrive, or not yet. `about` are the Message-IDs that it names."""

    address: str | None
    status: str | None  # RFC 3463, such as 5.1.1
    permanent: bool
    said: str
    about: tuple[str, ...] = ()
    unclear: bool = False  # whether it does not say if the server still tries


def read_bounce(message: Message, headers: Headers) -> Bounce | None:
    """Return what a report says; None if the message is not a report.

    1. A part of the type message/delivery-status has its own fields (RFC 3464).
    2. A multipart/report without such a part is read as text.
    3. So is a message from a mail server, with an empty Return-Path and with words such as "undeliverable", or one
       whose headers name the recipients that failed, as Exim does.
    """
    parts = parts_of(message)
    reports = [
        part for part in parts if kind(part) in ("message/delivery-status", "message/global-delivery-status")
    ]
    # The fields are made for programs, so they count more than any words in the report.
    if reports:
        return _read_fields(reports[0], parts)
    if kind(message) == "multipart/report" and parameter(message, "report-type").lower() == "delivery-status":
        return _read_text(parts, headers)
    sender = next(iter(addresses_in(value(headers, "From"))), value(headers, "From"))
    unreturnable = value(headers, "Return-Path") in ("<>", "")
    # Without a Return-Path the sender has to be a mail server.
    returned = value(headers, "Return-Path") == "<>" and _RETURNED.match(value(headers, "Subject"))
    by_server = _DAEMON.fullmatch(sender.strip(' "')) or returned
    failed = bool(value(headers, "X-Failed-Recipients"))
    if unreturnable and (failed or (by_server and _UNDELIVERED.search(_join_texts(parts, headers)))):
        return _read_text(parts, headers)
    return None


def _read_fields(report: Message, parts: Sequence[Message]) -> Bounce:
    """Return what the fields of a report in the form of RFC 3464 say, of a recipient who was not reached if any."""
    blocks = _read_blocks(report)
    failed = [block for block in blocks if value(block, "Action").lower().startswith("failed")]
    named = [block for block in blocks if value(block, "Action")]
    fields = next(iter(failed or named or blocks), [])
    # The final address may be one that the mail was redirected to, which our directory does not know.
    final = value(fields, "Original-Recipient") or value(fields, "Final-Recipient")
    recipient = _ADDRESS.search(final)
    status = _STATUS.search(value(fields, "Status"))
    # A comment may follow (RFC 3464, 2.1.1).
    action = value(fields, "Action").lower().partition("(")[0].strip()
    words = value(fields, "Diagnostic-Code") or value(fields, "Status") or action
    code = status[1] if status else None
    # "failed" is the end, whatever the status: 4.4.1 says why the server gave up (RFC 3464, 2.3.3). "delayed" also
    # has a status, and the server still tries. Nobody must be marked as unreachable for that.
    permanent = action == "failed"
    return Bounce(
        recipient[0].lower() if recipient else None,
        code,
        permanent,
        _make_printable(words),
        _find_message_ids(parts),
        unclear=action not in _ACTIONS,
    )


def _read_blocks(report: Message) -> list[list[tuple[str, str]]]:
    """Return the fields of each block of a report: one about the message, then one for each recipient."""
    payload = report.get_payload()
    blocks = [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
    if kind(report) == "message/delivery-status":
        return [[(name, str(text)) for name, text in block.items()] for block in blocks]
    # The parser takes the type of RFC 6533 for a message: the first block is its head, the others are its body.
    lines = [f"{name}: {text}" for block in blocks[:1] for name, text in block.items()]
    body = content(blocks[0]) if blocks else content(report)
    if str(report.get("Content-Transfer-Encoding", "")).strip().lower() in ("base64", "quoted-printable"):
        whole = Message()
        whole["Content-Transfer-Encoding"] = str(report["Content-Transfer-Encoding"])
        whole.set_payload("\n".join([*lines, "", body])[:_MOST])
        lines, body = [], content(whole)
    text = "\n".join([*lines, "", body])[:_MOST].replace("\r\n", "\n")
    parser = HeaderParser()
    return [
        [(name, str(value)) for name, value in parser.parsestr(block).items()] for block in text.split("\n\n")
    ]


def _read_text(parts: Sequence[Message], headers: Headers) -> Bounce:
    """Return what a report in a server's own words says: its first status, and the first address but its own.

    It is final if the server says so, or sends the message back and does not say that it still tries. A code such
    as 451 in it only says why the last try failed.
    """
    text = _COPY.split(_join_texts(parts, headers), maxsplit=1)[0]
    status, code = _STATUS.search(text), _CODE.search(text)
    digit = status[1][0] if status else code[1][0] if code else ""
    failed = value(headers, "X-Failed-Recipients")
    waits = bool(_WAITS.search(text)) and not failed
    returned = digit == "5" or failed or _RETURNED.search(value(headers, "Subject"))
    permanent = bool(_GAVE_UP.search(text) or (returned and not waits))
    # The report also names its own sender and the office, and neither of them is the one that failed.
    own = {*addresses_in(value(headers, "From")), *addresses_in(value(headers, "To"))}
    addresses = (address.lower() for address in _ADDRESS.findall(f"{failed} {text}"))
    words = next((line for line in text.splitlines() if _STATUS.search(line) or _CODE.search(line)), "")
    return Bounce(
        next((address for address in addresses if address not in own), None),
        status[1] if status else None,
        permanent,
        _make_printable(words or value(headers, "Subject")),
        _find_message_ids(parts),
        unclear=not (permanent or waits or digit),
    )


def _make_printable(text: str) -> str:
    """Return a line without characters that cannot be shown or stored."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:500]


def _join_texts(parts: Sequence[Message], headers: Headers) -> str:
    """Return the subject and all plain text of a message."""
    texts = [content(part)[:_MOST] for part in parts if kind(part) == "text/plain"]
    return "\n".join([value(headers, "Subject"), *texts])[:_MOST]


def _find_message_ids(parts: Sequence[Message]) -> tuple[str, ...]:
    """Return the Message-IDs of the returned messages, which are parts of their own or stand in the text."""
    identifiers: list[str] = []
    for part in parts[1:]:
        text = content(part) if kind(part).startswith("text/") else ""
        identifiers += [str(part.get("Message-ID", "")).strip(), *_MESSAGE_ID.findall(text[:_MOST])]
    if len(parts) == 1:
        identifiers += _MESSAGE_ID.findall(content(parts[0])[:_MOST])
    return tuple(dict.fromkeys(text for text in identifiers if text and text.isprintable()))[:10]
