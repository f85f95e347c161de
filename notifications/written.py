"""Writes dates, times, money, sizes and lists as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

# Written out, because strftime follows the locale of the server.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def money(cents: object) -> str:
    """Return cents as dollars: 25000000 -> "$250,000.00".

    Raise TypeError for anything but a whole number, since a float may have lost cents already.
    """
    # In Python True is a whole number too, and would print as one cent.
    if not isinstance(cents, int) or isinstance(cents, bool):
        raise TypeError(f"money: expected a whole number of cents such as 25000000, got {describe(cents)}")
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def size(count: object) -> str:
    """Return a number of bytes as people read it: 1_250_000 -> "1.3 MB". One KB is 1,000 bytes."""
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise TypeError(f"size: expected a number of bytes such as 1250000, got {describe(count)}")
    if count < 1_000:
        return f"{count} byte{'s' * (count != 1)}"
    # What would round to 1,000 KB is 1 MB.
    return f"{count / 1_000:.0f} KB" if count < 999_500 else f"{count / 1_000_000:.1f} MB"


def words(identifier: object) -> str:
    """Return an identifier as words: "needs-identified" -> "needs identified"."""
    if not isinstance(identifier, str):
        raise TypeError(f"words: expected a name such as 'needs-identified', got {describe(identifier)}")
    return identifier.replace("-", " ").replace("_", " ").strip()


def listing(items: object) -> str:
    """Return a list as people write it: ["a", "b", "c"] -> "a, b and c", and an empty list -> "none"."""
    # A text is a sequence of its letters, which no author of a template means.
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Sequence):
        raise TypeError(f"listing: expected a list such as ['a', 'b'], got {describe(items)}")
    texts = [_read_item(item) for item in items]
    if len(texts) < 2:
        return texts[0] if texts else "none"
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def choice(items: object) -> str:
    """Return a list as a choice, each item in quotes: ["agree", "no"] -> "agree" or "no"."""
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Sequence) or not items:
        raise TypeError(f"choice: expected a list such as ['agree', 'no'], got {describe(items)}")
    texts = [f'"{_read_item(item)}"' for item in items]
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def kind_and_size(name: object, count: object = None) -> str:
    """Return the type and the size of a file, by its name and its length in bytes: "PDF, 1.2 MB"."""
    if not isinstance(name, str) or not isinstance(count, (int, type(None))):
        raise TypeError(
            f"file: expected a name and a length in bytes, got {describe(name)}, {describe(count)}"
        )
    kind = name.rpartition(".")[2].upper() if "." in name else "file"
    return kind if count is None else f"{kind}, {size(count)}"


def _read_item(value: object) -> str:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise TypeError(f"listing: expected a list of texts, found {describe(value)} in it")
    return str(value)


def describe(value: object) -> str:
    """Return a value and its type for an error message, cut to a length that fits a line."""
    return "nothing (None)" if value is None else f"{value!r:.60} ({type(value).__name__})"


def long_day(value: date) -> str:
    """Return a date as words: "Wednesday, November 19, 2025"."""
    return f"{_DAYS[value.weekday()]}, {MONTHS[value.month - 1]} {value.day}, {value.year}"


def near_day(value: date, today: date) -> str:
    """Return a date as words, without its year if that is this year: "Wednesday, November 19"."""
    return long_day(value) if value.year != today.year else long_day(value).rpartition(",")[0]


def time_of_day(value: datetime) -> str:
    """Return the time of day: "5:00 p.m."."""
    half = "a.m." if value.hour < 12 else "p.m."
    return f"{value.hour % 12 or 12}:{value.minute:02d} {half}"
