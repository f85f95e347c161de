"""What people do from a message, by link or by reply: is it still possible, and then once and no more.

Both doors end here. A claim says which notice asked whom for what; everything else is looked up again when the
answer comes: who the person is now, where the partnership stands, and whether it was done already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from notifications.links import Forged
from states.errors import WrongState
from states.lifecycle import Row
from states.machine import row_of
from states.partnership import Role
from states.standing import COLLECTED, version_read, waiting_on
from workflow import directory, engine, message, outbox, records
from workflow.claims import Claim
from workflow.engine import Change, Record
from workflow.situation import Session

# What one link may do more than once: it adds to the record, or takes the place of what was given before.
AGAIN = frozenset(
    {
        "describe-needs", "receive-application", "declare-conflict", "score-application", "set-outcomes",
        "submit-report", "add-agreement", "add-note", "attach-document",
        "record-assessment", "record-gap", "record-meeting", "record-engagement", "record-responsibility",
    }
)  # fmt: skip
AGAIN_AFTER = timedelta(minutes=5)  # between two fresh messages to the same person about the same partnership
Ending = Literal["used", "expired", "overtaken", "revoked"]


class Closed(Exception):
    """A link or reply that does nothing any more: how it ended, and why, as said to the person."""

    def __init__(self, how: Ending, why: str, claim: Claim) -> None:
        super().__init__(why)
        self.how, self.why, self.claim = how, why, claim


@dataclass(frozen=True, slots=True)
class Ask:
    """What a claim asks of whom, found to be possible. `row` is None where it only shows the partnership.

    `actor` is whose right it is; `through` the delegate who acts for them, if one does.
    """

    claim: Claim
    notice: Any
    record: Record
    row: Row | None
    role: Role
    actor: str
    through: str | None

    @property
    def name(self) -> str:
        """The address of the person who reads and acts."""
        return self.through or self.actor


def find(session: Session, claim: Claim, now: datetime) -> Ask:
    """What a claim asks for. Raises `Closed` where that is over, `Forged` where there was never such a notice."""
    notice, record = _notice_of(session, claim)
    actor, through = notice.delegate_for or claim.person, claim.person if notice.delegate_for else None
    role = Role(notice.role)
    _check_right(session, claim, notice, record, now)
    if not claim.event:
        return Ask(claim, notice, record, None, role, actor, through)
    _check_unused(session, claim)
    row = _check_possible(claim, record, role)
    if claim.read is not None and claim.read != version_read(record.facts, claim.event):
        raise Closed("overtaken", "What you were asked to agree to has been changed since.", claim)
    return Ask(claim, notice, record, row, role, actor, through)


def _notice_of(session: Session, claim: Claim) -> tuple[Any, Record]:
    table = records.notices
    notice = session.connection.execute(select(table).where(table.c.id == claim.notice)).first()
    record = engine.load(session.connection, [claim.ref]).get(claim.ref)
    if notice is None or record is None or (notice.to, notice.partnership) != (claim.person, record.id):
        raise Forged("there is no such notice")
    return notice, record


def _check_right(session: Session, claim: Claim, notice: Any, record: Record, now: datetime) -> None:
    """Whether the person still is what the notice was sent to them as."""
    if notice.revoked_at is not None:
        raise Closed("revoked", "The office has withdrawn this message.", claim)
    people, today = session.directory, session.config.calendar.day(now)
    owner = people.person(notice.delegate_for or claim.person, record.facts)
    if owner is None or Role(notice.role) not in people.roles_of(owner, record.facts):
        raise Closed("revoked", "You no longer have the role in which this was asked of you.", claim)
    if notice.delegate_for and directory.reachable(people, owner, today).email != claim.person:
        raise Closed("revoked", f"You no longer stand in for {owner.name}.", claim)


def _check_unused(session: Session, claim: Claim) -> None:
    if claim.event not in AGAIN and _answered(session, _form_of(claim, claim.event)):
        raise Closed("used", "This has been done already, from this very message.", claim)


def _check_possible(claim: Claim, record: Record, role: Role) -> Row:
    try:
        row = row_of(claim.event, record.state)
    except WrongState:
        raise Closed("overtaken", f"The partnership is in {record.state} by now.", claim) from None
    if role not in row.who:
        raise Closed("overtaken", "It is for others to do by now.", claim)
    collected = claim.event in COLLECTED and claim.event not in AGAIN
    if collected and role not in {waiting.role for waiting in waiting_on(record.facts, claim.event)}:
        raise Closed("overtaken", "It is not waited for any more.", claim)
    return row


def act(
    session: Session,
    ask: Ask,
    values: Mapping[str, Any],
    *,
    channel: Literal["link", "reply"],
    form: str,
    now: datetime,
    event: str | None = None,
    note: str | None = None,
) -> Change:
    """Do what was asked for, inside the session's transaction, and queue a receipt.

    `form` names the form or the reply that was sent, so that it counts once. `event` is another event than the
    one asked for, such as the note that a "no" leaves. Raises `Closed`, and as `engine.advance` does.
    """
    doing = event or ask.claim.event
    key = _form_of(ask.claim, doing, form)
    if _answered(session, key):
        raise Closed("used", "This has been done already.", ask.claim)
    change = engine.advance(
        session, ask.record.ref, doing, values, ask.actor, channel, now,
        role=ask.role, note=note, ran_by=ask.through,
    )  # fmt: skip
    answer = {
        "notice": ask.claim.notice,
        "event": doing,
        "form": key,
        "channel": channel,
        "by": ask.name,
        "at": now,
        "partnership": change.record.id,
        "seq": change.record.version,
    }
    try:
        session.connection.execute(insert(records.answers).values(**answer))
    except IntegrityError:  # somebody else's transaction was first
        raise Closed("used", "This has been done already.", ask.claim) from None
    _receipt(session, ask, change, now)
    return change


def _form_of(claim: Claim, event: str, form: str = "") -> str:
    return f"{claim.notice} {event} {form}" if event in AGAIN else f"{claim.notice} {event}"


def _answered(session: Session, form: str) -> bool:
    table = records.answers
    return session.connection.scalar(select(table.c.id).where(table.c.form == form)) is not None


def _receipt(session: Session, ask: Ask, change: Change, now: datetime) -> None:
    """Tell whoever acted what was recorded, and the absent person for whom it was done."""
    said: dict[str, Any] = {"partnership": change.record.id, "seq": change.record.version}
    outbox.tell(session, "receipt", ask.actor, str(ask.role), now, **said)
    if ask.through is not None:
        outbox.tell(session, "receipt", ask.through, str(ask.role), now, delegate_for=ask.actor, **said)


def since(session: Session, claim: Claim) -> Sequence[Any]:
    """The history of the partnership from the notice on: what happened meanwhile, by whom and when."""
    notice, record = _notice_of(session, claim)
    table = records.history
    query = select(table).where(table.c.partnership == record.id, table.c.at >= notice.queued_at)
    after = table.c.seq > notice.seq if notice.seq is not None else table.c.seq > 0
    return session.connection.execute(query.where(after).order_by(table.c.seq)).all()


def answered_by(session: Session, claim: Claim) -> Any:
    """What was done from this notice for the claim's event, the last time; None if nothing was."""
    table = records.answers
    query = select(table).where(table.c.notice == claim.notice, table.c.event == claim.event)
    return session.connection.execute(query.order_by(table.c.id.desc())).first()


def ask_again(session: Session, claim: Claim, now: datetime) -> int | None:
    """Queue a fresh message for the same ask, to the address on record only. None if one went out just now.

    Raises `Forged` where there was never such a notice, `Closed` where the person has no right any more.
    """
    notice, record = _notice_of(session, claim)
    _check_right(session, claim, notice, record, now)
    table = records.notices
    query = select(table.c.id).where(
        table.c.template == "fresh-link",
        table.c.to == claim.person,
        table.c.partnership == record.id,
        table.c.queued_at > now - AGAIN_AFTER,
    )
    if session.connection.scalar(query) is not None:
        return None
    offers = message.offered(session, notice)
    return outbox.tell(
        session, "fresh-link", claim.person, notice.role, now,
        extra={"offers_again": list(offers)}, partnership=record.id, delegate_for=notice.delegate_for,
    )  # fmt: skip
