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
_BLANKS = re.compile(r"[ \t\r\n]+")
_WORD = re.compile(r"[\w.@+-]+", re.ASCII)  # what means the same without quotation marks
_COMMENT = re.compile(r"\([^()]*\)")
# A From line without quoted text and comments: a name and an address in brackets, or only an address.
_PLAIN = re.compile(r"[^<>@]*<[^<>@\s]+@[^<>@\s]+>\s*|\s*[^<>@,;:\s]+@[^<>@,;:\s]+\s*")
_MOST = 2000  # characters of a header that are read
# Exchange adds these words to the header, and the grammar of RFC 8601, 2.2, does not have them.
_FOREIGN = re.compile(r"\s(action|reason_code|compauth|reason)=[\w.%-]+(\s+reason=\w+)?", re.IGNORECASE)
# The setting `mail.authserv` for Microsoft 365, which writes its results without the name of a server.
MICROSOFT = "microsoft-365"
_MICROSOFT_SERVERS = (".outlook.com", ".office365.com", ".office365.us")
_GATEWAY = ".protection.outlook.com"
_BY = re.compile(r"\bby\s+([^\s;()]+)")
_FROM = re.compile(r"\s*from\s+([^\s;()]+)")
# The Received line of Postfix about a client that has logged in: "from NAME (NAME [IP]) (COMMENT)... (Authenticated
# sender: USER) by NAME (Postfix) with ESMTPSA id ...". The A of the protocol says the same (RFC 3848, RFC 6531).
# The client chose the first name, so that may hold no blank and no bracket.
_LOGGED_IN = re.compile(
    r"from [^\s()]+ \([^\s()]+ \[[^\s()]+\]\)(?: \((?:[^()]|\([^()]*\))*\))*?"
    r" \(Authenticated sender: ([^\s()]+)\) by ([^\s()]+) \([^()]*\) with (?:ESMTP|UTF8SMTP)S?A id "
)
# How a mailbox notes that it took a message over from a server of the same house (RFC 2033).
_TAKEN_OVER = re.compile(r"from [^\s()]+[^;]* with LMTPS? id ")
_FEATURES = authres.FeatureContext(authres.dmarc)


def values(headers: Headers, name: str) -> list[str]:
    """Return the values of all headers with a name, in their order, each on one line."""
    return [_unfold(value) for key, value in headers if key.lower() == name.lower()]


def _unfold(value: str) -> str:
    """Return the value of a header on one line.

    Only the blanks of RFC 5322 separate its words. A mail server that removes forged headers sees no blank in the
    other characters that Python takes for one, such as U+001C, and leaves a header with them alone.
    """
    return _BLANKS.sub(" ", value).strip(" ")[:_MOST]


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
    # A mail server that checks such a line may read another address in it than we do.
    if "@" in lines[0] and not _PLAIN.fullmatch(bare):
        return None, "its From line is not well formed"
    if not addresses:
        return None, "its From line names no address"
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
    """Return what the mail server `authserv` says of the sender: "pass", "fail", ...; "" if nothing.

    A sender can put any header into a message, so:

    1. Read only the headers above the first Received line of another server: our server wrote these.
    2. Of these, use the topmost result that has the name of our server.
    3. Its result must be about the domain of the From line (RFC 7489).
    4. "pass" is also the answer if the sender has logged in at our server with the address of the From line
       (`auth=pass smtp.auth=...`, RFC 8601, 2.7.4). The server itself sends such mail, so DMARC says nothing of it.
       Postfix says this in its Received line instead.
    """
    if not authserv or sender is None:
        return ""
    ours = authserv.lower()
    if _has_logged_in(headers, ours, sender):
        return "pass"
    nameless = ours == MICROSOFT
    end = _find_end_of_microsoft(headers) if nameless else _find_end_of_ours(headers, ours)
    for name, text in headers[:end]:
        if name.lower() != "authentication-results":
            continue
        line = _unfold(text)
        first = line.partition(";")[0]
        if nameless:
            # Only the topmost line counts. One with the name of a server is not by Microsoft 365.
            return _read_result(f"{MICROSOFT}; {line}", sender) if "=" in first else ""
        if first.split(" ")[0].lower() == ours:
            return _read_result(line, sender)
    return ""


def _has_logged_in(headers: Headers, authserv: str, sender: str) -> bool:
    """Return whether our server took the message from a client that had logged in with the address of the sender.

    Only the first Received line counts, since the last server to touch a message writes it: ours. Above it there
    may be the one line with which that server's mailbox took the message over (LMTP, RFC 2033).
    """
    lines = values(headers, "Received")
    if len(lines) > 1 and _TAKEN_OVER.match(lines[0]):
        lines = lines[1:]
    login = _LOGGED_IN.match(lines[0]) if lines else None
    return login is not None and login[2].lower().rstrip(".") == authserv and login[1].lower() == sender


def _find_end_of_microsoft(headers: Headers) -> int:
    """Return where the headers that Microsoft 365 wrote end; 0 if it did not deliver the message.

    1. The topmost Received line must be by one of its servers.
    2. The first one by its gateway, or from a server that is not its own, tells of the server before. All below it
       came with the message.
    """
    is_first = True
    for place, (name, text) in enumerate(headers):
        if name.lower() != "received":
            continue
        by, source = _BY.search(text[:_MOST]), _FROM.match(text[:_MOST])
        server = by[1].lower().rstrip(".") if by is not None else ""
        if not server.endswith(_MICROSOFT_SERVERS):
            return 0 if is_first else place
        if server.endswith(_GATEWAY) or source is None:
            return place
        if not source[1].lower().rstrip(".").endswith(_MICROSOFT_SERVERS):
            return place
        is_first = False
    # Without the line of the server before, nothing tells which headers came with the message.
    return 0


def _find_end_of_ours(headers: Headers, authserv: str) -> int:
    """Return where the headers of the receiving server end: at the Received line of the server before it."""
    is_past_ours = False
    for place, (name, text) in enumerate(headers):
        if name.lower() != "received":
            continue
        by = _BY.search(text[:_MOST])
        here = by is not None and by[1].lower().rstrip(".") == authserv
        if is_past_ours and not here:
            return place
        # One server may add several Received lines as a message passes through its parts.
        is_past_ours = is_past_ours or here
    return len(headers)


def _read_result(line: str, sender: str) -> str:
    """Return the one DMARC result in a header, if it is about this sender's domain, or "pass" for their login.

    Return "" if there is neither.
    """
    try:
        # The parser takes a quoted value only at the end of a result. RFC 8601, 2.2, allows it anywhere.
        plain = _FOREIGN.sub("", _QUOTED.sub(_unquote, line))
        read = _FEATURES.parse(f"Authentication-Results: {plain}")
    except (authres.AuthResError, ValueError, IndexError, AttributeError, TypeError):
        return ""
    # Only the whole address tells who logged in. A user's name alone may be that of somebody else.
    if any(
        result.method == "auth"
        and str(result.result or "").lower() == "pass"
        and str(getattr(result, "smtp_auth", None) or "").lower() == sender
        for result in read.results
    ):
        return "pass"
    results = [result for result in read.results if result.method == "dmarc"]
    # With two results it is open which of them the server meant.
    if len(results) != 1:
        return ""
    about = str(results[0].header_from or "").lower().rstrip(".")
    if about != sender.rpartition("@")[2]:
        return ""
    return str(results[0].result or "").lower()


def _unquote(quoted: re.Match[str]) -> str:
    """Return a quoted word without its quotation marks, and any other quoted text as it is."""
    return quoted[0][1:-1] if _WORD.fullmatch(quoted[0][1:-1]) else quoted[0]
