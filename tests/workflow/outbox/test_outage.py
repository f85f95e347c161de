"""A mail server that is away: everything waits in its order, nothing is used up, and no flood follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifications.mailers import TemporaryFailure, Unreachable
from tests.support.district import Begin, Life
from workflow.outbox import claims, delivery
from workflow.outbox.throttle import Pace
from workflow.store.database import StoreError

TICK = timedelta(seconds=20)
MINUTE = timedelta(minutes=1)


class Server:
    """A mail server that is away until some instant; it keeps what arrives, and when somebody knocked."""

    def __init__(self, back_at: datetime) -> None:
        self.back_at, self.now = back_at, back_at
        self.knocks: list[datetime] = []
        self.arrived: list[tuple[datetime, str, str]] = []

    @contextmanager
    def session(self) -> Iterator[None]:
        yield

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        if self.now < self.back_at:
            self.knocks.append(self.now)
            raise Unreachable("the mail server is away")
        self.arrived.append((self.now, recipient, key))


def run(life: Life, server: Server, pace: Pace, until: datetime, every: timedelta = TICK) -> None:
    """Let the outbox be looked at regularly, as the daemon does."""
    while life.now < until:
        life.now += every
        server.now = life.now
        delivery.deliver(life.system, server, lambda: life.now, pace=pace)


@pytest.mark.promise("mail-waits-in-order")
def test_six_hours_without_a_mail_server_lose_nothing_keep_the_order_and_end_without_a_flood(
    begin: Begin,
) -> None:
    life = begin("needs")
    server, pace = Server(life.now + timedelta(hours=6)), Pace(per_minute=5)
    while life.now < server.back_at - timedelta(minutes=20):
        life.do("describe-needs")
        run(life, server, pace, life.now + timedelta(minutes=20))
    waited = life.notices()
    assert len(waited) > 30
    assert {(row["status"], row["attempts"]) for row in waited} == {("queued", 0)}
    assert len(server.knocks) < 6 * 60 / 15 + 10, "the server that is away is left alone"
    run(life, server, pace, life.now + timedelta(minutes=40))
    assert {row["status"] for row in life.notices()} == {"sent"}
    assert len(server.arrived) == len({key for _, _, key in server.arrived}) == len(life.notices())
    order = {row["message_id"]: row["id"] for row in life.notices()}
    by_person: dict[str, list[int]] = defaultdict(list)
    for _, recipient, key in server.arrived:
        by_person[recipient].append(order[key])
    assert all(ids == sorted(ids) for ids in by_person.values())
    for moment, _, _ in server.arrived:
        assert sum(moment <= when < moment + MINUTE for when, _, _ in server.arrived) <= 5


def test_why_mail_waits_is_told_and_forgotten_once_it_leaves(begin: Begin) -> None:
    life = begin("needs")
    server, pace = Server(life.now + timedelta(minutes=5)), Pace()
    run(life, server, pace, life.now + MINUTE)
    assert pace.problem == "the mail server is away"
    assert life.notices()[0]["reason"] == "the mail server is away"
    run(life, server, pace, life.now + timedelta(minutes=10))
    assert pace.problem is None
    assert {row["reason"] for row in life.notices()} == {None}


@pytest.mark.promise("failures-stay-alone")
def test_one_message_that_the_server_does_not_take_holds_up_no_other(begin: Begin) -> None:
    class Picky(Server):
        def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
            if recipient == "principal@example.org":
                raise TemporaryFailure("not this one")
            super().deliver(message, sender=sender, recipient=recipient, key=key)

    life = begin("needs")
    run(life, Picky(life.now), Pace(), life.now + TICK)
    assert {row["to"]: row["status"] for row in life.notices()} == {
        "principal@example.org": "failed", "staff@example.org": "sent",
    }  # fmt: skip


def test_a_clock_set_back_makes_no_rest_longer() -> None:
    pace = Pace(per_minute=3)
    noon = datetime.fromisoformat("2025-08-01T12:00:00-07:00")
    pace.note_closed(noon, "away")
    assert pace.room(noon + timedelta(seconds=59)) == 0
    assert pace.room(noon + timedelta(seconds=60)) == 3
    assert pace.room(noon - timedelta(days=1)) == 3


def test_new_settings_end_the_rest_at_once() -> None:
    pace = Pace()
    noon = datetime.fromisoformat("2025-08-01T12:00:00-07:00")
    for _ in range(5):
        pace.note_closed(noon, "refused the password")
    assert pace.room(noon) == 0
    pace.end_pause()
    assert pace.room(noon) is None
    pace.note_closed(noon, "still refused")
    assert pace.room(noon + timedelta(seconds=60)) is None, "the shortest rest again"


def test_so_many_messages_a_minute_and_no_more() -> None:
    pace, now = Pace(per_minute=3), datetime.fromisoformat("2025-08-01T12:00:00-07:00")
    for left in (3, 2, 1):
        assert pace.room(now) == left
        pace.note_attempt(now)
        now += timedelta(seconds=15)
    assert [pace.room(now + timedelta(seconds=s)) for s in (0, 14, 15, 30, 45)] == [0, 0, 1, 2, 3]
    assert Pace().room(now) is None, "any number"


@pytest.mark.promise("notice-sent")
def test_what_somebody_else_has_taken_over_is_not_settled_twice(begin: Begin) -> None:
    """A program that stood still for longer than its lease comes back to a message that another has sent."""
    life = begin("needs")
    now = life.now

    class Slow(Server):
        def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
            if not self.arrived:  # it stands still here, and meanwhile another daemon does the work
                later = now + claims.LEASE + MINUTE
                other = Server(now)
                assert delivery.deliver(life.system, other, lambda: later) == {"sent": 2}
            super().deliver(message, sender=sender, recipient=recipient, key=key)

    slow = Slow(now)
    assert delivery.deliver(life.system, slow, lambda: now)["overtaken"] >= 1
    assert [(row["status"], row["attempts"]) for row in life.notices()] == [("sent", 1)] * 2


def test_what_has_left_while_the_database_was_lost_is_noted_later_and_not_sent_again(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = begin("needs")
    server, pace = Server(life.now), Pace()
    server.now = life.now
    settle, lost = delivery._settle, [True]

    def settled(*given: Any, **more: Any) -> str:
        if lost:
            raise StoreError("the database is away")
        return settle(*given, **more)

    monkeypatch.setattr(delivery, "_settle", settled)
    with pytest.raises(StoreError):
        delivery.deliver(life.system, server, lambda: life.now, pace=pace)
    assert [row["status"] for row in life.notices()] == ["queued", "queued"]
    lost.clear()
    life.now += 2 * claims.LEASE
    server.now = life.now
    delivery.deliver(life.system, server, lambda: life.now, pace=pace)
    assert [row["status"] for row in life.notices()] == ["sent", "sent"]
    assert len(server.arrived) == 2
