"""Removes from public texts what names a person: e-mail addresses, and the contact persons of a partnership."""

from __future__ import annotations

import re
from collections.abc import Callable

from states.partnership import Partnership

HIDDEN_ADDRESS, HIDDEN_NAME = "[e-mail address]", "[name of a person]"
# Wider than what mail accepts, so that an address in an odd form does not stay.
_ADDRESS = re.compile(r"[^\s@<>()\[\]\"',;:]+@[^\s@<>()\[\]\"',;:]+\.[^\s@<>()\[\]\"',;:.]+")
_SHORTEST_NAME = 3  # a shorter name, such as one letter, would be part of ordinary words


def hide_addresses(text: str) -> str:
    """Return a text without the e-mail addresses that somebody has typed into it."""
    return _ADDRESS.sub(HIDDEN_ADDRESS, text)


def cleaner_for(facts: Partnership) -> Callable[[str], str]:
    """Return a function that hides e-mail addresses and the names of the contact persons in a text."""
    names = {
        application.contact_name for call in facts.selections for application in call.applications.values()
    }
    names |= {contact.name for contact in (facts.contact, facts.next_contact) if contact}
    # The longest name first, so that a part of it is not left over.
    wanted = sorted((re.escape(name) for name in names if len(name) >= _SHORTEST_NAME), key=len, reverse=True)
    named = re.compile(rf"(?<!\w)(?:{'|'.join(wanted)})(?!\w)", re.IGNORECASE) if wanted else None

    def clean(text: str) -> str:
        text = hide_addresses(text)
        return named.sub(HIDDEN_NAME, text) if named else text

    return clean
