"""Requests for public records are on record from the day they come until they are closed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.support.desk import REF
from tests.workflow.admin.conftest import Sit
from workflow.store import tables


def test_a_request_is_open_from_its_day_until_it_is_closed(sit: Sit) -> None:
    desk = sit("needs")
    day = desk.life.now.date().isoformat()
    for _ in range(2):  # the same request once more changes nothing
        listed = desk.ask("dossier", "request", REF, "--received", day)
    assert (
        listed == [{"ref": REF, "received_on": day, "closed_on": None}] == desk.ask("dossier", "request", REF)
    )
    assert desk.ask("dossier", "request", REF, "--close") == []
    with desk.life.system.reading() as session:
        (row,) = session.connection.execute(select(tables.records_requests)).all()
    assert (row.received_on, row.closed_on) == (desk.life.now.date(), desk.life.now.date())
    told = [each["after"] for each in desk.ask("changes") if each["what"] == f"records request {REF}"]
    assert [each["closed_on"] for each in told] == [None, day]
    assert desk.life.faults() == []


@pytest.mark.parametrize("option", [("--received", "2025-07-01"), ("--close",)])
def test_who_may_not_manage_records_changes_no_request(sit: Sit, option: tuple[str, ...]) -> None:
    desk = sit(
        "needs", '[admin.users]\n"(owner)" = { person = "staff@example.org", may_manage = ["notices"] }\n'
    )
    answer = desk.run("dossier", "request", REF, *option)
    assert answer.status == 1
    assert "may not change records" in answer.err


def test_a_request_of_a_day_to_come_is_refused(sit: Sit) -> None:
    answer = sit("needs").run("dossier", "request", REF, "--received", "2030-01-01", "--json")
    assert answer.status == 2
    assert answer.problems == ["--received: 2030-01-01 is still to come"]
