"""Killed while it takes a form: the person sees that nothing was answered, sends it again, and it is done once."""

from __future__ import annotations

import http.client
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select

from tests.faults import dying
from tests.faults.account import NOTICES, account, nothing_waits, opened, rows
from tests.faults.conftest import CHAOS
from tests.faults.load import FORM, WHO
from tests.support.district import Life
from tests.support.facts import LA
from tests.support.house import NEW, House, until
from tests.support.visitor import Page, Visitor
from workflow import session

POINTS = ["after a form is committed", "before a form is committed", "before a form is acted on"]


@pytest.mark.promise("acts-once")
@pytest.mark.parametrize("point", POINTS if CHAOS else POINTS[:1])
def test_a_form_whose_answer_never_came_is_sent_again_and_done_once(house: House, point: str) -> None:
    with opened(house) as found:
        life = Life(found, NEW, "franklin")
        life.now = session.current_time().astimezone(LA)
        link = Visitor(life).link("describe-needs", "principal", to=WHO)
    house.configure(mail='replies = "none"\nmaildir = "mail"\n')
    house.start(command=dying.command("partnershipd", die=point))
    until(house.healthy, "the daemon is healthy", timeout=60)
    (form,) = [form for form in Page(house.page(link)[1], link).forms if "form" in form.texts]
    texts = {name: values[0] for name, values in form.texts.items() if values}
    words = dict.fromkeys(("needs", "resources", "assets", "qualities", "goals"), "one")
    body = urlencode(texts | words | {"do": "act"})
    with pytest.raises((OSError, http.client.HTTPException)):
        send(house, link, body)
    assert house.ended() == -9
    house.start()
    until(house.healthy, "the daemon is healthy", timeout=60)
    assert [send(house, link, body) for _ in range(2)] == [303, 303]
    nothing_waits(house)
    found_now = account(house)
    mine = [key for key in found_now.events.elements() if key[1:4] == ("describe-needs", WHO, "link")]
    assert len(mine) == 1
    assert found_now.answers["describe-needs", WHO, "link"] == 1
    query = select(func.count()).where(NOTICES.template == "receipt", NOTICES.status == "sent")
    assert rows(house, query)[0][0] == found_now.answers.total(), "a receipt for each"
    assert found_now.faults == ()


def send(house: House, link: str, body: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
    try:
        connection.request("POST", link, body, FORM)
        return connection.getresponse().status
    finally:
        connection.close()
