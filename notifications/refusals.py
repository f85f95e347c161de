"""Decides whom a mail server's refusal concerns: this message, or every message that the office sends."""

import re
from typing import Final

from notifications.delivery import DeliveryFailed, PermanentFailure, TemporaryFailure, Unreachable

# Class, subject and detail of an enhanced status code at the beginning of an answer (RFC 3463, RFC 2034).
_ENHANCED = re.compile(r"[245]\.(\d{1,3})\.(\d{1,3})(?!\S)")
# Two of the subjects of RFC 3463: the mail system itself, and what it permits.
_SYSTEM, _SECURITY = 3, 7
_TOO_LARGE = (
    _SYSTEM,
    4,
)  # "message too big for system": about one message, although its subject is the system

# Codes with which a server asks for another login, whatever the program wanted to send (RFC 4954, 6).
_LOGIN = frozenset({530, 534, 535, 538})

# Servers have no status code of their own for "you may not send this as that sender" or "I do not pass your mail
# on". These are the words of Postfix, Exim, Sendmail, OpenSMTPD and Exchange for them.
_ABOUT_US: Final = re.compile(
    r"sender address rejected|not owned by|sender (?:verify|verification) failed|send ?as ?denied"
    r"|send as this sender|relay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed))"
    r"|(?:unable|not permitted) to relay|client host rejected|helo command rejected"
    r"|authentication (?:is )?required",
    re.IGNORECASE,
)

# A server that does not know a sender and recipient yet puts their first message off for some minutes (RFC 6647).
# Its status is often one of security, and every recipient gets it, but each has to be tried again for itself.
_GREYLISTED: Final = re.compile(r"gr[ae]y-?\s?list", re.IGNORECASE)


def failure(code: int, answer: str, explanation: str) -> DeliveryFailed:
    """Return the failure that a refusal means, with `explanation` as its text.

    `answer` is what the server said behind the three digits of `code`. A refusal of the sender, of the client or of
    relaying, and trouble of the server itself (such as a full disk), would meet every message: Unreachable.
    """
    if is_about_us(code, answer) or _is_in_trouble(answer):
        return Unreachable(explanation)
    return failure_of_one(code, explanation)


def failure_of_one(code: int, explanation: str) -> DeliveryFailed:
    """Return the failure that a refusal of one message means, by the first digit of its code."""
    # An unexpected code, such as a 3xx, says nothing final, so it counts as temporary.
    return PermanentFailure(explanation) if code // 100 == 5 else TemporaryFailure(explanation)


def is_about_us(code: int, answer: str) -> bool:
    """Return whether the words or the code refuse the sender, the client or its login, or relaying."""
    return code in _LOGIN or _ABOUT_US.search(answer) is not None


def may_be_about_us(code: int, answer: str) -> bool:
    """Return whether a refused recipient may not be to blame, so that the server should be asked about another.

    "Access denied" is said of one recipient by some servers, and of every recipient by others.
    """
    if _GREYLISTED.search(answer):
        return False
    status = _status(answer)
    if status is None:
        return code in (452, 553, 554)
    return status[0] == _SECURITY or _is_in_trouble(answer)


def _is_in_trouble(answer: str) -> bool:
    """Return whether the server says that something is wrong with itself."""
    status = _status(answer)
    return status is not None and status[0] == _SYSTEM and status != _TOO_LARGE


def is_same(first: tuple[int, str], second: tuple[int, str]) -> bool:
    """Return whether a server refused two recipients for the same reason, whatever it calls them."""
    return first[0] == second[0] and _without_addresses(first[1]) == _without_addresses(second[1])


def _without_addresses(answer: str) -> str:
    return re.sub(r"\S*@\S*", "", answer).casefold()


def _status(answer: str) -> tuple[int, int] | None:
    """Return subject and detail of the enhanced status code of an answer, or None if it has none."""
    enhanced = _ENHANCED.match(answer)
    return (int(enhanced[1]), int(enhanced[2])) if enhanced else None
