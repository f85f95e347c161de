"""Finds what the record need not keep any longer, and what stands in the way of its destruction.

`[retention]` in the configuration gives each class of the record its period. Nothing here writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, func, or_, select

from states.names import State
from workflow.record import holds
from workflow.session import Session
from workflow.store import forgotten, leavers, tables
from workflow.store.rows import DESTROYED, NoticeStatus

RECORD, DOCUMENTS, MESSAGES = "record", "documents", "messages"
OFFICE_MAIL, LEAVERS = "office_mail", "leavers"
# What belongs to one partnership besides its history, and goes with its record.
OF_RECORD = (
    tables.answers, tables.deadlines, tables.drafts, tables.held_applications, tables.asked_questions,
    tables.marks,
)  # fmt: skip
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class Due:
    """What may be destroyed of one class: of one partnership, or (`ref` is None) of none.

    `since` is the day from which the period counts and `due_on` its end, the earliest of several items. `keys` are
    the primary keys of the rows, or the addresses of people. `refused` says what stands in the way.
    """

    class_: str
    ref: str | None
    items: int
    since: date
    due_on: date
    rule: str
    keys: tuple[Any, ...]
    refused: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as a document."""
        return {
            "class": self.class_,
            "ref": self.ref,
            "items": self.items,
            "since": self.since.isoformat(),
            "due_on": self.due_on.isoformat(),
            "rule": self.rule,
            "refused": list(self.refused),
        }


def find_due(session: Session, now: datetime) -> list[Due]:
    """Return everything whose period is over, also what may not be destroyed now, with the reasons.

    1. Collect what belongs to no partnership. Any open hold or request keeps it, since it may be about anything.
    2. Collect what is due of each partnership that has ended: its record, its messages, its documents.
    3. Keep a partnership as a whole if it is on hold, if a request is open, or if mail about it is kept longer.
    """
    finder = _Finder(session, now, holds.find_reasons(session))
    of_none = [
        *finder.find_rows(
            OFFICE_MAIL,
            tables.notices,
            tables.notices.c.queued_at,
            tables.notices.c.partnership.is_(None)
            & (tables.notices.c.to != DESTROYED)
            & tables.notices.c.status.not_in(_WAITING),
        ),
        *finder.find_rows(
            "unknown_mail",
            tables.replies,
            tables.replies.c.received_at,
            tables.replies.c.partnership.is_(None),
        ),
        *finder.find_rows("sign_ins", tables.sign_ins, tables.sign_ins.c.seen_at),
        *finder.find_leavers(),
    ]
    ended = finder.find_ended(of_none)
    whole = {due.ref for due in ended if due.class_ == RECORD}
    parts = [
        *finder.find_rows("drafts", tables.drafts, tables.drafts.c.saved_at),
        *finder.find_rows(
            "held_applications", tables.held_applications, tables.held_applications.c.set_aside_at
        ),
        *finder.find_rows("questions", tables.asked_questions, tables.asked_questions.c.asked_at),
    ]
    # The record takes them along.
    return [*ended, *(due for due in parts if due.ref not in whole), *of_none]


_WAITING = (NoticeStatus.QUEUED, NoticeStatus.FAILED)


@dataclass(frozen=True, slots=True)
class _Finder:
    session: Session
    now: datetime
    reasons: Mapping[str | None, list[str]]

    def _cut(self, class_: str) -> datetime:
        """Return the last instant from which the period of a class is over by now."""
        keep = self.session.config.procedure.retention.classes[class_].keep
        return keep.before(self.now, self.session.config.calendar)

    def _due(self, class_: str, ref: str | None, items: int, since: datetime, keys: Iterable[Any]) -> Due:
        calendar = self.session.config.calendar
        settings = self.session.config.procedure.retention.classes[class_]
        return Due(
            class_,
            ref,
            items,
            calendar.day(since),
            calendar.day(settings.keep.after(since, calendar)),
            settings.rule,
            tuple(keys),
            self._refused(ref),
        )

    def _refused(self, ref: str | None) -> tuple[str, ...]:
        of_all = self.reasons.get(None, [])
        if ref is not None:
            return (*of_all, *self.reasons.get(ref, []))
        others = [f"{other}: {why}" for other, each in self.reasons.items() if other for why in each]
        return (*of_all, *(f"it may belong to a partnership that is kept, {why}" for why in others))

    def find_rows(
        self, class_: str, table: Table, at: ColumnElement[Any], *where: ColumnElement[bool]
    ) -> list[Due]:
        """Return the rows of a table whose instant lies before the end of their period, by partnership."""
        keys = list(table.primary_key)
        of = table.c.get("partnership")
        about = tables.partnerships
        ref = select(about.c.ref).where(about.c.id == of).scalar_subquery() if of is not None else None
        columns = [*keys, at.label("since_"), *([ref.label("ref_")] if ref is not None else [])]
        query = select(*columns).where(at <= self._cut(class_), *where).order_by(at)
        by_ref: dict[str | None, list[Row[Any]]] = {}
        for row in self.session.connection.execute(query):
            by_ref.setdefault(row.ref_ if ref is not None else None, []).append(row)
        return [
            self._due(class_, each, len(rows), rows[0].since_, (tuple(row)[: len(keys)] for row in rows))
            for each, rows in sorted(by_ref.items(), key=lambda item: item[0] or "")
        ]

    def find_ended(self, of_none: Iterable[Due]) -> list[Due]:
        """Return what is due of each partnership that has ended."""
        table = tables.partnerships
        query = select(table.c.id, table.c.ref, table.c.entered_at).where(table.c.state == State.TERMINATED)
        destroyed = {
            key for each in of_none if each.class_ == OFFICE_MAIL and not each.refused for (key,) in each.keys
        }
        rows = sorted(self.session.connection.execute(query), key=lambda row: row.ref)
        problems = {
            row.id: (*self._refused(row.ref), *self._find_kept_mail(row.id, destroyed)) for row in rows
        }
        going = [row.id for row in rows if row.entered_at <= self._cut(DOCUMENTS) and not problems[row.id]]
        due = []
        for row in rows:
            counted: dict[str, Callable[[int], tuple[int, tuple[Any, ...]]]] = {
                RECORD: self._count_record,
                DOCUMENTS: partial(self._find_documents, going),
                MESSAGES: self._count_messages,
            }
            due += [
                replace(self._due(class_, row.ref, items, row.entered_at, keys), refused=problems[row.id])
                for class_, count in counted.items()
                if row.entered_at <= self._cut(class_)
                for items, keys in [count(row.id)]
                if items
            ]
        return due

    def _count_record(self, key: int) -> tuple[int, tuple[Any, ...]]:
        table = tables.history
        left = ~table.c.input.startswith(forgotten.MARK, autoescape=True)
        if not (rows := self._count(table, table.c.partnership == key, left)):
            return 0, ()
        return rows + sum(self._count(each, each.c.partnership == key) for each in OF_RECORD), (key,)

    def _count_messages(self, key: int) -> tuple[int, tuple[Any, ...]]:
        notices = tables.notices
        count = self._count(notices, notices.c.partnership == key, notices.c.to != DESTROYED)
        others = (tables.replies, tables.calendar_entries)
        return count + sum(self._count(each, each.c.partnership == key) for each in others), (key,)

    def _count(self, table: Table, *where: ColumnElement[bool]) -> int:
        return self.session.connection.scalar(select(func.count()).select_from(table).where(*where)) or 0

    def _find_documents(self, going: Sequence[int], key: int) -> tuple[int, tuple[Any, ...]]:
        """Return the digests of the documents that this partnership names and none that keeps its own."""
        mine = self._named(tables.history.c.partnership == key)
        kept = {
            digest
            for digest in self.session.connection.scalars(select(tables.documents.c.sha256))
            if digest in mine
        }
        # The same file may be attached to several partnerships, and is kept once.
        keys = kept - self._named(tables.history.c.partnership.not_in([key, *going])) if kept else kept
        return len(keys), tuple(sorted(keys))

    def _named(self, where: ColumnElement[bool]) -> set[str]:
        """Return everything in these rows of the history that looks like the digest of a document."""
        table = tables.history
        named: set[str] = set()
        query = select(table.c.input, table.c.setting).where(where, _has_digest(table))
        for row in self.session.connection.execute(query.execution_options(yield_per=100)):
            named.update(_DIGEST.findall(row.input), _DIGEST.findall(row.setting))
        return named

    def _find_kept_mail(self, key: int, destroyed: set[int]) -> list[str]:
        """Return why the messages of a partnership must wait: some have not left, or a digest tells of them."""
        table = tables.notices
        digest = table.alias("digest")
        waiting = self._count(table, table.c.partnership == key, table.c.status.in_(_WAITING))
        query = (
            select(digest.c.id, digest.c.queued_at)
            .join(table, table.c.within == digest.c.id)
            .where(table.c.partnership == key, digest.c.to != DESTROYED)
        )
        kept = [row for row in self.session.connection.execute(query) if row.id not in destroyed]
        problems = [f"{waiting} messages about it have not left"] if waiting else []
        if kept:
            last = self.session.config.calendar.day(max(row.queued_at for row in kept))
            problems.append(f"a daily message of {last} tells of it and is kept longer, see office_mail")
        return problems

    def find_leavers(self) -> list[Due]:
        """Return the people who have left the directory and whom no record names any more."""
        people = tables.people
        active = {row.email: row.active for row in self.session.connection.execute(select(people))}
        left, _ = leavers.read_leavers(self.session.connection, active)
        cut = self._cut(LEAVERS)
        due = []
        for email, at in sorted(left.items()):
            if email in active or at > cut or self._is_named(email):
                continue
            due.append(
                self._due(LEAVERS, None, self._count(tables.changes, names_person(email)), at, [email])
            )
        return due

    def _is_named(self, email: str) -> bool:
        """Return whether a partnership or the entry of somebody else still names a person."""
        history, changes = tables.history, tables.changes
        of_others = changes.c.what.startswith("people ") & (changes.c.what != f"people {email}")
        return bool(
            self._count(
                history,
                or_(
                    history.c.actor == email,
                    history.c.ran_by == email,
                    history.c.input.contains(email, autoescape=True),
                ),
            )
            or self._count(
                changes,
                of_others,
                or_(
                    changes.c.before.contains(email, autoescape=True),
                    changes.c.after.contains(email, autoescape=True),
                ),
            )
        )


def _has_digest(table: Table) -> ColumnElement[bool]:
    return or_(
        *(table.c[name].contains("sha256") for name in ("input", "setting")),
        table.c.setting.contains("signed_copy"),
    )


def names_person(email: str) -> ColumnElement[bool]:
    """Return the condition that a row of the second chain names a person."""
    table = tables.changes
    return or_(
        table.c.by == email,
        *(table.c[name].contains(email, autoescape=True) for name in ("what", "before", "after")),
    )
