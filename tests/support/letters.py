"""Answers to messages that were really written: what a mail program sends when somebody presses reply."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import select

from notifications.incoming.letterboxes import Letter
from notifications.mailers import MaildirMailer
from tests.support.district import Life
from workflow import links
from workflow.inbox import judge
from workflow.inbox.judge import Judged
from workflow.outbox import delivery, writing
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice


def written(session: Session, row: Notice, now: datetime) -> bytes:
    """The message of a notice as it is written now."""
    rendered = writing.render(session.config, row, writing.gather(session, row))
    return writing.finish(session, row, rendered, now)


def delivered(life: Life) -> Any:
    """Let everything that is queued leave."""
    return delivery.deliver(life.system, MaildirMailer(life.system.config.folder / "mail"), lambda: life.now)


def asked_for_needs(life: Life) -> Life:
    """The same life after a statement of needs was written, and those who may agree to it were asked."""
    life.do("describe-needs")
    delivered(life)
    return life


def got(life: Life, template: str, to: str) -> EmailMessage:
    """The last message of a template that somebody has got. Those to all others stay queued."""
    queued = """status = 'queued' AND NOT held AND "to" != :to"""
    life.run(f"UPDATE notices SET held = TRUE, reason = 'later' WHERE {queued}", to=f"{to}@example.org")
    delivered(life)
    life.run("UPDATE notices SET held = FALSE, reason = NULL WHERE reason = 'later'")
    rows = [row for row in life.notices(template) if row["to"] == f"{to}@example.org"]
    assert rows, f"{to} was not told of {template}"
    content = links.sign_again(life.system.config, rows[-1]["message"], rows[-1]["to"])
    return message_from_bytes(content, policy=policy.default)


def answer(asked: EmailMessage, text: str, **headers: str | None) -> bytes:
    """The answer to a message, its text above the quotation; a header is changed by its name with _ for -."""
    original = asked.get_body(("plain",))
    assert original is not None
    quoted = "".join(f"> {line}\r\n" for line in original.get_content().splitlines())
    usual = {
        "Return-Path": f"<{address(asked['To'])}>",
        "From": str(asked["To"]),
        "To": str(asked["Reply-To"]),
        "Subject": f"Re: {asked['Subject']}",
        "Message-ID": f"<answer-{hash((text, str(headers)))}@example.org>",
        "In-Reply-To": str(asked["Message-ID"]),
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    given = usual | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {' '.join(value.split())}" for name, value in given.items() if value is not None]
    body = f"{text}\r\n\r\nOn Mon, Jul 7, 2025, Partnership Office wrote:\r\n\r\n{quoted}"
    return "\r\n".join([*lines, "", body]).encode()


def address(line: Any) -> str:
    return str(line.addresses[0].addr_spec)


def put(folder: Path, content: bytes, name: str = "1.host") -> Path:
    """A message in the Maildir of answers, as a mail server leaves it."""
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "tmp" / name).write_bytes(content)
    return (folder / "tmp" / name).rename(folder / "new" / name)


def comes(life: Life, content: bytes) -> Judged:
    """Let a message come back."""
    return judge.judge_letter(life.system, Letter("1", content), life.now)


def replies(life: Life) -> list[dict[str, Any]]:
    """Every message that came back, the first one first."""
    with life.system.reading() as session:
        rows = session.connection.execute(select(tables.replies).order_by(tables.replies.c.id))
        return [dict(row) for row in rows.mappings()]


@contextmanager
def untouched(life: Life) -> Iterator[None]:
    """Inside the block the partnership must stay as it is, its history and its deadlines too."""
    before = (life.history(), life.deadlines(), life.record)
    yield
    assert (life.history(), life.deadlines(), life.record) == before
    assert life.faults() == []
