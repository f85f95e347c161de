"""A running daemon does what people answer by mail: once, also when it is killed in the middle of it."""

from __future__ import annotations

import sys
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.district import Life
from tests.support.facts import LA
from tests.support.house import NEW, House, free_port, until
from tests.support.letters import answer, put
from workflow import session

# The daemon, killed after its transaction and before it lets go of the message.
KILLED = (
    "import os, signal\n"
    "from notifications.incoming.letterboxes import MaildirLetterbox\n"
    "MaildirLetterbox.mark_seen = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    "from workflow.daemon.service import main\n"
    "main()\n"
)


@pytest.fixture
def asked(house: House) -> EmailMessage:
    """The letter in which the principal was asked to agree to the needs, as the daemon has sent it."""
    opened = session.open_system(house.folder / "config.toml", words=False)
    life = Life(opened, NEW, "franklin")
    life.now = datetime.now(LA).replace(microsecond=0)
    life.do("describe-needs")
    opened.engine.dispose()
    house.start("--once")
    assert house.ended(within=60) == 0
    return letter(house, "describe-needs", "franklin-principal@example.org")


def letter(house: House, template: str, to: str) -> EmailMessage:
    query = 'SELECT message_id FROM notices WHERE template = ? AND "to" = ? AND status = ?'
    ((key,),) = house.sql(query, template, to, "sent")
    for path in house.letters():
        found = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        if found["Message-ID"] == key and isinstance(found, EmailMessage):
            return found
    raise AssertionError(f"no letter {template} to {to}")


def agreed(house: House) -> list[tuple[object, ...]]:
    return house.sql(
        "SELECT actor, channel FROM history JOIN partnerships p ON p.id = partnership"
        " WHERE event = 'agree-needs' AND ref = ?",
        NEW,
    )


def seen(folder: Path) -> list[str]:
    return [path.name for path in (folder / "cur").glob("*:2,S")]


ONCE = [("franklin-principal@example.org", "reply")]


def test_a_reply_is_done_answered_and_counted(house: House, asked: EmailMessage) -> None:
    house.start()
    until(house.healthy, "the daemon is healthy")
    put(house.folder / "var" / "replies", answer(asked, "agree"))
    until(lambda: agreed(house), "the reply is done")
    until(
        lambda: house.sql("SELECT 1 FROM notices WHERE template = 'receipt' AND status = 'sent'"),
        "the receipt has left",
    )
    assert agreed(house) == ONCE
    until(lambda: seen(house.folder / "var" / "replies"), "the reply is put away")
    (said,) = house.logged("reply")
    assert said["verdict"] == "done"
    until(lambda: house.metric('partnerships_replies_total{verdict="done"}') == 1, "it is counted")
    assert "agree\r\n" not in house.log_file.read_text(encoding="utf-8")


@pytest.mark.promise("automatic-mail-ignored", "acts-once")
def test_a_daemon_killed_before_it_put_the_reply_away_does_it_once(house: House, asked: EmailMessage) -> None:
    folder = house.folder / "var" / "replies"
    put(folder, answer(asked, "agree"))
    house.start("--once", command=(sys.executable, "-c", KILLED))
    assert house.ended(within=60) == -9
    assert agreed(house) == ONCE
    assert seen(folder) == []
    house.start("--once")
    assert house.ended(within=60) == 0
    assert agreed(house) == ONCE
    assert len(seen(folder)) == 1
    assert house.sql("SELECT verdict FROM replies") == [("done",)]
    assert house.sql("SELECT count(*) FROM notices WHERE template = 'receipt'") == [(1,)]


def test_a_mailbox_out_of_reach_holds_up_neither_deadlines_nor_mail(house: House) -> None:
    house.configure(
        mail='replies = "imap"\nmaildir = "mail"\n',
        text=f'[mail.imap]\nhost = "127.0.0.1"\nport = {free_port()}\nusername = "office"\n',
    )
    house.start("--once", PARTNERSHIPS_IMAP_PASSWORD="secret")
    assert house.ended(within=60) == 0
    assert house.sql("SELECT count(*) FROM history WHERE event = 'close-applications'") == [(1,)]
    assert house.letters()
    (said,) = house.logged("replies cannot be read")
    assert "127.0.0.1" in said["problem"]
    assert "secret" not in house.log_file.read_text(encoding="utf-8")


@pytest.mark.skipif(not databases.POSTGRESQL, reason="SQLite has one daemon; TEST_DATABASE=postgresql")
def test_several_daemons_on_one_mailbox_do_each_reply_once(
    house: House, asked: EmailMessage, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    put(shared, answer(asked, "agree"))
    for number in range(12):
        put(shared, answer(asked, f"A word of our own, number {number}."), f"{number + 2}.host")
    street = [house, *(house.neighbour(tmp_path / f"house-{n}") for n in range(2, 4))]
    for one in street:
        one.configure(mail=f'maildir = "mail"\nreplies_maildir = "{shared}"\n')
        one.start()
    until(lambda: house.sql("SELECT count(*) FROM replies") == [(13,)], "all are read", timeout=60)
    until(lambda: len(seen(shared)) == 13, "all are put away")
    assert [one.asked_to_end() for one in street] == [0, 0, 0]
    assert agreed(house) == ONCE
    verdicts = house.sql("SELECT verdict, count(*) FROM replies GROUP BY verdict ORDER BY verdict")
    assert verdicts == [("done", 1), ("note", 12)]
    notes = house.sql("SELECT count(*), count(DISTINCT input) FROM history WHERE event = 'add-note'")
    assert notes == [(12, 12)]
    assert house.faults() == []
