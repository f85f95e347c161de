"""Reports that a message did not arrive: whom it did not reach, which message it was, and whether that is final."""

from __future__ import annotations

import pytest

from notifications.incoming.replies import read
from tests.notifications.incoming.test_replies import OURS

REPORT = f"""\
From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: partnerships@example.org
Return-Path: <>
Auto-Submitted: auto-replied
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; principal@example.org
Action: ACTION
Status: STATUS
Diagnostic-Code: smtp; 550 STATUS No such user here

--x
Content-Type: RETURNED

Message-ID: <{OURS}@example.org>
Subject: Please agree

no
--x--
"""


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_tells_whom_it_did_not_reach_and_which_message(returned):
    text = REPORT.replace("ACTION", "failed").replace("STATUS", "5.1.1").replace("RETURNED", returned)
    found = read(text.encode())
    assert found.bounce
    assert (found.bounce.address, found.bounce.status, found.bounce.permanent) == (
        "principal@example.org",
        "5.1.1",
        True,
    )
    assert found.bounce.about == (f"<{OURS}@example.org>",)
    assert "No such user" in found.bounce.said
    assert found.passed_on is None


@pytest.mark.parametrize(
    ("action", "status", "permanent"),
    [("delayed", "4.4.7", False), ("delayed", "5.0.0", False), ("relayed", "2.0.0", False),
     ("failed", "4.2.2", True), ("failed", "4.4.1", True), ("Failed (gave up)", "4.4.7", True)],
)  # fmt: skip
@pytest.mark.parametrize("form", ["message/delivery-status", "message/global-delivery-status"])
def test_only_a_delivery_that_failed_is_at_its_end_whatever_the_status(form, action, status, permanent):
    text = REPORT.replace("ACTION", action).replace("STATUS", status).replace("RETURNED", "message/rfc822")
    bounce = read(text.replace("message/delivery-status", form).encode()).bounce
    assert bounce
    assert bounce.permanent == permanent
    assert "No such user here" in bounce.said


PLAIN = f"""\
From: MAILER-DAEMON@mx.example.org
To: partnerships@example.org
Return-Path: <>
Subject: failure notice

Hi. This is the mail program at mx.example.org. I could not deliver your message.

<principal@example.org>:
550 5.1.1 sorry, no mailbox here by that name

--- Below this line is a copy of the message.

Message-ID: <{OURS}@example.org>
Subject: Please agree
"""


EXIM = "X-Failed-Recipients: principal@example.org"
QMAIL = "Hi. This is the qmail-send program at mx.example.org.\nI'm afraid I wasn't able to deliver your message.\n"
# The sender, further headers, the subject and the text of a report, and whether it is final.
OWN_WORDS = {
    "qmail": (
        "MAILER-DAEMON@mx.example.org", "failure notice", f"{QMAIL}<principal@example.org>:\nNo such user.", True,
    ),
    "qmail gave up": (
        "MAILER-DAEMON@mx.example.org", "failure notice",
        f"{QMAIL}<principal@example.org>:\n451 try again later\nI'm not going to try again.", True,
    ),
    "exim": (
        f"Mail Delivery System <Mailer-Daemon@mx.example.org>\n{EXIM}", "Mail delivery failed: returning",
        "principal@example.org\n  host mx: 451 4.7.1 greylisted: retry timeout exceeded", True,
    ),
    "exim waits": (
        "Mail Delivery System <Mailer-Daemon@mx.example.org>", "Warning: message 1rA delayed 24 hours",
        "It has not yet been delivered to:\n  principal@example.org\nhost mx: 550 5.7.1 later\n"
        "Delivery attempts will continue. Eventually we will give up.", False,
    ),
    "sendmail waits": (
        "MAILER-DAEMON@mx.example.org", "Warning: could not send message for past 4 hours",
        "** THIS IS A WARNING MESSAGE ONLY **\nprincipal@example.org... Deferred\nWill keep trying.", False,
    ),
    "exchange": (
        "System Administrator <postmaster@example.org>", "Undeliverable: Please agree",
        "Your message did not reach principal@example.org: no such mailbox.", True,
    ),
    "lotus": (
        "Notes <notes@example.org>", "DELIVERY FAILURE: User principal not listed",
        "Your message could not be delivered to principal@example.org.", True,
    ),
}  # fmt: skip


@pytest.mark.promise("nothing-dropped-in-silence")
@pytest.mark.parametrize("server", OWN_WORDS)
def test_a_report_in_the_words_of_a_server_is_final_if_it_gave_up(server):
    sender, subject, text, final = OWN_WORDS[server]
    copy = (
        f"--- Below this line is a copy of the message.\n\nMessage-ID: <{OURS}@example.org>\n\nIt is delayed."
    )
    head = f"From: {sender}\nTo: partnerships@example.org\nReturn-Path: <>\nSubject: {subject}\n\n"
    bounce = read(f"{head}{text}\n\n{copy}".encode()).bounce
    assert bounce
    assert (bounce.address, bounce.permanent, bounce.unclear) == ("principal@example.org", final, False)
    assert bounce.about == (f"<{OURS}@example.org>",)


def test_a_report_in_a_servers_own_words_is_one_too():
    bounce = read(PLAIN.encode()).bounce
    assert bounce
    assert (bounce.address, bounce.status, bounce.permanent) == ("principal@example.org", "5.1.1", True)
    assert bounce.about == (f"<{OURS}@example.org>",)
    assert "no mailbox here" in bounce.said
