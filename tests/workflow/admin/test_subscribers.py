"""Who manages people lists the addresses that hear of new calls, and removes one on request."""

from __future__ import annotations

import json

import pytest

from tests.support.district import Life
from tests.workflow.admin.conftest import Sit
from workflow.actions import subscriptions
from workflow.session import Session

READERS = ("reader@example.org", "another@example.org")


def subscribe(life: Life, *emails: str) -> None:
    def work(session: Session) -> None:
        for email in emails:
            subscriptions.confirm(session, email, life.now)

    life.system.transact(work)


def test_the_subscribers_are_listed_for_who_manages_people(sit: Sit) -> None:
    desk = sit("open")
    subscribe(desk.life, *READERS)
    rows = desk.ask("subscribers", "list")
    assert [row["email"] for row in rows] == sorted(READERS)
    assert rows[0]["since"] == desk.life.now.isoformat(timespec="seconds")
    assert not rows[0]["bounced"]
    assert "reader@example.org" in desk.say("subscribers")
    assert desk.ask("changes")[-1]["what"] == "read the subscribers"


def test_a_subscriber_is_removed_on_request_and_changes_says_so_without_the_address(sit: Sit) -> None:
    desk = sit("needs-agreed")
    subscribe(desk.life, *READERS)
    done = desk.ask("subscribers", "remove", "Reader@example.org")
    assert done == {"email": "reader@example.org", "done": "removed"}
    last = desk.ask("changes")[-1]
    assert (last["what"], last["after"]) == ("removed a subscriber", "r...@example.org")
    assert "reader@" not in json.dumps(desk.ask("changes"))
    again = desk.run("subscribers", "remove", "reader@example.org")
    assert again.status == 3
    desk.life.do("open-selection", closes_on="2025-09-15")
    assert "another" in desk.life.told("open-selection")
    assert "reader" not in desk.life.told("open-selection")


def test_what_waits_for_the_morning_does_not_leave_after_the_removal(sit: Sit) -> None:
    desk = sit("needs-agreed")
    subscribe(desk.life, *READERS)
    desk.life.do("open-selection", closes_on="2025-09-15")
    desk.ask("subscribers", "remove", READERS[0])
    told = {row["to"]: row["status"] for row in desk.life.notices("open-selection")}
    assert (told[READERS[0]], told[READERS[1]]) == ("dead", "queued")


@pytest.mark.parametrize("words", [("list",), ("remove", READERS[0])])
def test_who_may_not_manage_people_neither_reads_nor_removes(sit: Sit, words: tuple[str, ...]) -> None:
    text = '[admin.users]\n"(owner)" = { person = "staff@example.org", may_manage = ["meetings"] }\n'
    desk = sit("open", text)
    subscribe(desk.life, READERS[0])
    answer = desk.run("subscribers", *words)
    assert answer.status == 1
    assert "may not change people" in answer.err
    assert READERS[0] not in answer.out + answer.err
