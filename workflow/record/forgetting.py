"""Destroys what retention says is due, in one transaction, so that both chains still verify.

Values go, with their salts. The commitments stay, and a certificate in the second chain says what was destroyed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, select, text, tuple_, update

from states.errors import Refused, Unmet
from states.partnership import Partnership
from workflow.record import changes
from workflow.record.committed import Ledger
from workflow.record.retention import DOCUMENTS, LEAVERS, MESSAGES, OF_RECORD, OFFICE_MAIL, RECORD, Due
from workflow.record.verify import verify
from workflow.session import Session
from workflow.store import chain, forgotten, tables, triggers
from workflow.store.database import StoreError
from workflow.store.rows import DESTROYED
from workflow.store.saving import committed_parts, digest_of, digest_of_row, facts_text

_BATCH = 500
_NAMED = 5  # faults that a refusal names
_GUARDS = {
    "sqlite": ("DROP TRIGGER history_no_update", "DROP TRIGGER changes_no_update"),
    "postgresql": (
        "DROP TRIGGER history_is_kept ON history",
        "DROP TRIGGER changes_are_kept ON changes",
    ),
}
_OWNS = (
    "SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass('history')"
)
# The classes that are rows of one table each.
OF_CLASS = {
    "drafts": tables.drafts,
    "held_applications": tables.held_applications,
    "questions": tables.asked_questions,
    "unknown_mail": tables.replies,
    "sign_ins": tables.sign_ins,
}
_EMPTY = {
    "to": DESTROYED,
    "delegate_for": None,
    "extra": None,
    "subject": None,
    "reason": None,
    "message": None,
    "shown": None,
}
_ENTRIES_KEPT = ("hold ", forgotten.CERTIFICATE, forgotten.what_of(""))


@dataclass(slots=True)
class Destruction:
    """What one destruction has done so far. Rows are named by table and key, as the chains name them."""

    session: Session
    now: datetime
    ledger: Ledger
    gone: set[tuple[str, str]] = field(default_factory=set)  # deleted
    rewritten: set[tuple[str, str]] = field(default_factory=set)  # emptied
    # still there, but a digest of them was destroyed
    loose: set[tuple[str, str]] = field(default_factory=set)
    ended: dict[int, str] = field(default_factory=dict)  # partnerships whose record goes, by id
    left: set[str] = field(default_factory=set)  # addresses of people who left
    first_format: int = 0  # rows of format 1, which leave their hash

    @property
    def connection(self) -> Connection:
        """Return the connection of the transaction."""
        return self.session.connection


def destroy(session: Session, due: Sequence[Due], *, by: str, now: datetime, digest: str) -> Destruction:
    """Destroy what is due. `digest` is that of the certificate, which the second chain then holds.

    1. Verify everything: from a record with faults nothing is destroyed, since that could hide them.
    2. Take away, for this transaction alone, the triggers that keep rows from being changed.
    3. Remove the values, row by row.
    4. Remove from both chains every digest of a row that is gone or emptied, and repeat the digests of the others
       that stood with them.
    5. Make the triggers again, and put the certificate on record.

    Raise `Refused` for a record with faults, `StoreError` if somebody else owns the tables.
    """
    connection = session.connection
    with Ledger() as ledger:
        faults = [fault for _, each in verify(connection, session.config, ledger=ledger) for fault in each]
        if faults:
            reasons = [Unmet("record-sound", f"the record has faults: {fault}") for fault in faults[:_NAMED]]
            raise Refused(reasons)
        doing = Destruction(session, now, ledger)
        _drop_guards(connection)
        for each in due:
            _destroy_one(doing, each)
        of_changes = _clean_changes(doing)
        _repeat(doing)
        triggers.restore_triggers(connection)
    _record(session, due, of_changes, digest, by=by, now=now)
    return doing


def _drop_guards(connection: Connection) -> None:
    """Take away the triggers that keep rows of the chains as they are. `restore_triggers` makes them again."""
    kind = connection.dialect.name
    if kind == "sqlite":
        # Overwrite deleted content with zeros (sqlite.org/pragma.html).
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    else:
        if not connection.scalar(text(_OWNS)):
            raise StoreError(
                "only the owner of the tables may destroy records; name that role in database.url and try again"
            )
    for statement in _GUARDS[kind]:
        connection.exec_driver_sql(statement)


def _destroy_one(doing: Destruction, due: Due) -> None:
    """Destroy one class, of one partnership or of none."""
    if due.class_ == RECORD:
        (key,) = due.keys
        doing.ended[key] = due.ref or ""
        for table in OF_RECORD:
            if table is tables.deadlines:
                _detach(doing, key)
            _delete(doing, table, table.c.partnership == key)
        _forget_history(doing, key, forgotten.OF_HISTORY)
        _forget_facts(doing, key, due)
    elif due.class_ == MESSAGES:
        (key,) = due.keys
        _empty_notices(doing, tables.notices.c.partnership == key)
        _delete(doing, tables.replies, tables.replies.c.partnership == key)
        _delete(doing, tables.calendar_entries, tables.calendar_entries.c.partnership == key)
        # They say what the messages were about, in digests without a salt.
        _forget_history(doing, key, ("rows",))
    elif due.class_ == DOCUMENTS:
        for digest in due.keys:
            _delete(doing, tables.documents, tables.documents.c.sha256 == digest)
    elif due.class_ == OFFICE_MAIL:
        for start in range(0, len(due.keys), _BATCH):
            ids = [key for (key,) in due.keys[start : start + _BATCH]]
            _empty_notices(doing, tables.notices.c.id.in_(ids))
    elif due.class_ == LEAVERS:
        for email in due.keys:
            doing.left.add(email)
            doing.gone.add((tables.people.name, chain.key_of(chain.PROTECTED["people"], {"email": email})))
            for table in (tables.addresses, tables.subscribers, tables.sign_ins):
                _delete(doing, table, table.c.email == email)
    else:
        table = OF_CLASS[due.class_]
        for start in range(0, len(due.keys), _BATCH):
            some = list(due.keys[start : start + _BATCH])
            _delete(doing, table, tuple_(*table.primary_key).in_(some))
    if due.class_ == "sign_ins":
        _delete(doing, tables.kept_forms, tables.kept_forms.c.until <= doing.now)


def _delete(doing: Destruction, table: Table, where: ColumnElement[bool]) -> None:
    """Delete rows, and note that nothing may tell of them any more."""
    if protected := chain.PROTECTED.get(table.name):
        query = select(*(table.c[name] for name in protected.key)).where(where)
        for row in doing.connection.execute(query):
            doing.gone.add((table.name, chain.key_of(protected, row._asdict())))
    doing.connection.execute(delete(table).where(where))


def _detach(doing: Destruction, key: int) -> None:
    """Let the notices of a partnership refer to no deadline, before its deadlines are deleted."""
    table = tables.notices
    _rewrite(doing, table, table.c.partnership == key, {"deadline": None})


def _empty_notices(doing: Destruction, where: ColumnElement[bool]) -> None:
    """Leave of messages that there was one, about what and when."""
    _rewrite(doing, tables.notices, where & (tables.notices.c.to != DESTROYED), _EMPTY)


def _rewrite(doing: Destruction, table: Table, where: ColumnElement[bool], values: dict[str, Any]) -> None:
    protected = chain.PROTECTED[table.name]
    for row in doing.connection.execute(select(*(table.c[name] for name in protected.key)).where(where)):
        doing.rewritten.add((table.name, chain.key_of(protected, row._asdict())))
    chain.execute(doing.connection, update(table).where(where).values(**values))


def _forget_history(doing: Destruction, key: int, columns: Sequence[str]) -> None:
    """Replace the values of these columns by their commitments, in every row of a history."""
    table = tables.history
    query = select(table).where(table.c.partnership == key).order_by(table.c.seq)
    for row in doing.connection.execute(query).all():
        if row.salt is None:
            if "input" not in columns:
                continue
            doing.first_format += 1
            values = forgotten.forget_first_format(name for name in columns if name != "rows")
        else:
            doing.loose.update(_mentioned(row.rows))
            values = forgotten.forget(committed_parts(row._asdict()), row.salt, columns)
        one = (table.c.partnership == key) & (table.c.seq == row.seq)
        doing.connection.execute(update(table).where(one).values(**values))


def _mentioned(rows: str | None) -> Iterable[tuple[str, str]]:
    """Return the rows of which a column `rows` has digests."""
    if rows is None or forgotten.is_forgotten(rows):
        return ()
    return ((name, key) for name, key, _ in json.loads(rows))


def _forget_facts(doing: Destruction, key: int, due: Due) -> None:
    """Leave of a partnership its reference, school, state and dates, and when and why the rest was destroyed."""
    table = tables.partnerships
    school = doing.connection.scalar(select(table.c.school).where(table.c.id == key)) or ""
    day = doing.session.config.calendar.day(doing.now)
    title = f"(destroyed on {day}: {due.rule})"
    facts = facts_text(Partnership(school=school, title=title))
    listed = dict.fromkeys(("public_state", "call_ends_at", "partner", "partner_name", "partner_domain"))
    values = {"title": title, "facts": facts, **listed}
    doing.connection.execute(update(table).where(table.c.id == key).values(values))


def _clean_changes(doing: Destruction) -> str:
    """Remove what the second chain tells of destroyed values. Return the digest of all that it has lost by now."""
    table = tables.changes
    tally = forgotten.Tally(forgotten.OF_CHANGES)
    person = _find_people(doing.left)
    last = 0
    while batch := doing.connection.execute(
        select(table).where(table.c.id > last).order_by(table.c.id).limit(_BATCH)
    ).all():
        for row in batch:
            columns = _touched(doing, row, person)
            values: dict[str, str] = {}
            if columns:
                if "rows" in columns:
                    doing.loose.update(_mentioned(row.rows))
                values = forgotten.forget(chain.parts_of(row._asdict()), row.salt, columns)
                doing.connection.execute(update(table).where(table.c.id == row.id).values(**values))
            tally.add(row.id, {**row._mapping, **values})
        last = batch[-1].id
    return tally.digest


def _find_people(emails: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that finds these addresses, and no longer one that ends with one of them."""
    names = "|".join(map(re.escape, sorted(emails)))
    return re.compile(rf"(?<![\w.+-])(?:{names})(?![\w.-])") if names else None


def _touched(doing: Destruction, row: Row[Any], person: re.Pattern[str] | None) -> set[str]:
    """Return the columns of a row of the second chain that tell of destroyed values."""
    columns: set[str] = set()
    if any(_is_destroyed(doing, name, key) for name, key in _mentioned(row.rows)):
        columns.add("rows")
    if row.what.startswith(_ENTRIES_KEPT):
        return columns
    texts = ("what", "before", "after")
    if set(row.what.split()) & set(doing.ended.values()) or (
        person and any(person.search(row._mapping[name] or "") for name in texts)
    ):
        columns.update(texts)
    if person and person.fullmatch(row.by):
        columns.add("by")
    return columns


def _is_destroyed(doing: Destruction, name: str, key: str) -> bool:
    if (name, key) in doing.gone or (name, key) in doing.rewritten:
        return True
    # Keys of rows that were deleted long ago can hold an address.
    of_one = name in ("drafts", "held_applications", "deadlines", "marks")
    return of_one and bool(doing.ended) and json.loads(key)[0] in doing.ended


def _repeat(doing: Destruction) -> None:
    """Commit anew to the rows that are still there and whose digests stood among destroyed ones."""
    by_name: dict[str, list[str]] = {}
    for name, key in sorted(doing.loose):
        if not _is_destroyed(doing, name, key):
            by_name.setdefault(name, []).append(key)
    for name, keys in by_name.items():
        for start in range(0, len(keys), _BATCH):
            known = doing.ledger.last_digests(name, keys[start : start + _BATCH])
            chain.repeat(doing.connection, [[name, key, digest] for key, digest in known.items()])


def _record(
    session: Session, due: Sequence[Due], of_changes: str, certificate: str, *, by: str, now: datetime
) -> None:
    """Put the destruction on record: what the rows of each partnership look like now, and the certificate."""
    for ref in sorted({each.ref for each in due if each.ref}):
        mine = [each for each in due if each.ref == ref]
        row = session.connection.execute(
            select(tables.partnerships).where(tables.partnerships.c.ref == ref)
        ).one()
        tally = forgotten.Tally(forgotten.OF_HISTORY)
        query = select(tables.history).where(tables.history.c.partnership == row.id)
        for entry in session.connection.execute(query.order_by(tables.history.c.seq)):
            tally.add(entry.seq, entry._asdict())
        whole = any(each.class_ == RECORD for each in mine)
        after: dict[str, Any] = {
            "classes": {each.class_: each.items for each in mine},
            "history": tally.digest,
            "row": digest_of_row(row._asdict()) if whole else None,
            "facts": digest_of(row.facts) if whole else None,
        }
        chain.record(session.connection, forgotten.what_of(ref), after, by=by, now=now)
    lines = [f"{each.class_} of {each.ref or 'no partnership'}: {each.items} ({each.rule})" for each in due]
    summary = {
        "items": sum(each.items for each in due),
        "destroyed": "; ".join(lines),
        "certificate": certificate,
        "changes": of_changes,
    }
    changes.record(session, forgotten.CERTIFICATE, summary, by=by, now=now)


def sha256(content: bytes) -> str:
    """Return the digest of a certificate, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
