"""Says what every sheet can do: the form of one event, or the scores of all applications."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from states.errors import Problem
from workflow.forms.fields import Texts
from workflow.store.column_types import canonical

TICKED = "yes"  # the value of a box that a person ticks to say that a form is meant
NOT_TICKED = "not-ticked"  # in the address of a page that came back because a box was not ticked
EventInputs = list[tuple[str, dict[str, Any]]]


class Sheet(Protocol):
    """A sheet that can be drawn on a page and read back from what was typed."""

    @property
    def template(self) -> str:
        """The name of the template that draws the sheet."""
        ...

    def texts(self) -> dict[str, str]:
        """Return the texts of the sheet before anything is typed."""
        ...

    def draw(self, texts: Texts, problems: Sequence[Problem]) -> dict[str, Any]:
        """Return the context of its template. The summary of problems at the top of the page reads `fields`."""
        ...

    def read_events(self, texts: Texts) -> EventInputs:
        """Return the events that the texts ask for, each with its input. Raise `BadInput`."""
        ...

    def asks_check(self, texts: Texts) -> bool:
        """Return whether a person should read the answers once more before they are recorded."""
        ...

    def sum_up(self, texts: Texts) -> dict[str, Any]:
        """Return what the page to check the answers shows of them: `answers` by title, and `grids`."""
        ...

    def digest(self) -> str:
        """Return a digest that changes when what the person reads, agrees to or replaces has changed."""
        ...


def digest_of(*values: object) -> str:
    """Return the digest of values that JSON can hold, as forms send it back."""
    return hashlib.sha256(canonical(values).encode()).hexdigest()[:32]
