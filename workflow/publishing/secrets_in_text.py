"""Finds withheld values in texts: as they were typed, wrapped, quoted, or as people write dates and amounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from typing import Any

from notifications.written import long_day, money

SHORTEST = 4  # characters of a value that is looked for: a shorter one stands in every text by chance
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
PHONE = re.compile(r"(?<![\w.-])(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])")
_LINK = re.compile(r"https?://[^\s<>\"']+/(?:a|feed|me)/[^\s<>\"']+|(?<=\+)[0-9]{1,15}-~+(?=@)")
_GAP = re.compile(r"(?:\s|>)+")


def squeeze(text: str) -> str:
    """Return a text without blanks, quotation marks and the difference of capitals, in which nothing is wrapped."""
    return _GAP.sub("", text).casefold()


def writings(pointer: str, value: Any) -> list[str]:
    """Return the ways in which a message or page may write a value; none for a value too short to look for."""
    if value is None or isinstance(value, (bool, dict, list)):
        return []
    texts = [str(value)]
    if isinstance(value, int) and pointer.endswith("_cents"):
        texts += [money(value).removeprefix("$"), str(value // 100)]
    if isinstance(value, float) and value.is_integer():
        texts += [str(int(value))]
    day = _day_of(value)
    if day is not None:
        whole = long_day(day)
        texts += [
            whole,
            whole.partition(", ")[2],
            whole.partition(", ")[2].rpartition(",")[0],
            f"{day:%Y%m%d}",
        ]
    return [text for text in texts if len(squeeze(text)) >= SHORTEST]


def _day_of(value: Any) -> date | None:
    """Return the day that a value is; None for any other value."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


class Secrets:
    """The texts that must not be found, each with the name of its exemption."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        # The longest first, so that an address is not found as the shorter one that it ends with.
        self._texts = dict(sorted(texts.items(), key=lambda each: -len(each[0])))
        self._squeezed = {squeeze(text): name for text, name in self._texts.items()}

    @cached_property
    def _dense(self) -> re.Pattern[str] | None:
        return _either(map(re.escape, self._squeezed))

    @cached_property
    def _loose(self) -> re.Pattern[str] | None:
        """Find each text also where lines are broken or quoted within it."""
        return _either(r"[\s>]+".join(map(re.escape, text.split())) for text in self._texts)

    def find(self, text: str) -> str | None:
        """Return the exemption of a text that stands in another one; None if none does."""
        match = self._dense.search(squeeze(text)) if self._dense else None
        return None if match is None else self._squeezed[match[0]]

    def replace(self, text: str, also: Mapping[re.Pattern[str], str], keep: Iterable[str] = ()) -> str | None:
        """Return a text with a mark in place of each secret, and of what the patterns of `also` match.

        `keep` are matches that stay. Return None if a secret is still there, so that the whole has to go.
        """
        kept = set(keep)

        def mark(match: re.Match[str]) -> str:
            return f"[withheld: {self._squeezed[squeeze(match[0])]}]"

        if self._loose:
            text = self._loose.sub(mark, text)
        for pattern, name in also.items():
            for shown in {match[0] for match in pattern.finditer(text)}:
                if shown.lower().rstrip(".") not in kept:
                    text = text.replace(shown, f"[withheld: {name}]")
        return None if self.find(text) else text


def _either(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(patterns)
    return re.compile(joined, re.IGNORECASE) if joined else None


def hide_links(text: str) -> str:
    """Return a text of a message without the links by which its reader acts."""
    return _LINK.sub("[link]", text)
