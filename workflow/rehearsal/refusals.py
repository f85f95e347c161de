"""Keeps what somebody tried in a rehearsal and the law did not allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from states.errors import BadInput, Refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that could not happen, with every reason why not."""

    at: datetime
    ref: str
    event: str
    actor: str
    reasons: tuple[str, ...]


def reasons_of(error: Exception) -> Iterator[str]:
    """Yield every reason that an error of the engine gives."""
    match error:
        case Refused(unmet=unmet):
            yield from map(str, unmet)
        case BadInput(problems=problems):
            yield from map(str, problems)
        case _:
            yield str(error)
