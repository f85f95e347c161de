"""As whom somebody acts: one of several roles, the role that is awaited, and never as the clock."""

from __future__ import annotations

from typing import Any

import pytest

from states.errors import BadInput, Refused, WrongRole
from states.names import Role
from tests.support.district import Begin, Life
from tests.support.facts import CBO
from workflow import engine
from workflow.store.errors import NotFound
from workflow.store.rows import Channel


def test_somebody_with_two_roles_acts_in_the_one_that_is_still_awaited(begin: Begin) -> None:
    life = begin("needs")
    life.person("both", roles=["staff", "principal"], schools=["rainier-beach"])
    life.do("describe-needs")
    life.do("agree-needs", "principal@example.org", role=Role.PRINCIPAL)
    assert life.do("agree-needs", "both@example.org").role is Role.STAFF
    assert life.facts.needs.agreed_at == life.now
    with pytest.raises(Refused, match="already agreed"):
        life.do("agree-needs", "both@example.org")


def test_somebody_with_two_roles_can_say_in_which(begin: Begin) -> None:
    life = begin("needs")
    life.person("both", roles=["staff", "principal"], schools=["rainier-beach"])
    life.do("describe-needs")
    assert life.do("agree-needs", "both@example.org", role=Role.STAFF).role is Role.STAFF
    with pytest.raises(WrongRole):
        life.do("agree-needs", "both@example.org", role=Role.SUPERINTENDENT)


@pytest.mark.parametrize("who", ["franklin-principal", "lead-partner", "reviewer-1", "superintendent"])
def test_somebody_without_the_role_here_is_told_which_roles_may(begin: Begin, who: str) -> None:
    life = begin("needs")
    with pytest.raises(WrongRole, match=f"describe-needs is for principal or staff; {who}@example.org has"):
        life.do("describe-needs", f"{who}@example.org")


def test_somebody_who_has_left_holds_no_role(begin: Begin) -> None:
    life = begin("needs")
    life.person("staff", active=False)
    with pytest.raises(WrongRole, match="no role here"):
        life.do("describe-needs", "staff")


def test_nobody_but_the_clock_does_what_is_for_the_clock(begin: Begin) -> None:
    life = begin("applied").at("2025-08-16")
    with pytest.raises(WrongRole, match="close-applications is for clock"):
        life.do("close-applications", "staff@example.org")


def test_the_clock_does_nothing_that_is_for_people(begin: Begin) -> None:
    with pytest.raises(WrongRole, match="withdraw in needs-identified is for principal or staff, not clock"):
        begin("needs").do("withdraw", "clock")


@pytest.mark.parametrize("channel", ["cli", "link", "reply"])
def test_nobody_can_be_the_clock_by_calling_himself_so(begin: Begin, channel: str) -> None:
    life = begin("applied").at("2025-08-16")
    with pytest.raises(NotFound, match="'clock'"):
        life.do("close-applications", "clock", channel=channel)


def test_an_applicant_speaks_for_his_own_organization_alone(begin: Begin) -> None:
    life = begin("applied")
    with pytest.raises(WrongRole):
        life.do("withdraw-application", "applicant@example.org", organization=CBO)
    life.do("withdraw-application", "lead-partner@example.org", organization=CBO)
    assert list(life.facts.selection.applications) == ["city-college"]


def test_the_contact_of_whoever_was_chosen_is_the_lead_partner(begin: Begin) -> None:
    life = begin("drafted")
    with pytest.raises(WrongRole):
        life.do("set-outcomes", "applicant@example.org")
    life.do("change-contact", email="applicant@example.org", name="Next contact")
    with pytest.raises(WrongRole):
        life.do("set-outcomes", "applicant@example.org")
    life.do("accept-contact", "applicant@example.org")
    assert life.do("set-outcomes", "applicant@example.org").role is Role.LEAD_PARTNER
    with pytest.raises(WrongRole):
        life.do("set-outcomes", "lead-partner@example.org")


@pytest.mark.promise("role-before-input")
@pytest.mark.parametrize(
    ("station", "event", "who"),
    [
        ("needs", "describe-needs", "reviewer-1"),
        ("needs", "open-selection", "principal"),
        ("applied", "receive-application", "superintendent"),
        ("applied", "withdraw-application", "reviewer-1"),
        ("active", "terminate", "principal"),
        ("active", "record-meeting", "principal"),
        ("active", "amend-agreement", "lead-partner"),
    ],
)
@pytest.mark.parametrize("given", [{}, {"nonsense": 1}, {"organization": "nobody"}, {"organization": 7}])
def test_who_may_not_do_an_event_is_told_so_whatever_the_input_lacks(
    begin: Begin, station: str, event: str, who: str, given: dict[str, object]
) -> None:
    life = begin(station)
    with pytest.raises(WrongRole):
        _do(life, event, who, given)


def test_who_may_do_an_event_is_told_what_the_input_lacks(begin: Begin) -> None:
    """Also somebody of an organization that has not applied, who names none or one that there is not."""
    life = begin("applied")
    life.person("newcomer", organization="city-college")
    for given in ({}, {"organization": "nobody"}):
        with pytest.raises(BadInput):
            _do(life, "receive-application", "newcomer", given)
    with pytest.raises(WrongRole):
        _do(life, "receive-application", "newcomer", {"organization": CBO})


def _do(life: Life, event: str, who: str, given: dict[str, Any]) -> None:
    """Do an event with exactly this input."""
    life.system.transact(
        lambda session: engine.advance(
            session, life.ref, event, given, f"{who}@example.org", Channel.CLI, life.now
        )
    )
