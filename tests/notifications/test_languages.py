"""Days in another language, behind the English one."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from notifications.languages import LANGUAGES, add_day
from notifications.render import make_environment

DAY = date(2026, 12, 11)
ZONE = ZoneInfo("America/Los_Angeles")


def test_without_a_language_the_english_words_stand_alone() -> None:
    assert add_day("Friday", DAY, None, html=False) == "Friday"


def test_the_day_stands_behind_the_english_words() -> None:
    assert add_day("Friday", DAY, "es", html=False) == "Friday (viernes, 11 de diciembre de 2026)"
    html = add_day("a < b", DAY, "es", html=True)
    assert html == 'a &lt; b (<span lang="es">viernes, 11 de diciembre de 2026</span>)'


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_that_is_offered_can_be_written(language: str) -> None:
    assert "2026" in add_day("", DAY, language, html=False)


def test_another_language_is_refused_with_those_that_are_offered() -> None:
    with pytest.raises(ValueError, match="'xx' is not a language of dates; choose one of es, vi"):
        add_day("Friday", DAY, "xx", html=False)


@pytest.mark.parametrize("words", ["{{ at|day }}", "{{ at|when }}", "{{ at|due }}", "{{ at|due_day }}"])
def test_every_filter_of_a_date_adds_it(words: str) -> None:
    text = make_environment([], ZONE, html=False).from_string(words)
    page = make_environment([], ZONE, html=True).from_string(words)
    context = {"at": "2026-12-12T00:00:00-08:00", "dates_in": "es"}
    assert " de diciembre de 2026)" in text.render(context)
    assert '(<span lang="es">' in page.render(context)
    assert "diciembre" not in text.render(context | {"dates_in": None})
