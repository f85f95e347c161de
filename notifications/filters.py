"""Provides the filters of templates: dates, times, money, identifiers and lists as people write them."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from notifications.languages import add_day
from notifications.written import (
    MONTHS,
    choice,
    describe,
    kind_and_size,
    listing,
    long_day,
    money,
    size,
    time_of_day,
    words,
)

_LINK = re.compile(r"(https?://|mailto:)[^\s<>\"'\\]+")


def filters_for(zone: ZoneInfo) -> dict[str, Callable[..., str]]:
    """Return the filters by the names that templates use; dates and times are shown in `zone`.

    `dates_in` of the context is the language in which the reader wants each day besides English, if any.
    """

    def add(context: Context, english: str, day: date) -> str:
        # Blocks of a notice are rendered as text and put into both of its layouts.
        html = context.eval_ctx.autoescape
        return add_day(english, day, context.get("dates_in"), html=html)

    @pass_context
    def day(context: Context, value: object) -> str:
        """2025-11-19 -> "Wednesday, November 19, 2025"."""
        local = _as_date(_refuse_undefined(value), zone)
        return add(context, long_day(local), local)

    @pass_context
    def when(context: Context, value: object) -> str:
        """An instant -> "Friday, November 28, 2025, 5:00 p.m. PST"."""
        local = _as_instant(_refuse_undefined(value)).astimezone(zone)
        return add(context, f"{long_day(local.date())}, {time_of_day(local)} {local.tzname()}", local.date())

    @pass_context
    def due(context: Context, value: object, preposition: str = "") -> str:
        """Write when time runs out, with a preposition such as "until" or "since" where the sentence has one.

        Midnight is the end of the day before: "at the end of Friday, June 28, 2024", "until the end of ...".
        """
        local = _as_instant(_refuse_undefined(value)).astimezone(zone)
        if not _ends_a_day(local):
            english = (
                f"{preposition} {long_day(local.date())}, {time_of_day(local)} {local.tzname()}".lstrip()
            )
            return add(context, english, local.date())
        before = local.date() - timedelta(days=1)
        return add(context, f"{preposition or 'at'} the end of {long_day(before)}", before)

    @pass_context
    def due_day(context: Context, value: object) -> str:
        """Write the last day before time runs out, which for midnight is the day before."""
        local = _as_instant(_refuse_undefined(value)).astimezone(zone)
        last = local.date() - timedelta(days=1) if _ends_a_day(local) else local.date()
        return add(context, long_day(last), last)

    def short_day(value: object) -> str:
        """Write a day, or the last day before time runs out, as a subject has it: "December 11"."""
        _refuse_undefined(value)
        moment = _parse_iso(value) if isinstance(value, str) else value
        last = _as_date(value, zone)
        if isinstance(moment, datetime) and _ends_a_day(moment.astimezone(zone)):
            last -= timedelta(days=1)
        return f"{MONTHS[last.month - 1]} {last.day}"

    @pass_context
    def request(context: Context, text: str, deadline: object) -> str:
        """Write what a subject asks for, and by when: "Please score 3 applications by December 11".

        What is late says so: "Overdue since December 11: score 3 applications".
        Who is only told is asked for nothing: "For your information: sign the agreement by December 11".
        """
        by = _refuse_undefined(deadline)
        by = by.get("task", by) if isinstance(by, Mapping) else None
        if context.get("only_told"):
            return f"For your information: {text}" + (f" by {short_day(by['due_at'])}" if by else "")
        if by is None:
            return f"Please {text}"
        if by["overdue"]:
            return f"Overdue since {short_day(by['due_at'])}: {text}"
        return f"Due now: {text}" if by["kind"] == "due" else f"Please {text} by {short_day(by['due_at'])}"

    return {
        **{
            "day": day,
            "short_day": short_day,
            "request": request,
            "when": when,
            "due": due,
            "due_day": due_day,
        },
        **{each.__name__: _refusing(each) for each in (money, words, listing, choice, kind_and_size, size)},
    }


def _refusing(write: Callable[..., str]) -> Callable[..., str]:
    """Return a filter that names what the context does not have, instead of writing it."""

    def refusing(*values: object) -> str:
        return write(*map(_refuse_undefined, values))

    return refusing


def _ends_a_day(local: datetime) -> bool:
    # People read "Saturday, 12:00 a.m." as one day later than what is meant: that Friday is over.
    return local.time() == time.min


def link(url: object) -> str:
    """Return a web or mail address itself. Raise ValueError for all else, such as `javascript:`."""
    value = _refuse_undefined(url)
    # Escaping keeps text from becoming markup, but it does not make an address of another scheme harmless.
    if not isinstance(value, str) or not _LINK.fullmatch(value):
        expected = "an address that starts with https:// and has no blanks"
        raise ValueError(f"link: expected {expected}, got {describe(value)}")
    return value


def _refuse_undefined(value: Any) -> Any:
    """Return the value itself. Raise `UndefinedError` for a name that the context does not have."""
    if isinstance(value, Undefined):
        # This raises the error, which names what is missing. A type error would not.
        str(value)
    return value


def _as_date(value: object, zone: ZoneInfo) -> date:
    moment = _parse_iso(value) if isinstance(value, str) else value
    # A datetime is a kind of date too, so ask for it first.
    if isinstance(moment, datetime):
        return _refuse_naive(moment, "day").astimezone(zone).date()
    if isinstance(moment, date):
        return moment
    raise TypeError(f"day: expected a date such as 2025-11-19, got {describe(value)}")


def _as_instant(value: object) -> datetime:
    moment = _parse_iso(value) if isinstance(value, str) else value
    if isinstance(moment, datetime):
        return _refuse_naive(moment, "when")
    hint = "; a date alone has no time, use the filter `day`" if isinstance(moment, date) else ""
    raise TypeError(f"when: expected a time such as 2025-11-29T01:00:00Z, got {describe(value)}{hint}")


def _refuse_naive(value: datetime, name: str) -> datetime:
    """Return a time itself. Raise ValueError if it has no time zone."""
    if value.tzinfo is None:
        raise ValueError(f"{name}: expected a time with its zone such as 2025-11-29T01:00:00Z, got {value}")
    return value


def _parse_iso(value: str) -> date | None:
    """Return a date or a datetime in ISO 8601; None if `value` is neither."""
    try:
        # "2025-11-19" has ten characters. As a datetime it would become a midnight without a zone.
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        return None
