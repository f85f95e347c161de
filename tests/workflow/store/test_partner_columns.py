"""The agreements of an organization are found by its id, its name or its mail domain, and no others are read."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from states.names import Role
from states.weighing import Party
from tests.support import databases
from tests.support.district import Begin, Life
from tests.support.visitor import Visit
from workflow.store import tables
from workflow.store.partner_columns import may_be_of, partner_columns

SUM = "Together $499,999.98"


def found(life: Life, party: Party, home: tuple[str, ...] = ()) -> bool:
    query = select(tables.partnerships.c.ref).where(may_be_of(party, home))
    with life.system.reading() as session:
        return session.connection.scalar(query) == life.ref


@pytest.mark.parametrize(
    ("party", "known"),
    [
        (Party(id="harbor-house", name="H.", email=None), True),
        (Party(id="hh-2", name="HARBOR  House, Inc.", email="ana@gmail.com"), True),
        (Party(id="hh-3", name="Harbour", email="ben@example.org"), True),
        (Party(id="city", name="City College", email="ana@city.example"), False),
        (Party(id="city", name="City College", email=None), False),
    ],
)
def test_an_agreement_is_found_by_each_trait(begin: Begin, party: Party, known: bool) -> None:
    assert found(begin("drafted"), party) is known


def test_the_mail_domain_of_the_district_finds_nobody(begin: Begin) -> None:
    party = Party(id="hh-3", name="Harbour", email="ben@example.org")
    assert not found(begin("drafted"), party, ("example.org",))


@pytest.mark.parametrize(("station", "kept"), [("chosen", False), ("drafted", True), ("active", True)])
def test_a_partner_is_kept_as_soon_as_there_is_an_agreement(begin: Begin, station: str, kept: bool) -> None:
    life = begin(station)
    assert partner_columns(life.record.facts)["partner"] == ("harbor-house" if kept else None)
    assert found(life, Party(id="harbor-house", name="", email=None)) is kept


@pytest.mark.parametrize("kept", ["partner", "partner_name"])
def test_the_agreements_that_are_found_are_weighed(visit: Visit, kept: str) -> None:
    visitor = visit("drafted")
    visitor.life.another("franklin-2025").to("drafted")

    def change(columns: set[str]) -> Any:
        for column in columns:
            visitor.life.run(f"UPDATE partnerships SET {column} = 'another' WHERE ref = 'franklin-2025'")
        return visitor.get(visitor.link("", Role.SUPERINTENDENT)).said

    assert SUM in change({"partner", "partner_name", "partner_domain"} - {kept})
    assert SUM not in change({kept})


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL reads the whole of a small table")
def test_the_agreements_of_other_organizations_are_not_read(begin: Begin) -> None:
    with databases.plans_of("partner_name =") as plans:
        found(begin("drafted"), Party(id="x", name="X", email="x@x.example"))
    (plan,) = plans
    for column in ("partner", "partner_name", "partner_domain"):
        assert f"ix_partnerships_{column} ({column}=?)" in plan
