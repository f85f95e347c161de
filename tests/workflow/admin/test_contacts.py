"""The office keeps the contacts of an organization with their rights: in the district file and by commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.attacks.test_several_contacts import NAMED, contact, with_contacts
from tests.support.desk import REF, STAFF, Desk
from tests.support.visitor import count
from tests.workflow.admin.conftest import Sit

ADD = ("people", "add", "reports@example.org", "--name", "Ruth Reports", "--organization", "harbor-house")


def rights(desk: Desk, email: str) -> list[str]:
    return next(row["contact_rights"] for row in desk.ask("people") if row["email"] == email)


@pytest.mark.promise("several-contacts")
def test_the_office_gives_shows_and_takes_the_rights_of_a_contact(sit: Sit) -> None:
    desk = sit("active")
    desk.ask(*ADD, "--right", "reports", "--right", "finance")
    assert rights(desk, "reports@example.org") == ["reports", "finance"]
    (house,) = (row for row in desk.ask("organizations") if row["id"] == "harbor-house")
    assert house["contacts"] == ["reports@example.org (reports and finance)"]
    assert [(one["email"], one["rights"], one["named"]) for one in desk.ask("show", REF)["contacts"]] == [
        (NAMED, ["lead"], True),
        ("reports@example.org", ["reports", "finance"], False),
    ]
    assert "Ruth Reports (reports@example.org): reports and finance" in desk.say("show", REF)
    assert "reports contact, finance contact" in desk.say("people")
    desk.ask("people", "change", "reports@example.org", "--name", "R. Reports")
    assert rights(desk, "reports@example.org") == ["reports", "finance"]
    desk.ask("people", "change", "reports@example.org", "--right", "none")
    assert rights(desk, "reports@example.org") == []


@pytest.mark.promise("several-contacts")
def test_a_contact_acts_by_trigger_in_their_own_name(sit: Sit) -> None:
    desk = sit("active")
    desk.ask(*ADD, "--right", "reports")
    as_ = ("--as", "reports@example.org")
    values = ("--set", "on=2025-09-01", "--set", "summary=We met.", "--set", "evidence=Minutes.")
    desk.life.at("2025-09-03")
    desk.ask("trigger", REF, "record-meeting", *as_, *values)
    last = desk.life.history()[-1]
    assert (last["actor"], last["role"]) == ("reports@example.org", "lead-partner")
    refused = desk.run("--json", "trigger", REF, "add-agreement", *as_, "--set", "with=Clinic")
    assert refused.status != 0
    assert "needs the right lead; reports@example.org has reports" in refused.out + refused.err
    assert ("reports@example.org" in [each for wait in desk.ask("show", REF)["waiting_on"]
                                      for each in wait.get("others", [])])  # fmt: skip
    assert "record-meeting" in desk.say("list", "--waiting-on", "reports@example.org")
    assert desk.ask("people", "invite", "--role", "lead-partner")["invited"].count("reports@example.org") == 1
    listed = {row["event"] for row in desk.ask("events", REF, *as_)}
    assert "record-meeting" in listed
    assert not {"add-agreement", "sign-agreement", "set-outcomes"} & listed


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("left-in-order")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("people", "add", "a@example.org", "--name", "A", "--right", "reports"), "needs an organization"),
        (
            ("people", "change", "staff@example.org", "--organization", "harbor-house", "--right", "lead"),
            "is staff",
        ),
        ((*ADD, "--right", "money"), "lead, 'reports' or 'finance'"),
        ((*ADD, "--right", "lead", "--right", "none"), "lead, 'reports' or 'finance'"),
    ],
)
def test_rights_without_an_organization_beside_the_office_or_unknown_are_refused(
    sit: Sit, words: tuple[str, ...], problem: str
) -> None:
    answer = sit().run("--json", *words)
    assert answer.status == 2
    assert problem.replace("'", "") in (answer.out + answer.err).replace("'", "")


@pytest.mark.promise("several-contacts")
def test_a_district_file_gives_rights_keeps_what_it_leaves_out_and_takes_them(
    sit: Sit, tmp_path: Path
) -> None:
    desk = sit("active")
    person = '[[person]]\nemail = "f@example.org"\nname = "F"\norganization = "harbor-house"\n'
    file = tmp_path / "more.toml"

    def imported(text: str) -> list[str]:
        file.write_text(text, encoding="utf-8")
        desk.ask("import", str(file))
        return rights(desk, "f@example.org")

    assert imported(person + 'contact_rights = ["finance"]\n') == ["finance"]
    assert desk.ask("import", str(file))["changed"] == {}
    assert imported(person) == ["finance"]
    assert imported(person + "contact_rights = []\n") == []
    file.write_text(person.replace("organization", "#") + 'contact_rights = ["x"]\n', encoding="utf-8")
    assert (
        desk.run("--json", "import", str(file)).problems[0].startswith("person.0.contact_rights.0: found 'x'")
    )
    file.write_text(person.replace("harbor-house", "#").replace('organization = "#"\n', "").replace("f@", "g@")
                    + 'contact_rights = ["lead"]\n', encoding="utf-8")  # fmt: skip
    (problem,) = desk.run("--json", "import", str(file)).problems
    assert problem == "person.0.organization: somebody with the rights of a contact needs an organization"


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("nobody-grants-more")
def test_nobody_grants_the_right_of_a_contact_in_which_they_may_not_act(sit: Sit) -> None:
    desk = sit(
        "active",
        '[admin.users]\n"(owner)" = { person = "lead-partner@example.org", may_manage = ["people"] }\n',
    )
    answer = desk.run("--json", *ADD, "--right", "reports")
    assert answer.status == 1
    assert "may not give reports@example.org the right reports for harbor-house" in answer.out
    assert desk.run("--json", *ADD).status == 0


@pytest.mark.promise("several-contacts")
def test_a_change_of_rights_is_told_to_those_who_answer_for_it(sit: Sit) -> None:
    desk = sit("active")
    desk.ask(*ADD)
    news = "notices WHERE template = 'directory-changed'"
    before = count(desk.life, news)
    desk.ask(*ADD, "--right", "lead")
    assert count(desk.life, news) == before + 2


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("left-in-order")
def test_removing_a_contact_says_which_right_nobody_has_now(sit: Sit) -> None:
    desk = sit("annual-review")
    with_contacts(desk.life)
    said = desk.say("people", "remove", "lead-partner@example.org")
    assert "lead-partner@example.org, is no longer in the directory. Lead may act meanwhile" in said
    assert "Nobody has the right lead for Harbor House now" in desk.say(
        "people", "remove", "lead@example.org"
    )
    assert "Nobody has the right reports" in desk.say("people", "remove", "reports@example.org")
    waits = [(w["person"], w["event"]) for w in desk.ask("show", REF)["waiting_on"]]
    assert (None, "submit-report") in waits


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("left-means-left")
def test_a_contact_who_was_removed_can_do_nothing(sit: Sit) -> None:
    desk = sit("annual-review")
    address = contact(desk.life, "reports")
    desk.life.tick("2026-08-04 18:00")
    assert address in {row["to"] for row in desk.life.notices()}
    desk.ask("people", "remove", address)
    assert all(row["revoked_at"] for row in desk.life.notices() if row["to"] == address)
    assert desk.run("trigger", REF, "submit-report", "--as", address).status != 0


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("handed-over")
def test_a_successor_has_the_rights_of_a_contact_but_not_those_of_the_named_one(sit: Sit) -> None:
    desk = sit("active")
    contact(desk.life, "reports")
    went = desk.ask(
        "people", "replace", "reports@example.org", "new@example.org", "--reason", "Left.", *STAFF
    )
    assert "reports contact of Harbor House" in went["went_over"]
    assert rights(desk, "new@example.org") == ["reports"]
    desk.life.person("lead-partner", contact_rights=json.dumps(["lead", "finance"]))
    desk.ask("people", "replace", NAMED, "next@example.org", "--reason", "Left.", *STAFF)
    assert rights(desk, "next@example.org") == ["finance"], "they accept before they act for the partner"
    refused = desk.run("trigger", REF, "set-outcomes", "--as", "next@example.org")
    assert refused.status != 0
    answer = desk.run(
        "--json", "people", "replace", "staff@example.org", "new@example.org", "--reason", "x", *STAFF
    )
    assert "act for a partner and for the district" in answer.out
