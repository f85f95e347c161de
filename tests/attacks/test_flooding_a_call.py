"""Flood an open call with applications, so that the panel drowns in them or an honest one is lost."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from states.errors import Refused
from states.inputs import ABILITIES
from tests.support.desk import REF
from tests.support.district import Begin, Life
from tests.support.facts import COLLEGE
from tests.support.letters import got
from tests.support.visitor import Guest, words
from tests.workflow.admin.conftest import OWNER, Sit
from tests.workflow.admin.conftest import sit as sit
from workflow import directory_changes
from workflow.actions import applications, held_applications
from workflow.actions.held_applications import domain_of
from workflow.store import tables

SECRET = "only its author reads this"
CAPS = '[selection]\nmost_applications = 3\nmost_of_domain = 2\npublic_domains = ["mail.example.net"]\n'


def sends(life: Life, email: str, **fields: Any) -> str:
    """What the page says after an application from this address."""
    form = {"name": f"Friends of {email}", "kind": "public-agency", "contact_name": "Somebody"}
    form |= dict.fromkeys(ABILITIES, SECRET) | fields
    guest = Guest(life)
    answer = guest.post(
        guest.application_link(email), do="send", form=secrets.token_hex(12), unchanged="yes", **form
    )
    assert answer.status_code == 200, words(answer.text)
    return words(answer.text)


def applied(life: Life) -> list[str]:
    assert life.facts.selection is not None
    return [each.contact_email for each in life.facts.selection.applications.values()]


def held(life: Life) -> list[str]:
    with life.system.reading() as session:
        return [each.email for each in held_applications.list_held(session, life.record)]


@pytest.mark.promise("flood-is-held")
def test_a_flood_to_a_call_is_held_and_an_honest_application_in_it_is_not_lost(begin: Begin) -> None:
    life = begin("open", CAPS)
    for n in range(5):
        sends(life, f"a@junk{n}.example")
    said = sends(life, "honest@youth.example")
    assert "Your application is kept and waits for the office" in said
    assert applied(life) == [f"a@junk{n}.example" for n in range(3)]
    assert held(life) == ["a@junk3.example", "a@junk4.example", "honest@youth.example"]
    (told,) = [row for row in life.notices("application-held") if row["to"] == "honest@youth.example"]
    assert (told["role"], told["partnership"]) == ("applicant", life.record.id)
    assert "waits for the office" in words(
        Guest(life).get(Guest(life).application_link("honest@youth.example")).text
    )


@pytest.mark.promise("flood-is-held")
def test_staff_are_told_once_for_each_call(begin: Begin) -> None:
    life = begin("open", CAPS)
    for n in range(9):
        sends(life, f"a@junk{n}.example")
    assert life.told("applications-held") == ["staff"]


@pytest.mark.promise("flood-is-held")
@pytest.mark.parametrize(
    ("addresses", "most"),
    [
        (["a@evil.example", "b@evil.example", "c@evil.example"], 2),
        (["a@evil.example", "a@x.evil.example", "a@y.evil.example"], 2),
        (["a@EVIL.example", "b@evil.example", "c@evil.example"], 2),
        (["a@mail.example.net", "b@mail.example.net", "c@mail.example.net"], 2),
        (["a@one.example", "a@two.example", "a@three.example"], 3),
    ],
    ids=["domain", "subdomains", "case", "of no public domain", "several domains"],
)
def test_one_domain_cannot_fill_a_call(begin: Begin, addresses: list[str], most: int) -> None:
    life = begin("open", CAPS)
    for address in addresses:
        sends(life, address.lower())
    assert len(applied(life)) == most
    assert len(held(life)) == 3 - most


@pytest.mark.promise("flood-is-held")
def test_a_public_mail_domain_has_no_cap_of_its_own(begin: Begin) -> None:
    life = begin("open", CAPS.replace("mail.example.net", "example.net"))
    for name in "abc":
        sends(life, f"{name}@example.net")
    assert len(applied(life)) == 3


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("a@example.org", "example.org"),
        ("a@b.c.example.org", "example.org"),
        ("a@x.example.co.uk", "example.co.uk"),
        ("a@Example.ORG.", "example.org"),
        ("a@localhost", "localhost"),
    ],
)
def test_subdomains_count_as_their_domain(email: str, domain: str) -> None:
    assert domain_of(email) == domain


@pytest.mark.promise("flood-is-held")
def test_whom_the_caps_must_not_lock_out(begin: Begin) -> None:
    life = begin("open", CAPS)
    life.system.transact(
        lambda s: directory_changes.put(
            s.connection,
            tables.people,
            {
                "email": "known@late.example",
                "name": "Known",
                "roles": "[]",
                "schools": "[]",
                "organization": COLLEGE,
            },
            by="staff",
            now=life.now,
        )
    )
    for n in range(3):
        sends(life, f"a@junk{n}.example")
    assert "We have your application" in sends(life, "a@junk0.example", collaboration="better words")
    assert "waits for the office" in sends(life, "unknown@late.example")
    name = {"name": "City College", "kind": "higher-education"}
    assert "We have your application" in sends(life, "known@late.example", **name)


FULL = CAPS.replace("most_applications = 3", "most_applications = 2")


def caught(life: Life) -> Life:
    """A call whose caps are full, in which two applications wait."""
    sends(life, "honest@youth.example")
    sends(life, "a@junk.example")
    return life


@pytest.mark.promise("flood-is-held")
def test_staff_release_what_waits_and_set_junk_aside(
    sit: Sit,
) -> None:
    desk = sit("applied", FULL + OWNER)
    life = caught(desk.life)
    listed = desk.ask("applications", REF)
    assert [row["email"] for row in listed] == ["a@junk.example", "honest@youth.example"]
    assert SECRET not in str(listed) + desk.say("applications")
    desk.say("applications", "set-aside", REF, "a@junk.example", "--as", "staff@example.org")
    desk.say("applications", "release", REF, "--all", "--as", "staff@example.org")
    assert applied(life)[-1] == "honest@youth.example"
    assert held(life) == ["a@junk.example"]
    row = life.history()[-1]
    assert (row["actor"], row["role"], row["channel"]) == ("honest@youth.example", "applicant", "link")
    assert "released by staff@example.org" in row["note"]
    assert "honest@youth.example" in life.told("receive-application")
    changes = [each["what"] for each in desk.ask("changes")]
    assert f"applications {REF} honest@youth.example" in changes
    # What was set aside by mistake can still be let in.
    desk.say("applications", "release", REF, "a@junk.example", "--as", "staff@example.org")
    assert held(life) == []
    assert life.faults() == []


@pytest.mark.promise("flood-is-held")
@pytest.mark.parametrize("deed", ["release", "set-aside"])
@pytest.mark.parametrize("who", ["principal@example.org", "board-office@example.org", "honest@youth.example"])
def test_only_staff_settle_what_waits(sit: Sit, who: str, deed: str) -> None:
    desk = sit("applied", FULL + OWNER)
    life = caught(desk.life)
    answer = desk.run("applications", deed, REF, "--all", "--as", who, "--json")
    assert answer.status in (1, 3)
    assert len(held(life)) == 2


@pytest.mark.promise("flood-is-held")
def test_who_is_set_aside_is_told_and_keeps_the_words(begin: Begin) -> None:
    life = caught(begin("applied", FULL))
    life.system.transact(
        lambda s: held_applications.set_aside(s, life.record, "honest@youth.example", life.now)
    )
    assert life.told("application-held").count("honest@youth.example") == 2
    guest = Guest(life)
    page = guest.get(guest.application_link("honest@youth.example")).text
    assert "The office has set aside what you sent" in page
    assert SECRET in page


def release(life: Life, email: str) -> None:
    def work(session: Any) -> None:
        waits = held_applications.find_held(session, life.record, email)
        assert waits is not None
        applications.release(session, life.record, waits, "staff@example.org", life.now)

    life.system.transact(work)


@pytest.mark.promise("flood-is-held")
def test_a_flood_in_the_last_hour_keeps_nobody_from_the_panel(begin: Begin) -> None:
    life = caught(begin("applied", FULL))
    life.tick("2025-08-15 17:00")
    link = Guest(life).application_link("honest@youth.example")
    assert "It counts as sent in time" in words(Guest(life).get(link).text)
    with pytest.raises(Refused) as refused:
        life.do("choose-partner")
    assert "2 applications wait for the office" in str(refused.value)
    life.at("2025-08-18 09:00")
    release(life, "honest@youth.example")
    assert applied(life)[-1] == "honest@youth.example"
    assert life.facts.selection is not None
    assert life.facts.selection.unscored()
    assert life.faults() == []


@pytest.mark.promise("flood-is-held")
def test_nobody_sends_other_words_late_in_place_of_what_waits(begin: Begin) -> None:
    life = caught(begin("applied", FULL))
    life.tick("2025-08-15 17:00")
    for words_given in ("other words", SECRET):
        late = {"organization": COLLEGE, "contact_email": "honest@youth.example", "contact_name": "Somebody"}
        late |= {"abilities": dict.fromkeys(ABILITIES, words_given) | {"diversity": "other"}}
        with pytest.raises(Refused) as refused:
            life.do("receive-application", "staff@example.org", **late)
        assert "the call closed" in str(refused.value)


@pytest.mark.promise("flood-is-held")
def test_what_waits_stays_sealed(begin: Begin) -> None:
    life = caught(begin("applied", FULL))
    mail = got(life, "applications-held", "staff").as_string()
    assert "honest@youth.example" in mail
    assert SECRET not in mail
