"""The application of somebody the District may not know: sent, replaced, and sealed until the call closes."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from states.inputs import ABILITIES
from states.names import Role
from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE
from tests.support.visitor import Guest, count, words
from workflow.actions import applications
from workflow.store.application_texts import ApplicationText, read_text
from workflow.store.rows import Notice

NEW = "new@example.org"
WRITTEN = {
    "name": "Rainier Youth",
    "kind": "community-based-organization",
    "contact_name": "Contact of Rainier Youth",
    **{ability: f"a secret about {ability}" for ability in ABILITIES},
}


class Applying:
    """Somebody with the link of an application."""

    def __init__(self, life: Life, email: str = NEW) -> None:
        self.life, self.email = life, email
        self.visitor = Guest(life)
        self.link = self.visitor.application_link(email)

    def page(self) -> str:
        answer = self.visitor.get(self.link)
        assert answer.status_code == 200
        return answer.text

    def key(self) -> str:
        """The form that the page gives."""
        (found,) = re.findall(r'name="form" value="([0-9a-f]+)"', self.page())
        return str(found)

    def post(self, do: str, form: str | None = None, **fields: Any) -> Any:
        return self.visitor.post(self.link, do=do, form=form or self.key(), **fields)

    def send(self, form: str | None = None, **fields: Any) -> Any:
        return self.post("send", form, **(WRITTEN | fields))


def events(life: Life) -> list[str]:
    return [row["event"] for row in life.history() if "application" in row["event"]]


def applied(life: Life) -> dict[str, Any]:
    assert life.facts.selection is not None
    return life.facts.selection.applications


def text(life: Life) -> ApplicationText:
    """What Rainier Youth wrote, as the record keeps it."""
    with life.system.reading() as session:
        return read_text(session.connection, life.record, applied(life)["rainier-youth"])


# Sending


def test_somebody_new_applies(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    answer = who.send()
    assert answer.status_code == 200
    assert "We have your application" in answer.text
    one = applied(life)["rainier-youth"]
    assert (one.name, one.kind, one.contact_email) == ("Rainier Youth", WRITTEN["kind"], NEW)
    assert text(life).abilities["diversity"] == "a secret about diversity"
    row = life.history()[-1]
    assert (row["event"], row["actor"], row["role"], row["channel"]) == (
        "receive-application", NEW, "applicant", "link",
    )  # fmt: skip
    with life.system.reading() as session:
        assert session.directory.people[NEW].organization == "rainier-youth"
        assert session.directory.people[NEW].roles == ()
        assert session.directory.organizations["rainier-youth"].name == "Rainier Youth"
    assert life.faults() == []


def test_whoever_applies_gets_one_receipt(begin: Begin) -> None:
    life = begin("open")
    Applying(life).send()
    mine = [row["template"] for row in life.notices() if row["to"] == NEW]
    assert mine == ["receive-application"]


def test_the_page_after_it_shows_what_was_received_and_that_it_can_be_changed(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    said = words(who.send().text)
    assert "You can change or withdraw your application until the call closes" in said
    page = words(who.page())
    assert "What we have from you Rainier Youth, received" in page
    assert "a secret about diversity" in page


def test_an_application_is_replaced_by_the_next_from_the_same_address(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    who.send()
    assert "a secret about diversity" in who.page()
    who.send(diversity="better words", name="Rainier Youth Center", kind="public-agency")
    (one,) = applied(life).values()
    assert (one.organization, one.name, one.kind, one.replaces) == (
        "rainier-youth", "Rainier Youth Center", "public-agency", 1,
    )  # fmt: skip
    assert text(life).abilities["diversity"] == "better words"


def test_the_same_form_counts_once(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    key = who.key()
    who.send(key)
    assert "It counted once" in who.send(key, diversity="other words").text
    assert events(life) == ["receive-application"]
    assert text(life).abilities["diversity"] == "a secret about diversity"


def test_the_same_form_sent_by_many_windows_at_once_counts_once(begin: Begin) -> None:
    life = begin("open")
    key = Applying(life).key()
    windows = [Applying(life) for _ in range(20)]
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda w=window: found.append(w.send(key).status_code)) for window in windows
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 20
    assert events(life) == ["receive-application"]
    assert len(life.told("receive-application")) == 2  # the applicant and staff


def test_many_applicants_at_the_same_moment_are_all_received(begin: Begin) -> None:
    life = begin("open")
    everybody = [Applying(life, f"n{n}@example.org") for n in range(12)]
    threads = [threading.Thread(target=lambda w=who: w.send()) for who in everybody]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(applied(life)) == 12
    assert life.faults() == []


def test_applicants_of_one_name_for_several_calls_at_the_same_moment_are_different_organizations(
    begin: Begin,
) -> None:
    """A name is anybody's; an identifier belongs to the address that came with it first."""
    life = begin("open")
    other = life.another("franklin-2025").to("open")
    everybody = [Applying(one, f"{one.school}-{n}@example.org") for n in range(6) for one in (life, other)]
    threads = [threading.Thread(target=lambda w=who: w.send()) for who in everybody]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(applied(life)) == len(applied(other)) == 6
    assert not applied(life).keys() & applied(other).keys()
    assert life.faults() == []


@pytest.mark.promise("limited-rate")
def test_an_address_cannot_flood_a_call(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applications, "MOST_SENT", 2)
    life = begin("open")
    who = Applying(life)
    statuses = [who.send(diversity=f"try {n}").status_code for n in range(4)]
    assert statuses == [200, 200, 422, 422]
    assert len(events(life)) == 2


# Whose it is


def test_somebody_of_a_known_organization_applies_for_it(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life, "applicant@example.org")
    page = who.page()
    assert 'name="name" type="text" value="City College"' in page
    assert re.search(r'value="higher-education" checked', page)
    who.send(name="City College", kind="higher-education")
    assert list(applied(life)) == [COLLEGE]


def test_what_the_district_knows_of_an_organization_is_not_changed_by_applying(begin: Begin) -> None:
    life = begin("open")
    answer = Applying(life, "applicant@example.org").send(name="Another College", kind="higher-education")
    assert answer.status_code == 422
    assert "The District knows your organization as City College" in answer.text
    assert "a secret about diversity" in answer.text
    assert applied(life) == {}


@pytest.mark.promise("own-application")
@pytest.mark.parametrize("name", ["City College", "  city   COLLEGE "])
def test_a_stranger_who_gives_a_known_name_is_kept_apart(begin: Begin, name: str) -> None:
    life = begin("applied")
    before = applied(life)[COLLEGE]
    Applying(life).send(name=name)
    assert list(applied(life)) == [CBO, COLLEGE, f"{COLLEGE}-2"]
    assert applied(life)[COLLEGE] == before
    with life.system.reading() as session:
        assert session.directory.organizations[COLLEGE].name == "City College"


@pytest.mark.promise("own-application")
def test_a_second_address_of_an_organization_never_replaces_the_application_of_the_first(
    begin: Begin,
) -> None:
    life = begin("applied")
    life.person("colleague", organization=COLLEGE)
    before = applied(life)[COLLEGE]
    Applying(life, "colleague@example.org").send(name="City College", kind="higher-education")
    assert applied(life)[COLLEGE] == before
    assert applied(life)[f"{COLLEGE}-2"].contact_email == "colleague@example.org"


def test_names_that_no_identifier_can_be_made_of_are_all_right(begin: Begin) -> None:
    life = begin("open")
    Applying(life, "a@example.org").send(name="青年会")
    Applying(life, "b@example.org").send(name="!!!")
    assert list(applied(life)) == ["organization", "organization-2"]
    assert [one.name for one in applied(life).values()] == ["青年会", "!!!"]


def test_an_address_that_is_switched_off_cannot_apply(begin: Begin) -> None:
    life = begin("open")
    life.person("applicant", active=False)
    answer = Applying(life, "applicant@example.org").send(name="City College", kind="higher-education")
    assert answer.status_code == 422
    assert "The District no longer uses this address" in answer.text
    assert applied(life) == {}


# What is wrong with it


def test_everything_that_is_missing_is_said_at_once_and_nothing_typed_is_lost(begin: Begin) -> None:
    life = begin("open")
    answer = Applying(life).post("send", name="Rainier Youth", diversity="only this")
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 5  # a contact person and four abilities
    assert 'href="#kind"' in answer.text
    for key in ("contact_name", "collaboration", "high-expectations"):
        assert f'aria-describedby="{key}-hint {key}-error"' in answer.text
    assert 'value="Rainier Youth"' in answer.text
    assert "only this</textarea>" in answer.text
    assert events(life) == []


def test_another_kind_of_organization_shows_its_ability(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    assert 'href="#demonstration"' in who.send(kind="other").text
    assert who.send(kind="other", demonstration="as we did before").status_code == 200
    assert text(life).demonstration == "as we did before"


def test_too_much_text_is_refused_and_kept_on_the_page(begin: Begin) -> None:
    life = begin("open")
    for do in ("send", "save"):
        answer = Applying(life).post(do, **(WRITTEN | {"diversity": "x" * 20_001}))
        assert answer.status_code == 422
        assert "20,001 characters" in answer.text
        assert "x" * 20_001 in answer.text
    assert count(life, "drafts") == 0


def test_characters_that_nobody_types_are_left_out(begin: Begin) -> None:
    life = begin("open")
    Applying(life).send(
        name="Rainier\r\nYouth\x00", contact_name="A\nB\u202e", diversity="one\r\ntwo\x00\x1b[31m"
    )
    (one,) = applied(life).values()
    assert (one.name, one.contact_name, text(life).abilities["diversity"]) == (
        "Rainier Youth",
        "A B",
        "one\ntwo[31m",
    )


@pytest.mark.parametrize("form", ["", "short", "x" * 65, "a b c d e f", "' OR 1=1 --"])
def test_a_damaged_form_is_refused(begin: Begin, form: str) -> None:
    life = begin("open")
    who = Applying(life)
    assert who.visitor.post(who.link, do="send", form=form, **WRITTEN).status_code == 422
    assert events(life) == []


# Closing


def test_after_closing_the_link_shows_what_was_sent_and_changes_nothing(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    who.send()
    key = who.key()
    life.at("2025-08-15 17:00")
    page = who.page()
    assert "a secret about diversity" in page
    assert "<form" not in page
    before = life.history()
    for do in ("send", "save", "withdraw"):
        who.visitor.post(who.link, do=do, form=key, confirm="withdraw", **WRITTEN)
    assert life.history() == before
    assert count(life, "drafts") == 0
    assert "We have no application from other@example.org" in Applying(life, "other@example.org").page()


def test_a_link_to_a_call_that_is_gone_says_so(begin: Begin) -> None:
    life = begin("needs-agreed")
    answer = Applying(life).visitor.get(Guest(life).application_link(NEW))
    assert answer.status_code == 410


@pytest.mark.promise("reading-changes-nothing")
def test_reading_an_application_changes_nothing(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    who.post("save", name="Rainier Youth")
    before = life.dump()
    who.page()
    who.visitor.client.head(who.link.removeprefix("http://127.0.0.1:8427"))
    assert life.dump() == before


def test_what_is_typed_is_text_and_never_markup(begin: Begin) -> None:
    life = begin("open")
    evil = '"><script>alert(1)</script></textarea><b>'
    for do in ("save", "send"):
        answer = Applying(life).post(do, **(dict.fromkeys(WRITTEN, evil) | {"kind": evil}))
        assert "<script>" not in answer.text
        assert "<b>" not in answer.text


# Sealed


@pytest.mark.promise("sealed-until-closing")
def test_nobody_reads_an_application_before_closing_on_any_page_or_in_any_message(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    who.post("save", **(WRITTEN | {"diversity": "a secret draft"}))
    who.send()
    for row in life.notices():
        assert "a secret" not in message_of(life, row["id"])
    visitor = who.visitor
    for role in (Role.STAFF, Role.PRINCIPAL, Role.SUPERINTENDENT, Role.BOARD_OFFICE):
        assert "a secret" not in visitor.shown(role, f"{role}@example.org")
    assert "a secret" not in visitor.shown(Role.REVIEWER, "reviewer-1@example.org")
    for path in ("/calls", "/calls.atom", "/calls.ics", "/calls/rbhs-2025"):
        assert "a secret" not in visitor.get(path).text


def message_of(life: Life, key: int) -> str:
    from email import message_from_bytes, policy

    from tests.support.letters import written
    from workflow.store import tables

    # A message with a date to keep is recorded with its calendar entry.
    with life.system.engine.begin() as connection:
        table = tables.notices
        row = connection.execute(table.select().where(table.c.id == key)).one()
        content = written(life.system.session(connection), Notice.from_row(row), life.now)
    return "".join(
        str(part.get_content())
        for part in message_from_bytes(content, policy=policy.default).walk()
        if not part.is_multipart()
    )
