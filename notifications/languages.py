"""Writes a day in another language, to stand beside the English one for people who read that language better."""

from __future__ import annotations

from datetime import date

from babel.dates import format_date
from markupsafe import Markup

# The languages that a person can choose, each by its tag (BCP 47) and its own name.
LANGUAGES = {
    "es": "español",
    "vi": "Tiếng Việt",
    "zh-Hans": "中文 (简体)",
    "so": "Soomaali",
    "am": "አማርኛ",
    "fil": "Filipino",
    "ko": "한국어",
    "ru": "русский",
    "uk": "українська",
    "ar": "العربية",
    "ti": "ትግርኛ",
    "om": "Oromoo",
}


def add_day(english: str, day: date, language: str | None, *, html: bool) -> str:
    """Return English words for a time with the day in another language behind them, in parentheses.

    Without a language return the English words alone. In HTML the added words say their language (WCAG 3.1.2).
    Raise `ValueError` for a language that is not offered.
    """
    if not language:
        return english
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is not a language of dates; choose one of {', '.join(LANGUAGES)}")
    written = format_date(day, "full", language.replace("-", "_"))
    if html:
        return Markup('{} (<span lang="{}">{}</span>)').format(english, language, written)
    return f"{english} ({written})"
