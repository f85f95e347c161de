"""People replace: what waits for one waits for the other, both are told, and what was signed stays as it was."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.desk import REF, Desk
from tests.support.facts import CBO, COLLEGE, REVIEWERS
from tests.workflow.admin.conftest import Sit
from workflow import links
from workflow.actions.action import LinkClosed, find_action
from workflow.store import tables

REASON = ("--reason", "retired in the summer")


def replace(desk: Desk, old: str, new: str, *more: str) -> Any:
    return desk.ask("people", "replace", f"{old}@example.org", f"{new}@example.org", *REASON, *more)


def waiting(desk: Desk) -> set[tuple[Any, str, str]]:
    return {(w["person"], w["role"], w["event"]) for w in desk.ask("show", REF)["waiting_on"]}


def handed_over(desk: Desk) -> list[str]:
    with desk.life.system.reading() as session:
        rows = session.connection.execute(tables.notices.select()).mappings()
        return [row["to"] for row in rows if row["template"] == "handed-over"]


@pytest.mark.promise("handed-over")
@pytest.mark.parametrize(
    ("station", "old", "event"),
    [
        ("needs", "principal", "agree-needs"),
        ("needs", "staff", "agree-needs"),
        ("closed", "reviewer-3", "score-application"),
        ("scheduled", "board-office", "approve"),
        ("reported", "principal", "give-finding"),
    ],
)
def test_what_waited_for_one_waits_for_the_other(sit: Sit, station: str, old: str, event: str) -> None:
    desk = sit(station)
    if station == "needs":
        desk.life.do("describe-needs")
    was = {entry for entry in waiting(desk) if entry[0] == f"{old}@example.org"}
    assert event in {what for _, _, what in was}
    replace(desk, old, "successor", "--name", "The successor")
    now = waiting(desk)
    assert {("successor@example.org", role, what) for _, role, what in was} <= now
    assert f"{old}@example.org" not in {who for who, _, _ in now}
    assert handed_over(desk) == [f"{old}@example.org", "successor@example.org"]
    queued = next(row for row in desk.life.notices() if row["to"] == "successor@example.org")
    assert (queued["delegate_for"], queued["status"]) == (None, "queued")
    seen = len(desk.life.notices())
    desk.life.tick("2027-01-01")
    assert f"{old}@example.org" not in {row["to"] for row in desk.life.notices()[seen:]}
    assert desk.ask("verify")["faults"] == []


@pytest.mark.promise("handed-over")
def test_links_of_the_old_one_end_and_what_they_signed_stays_theirs(sit: Sit) -> None:
    desk = sit("needs")
    desk.life.do("describe-needs", "staff")
    desk.life.do("agree-needs", "principal")
    desk.life.run("UPDATE notices SET status = 'sent'")
    asked = [row for row in desk.life.notices() if row["to"] == "principal@example.org"]
    assert asked
    replace(desk, "principal", "successor")
    assert desk.life.facts.needs.signatures["school"].by == "principal@example.org"
    for row in asked:
        with desk.life.system.reading() as session, pytest.raises(LinkClosed):
            find_action(session, links.Claim(row["id"], "", "principal@example.org", REF), desk.life.now)
    with desk.life.system.reading() as session:
        assert session.name_of("principal@example.org") == "Principal", "they keep the name that they had"


@pytest.mark.promise("handed-over")
def test_a_new_contact_of_the_lead_partner_accepts_first(sit: Sit) -> None:
    desk = sit("annual-review")
    replace(desk, "lead-partner", "successor", "--name", "The successor")
    facts = desk.life.facts
    assert facts.next_contact is not None
    assert facts.next_contact.email == "successor@example.org"
    (person,) = (p for p in desk.ask("people") if p["email"] == "successor@example.org")
    assert (person["roles"], person["organization"]) == (["lead-partner"], CBO)
    assert ("successor@example.org", "next-contact", "accept-contact") in waiting(desk)
    desk.life.do("accept-contact", "successor@example.org")
    assert ("successor@example.org", "lead-partner", "submit-report") in waiting(desk)


def test_a_reviewer_may_be_replaced_by_one_who_is_on_the_panel(sit: Sit) -> None:
    desk = sit("closed")
    refused = desk.run("people", "replace", REVIEWERS[2], REVIEWERS[1], *REASON, "--json")
    assert refused.status == 1
    assert [unmet["requirement"] for unmet in refused.json["unmet"]] == ["panel-stays-large-enough"]
    assert REVIEWERS[2] in {p["email"] for p in desk.ask("people")}, (
        "nothing is done where one part is refused"
    )


def test_who_named_the_old_one_as_delegate_has_the_new_one(sit: Sit) -> None:
    desk = sit("needs")
    desk.ask(
        "people", "away", "principal@example.org", "--until", "2026-08-01", "--delegate", "staff@example.org"
    )
    desk.life.do("describe-needs", "staff")
    replace(desk, "staff", "successor")
    (principal,) = (p for p in desk.ask("people") if p["email"] == "principal@example.org")
    assert principal["delegate"] == "successor@example.org"
    moved = [
        row for row in desk.life.notices("describe-needs") if row["delegate_for"] == "principal@example.org"
    ]
    assert {row["to"] for row in moved} == {"successor@example.org"}


def test_an_applicant_outside_the_directory_is_replaced_too(sit: Sit) -> None:
    desk = sit("open")
    desk.life.at("2025-08-01").do(
        "receive-application", "staff", organization=COLLEGE, contact_email="outside@example.net"
    )
    desk.ask("people", "replace", "outside@example.net", "successor@example.org", *REASON)
    desk.life.tick("2025-08-15 17:00")
    assert "successor@example.org" in {row["to"] for row in desk.life.notices("close-applications")}
    assert "outside@example.net" not in {row["to"] for row in desk.life.notices("close-applications")}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("nobody@example.org", "staff@example.org", *REASON), 3),
        (("staff@example.org", "staff@example.org", *REASON), 2),
        (("staff@example.org", "successor@example.org", "--reason", " "), 2),
        (("lead-partner@example.org", "applicant@example.org", *REASON), 2),
    ],
)
def test_who_replaces_whom_has_to_make_sense(sit: Sit, words: tuple[str, ...], status: int) -> None:
    desk = sit("applied")
    before = desk.life.dump()
    assert desk.run("people", "replace", *words, "--json").status == status
    assert desk.life.dump() == before


def test_a_dry_run_changes_nothing(sit: Sit) -> None:
    desk = sit("closed")
    before = desk.life.dump()
    assert (
        f"{REF}: Change the panel of reviewers"
        in replace(desk, "reviewer-3", "new", "--dry-run")["went_over"]
    )
    assert desk.life.dump() == before
