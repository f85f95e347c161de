"""A mailbox that cannot be used is told once, shown, and tried more and more rarely."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from notifications.incoming.letterboxes import LetterboxFailed, MaildirLetterbox
from tests.support.district import Begin
from tests.support.letters import put
from tests.workflow.inbox.test_questions import question, told
from workflow.inbox import judge
from workflow.inbox.mailbox import Mailbox


class Locked(MaildirLetterbox):
    """A mailbox that refuses everybody while it is `shut`."""

    shut, tries = True, 0

    @contextmanager
    def session(self) -> Iterator[None]:
        self.tries += 1
        if self.shut:
            raise LetterboxFailed("mailbox mail.example.org:993: LOGIN failed")
        with super().session():
            yield


@pytest.mark.promise("mailbox-watched")
def test_a_login_that_fails_is_told_once_and_tried_more_rarely(begin: Begin, tmp_path: Path) -> None:
    life, box = begin("needs"), Locked(tmp_path / "in")
    mailbox = Mailbox(box)

    def look() -> None:
        with suppress(LetterboxFailed):
            list(mailbox.judge(life.system, lambda: life.now, lambda: False))

    for _ in range(180):  # an hour of ticks
        life.now += timedelta(seconds=20)
        look()
    assert box.tries < 10
    assert mailbox.problem == "mailbox mail.example.org:993: LOGIN failed"
    (notice,) = told(life, "mailbox-failed")
    assert "LOGIN failed" in notice
    box.shut = False
    life.now += timedelta(minutes=16)
    look()
    assert mailbox.problem is None


@pytest.mark.promise("failures-stay-alone")
def test_each_turn_reads_a_message_however_slow_the_server_is(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = begin("needs")
    folder = life.system.config.folder / "in"
    for number in range(3):
        put(folder, question("parent@elsewhere.example.org", number), f"{number}.host")
    monkeypatch.setattr(judge, "TURN", -1.0)  # over before it begins
    mailbox = Mailbox(MaildirLetterbox(folder))
    turns = [list(mailbox.judge(life.system, lambda: life.now, lambda: False)) for _ in range(4)]
    assert [len(verdicts) for verdicts in turns] == [1, 1, 1, 0]
