"""Templates that would not end, or fill the memory, are ended in words; all others run as they are."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from jinja2.exceptions import SecurityError

from notifications.render import make_environment
from notifications.sandbox import bounded

SANDBOX = make_environment([], ZoneInfo("America/Los_Angeles"), html=False)


def render(text: str) -> str:
    with bounded():
        return SANDBOX.from_string(text).render({"names": ["a", "b"], "tree": [{"below": [{"below": []}]}]})


@pytest.mark.promise("failures-stay-alone")
@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "{{ 'x' * 999999999 }}", "{{ 999999999 * 'x' }}", "{{ [1] * 999999999 }}", "{{ 9 ** 999999999 }}",
    ],
)  # fmt: skip
def test_a_template_that_does_not_end_is_ended(text: str) -> None:
    with pytest.raises(SecurityError, match=r"not done after 1,000,000|at most"):
        render(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% for n in names %}{{ loop.index }}/{{ loop.length }}{{ n }} {% endfor %}", "1/2a 2/2b "),
        ("{% for n in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for t in tree recursive %}({{ loop(t.below) }}){% endfor %}", "(())"),
        ("{% for n in names if n == 'b' %}{{ n }}{{ loop.last }}{% endfor %}", "bTrue"),
        ("{{ 'ab' * 3 }} {{ 2 ** 10 }} {{ 3 * 4 }}", "ababab 1024 12"),
        ("{% for n in names %}{{ loop.nextitem is defined }}{% endfor %}", "TrueFalse"),
    ],
)
def test_what_ends_by_itself_runs_as_it_is(text: str, expected: str) -> None:
    assert render(text) == expected


def test_each_rendering_has_the_whole_bound() -> None:
    for _ in range(3):
        assert render("{% for a in range(600) %}{% for b in range(600) %}{% endfor %}{% endfor %}") == ""
