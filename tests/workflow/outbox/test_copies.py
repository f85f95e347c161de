"""The receipt of an application brings its author a copy, which no message that is kept has (4270.8)."""

from __future__ import annotations

from contextlib import nullcontext
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from notifications.mailers import TemporaryFailure
from tests.support.district import Begin, Life
from tests.workflow.web.test_application import NEW, WRITTEN, Applying
from workflow.outbox import delivery


class Post:
    """A mail server that takes every message, but for the first ones."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[tuple[str, bytes]] = []

    def session(self) -> nullcontext[None]:
        return nullcontext()

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        self.sent.append((recipient, message))
        if len(self.sent) <= self.failures:
            raise TemporaryFailure("later")


def sent_to(life: Life, post: Post, to: str) -> list[bytes]:
    delivery.deliver(life.system, post, lambda: life.now)
    return [message for recipient, message in post.sent if recipient == to]


def id_of(content: bytes) -> str:
    return str(message_from_bytes(content)["Message-ID"])


def copy_in(content: bytes) -> str:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    (copy,) = [each for each in message.iter_attachments() if each.get_filename() == "application.txt"]
    return str(copy.get_content())


@pytest.mark.promise("sealed-until-closing")
def test_the_author_alone_gets_a_copy_and_no_kept_message_has_it(begin: Begin) -> None:
    life, post = begin("open"), Post()
    Applying(life).send()
    (receipt,) = sent_to(life, post, NEW)
    copy = copy_in(receipt)
    for text in WRITTEN.values():
        if text != "community-based-organization":
            assert text in copy
    assert "Rainier Youth" in copy
    assert all(b"a secret" not in message for to, message in post.sent if to != NEW)
    for row in life.notices():
        kept = message_from_bytes(row["message"], policy=policy.default)
        parts = [part.get_content() for part in kept.walk() if part.get_content_maintype() == "text"]
        assert "a secret" not in str(parts)
    assert "its author alone" in copy_in(
        next(row["message"] for row in life.notices("receive-application") if row["to"] == NEW)
    )


def test_every_attempt_sends_the_same_copy_also_after_the_application_has_changed(begin: Begin) -> None:
    life = begin("open")
    post = Post(failures=100)
    who = Applying(life)
    who.send()
    (first,) = sent_to(life, post, NEW)
    who.send(diversity="something else")
    life.at("2025-07-07 09:05")
    (again,) = [message for message in sent_to(life, post, NEW)[1:] if id_of(message) == id_of(first)]
    assert again == first
    assert "something else" not in copy_in(again)


def test_the_receipt_offers_to_change_the_application_before_it_offers_to_withdraw_it(begin: Begin) -> None:
    life, post = begin("open"), Post()
    who = Applying(life)
    who.send()
    (receipt,) = sent_to(life, post, NEW)
    body = message_from_bytes(receipt, policy=policy.default).get_body(("plain",)).get_content()
    change, withdraw = body.index("Change your application:"), body.index("Withdraw your application:")
    assert change < withdraw
    link = next(line.strip() for line in body[change:].splitlines() if "/a/" in line)
    page = who.visitor.get(link).text
    assert "Change your application" in page
    assert "a secret about diversity" in page


def test_what_staff_enter_on_paper_is_copied_to_the_contact(begin: Begin) -> None:
    life, post = begin("open"), Post()
    life.do("receive-application", "staff")
    (receipt,) = sent_to(life, post, "lead-partner@example.org")
    assert "how we show diversity" in copy_in(receipt)
    for recipient, message in post.sent:
        if recipient != "lead-partner@example.org":
            assert b"application.txt" not in message
