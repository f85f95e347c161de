"""Judges each message that arrives once, and does what it asks for, in one transaction.

A message causes an event only if the person who was asked sent it, from their own address, to the address of one
notice, and began it with one of the words that the notice offered. Every other message is recorded with its
verdict, and staff are told where they have to act. Strangers and machines get no answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from notifications.incoming import replies
from notifications.incoming.codes import mask_codes
from notifications.incoming.consent import Kind
from notifications.incoming.letterboxes import Letter, Letterbox
from notifications.incoming.quoting import normalize
from notifications.incoming.reader import Reader, Unreadable
from notifications.incoming.replies import Incoming
from notifications.links import Forged
from states.errors import BadInput, Refused
from states.event import ReplyWord
from states.machine import event_named
from workflow.actions.action import Action, LinkClosed, act
from workflow.inbox import begun
from workflow.inbox.aside import READ_BEFORE, digest_of, is_recorded, report_unreadable, set_aside
from workflow.inbox.bounces import judge_bounce
from workflow.inbox.message import (
    BUSY,
    TEXT,
    WITHIN,
    Judged,
    Reply,
    attach_notice,
    find_doubt,
    find_notices,
    is_flood,
    is_repeated,
    is_told_enough,
    tell_staff,
)
from workflow.inbox.notes import find_asked, keep, pass_to_staff
from workflow.inbox.questions import judge_question
from workflow.inbox.refusals import (
    find_typed_name,
    find_unclear,
    judge_automatic,
    judge_unreadable,
    refuse,
)
from workflow.inbox.surroundings import find_surroundings
from workflow.outbox import bounced
from workflow.session import Session, System
from workflow.store import chain, tables
from workflow.store.database import StoreError
from workflow.store.errors import Conflict
from workflow.store.rows import Channel, Verdict

_TOO_OFTEN = f"there were more than {BUSY} from this sender within an hour"
AT_ONCE = 50  # messages that are judged in one tick, so that a flood holds up neither deadlines nor mail
TURN = 1.0  # seconds after which no further message is begun in a tick, for the same reason
_KEPT = 4_000  # bytes of a message that are kept if it cannot be masked
Read = Callable[[bytes, str], Incoming]
Mask = Callable[[bytes], bytes]


def judge_letters(
    system: System,
    letterbox: Letterbox,
    clock: Callable[[], datetime],
    stop: Callable[[], bool] = lambda: False,
    reader: Reader | None = None,
) -> Iterator[Judged]:
    """Judge the messages in the letterbox one by one, and yield each verdict.

    A process with limits reads them: that of `reader`, or else one for this turn. A turn ends after `AT_ONCE`
    messages or `TURN` seconds, but not before the first message, so that a slow server cannot stop all answers.
    A message is marked as seen after its transaction. If the daemon is killed between the two, the message is read
    again, and its digest shows that it was judged before. Raise `LetterboxFailed` or `StoreError` if the letterbox
    or the database cannot be used.
    """
    with letterbox.session(), nullcontext(reader) if reader else Reader() as limited:
        # A login can take longer than a turn: Dovecot lets everybody wait whose last login failed.
        last = time.monotonic() + TURN
        for place, letter in enumerate(letterbox.letters(AT_ONCE)):
            if stop() or (place > 0 and time.monotonic() > last):
                return
            if letter.problem is not None:
                report = partial(report_unreadable, letter=letter, now=clock())
                yield system.transact(report, exclusive="replies")
                continue
            judged = judge_letter(system, letter, clock(), limited.read, limited.mask)
            # The order matters: a message that was marked first
            # would be lost by a crash before its transaction ends.
            letterbox.mark_seen(letter)
            yield judged


def judge_letter(
    system: System, letter: Letter, now: datetime, read: Read | None = None, mask: Mask = mask_codes
) -> Judged:
    """Judge one message.

    1. Record that it is begun. One that was begun before and ended its reader each time is set aside unread.
    2. Read it, outside any transaction: a stranger decides how long that takes.
    3. Judge it in one transaction. If somebody moved its partnership meanwhile, judge it again by how it is now.
    4. If it cannot be read or judged, record it with the reason, so that it does not come back at every tick.

    `read` reads it in place of `replies.read`, and `mask` masks it in place of `mask_codes`. Raise `StoreError` or
    `OperationalError` if the database cannot be used: the next tick reads the message again.
    """
    digest = digest_of(letter)
    if (reason := _begin(system, digest, now)) == READ_BEFORE:
        return Judged(Verdict.REPEATED, reason, recorded=False)
    kept = replace(letter, content=_mask(letter.content, mask))
    mail = system.config.procedure.mail
    if reason is None:
        try:
            # Without a name of our own server no header about DMARC is believed, since anybody can write one.
            incoming = (read or replies.read)(letter.content, mail.authserv if mail.trust == "dmarc" else "")
            return _judge_again(system, kept, incoming, digest, now)
        # The message is not to blame, so it must not be set aside.
        except (StoreError, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - an error of any kind in one message must not stop the others
            reason = f"it could not be dealt with: {type(error).__name__}: {error}"
    # PostgreSQL stores no text with U+0000, and an error may quote one from the message.
    reason = reason[:500].replace("\x00", "")
    return system.transact(partial(set_aside, letter=kept, digest=digest, now=now, reason=reason))


def _mask(content: bytes, mask: Mask) -> bytes:
    """Return what is kept of a message: all of it, or only its start if masking it takes too long.

    Others read what is kept, so its links must not work.
    """
    try:
        return mask(content)
    except Unreadable as error:
        return mask_codes(content[:_KEPT]) + f"\r\n\r\n(The rest is not kept: {error}.)\r\n".encode()


def _begin(system: System, digest: str, now: datetime) -> str | None:
    """Record that a message is begun; return why it must not be read, None if it may."""

    def begin(session: Session) -> str | None:
        if is_recorded(session, digest):
            begun.end(session, digest)
            return READ_BEFORE
        if not begun.begin(session, digest, now):
            return f"reading it was begun {begun.MOST} times and never came to an end"
        return None

    try:
        return system.transact(begin)
    except IntegrityError:
        # Another daemon began it at the same moment. The one that is later finds it recorded.
        return None


def _judge_again(system: System, letter: Letter, incoming: Incoming, digest: str, now: datetime) -> Judged:
    """Judge a message, up to three times if its partnership moves meanwhile. Raise `Conflict` after the last."""
    judge = partial(_judge, letter=letter, incoming=incoming, digest=digest, now=now)
    for _ in range(2):
        # Somebody moved the partnership at the same moment. Judge the message again by the new state.
        with suppress(Conflict):
            return system.transact(judge)
    return system.transact(judge)


def _judge(session: Session, letter: Letter, incoming: Incoming, digest: str, now: datetime) -> Judged:
    """Record a message, whose content is masked by now, judge it, and add the verdict to its row.

    The row comes first, since the notices to staff name it by its number.
    """
    begun.end(session, digest)
    if is_recorded(session, digest):
        return Judged(Verdict.REPEATED, READ_BEFORE, recorded=False)
    incoming = replies.add_words(incoming, find_surroundings(session, incoming))
    table = tables.replies
    (key,) = chain.execute(
        session.connection,
        insert(table).values(
            digest=digest,
            message_id=incoming.message_id,
            received_at=now,
            sender=incoming.sender,
            # The column needs a value until the real verdict is known, later in this transaction.
            verdict=Verdict.UNKNOWN,
            text=incoming.words.text or None,
            message=letter.content,
        ),
    )
    reply = Reply(key, digest, incoming, letter.whole and incoming.whole)
    judged = _classify(session, reply, now)
    values = {name: getattr(judged, name) for name in ("verdict", "reason", "notice", "partnership")}
    chain.execute(session.connection, update(table).where(table.c.id == reply.id).values(**values))
    return judged


def _classify(session: Session, reply: Reply, now: datetime) -> Judged:
    """Classify an incoming message and act on it.

    1. A report that a message did not arrive marks an address (`judge_bounce`).
    2. A message that was judged before, or that a machine wrote, does nothing and gets no answer. This check comes
       before anything that sends mail, so that two machines cannot keep each other writing.
    3. A message that did not come to the address of a notice is a question for staff (`judge_question`).
    4. If it may not be from the person who was asked, tell staff and do nothing.
    5. A message to the addresses of several notices is a note for staff.
    6. A message to the address of one notice is an answer (`_judge_answer`).
    """
    incoming = reply.incoming
    if incoming.bounce is not None:
        return judge_bounce(session, reply, now)
    notices = find_notices(session, incoming)
    # A message to several notices could mean any of them, so it gets none.
    if len(notices) == 1:
        reply = attach_notice(session, reply, notices[0])
    if is_repeated(session, reply):
        return reply.judged(Verdict.REPEATED, "a message with its Message-ID has been read before")
    # A mail program writes this when somebody presses "accept", which is not consent to anything.
    if incoming.calendar:
        return judge_automatic(session, reply, now, "it answers an invitation")
    if incoming.automatic is not None:
        return judge_automatic(session, reply, now, incoming.automatic)
    if not notices:
        return judge_question(session, reply, now)
    if doubt := find_doubt(session, reply, [notice.to for notice in notices]):
        if not is_told_enough(session, reply, now):
            tell_staff(session, "reply-doubtful", reply, now, [doubt])
        return reply.judged(Verdict.REFUSED, doubt)
    # Only after all doubts: forged messages must not use up what the person may write.
    if is_flood(session, reply, now):
        return _hold_back(session, reply, now)
    # Only after all doubts: a forged message must not take the mark from an address.
    bounced.clear(session, str(incoming.sender))
    if reply.notice is None:
        return pass_to_staff(
            session, reply, now, "It came to the addresses of several messages, so it answers none of them."
        )
    return _judge_answer(session, reply, now)


def _hold_back(session: Session, reply: Reply, now: datetime) -> Judged:
    """Keep a message of a sender who writes too often, unanswered. Staff hear of the first one in an hour."""
    table = tables.replies
    recent = select(table.c.id).where(
        table.c.sender == reply.incoming.sender,
        table.c.reason == _TOO_OFTEN,
        table.c.received_at > now - WITHIN,
    )
    if session.connection.scalar(recent) is None:
        tell_staff(session, "reply-doubtful", reply, now, [f"{_TOO_OFTEN[0].upper()}{_TOO_OFTEN[1:]}."])
    return reply.judged(Verdict.AUTOMATIC, _TOO_OFTEN)


def _judge_answer(session: Session, reply: Reply, now: datetime) -> Judged:
    """Act on a believed message to the address of one notice.

    1. Find the offered events whose reply words include the first line, or the yes or no that all of it says. If
       there is none, it is a note, and the person is asked again. If it is not clear that the word is meant, staff
       read it, and the person is asked.
    2. Drop the events that the person can no longer do. If none remains, tell the person why.
    3. If the word still means different things, it is a note: staff have to ask what was meant.
    4. Do the event.
    """
    notice, word = reply.answered, normalize(reply.incoming.words.first)
    # Read what this very message offered: the procedure may offer other events by now.
    offered = {event: event_named(event).reply_words for event in notice.offered}
    meant = {event: words[word] for event, words in offered.items() if word in words}
    if not meant and reply.incoming.says:
        word, meant = reply.incoming.says, _find_meant(reply.incoming.says, offered)
    if not reply.incoming.words.text and notice.offered and reply.ref is not None:
        return judge_unreadable(session, reply, now)
    # A free answer is welcome too. People do not always use one of the words.
    if not meant or reply.ref is None:
        return keep(session, reply, now, offered)
    if unclear := find_unclear(reply, list(meant.values())):
        pass_to_staff(session, reply, now, unclear)
        return refuse(session, reply, now, word, list(meant), [unclear])
    actions: list[tuple[Action, ReplyWord]] = []
    closed: LinkClosed | None = None
    for event, meaning in meant.items():
        try:
            actions.append((find_asked(session, reply, event, now), meaning))
        except LinkClosed as error:
            closed = closed or error
        except Forged:
            return reply.judged(Verdict.UNKNOWN, "there is no such message any more")
    if not actions:
        return refuse(session, reply, now, word, list(meant), [closed.why if closed else ""])
    # Several offers may share a word. That is clear as long as the word does the same for each of them.
    if len({(meaning.event, str(meaning.gives)) for _, meaning in actions}) > 1:
        return pass_to_staff(
            session, reply, now, f"“{word}” could mean several of the things that were asked."
        )
    return _do(session, reply, now, word, *actions[0])


def _find_meant(says: Kind, offered: Mapping[str, Mapping[str, ReplyWord]]) -> dict[str, ReplyWord]:
    """Return what a yes or no in other words means for the events that ask for an agreement or a signature.

    A finding also has a yes and a no, but those answer another question.
    """
    return {
        event: words[says]
        for event, words in offered.items()
        if says in words and not words.keys().isdisjoint((Kind.YES, Kind.SIGN))
    }


def _do(
    session: Session, reply: Reply, now: datetime, word: str, action: Action, meaning: ReplyWord
) -> Judged:
    """Do the event that a reply word means, or tell the person why it cannot be done.

    A word may mean another event than the one that was offered, such as a refusal. Staff are told then.
    """
    # The text is cut, so that one message cannot fill the record.
    text = reply.incoming.words.below[:TEXT]
    offered = action.claim.event
    label = session.config.label(offered)
    note = f"answered “{word}” to: {label}" if meaning.event != offered else None
    if meaning.name:
        name = session.name_of(action.reader, action.record.facts)
        text = find_typed_name(reply, name)
        if not text:
            nameless = f"Your signature is your name. Write it in full on the line below “{word}”: {name}."
            return refuse(session, reply, now, word, [offered], [nameless])
    values = meaning.input(text, session.config.calendar.day(now))
    try:
        # A savepoint: if the law refuses the event, the row of the message must still be written.
        with session.connection.begin_nested():
            act(
                session,
                action,
                values,
                channel=Channel.REPLY,
                form=reply.digest,
                now=now,
                event=meaning.event,
                note=note,
            )
    except LinkClosed as error:
        return refuse(session, reply, now, word, [offered], [error.why])
    except BadInput as error:
        # The law names a field of a form, which a reply does not have. Say where in the mail the reasons go.
        missing = meaning.below in [problem.at for problem in error.problems] and not text
        why = [f"Below “{word}” your reasons are missing. Write them there, in your own words."]
        # Staff have to know of an objection, also while it has no reasons.
        if missing and meaning.event != offered:
            said = (
                f"They answered “{word}” and gave no reasons. Nothing was recorded, and they were asked why."
            )
            tell_staff(session, "reply-note", replace(reply, about=label), now, [said])
        return refuse(
            session, reply, now, word, [offered], why if missing else [str(p) for p in error.problems]
        )
    except Refused as error:
        return refuse(session, reply, now, word, [offered], [str(unmet) for unmet in error.unmet])
    # A "no" only records a note, so staff have to decide what follows.
    if meaning.event != offered:
        tell_staff(session, "reply-note", replace(reply, about=label), now, [], word)
    return reply.judged(Verdict.DONE, meaning.event)
