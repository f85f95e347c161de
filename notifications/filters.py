"""Provides the filters of templates: dates, times, money, identifiers and lists as people write them."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from notifications.languages import add_day

# Written out, because strftime follows the locale of the server.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
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
        return f"{_MONTHS[last.month - 1]} {last.day}"

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
        **{"money": money, "words": words, "listing": listing, "choice": choice},
        "kind_and_size": kind_and_size,
        "size": size,
    }


def _ends_a_day(local: datetime) -> bool:
    # People read "Saturday, 12:00 a.m." as one day later than what is meant: that Friday is over.
    return local.time() == time.min


def money(cents: object) -> str:
    """Return cents as dollars: 25000000 -> "$250,000.00".

    Raise TypeError for anything but a whole number, since a float may have lost cents already.
    """
    value = _refuse_undefined(cents)
    # In Python True is a whole number too, and would print as one cent.
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"money: expected a whole number of cents such as 25000000, got {_describe(value)}")
    sign = "-" if value < 0 else ""
    return f"{sign}${abs(value) // 100:,}.{abs(value) % 100:02d}"


def size(count: object) -> str:
    """Return a number of bytes as people read it: 1_250_000 -> "1.3 MB". One KB is 1,000 bytes."""
    value = _refuse_undefined(count)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"size: expected a number of bytes such as 1250000, got {_describe(value)}")
    if value < 1_000:
        return f"{value} byte{'s' * (value != 1)}"
    # What would round to 1,000 KB is 1 MB.
    return f"{value / 1_000:.0f} KB" if value < 999_500 else f"{value / 1_000_000:.1f} MB"


def words(identifier: object) -> str:
    """Return an identifier as words: "needs-identified" -> "needs identified"."""
    value = _refuse_undefined(identifier)
    if not isinstance(value, str):
        raise TypeError(f"words: expected a name such as 'needs-identified', got {_describe(value)}")
    return value.replace("-", " ").replace("_", " ").strip()


def listing(items: object) -> str:
    """Return a list as people write it: ["a", "b", "c"] -> "a, b and c", and an empty list -> "none"."""
    value = _refuse_undefined(items)
    # A text is a sequence of its letters, which no author of a template means.
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        raise TypeError(f"listing: expected a list such as ['a', 'b'], got {_describe(value)}")
    texts = [_read_item(item) for item in value]
    if len(texts) < 2:
        return texts[0] if texts else "none"
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def choice(items: object) -> str:
    """Return a list as a choice, each item in quotes: ["agree", "no"] -> "agree" or "no"."""
    value = _refuse_undefined(items)
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence) or not value:
        raise TypeError(f"choice: expected a list such as ['agree', 'no'], got {_describe(value)}")
    texts = [f'"{_read_item(item)}"' for item in value]
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def kind_and_size(name: object, count: object = None) -> str:
    """Return the type and the size of a file, by its name and its length in bytes: "PDF, 1.2 MB"."""
    value, length = _refuse_undefined(name), _refuse_undefined(count)
    if not isinstance(value, str) or not isinstance(length, (int, type(None))):
        raise TypeError(
            f"file: expected a name and a length in bytes, got {_describe(name)}, {_describe(count)}"
        )
    kind = value.rpartition(".")[2].upper() if "." in value else "file"
    return kind if length is None else f"{kind}, {size(length)}"


def link(url: object) -> str:
    """Return a web or mail address itself. Raise ValueError for all else, such as `javascript:`."""
    value = _refuse_undefined(url)
    # Escaping keeps text from becoming markup, but it does not make an address of another scheme harmless.
    if not isinstance(value, str) or not _LINK.fullmatch(value):
        expected = "an address that starts with https:// and has no blanks"
        raise ValueError(f"link: expected {expected}, got {_describe(value)}")
    return value


def _read_item(value: object) -> str:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise TypeError(f"listing: expected a list of texts, found {_describe(value)} in it")
    return str(value)


def _refuse_undefined(value: Any) -> Any:
    """Return the value itself. Raise `UndefinedError` for a name that the context does not have."""
    if isinstance(value, Undefined):
        # This raises the error, which names what is missing. A type error would not.
        str(value)
    return value


def _describe(value: object) -> str:
    """Return a value and its type for an error message, cut to a length that fits a line."""
    return "nothing (None)" if value is None else f"{value!r:.60} ({type(value).__name__})"


def _as_date(value: object, zone: ZoneInfo) -> date:
    moment = _parse_iso(value) if isinstance(value, str) else value
    # A datetime is a kind of date too, so ask for it first.
    if isinstance(moment, datetime):
        return _refuse_naive(moment, "day").astimezone(zone).date()
    if isinstance(moment, date):
        return moment
    raise TypeError(f"day: expected a date such as 2025-11-19, got {_describe(value)}")


def _as_instant(value: object) -> datetime:
    moment = _parse_iso(value) if isinstance(value, str) else value
    if isinstance(moment, datetime):
        return _refuse_naive(moment, "when")
    hint = "; a date alone has no time, use the filter `day`" if isinstance(moment, date) else ""
    raise TypeError(f"when: expected a time such as 2025-11-29T01:00:00Z, got {_describe(value)}{hint}")


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


def long_day(value: date) -> str:
    """Return a date as words: "Wednesday, November 19, 2025"."""
    return f"{_DAYS[value.weekday()]}, {_MONTHS[value.month - 1]} {value.day}, {value.year}"


def near_day(value: date, today: date) -> str:
    """Return a date as words, without its year if that is this year: "Wednesday, November 19"."""
    return long_day(value) if value.year != today.year else long_day(value).rpartition(",")[0]


def time_of_day(value: datetime) -> str:
    """Return the time of day: "5:00 p.m."."""
    half = "a.m." if value.hour < 12 else "p.m."
    return f"{value.hour % 12 or 12}:{value.minute:02d} {half}"
