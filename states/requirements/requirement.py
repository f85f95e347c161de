"""What a requirement is: a named predicate with the clause of policy 4270 that it enforces.

It answers None where it holds, else the reason why not, said to the person who is refused. Those marked
`of_input` can only be judged when the event's input is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from states.case import Case
from states.errors import Unmet


@dataclass(frozen=True, slots=True)
class Requirement:
    name: str
    clause: str | None
    of_input: bool
    reason: Callable[[Case], str | None]

    def unmet(self, case: Case) -> Unmet | None:
        """None where it holds, else why not."""
        reason = self.reason(case)
        return None if reason is None else Unmet(self.name, reason, self.clause)


def requirement(
    clause: str | None = None, *, of_input: bool = False
) -> Callable[[Callable[[Case], str | None]], Requirement]:
    """Make a predicate a requirement; its name is the function's, with dashes."""

    def named(reason: Callable[[Case], str | None]) -> Requirement:
        return Requirement(reason.__name__.replace("_", "-"), clause, of_input, reason)

    return named
