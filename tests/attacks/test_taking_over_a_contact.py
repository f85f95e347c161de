"""Staff, or somebody who opens mail of others, try to make a person the Lead Partner's contact unasked."""

from __future__ import annotations

import pytest

from states.case import Case, Setting
from states.errors import Refused, WrongRole
from states.inputs import read_input
from states.machine import replay, row_of
from states.names import Role
from tests.support.district import Begin, Life
from tests.support.visitor import Visit, Visitor
from workflow.store import loading
from workflow.store.rows import Channel

NEXT, OLD = "next-contact@example.org", "lead-partner@example.org"


def contact(life: Life) -> str | None:
    return life.facts.contact.email if life.facts.contact else None


def asked(visit: Visit) -> tuple[Visitor, str]:
    """A visitor, and the link with which the next contact accepts."""
    visitor = visit("drafted")
    visitor.life.do("change-contact")
    return visitor, visitor.link("accept-contact", Role.NEXT_CONTACT, to=NEXT)


@pytest.mark.promise("contact-accepts")
def test_the_old_contact_stays_until_the_new_one_accepts_by_the_link(visit: Visit) -> None:
    visitor, path = asked(visit)
    life = visitor.life
    assert {"next-contact", "lead-partner"} <= set(life.told("change-contact"))
    assert contact(life) == OLD
    for role in (Role.LEAD_PARTNER, None):
        with pytest.raises(WrongRole):
            life.do("set-outcomes", NEXT, role=role)
    assert life.do("set-outcomes", OLD).role is Role.LEAD_PARTNER
    form = visitor.get(path).form
    # Programs that check mail send the form as it is.
    assert visitor.post(path, form.texts | {"do": ["act"]}).status == 422
    assert contact(life) == OLD
    assert visitor.post(path, form.texts | {"confirm": ["yes"], "do": ["act"]}).status == 303
    assert contact(life) == NEXT
    with pytest.raises(WrongRole):
        life.do("set-outcomes", OLD)
    assert "lead-partner" in life.told("accept-contact")
    assert life.faults() == []


@pytest.mark.promise("contact-accepts")
@pytest.mark.parametrize(
    ("email", "name"), [("other@example.org", "Other"), (NEXT, "Same"), (OLD, "Lead partner")]
)
def test_a_link_ends_with_a_later_change_also_to_the_same_person_or_back(
    visit: Visit, email: str, name: str
) -> None:
    visitor, path = asked(visit)
    form = visitor.get(path).form
    visitor.life.do("change-contact", email=email, name=name)
    sent = visitor.post(path, form.texts | {"confirm": ["yes"], "do": ["act"]})
    assert sent.status in (409, 410)
    assert contact(visitor.life) == OLD
    assert (visitor.life.facts.next_contact is None) is (email == OLD)


@pytest.mark.promise("contact-accepts")
def test_the_link_ends_after_its_days_and_staff_hear_of_it(visit: Visit) -> None:
    visitor, _ = asked(visit)
    life = visitor.life
    life.tick("2025-09-03 23:00")
    life.at("2025-09-04 00:00")
    with pytest.raises(Refused, match="could be accepted until"):
        life.do("accept-contact", NEXT)
    life.tick("2025-09-06")
    assert "staff" in life.told("contact-accepted")
    assert contact(life) == OLD


@pytest.mark.promise("contact-accepts")
def test_nobody_accepts_for_somebody_else(begin: Begin) -> None:
    life = begin("drafted")
    life.do("change-contact")
    for other in ("staff@example.org", OLD, "principal@example.org"):
        with pytest.raises(WrongRole):
            life.do("accept-contact", other)
    with pytest.raises(Refused, match="in place of"):
        life.do("accept-contact", NEXT, channel=Channel.LINK, ran_by="staff@example.org")


@pytest.mark.promise("contact-accepts")
def test_the_next_contact_reads_nothing_of_the_partnership_before_accepting(visit: Visit) -> None:
    visitor, _ = asked(visit)
    said = visitor.get(visitor.link("", Role.NEXT_CONTACT, to=NEXT)).said
    for word in ("$249,999.99", "a family center", "attendance", "Harbor House", "City College", OLD):
        assert word not in said
    life = visitor.life
    life.do("accept-contact", NEXT)
    assert "$249,999.99" in visitor.get(visitor.link("", Role.LEAD_PARTNER, to=NEXT)).said


def test_a_contact_who_has_left_is_followed_by_one_who_accepts(begin: Begin) -> None:
    life = begin("active")
    life.person("lead-partner", active=False)
    life.do("change-contact")
    life.do("accept-contact", NEXT)
    assert contact(life) == NEXT


def test_choosing_a_partner_ends_a_change_that_waits(begin: Begin) -> None:
    life = begin("scored")
    life.do("change-contact")
    life.do("choose-partner")
    assert (contact(life), life.facts.next_contact) == (OLD, None)


def test_an_old_history_in_which_a_contact_changed_at_once_still_fits_its_record(begin: Begin) -> None:
    life = begin("active")
    # As an earlier program judged it: the setting had no day for the consent.
    with life.system.reading() as session:
        record = loading.load(session.connection, [life.ref])[life.ref]
    given = read_input(row_of("change-contact", record.state).takes, {"email": NEXT, "name": "Next"})
    case = Case(record.state, record.facts, given, "staff@example.org", Role.STAFF, life.now, Setting())
    made = replay("change-contact", case)
    assert made.facts.contact is not None
    assert (made.facts.contact.email, made.facts.next_contact) == (NEXT, None)
