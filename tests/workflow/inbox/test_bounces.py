"""What is done about reports that a message was not delivered."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from sqlalchemy import select

from tests.notifications.incoming.test_bounces import REPORT
from tests.support.district import Begin, Life
from tests.support.letters import answer, asked_for_needs, comes, got, untouched
from tests.workflow.inbox.test_judge import ask
from workflow.actions.action import act, find_action
from workflow.inbox import message
from workflow.links import Claim
from workflow.store import tables


@pytest.fixture
def needs(begin: Begin) -> Life:
    return asked_for_needs(begin("needs"))


def report(asked: EmailMessage, action: str = "failed", status: str = "5.1.1") -> bytes:
    text = REPORT.replace("ACTION", action).replace("STATUS", status).replace("RETURNED", "message/rfc822")
    return text.replace("<0123456789abcdef0123456789abcdef@example.org>", str(asked["Message-ID"])).encode()


def address_row(life: Life, email: str = "principal@example.org") -> tuple[object, object] | None:
    with life.system.reading() as session:
        table = tables.addresses
        row = session.connection.execute(select(table).where(table.c.email == email)).first()
        return (row.bounced_at, row.bounce) if row else None


def status_of(life: Life, asked: EmailMessage) -> tuple[str, str | None]:
    (row,) = [row for row in life.notices() if row["message_id"] == str(asked["Message-ID"])]
    return row["status"], row["reason"]


def test_a_report_sets_the_message_aside_marks_the_address_and_alerts_staff_once(needs):
    asked = ask(needs)
    with untouched(needs):
        assert comes(needs, report(asked)).verdict == "bounce"
    status, reason = status_of(needs, asked)
    assert (status, "No such user here" in str(reason)) == ("dead", True)
    assert needs.told("address-failed") == ["staff"]
    marked = address_row(needs)
    assert marked
    assert marked[0] == needs.now
    comes(needs, report(asked) + b"\n")
    assert needs.told("address-failed") == ["staff"]
    assert "principal@example.org" in got(needs, "address-failed", "staff").get_body(("plain",)).get_content()


def test_an_answer_from_the_address_shows_that_it_takes_mail_again(needs):
    comes(needs, report(ask(needs)))
    comes(needs, answer(ask(needs), "agree"))
    assert address_row(needs) == (None, None)


def test_a_form_that_the_owner_of_the_address_sent_shows_it_too(needs):
    comes(needs, report(ask(needs)))
    (row,) = [r for r in needs.notices("describe-needs") if r["to"] == "principal@example.org"]

    def work(session):
        claim = Claim(row["id"], "agree-needs", row["to"], needs.record.ref)
        act(session, find_action(session, claim, needs.now), {}, channel="link", form="f", now=needs.now)

    needs.system.transact(work)
    assert address_row(needs) == (None, None)


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.7"), ("delayed", "5.2.2")])
def test_a_failure_that_passes_is_only_kept(needs, action, status):
    asked = ask(needs)
    assert comes(needs, report(asked, action, status)).verdict == "bounce"
    assert status_of(needs, asked)[0] == "sent"
    assert address_row(needs) is None
    assert needs.told("address-failed") == []


@pytest.mark.promise("automatic-mail-ignored")
def test_a_report_that_names_no_message_of_ours_marks_nobody(needs):
    content = report(ask(needs)).replace(str(ask(needs)["Message-ID"]).encode(), b"<made-up@example.org>")
    assert comes(needs, content).verdict == "bounce"
    assert address_row(needs) is None
    assert needs.told("address-failed") == []


def doubtful(life: Life) -> int:
    """How many messages staff were told of, those about no partnership too."""
    with life.system.reading() as session:
        table = tables.notices
        query = select(table.c.id).where(
            table.c.template == "reply-doubtful", table.c.to == "staff@example.org"
        )
        return len(session.connection.execute(query).all())


@pytest.mark.promise("nothing-dropped-in-silence")
def test_staff_read_reports_on_which_nothing_can_be_done_though_not_too_many(needs):
    asked = ask(needs)
    strange = report(asked).replace(str(asked["Message-ID"]).encode(), b"<made-up@example.org>")
    comes(needs, report(asked, "gone").replace(b"550 gone", b""))
    assert doubtful(needs) == 1
    for number in range(message.MOST_TOLD + 3):
        assert comes(needs, strange + b"\n" * number).verdict == "bounce"
    assert doubtful(needs) == message.MOST_TOLD
    assert (address_row(needs), status_of(needs, asked)[0]) == (None, "sent")
