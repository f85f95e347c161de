"""A message that did not arrive is sent again once, by staff alone, and the record says who asked for it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from states.errors import Refused
from states.names import Role
from tests.support.district import Begin, Life
from workflow.actions import sign_in
from workflow.actions.sending_again import send_again
from workflow.record import changes
from workflow.store import tables


def ask(life: Life, key: int, role: Role = Role.STAFF) -> None:
    life.system.transact(partial(send_again, key=key, by="staff@example.org", role=role, now=life.now))


@pytest.fixture
def life(begin: Begin) -> Life:
    life = begin("needs")
    life.run("UPDATE notices SET status = 'dead', attempts = 8, reason = 'no such mailbox'")
    return life


def test_staff_have_a_message_sent_again_and_the_record_says_so(life: Life) -> None:
    key = life.notices()[0]["id"]
    ask(life, key)
    notice = next(row for row in life.notices() if row["id"] == key)
    assert (notice["status"], notice["attempts"], notice["reason"]) == ("queued", 0, None)
    with life.system.reading() as session:
        last = changes.list_changes(session)[-1]
    assert (last["what"], last["by"], last["after"]) == ("retried notices", "staff@example.org", [key])


def test_a_second_press_changes_nothing(life: Life) -> None:
    key = life.notices()[0]["id"]
    ask(life, key)
    before = life.dump()
    with pytest.raises(Refused):
        ask(life, key)
    assert life.dump() == before


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.STAFF])
def test_nobody_but_staff_can(life: Life, role: Role) -> None:
    with pytest.raises(Refused, match="Only staff"):
        ask(life, life.notices()[0]["id"], role)


@pytest.mark.parametrize("key", [0, -1, 999_999, 2**31, 10**30])
def test_a_number_that_no_message_has_is_refused(life: Life, key: int) -> None:
    with pytest.raises(Refused, match="did not arrive"):
        ask(life, key)


def test_a_revoked_message_is_not_sent_again(life: Life) -> None:
    life.run("UPDATE notices SET revoked_at = queued_at")
    with pytest.raises(Refused):
        ask(life, life.notices()[0]["id"])


def test_a_link_to_sign_in_is_made_anew_since_its_own_works_for_minutes(life: Life) -> None:
    send = partial(sign_in.send, email="principal@example.org", now=life.now)
    key = life.system.transact(send)
    life.run("UPDATE notices SET status = 'dead' WHERE id = :key", key=key)
    life.now += timedelta(days=1)
    ask(life, key)
    table = tables.notices
    query = select(table).where(table.c.template == "sign-in").order_by(table.c.id)
    with life.system.reading() as session:
        old, new = session.connection.execute(query).all()
    assert (old.status, old.revoked_at) == ("dead", life.now)
    assert (new.status, new.to, new.queued_at) == ("queued", "principal@example.org", life.now)
    assert new.extra != old.extra


def test_no_link_to_sign_in_goes_to_somebody_who_has_left(life: Life) -> None:
    key = life.system.transact(partial(sign_in.send, email="board-office@example.org", now=life.now))
    life.run("UPDATE notices SET status = 'dead' WHERE id = :key", key=key)
    life.person("board-office", active=False)
    before = life.dump()
    with pytest.raises(Refused, match="not sent again"):
        ask(life, key)
    assert life.dump() == before
