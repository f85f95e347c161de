"""Writes the message of a claimed notice once, tries to deliver it, and says what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from notifications.mailers import InDoubt, Mailer, PermanentFailure, TemporaryFailure, Unreachable
from notifications.masking import mask
from workflow import links
from workflow.outbox import copies, digest, message, queue, writing
from workflow.outbox.claims import LEASE, Claimed, is_still_ours
from workflow.outbox.timing import next_send_time
from workflow.outbox.writing import Draft, Material, Writer
from workflow.procedure.config import Config
from workflow.session import Session, System
from workflow.store import tables
from workflow.store.column_types import canonical
from workflow.store.rows import Notice, NoticeStatus


def make_draft(system: System, row: Notice, writer: Writer) -> Draft | None:
    """Return the words of a notice, or the problem why there are none; None if its message is written already."""
    if row.message is not None:
        return None
    with system.reading() as session:
        material = gather(session, row)
    return render(system.config, row, material, writer)


def gather(session: Session, row: Notice) -> Material | Draft:
    """Return what the words of a notice are made of, or a draft with the problem."""
    try:
        return writing.gather(session, row)
    except DBAPIError:
        # This is the trouble of the database, for which the notice is not to blame.
        raise
    except Exception as error:  # noqa: BLE001 - one broken notice must not keep the others from leaving
        return Draft(f"({error})", problem=_explain(error))


def render(config: Config, row: Notice, material: Material | Draft, writer: Writer) -> Draft:
    """Return the words of a notice, or the problem why there are none."""
    if isinstance(material, Draft):
        return material
    try:
        return writer.render(config, row, material)
    except Exception as error:  # noqa: BLE001 - one broken notice must not keep the others from leaving
        return Draft(f"({error})", problem=_explain(error))


def with_message(session: Session, claimed: Claimed, draft: Draft | None, writer: Writer) -> Claimed | None:
    """Return a claimed notice with its message, written now at its first attempt; None if the claim is lost."""
    if not is_still_ours(session, claimed):
        return None
    ready, columns = write(session, claimed, draft, writer)
    if columns:
        session.connection.execute(update(tables.notices).where(claimed.ours).values(columns))
    return ready


def write(
    session: Session, claimed: Claimed, draft: Draft | None, writer: Writer
) -> tuple[Claimed, dict[str, Any]]:
    """Return a claimed notice with its message, written now at its first attempt, and what its row keeps of it.

    The message is stored, so that every attempt sends the same bytes: those that are stored have no signatures, and
    each attempt signs them again.
    """
    row, lease = claimed.row, claimed.lease
    # The message of an earlier attempt is sent as it was, even if the record has changed since.
    if draft is None:
        content = links.sign_again(session.config, row.message or b"", row.to)
        content = copies.enclose(session, row, content)
        return replace(claimed, content=content, subject=row.subject or ""), {}
    try:
        content = writer.finish(session, row, draft, lease - LEASE)
    except Exception as error:  # noqa: BLE001 - one broken notice must not keep the others from leaving
        problem = f"it cannot be written: {_explain(error)}"
        return replace(claimed, problem=problem, subject=draft.subject), {}
    values: dict[str, Any] = {"subject": draft.subject, "message": mask(content)}
    # `shown` is what an answer by mail is judged by, even if the procedure offers something else by then.
    values["shown"] = canonical(draft.material.shown if draft.material else {})
    content = copies.enclose(session, row, content)
    return replace(claimed, content=content, subject=draft.subject), values


def _explain(error: Exception) -> str:
    """Return an error in words: those of our own errors, else with its type."""
    return str(error) if isinstance(error, (writing.CannotWrite, ValueError)) else repr(error)


def send(mailer: Mailer, claimed: Claimed) -> tuple[NoticeStatus, str | None]:
    """Try to deliver a message. Return its new status and the reason for it.

    Raise `Unreachable` if the server refuses everything at the moment, for which this notice is not to blame.
    """
    if claimed.content is None:
        return NoticeStatus.FAILED, claimed.problem
    try:
        mailer.deliver(
            claimed.content, sender=claimed.sender, recipient=claimed.row.to, key=claimed.row.message_id
        )
    # The server may have the message. Sending it again could deliver it twice, so staff decide.
    except InDoubt as error:
        return NoticeStatus.IN_DOUBT, str(error)
    # This is not an attempt, so the caller has to learn of it.
    except Unreachable:
        raise
    # The server has refused the message for good, so another try would get the same answer.
    except PermanentFailure as error:
        return NoticeStatus.DEAD, str(error)
    except (TemporaryFailure, OSError) as error:
        return NoticeStatus.FAILED, str(error)
    except Exception as error:  # noqa: BLE001 - one broken notice must not keep the others from leaving
        return NoticeStatus.FAILED, repr(error)
    return NoticeStatus.SENT, None


def columns_after(
    session: Session, claimed: Claimed, outcome: tuple[NoticeStatus, str | None], now: datetime
) -> tuple[NoticeStatus, dict[str, Any]]:
    """Return the status of a notice after an attempt, and what changes in its row.

    The attempt counts. A failure after the last wait of `retry_minutes` sets the notice aside.
    """
    status, reason = outcome
    attempts = claimed.row.attempts + 1
    waits = session.config.procedure.mail.retry_minutes
    values: dict[str, Any] = {"attempts": attempts, "lease_until": None, "reason": reason}
    # No wait is left, so more tries would go on forever without anybody knowing.
    if status == NoticeStatus.FAILED and attempts > len(waits):
        status = NoticeStatus.DEAD
    if status == NoticeStatus.FAILED:
        values["next_at"] = next_send_time(session.config, now + timedelta(minutes=waits[attempts - 1]))
    if status == NoticeStatus.SENT:
        values["sent_at"] = now
    return status, values | {"status": status}


def tell_outcome(
    session: Session,
    claimed: Claimed,
    status: NoticeStatus,
    reason: str | None,
    now: datetime,
    tell: bool = True,
) -> None:
    """Give the notices of a digest its outcome, and tell staff of a notice that is dead or in doubt."""
    row = claimed.row
    if row.template == message.DIGEST:
        digest.share_outcome(session, row.id, status, now, reason)
    # A report that fails must not cause a report about itself, and so on without end.
    if tell and status in (NoticeStatus.DEAD, NoticeStatus.IN_DOUBT) and row.template != "message-failed":
        _tell_staff(session, claimed, reason, row.attempts + 1, now)


def _tell_staff(session: Session, claimed: Claimed, reason: str | None, attempts: int, now: datetime) -> None:
    """Queue a report to staff that a notice could not be delivered, or may not have been."""
    row = claimed.row
    failure = {
        "recipient": row.to,
        "subject": claimed.subject,
        "reason": reason or "",
        "attempts": attempts,
        "notice_id": row.id,
    }
    queue.tell_staff(session, row.partnership, "message-failed", {"failure": failure}, now)
