"""Killed while it takes a form: the person sees that nothing was answered, sends it again, and it is done once."""

from __future__ import annotations

import http.client

import pytest
from sqlalchemy import func, select

from tests.faults import dying
from tests.faults.account import NOTICES, account, newcomer, nothing_waits, rows
from tests.faults.conftest import CHAOS
from tests.faults.load import WHO, filled, send
from tests.support.house import House, until
from tests.support.visitor import Visitor

POINTS = ["after a form is committed", "before a form is committed", "before a form is acted on"]


@pytest.mark.promise("acts-once")
@pytest.mark.parametrize("point", POINTS if CHAOS else POINTS[:1])
def test_a_form_whose_answer_never_came_is_sent_again_and_done_once(house: House, point: str) -> None:
    with newcomer(house) as life:
        link = Visitor(life).link("add-note", "principal", to=WHO)
    house.configure(mail='replies = "none"\nmaildir = "mail"\n')
    house.start(command=dying.command("partnershipd", die=point))
    until(house.healthy, "the daemon is healthy", timeout=60)
    body = filled(house, link) | {"text": "one"}
    with pytest.raises((OSError, http.client.HTTPException)):
        send(house, link, body)
    assert house.ended() == -9
    house.start()
    until(house.healthy, "the daemon is healthy", timeout=60)
    assert all(send(house, link, body).endswith("/done") for _ in range(2))
    nothing_waits(house)
    found_now = account(house)
    mine = [key for key in found_now.events.elements() if key[1:4] == ("add-note", WHO, "link")]
    assert len(mine) == 1
    assert found_now.answers["add-note", WHO, "link"] == 1
    query = select(func.count()).where(NOTICES.template == "receipt", NOTICES.status == "sent")
    assert rows(house, query)[0][0] == found_now.answers.total(), "a receipt for each"
    assert found_now.faults == ()
