"""Says what the several contacts of a Lead Partner may do, and which messages ask or tell them something (4270.4).

The record names one contact, who may do everything. The others have rights in the directory, given by the office.
Each right is an allow-list: what it does not name is left to the named contact and to those with the right `lead`.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import get_args

from states.fact import Fact
from states.names import Duty
from states.partnership import Partnership


class Right(StrEnum):
    """What the office lets a contact of an organization do for it, where it is the Lead Partner."""

    LEAD = "lead"  # everything that the Lead Partner may do, also to sign and to agree
    REPORTS = "reports"  # duties, the yearly report and the close-out
    FINANCE = "finance"  # documents; and to hear of the agreement and its end


# Every contact attaches documents, and corrects what they recorded themselves.
_FOR_ALL = frozenset({"attach-document", "correct-entry"})
_REPORTS = frozenset({*(f"record-{duty}" for duty in get_args(Duty)), "submit-report", "close-out"})
# The events that a right covers. The right `lead` covers every event of the Lead Partner.
COVERS: Mapping[Right, frozenset[str]] = {
    Right.REPORTS: _REPORTS | _FOR_ALL,
    Right.FINANCE: _FOR_ALL,
}
# The events about which a right gets messages: that they happened, that they are asked for, that they fall due.
# The right `lead` gets every message that asks the Lead Partner for something.
HEARS: Mapping[Right, frozenset[str]] = {
    Right.REPORTS: _REPORTS,
    Right.FINANCE: frozenset({
        "draft-agreement", "sign-agreement", "record-signature", "approve", "send-back", "activate",
        "amend-agreement", "withdraw-amendment", "terminate", "withdraw-termination", "expire", "close-out",
    }),
}  # fmt: skip


class OtherContact(Fact):
    """A contact besides the named one as they were when they acted: the organization, and their rights there."""

    organization: str
    rights: tuple[Right, ...]


def covers(rights: Collection[Right], event: str) -> bool:
    """Return whether one of these rights lets a contact do an event of the Lead Partner."""
    return Right.LEAD in rights or any(event in COVERS[right] for right in rights)


def hears(rights: Collection[Right], event: str | None, asked: Collection[str]) -> bool:
    """Return whether a message is for a contact with these rights.

    `event` is the event of which it tells, None for a date. `asked` are the events that it asks the Lead Partner
    for.
    """
    if Right.LEAD in rights:
        return not _FOR_ALL.issuperset(asked)
    return any(not HEARS[right].isdisjoint((event, *asked)) for right in rights)


def lead_partner(facts: Partnership) -> str | None:
    """Return the id of the organization that is the Lead Partner, or will be; None without a contact of it."""
    choice = facts.selection.choice if facts.selection else None
    return choice.organization if choice and facts.contact else None
