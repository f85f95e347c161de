"""Contacts of a Lead Partner besides the named one do what their right covers, in their own name, and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from states.errors import Refused, WrongRole
from states.names import Role
from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE
from tests.support.visitor import Visit, Visitor
from workflow.actions.action import LinkClosed, find_action
from workflow.store import tables
from workflow.store.rows import Channel

NAMED = "lead-partner@example.org"
RIGHTS = ("lead", "reports", "finance")


def contact(life: Life, right: str, organization: str | None = CBO, **given: Any) -> str:
    """Give somebody whose name is the right this right as a contact; their address."""
    life.person(right, organization=organization, contact_rights=json.dumps([right]), **given)
    return f"{right}@example.org"


def with_contacts(life: Life) -> Life:
    for right in RIGHTS:
        contact(life, right)
    return life


@pytest.mark.promise("several-contacts")
@pytest.mark.clause("4270.4")
@pytest.mark.parametrize(
    ("station", "event", "may"),
    [
        ("active", "record-meeting", {"lead", "reports"}),
        ("annual-review", "submit-report", {"lead", "reports"}),
        ("ended", "close-out", {"lead", "reports"}),
        ("active", "attach-document", {"lead", "reports", "finance"}),
        ("drafted", "sign-agreement", {"lead"}),
        ("drafted", "set-outcomes", {"lead"}),
        ("active", "add-agreement", {"lead"}),
    ],
)
@pytest.mark.parametrize("right", RIGHTS)
def test_each_does_what_their_right_covers_and_is_recorded_as_themselves(
    begin: Begin, station: str, event: str, may: set[str], right: str
) -> None:
    life = begin(station)
    life.at("2025-08-28") if station == "drafted" else None
    address = contact(life, right)
    if right not in may:
        with pytest.raises(WrongRole, match=f"{event} needs the right lead.*{address} has {right}"):
            life.do(event, address)
        return
    change = life.do(event, address)
    assert (change.role, change.entry["actor"]) == (Role.LEAD_PARTNER, address)
    assert life.facts.contact is not None
    assert life.facts.contact.email == NAMED
    assert life.faults() == []


@pytest.mark.promise("several-contacts")
def test_the_partner_signs_once_whichever_contact_signs(begin: Begin) -> None:
    life = with_contacts(begin("drafted"))
    life.at("2025-08-28").do("sign-agreement", "lead@example.org")
    assert life.facts.agreement is not None
    assert life.facts.agreement.signatures["partner"].by == "lead@example.org"
    with pytest.raises(Refused, match="already signed"):
        life.do("sign-agreement", NAMED)


@pytest.mark.promise("several-contacts")
def test_nobody_has_a_right_whom_the_office_did_not_give_one(begin: Begin) -> None:
    life = begin("active")
    life.person("colleague", roles=["lead-partner"], organization=CBO)
    contact(life, "lead", organization=COLLEGE)
    contact(life, "reports", active=False)
    for name in ("colleague", "lead", "reports"):
        with pytest.raises(WrongRole):
            life.do("record-meeting", f"{name}@example.org")


@pytest.mark.promise("several-contacts")
def test_a_former_contact_keeps_no_right_that_the_office_did_not_give(begin: Begin) -> None:
    life = begin("active")
    life.do("change-contact")
    life.do("accept-contact", "next-contact@example.org")
    with pytest.raises(WrongRole):
        life.do("record-meeting", NAMED)
    life.person("lead-partner", contact_rights='["reports"]')
    life.do("record-meeting", NAMED)
    with pytest.raises(WrongRole):
        life.do("add-agreement", NAMED)


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("different-people")
def test_who_acted_for_another_side_does_not_sign_as_a_contact(begin: Begin) -> None:
    life = begin("drafted")
    life.at("2025-08-28").do("sign-agreement", "staff")
    # They leave the office for the partner, and the office makes them its contact.
    life.person("staff", roles=[], organization=CBO, contact_rights='["lead"]')
    with pytest.raises(Refused, match="acted for the District here"):
        life.do("sign-agreement", "staff@example.org")


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("different-people")
def test_a_delegate_of_a_contact_counts_as_their_own_person(begin: Begin) -> None:
    life = with_contacts(begin("drafted"))
    life.at("2025-08-28").do("sign-agreement", "staff")
    with pytest.raises(Refused, match="acted for the District here"):
        life.do("sign-agreement", "lead@example.org", channel=Channel.LINK, ran_by="staff@example.org")


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("different-people")
def test_a_reviewer_with_the_rights_of_a_contact_does_not_score_that_organization(begin: Begin) -> None:
    life = begin("closed")
    life.person("reviewer-1", roles=["reviewer"], organization=CBO, contact_rights='["finance"]')
    with pytest.raises(Refused, match="belong"):
        life.do("score-application", "reviewer-1@example.org", organization=CBO)


def closed(life: Life, claim: Any) -> str:
    with life.system.reading() as session, pytest.raises(LinkClosed) as over:
        find_action(session, claim, life.now)
    return over.value.how


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("rights-looked-up-again")
@pytest.mark.parametrize(
    "changed",
    [
        {"contact_rights": '["finance"]'},
        {"contact_rights": "[]"},
        {"organization": COLLEGE},
        {"active": False},
    ],
)
def test_a_link_ends_with_the_right_for_which_it_was_sent(visit: Visit, changed: dict[str, Any]) -> None:
    visitor = visit("annual-review")
    life = visitor.life
    address = contact(life, "reports")
    claim = visitor.claim("submit-report", "lead-partner", to=address)
    with life.system.reading() as session:
        assert find_action(session, claim, life.now).actor == address
    life.put(tables.people, **{"email": address, "name": "Reports", **changed})
    assert closed(life, claim) == "revoked"
    with pytest.raises(WrongRole):
        life.do("submit-report", address)


@pytest.mark.promise("several-contacts")
def test_a_contact_acts_from_their_own_page_and_sees_there_what_waits(visit: Visit) -> None:
    visitor = visit("annual-review")
    life = with_contacts(visitor.life)
    seen = visitor.sign_in("reports@example.org").said
    assert "What waits for you" in seen
    assert "Submit the annual report" in seen.partition("What else you may do")[0]
    finance = Visitor(life)
    page = finance.sign_in("finance@example.org")
    assert "Nothing waits for you now" in page.said
    assert "You are finance contact of Harbor House here" in page.said
    offered = page.said.partition("What else you may do")[2].partition("Dates to come")[0]
    assert "Attach a document" in offered
    assert "report" not in offered


@pytest.mark.promise("several-contacts")
def test_a_form_says_as_what_a_contact_acts_and_records_who_it_was(visit: Visit) -> None:
    visitor = visit("active")
    life = with_contacts(visitor.life)
    path = visitor.link("record-meeting", "lead-partner", to="reports@example.org")
    assert (
        "as reports contact of Harbor House, the Lead Partner of Rainier Beach School"
        in visitor.get(path).said
    )
    visitor.do(path, summary="We met.", evidence="Minutes.")
    assert life.history()[-1]["actor"] == "reports@example.org"


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("corrected-in-the-open")
def test_what_a_contact_did_stands_when_an_earlier_entry_is_corrected(begin: Begin) -> None:
    life = with_contacts(begin("active"))
    life.do("record-meeting", "reports@example.org")
    # Rights that end later take nothing back from the record.
    life.person("reports", organization=CBO, contact_rights="[]")
    given = json.loads(life.history()[0]["input"]) | {"title": "Reading"}
    life.do("correct-entry", "staff", seq=1, input=given, reason="it was mistyped")
    assert life.facts.title == "Reading"
    assert life.faults() == []


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("corrected-in-the-open")
def test_what_a_contact_did_falls_with_the_choice_of_another_organization(begin: Begin) -> None:
    life = with_contacts(begin("chosen"))
    life.do("set-outcomes", "lead@example.org")
    seq = next(row["seq"] for row in life.history() if row["event"] == "choose-partner")
    given = json.loads(life.history()[seq - 1]["input"]) | {"organization": COLLEGE}
    with pytest.raises(Refused, match=r"lead@example.org would not have been lead-partner here"):
        life.do("correct-entry", "staff", seq=seq, input=given, reason="the other one was chosen")


@pytest.mark.promise("several-contacts")
def test_only_who_recorded_it_corrects_what_they_say_in_their_own_name(begin: Begin) -> None:
    life = with_contacts(begin("annual-review"))
    life.do("submit-report", "reports@example.org")
    last = life.history()[-1]
    given = json.loads(last["input"]) | {"narrative": "Another year."}
    for other in ("lead@example.org", "finance@example.org", NAMED):
        with pytest.raises((Refused, WrongRole)):
            life.do("correct-entry", other, seq=last["seq"], input=given, reason="no")
    life.do("correct-entry", "reports@example.org", seq=last["seq"], input=given, reason="it was mistyped")
    assert life.faults() == []
