"""Derives the columns by which all agreements of an organization are found, without reading those of others.

They follow from the facts, and `verify` compares them with the history.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, or_

from states.partnership import Partnership
from states.weighing import Party, party_of, share_of, traits_of
from workflow.store import tables


def partner_columns(facts: Partnership) -> dict[str, Any]:
    """Return the columns of a partnership with the traits of its partner. They are empty without an agreement."""
    party = party_of(facts)
    if party is None or share_of("", facts) is None:
        return {"partner": None, "partner_name": None, "partner_domain": None}
    traits = traits_of(party)
    return {"partner": traits.id, "partner_name": traits.name, "partner_domain": traits.domain}


def may_be_of(party: Party, home: Collection[str]) -> ColumnElement[bool]:
    """Return the condition for partnerships whose partner has a trait in common with a party.

    `home` are the mail domains of the district, which tell nothing.
    """
    table, traits = tables.partnerships, traits_of(party)
    conditions = [table.c.partner == traits.id, table.c.partner_name == traits.name]
    if traits.domain is not None and traits.domain not in home:
        conditions.append(table.c.partner_domain == traits.domain)
    return or_(*conditions)
