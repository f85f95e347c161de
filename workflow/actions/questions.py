"""Lets anybody ask a question about an open call: keeps it aside, mails a link, and records it once confirmed.

Only somebody who reads mail at the address can press the link. The address stays aside with the question: it is no
part of the record, and the answer is mailed to it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import Row, delete, insert, select, update

from notifications.errors import ServiceError
from states.addresses import mailbox
from states.chapters.questions import LONGEST_QUESTION
from states.errors import BadInput, Problem
from states.inputs import check_text
from states.names import Role
from workflow import engine, links
from workflow.actions import asked_mail, call_limits
from workflow.links import Asker
from workflow.outbox import bounced, queue
from workflow.session import Session
from workflow.store import chain, loading, tables
from workflow.store.rows import Channel, Snapshot

MOST_ASKED = 100  # the messages with links to questions about one call that leave in an hour at once
MOST_OF_MAILBOX = 5  # the most questions of one mailbox about one call in a day
MOST_OF_CALL = 100  # the most questions about one call
KEPT_FOR = timedelta(days=links.ASK_DAYS)  # how long a question waits for its address to be confirmed
_DAY = timedelta(days=1)
_TABLE = tables.asked_questions


class TooMany(ServiceError):
    """The call has too many questions, or too many of this mailbox. Nothing is recorded."""


class QuestionOver(ServiceError):
    """The question is not kept any more, or its call takes no questions."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as somebody typed it. `seq` is its row of the history, None until the address is confirmed."""

    name: str
    email: str
    text: str
    asked_at: datetime
    seq: int | None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Make it from a row of the table."""
        return cls(row.name, row.email, row.text, row.asked_at, row.seq)


def check_question(text: str) -> None:
    """Raise `BadInput` for a question that is empty, too long or has characters that nobody can read."""
    if not text:
        raise BadInput([Problem("text", "there is no question", "a few sentences")])
    if len(text) > LONGEST_QUESTION:
        wrong = f"it has {len(text):,} characters"
        raise BadInput([Problem("text", wrong, f"at most {LONGEST_QUESTION:,}")])
    check_text(text, "text")


def ask(session: Session, record: Snapshot, email: str, text: str, now: datetime) -> None:
    """Keep a question aside and queue the message with the link that confirms it, unless it is too soon for one."""
    chain.execute(
        session.connection, delete(_TABLE).where(_TABLE.c.seq.is_(None), _TABLE.c.asked_at < now - KEPT_FOR)
    )
    slot = asked_mail.find_slot(session, "question-link", record.id, email, now, MOST_ASKED)
    if slot is None:
        return
    name = secrets.token_hex(8)
    row = {"name": name, "partnership": record.id, "email": email, "text": text, "asked_at": now, "seq": None}
    chain.execute(session.connection, insert(_TABLE).values(row))
    link = links.ask_address(session.config, Asker(record.ref, email, name))
    # The message does not have the question: anybody could have words of their own mailed to anybody.
    extra = {
        "why": "because somebody, most likely you, gave this address to ask a question",
        "offers": [
            {"event": "", "label": "Read the question, and ask it", "url": link, "words": [], "help": ""}
        ],
    }
    queue.tell(
        session, "question-link", email, str(Role.PUBLIC), now,
        extra=extra, partnership=record.id, next_at=slot.at,
    )  # fmt: skip


def find_asked(session: Session, asker: Asker) -> tuple[Asked, Snapshot]:
    """Return the question of a link and its partnership. Raise `QuestionOver` if its call is not open any more."""
    record = loading.load(session.connection, [asker.ref]).get(asker.ref)
    query = select(_TABLE).where(_TABLE.c.name == asker.name, _TABLE.c.email == asker.email)
    row = session.connection.execute(query).first()
    call = record.facts.selection if record else None
    if record is None or row is None or call is None or row.asked_at < call.opened_at:
        raise QuestionOver("the question is not kept any more")
    return Asked.from_row(row), record


def confirm(session: Session, asker: Asker, now: datetime) -> None:
    """Record a question whose address is confirmed; do nothing if it is on record. Raise `TooMany`, `QuestionOver`.

    Raise what `engine.advance` raises, such as `Refused` after the closing.
    """
    asked, record = find_asked(session, asker)
    if asked.seq is not None:
        return
    _check_room(session, record, asked, now)
    change = engine.advance(
        session, record.ref, "ask-question", {"text": asked.text}, str(Role.PUBLIC), Channel.LINK, now
    )
    chain.execute(
        session.connection,
        update(_TABLE).where(_TABLE.c.name == asked.name).values(seq=change.record.version),
    )
    # The link went to this address, so mail arrives there.
    bounced.clear(session, asked.email)


def _check_room(session: Session, record: Snapshot, asked: Asked, now: datetime) -> None:
    """Raise `TooMany` if the call has all the questions that it takes, or this mailbox has asked many in a day."""
    call = record.facts.selection
    query = select(_TABLE.c.email).where(
        _TABLE.c.partnership == record.id, _TABLE.c.seq.is_not(None), _TABLE.c.asked_at > now - _DAY
    )
    lately = [email for email in session.connection.scalars(query) if mailbox(email) == mailbox(asked.email)]
    if call is not None and len(call.questions) >= MOST_OF_CALL:
        raise TooMany("the call has very many questions")
    if len(lately) >= MOST_OF_MAILBOX:
        raise TooMany("you have asked many questions within a day")


def tell_limit(session: Session, ref: str, now: datetime) -> None:
    """Tell staff that a call gets too many questions. The last one was undone with its transaction."""
    record = loading.load(session.connection, [ref]).get(ref)
    if record is not None:
        call_limits.tell_staff(session, record, call_limits.QUESTIONS, MOST_OF_CALL, now)
