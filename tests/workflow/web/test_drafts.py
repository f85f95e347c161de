"""An application that is saved and not sent: its author gets its link and reminders, and keeps the text."""

from __future__ import annotations

import pytest

from tests.support.district import Begin, Life
from tests.support.letters import delivered, got
from tests.support.visitor import path_of, words
from tests.workflow.web.test_application import NEW, Applying

TEXT = {"name": "Rainier Youth", "diversity": "a secret about diversity"}


def saved(begin: Begin) -> Applying:
    who = Applying(begin("open"))
    assert who.post("save", **TEXT).status_code == 200
    return who


def told(life: Life) -> list[str]:
    """Each message about the draft, with the local day on which it was queued."""
    mine = [row for row in life.notices() if row["to"] == NEW and row["template"].startswith("draft-")]
    return [f"{row['template']} {life.wall(row['queued_at'])[:10]}" for row in mine]


@pytest.mark.promise("draft-is-not-forgotten")
def test_who_saves_gets_the_link_once(begin: Begin) -> None:
    who = saved(begin)
    who.post("save", **(TEXT | {"collaboration": "more"}))
    assert told(who.life) == ["draft-saved 2025-07-07"]
    message = got(who.life, "draft-saved", "new")
    text = message.get_body(("plain",)).get_content()
    assert "NOT sent" in text
    assert "secret" not in text
    (link,) = [line.strip() for line in text.splitlines() if "/a/" in line]
    assert "a secret about diversity" in who.visitor.get(link).text


@pytest.mark.promise("draft-is-not-forgotten")
def test_reminders_come_before_the_closing_and_a_message_at_it(begin: Begin) -> None:
    who = saved(begin)
    for day in ("2025-08-07", "2025-08-09", "2025-08-11", "2025-08-13", "2025-08-15 16:59"):
        who.life.tick(day)
    assert told(who.life)[1:] == [
        "draft-unsent 2025-08-09", "draft-unsent 2025-08-13", "draft-unsent 2025-08-15"
    ]  # fmt: skip
    who.life.tick("2025-08-15 17:00")
    assert len(told(who.life)) == 5
    text = got(who.life, "draft-unsent", "new").get_body(("plain",)).get_content()
    assert "was not sent" in " ".join(text.split())
    assert "secret" not in text
    (link,) = [line.strip() for line in text.splitlines() if "/a/" in line]
    page = who.visitor.get(link)
    assert page.status_code == 200
    assert "What you saved and did not send" in page.text
    assert "a secret about diversity" in page.text


@pytest.mark.promise("draft-is-not-forgotten")
def test_who_sends_or_withdraws_is_not_reminded(begin: Begin) -> None:
    who = saved(begin)
    who.send()
    who.life.tick("2025-08-09")
    assert told(who.life) == ["draft-saved 2025-07-07"]
    who.post("withdraw", confirm="withdraw")
    who.life.tick("2025-08-15 17:00")
    assert told(who.life) == ["draft-saved 2025-07-07"]
    # What was withdrawn stays readable to its author.
    assert "a secret about diversity" in who.page()


def test_changes_that_are_saved_and_not_sent_say_that_the_application_counts(begin: Begin) -> None:
    who = Applying(begin("open"))
    who.send()
    who.post("save", **TEXT)
    who.life.tick("2025-08-13")
    text = " ".join(got(who.life, "draft-unsent", "new").get_body(("plain",)).get_content().split())
    assert "the application counts that you sent before" in text


def test_more_time_moves_the_reminders(begin: Begin) -> None:
    who = saved(begin)
    who.life.do("extend-selection")
    who.life.tick("2025-08-09")
    assert told(who.life) == ["draft-saved 2025-07-07"]
    who.life.tick("2025-08-22 17:00")
    assert told(who.life)[-1] == "draft-unsent 2025-08-22"


def test_what_was_saved_stays_readable_after_the_call_starts_over(begin: Begin) -> None:
    who = saved(begin)
    who.life.tick("2025-08-15 17:00")
    who.life.do("restart")
    page = who.visitor.get(who.link)
    assert page.status_code == 410
    assert "a secret about diversity" in page.text
    stranger = Applying(who.life, "else@example.org")
    assert "secret" not in stranger.visitor.get(stranger.link).text


def test_nobody_else_is_told_of_a_draft(begin: Begin) -> None:
    who = saved(begin)
    who.life.tick("2025-08-15 17:00")
    delivered(who.life)
    others = [row for row in who.life.notices() if row["to"] != NEW]
    assert others
    assert all(b"secret" not in row["message"] for row in others)
    assert not [row for row in others if row["template"].startswith("draft-")]
    assert words(who.visitor.get(path_of(who.link)).text).count("a secret about diversity") == 1
