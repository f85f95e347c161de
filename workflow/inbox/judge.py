"""Door 4, replies: each message that came back is judged once, in one transaction, and what it asks for is done.

Nothing is done but what the one person answers who was asked, from their own address, with one of the words that
their message offered. Everything else is put on record, and staff are told where they have to act. A stranger
gets no answer, and nor does a machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError

from notifications.incoming import replies
from notifications.incoming.letterboxes import Letter, Letterbox
from notifications.incoming.quoting import plain
from notifications.incoming.replies import Incoming
from notifications.links import Forged
from states.errors import BadInput, Refused
from states.event import ReplyWord
from states.machine import event_named, row_of
from workflow.actions.action import Action, LinkClosed, act, find_action
from workflow.engine import Conflict
from workflow.inbox.bounces import bounced, cleared
from workflow.inbox.message import (
    BUSY,
    TEXT,
    Judged,
    Reply,
    about,
    doubt_about,
    named,
    seen,
    tell,
    template_values,
    too_many,
)
from workflow.links import Claim
from workflow.outbox import queue
from workflow.session import Session, System
from workflow.store import tables
from workflow.store.database import StoreError
from workflow.store.rows import Channel, Notice, Verdict

AT_ONCE = 50  # messages in one look, so that a flood holds up neither deadlines nor mail


def take_in(
    system: System,
    letterbox: Letterbox,
    clock: Callable[[], datetime],
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Judged]:
    """Judge what lies in the letterbox, message by message. Raises `LetterboxFailed`, `StoreError`.

    A message is let go of after its transaction; one that a crash leaves behind counts no second time.
    """
    with letterbox.session():
        for letter in letterbox.letters(AT_ONCE):
            if stop():
                return
            if letter.problem is not None:
                yield Judged(Verdict.REFUSED, letter.problem)
                continue
            judged = take(system, letter, clock())
            letterbox.taken(letter)
            yield judged


def take(system: System, letter: Letter, now: datetime) -> Judged:
    """Judge one message; one that cannot be is recorded with the reason, so that it stands in nobody's way."""
    for last in (False, False, True):
        try:
            return system.transact(partial(_judge, letter=letter, now=now))
        except (StoreError, OperationalError):
            raise
        except Conflict as error:
            problem: Exception = error
            if not last:
                continue  # somebody else moved the partnership just now: judge by how it is
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others are read
            problem = error
        break
    reason = f"it could not be dealt with: {type(problem).__name__}: {problem}"[:500].replace("\x00", "")
    return system.transact(partial(_set_aside, letter=letter, now=now, reason=reason))


def _set_aside(session: Session, letter: Letter, now: datetime, reason: str) -> Judged:
    digest = hashlib.sha256(letter.content).hexdigest()
    if _known(session, digest):
        return Judged(Verdict.REPEATED, "it has been read before")
    table = tables.replies
    values = {"digest": digest, "received_at": now, "message": letter.content, "verdict": Verdict.REFUSED}
    made = session.connection.execute(insert(table).values(**values, reason=reason))
    nobody = Reply(_key(made), digest, Incoming(), letter.whole)
    tell(session, "reply-doubtful", nobody, now, [reason])
    return Judged(Verdict.REFUSED, reason)


def _known(session: Session, digest: str) -> bool:
    table = tables.replies
    return session.connection.scalar(select(table.c.id).where(table.c.digest == digest)) is not None


def _key(made: Any) -> int:
    return int(made.inserted_primary_key[0])


def _judge(session: Session, letter: Letter, now: datetime) -> Judged:
    digest = hashlib.sha256(letter.content).hexdigest()
    if _known(session, digest):
        return Judged(Verdict.REPEATED, "it has been read before")
    mail = session.config.procedure.mail
    incoming = replies.read(letter.content, mail.authserv if mail.trust == "dmarc" else "")
    table = tables.replies
    made = session.connection.execute(
        insert(table).values(
            digest=digest,
            message_id=incoming.message_id,
            received_at=now,
            sender=incoming.sender,
            verdict=Verdict.UNKNOWN,
            text=incoming.words.text or None,
            message=letter.content,
        )
    )
    reply = Reply(_key(made), digest, incoming, letter.whole)
    judged = _verdict(session, reply, now)
    values = {name: getattr(judged, name) for name in ("verdict", "reason", "notice", "partnership")}
    session.connection.execute(update(table).where(table.c.id == reply.id).values(**values))
    return judged


def _verdict(session: Session, reply: Reply, now: datetime) -> Judged:
    """What is to be thought of a message, and that done."""
    incoming = reply.incoming
    if incoming.bounce is not None:
        return bounced(session, reply, now)
    found = named(session, incoming)
    if len(found) == 1:
        reply = about(session, reply, found[0])
    if seen(session, reply):
        return reply.judged(Verdict.REPEATED, "a message with its Message-ID has been read before")
    if incoming.calendar:
        return reply.judged(Verdict.AUTOMATIC, "it answers an invitation")
    if incoming.automatic is not None:
        return reply.judged(Verdict.AUTOMATIC, incoming.automatic)
    if too_many(session, reply, now):
        return reply.judged(Verdict.AUTOMATIC, f"there were more than {BUSY} from this sender within an hour")
    if incoming.to and not found:
        return reply.judged(Verdict.UNKNOWN, "the address it came to is none that we gave to anybody")
    if not found:
        return _unaddressed(session, reply, now)
    if doubt := doubt_about(session, reply, [row.to for row in found]):
        tell(session, "reply-doubtful", reply, now, [doubt])
        return reply.judged(Verdict.REFUSED, doubt)
    cleared(session, str(incoming.sender))
    if reply.notice is None:
        return _note(
            session, reply, now, "It came to the addresses of several messages, so it answers none of them."
        )
    return _answer(session, reply, now)


def _unaddressed(session: Session, reply: Reply, now: datetime) -> Judged:
    """A message that came to no notice's own address: a note if somebody we know wrote it."""
    sender = reply.incoming.sender
    table = tables.notices
    mine = select(table).where(table.c.to == sender, table.c.message_id.in_(reply.incoming.answers))
    row = session.connection.execute(mine.order_by(table.c.id.desc())).first() if sender else None
    if row is not None:
        reply = about(session, reply, Notice.from_row(row))
    elif sender not in session.directory.people:
        return reply.judged(
            Verdict.UNKNOWN, "it is from somebody we do not know, and answers none of our messages"
        )
    if doubt := doubt_about(session, reply, []):
        if row is not None:
            tell(session, "reply-doubtful", reply, now, [doubt])
        return reply.judged(Verdict.REFUSED, doubt)
    return _note(
        session, reply, now, "It did not come to the address for answers to one message.", record=False
    )


def _answer(session: Session, reply: Reply, now: datetime) -> Judged:
    """A believed message to a notice's own address: an answer if its first line is a word that was offered."""
    notice, word = reply.answered, plain(reply.incoming.words.first)
    offered = {event: event_named(event).reply_words for event in notice.offered}
    meant = {event: words[word] for event, words in offered.items() if word in words}
    if not meant or reply.ref is None:
        return _note(session, reply, now)
    asks: list[tuple[Action, ReplyWord]] = []
    closed: LinkClosed | None = None
    for event, stands in meant.items():
        try:
            asks.append((_ask(session, reply, event, now), stands))
        except LinkClosed as error:
            closed = closed or error
        except Forged:
            return reply.judged(Verdict.UNKNOWN, "there is no such message any more")
    if not asks:
        return _refused(session, reply, now, word, list(meant), [closed.why if closed else ""])
    if len({(stands.event, str(stands.gives)) for _, stands in asks}) > 1:
        return _note(session, reply, now, f"“{word}” could mean several of the things that were asked.")
    return _do(session, reply, now, word, *asks[0])


def _ask(session: Session, reply: Reply, event: str, now: datetime) -> Action:
    """What the person is still asked for, as their message showed it. Raises as `answers.find` does."""
    notice = reply.answered
    claim = Claim(notice.id, event, notice.to, str(reply.ref), notice.offered.get(event))
    if notice.queued_at + timedelta(days=session.config.procedure.web.link_days) <= now:
        raise LinkClosed("expired", "The message is too old to be answered.", claim)
    return find_action(session, claim, now)


def _do(
    session: Session, reply: Reply, now: datetime, word: str, action: Action, stands: ReplyWord
) -> Judged:
    text = reply.incoming.words.below[:TEXT]
    offered = action.claim.event
    label = session.config.label(offered)
    note = f"answered “{word}” to: {label}" if stands.event != offered else None
    values = stands.input(text, session.config.calendar.day(now))
    try:
        with session.connection.begin_nested():
            act(
                session,
                action,
                values,
                channel=Channel.REPLY,
                form=reply.digest,
                now=now,
                event=stands.event,
                note=note,
            )
    except LinkClosed as error:
        return _refused(session, reply, now, word, [offered], [error.why])
    except BadInput as error:
        missing = stands.below in [problem.at for problem in error.problems] and not text
        why = [f"Below “{word}” your reasons are missing. Write them there, in your own words."]
        return _refused(
            session, reply, now, word, [offered], why if missing else [str(p) for p in error.problems]
        )
    except Refused as error:
        return _refused(session, reply, now, word, [offered], [str(unmet) for unmet in error.unmet])
    if stands.event != offered:
        tell(session, "reply-note", replace(reply, about=label), now, [], word)
    return reply.judged(Verdict.DONE, stands.event)


def _refused(
    session: Session, reply: Reply, now: datetime, word: str, events: Sequence[str], why: Sequence[str]
) -> Judged:
    """Tell the person, at the address on record, why nothing was done and how it can be."""
    notice = reply.answered
    labels = "; ".join(session.config.label(event) for event in events)
    readable = [session.config.labeled(line) for line in why]
    words = template_values(session, replace(reply, about=labels), readable, word) | {
        "text": reply.incoming.words.below[:TEXT]
    }
    queue.tell(
        session, "reply-refused", notice.to, notice.role, now,
        extra={"offers_again": list(notice.offered), "reply": words},
        partnership=notice.partnership, delegate_for=notice.delegate_for,
    )  # fmt: skip
    return reply.judged(Verdict.REFUSED, " ".join(why))


def _note(session: Session, reply: Reply, now: datetime, why: str = "", *, record: bool = True) -> Judged:
    """Keep what somebody wrote in their own words, on record where their role may add to it; staff are told."""
    if record and reply.ref is not None:
        _add_note(session, reply, now)
    tell(session, "reply-note", reply, now, [why] if why else [])
    return reply.judged(Verdict.NOTE, why or None)


def _add_note(session: Session, reply: Reply, now: datetime) -> None:
    text = reply.incoming.words.text[:TEXT]
    try:
        action = _ask(session, reply, "", now)
        if text and action.role in row_of("add-note", action.record.state).who:
            with session.connection.begin_nested():
                act(
                    session,
                    action,
                    {"text": text},
                    channel=Channel.REPLY,
                    form=reply.digest,
                    now=now,
                    event="add-note",
                )
    except (LinkClosed, Forged, BadInput, Refused):
        return  # it is kept among the replies all the same
