"""Reads the words of what is published from `templates/publishing/`, where a district can have its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from jinja2 import TemplateError

from notifications.sandbox import bounded
from states.errors import Problem
from workflow.procedure.config import Config, ConfigError
from workflow.views.public_texts import hide_addresses

Words = Callable[..., str]
_KEPT = 500  # texts that one reader of words keeps


def read_words(config: Config, name: str) -> Words:
    """Return a function that takes the name of a text and what it is about, and returns the text.

    The texts are the macros of `templates/publishing/NAME.j2`. Raise `ConfigError` if the file has a mistake, and
    let the function raise it for a text that the file does not have or that cannot be rendered.
    """
    file = f"publishing/{name}.j2"
    try:
        with bounded():
            texts = config.published.get_template(file).module
    except TemplateError as error:
        raise broken(file, error) from None

    @lru_cache(_KEPT, typed=True)
    def write(text: str, *about: object) -> str:
        macro = getattr(texts, text, None)
        if macro is None:
            problem = Problem(f"templates/{file}", f"it has no text {text!r}", f"{{% macro {text}(...) %}}")
            raise ConfigError([problem])
        try:
            with bounded():
                return hide_addresses(str(macro(*about)).strip())
        except (TemplateError, TypeError) as error:
            raise broken(f"{file}, {text}", error) from None

    def write_once(text: str, *about: object) -> str:
        # A history says the same of many of its rows. What cannot be a key, such as a list, is written each time.
        try:
            hash(about)
        except TypeError:
            return write.__wrapped__(text, *about)
        return write(text, *about)

    return write_once


def broken(place: str, error: Exception) -> ConfigError:
    """Return the error to raise for a template with a mistake."""
    return ConfigError([Problem(f"templates/{place}", str(error), "correct Jinja")])
