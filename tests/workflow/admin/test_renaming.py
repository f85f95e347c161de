"""A new name of a school or an organization shows everywhere, with the old one on record."""

from __future__ import annotations

import pytest

from states.names import Role
from tests.support.desk import REF
from tests.support.facts import CBO
from tests.workflow.admin.conftest import Sit
from tests.workflow.admin.test_leaving import mail
from workflow.outbox.event_words import names_in
from workflow.views import visibility
from workflow.views.visibility import Viewer


@pytest.mark.promise("present-names")
def test_the_new_name_of_a_partner_shows_and_the_old_one_stays_on_record(sit: Sit) -> None:
    desk = sit("scored")
    desk.ask(
        "organizations", "add", CBO, "--name", "Harbor Alliance", "--kind", "community-based-organization"
    )
    desk.life.do("choose-partner")
    life = desk.life
    assert life.facts.selection.applications[CBO].name == "Harbor House", "the record keeps what was sent"
    with life.system.reading() as session:
        assert names_in(session, life.facts)[CBO] == "Harbor Alliance"
        seen = visibility.facts_for(session, life.record, Viewer(Role.STAFF, "staff@example.org"), life.now)
    application = seen["selection"]["applications"][CBO]
    assert (application["name"], application["applied_as"]) == ("Harbor Alliance", "Harbor House")
    assert "Harbor Alliance" in mail(desk, "choose-partner")["principal"]
    shown = desk.ask("show", REF)["facts"]["selection"]["applications"][CBO]
    assert (shown["name"], shown["applied_as"]) == ("Harbor Alliance", "Harbor House")
    assert "Harbor Alliance" in desk.say("show", REF)
    (row,) = (one for one in desk.ask("organizations") if one["id"] == CBO)
    assert (row["name"], row["former_names"]) == ("Harbor Alliance", ["Harbor House"])
    assert life.faults() == []


@pytest.mark.promise("present-names")
def test_the_new_name_of_a_school_shows_and_the_old_one_stays_on_record(sit: Sit) -> None:
    desk = sit("needs")
    desk.ask("schools", "add", "rainier-beach", "--name", "Rainier Valley School")
    desk.life.do("describe-needs", "staff")
    assert "Rainier Valley School" in mail(desk, "describe-needs")["principal"]
    (row,) = (one for one in desk.ask("schools") if one["id"] == "rainier-beach")
    assert (row["name"], row["former_names"]) == ("Rainier Valley School", ["Rainier Beach School"])
