"""Names the states, the roles, the sides, and the kinds of things that the policy tells apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class State(StrEnum):
    """The state of a partnership. The order is that of its life."""

    NEEDS_IDENTIFIED = "needs-identified"
    OPEN_SELECTION = "open-selection"
    BOARD_REVIEW = "board-review"
    ACTIVE = "active"
    ANNUAL_REVIEW = "annual-review"
    TERMINATED = "terminated"


class Role(StrEnum):
    """The role in which a person, or the clock, acts on a partnership."""

    PRINCIPAL = "principal"
    STAFF = "staff"
    SUPERINTENDENT = "superintendent"
    BOARD_OFFICE = "board-office"
    REVIEWER = "reviewer"
    LEAD_PARTNER = "lead-partner"
    NEXT_CONTACT = "next-contact"  # asked to become the contact of the Lead Partner, and not accepted yet
    APPLICANT = "applicant"
    PUBLIC = "public"  # anybody with an address that was confirmed; the record does not say who
    CLOCK = "clock"


Side = Literal["school", "district", "partner"]
SigningSide = Literal["district", "partner"]  # who signs the agreement
Kind = Literal["community-based-organization", "higher-education", "public-agency", "other"]
Ability = Literal[
    "collaboration", "high-expectations", "diversity", "connecting-assets", "shared-accountability"
]
Instrument = Literal["mou", "contract"]
Requester = Literal["school", "superintendent", "board"]
Purpose = Literal["new", "amendment", "renewal", "termination"]
Ground = Literal["no-substantial-impact", "unsatisfactory", "mutual", "breach"]
Remedy = Literal["score-anew", "start-over"]
Duty = Literal["assessment", "gap", "meeting", "engagement", "responsibility"]

# The roles that no person holds: no message asks them for anything, and no page is theirs.
HELD_BY_NOBODY = frozenset({Role.PUBLIC, Role.CLOCK})

SIDES: dict[Role, Side] = {Role.PRINCIPAL: "school", Role.STAFF: "district", Role.LEAD_PARTNER: "partner"}
SIDE_NAMES: dict[Side, str] = {
    "school": "the school",
    "district": "the District",
    "partner": "the Lead Partner",
}
