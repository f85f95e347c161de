"""The daily digest: what waited goes out together, and each notice leaves exactly once."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.mailers import InDoubt, PermanentFailure, TemporaryFailure
from tests.support.district import Begin, Life, Stations, configured, opened
from tests.workflow.outbox.test_delivery import Post, deliver
from workflow import links
from workflow.actions.action import find_action
from workflow.outbox import claims, digest, queue
from workflow.procedure.config import Config

PRINCIPAL = "principal@example.org"


def wants(life: Life, *names: str, digest: bool = True) -> Life:
    """Let these people have one message a day, and the outbox be empty."""
    deliver(life, Post())
    for name in names:
        life.person(name, digest=digest)
    return life


def morning(life: Life, when: str, mailer: Any = None) -> Any:
    """What a tick at this time does with the mail; the mailer."""
    post = mailer or Post()
    life.at(when)
    life.system.transact(lambda session: digest.gather(session, life.now))
    deliver(life, post)
    return post


def to(post: Post, who: str = PRINCIPAL) -> list[Any]:
    return [message_from_bytes(content, policy=default) for name, content, _ in post.given if name == who]


def plain(message: Any) -> str:
    return " ".join(message.get_body(("plain",)).get_content().split())


def two_for_the_principal(begin: Begin) -> Life:
    """Two notices held for the principal, who alone is told of both at seven the next day."""
    life = wants(begin("active"), "principal").at("2025-09-03 10:00")
    life.do("record-gap")
    life.do("record-assessment", on="2025-09-02")
    return life


# What it says


def test_a_digest_tells_everything_by_partnership_with_links_and_dates(begin: Begin) -> None:
    life = two_for_the_principal(begin)
    post = morning(life, "2025-09-04 07:00")
    (message,) = to(post)
    text = plain(message)
    assert message["Subject"] == "Your messages of today: 2 about Rainier Beach School"
    assert text.count("(rbhs-2025)") == 1
    assert "because you asked for one message a day" in text
    assert message["X-Partnership"] is None
    html = message.get_body(("html",)).get_content()
    assert html.count("<h3") == 2
    assert "See everything about" in html


def test_what_is_asked_in_a_digest_has_the_link_of_its_own_notice(begin: Begin) -> None:
    life = wants(begin("needs"), "staff")
    life.person("deputy", roles=["staff"])
    life.do("describe-needs")
    life.do("describe-needs")
    deliver(life, Post())
    post = morning(life, "2025-07-08 07:00")
    (message,) = to(post, "staff@example.org")
    text = plain(message)
    parts = [row["id"] for row in life.notices("describe-needs") if row["within"]]
    tokens = [word.rpartition("/")[2] for word in text.split() if "/a/" in word]
    found = [links.read(life.system.config, token) for token in tokens]
    assert {claim.notice for claim in found if claim.event == "agree-needs"} == set(parts)
    asked = next(claim for claim in found if claim.event == "agree-needs")
    with life.system.reading() as session:
        assert find_action(session, asked, life.now).reader == "staff@example.org"


def test_two_partnerships_are_two_parts(begin: Begin) -> None:
    life = wants(begin("active"), "superintendent", "staff")
    other = life.another("franklin-2025").to("active")
    morning(life, "2025-09-30 07:00")
    life.at("2025-09-30 10:00").do("terminate", effective_on="2025-10-31")
    other.now = life.now
    other.do("terminate", effective_on="2025-10-31")
    (message,) = to(morning(life, "2025-10-01 07:00"), "superintendent@example.org")
    assert message["Subject"] == "Your messages of today: 2 about 2 partnerships"
    assert "(franklin-2025)" in plain(message)
    assert "(rbhs-2025)" in plain(message)


def test_a_digest_of_one_is_that_one(begin: Begin) -> None:
    life = wants(begin("active"), "principal").at("2025-09-03 10:00")
    life.do("record-gap")
    post = morning(life, "2025-09-04 07:00")
    (message,) = to(post)
    (row,) = [row for row in life.notices("record-gap") if row["to"] == PRINCIPAL]
    assert message["Message-ID"] == row["message_id"]
    assert (row["status"], row["held"], row["within"]) == ("sent", False, None)


def test_words_that_cannot_be_written_leave_the_digest_and_fail_alone(begin: Begin) -> None:
    life = two_for_the_principal(begin)
    life.do("record-gap")
    folder = life.system.config.folder
    (folder / "templates" / "email").mkdir(parents=True)
    words = "{% block subject %}{{ 1 // 0 }}{% endblock %}{% block happened %}{% endblock %}"
    (folder / "templates" / "email" / "record-assessment.j2").write_text(
        words + "{% block asked %}{% endblock %}"
    )
    life.system.config = configured(folder)
    post = morning(life, "2025-09-04 07:00")
    (message,) = to(post)
    assert message["Subject"].startswith("Your messages of today: 2 ")
    deliver(life, post)
    (row,) = [row for row in life.notices("record-assessment") if row["to"] == PRINCIPAL]
    assert (row["status"], row["within"]) == ("failed", None)


def test_a_digest_of_which_nothing_can_be_written_waits_with_all_that_is_in_it(begin: Begin) -> None:
    life = two_for_the_principal(begin)
    folder = life.system.config.folder
    (folder / "templates" / "email").mkdir(parents=True)
    words = "{% block subject %}{{ 1 // 0 }}{% endblock %}{% block happened %}{% endblock %}"
    broken = [folder / "templates" / "email" / f"record-{name}.j2" for name in ("assessment", "gap")]
    for path in broken:
        path.write_text(words + "{% block asked %}{% endblock %}")
    life.system.config = configured(folder)
    assert to(morning(life, "2025-09-04 07:00")) == []
    for path in broken:
        path.unlink()
    life.system.config = configured(folder)
    life.at("2025-09-04 08:00")
    post = Post()
    deliver(life, post)
    (message,) = to(post)
    assert message["Subject"].startswith("Your messages of today: 2 ")


def test_the_dates_of_everything_in_it_go_with_a_digest(begin: Begin) -> None:
    life = wants(begin("needs"), "staff")
    life.person("deputy", roles=["staff"])
    life.do("describe-needs")
    life.do("describe-needs")
    (message,) = to(morning(life, "2025-07-08 07:00"), "staff@example.org")
    parts = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert len(parts) == 1, "the date that both speak of comes once"
    assert "UID:needs-agreed.rbhs-2025@example.org" in parts[0].get_content()


# Outcomes


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "sent"), (InDoubt("?"), "in-doubt"), (PermanentFailure("550"), "dead"),
        (TemporaryFailure("busy"), "queued"),
    ],
)  # fmt: skip
def test_what_is_in_a_digest_shares_its_outcome(begin: Begin, error: Exception | None, status: str) -> None:
    life = two_for_the_principal(begin)
    morning(life, "2025-09-03 10:01")
    morning(life, "2025-09-04 07:00", Post(lambda to: error if to == PRINCIPAL else None))
    parts = [row for row in life.notices() if row["within"]]
    assert [row["status"] for row in parts] == [status] * 2
    assert all(row["sent_at"] == (life.now if status == "sent" else None) for row in parts)


def test_what_was_revoked_out_of_a_digest_is_not_marked_as_sent(begin: Begin) -> None:
    life = two_for_the_principal(begin)
    morning(life, "2025-09-03 10:01")
    first = next(row for row in life.notices() if row["held"] and row["to"] == PRINCIPAL)
    with life.system.engine.begin() as connection:
        queue.revoke(connection, [first["id"]], life.now)
    morning(life, "2025-09-04 07:00")
    found = {row["id"]: row["status"] for row in life.notices() if row["to"] == PRINCIPAL}
    assert found[first["id"]] == "dead"


def test_a_digest_that_was_set_aside_is_tried_again_with_everything_in_it(begin: Begin) -> None:
    life = two_for_the_principal(begin)
    morning(life, "2025-09-04 07:00", Post(lambda to: PermanentFailure("550") if to == PRINCIPAL else None))
    part = next(row for row in life.notices() if row["within"])
    with life.system.engine.begin() as connection:
        assert claims.retry(connection, part["id"], life.now)
    assert len(to(morning(life, "2025-09-04 07:05"))) == 1
    assert {row["status"] for row in life.notices() if row["within"]} == {"sent"}


def test_staff_are_told_of_a_digest_that_did_not_arrive(begin: Begin) -> None:
    life = two_for_the_principal(begin)
    post = morning(
        life, "2025-09-04 07:00", Post(lambda to: PermanentFailure("550") if to == PRINCIPAL else None)
    )
    deliver(life, post)
    assert any(
        b"Your messages of today" in content for who, content, _ in post.given if who.startswith("staff")
    )


def test_who_wants_no_digest_any_more_gets_what_was_held_at_the_next_tick(begin: Begin) -> None:
    life = two_for_the_principal(begin)
    life.person("principal", digest=False)
    assert len(to(morning(life, "2025-09-03 10:05"))) == 2


def test_a_morning_without_power_is_made_up_for(begin: Begin) -> None:
    life = two_for_the_principal(begin)
    assert len(to(morning(life, "2025-09-06 15:00"))) == 1


def test_a_crash_while_it_is_gathered_changes_nothing(begin: Begin) -> None:
    life = two_for_the_principal(begin).at("2025-09-04 07:00")
    before = life.notices()

    def crash(session: Any) -> None:
        digest.gather(session, life.now)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        life.system.transact(crash)
    assert life.notices() == before
    assert len(to(morning(life, "2025-09-04 07:01"))) == 1


STEPS = st.lists(
    st.sampled_from(["gap", "assessment", "morning", "evening", "off", "on", "fail", "crash"]), max_size=12
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_each_notice_leaves_exactly_once_alone_or_in_one_digest(
    steps: list[str], stations: Stations, settings: Config
) -> None:
    with TemporaryDirectory() as folder:
        life = opened(stations.made("active"), Path(folder), settings)
        life.at("2025-09-03 10:00")
        wants(life, "principal")
        life.run("DELETE FROM notices")
        day, delivered = life.now, []
        for step in [*steps, "off", "morning", "morning"]:
            day += timedelta(hours=1)
            life.now = day
            if step in ("gap", "assessment"):
                life.do(f"record-{step}", on="2025-09-02")
            elif step in ("on", "off"):
                life.person("principal", digest=step == "on")
            else:
                if step == "morning":
                    day = (day + timedelta(days=1)).replace(hour=7, minute=0)
                error = TemporaryFailure("busy") if step == "fail" else None
                post = Post(lambda to, error=error: error)  # type: ignore[misc]
                life.now = day
                life.system.transact(lambda session: digest.gather(session, life.now))
                if step != "crash":
                    deliver(life, post)
                delivered += [key for _, _, key in post.given if error is None]
        rows = life.notices()
        with life.system.reading() as session:
            digests = {
                row.id: row.message_id
                for row in session.connection.exec_driver_sql(
                    "SELECT id, message_id FROM notices WHERE template = 'digest'"
                )
            }
        life.system.engine.dispose()
    for row in rows:
        key = digests[row["within"]] if row["within"] else row["message_id"]
        assert row["status"] == "sent"
        assert delivered.count(key) == 1
        assert not row["within"] or row["message_id"] not in delivered
