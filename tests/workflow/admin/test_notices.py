"""What was sent: which notices there are, one of them byte for byte, and how a stuck one is tried again."""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from notifications.mailers import MaildirMailer
from tests.support import databases
from tests.support.desk import REF, Desk, real
from tests.workflow.admin.conftest import Sit
from workflow import links, session
from workflow.outbox import delivery

STATUSES = ("queued", "sent", "in-doubt", "failed", "dead")


def delivered(desk: Desk) -> Path:
    """Deliver what is queued into a Maildir."""
    folder = desk.folder / "mail"
    delivery.deliver(desk.life.system, MaildirMailer(folder), session.current_time)
    return folder / "new"


def message_in_database(desk: Desk, number: int) -> bytes:
    query = 'SELECT message, "to" FROM notices WHERE id = :id'
    ((message, to),) = databases.rows(desk.folder, query, id=number)
    return links.sign_again(desk.life.system.config, bytes(message), to)


def one_of_each_status(desk: Desk) -> None:
    for number, status in enumerate(STATUSES, start=1):
        desk.life.run("UPDATE notices SET status = :status WHERE id = :id", status=status, id=number)


def test_a_notice_is_shown_byte_for_byte(sit: Sit) -> None:
    desk = sit("open")
    new = delivered(desk)
    shown = real("--config", desk.config, "notices", "show", "1")
    assert shown.returncode == 0
    assert shown.stdout == message_in_database(desk, 1)
    assert shown.stdout.replace(b"\r\n", b"\n") in {file.read_bytes() for file in new.iterdir()}
    assert shown.stderr == b"Notice 1 to principal@example.org as principal: sent, tried 1 time.\n"


def test_a_notice_is_shown_as_its_reader_reads_it(sit: Sit) -> None:
    desk = sit("open")
    new = delivered(desk)
    shown = real("--config", desk.config, "notices", "show", "1", "--text").stdout.decode()
    assert shown.startswith("To: ")
    assert "principal@example.org" in shown.splitlines()[0]
    links = re.findall(r"^  (http://\S+/a/\S+)$", shown, re.MULTILINE)
    assert links
    parsed = [BytesParser(policy=policy.default).parsebytes(file.read_bytes()) for file in new.iterdir()]
    bodies = [one.get_body(("plain",)) for one in parsed if isinstance(one, EmailMessage)]
    assert shown.partition("\n\n")[2] in {body.get_content() for body in bodies if body is not None}


def test_programs_get_the_same_message_and_who_got_it_and_why(sit: Sit) -> None:
    desk = sit("open")
    delivered(desk)
    shown = desk.ask("notices", "show", "1")
    assert shown["message"].encode() == message_in_database(desk, 1)
    assert (shown["to"], shown["role"], shown["status"]) == ("principal@example.org", "principal", "sent")
    assert (shown["attempts"], shown["ref"], shown["template"]) == (1, REF, "identify-needs")
    assert shown["message_id"] in shown["message"]
    assert shown["sent_at"] is not None


def test_a_notice_that_waits_has_no_message_yet(sit: Sit) -> None:
    desk = sit("open")
    assert desk.ask("notices", "show", "1")["message"] is None
    assert desk.say("notices", "show", "1") == (
        "Notice 1 to principal@example.org as principal: queued, not tried yet. "
        "Its message is written when it is sent.\n"
    )


def test_a_notice_to_a_delegate_says_for_whom(sit: Sit) -> None:
    desk = sit("needs")
    away = ("people", "away", "principal@example.org", "--until", "2025-08-01")
    assert desk.run(*away, "--delegate", "superintendent@example.org").status == 0
    assert desk.trigger("describe-needs", "--input", "-", stdin=DESCRIPTION).status == 0
    (told,) = [one for one in desk.ask("notices", REF) if one["delegate_for"]]
    assert (told["to"], told["delegate_for"]) == ("superintendent@example.org", "principal@example.org")
    text = desk.say("notices", "show", str(told["id"]))
    assert "as principal, in place of principal@example.org: queued" in text


DESCRIPTION = """
needs = ["tutoring"]
resources = ["staff on site"]
assets = ["roots in the neighborhood"]
qualities = ["patience"]
goals = ["graduation"]
"""


@pytest.mark.parametrize("wanted", [("dead",), ("failed", "in-doubt"), STATUSES])
def test_notices_are_listed_by_status(sit: Sit, wanted: tuple[str, ...]) -> None:
    desk = sit("open")
    one_of_each_status(desk)
    listed = desk.ask("notices", "--status", ", ".join(wanted))
    assert {one["status"] for one in listed} == set(wanted)
    assert desk.ask("notices", REF, "--status", ",".join(wanted)) == listed


def test_without_notices_people_read_so(sit: Sit) -> None:
    assert sit().say("notices") == "No notices.\n"


@pytest.mark.parametrize("status", ["failed", "dead", "in-doubt"])
def test_a_stuck_notice_is_tried_again(sit: Sit, status: str) -> None:
    desk = sit("open")
    delivered(desk)
    change = "UPDATE notices SET status = :status, attempts = 8, reason = 'no such host' WHERE id = 1"
    desk.life.run(change, status=status)
    shown = desk.run("notices", "show", "1")
    assert shown.err.endswith(f"as principal: {status}, tried 8 times: no such host.\n")
    before = message_in_database(desk, 1)
    assert desk.ask("notices", "retry", "1") == {"id": 1, "status": "queued", "before": status}
    again = desk.ask("notices", "show", "1")
    assert (again["status"], again["attempts"], again["reason"]) == ("queued", 0, None)
    delivered(desk)
    assert desk.ask("notices", "show", "1")["status"] == "sent"
    assert message_in_database(desk, 1) == before, "every attempt sends the same message"


def test_all_of_a_status_are_tried_again_at_once_but_not_what_was_revoked(sit: Sit) -> None:
    desk = sit("open")
    delivered(desk)
    desk.life.run("UPDATE notices SET status = 'dead', reason = '550 not from you' WHERE id <= 4")
    desk.life.run("UPDATE notices SET status = 'in-doubt' WHERE id = 4")
    desk.ask("notices", "revoke", "3")
    assert desk.ask("notices", "retry", "--status", "dead,failed") == {"retried": [1, 2]}
    assert [one["id"] for one in desk.ask("notices", "--status", "queued")] == [1, 2]
    assert desk.say("notices", "retry", "--status", "failed") == "There is none to be tried again.\n"
    assert desk.say("notices", "retry", "--status", "in-doubt") == "1 notice will be tried again.\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "ID: it is not said what is to be tried again"),
        (("1", "--status", "dead"), "ID: it is not said what is to be tried again"),
        (("--status", "sent"), "--status: there is no status 'sent' to be tried again"),
    ],
)
def test_what_is_to_be_tried_again_is_said(sit: Sit, words: tuple[str, ...], problem: str) -> None:
    answer = sit("open").run("notices", "retry", *words, "--json")
    assert (answer.status, answer.problems) == (2, [problem])


@pytest.mark.parametrize("status", ["queued", "sent"])
def test_a_notice_that_is_not_stuck_is_not_tried_again(sit: Sit, status: str) -> None:
    desk = sit("open")
    desk.life.run("UPDATE notices SET status = :status WHERE id = 1", status=status)
    before = desk.life.dump()
    answer = desk.run("notices", "retry", "1", "--json")
    assert (answer.status, answer.problems) == (2, [f"ID: notice 1 is {status}"])
    assert desk.life.dump() == before


@pytest.mark.promise("sealed-until-closing")
def test_a_message_that_opens_an_application_is_sealed_until_the_call_closes(sit: Sit) -> None:
    desk = sit("applied")
    delivered(desk)
    theirs = [one["id"] for one in desk.ask("notices", REF) if one["role"] == "applicant"]
    assert theirs
    for number in theirs:
        assert "http" not in desk.run("notices", "show", str(number)).out
        assert desk.ask("notices", "show", str(number))["message"].startswith("(sealed until the call closes")
    desk.life.at("2025-08-15 17:00")
    shown = desk.ask("notices", "show", str(theirs[0]))["message"]
    assert shown.encode() == message_in_database(desk, theirs[0])
