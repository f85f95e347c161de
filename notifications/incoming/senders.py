"""Finds out who sent a message: the one address of its From line, and what the receiving server says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.utils import getaddresses

import authres
import authres.dmarc

from notifications.addresses import parse_address

Headers = Sequence[tuple[str, str]]
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"\([^()]*\)")
# A From line without quoted text and comments: a name and an address in brackets, or only an address.
_PLAIN = re.compile(r"[^<>@]*<[^<>@\s]+@[^<>@\s]+>\s*|\s*[^<>@,;:\s]+@[^<>@,;:\s]+\s*")
_MOST = 2000  # characters of a header that are read
# Exchange adds these words to the header, and the grammar of RFC 8601, 2.2, does not have them.
_FOREIGN = re.compile(r"\s(action|reason_code|compauth|reason)=[\w.%-]+(\s+reason=\w+)?", re.IGNORECASE)
_FEATURES = authres.FeatureContext(authres.dmarc)


def values(headers: Headers, name: str) -> list[str]:
    """Return the values of all headers with a name, in their order, each on one line."""
    return [" ".join(value.split())[:_MOST] for key, value in headers if key.lower() == name.lower()]


def value(headers: Headers, name: str) -> str:
    """Return the value of the first header with a name; "" if there is none."""
    return next(iter(values(headers, name)), "")


def sender_of(headers: Headers) -> tuple[str | None, str | None]:
    """Return the address from which a message claims to come, and why to doubt that; None if there is none."""
    lines = values(headers, "From")
    if not lines:
        return None, "it has no From line"
    # A mail program may show one line while the server has checked the other.
    if len(lines) > 1:
        return None, "it has several From lines"
    addresses = addresses_in(lines[0])
    # Quoted text first: a bracket inside quotes begins no comment.
    bare = _COMMENT.sub("", _QUOTED.sub("", lines[0]))
    if len(addresses) > 1 or bare.count("@") > 1:
        return None, "its From line names several addresses"
    if not addresses:
        return None, "its From line names no address"
    # A mail server that checks such a line may read another address in it than we do.
    if not _PLAIN.fullmatch(bare):
        return None, "its From line is not well formed"
    senders = values(headers, "Sender")
    # Sender names the one who really sent it, such as an assistant or a list (RFC 5322, 3.6.2).
    if any(addresses_in(sender) != addresses for sender in senders):
        return addresses[0], "somebody else sent it in that name (its Sender line differs)"
    return addresses[0], None


def addresses_in(line: str) -> list[str]:
    """Return the valid addresses in a header, in small letters."""
    addresses = []
    try:
        pairs = getaddresses([line[:_MOST]])
    except (ValueError, TypeError, IndexError, RecursionError):
        return []
    for _, text in pairs:
        try:
            addresses.append(parse_address(text, "address").lower())
        except ValueError:
            continue
    return addresses


def dmarc(headers: Headers, authserv: str, sender: str | None) -> str:
    """Return what the mail server `authserv` says of the sender's domain: "pass", "fail", ...; "" if nothing.

    A sender can put any header into a message, so:

    1. Read only the headers above the first Received line of another server: our server wrote these.
    2. Of these, use the topmost result that has the name of our server.
    3. Its result must be about the domain of the From line (RFC 7489).
    """
    if not authserv or sender is None:
        return ""
    ours = authserv.lower()
    for name, text in headers[: _find_end_of_ours(headers, ours)]:
        if name.lower() != "authentication-results":
            continue
        line = " ".join(text.split())[:_MOST]
        if line.partition(";")[0].split(" ")[0].lower() == ours:
            return _read_result(line, sender.rpartition("@")[2])
    return ""


def _find_end_of_ours(headers: Headers, authserv: str) -> int:
    """Return where the headers of the receiving server end: at the Received line of the server before it."""
    is_past_ours = False
    for place, (name, text) in enumerate(headers):
        if name.lower() != "received":
            continue
        by = re.search(r"\bby\s+([^\s;()]+)", text[:_MOST])
        here = by is not None and by[1].lower().rstrip(".") == authserv
        if is_past_ours and not here:
            return place
        # One server may add several Received lines as a message passes through its parts.
        is_past_ours = is_past_ours or here
    return len(headers)


def _read_result(line: str, domain: str) -> str:
    """Return the one DMARC result in a header if it is about this domain; "" otherwise."""
    try:
        read = _FEATURES.parse(f"Authentication-Results: {_FOREIGN.sub('', line)}")
    except (authres.AuthResError, ValueError, IndexError, AttributeError, TypeError):
        return ""
    results = [result for result in read.results if result.method == "dmarc"]
    # With two results it is open which of them the server meant.
    if len(results) != 1:
        return ""
    about = str(results[0].header_from or "").lower().rstrip(".")
    if about != domain:
        return ""
    return str(results[0].result or "").lower()
