"""Checks what a person asks for by a link or a reply, does it once, and queues a receipt.

Links and replies both end here. A claim says which notice asked which person for which event. Everything else is
looked up again when the answer arrives: the person's role, the state of the partnership, and whether the event was
done before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import select

from notifications.errors import ServiceError
from notifications.links import Forged
from states.errors import WrongState
from states.event import OFFICE, Event
from states.machine import row_of
from states.names import Role, State
from workflow import directory, engine
from workflow.actions import answers
from workflow.change import Change
from workflow.links import Claim
from workflow.outbox import bounced, message, queue
from workflow.outbox.timing import new_notice
from workflow.session import Session, current_time
from workflow.store import loading, tables
from workflow.store.errors import AnsweredAlready
from workflow.store.rows import Channel, HistoryEntry, Notice, Snapshot
from workflow.views import contacts, your_page
from workflow.views.capacities import Capacity
from workflow.views.visibility import Viewer

# The least time between two fresh messages to one person about one partnership.
AGAIN_AFTER = timedelta(minutes=5)
MOST_AGAIN = 3  # the most fresh messages to one person about one partnership in a day
MOST_NEXT = 2  # the most things that a receipt says to do next
AGAIN_FOR = timedelta(days=365)  # a link that is older asks for no fresh message
Ending = Literal["used", "expired", "overtaken", "revoked", "signed-out"]

YOUR_PAGE = "your-page"  # the template of no message: a person started from their own page


class LinkClosed(ServiceError):
    """A link or reply that no longer works: `how` it ended, and `why` in words for the person."""

    def __init__(self, how: Ending, why: str, claim: Claim) -> None:
        super().__init__(why)
        self.how, self.why, self.claim = how, why, claim


@dataclass(frozen=True, slots=True)
class Action:
    """What a person may do from a link or reply, after all checks.

    `row` is the event; it is None for a link that only shows the partnership. `actor` is the email address of the
    person who has the right; `through` is the address of the delegate who acts for that person, or None.
    """

    claim: Claim
    notice: Notice
    record: Snapshot
    row: Event | None
    role: Role
    actor: str
    through: str | None

    @property
    def event(self) -> Event:
        """Return the row of the law. Raise `LookupError` for a link that only shows the partnership."""
        if self.row is None:
            raise LookupError("the link asks for no event")
        return self.row

    @property
    def reader(self) -> str:
        """Return the email address of the person who reads and acts: the delegate's, if there is one."""
        return self.through or self.actor

    @property
    def viewer(self) -> Viewer:
        """Return the person who reads what the link shows."""
        return Viewer(self.role, self.actor, self.through)

    @property
    def capacity(self) -> Capacity:
        """Return the role in which the reader acts, and in whose place."""
        return Capacity(self.record, self.role, self.reader, self.actor if self.through else None)


def find_action(session: Session, claim: Claim, now: datetime) -> Action:
    """Return what a claim asks for, once all checks have passed.

    1. The claim must name a notice on record, sent to this person about this partnership.
    2. An event that can be done only once must not have been done from this notice.
    3. The person must still have the role, or still stand in for the owner of the notice.
    4. The call of the notice must not have been replaced by another round.
    5. The event must be possible in the present state and still be this role's to do.
    6. What the person was asked to agree to must not have changed since.

    Raise `Forged` if step 1 fails, `LinkClosed` if a later one does.
    """
    notice, record = notice_of(session, claim)
    actor, through = notice.delegate_for or claim.person, claim.person if notice.delegate_for else None
    role = Role(notice.role)
    # Before the right: a person who has lost the role since may still learn that their answer was recorded.
    _check_unused(session, claim, notice)
    _check_right(session, claim, notice, record, now)
    _check_round(session, claim, notice, record)
    if not claim.event:
        return Action(claim, notice, record, None, role, actor, through)
    row = _check_possible(claim, record, role)
    if not contacts.can_do(session.directory, record.facts, actor, role, row.name):
        raise LinkClosed("revoked", "You no longer have the right in which this was asked of you.", claim)
    # A delegate may not read what is sealed, and so cannot write it in place of its author.
    if row.sealed and through is not None:
        raise LinkClosed("revoked", "An application is its author's alone.", claim)
    # Nobody agrees to a text that they have not seen (4270.7, 4270.10).
    if claim.read is not None and claim.read != row.version_read(record.facts):
        raise LinkClosed("overtaken", "What you were asked to agree to has been changed since.", claim)
    return Action(claim, notice, record, row, role, actor, through)


def notice_of(session: Session, claim: Claim) -> tuple[Notice, Snapshot]:
    """Return the notice of a claim and its partnership. Raise `Forged` if there was never such a notice."""
    record = loading.load(session.connection, [claim.ref]).get(claim.ref)
    if claim.sign_in is not None:
        if record is None:
            raise Forged("there is no such partnership")
        return _stand_in_notice(session, claim, record), record
    table = tables.notices
    row = session.connection.execute(select(table).where(table.c.id == claim.notice)).first()
    # The signature proves only that we made the link.
    # The notice must also have gone to this person about this partnership.
    if row is None or record is None or (row.to, row.partnership) != (claim.person, record.id):
        raise Forged("there is no such notice")
    return Notice.from_row(row), record


def _stand_in_notice(session: Session, claim: Claim, record: Snapshot) -> Notice:
    """Return what stands for the notice where a person started from their own page: it asks for nothing.

    It is not stored and never sent. It is as old as the page, so that what the page shows of an earlier round ends.
    """
    made = new_notice(session.config, YOUR_PAGE, claim.person, claim.role, claim.signed_at or current_time())
    of_claim = {"id": 0, "attempts": 0, "partnership": record.id, "delegate_for": claim.delegate_for}
    values: dict[str, Any] = dict.fromkeys(Notice._fields) | made | of_claim
    return Notice(**values)


def _check_right(session: Session, claim: Claim, notice: Notice, record: Snapshot, now: datetime) -> None:
    """Raise `LinkClosed` if the notice is revoked, or the person has lost its role or delegation."""
    if notice.revoked_at is not None:
        raise LinkClosed("revoked", "The office has withdrawn this message.", claim)
    people, today = session.directory, session.config.calendar.day(now)
    owner = people.person(notice.delegate_for or claim.person, record.facts)
    # Look the role up now. A link must not outlive the right that it was sent for.
    if owner is None or Role(notice.role) not in people.roles_of(owner, record.facts):
        raise LinkClosed("revoked", "You no longer have the role in which this was asked of you.", claim)
    if notice.delegate_for and directory.find_reachable(people, owner, today).email != claim.person:
        raise LinkClosed("revoked", f"You no longer stand in for {owner.name}.", claim)


def _check_round(session: Session, claim: Claim, notice: Notice, record: Snapshot) -> None:
    """Raise `LinkClosed` if the call started over since the notice.

    The office still sees the page of the partnership. Everybody else had their role in the earlier round.
    """
    if claim.event or notice.capacity not in OFFICE:
        restarted = _last_restart(session, record)
        if restarted is not None and not _is_after(notice, restarted):
            raise LinkClosed("overtaken", "The search for a Lead Partner has started over since.", claim)


def _last_restart(session: Session, record: Snapshot) -> HistoryEntry | None:
    """Return the row of the history with which the present round began; None in the first round."""
    if not record.facts.earlier_selections:
        return None
    table = tables.history
    query = select(table).where(
        table.c.partnership == record.id,
        table.c.from_state == State.OPEN_SELECTION.value,
        table.c.to_state == State.NEEDS_IDENTIFIED.value,
    )
    row = session.connection.execute(query.order_by(table.c.seq.desc())).first()
    return HistoryEntry.from_row(row) if row else None


def _is_after(notice: Notice, row: HistoryEntry) -> bool:
    """Return whether a notice was made for the round that this row of the history began."""
    if notice.seq is None:
        # Of two at the same instant, count the notice as the older one, so that its links end.
        return notice.queued_at > row.at
    # The message about the new start asks the office for its next step. To all others it tells of the end.
    return notice.seq > row.seq or (notice.seq == row.seq and notice.capacity in OFFICE)


def has_right(session: Session, claim: Claim, now: datetime) -> bool:
    """Return whether the notice is valid for this round and the person has its role, and so may read the news."""
    try:
        notice, record = notice_of(session, claim)
        _check_right(session, claim, notice, record, now)
        if notice.capacity not in OFFICE:
            _check_round(session, claim, notice, record)
    except (LinkClosed, Forged):
        return False
    return True


def _check_unused(session: Session, claim: Claim, notice: Notice) -> None:
    """Raise `LinkClosed` if the event can be done only once and was done from this notice."""
    if not claim.event or not answers.is_once(session, claim, notice, claim.event):
        return
    if answers.is_answered(session, answers.key_of(session, claim, notice, claim.event, "")):
        raise LinkClosed("used", "This has been done already, from this very message.", claim)


def _check_possible(claim: Claim, record: Snapshot, role: Role) -> Event:
    """Return the event's row in the present state. Raise `LinkClosed` if the event is not this role's to do now."""
    try:
        row = row_of(claim.event, record.state)
    except WrongState:
        raise LinkClosed("overtaken", f"The partnership is in {record.state} by now.", claim) from None
    if role not in row.who:
        raise LinkClosed("overtaken", "It is for others to do by now.", claim)
    # A repeatable event, such as a score, may still be changed by somebody who is no longer waited for.
    collected = row.collected is not None and not row.repeatable
    if collected and role not in {waiting.role for waiting in row.waiting(record.facts)}:
        raise LinkClosed("overtaken", "It is not waited for any more.", claim)
    return row


def act(
    session: Session,
    action: Action,
    values: Mapping[str, Any],
    *,
    channel: Channel,
    form: str,
    now: datetime,
    event: str | None = None,
    note: str | None = None,
    receipt: Mapping[str, Any] | None = MappingProxyType({}),
) -> Change:
    """Do what was asked for, inside the session's transaction, and queue a receipt.

    `form` names the form or the reply that was sent, so that it counts once. `event` replaces the event that was
    asked for: a "no" records a note instead. `receipt` is what its template gets besides; with None, the caller
    writes to the person instead. Raise `LinkClosed`, and what `engine.advance` raises.
    """
    change = _act(session, action, event or action.claim.event, values, channel, form, now, note)
    if receipt is not None:
        _queue_receipt(session, action, [change], now, receipt)
    return change


def act_each(
    session: Session,
    action: Action,
    events: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    form: str,
    now: datetime,
) -> list[Change]:
    """Do the several events of one form, each with its input: all or none of them, with one receipt.

    Raise what `act` raises.
    """
    changes = [
        # The events of one form need different keys, and
        # `was_sent` finds the form by its own part of the key.
        _act(session, action, event, values, Channel.LINK, f"{form} {n}", now, None)
        for n, (event, values) in enumerate(events)
    ]
    _queue_receipt(session, action, changes, now)
    return changes


def _act(
    session: Session,
    action: Action,
    event: str,
    values: Mapping[str, Any],
    channel: Channel,
    form: str,
    now: datetime,
    note: str | None,
) -> Change:
    """Write the event with the answer that keeps it from being done twice. Raise as `act` does."""
    key = answers.key_of(session, action.claim, action.notice, event, form)
    if answers.is_answered(session, key):
        raise LinkClosed("used", "This has been done already.", action.claim)
    answer = answers.columns(action.claim, key, event, channel=channel, by=action.reader, now=now)
    # The answer is in the same transaction as the event. Its unique key decides between two at once.
    try:
        change = engine.advance(
            session, action.record.ref, event, values, action.actor, channel, now,
            role=action.role, note=note, ran_by=action.through, answer=answer,
        )  # fmt: skip
    except AnsweredAlready:
        raise LinkClosed("used", "This has been done already.", action.claim) from None
    # The link went to this address, so mail arrives there.
    bounced.clear(session, action.reader)
    return change


def _queue_receipt(
    session: Session,
    action: Action,
    changes: Sequence[Change],
    now: datetime,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Queue one receipt for the person who has the right, and one for the delegate who acted, if there is one.

    A receipt offers what waits for its reader next in this partnership.
    """
    seqs = [change.record.version for change in changes]
    capacity = Capacity(changes[-1].record, action.role, action.actor, None)
    following = your_page.list_own_waits(session, [capacity], now)
    extra: dict[str, Any] = {"before": seqs[:-1]} if seqs[1:] else {}
    if following:
        extra["offers_again"] = [task.event for task in following[:MOST_NEXT]]
    recorded: dict[str, Any] = {
        "partnership": changes[-1].record.id,
        "seq": seqs[-1],
        "extra": {**extra, **more} or None,
    }
    # The person with the right always gets a receipt, so that they notice if somebody else uses their link.
    queue.tell(session, "receipt", action.actor, str(action.role), now, **recorded)
    if action.through is not None:
        queue.tell(
            session, "receipt", action.through, str(action.role), now, delegate_for=action.actor, **recorded
        )


def is_since(notice: Notice, row: HistoryEntry) -> bool:
    """Return whether a row of the history was written after the notice, and is not the event it tells of."""
    return row.at >= notice.queued_at and row.seq > (notice.seq or 0)


def send_again(session: Session, claim: Claim, now: datetime) -> int | None:
    """Queue a message with fresh links, to the address on record only, and return the number of the notice.

    Return None if one was queued within `AGAIN_AFTER`, or `MOST_AGAIN` within a day, or the link is older than
    `AGAIN_FOR`. Raise `Forged` if there was never such a notice, `LinkClosed` if the person has lost the role.
    """
    notice, record = notice_of(session, claim)
    _check_right(session, claim, notice, record, now)
    table = tables.notices
    query = select(table.c.queued_at).where(
        table.c.template == "fresh-link",
        table.c.to == claim.person,
        table.c.partnership == record.id,
        table.c.queued_at > now - timedelta(days=1),
    )
    today = list(session.connection.scalars(query))
    too_old = claim.signed_at is not None and claim.signed_at <= now - AGAIN_FOR
    if too_old or len(today) >= MOST_AGAIN or any(at > now - AGAIN_AFTER for at in today):
        return None
    restarted = _last_restart(session, record)
    # What was asked in an earlier round is not asked any more. The person still gets a link to the present page.
    offers = message.offers_of(session, notice) if not restarted or _is_after(notice, restarted) else ()
    return queue.tell(
        session, "fresh-link", claim.person, notice.role, now,
        extra={"offers_again": list(offers)}, partnership=record.id, delegate_for=notice.delegate_for,
    )  # fmt: skip
