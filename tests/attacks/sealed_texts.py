"""Texts that are sealed, and the readers who may or may not read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from states.names import Role
from tests.support.facts import CBO, COLLEGE, REVIEWERS

OFFICE = (Role.STAFF, Role.PRINCIPAL, Role.SUPERINTENDENT, Role.BOARD_OFFICE)
PAPER = {"applicant@example.org": COLLEGE, "lead-partner@example.org": CBO}  # whom the directory knows
AUTHORS = (*PAPER, "stranger@example.org")
HELPERS = ("staff", "principal", "applicant", *(name.partition("@")[0] for name in REVIEWERS))
MARKER = re.compile(r"zq\d+zq")


@dataclass
class Call:
    """A call as the rules know it: it opens all its applications at the closing, unless it ended before."""

    ref: str
    round: int
    closes_at: datetime
    ended: bool = False

    def is_closed(self, now: datetime) -> bool:
        return not self.ended and now >= self.closes_at


@dataclass
class Text:
    """What an author has written: a draft until it is sent."""

    author: str
    call: Call
    organization: str | None = None  # None for a draft
    is_gone: bool = False  # it was withdrawn before the closing

    def is_open_to(self, reader: Reader, now: datetime) -> bool:
        """Whether somebody may read it: its author always, the office and the panel once the call has closed."""
        if reader.email == self.author and not reader.is_delegate:
            return True
        if self.organization is None or self.is_gone or not self.call.is_closed(now):
            return False
        # The panel of a later round has nothing to do with an earlier one, which only the office keeps.
        if reader.role is Role.REVIEWER:
            return (self.call.ref, self.call.round) == (reader.ref, reader.round)
        return reader.role in OFFICE or reader.email == self.author


@dataclass(frozen=True)
class Reader:
    """Who reads something: the person for whom it is meant, in a role, in the present round of a partnership."""

    email: str = ""
    role: Role | None = None
    is_delegate: bool = False
    ref: str = ""
    round: int = 0


PUBLIC, DESK = Reader(), Reader(role=Role.STAFF)
