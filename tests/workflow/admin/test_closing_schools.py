"""A school that closes or merges hands its partnerships over; nobody is left waiting for its principal."""

from __future__ import annotations

import pytest

from tests.support.desk import REF
from tests.support.district import Life
from tests.support.letters import delivered
from tests.workflow.admin.conftest import Sit

CLOSE = ("schools", "close", "rainier-beach", "--on", "2025-08-31", "--reason", "too few students")


@pytest.mark.promise("schools-close")
def test_the_other_school_has_the_partnership_from_then_on(sit: Sit) -> None:
    desk = sit("needs")
    desk.life.do("describe-needs", "staff")
    assert desk.ask(*CLOSE, "--into", "franklin")["partnerships"] == [REF]
    shown = desk.ask("show", REF)
    assert (shown["school"], shown["school_name"]) == ("rainier-beach", "Franklin School")
    waits = {(w["person"], w["role"]) for w in shown["waiting_on"]}
    assert ("franklin-principal@example.org", "principal") in waits
    assert desk.life.told("school-closed") == ["franklin-principal", "principal", "staff"]
    assert desk.trigger("agree-needs", "--as", "principal@example.org").status == 1
    desk.life.do("agree-needs", "franklin-principal@example.org")
    assert [row["ref"] for row in desk.ask("list", "--school", "franklin")] == [REF]
    assert desk.ask("verify")["faults"] == []
    assert "vacant" not in desk.ask("people", "remove", "principal@example.org")


@pytest.mark.promise("schools-close")
def test_a_school_cannot_close_while_nobody_takes_its_partnerships_over(sit: Sit) -> None:
    desk = sit("needs")
    refused = desk.run(*CLOSE, "--json")
    assert (refused.status, refused.json["unmet"][0]["requirement"]) == (1, "taken-over")
    desk.life.do("withdraw")
    assert desk.ask(*CLOSE)["partnerships"] == []
    new = desk.run(
        "trigger", "NEW", "identify-needs", "--set", "school=rainier-beach", "--set", "title=x", "--json"
    )
    assert new.problems == ["school: Rainier Beach School closed on 2025-08-31"]


def test_a_school_closes_whose_partnership_was_destroyed(sit: Sit) -> None:
    desk = sit("ended")
    delivered(desk.life)
    desk.life.at("2033-01-03")
    close = ("schools", "close", "rainier-beach", "--on", "2033-01-31", "--reason", "too few students")
    # It ended and was never closed out, so somebody still has to do that.
    assert desk.run(*close, "--json").json["unmet"][0]["requirement"] == "taken-over"
    items = desk.ask("retention", "preview")["items"]
    certificate = desk.folder / "gone.html"
    desk.ask("retention", "apply", "--confirm", str(items), "--certificate", str(certificate))
    desk.life.person("new-principal")
    replaced = desk.say(
        "people", "replace", "principal@example.org", "new-principal@example.org", "--reason", "x"
    )
    assert REF not in replaced
    assert desk.ask(*close)["partnerships"] == []
    assert desk.life.told("school-closed") == []
    assert desk.ask("verify")["faults"] == []
    assert "destroyed on 2033-01-03" in desk.say("show", REF)


@pytest.mark.clause("4270.4")
def test_a_merger_gives_no_school_two_lead_partners(sit: Sit) -> None:
    desk = sit("active")
    other: Life = desk.life.another("franklin-2025")
    other.to("active")
    refused = desk.run(*CLOSE, "--into", "franklin", "--json")
    assert [unmet["clause"] for unmet in refused.json["unmet"]] == ["4270.4"]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--into", "rainier-beach"), 2),
        (("--into", "nowhere"), 3),
        (("--into", "franklin", "--reason", " "), 2),
        (("--into", "franklin", "--on", "someday"), 2),
    ],
)
def test_a_closing_that_makes_no_sense_is_refused(sit: Sit, words: tuple[str, ...], status: int) -> None:
    assert sit("needs").run(*CLOSE, *words, "--json").status == status
