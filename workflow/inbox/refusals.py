"""Refuses messages for which nothing is done: they are not clear, or cannot be read, or a machine wrote them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from notifications.incoming.consent import Kind
from notifications.incoming.original import words_of
from states.event import ReplyWord
from workflow.inbox.message import TEXT, Judged, Reply, find_doubt, tell_staff, template_values
from workflow.outbox import event_words, queue
from workflow.session import Session
from workflow.store.rows import Verdict

# Words of consent that a message does not offer, in small letters and without accents.
_CONSENTS = (
    "yes",
    "ok",
    "okay",
    "agree",
    "agreed",
    "approve",
    "approved",
    "accept",
    "accepted",
    "si",
    "de acuerdo",
)


def judge_automatic(session: Session, reply: Reply, now: datetime, why: str) -> Judged:
    """Judge a message that a machine seems to have written. Staff hear of it if it may be an answer after all.

    It may be one if it is from the person who was asked for something, to the address of that message, and says
    something. A message that asks for nothing is not answered; so two machines cannot keep each other writing.
    """
    notice = reply.notice
    if notice is not None and notice.offered and reply.incoming.words.first:
        doubt = find_doubt(session, reply, [notice.to])
        if doubt is None:
            tell_staff(session, "reply-note", reply, now, [f"Nothing was done, because {why}."])
    return reply.judged(Verdict.AUTOMATIC, why)


def judge_unreadable(session: Session, reply: Reply, now: datetime) -> Judged:
    """Tell the person, and staff, that an answer has no words that can be read."""
    files = ", ".join(reply.incoming.files)
    with_it = f" It holds only: {files}." if files else ""
    why = f"Your answer has no words of its own that we can read.{with_it} Answer in plain text, unencrypted."
    tell_staff(session, "reply-note", reply, now, ["It has no words that can be read. The sender was told."])
    return refuse(session, reply, now, "", list(reply.answered.offered), [why])


def find_unclear(reply: Reply, meanings: Sequence[ReplyWord]) -> str | None:
    """Return why the word in an answer may not be meant as it stands; None if it is clear."""
    words = reply.incoming.words
    if reply.incoming.reaction:
        return "A picture that was chosen as a reaction answers nothing. Write the word alone."
    if words.unclear is not None:
        return f"The first line is not clear: {words.unclear}. Write the word alone, and nothing else."
    # Text below a word of consent may set a condition, which nobody has accepted. Thanks and a name are none.
    is_alone = reply.incoming.says in (Kind.YES, Kind.SIGN)
    takes_more = any(meaning.below or meaning.name for meaning in meanings)
    if words.below and not is_alone and not takes_more:
        return (
            "There is more text below the word, which may be a condition. To agree, write the word alone. Staff "
            "read the rest."
        )
    return None


def find_typed_name(reply: Reply, name: str) -> str:
    """Return the name that a person typed below the word to sign; "" unless it is theirs and nothing else is there.

    A word alone is no signature. A name that is not on record, or a condition below it, is for the page.
    """
    words = reply.incoming.words
    # A name below the word looks like the signature of a mail program. All that was taken for one counts here,
    # since lines below the name may set a condition.
    lines = [line.strip() for line in f"{words.below}\n{words.dropped}".splitlines() if line.strip()]
    is_own = len(lines) == 1 and bool(words_of(name)) and words_of(lines[0]) == words_of(name)
    return lines[0] if is_own else ""


def is_near(reply: Reply, offered: Collection[str]) -> bool:
    """Return whether an answer in somebody's own words may be meant as one of the words that were offered.

    It may be if that word, or another of consent, stands in its first line, or if it is only a picture.
    """
    words = reply.incoming.words
    said = f" {' '.join(words_of(words.first))} "
    named = any(f" {word} " in said for word in (*offered, *_CONSENTS))
    return bool(offered) and (named or reply.incoming.reaction or not words_of(words.text))


def ask_again(session: Session, reply: Reply, now: datetime, offered: Collection[str]) -> None:
    """Tell the person that nothing was done, and ask once more what was asked."""
    why = f"It is not one of the words asked for. To do it, write one of these alone: {', '.join(offered)}."
    refuse(session, reply, now, reply.incoming.words.first[:100], list(reply.answered.offered), [why])


def refuse(
    session: Session, reply: Reply, now: datetime, word: str, events: Sequence[str], why: Sequence[str]
) -> Judged:
    """Tell the person why nothing was done and how it can be done, at the address on record."""
    notice = reply.answered
    # People know an event by the words on its button, not by its name in the law.
    labels = "; ".join(session.config.label(event) for event in events)
    readable = [event_words.write_reason(session, line) for line in why]
    words = template_values(session, replace(reply, about=labels), readable, word) | {
        "text": reply.incoming.words.below[:TEXT]
    }
    queue.tell(
        session, "reply-refused", notice.to, notice.role, now,
        # The new message has an address of its own and offers the same again, so that a second try can work.
        extra={"offers_again": list(notice.offered), "reply": words},
        partnership=notice.partnership, delegate_for=notice.delegate_for,
    )  # fmt: skip
    return reply.judged(Verdict.REFUSED, " ".join(why))
