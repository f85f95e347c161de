"""The directory: people, schools and organizations are added, changed, away and taken out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.desk import REF, Desk
from tests.workflow.admin.conftest import Sit


def person(desk: Desk, name: str) -> dict[str, Any]:
    found = {one["email"]: one for one in desk.ask("people")}
    return found[f"{name}@example.org"]


def test_a_person_is_added_once_and_changed_by_adding_again(sit: Sit) -> None:
    desk = sit()
    words = ("people", "add", "New@Example.org", "--name", "New Principal", "--role", "principal")
    schools = ("--school", "franklin", "--school", "garfield")
    done = [desk.ask(*words, *more)["done"] for more in (schools, schools, ("--school", "garfield"))]
    assert done == ["added", "unchanged", "changed"]
    new = person(desk, "new")
    assert (new["name"], new["roles"], new["schools"]) == ("New Principal", ["principal"], ["garfield"])


def test_only_what_is_given_of_a_person_is_changed(sit: Sit) -> None:
    desk = sit()
    before = person(desk, "principal")
    assert desk.ask("people", "change", "Principal@example.org", "--role", "principal", "--role", "reviewer") == {
        "id": "principal@example.org", "done": "changed",
    }  # fmt: skip
    assert person(desk, "principal") == before | {"roles": ["principal", "reviewer"]}
    desk.ask("people", "change", "principal@example.org", "--organization", "city-college")
    assert person(desk, "principal")["organization"] == "city-college"
    assert desk.ask("people", "change", "principal@example.org")["done"] == "unchanged"


@pytest.mark.promise("left-in-order")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("add", "x@example.org", "--role", "principal"), "--school: a principal needs a school"),
        (
            ("change", "superintendent@example.org", "--role", "principal"),
            "--school: a principal needs a school",
        ),
        (
            ("add", "x@example.org", "--role", "lead-partner"),
            "--organization: a contact of a Lead Partner needs an organization",
        ),
    ],
)
def test_nobody_is_principal_of_no_school_or_contact_of_no_organization(
    sit: Sit, words: tuple[str, ...], problem: str
) -> None:
    desk = sit()
    refused = desk.run("people", *words, "--name", "X", "--json")
    assert (refused.status, refused.problems) == (2, [problem])


def test_somebody_away_has_a_delegate_until_a_day(sit: Sit) -> None:
    desk = sit()
    words = ("people", "away", "staff@example.org", "--until")
    desk.ask(*words, "2025-08-01", "--delegate", "superintendent@example.org")
    away = person(desk, "staff")
    assert (away["away_until"], away["delegate"]) == ("2025-08-01", "superintendent@example.org")
    assert away["roles"] == ["staff"]
    assert "until 2025-08-01: superintendent@example.org" in desk.say("people")
    desk.ask(*words, "2025-09-01")
    assert person(desk, "staff")["delegate"] == "superintendent@example.org", "a delegate is remembered"


def test_what_a_person_did_stays_on_record_when_he_or_she_leaves(sit: Sit) -> None:
    desk = sit("open")
    desk.ask("people", "remove", "Principal@example.org")
    assert "principal@example.org" not in {one["email"] for one in desk.ask("people")}
    assert "principal@example.org" in {row["actor"] for row in desk.ask("history", REF)}
    assert desk.ask("verify")["faults"] == []


def test_a_school_is_added_and_the_invitation_of_the_board_recorded(sit: Sit) -> None:
    desk = sit()
    words = ("schools", "add", "mercer", "--name", "Mercer Middle School")
    assert desk.ask(*words) == {"id": "mercer", "done": "added"}
    assert desk.ask(*words, "--invited-on", "2025-07-02")["done"] == "changed"
    assert desk.ask(*words)["done"] == "unchanged", "an invitation is not lost by not being repeated"
    schools = {one["id"]: one for one in desk.ask("schools")}
    assert schools["mercer"] == {"id": "mercer", "name": "Mercer Middle School", "invited_on": "2025-07-02"}
    assert schools["garfield"]["invited_on"] is None
    assert "invited on" in desk.say("schools").splitlines()[0]


def test_an_organization_is_one_of_four_kinds(sit: Sit) -> None:
    desk = sit()
    for kind in ("community-based-organization", "higher-education", "public-agency", "other"):
        desk.ask("organizations", "add", "clinic", "--name", "Youth Clinic", "--kind", kind)
        assert {"id": "clinic", "name": "Youth Clinic", "kind": kind} in desk.ask("organizations")


def test_every_change_is_kept_with_what_was_before(sit: Sit) -> None:
    desk = sit()
    desk.ask("people", "change", "staff@example.org", "--name", "Partnership Office")
    (kept,) = [line for line in desk.life.dump() if "changes" in line and "Partnership Office" in line]
    assert '"name":"Staff"' in kept
    assert '"name":"Partnership Office"' in kept
