"""Defines the school year, from the first of September to the end of August (RCW 28A.150.203)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

_SEPTEMBER = 9


@dataclass(frozen=True, slots=True, order=True)
class SchoolYear:
    """A school year, named by the calendar year in which it ends: 2026 is that of 2025-26."""

    ends_in: int

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the school year in which a day falls."""
        return cls(day.year + (day.month >= _SEPTEMBER))

    @property
    def first(self) -> date:
        """Return the first day, September 1."""
        return date(self.ends_in - 1, _SEPTEMBER, 1)

    @property
    def last(self) -> date:
        """Return the last day, August 31."""
        return date(self.ends_in, 8, 31)

    def as_json(self) -> dict[str, Any]:
        """Return the year as a document has it."""
        return {
            "year": self.ends_in,
            "school_year": str(self),
            "first_day": self.first.isoformat(),
            "last_day": self.last.isoformat(),
        }

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.ends_in - 1}-{self.ends_in % 100:02d}"
