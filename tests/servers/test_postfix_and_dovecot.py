"""Debian's own Postfix and Dovecot: what they really answer, what the outbox makes of it, and what comes back."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from ssl import SSLContext, create_default_context

import pytest

from notifications.incoming.letterboxes import ImapLetterbox, LetterboxFailed
from notifications.incoming.replies import read
from notifications.mailers import DeliveryFailed, PermanentFailure, SmtpMailer, TemporaryFailure, Unreachable
from tests.servers.mail_settings import (
    DOVECOT,
    GONE,
    MAIN,
    MASTER,
    MOODS,
    NOBODY,
    OAUTH2,
    OFFICE,
    OPERATIONS,
    PASSWORD,
    PRINCIPAL,
    REFUSED,
    REVIEWER,
    SECRET,
)
from tests.support.district import Begin, Life
from tests.support.house import free_port, until
from tests.support.letters import answer
from tests.support.post import certify
from tests.support.smtp_server import HOST
from tests.workflow.daemon.test_pooler import answers
from workflow.inbox import judge
from workflow.inbox.mailbox import Mailbox
from workflow.outbox import delivery
from workflow.outbox.throttle import Pace

PROGRAMS = shutil.which("postfix"), shutil.which("dovecot")
pytestmark = pytest.mark.skipif(
    not os.environ.get("CI") and (None in PROGRAMS or os.getuid() != 0),
    reason="needs root and Debian's packages postfix and dovecot-imapd",
)


@dataclass(frozen=True)
class Servers:
    """A running Postfix with a port for each mood, and a running Dovecot that shows the same mailboxes."""

    folder: Path
    ports: dict[str, int]
    imaps: int

    @property
    def context(self) -> SSLContext:
        return create_default_context(cafile=str(self.folder / "authority.pem"))

    def mailer(self, mood: str, username: str | None = None, password: str | None = PASSWORD) -> SmtpMailer:
        """A mailer as the settings make it; with a user it encrypts and logs in."""
        if username is None:
            return SmtpMailer(HOST, self.ports[mood], "none")
        return SmtpMailer(HOST, self.ports[mood], "starttls", username, password, context=self.context)

    def imap(self, password: str = PASSWORD) -> ImapLetterbox:
        """The mailbox for answers, over IMAP."""
        return ImapLetterbox(HOST, self.imaps, OFFICE, password, context=self.context)

    def empty(self) -> None:
        """Remove all mailboxes with what is in them."""
        for mailbox in (self.folder / "mail").iterdir():
            shutil.rmtree(mailbox)

    def arrived(self, who: str, count: int = 1) -> list[bytes]:
        """The messages in somebody's Maildir, once there are that many."""
        folder = self.folder / "mail" / who.partition("@")[0] / "new"
        until(lambda: folder.is_dir() and len(list(folder.iterdir())) >= count, f"mail for {who}")
        return [
            path.read_bytes() for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        ]


def write_settings(servers: Servers) -> None:
    """Write what both servers read when they start. The header check is the one of the documentation."""
    folder, everybody = servers.folder, (OFFICE, PRINCIPAL, REVIEWER, GONE, REFUSED)
    mailboxes = " ".join(f"{{{who}={who.partition('@')[0]}/}}" for who in everybody)
    logins = " ".join(f"{{{who}={who}}}" for who in (OFFICE, PRINCIPAL))
    away = f"{{{GONE}=smtp:[{HOST}]:9}} {{{REFUSED}=smtp:[{HOST}]:{servers.ports['nobody']}}}"
    master = MASTER.format(folder=folder)
    for mood, settings in MOODS.items():
        master += f"{HOST}:{servers.ports[mood]} inet n - n - - smtpd\n"
        master += "".join(f"  -o {{ {name} = {value} }}\n" for name, value in settings.items())
    checks = re.search("\n(/\\^Authentication-Results.*\n)", OPERATIONS.read_text(encoding="utf-8"))
    assert checks is not None
    for name, text in {
        "etc/main.cf": MAIN.format(folder=folder, mailboxes=mailboxes, logins=logins, away=away),
        "etc/master.cf": master,
        "etc/checks": checks[1],
        "dovecot.conf": DOVECOT.format(folder=folder, imaps=servers.imaps),
        "oauth2.conf": OAUTH2.format(folder=folder),
        "secrets/default/HS256/default": base64.b64encode(SECRET).decode(),
        "users": "".join(f"{who}:{PASSWORD}\n" for who in (OFFICE, PRINCIPAL)),
    }.items():
        (folder / name).write_text(text, encoding="ascii")
    certify(folder)


@pytest.fixture(scope="module")
def running() -> Iterator[Servers]:
    """Both servers, for all tests of this module: on loopback, with all that they write in one folder."""
    # Their users have to enter it, and the sockets in it need a short path.
    folder = Path(tempfile.mkdtemp(prefix="servers-"))
    folder.chmod(0o755)
    for name in ("etc", "queue", "data", "mail", "secrets/default/HS256"):
        (folder / name).mkdir(parents=True)
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "mail", NOBODY)
    servers = Servers(folder, {mood: free_port() for mood in MOODS}, free_port())
    write_settings(servers)
    postfix, dovecot = ["postfix", "-c", str(folder / "etc")], ["dovecot", "-c", str(folder / "dovecot.conf")]
    subprocess.run(dovecot, check=True, timeout=60)
    try:
        subprocess.run([*postfix, "start"], check=True, timeout=60, capture_output=True)
        try:
            for port in (servers.imaps, *servers.ports.values()):
                until(lambda port=port: answers(port), "it answers")
            yield servers
        finally:
            subprocess.run([*postfix, "stop"], check=True, timeout=60, capture_output=True)
    finally:
        subprocess.run([*dovecot, "stop"], check=True, timeout=60)
        shutil.rmtree(folder)


@pytest.fixture
def servers(running: Servers) -> Servers:
    """Both servers with empty mailboxes."""
    running.empty()
    return running


MESSAGE = b"Subject: Report\r\n\r\n" + b"Hello.\r\n" * 400


@pytest.mark.promise("mail-waits-in-order")
@pytest.mark.parametrize(
    ("mood", "sender", "recipient", "failure", "words"),
    [
        ("login", OFFICE, REVIEWER, Unreachable, "553 5.7.1 .* not logged in"),
        ("unlisted", "office@example.org", REVIEWER, Unreachable, "550 5.1.0 .*Sender address rejected"),
        ("grey", OFFICE, "parent@elsewhere.example", Unreachable, "554 5.7.1 .*Relay access denied"),
        ("stranger", OFFICE, REVIEWER, Unreachable, "554 5.7.1 .*Client host rejected"),
        ("full", OFFICE, REVIEWER, Unreachable, "452 4.3.1 Insufficient system storage"),
        ("broken", OFFICE, REVIEWER, Unreachable, "451 4.3.5 .*Server configuration error"),
        ("nobody", OFFICE, REVIEWER, Unreachable, "554 5.7.1 .*Access denied .and every other recipient"),
        ("somebody", OFFICE, REVIEWER, PermanentFailure, "554 5.7.1 .*Access denied$"),
        ("open", OFFICE, "nobody@example.org", PermanentFailure, "550 5.1.1 .*User unknown"),
        ("small", OFFICE, REVIEWER, PermanentFailure, "552 5.3.4 Message size exceeds"),
        ("grey", OFFICE, REVIEWER, TemporaryFailure, "450 4.2.0 .*Greylisted"),
        ("greyer", OFFICE, REVIEWER, TemporaryFailure, "451 4.7.1 .*Greylisted"),
    ],
)  # fmt: skip
def test_what_postfix_refuses_is_laid_on_the_server_or_on_the_one_message(
    servers: Servers, mood: str, sender: str, recipient: str, failure: type[DeliveryFailed], words: str
) -> None:
    with pytest.raises(DeliveryFailed, match=words) as failed:
        servers.mailer(mood).deliver(MESSAGE, sender=sender, recipient=recipient, key="1")
    assert type(failed.value) is failure


@pytest.mark.promise("mail-waits-in-order")
def test_a_login_that_may_not_use_the_sender_stops_all_mail_and_no_notice_loses_an_attempt(
    servers: Servers, begin: Begin
) -> None:
    life, pace = begin("needs"), Pace()
    life.do("describe-needs")
    delivery.deliver(life.system, servers.mailer("login", PRINCIPAL), lambda: life.now, pace=pace)
    assert "553 5.7.1" in str(pace.problem)
    assert "not owned by user principal@example.org" in str(pace.problem)
    assert {(row["status"], row["attempts"]) for row in life.notices("describe-needs")} == {("queued", 0)}
    wrong = servers.mailer("login", OFFICE, "wrong")
    with pytest.raises(Unreachable, match="refused the user name or password"):
        wrong.deliver(MESSAGE, sender=OFFICE, recipient=REVIEWER, key="1")


def send(servers: Servers, life: Life, mood: str = "login") -> None:
    """Let the outbox hand everything to Postfix."""
    delivery.deliver(life.system, servers.mailer(mood, OFFICE), lambda: life.now)


def test_a_message_leaves_through_postfix_and_its_answer_comes_back_through_dovecot(
    servers: Servers, begin: Begin
) -> None:
    life = begin("needs", '[mail]\ntrust = "dmarc"\nauthserv = "mx.example.org"\n')
    life.do("describe-needs")
    send(servers, life)
    (row,) = [row for row in life.notices("describe-needs") if row["to"] == PRINCIPAL]
    letters = [
        message_from_bytes(content, policy=policy.default) for content in servers.arrived(PRINCIPAL, 2)
    ]
    (asked,) = [letter for letter in letters if letter["Message-ID"] == row["message_id"]]
    reply = answer(asked, "agree", Return_Path=None)
    servers.mailer("login", PRINCIPAL).deliver(
        reply, sender=PRINCIPAL, recipient=str(asked["Reply-To"]), key="1"
    )
    servers.arrived(OFFICE)
    (judged,) = judge.judge_letters(life.system, servers.imap(), lambda: life.now)
    assert (judged.verdict, judged.reason) == ("done", "agree-needs")
    assert list(judge.judge_letters(life.system, servers.imap(), lambda: life.now)) == [], "marked as seen"
    assert life.faults() == []


@pytest.mark.promise("forged-results-ignored")
def test_nobody_else_is_believed_whatever_they_write_above_their_message(servers: Servers) -> None:
    def read_as(head: bytes, mood: str, user: str | None) -> str:
        message = head + b"From: principal@example.org\r\nTo: partnerships@example.org\r\n\r\nagree\r\n"
        servers.empty()
        servers.mailer(mood, user).deliver(message, sender=OFFICE, recipient=OFFICE, key="1")
        (content,) = servers.arrived(OFFICE)
        return read(content, "mx.example.org").dmarc

    result = b"mx.example.org; dmarc=pass header.from=example.org\r\n"
    login = b"(Authenticated sender: principal@example.org) by mx.example.org (Postfix) with ESMTPSA id 1; now\r\n"
    assert read_as(b"Authentication-Results: " + result, "open", None) == "pass", "nothing removes it there"
    for forged in (
        b"", b"Authentication-Results: ", b"Authentication-Results:", b"authentication-results:\r\n\t",
        b"Authentication-Results: \x1c", b"Authentication-Results: \xc2\xa0", b"Authentication-Results: \0",
        b"X: 1\rAuthentication-Results: ", b"Authentication-Results: (c) ", b"Authentication-Results : ",
    ):  # fmt: skip
        assert read_as(forged + result, "checked", None) == "", forged
    for forged in (
        b"Received: from a (a [192.0.2.1]) " + login, b"X: 1\rReceived: from a (a [192.0.2.1]) " + login,
        b"Received: from a by b with LMTP id 1; today\r\nReceived: from a (a [192.0.2.1]) " + login,
    ):  # fmt: skip
        assert read_as(forged, "checked", None) == "", forged
    assert read_as(b"", "login", OFFICE) == "", "somebody else has logged in"


@pytest.mark.promise("automatic-mail-ignored")
def test_the_report_of_a_postfix_that_gave_up_sets_the_notice_aside(servers: Servers, begin: Begin) -> None:
    begun = begin()
    life = begun.another("fhs-2025").to("needs")
    life.do("describe-needs")
    send(servers, life)
    mine = [row for row in life.notices() if row["to"] == GONE]
    servers.arrived(OFFICE, len(mine))
    judged = list(judge.judge_letters(life.system, servers.imap(), lambda: life.now))
    assert {(each.verdict, each.reason.partition(":")[0]) for each in judged} == {("bounce", "not delivered")}
    assert all("Connection refused" in each.reason for each in judged)
    assert {row["status"] for row in life.notices() if row["to"] == GONE} == {"dead"}
    assert life.told("address-failed") == ["staff"]


def test_what_another_server_said_stands_in_the_report_of_postfix(servers: Servers) -> None:
    servers.mailer("open").deliver(MESSAGE, sender=OFFICE, recipient=REFUSED, key="1")
    bounce = read(servers.arrived(OFFICE)[0]).bounce
    assert bounce is not None
    assert (bounce.address, bounce.status, bounce.permanent) == (REFUSED, "5.7.1", True)
    assert "Access denied" in bounce.said


@pytest.mark.promise("mailbox-watched")
def test_a_login_that_dovecot_refuses_is_said_without_the_password(servers: Servers, begin: Begin) -> None:
    life, mailbox = begin(), Mailbox(servers.imap("not the password"))
    with pytest.raises(LetterboxFailed, match="AUTHENTICATIONFAILED"):
        list(mailbox.judge(life.system, lambda: life.now, lambda: False))
    assert "not the password" not in str(mailbox.problem)
    servers.mailer("open").deliver(MESSAGE, sender=REVIEWER, recipient=OFFICE, key="1")
    servers.arrived(OFFICE)
    (judged,) = judge.judge_letters(life.system, servers.imap(), lambda: life.now)
    assert judged.verdict == "unknown"


def token(who: str, secret: bytes = SECRET) -> str:
    """An access token for a mailbox: a JSON Web Token that is good from 2020 to 2040."""

    def encode(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).decode().rstrip("=")

    head = {"alg": "HS256", "typ": "JWT"}
    claims = {"sub": who, "email": who, "iat": 1_577_836_800, "exp": 2_208_988_800}
    text = ".".join(encode(json.dumps(part).encode()) for part in (head, claims))
    return f"{text}.{encode(hmac.digest(secret, text.encode(), 'sha256'))}"


def test_a_token_in_a_file_opens_both_servers_until_it_is_no_longer_good(
    servers: Servers, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    mailer = SmtpMailer(
        HOST, servers.ports["login"], "starttls", OFFICE, context=servers.context, oauth_token_file=file
    )
    box = ImapLetterbox(HOST, servers.imaps, OFFICE, "", context=servers.context, token_file=file)
    file.write_text(token(OFFICE) + "\n", encoding="ascii")
    mailer.deliver(MESSAGE, sender=OFFICE, recipient=OFFICE, key="1")
    servers.arrived(OFFICE)
    with box.session():
        assert [letter.whole for letter in box.letters(9)] == [True]
    for wrong in (token(OFFICE, b"another secret"), token(PRINCIPAL)):
        file.write_text(wrong, encoding="ascii")
        with pytest.raises(LetterboxFailed) as refused, box.session():
            pass
        assert wrong not in str(refused.value)
        with pytest.raises(Unreachable, match="refused the user name or password") as failed:
            mailer.deliver(MESSAGE, sender=OFFICE, recipient=OFFICE, key="2")
        assert wrong not in str(failed.value)
