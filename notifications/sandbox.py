"""The sandbox in which templates run: it escapes HTML, refuses unknown names, and ends what does not end by itself.

Staff edit templates. A mistake in one, such as a loop within a loop, must not hold up deadlines and mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

# The rounds of loops and the calls in one rendering. The longest page of a large district takes a tenth of that.
MOST_STEPS: Final = 1_000_000
# The longest text or list, and the largest exponent, that one multiplication may make.
_LONGEST, _LARGEST_EXPONENT = 1_000_000, 100
_left: ContextVar[list[int]] = ContextVar("steps left in this rendering")


@contextmanager
def bounded() -> Iterator[None]:
    """Bound what is rendered in the block: beyond `MOST_STEPS` a `SecurityError` is raised."""
    reset = _left.set([MOST_STEPS])
    try:
        yield
    finally:
        _left.reset(reset)


def _count_step() -> None:
    left = _left.get()
    left[0] -= 1
    if left[0] < 0:
        raise SecurityError(f"the template is not done after {MOST_STEPS:,} rounds of its loops and calls")


def _count_rounds(values: Iterable[Any]) -> Iterator[Any]:
    """Yield what a loop goes through, and count each round."""
    for value in values:
        _count_step()
        yield value


class _Unknown(StrictUndefined):
    """Raises as StrictUndefined does, with a message that lists the names that exist."""

    @property
    def _undefined_message(self) -> str:
        owner = self._undefined_obj
        # Only a mapping can list its names.
        # For a name of the context itself, Jinja gives `missing` as the owner.
        if self._undefined_hint or not isinstance(owner, Mapping):
            name = f"there is nothing called {self._undefined_name!r} in the notice context"
            return name if owner is missing else super()._undefined_message
        names = ", ".join(sorted(str(key) for key in owner)) or "nothing"
        return f"there is no {self._undefined_name!r} here; there is: {names}"


class Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox of templates, in which `facts.items` is the fact "items" and not the method of a dictionary."""

    intercepted_binops = frozenset(["*", "**"])

    def __init__(self, **options: Any) -> None:
        super().__init__(undefined=_Unknown, **options)
        self.filters["counted"] = _count_rounds

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a value by its key, or else an attribute that the sandbox allows."""
        # Jinja asks for an attribute first, so a key such as "items" or "values" would give the method.
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as Jinja has it
        """Call what a template calls, and count it: a macro that calls itself twice would not end for years."""
        _count_step()
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Multiply, unless that would make something too large."""
        if operator == "**" and isinstance(right, int) and abs(right) > _LARGEST_EXPONENT:
            raise SecurityError(f"an exponent is at most {_LARGEST_EXPONENT}")
        for text, times in ((left, right), (right, left)):
            if (
                isinstance(text, (str, list, tuple))
                and isinstance(times, int)
                and len(text) * times > _LONGEST
            ):
                raise SecurityError(f"a repeated text has at most {_LONGEST:,} characters")
        return super().call_binop(context, operator, left, right)

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        """Have each loop of a template counted. Jinja offers this method for such changes."""
        for loop in source.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "counted", [], [], None, None, lineno=loop.lineno)
        return super()._generate(source, *args, **kwargs)
