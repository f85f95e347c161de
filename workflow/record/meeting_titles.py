"""Tells from the title of a calendar's event whether it is a meeting of the Board, and whether it is off.

School calendars mix meetings with holidays, packets and committees. Only a regular meeting decides (4270.9), so a
title counts as regular if it has no word besides those of a regular meeting. Every other title is left to staff.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from typing import Literal

Kind = Literal["regular", "special"]

# Outlook and Exchange write a cancellation into the title alone.
_OFF = re.compile(
    r"\bcancel(?:l?ed|l?ing|l?ation|s)?\b|\bpostponed\b|\bcalled off\b|\bnot (?:be )?held\b"
    # Spanish, as many families of a district read it.
    r"|\b(?:cancelad|suspendid|aplazad|pospuest)[oa]s?\b"
    r"|\bno (?=(?:\w+ )*(?:meeting|session)\b)",
    re.IGNORECASE,
)
_SPECIAL = re.compile(r"\bspecial (?:(?:school|board|public|business) )*(?:meeting|session)\b")
_MEETING = frozenset({"meeting", "session"})
_WORDS = _MEETING | {
    *("regular", "regularly", "scheduled", "monthly", "legislative", "business", "public", "of", "the"),
    *("board", "directors", "education", "trustees", "school", "schools", "district"),
    *("st", "nd", "rd", "th", "am", "pm"),
}
_DAYS = frozenset(
    name.casefold()
    for names in (calendar.month_name, calendar.month_abbr, calendar.day_name, calendar.day_abbr)
    for name in names
    if name
)


def normalize(title: str) -> str:
    """Return a title as it is compared with another: without differences of case, blanks and width."""
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())


def is_off(title: str) -> bool:
    """Return whether a title says that its meeting is cancelled or postponed."""
    return _OFF.search(normalize(title)) is not None


def classify(title: str, district: str = "") -> Kind | None:
    """Return the kind of meeting that a title names clearly, whether it is off or not; else None.

    The name of the `district` may stand in the title of a regular meeting too.
    """
    text = normalize(_OFF.sub(" ", normalize(title)))
    words = set(re.findall(r"[^\W\d_]+", text))
    if not words & _MEETING:
        return None
    known = _WORDS | _DAYS | set(re.findall(r"[^\W\d_]+", normalize(district)))
    if words & {"regular", "regularly"} and "special" not in words and words <= known:
        return "regular"
    if "board" in words and not words & {"regular", "regularly"} and _SPECIAL.search(text):
        return "special"
    return None
