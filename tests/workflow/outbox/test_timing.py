"""When messages leave, and that they arrive: in a Maildir, and at a real mail server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes

import pytest

from notifications.mailers import TemporaryFailure
from tests.support.district import Begin
from tests.support.facts import LA
from tests.support.smtp_server import Desk, Server, serving
from tests.workflow.outbox.test_delivery import Post, deliver, fails_with, notice, only_one
from workflow.mail_servers import make_mailer
from workflow.outbox import timing

# Hours


def test_what_is_told_at_night_leaves_in_the_morning(begin: Begin) -> None:
    life = begin("needs", '[mail]\nhours = "07:00-19:00"\n').at("2025-07-08 22:30")
    life.run("DELETE FROM notices")
    life.do("describe-needs")
    assert {life.wall(row["next_at"]) for row in life.notices()} == {"2025-07-09 07:00"}
    assert deliver(life, Post()) == {}
    assert deliver(life, Post(), datetime(2025, 7, 9, 7, tzinfo=LA)) == {"sent": 2}


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2025-07-08 06:59", "2025-07-08 07:00"), ("2025-07-08 07:00", "2025-07-08 07:00"),
        ("2025-07-08 18:59", "2025-07-08 18:59"), ("2025-07-08 19:00", "2025-07-09 07:00"),
        ("2025-11-01 20:00", "2025-11-02 07:00"), ("2026-03-07 20:00", "2026-03-08 07:00"),
    ],
)  # fmt: skip
def test_messages_leave_within_the_hours_of_the_district(begin: Begin, now: str, leaves: str) -> None:
    life = begin(None, '[mail]\nhours = "07:00-19:00"\n').at(now)
    assert life.wall(timing.next_send_time(life.system.config, life.now)) == leaves


def test_by_default_messages_leave_at_any_hour(begin: Begin) -> None:
    life = begin("needs").at("2025-07-08 23:59")
    assert timing.next_send_time(life.system.config, life.now) == life.now


def test_a_second_attempt_keeps_to_the_hours_too(begin: Begin) -> None:
    life = begin("needs", '[mail]\nhours = "07:00-19:00"\n').at("2025-07-08 18:59")
    first = only_one(life)
    deliver(life, fails_with(TemporaryFailure("busy")))
    assert life.wall(notice(life, first["id"])["next_at"]) == "2025-07-09 07:00"


# A real mail server


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def server(desk: Desk) -> Iterator[Server]:
    with serving(desk) as running:
        yield running


def by_smtp(server: Server) -> str:
    """Settings that send to this server."""
    return (
        '[mail]\nmailer = "smtp"\n[mail.smtp]\nhost = "127.0.0.1"\nsecurity = "none"\n'
        f"port = {server.port}\ntimeout_seconds = 5\n"
    )


def test_each_person_gets_a_message_of_his_own_over_one_connection(
    begin: Begin, server: Server, desk: Desk
) -> None:
    life = begin("applied", by_smtp(server))
    total = len(life.notices())
    assert deliver(life, make_mailer(life.system.config)) == {"sent": total}
    assert [len(envelope.rcpt_tos) for envelope in desk.received] == [1] * total
    assert {envelope.mail_from for envelope in desk.received} == {"partnerships@example.org"}
    assert len(desk.connections) == 1
    threads = {message_from_bytes(envelope.content)["References"] for envelope in desk.received}
    assert threads == {"<partnership.rbhs-2025@example.org>"}, "one thread in a mail reader"
    ids = [message_from_bytes(envelope.content)["Message-ID"] for envelope in desk.received]
    assert ids == [row["message_id"] for row in life.notices()]


def test_a_recipient_whom_the_server_does_not_know_does_not_stop_the_others(
    begin: Begin, server: Server, desk: Desk
) -> None:
    life = begin("needs", by_smtp(server))
    desk.answers["RCPT"] = "550 No such person"
    assert deliver(life, make_mailer(life.system.config)) == {"dead": 4}, "two, and a report of each"
    assert "550 No such person" in life.notices()[0]["reason"]


def test_a_busy_server_gets_the_same_bytes_again_later(begin: Begin, server: Server, desk: Desk) -> None:
    life = begin("needs", by_smtp(server))
    mailer = make_mailer(life.system.config)
    desk.answers["DATA"] = "451 Try later"
    assert deliver(life, mailer) == {"failed": 2}
    del desk.answers["DATA"]
    assert deliver(life, mailer) == {}
    assert deliver(life, mailer, life.now + timedelta(minutes=1)) == {"sent": 2}
    contents = sorted(envelope.content for envelope in desk.received)
    assert contents[0] == contents[1]
    assert contents[2] == contents[3]


def test_a_server_that_is_down_leaves_everything_in_the_outbox(begin: Begin, desk: Desk) -> None:
    with serving(desk) as gone:
        settings = by_smtp(gone)
    life = begin("needs", settings)
    assert deliver(life, make_mailer(life.system.config)) == {}
    assert [(row["status"], row["attempts"]) for row in life.notices()] == [("queued", 0)] * 2
    assert "could not be reached" in life.notices()[0]["reason"]


def test_one_key_leaves_one_message_in_the_maildir_however_often_it_is_tried(begin: Begin) -> None:
    life = begin("needs")
    mailer = make_mailer(life.system.config)
    deliver(life, mailer)
    life.run("UPDATE notices SET status = 'queued'")
    assert deliver(life, mailer) == {"sent": 2}
    assert len(list((life.system.config.folder / "mail" / "new").iterdir())) == 2
