"""Who sent a message: the one address of its From line, and what the receiving server found out about it."""

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
# A From line without what is quoted in it and without remarks: a name and an address in brackets, or an address.
_PLAIN = re.compile(r"[^<>@]*<[^<>@\s]+@[^<>@\s]+>\s*|\s*[^<>@,;:\s]+@[^<>@,;:\s]+\s*")
_MOST = 2000  # characters of a header that are looked at
# Words that Exchange puts into the header, and that are no part of its grammar (RFC 8601, 2.2).
_FOREIGN = re.compile(r"\s(action|reason_code|compauth|reason)=[\w.%-]+(\s+reason=\w+)?", re.IGNORECASE)
_FEATURES = authres.FeatureContext(authres.dmarc)


def values(headers: Headers, name: str) -> list[str]:
    """The values of every header of a name, first one first, each on one line."""
    return [" ".join(value.split())[:_MOST] for key, value in headers if key.lower() == name.lower()]


def value(headers: Headers, name: str) -> str:
    """The value of the first header of a name; "" if there is none."""
    return next(iter(values(headers, name)), "")


def sender_of(headers: Headers) -> tuple[str | None, str | None]:
    """The one address that a message says it is from, and what is doubtful about that."""
    lines = values(headers, "From")
    if not lines:
        return None, "it has no From line"
    if len(lines) > 1:
        return None, "it has several From lines"
    found = addresses_in(lines[0])
    bare = _COMMENT.sub("", _QUOTED.sub("", lines[0]))
    if len(found) > 1 or bare.count("@") > 1:
        return None, "its From line names several addresses"
    if not found:
        return None, "its From line names no address"
    if not _PLAIN.fullmatch(bare):  # mail servers that look at it may read somebody else's address there
        return None, "its From line is not well formed"
    senders = values(headers, "Sender")
    if any(addresses_in(one) != found for one in senders):
        return found[0], "somebody else sent it in that name (its Sender line differs)"
    return found[0], None


def addresses_in(line: str) -> list[str]:
    """The addresses in a header, in small letters; what is none is left out."""
    found = []
    try:
        pairs = getaddresses([line[:_MOST]])
    except (ValueError, TypeError, IndexError, RecursionError):
        return []
    for _, text in pairs:
        try:
            found.append(parse_address(text, "address").lower())
        except ValueError:
            continue
    return found


def dmarc(headers: Headers, authserv: str, sender: str | None) -> str:
    """What the mail server named `authserv` says of the sender's domain: "pass", "fail", and so on; "" for nothing.

    A sender can put any header into a message, so only the topmost of that server's counts, and only where it
    stands above what other servers had written before. It must be about the domain of the From line (RFC 7489).
    """
    if not authserv or sender is None:
        return ""
    ours = authserv.lower()
    for name, text in headers[: _received_until(headers, ours)]:
        if name.lower() != "authentication-results":
            continue
        line = " ".join(text.split())[:_MOST]
        if line.partition(";")[0].split(" ")[0].lower() == ours:
            return _verdict(line, sender.rpartition("@")[2])
    return ""


def _received_until(headers: Headers, authserv: str) -> int:
    """Where the headers end that the receiving server wrote: at the Received line of the server before it."""
    mine = False
    for place, (name, text) in enumerate(headers):
        if name.lower() != "received":
            continue
        by = re.search(r"\bby\s+([^\s;()]+)", text[:_MOST])
        here = by is not None and by[1].lower().rstrip(".") == authserv
        if mine and not here:
            return place
        mine = mine or here
    return len(headers)


def _verdict(line: str, domain: str) -> str:
    try:
        read = _FEATURES.parse(f"Authentication-Results: {_FOREIGN.sub('', line)}")
    except (authres.AuthResError, ValueError, IndexError, AttributeError, TypeError):
        return ""
    found = [result for result in read.results if result.method == "dmarc"]
    if len(found) != 1:
        return ""
    about = str(found[0].header_from or "").lower().rstrip(".")
    if about != domain:
        return ""
    return str(found[0].result or "").lower()
