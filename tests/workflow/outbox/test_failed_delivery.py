"""Notices that fail, or whose words cannot be rendered: each alone, tried again, and told to staff."""

from __future__ import annotations

from datetime import timedelta

from notifications.mailers import InDoubt, PermanentFailure, TemporaryFailure
from tests.support.district import Begin, Life, configured
from tests.workflow.outbox.test_delivery import MINUTE, Post, deliver, fails_with, notice, only_one
from workflow.outbox import claims

# Failures


def test_a_failed_notice_is_tried_with_growing_waits_then_is_dead_and_staff_are_told(begin: Begin) -> None:
    life = begin("needs")
    first = only_one(life)
    post = Post(lambda to: TemporaryFailure("mailbox full") if to.startswith("principal") else None)
    waits, given = [], []
    for attempt in range(1, 8):
        assert deliver(life, post) == {"failed": 1}
        row = notice(life, first["id"])
        assert (row["status"], row["attempts"], row["reason"]) == ("failed", attempt, "mailbox full")
        assert deliver(life, post, row["next_at"] - timedelta(seconds=1)) == {}
        waits.append((row["next_at"] - life.now) // MINUTE)
        life.now = row["next_at"]
    assert waits == [1, 5, 15, 60, 240, 720, 1440]
    assert deliver(life, post) == {"dead": 1, "sent": 1}
    assert life.told("message-failed") == ["staff"]
    given = [content for to, content, _ in post.given if to.startswith("principal")]
    assert len(given) == 8
    assert len(set(given)) == 1, "the same bytes at every attempt"
    assert {key for to, _, key in post.given if to.startswith("principal")} == {first["message_id"]}
    assert deliver(life, post, life.now + timedelta(days=365)) == {}


def test_a_permanent_failure_is_dead_at_once_and_staff_are_told_why(begin: Begin) -> None:
    life = begin("needs")
    first = only_one(life)
    post = Post(lambda to: PermanentFailure("550 no such user") if to.startswith("principal") else None)
    assert deliver(life, post) == {"dead": 1, "sent": 1}
    assert notice(life, first["id"])["reason"] == "550 no such user"
    told = post.given[-1]
    assert told[0] == "staff@example.org"
    assert b"principal@example.org" in told[1]
    assert b"550 no such user" in told[1]


def test_a_notice_in_doubt_is_not_sent_again_by_itself_and_staff_are_told(begin: Begin) -> None:
    life = begin("needs")
    first = only_one(life)
    post = Post(lambda to: InDoubt("no answer") if to.startswith("principal") else None)
    assert deliver(life, post) == {"in-doubt": 1, "sent": 1}
    assert deliver(life, post, life.now + timedelta(days=30)) == {}
    assert life.told("message-failed") == ["staff"]
    with life.system.engine.begin() as connection:
        assert claims.retry(connection, first["id"], life.now)
    assert deliver(life, Post()) == {"sent": 1}


def test_a_message_about_a_failed_message_that_fails_tells_nobody_of_itself(begin: Begin) -> None:
    life = begin("needs")
    only_one(life)
    assert deliver(life, fails_with(PermanentFailure("down"))) == {"dead": 2}
    assert len(life.notices("message-failed")) == 1


def test_only_what_is_stuck_can_be_tried_anew(begin: Begin) -> None:
    life = begin("needs")
    first = only_one(life)
    deliver(life, Post())
    with life.system.engine.begin() as connection:
        assert not claims.retry(connection, first["id"], life.now)
        assert not claims.retry(connection, 999, life.now)


def test_a_mailer_that_breaks_in_an_unknown_way_holds_up_no_other_notice(begin: Begin) -> None:
    life = begin("needs")
    post = Post(lambda to: RuntimeError("bug") if to.startswith("principal") else None)
    assert deliver(life, post) == {"failed": 1, "sent": 1}
    assert life.notices()[0]["reason"] == "RuntimeError('bug')"


# Words that cannot be rendered


def broken_words(life: Life, name: str) -> None:
    folder = life.system.config.folder / "templates" / "email"
    folder.mkdir(parents=True)
    words = (
        "{% block subject %}A{% endblock %}{% block happened %}{{ facts.selection.closes_at }}{% endblock %}"
    )
    (folder / f"{name}.j2").write_text(words + "{% block asked %}{% endblock %}")
    life.system.config = configured(life.system.config.folder)


def test_words_that_cannot_be_rendered_hold_up_neither_the_move_nor_other_notices(begin: Begin) -> None:
    life = begin("needs")
    broken_words(life, "describe-needs")
    life.do("describe-needs")
    assert life.facts.needs.statement is not None
    life.do("withdraw")
    post = Post()
    counts = deliver(life, post)
    assert counts == {"failed": 2, "sent": 3}
    reasons = {row["reason"] for row in life.notices("describe-needs")}
    assert len(reasons) == 1
    assert "describe-needs.j2, line 1" in reasons.pop()


def test_words_that_were_mended_meanwhile_are_used_at_the_next_attempt(begin: Begin) -> None:
    life = begin("needs")
    broken_words(life, "describe-needs")
    first = only_one(life)
    assert deliver(life, Post()) == {"failed": 1}
    words = life.system.config.folder / "templates" / "email" / "describe-needs.j2"
    words.unlink()
    life.system.config = configured(life.system.config.folder)
    assert deliver(life, Post(), life.now + MINUTE) == {"sent": 1}
    assert notice(life, first["id"])["attempts"] == 2


def test_a_record_that_cannot_be_read_holds_up_no_other_notice(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    life.tamper("DELETE FROM history WHERE seq = 1")
    assert deliver(life, Post()) == {"failed": 2, "sent": 2}
