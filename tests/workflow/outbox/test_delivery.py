"""The outbox: notices leave after their commit, the same bytes at every attempt, until it is known how it ended."""

from __future__ import annotations

import mailbox
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from notifications.mailers import MaildirMailer, PermanentFailure, TemporaryFailure, Unreachable
from notifications.masking import mask
from notifications.render import Templates
from tests.support.district import Begin, Life
from workflow import engine
from workflow.outbox import claims, delivery, digest, queue
from workflow.outbox.throttle import Pace
from workflow.procedure import config
from workflow.store import database

MINUTE = timedelta(minutes=1)


class Post:
    """A mailer that keeps what it was given and fails as it is told."""

    def __init__(self, fails: Callable[[str], Exception | None] = lambda recipient: None) -> None:
        self.fails = fails
        self.given: list[tuple[str, bytes, str]] = []

    @contextmanager
    def session(self) -> Iterator[None]:
        yield

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        self.given.append((recipient, message, key))
        if error := self.fails(recipient):
            raise error

    @property
    def to(self) -> list[str]:
        return sorted(recipient for recipient, _, _ in self.given)


def fails_with(error: Exception) -> Post:
    return Post(lambda recipient: error)


def deliver(life: Life, mailer: Any, when: datetime | None = None) -> dict[str, int]:
    return delivery.deliver(life.system, mailer, lambda: when or life.now)


def only_one(life: Life) -> dict[str, Any]:
    """Leave one notice in the outbox, to the principal, and give it."""
    life.do("describe-needs")
    life.run("DELETE FROM notices WHERE template != 'describe-needs' OR \"to\" != 'principal@example.org'")
    (notice,) = life.notices()
    return notice


def notice(life: Life, key: int) -> dict[str, Any]:
    return next(row for row in life.notices() if row["id"] == key)


# Out of the door


def test_a_notice_lands_in_the_maildir_and_is_on_record_as_sent(begin: Begin, tmp_path: Path) -> None:
    life = begin("needs")
    only_one(life)
    assert deliver(life, MaildirMailer(tmp_path / "post")) == {"sent": 1}
    (message,) = mailbox.Maildir(tmp_path / "post", create=False)
    (row,) = life.notices()
    assert (row["status"], row["attempts"], row["sent_at"]) == ("sent", 1, life.now)
    assert message["To"].endswith("<principal@example.org>")
    assert message["Message-ID"] == row["message_id"]
    assert (
        message["Subject"] == row["subject"] == "Please agree to the needs by August 6, Rainier Beach School"
    )
    assert row["message"].replace(b"\r\n", b"\n") == mask(bytes(message))


def test_a_message_says_what_happened_and_why_this_person_gets_it(begin: Begin) -> None:
    life = begin("needs")
    only_one(life)
    post = Post()
    deliver(life, post)
    ((_, content, _),) = post.given
    text = next(
        part.get_payload(decode=True).decode()
        for part in message_from_bytes(content).walk()
        if part.get_content_type() == "text/plain"
    )
    text = " ".join(text.split())
    assert "as principal of Rainier Beach School" in text
    assert "Agree to the statement of needs" in text
    assert "[needs identified: now]" in text
    assert "Wednesday, August 6, 2025, 5:00 p.m. PDT" in text, "by when"


def test_every_notice_of_a_whole_life_can_be_written(begin: Begin) -> None:
    for station in ("approved", "reported", "ended"):
        life = begin(station)
        post = Post()
        counts = deliver(life, post, life.now + timedelta(days=400))
        assert counts == {"sent": len(life.notices())}
        assert len(post.given) > 30


def test_nothing_leaves_before_it_is_committed(begin: Begin) -> None:
    life = begin("needs")
    post = Post()
    deliver(life, post)
    intent = life.intent("describe-needs")

    def fail(session: Any) -> None:
        engine.advance(
            session, intent.ref, intent.event, intent.input, intent.actor, intent.channel, intent.now
        )
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        life.system.transact(fail)
    assert deliver(life, post) == {}


def test_what_was_sent_is_not_sent_again(begin: Begin) -> None:
    life = begin("needs")
    post = Post()
    assert deliver(life, post) == {"sent": 2}
    assert deliver(life, post, life.now + timedelta(days=30)) == {}
    assert post.to == ["principal@example.org", "staff@example.org"]


# Who is at it


def test_two_that_deliver_at_once_do_not_take_the_same_notice(begin: Begin) -> None:
    life = begin("needs")
    other = Post()
    seen = []

    def meanwhile(recipient: str) -> None:
        seen.append(deliver(life, other))

    first = Post(meanwhile)
    assert deliver(life, first) == {"sent": 2}
    assert (seen, other.given) == ([{}, {}], [])


def test_a_notice_whose_deliverer_died_is_free_again_after_its_lease(begin: Begin) -> None:
    life = begin("needs")
    only_one(life)
    with pytest.raises(KeyboardInterrupt):
        deliver(life, Post(lambda to: (_ for _ in ()).throw(KeyboardInterrupt())))
    assert deliver(life, Post()) == {}
    assert deliver(life, Post(), life.now + claims.LEASE - MINUTE) == {}
    assert deliver(life, Post(), life.now + claims.LEASE) == {"sent": 1}


def test_a_slow_server_does_not_let_another_take_what_is_still_to_be_sent(begin: Begin) -> None:
    """Several are taken at once; those that are left when the turn is over are whoever's takes them next."""
    life = begin("active")
    clock = [life.now]
    total = len(life.notices())
    given: list[str] = []

    class Slow(Post):
        def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
            given.append(key)
            clock[0] += delivery.TURN / 3
            if len(given) % 4 == 0:
                delivery.deliver(life.system, quick, lambda: clock[0])

    class Quick(Post):
        def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
            given.append(key)

    quick = Quick()
    while delivery.deliver(life.system, Slow(), lambda: clock[0]):
        assert {row["lease_until"] for row in life.notices()} == {None}
    assert len(given) == len(set(given)) == total


@pytest.mark.promise("failures-stay-alone")
def test_a_server_that_lets_everybody_wait_does_not_keep_the_deadlines_waiting(begin: Begin) -> None:
    life = begin("active")
    clock = [life.now]

    class Tarpit(Post):
        def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
            clock[0] += MINUTE
            raise TemporaryFailure("timed out")

    pace = Pace()
    delivery.deliver(life.system, Tarpit(), lambda: clock[0], pace=pace)
    assert clock[0] - life.now <= delivery.TURN + MINUTE
    assert pace.more, "the next tick comes at once"
    waiting = [row for row in life.notices() if row["status"] == "queued"]
    assert waiting
    assert {row["lease_until"] for row in waiting} == {None}, "they are free for the next tick"


def test_what_is_revoked_while_it_waits_for_its_turn_does_not_leave(begin: Begin) -> None:
    life = begin("active")
    second = sorted(life.notices(), key=lambda row: (row["next_at"], row["id"]))[1]
    given: list[str] = []

    class Revoking(Post):
        def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
            given.append(key)
            if len(given) == 1:
                with life.system.engine.begin() as connection:
                    queue.revoke(connection, [second["id"]], life.now)

    delivery.deliver(life.system, Revoking(), lambda: life.now)
    assert second["message_id"] not in given
    assert len(given) == len(life.notices()) - 1


def test_what_is_on_its_way_is_not_tried_anew_meanwhile(begin: Begin) -> None:
    life = begin("needs")
    only_one(life)
    assert deliver(life, fails_with(TemporaryFailure("busy"))) == {"failed": 1}
    (row,) = life.notices()
    again: list[bool] = []

    class Asking(Post):
        def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
            with life.system.engine.begin() as connection:
                again.append(claims.retry(connection, row["id"], life.now))

    life.now = row["next_at"]
    assert deliver(life, Asking()) == {"sent": 1}
    assert again == [False]


def test_one_that_staff_cannot_be_told_of_holds_up_no_other(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = begin("needs")

    def broken(*_: Any, **__: Any) -> None:
        raise LookupError("who are staff")

    monkeypatch.setattr(queue, "tell_staff", broken)
    assert deliver(life, fails_with(PermanentFailure("550"))) == {"dead": 2}


def test_a_stop_leaves_the_rest_in_the_outbox(begin: Begin) -> None:
    life = begin("needs")
    assert delivery.deliver(life.system, Post(), lambda: life.now, lambda: True) == {}
    assert {row["status"] for row in life.notices()} == {"queued"}


def test_many_more_than_are_taken_at_once_all_leave_oldest_first(begin: Begin) -> None:
    life = begin("active")
    post = Post()
    total = len(life.notices())
    assert total > 2 * claims.CLAIM
    assert deliver(life, post) == {"sent": total}
    keys = [row["message_id"] for row in sorted(life.notices(), key=lambda row: (row["next_at"], row["id"]))]
    assert [key for _, _, key in post.given] == keys


def test_a_message_is_dated_when_it_leaves_and_keeps_that_date_at_every_attempt(begin: Begin) -> None:
    life = begin("needs")
    only_one(life)
    later = life.now + timedelta(hours=6)
    away, refusing, post = fails_with(Unreachable("away")), fails_with(TemporaryFailure("not now")), Post()
    deliver(life, away, life.now + timedelta(minutes=1))
    deliver(life, refusing, later)
    deliver(life, post, later + timedelta(days=1))
    dates = [message_from_bytes(given[1])["Date"] for given in (refusing.given[0], post.given[0])]
    assert parsedate_to_datetime(dates[0]) == later.replace(microsecond=0)
    assert dates[0] == dates[1]


@pytest.mark.promise("failures-stay-alone")
@pytest.mark.parametrize("wants_digest", [False, True], ids=["alone", "digest"])
def test_no_template_holds_a_lock_while_it_is_rendered(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, wants_digest: bool
) -> None:
    life = begin("active")
    life.person("principal", digest=wants_digest)
    life.do("record-gap")
    life.do("record-assessment", on="2025-09-02")
    life.at("2025-09-09")
    life.system.transact(lambda session: digest.gather(session, life.now))
    other = database.open_store(life.system.engine.url.render_as_string(hide_password=False))
    render, rendered = Templates._render_blocks, []

    def slow(templates: Templates, name: str, *rest: Any) -> dict[str, str]:
        # Meanwhile another program writes, the rows of these very notices too.
        database.transact(
            other, lambda connection: connection.execute(text("UPDATE notices SET extra = extra"))
        )
        rendered.append(name)
        return render(templates, name, *rest)

    monkeypatch.setattr(Templates, "_render_blocks", slow)
    delivery.deliver(life.system, Post(), lambda: life.now)
    other.dispose()
    assert {row["status"] for row in life.notices()} == {"sent"}
    assert {"identify-needs", "record-gap"} <= set(rendered)
    assert ("digest" in rendered) is wants_digest


@pytest.mark.promise("failures-stay-alone")
def test_a_template_that_does_not_end_fails_alone(begin: Begin) -> None:
    life = begin("needs")
    endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    words = "".join(
        f"{{% block {name} %}}{endless}{{% endblock %}}" for name in ("subject", "happened", "asked")
    )
    own = life.system.config.folder / "templates" / "email"
    own.mkdir(parents=True)
    (own / "describe-needs.j2").write_text(words, encoding="utf-8")
    life.system.config = config.load(life.system.config.path, words=False)
    life.do("describe-needs", "staff")
    counts = delivery.deliver(life.system, Post(), lambda: life.now)
    assert counts == {
        "sent": len(life.notices("identify-needs")),
        "failed": len(life.notices("describe-needs")),
    }
    (row, *_) = life.notices("describe-needs")
    assert "the template is not done after 1,000,000 rounds" in row["reason"]
