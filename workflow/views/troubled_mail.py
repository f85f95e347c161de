"""Shows the office the mail that did not arrive, and the answers that a person has to read.

An applicant is named only as long as the record names them: nobody learns from here who withdrew before a call
closed, or who only asked for a link (4270.8).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy import ColumnElement, String, cast, exists, literal, select

from states.names import Role
from workflow.procedure.checks import SYSTEM_NOTICES
from workflow.session import Session
from workflow.store import tables
from workflow.store.column_types import LARGEST
from workflow.store.rows import Notice, NoticeStatus, ReplyRow, Snapshot, Verdict
from workflow.views import visible_history
from workflow.views.sealing import unopened_rows

MOST = 50  # the most messages, and the most answers, that are shown
RECENT = timedelta(days=30)  # an answer that is older is taken as read
_STUCK = (NoticeStatus.DEAD, NoticeStatus.IN_DOUBT, NoticeStatus.FAILED)
_UNREAD = (Verdict.NOTE, Verdict.REFUSED, Verdict.UNKNOWN)
HANDLED = "handled answer "  # the entry in the directory's changes, before the number of the answer
_APPLICANT = "an applicant"
_WITHHELD = "The reason is not shown, since it may name the applicant."


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that did not arrive, or may not have. `id` is the number of its notice."""

    id: int
    to: str
    role: str
    about: str  # the partnership, or "" for none
    ref: str | None
    subject: str
    status: str
    why: str
    since: datetime
    next_at: datetime | None  # when it is tried again without anybody's help


@dataclass(frozen=True, slots=True)
class Answer:
    """An incoming message that a person has to read. `id` is its number in `partnershipctl replies`.

    `email` is the address to answer to, and `mailto` the link to it; None if there is none, or nobody may know it.
    """

    id: int
    sender: str
    email: str | None
    mailto: str | None
    about: str
    ref: str | None
    why: str
    since: datetime


@dataclass(frozen=True, slots=True)
class TroubledMail:
    """What the office has to look after. `more` says that there is more than is shown."""

    undelivered: tuple[Undelivered, ...]
    answers: tuple[Answer, ...]
    more: bool


def mail(session: Session, now: datetime) -> TroubledMail:
    """Return the messages that did not arrive and the answers of the last days that need a person, newest first."""
    people = _People(session)
    undelivered = [_describe_notice(session, people, row) for row in _read_stuck(session)]
    answers = [_describe_reply(session, people, row, notice) for row, notice in _read_answers(session, now)]
    return TroubledMail(
        tuple(undelivered[:MOST]),
        tuple(answers[:MOST]),
        max(len(undelivered), len(answers)) > MOST,
    )


def _read_stuck(session: Session) -> list[Notice]:
    """Return the notices that did not arrive. One in a digest is left out, since its digest stands for it."""
    table = tables.notices
    query = select(table).where(
        table.c.status.in_(_STUCK), table.c.within.is_(None), table.c.revoked_at.is_(None)
    )
    rows = session.connection.execute(query.order_by(table.c.id.desc()).limit(MOST + 1))
    return list(map(Notice.from_row, rows))


def _read_answers(session: Session, now: datetime) -> list[tuple[ReplyRow, Notice | None]]:
    """Return the answers that need a person, each with the notice that it answers.

    An answer whose sender has since done what the notice asked for needs nobody, nor does one that was handled.
    """
    table, notices, done = tables.replies, tables.notices, tables.answers
    later = exists().where(done.c.notice == table.c.notice, done.c.at > table.c.received_at)
    query = (
        select(table)
        .where(table.c.verdict.in_(_UNREAD), table.c.received_at > now - RECENT, ~later, ~_is_handled())
        .order_by(table.c.id.desc())
        .limit(MOST + 1)
    )
    rows = list(map(ReplyRow.from_row, session.connection.execute(query)))
    keys = {row.notice for row in rows if row.notice}
    answered = session.connection.execute(select(notices).where(notices.c.id.in_(keys)))
    by_id = {row.id: Notice.from_row(row) for row in answered}
    return [(row, by_id.get(row.notice or 0)) for row in rows]


def _is_handled() -> ColumnElement[bool]:
    """Return the condition that somebody has marked an answer as handled."""
    changes = tables.changes
    return exists().where(changes.c.what == literal(HANDLED) + cast(tables.replies.c.id, String))


def waits_for_person(session: Session, key: int) -> bool:
    """Return whether the answer with this number needs a person and was not handled yet."""
    table = tables.replies
    # A larger number would be an error of the database rather than an answer that is not there.
    if not 0 < key <= LARGEST:
        return False
    query = select(table.c.id).where(table.c.id == key, table.c.verdict.in_(_UNREAD), ~_is_handled())
    return session.connection.scalar(query) is not None


def list_handled(session: Session) -> dict[int, tuple[str, datetime]]:
    """Return who has marked which answer as handled, and when, by the number of the answer."""
    table = tables.changes
    query = select(table.c.what, table.c.by, table.c.at).where(table.c.what.startswith(HANDLED))
    return {
        int(row.what.removeprefix(HANDLED)): (row.by, row.at) for row in session.connection.execute(query)
    }


def _describe_notice(session: Session, people: _People, row: Notice) -> Undelivered:
    record, named = people.find_partnership(row.partnership), people.may_name(row)
    attempts = f"{row.attempts} attempt{'s' if row.attempts != 1 else ''}"
    reason = _as_sentence(row.reason, named)
    why = {
        NoticeStatus.DEAD: f"It did not arrive: given up after {attempts}.",
        NoticeStatus.IN_DOUBT: "It may have arrived: the connection broke while it was sent.",
        NoticeStatus.FAILED: f"It has not arrived yet after {attempts}.",
    }[NoticeStatus(row.status)]
    return Undelivered(
        row.id,
        session.name_of(row.to, record.facts if record else None) if named else _APPLICANT,
        row.role,
        _describe_partnership(session, record),
        record.ref if record else None,
        _describe_subject(session, row, named),
        row.status,
        why + reason,
        row.queued_at,
        row.next_at if row.status == NoticeStatus.FAILED else None,
    )


def _describe_subject(session: Session, row: Notice, named: bool) -> str:
    """Return what a notice is about. A subject may name people, so it is shown only if they may be named."""
    if row.subject and named and row.template not in SYSTEM_NOTICES:
        return row.subject
    settings = session.config.deadlines.get(row.template) if row.deadline else None
    if settings is not None:
        return settings.label
    known = row.template in session.config.events
    return session.config.label(row.template) if known else row.template.replace("-", " ").capitalize()


def _describe_reply(session: Session, people: _People, row: ReplyRow, notice: Notice | None) -> Answer:
    record = people.find_partnership(row.partnership)
    named = notice is None or people.may_name(notice)
    sender = session.name_of(row.sender, record.facts if record else None) if row.sender else "somebody"
    what = {
        Verdict.NOTE: "It is in their own words, and is on record as a note.",
        Verdict.REFUSED: "Nothing was done by it.",
        Verdict.UNKNOWN: "We do not know who wrote it.",
    }[Verdict(row.verdict)]
    email = row.sender if named else None
    return Answer(
        row.id,
        sender if named else _APPLICANT,
        email,
        # Its sender wrote the address, which may hold anything.
        f"mailto:{quote(email, safe='@')}" if email else None,
        _describe_partnership(session, record),
        record.ref if record else None,
        what + _as_sentence(row.reason, named),
        row.received_at,
    )


def _as_sentence(reason: str | None, named: bool) -> str:
    """Return a reason as a sentence that follows another one; a server may have put an address into it."""
    if not reason:
        return ""
    return f" {reason[0].upper()}{reason[1:300].rstrip('.')}." if named else f" {_WITHHELD}"


def _describe_partnership(session: Session, record: Snapshot | None) -> str:
    if record is None:
        return ""
    return f"{session.directory.school_name(record.facts.school)}: {record.facts.title}"


@dataclass(frozen=True, slots=True)
class _People:
    """Looks up the partnerships that messages are about, each once, and says which readers may be named."""

    session: Session
    _records: dict[int, Snapshot | None] = field(default_factory=dict)
    _unopened: dict[int, frozenset[int]] = field(default_factory=dict)

    def find_partnership(self, key: int | None) -> Snapshot | None:
        """Return a partnership by its id; None for no id, or a record that cannot be read."""
        if key is None:
            return None
        if key not in self._records:
            table = tables.partnerships
            row = self.session.connection.execute(select(table).where(table.c.id == key)).one()
            try:
                self._records[key] = Snapshot.from_row(row)
            except ValueError:
                self._records[key] = None
        return self._records[key]

    def may_name(self, row: Notice) -> bool:
        """Return whether the office may know to whom a notice went, and what it says about whom.

        A notice about an application that was withdrawn before its call closed names nobody. One to an applicant
        names somebody whose application is on record.
        """
        if row.partnership is None:
            return row.role != Role.APPLICANT
        record = self.find_partnership(row.partnership)
        if record is None:
            return False
        if row.seq is not None and row.seq in self._find_unopened(record):
            return False
        if row.role != Role.APPLICANT:
            return True
        applications = (each for call in record.facts.selections for each in call.applications.values())
        return row.owner in {application.contact_email for application in applications}

    def _find_unopened(self, record: Snapshot) -> frozenset[int]:
        if record.key not in self._unopened:
            rows = visible_history.history_rows(self.session, record)
            self._unopened[record.key] = unopened_rows(record.facts, rows)
        return self._unopened[record.key]
