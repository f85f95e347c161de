"""An agreement that is approved before its first day says everywhere from when it is in force."""

from __future__ import annotations

from states.names import Role
from tests.support.desk import REF
from tests.support.facts import PEOPLE, way
from tests.support.letters import got
from tests.support.visitor import Guest, words
from tests.workflow.admin.conftest import Sit
from workflow.views import desk as office


def test_an_agreement_that_has_not_begun_says_from_when_it_is_in_force(sit: Sit) -> None:
    desk = sit("agreed")
    life = desk.life
    life.do("draft-agreement", amount_cents=25_000_000, starts_on="2026-09-01", ends_on="2027-06-30")
    life.at("2025-09-02").do("refer-to-board")
    life.step(way("introduced", "referred")).at("2025-10-02").do("approve")
    assert desk.ask("show", REF)["in_force_from"] == "2026-09-01"
    assert "The agreement is in force from 2026-09-01" in desk.say("show", REF)
    assert [each["in_force_from"] for each in desk.ask("list")] == ["2026-09-01"]
    assert "active, in force from 2026-09-01" in desk.say("list")
    body = got(life, "approve", "staff").get_body(("plain",))
    assert body is not None
    assert "in force from Tuesday, September 1, 2026, and its duties begin then" in " ".join(
        body.get_content().split()
    )
    for role in (Role.STAFF, Role.LEAD_PARTNER):
        page = words(Guest(life).shown(role, PEOPLE[role]))
        assert "The agreement is in force from Tuesday, September 1, 2026" in page
    with life.system.reading() as session:
        (line,) = office.partnerships(session, Role.STAFF, life.now, office.Filters()).lines
    assert str(line.begins_on) == "2026-09-01"
    life.at("2026-09-01")
    assert desk.ask("show", REF)["in_force_from"] is None
    with life.system.reading() as session:
        (line,) = office.partnerships(session, Role.STAFF, life.now, office.Filters()).lines
    assert line.begins_on is None
