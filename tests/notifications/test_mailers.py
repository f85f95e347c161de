"""Deliveries to real folders and to a real SMTP server on this machine, and everything that can go wrong."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from notifications.mailers import (
    DeliveryFailed,
    InDoubt,
    PermanentFailure,
    SmtpMailer,
    TemporaryFailure,
    Unreachable,
)
from tests.support.smtp_server import HOST, MESSAGE, Desk, Server, plain, send, serving


def test_a_message_arrives_as_it_was_composed(server: Server, desk: Desk) -> None:
    send(plain(server))
    (envelope,) = desk.received
    assert envelope.mail_from == "office@example.org"
    assert envelope.rcpt_tos == ["principal@example.org"]
    assert envelope.content == MESSAGE


def test_other_line_ends_become_those_of_mail(server: Server, desk: Desk) -> None:
    send(plain(server), b"Subject: x\n\nlast line without its end")
    assert desk.received[0].content == b"Subject: x\r\n\r\nlast line without its end\r\n"


def test_a_sender_with_a_name_is_sent_as_an_address(server: Server, desk: Desk) -> None:
    send(plain(server), sender="Partnership Office, District <office@example.org>")
    assert desk.received[0].mail_from == "office@example.org"


def test_each_delivery_has_a_connection_of_its_own_outside_a_session(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    send(mailer)
    send(mailer)
    assert (len(desk.received), len(desk.connections)) == (2, 2)


def test_the_deliveries_of_a_session_share_one_connection(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    with mailer.session(), mailer.session():
        for key in "123":
            send(mailer, key=key)
    assert (len(desk.received), len(desk.connections)) == (3, 1)


def test_a_session_without_deliveries_opens_no_connection(server: Server, desk: Desk) -> None:
    with plain(server).session():
        pass
    assert desk.connections == []


def test_a_connection_dropped_while_idle_is_opened_again(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    with mailer.session():
        send(mailer)
        server.drop_connections()
        send(mailer)
    assert (len(desk.received), len(desk.connections)) == (2, 2)


def test_a_refusal_in_a_session_does_not_spoil_the_next_delivery(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    with mailer.session():
        desk.answers["RCPT"] = "550 No such person"
        with pytest.raises(PermanentFailure):
            send(mailer)
        desk.answers.clear()
        send(mailer)
    assert len(desk.received) == 1


def test_threads_do_not_share_the_connection_of_a_session(server: Server, desk: Desk) -> None:
    mailer = plain(server)
    failures: list[DeliveryFailed] = []

    def work() -> None:
        try:
            with mailer.session():
                for key in "12345":
                    send(mailer, key=key)
        except DeliveryFailed as failed:
            failures.append(failed)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (len(desk.received), len(desk.connections)) == (20, 4)


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "failure"),
    [("451 Try later", TemporaryFailure), ("550 Not wanted", PermanentFailure)],
)
def test_a_refusal_is_temporary_or_permanent_as_its_code_says(
    server: Server, desk: Desk, command: str, answer: str, failure: type[DeliveryFailed]
) -> None:
    desk.answers[command] = answer
    with pytest.raises(failure, match=answer):
        send(plain(server))


@pytest.mark.promise("mail-waits-in-order")
@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("530 5.7.0 Must issue a STARTTLS command first", Unreachable), ("550 Who are you", Unreachable),
        ("421 Too busy", Unreachable), ("452 Too large for now", TemporaryFailure),
        ("552 Too large", PermanentFailure),
    ],
)  # fmt: skip
def test_a_refusal_of_the_sender_is_no_single_messages_fault_unless_it_is_of_its_size(
    server: Server, desk: Desk, answer: str, failure: type[DeliveryFailed]
) -> None:
    desk.answers["MAIL"] = answer
    with pytest.raises(DeliveryFailed, match=answer) as failed:
        send(plain(server))
    assert type(failed.value) is failure


@pytest.mark.promise("mail-waits-in-order")
@pytest.mark.parametrize("command", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    "answer",
    [
        "553 5.7.1 <office@example.org>: Sender address rejected: not owned by user clerk",
        "554 5.7.1 <principal@example.org>: Relay access denied",
        "550 relay not permitted, authentication required",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "554 5.2.252 SendAsDenied; the account must not send for this address",
        "530 5.7.57 Client not authenticated", "452 4.3.1 Insufficient system storage",
    ],
)  # fmt: skip
def test_a_refusal_of_the_office_or_trouble_of_the_server_is_no_message_s_fault(
    server: Server, desk: Desk, command: str, answer: str
) -> None:
    desk.answers[command] = answer
    with pytest.raises(Unreachable, match=re.escape(answer)):
        send(plain(server))


@pytest.mark.promise("mail-waits-in-order")
@pytest.mark.parametrize(
    "answer", ["554 5.7.1 <{}>: Recipient address rejected: Access denied", "553 No <{}>"]
)
def test_a_refusal_that_every_recipient_gets_is_no_message_s_fault(
    server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    async def refuse(
        server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return answer.format(address)

    monkeypatch.setattr(desk, "handle_RCPT", refuse)
    with pytest.raises(Unreachable, match="and every other recipient"):
        send(plain(server))


@pytest.mark.promise("mail-waits-in-order")
@pytest.mark.parametrize(
    "answer", ["450 4.2.0 Greylisted", "451 4.7.1 Greylisting in action", "450 grey-listed"]
)
def test_a_server_that_puts_every_new_recipient_off_is_tried_again_for_each(
    server: Server, desk: Desk, answer: str
) -> None:
    desk.answers["RCPT"] = answer
    with pytest.raises(DeliveryFailed, match=answer) as failed:
        send(plain(server))
    assert type(failed.value) is TemporaryFailure


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("554 5.7.1 Access denied", PermanentFailure), ("550 5.1.1 No such user", PermanentFailure),
        ("452 4.3.1 No room for this mailbox", TemporaryFailure), ("552 5.3.4 Too large", PermanentFailure),
    ],
)  # fmt: skip
def test_a_refusal_that_only_one_recipient_gets_is_of_that_message(
    server: Server, desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str, failure: type[DeliveryFailed]
) -> None:
    async def refuse(
        server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return answer if address == "principal@example.org" else "250 OK"

    monkeypatch.setattr(desk, "handle_RCPT", refuse)
    with pytest.raises(DeliveryFailed, match=answer) as failed:
        send(plain(server))
    assert type(failed.value) is failure
    assert desk.received == []


PIPELINING = (b"220 hello\r\n", b"250-server\r\n250 PIPELINING\r\n")


def test_commands_go_at_once_to_a_server_that_takes_them_so() -> None:
    with scripted(*PIPELINING, b"", b"", b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n") as port:
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


@pytest.mark.parametrize("data", [b"354 go\r\n", b"554 no valid recipients\r\n"])
def test_a_recipient_refused_among_commands_sent_at_once_gets_no_message(data: bytes) -> None:
    with (
        scripted(*PIPELINING, b"", b"", b"250 ok\r\n550 5.1.1 unknown\r\n" + data) as port,
        pytest.raises(PermanentFailure, match=r"550 5\.1\.1 unknown"),
    ):
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


def test_small_packets_do_not_wait_for_the_server_to_confirm_the_last(server: Server) -> None:
    mailer = plain(server)
    with mailer.session():
        send(mailer)
        client = mailer._kept.client
        assert client is not None
        assert client.sock is not None
        assert client.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_nul_in_an_answer_does_not_get_into_the_record() -> None:
    replies = (b"250 ok\r\n", b"550 no\0body\r\n")
    with scripted(*HELLO, *replies) as port, pytest.raises(PermanentFailure, match="550 nobody"):
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
def test_a_connection_lost_before_the_message_is_a_temporary_failure(
    server: Server, desk: Desk, command: str
) -> None:
    desk.drop_at = command
    with pytest.raises(TemporaryFailure, match="connection lost, not delivered"):
        send(plain(server))


def test_a_connection_lost_after_the_message_leaves_it_in_doubt(server: Server, desk: Desk) -> None:
    desk.drop_at = "DATA"
    with pytest.raises(InDoubt, match="the message was sent, its receipt not confirmed"):
        send(plain(server))
    assert len(desk.received) == 1


@pytest.mark.parametrize("end", ["drop", "refuse"])
def test_what_was_delivered_stays_delivered_whatever_happens_at_quit(
    server: Server, desk: Desk, end: str
) -> None:
    if end == "drop":
        desk.drop_at = "QUIT"
    else:
        desk.answers["QUIT"] = "554 No"
    send(plain(server))
    assert len(desk.received) == 1


def test_a_server_that_is_not_there_is_a_temporary_failure() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TemporaryFailure, match=f"mail server {HOST}:{port} could not be reached"):
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


def test_what_is_no_address_is_a_permanent_failure(server: Server) -> None:
    with pytest.raises(PermanentFailure, match="recipient: "):
        send(plain(server), recipient="principal@example.org>\r\nRCPT TO:<all@example.org")


def test_an_international_address_goes_to_a_server_that_takes_one(server: Server, desk: Desk) -> None:
    send(plain(server), "To: björn@example.org\r\n\r\nHej\r\n".encode(), recipient="björn@example.org")
    assert desk.received[0].rcpt_tos == ["björn@example.org"]
    assert "SMTPUTF8" in desk.received[0].mail_options


def test_an_international_address_is_a_permanent_failure_where_the_server_takes_none(desk: Desk) -> None:
    with serving(desk, enable_SMTPUTF8=False) as server:
        with pytest.raises(PermanentFailure, match="takes ASCII addresses only"):
            send(plain(server), recipient="björn@example.org")
        send(plain(server), recipient="bjorn@bücher.example.org")
    assert desk.received[0].rcpt_tos == ["bjorn@xn--bcher-kva.example.org"]


# A server that is slow or odd, by script


@contextmanager
def scripted(*replies: bytes) -> Iterator[int]:
    """One reply to the connection and one to each command or message, then silence till the client goes."""
    listener = socket.create_server((HOST, 0))

    def talk() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            script = iter(replies)
            connection.sendall(next(script))
            in_message = False
            for line in lines:
                ends_step = line == b".\r\n" if in_message else True
                reply = next(script, b"") if ends_step else b""
                in_message = reply.startswith(b"354") or (in_message and not ends_step)
                if reply:
                    connection.sendall(reply)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join()
        listener.close()


HELLO = (b"220 hello\r\n", b"250 server\r\n")


@pytest.mark.parametrize(
    ("replies", "failure"),
    [
        ((), TemporaryFailure),
        ((b"250 ok\r\n", b"250 ok\r\n"), TemporaryFailure),
        ((b"250 ok\r\n", b"250 ok\r\n", b"250 not 354\r\n"), TemporaryFailure),
        ((b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"), InDoubt),
        ((b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"what?\r\n"), InDoubt),
        ((b"250 ok\r\n", b"421 closing\r\n"), TemporaryFailure),
    ],
)
def test_a_server_that_falls_silent_or_talks_nonsense(
    replies: tuple[bytes, ...], failure: type[DeliveryFailed]
) -> None:
    with scripted(*HELLO, *replies) as port, pytest.raises(DeliveryFailed) as failed:
        send(SmtpMailer(HOST, port, "none", timeout=0.2, local_hostname="client.example.org"))
    assert type(failed.value) is failure


@pytest.mark.parametrize("greeting", [b"554 go away\r\n", b"421 too busy\r\n"])
def test_a_server_that_refuses_the_connection_is_tried_again(greeting: bytes) -> None:
    with scripted(greeting) as port, pytest.raises(TemporaryFailure, match="refused the connection: "):
        send(SmtpMailer(HOST, port, "none", timeout=5, local_hostname="client.example.org"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_needs_no_encryption(host: str) -> None:
    assert repr(host) in repr(SmtpMailer(host, 25, "none"))
