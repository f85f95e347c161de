"""Reads a day as people write it: "31 Oct", "October 31, 2026", "10/31/2026", "tomorrow", "+21 days".

Pure: the caller says what day it is. A day that can be read in two ways is refused, and the refusal names both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from notifications.written import long_day
from states.errors import BadInput, Problem

EXPECTED = "a day such as 2026-10-31, Oct 31, tomorrow or +21 days"
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NEAR = {"today": 0, "tomorrow": 1, "yesterday": -1}
_UNITS: dict[str, Callable[[int], relativedelta]] = {
    "day": lambda n: relativedelta(days=n),
    "week": lambda n: relativedelta(weeks=n),
    "month": lambda n: relativedelta(months=n),
    "year": lambda n: relativedelta(years=n),
}
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_NUMBERS = re.compile(r"(\d{1,2})[-/.](\d{1,2})(?:[-/.](\d{4}|\d{2}))?", re.ASCII)
_SPAN = re.compile(r"(?P<sign>\+|-|in )\s*(?P<count>\d{1,5})\s*(?P<unit>[a-z]+?)s?", re.ASCII)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_NAMED = (
    re.compile(rf"{_DAY}(?: of)? (?P<month>[a-z]+)(?: (?P<year>\d{{4}}))?", re.ASCII),
    re.compile(rf"(?P<month>[a-z]+) {_DAY}(?: (?P<year>\d{{4}}))?", re.ASCII),
)


def read_day(text: str, today: date) -> date:
    """Return the day that a text names, as seen on the day `today`.

    A day without a year is the next such day; today counts. Raise `ValueError` with a sentence that says what is
    wrong and what would be right.
    """
    words = " ".join(re.sub(r"[,\u2212]", lambda m: " " if m[0] == "," else "-", text).lower().split())
    try:
        day = _read(words, today)
    except OverflowError:
        day = None
    if day is None:
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise ValueError(f"{shown!r} is not a date; write {EXPECTED}")
    return day


def read_option(at: str, text: str, today: date) -> date:
    """Return the day that an option or a key `at` names. Raise `BadInput` as `read_day` raises `ValueError`."""
    try:
        return read_day(text, today)
    except ValueError as error:
        problem, _, expected = str(error).partition("; write ")
        raise BadInput([Problem(at, problem, expected)]) from None


def _read(words: str, today: date) -> date | None:
    """Return the day in a text of small letters, None if it is in no form that people write."""
    if words in _NEAR:
        return today + timedelta(days=_NEAR[words])
    if (weekday := _find(words, _WEEKDAYS)) is not None:
        return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)
    if iso := _ISO.fullmatch(words):
        return _make(int(iso[1]), int(iso[2]), int(iso[3]), words)
    if span := _SPAN.fullmatch(words):
        return _shift(today, span)
    if numbers := _NUMBERS.fullmatch(words):
        return _read_numbers(words, numbers, today)
    return _read_named(words, today)


def _shift(today: date, span: re.Match[str]) -> date | None:
    """Return the day so many days, weeks, months or years from today; None for another unit."""
    unit = next((make for name, make in _UNITS.items() if span["unit"] in (name, name[0])), None)
    if unit is None:
        return None
    try:
        return today + unit(int(span["count"]) * (-1 if span["sign"] == "-" else 1))
    except ValueError:
        return None  # beyond the years that a calendar has


def _read_numbers(words: str, numbers: re.Match[str], today: date) -> date:
    """Return the one day that two numbers can mean, as month and day or as day and month."""
    first, second = int(numbers[1]), int(numbers[2])
    year = int(numbers[3]) if numbers[3] else None
    year = year + 2000 if year is not None and year < 100 else year
    readings: list[date] = []
    for month, day in dict.fromkeys(((first, second), (second, first))):
        if 1 <= month <= 12 and 1 <= day <= 31:
            try:
                readings.append(_dated(year, month, day, today, words))
            except ValueError:
                continue
    if not readings:
        raise ValueError(f"{words} is not a day of the calendar; write {EXPECTED}")
    if len(readings) > 1:
        either = " or ".join(f"{long_day(day)} ({day})" for day in readings)
        raise ValueError(f"{words} can mean {either}; write the one that you mean")
    return readings[0]


def _read_named(words: str, today: date) -> date | None:
    """Return the day in a text that names a month, such as "sat oct 31 2026"; None if it names none."""
    first, _, rest = words.partition(" ")
    weekday = _find(first.rstrip("."), _WEEKDAYS)
    # A hyphen or a dot only separates: "31-Oct-2026", "Oct. 31".
    plain = " ".join(re.sub(r"[-.]", " ", rest if weekday is not None else words).split())
    for form in _NAMED:
        if (parts := form.fullmatch(plain)) and (month := _find(parts["month"], _MONTHS)) is not None:
            year = int(parts["year"]) if parts["year"] else None
            day = _dated(year, month + 1, int(parts["day"]), today, words)
            if weekday is not None and day.weekday() != weekday:
                raise ValueError(f"{long_day(day)} is a {day:%A}, not a {_WEEKDAYS[weekday].capitalize()}")
            return day
    return None


def _find(word: str, names: tuple[str, ...]) -> int | None:
    """Return the index of the name that a word is or shortens to three letters or more; None if there is none."""
    same = [
        n
        for n, name in enumerate(names)
        if len(word) >= 3 and (name.startswith(word) or word == name[:3] + "t")
    ]
    return same[0] if len(same) == 1 else None


def _dated(year: int | None, month: int, day: int, today: date, words: str) -> date:
    """Return a day; without a year the next such day. Raise `ValueError` if there is no such day."""
    if year is not None:
        return _make(year, month, day, words)
    # Eight years hold a leap day, also around a year such as 2100 that has none.
    for following in range(today.year, today.year + 9):
        try:
            found = date(following, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    raise ValueError(f"{words} is not a day of the calendar; write {EXPECTED}")


def _make(year: int, month: int, day: int, words: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{words} is not a day of the calendar; write {EXPECTED}") from None
