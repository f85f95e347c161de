"""Verifies the record: both chains, each partnership by the law, and every row to which a chain commits.

Names each fault. What only an older copy can show, such as a chain that was cut off or written anew as a whole, is
for `checkpoint.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from states import history as history_of_law
from states.errors import LawError
from states.history import Folded
from workflow.procedure.config import Config
from workflow.record.committed import Fault, Ledger, find_changed_rows
from workflow.record.histories import describe_error, read_history
from workflow.record.second_chain import Roles, read_chain
from workflow.store import forgotten, past, tables, triggers
from workflow.store.partner_columns import partner_columns
from workflow.store.public_columns import last_changed, public_columns
from workflow.store.rows import GENESIS, HistoryEntry, Snapshot
from workflow.store.saving import days_in_force, digest_of_row, facts_text, hash_row

__all__ = ["Fault", "count", "find_missing_triggers", "verify"]
_ROW = select(tables.partnerships).where(tables.partnerships.c.id == bindparam("key"))


def count(connection: Connection) -> int:
    """Return how many partnerships there are."""
    return connection.scalar(select(func.count()).select_from(tables.partnerships)) or 0


def verify(
    connection: Connection,
    config: Config,
    refs: Sequence[str] = (),
    *,
    rows: bool = True,
    ledger: Ledger | None = None,
) -> Iterator[tuple[str, list[Fault]]]:
    """Yield each partnership (or each of `refs`) with its faults, ordered by reference.

    1. Read the second chain, check it, and learn from it which rows it commits to and who held which role.
    2. Check each partnership: its chain, its row, each event by the law and by the role of its actor.
    3. With `rows`, compare every row that the program wrote with the last digest of it.

    Without `refs` also yield each history whose partnership is gone, and the faults that are of no partnership.
    A `ledger` that is given stays open, and then has what the chains commit to.
    """
    table = tables.partnerships
    query = select(table.c.id, table.c.ref)
    if refs:
        query = query.where(table.c.ref.in_(refs))
    keys = {row.id: str(row.ref) for row in connection.execute(query)}
    with nullcontext(ledger) if ledger else Ledger() as ledger:
        roles, of_chain = read_chain(connection, ledger)
        for key, ref in sorted(keys.items(), key=lambda item: item[1]):
            yield ref, list(_verify_one(connection, config, key, ref, ledger, roles))
        if not refs:
            yield from _find_orphans(connection, ledger)
            yield from (("the changes", [fault]) for fault in of_chain)
        if rows:
            changed = find_changed_rows(connection, ledger, keys, only=bool(refs))
            yield from ((fault.ref, [fault]) for fault in changed)


def _verify_one(
    connection: Connection, config: Config, key: int, ref: str, ledger: Ledger, roles: Roles
) -> Iterator[Fault]:
    """Yield the faults of one partnership. A value that cannot be read hides no fault of another one."""
    try:
        row = connection.execute(_ROW, {"key": key}).one()
        history = read_history(connection, key)
    except (ValueError, TypeError) as error:
        yield Fault(ref, None, f"the row or its history cannot be read: {describe_error(error)}")
        return
    yield from _find_faults(config, row, history, ledger, roles)


def _find_orphans(connection: Connection, ledger: Ledger) -> Iterator[tuple[str, list[Fault]]]:
    """Yield the faults of each history whose partnership is gone. What came with its events is still noted."""
    table, about = tables.history, tables.partnerships
    query = select(table.c.partnership).distinct().where(table.c.partnership.not_in(select(about.c.id)))
    for key in sorted(connection.scalars(query)):
        ref = f"partnership number {key}"
        faults = [Fault(ref, None, "its row is gone; its history is still there")]
        try:
            for entry in read_history(connection, key):
                faults += _note_rows(ref, entry, ledger) if entry.salt is not None else ()
        except (ValueError, TypeError) as error:
            faults.append(Fault(ref, None, f"its history cannot be read: {describe_error(error)}"))
        yield ref, faults


def find_missing_triggers(connection: Connection) -> list[Fault]:
    """Return a fault for each missing trigger of those that protect the record in the database."""
    return [
        Fault(
            "the database",
            None,
            f"its trigger {name} is gone, disabled or changed, so that {allows};"
            " find out who did it, then `partnershipctl init` puts it back",
        )
        for name, allows in triggers.missing_triggers(connection).items()
    ]


def _find_faults(
    config: Config, row: Row[Any], history: Sequence[HistoryEntry], ledger: Ledger, roles: Roles
) -> Iterator[Fault]:
    """Yield the faults of one partnership.

    1. Check the chain: each entry follows the one before it and fits its hash.
    2. Check that the row ends the chain: it has the hash of the last entry, and the number of entries as version.
    3. Note to which rows the entries commit, for `find_changed_rows`.
    4. Where values were destroyed, compare what stands in their place with the certificate in the second chain.
    5. Fold the history, judge each event again, and compare the sum with the row. A row or a history that cannot be
       read ends the search. A history whose values were destroyed cannot be folded.
    """
    yield from _check_chain(row.ref, history, ledger)
    yield from _check_destroyed(row, history, ledger)
    # Rows that were removed from the end leave a sound chain, so compare its end with the row.
    if history and row.head != history[-1].hash:
        yield Fault(row.ref, None, "the row does not carry the hash of the last row of its history")
    if row.version != len(history):
        yield Fault(
            row.ref, None, f"the row is at version {row.version}; its history has {len(history)} rows"
        )
    try:
        stored = Snapshot.from_row(row)
    except (ValueError, TypeError) as error:
        yield Fault(row.ref, None, f"the row cannot be read: {describe_error(error)}")
        return
    if any(entry.is_destroyed for entry in history):
        return
    try:
        entries = [past.entry_of(each, config.calendar.local) for each in history]
        folded = history_of_law.fold(entries, judged=True)
    # A value that was changed by hand can fail in any of these ways, and each of them is a fault to report.
    except (LookupError, ValueError, LawError, TypeError) as error:
        yield Fault(row.ref, None, f"the history cannot be folded: {describe_error(error)}")
        return
    for seq, why in folded.failed.items():
        yield Fault(row.ref, None, f"the history cannot be folded: row {seq}: {why}")
    if folded.failed:
        return
    if folded.state is None:
        yield Fault(row.ref, None, "it has no history")
        return
    yield from _judge(row.ref, history, folded, roles)
    yield from _compare(row, stored, folded)
    record = replace(stored, state=folded.state, facts=folded.facts, call_changed_at=last_changed(history))
    if any(getattr(row, name) != value for name, value in public_columns(record).items()):
        yield Fault(row.ref, None, "the row and its history differ on what the public lists show")
    if any(getattr(row, name) != value for name, value in partner_columns(folded.facts).items()):
        yield Fault(row.ref, None, "the row and its history differ on who the partner is")


def _check_chain(ref: str, history: Iterable[HistoryEntry], ledger: Ledger) -> Iterator[Fault]:
    """Yield a fault for each entry that is missing, out of place, changed, or that commits to nothing."""
    previous, expected = GENESIS, 1
    began, head = ledger.began(ref)
    for entry in history:
        seq = entry.seq
        if seq != expected:
            yield Fault(ref, seq, f"row {expected} of the history is missing")
        if entry.previous != previous:
            yield Fault(ref, seq, "it does not follow the row before it: the chain is broken")
        if not _fits(ref, entry):
            yield Fault(ref, seq, "its content does not fit its hash: it was changed")
        if seq == began and entry.hash != head:
            yield Fault(ref, seq, "it is another one than when the second chain began")
        if entry.salt is None and seq > began:
            yield Fault(
                ref, seq, "it commits to nothing, as no row has since the second chain began: it is forged"
            )
        elif entry.salt is not None:
            yield from _note_rows(ref, entry, ledger)
        # Go on from the row that is there, so that one fault is not reported again at every row after it.
        previous, expected = entry.hash, seq + 1


def _check_destroyed(row: Row[Any], history: Sequence[HistoryEntry], ledger: Ledger) -> Iterator[Fault]:
    """Yield a fault for values that are gone, and for a changed row, without a certificate that says so."""
    tally = forgotten.Tally(forgotten.OF_HISTORY)
    for entry in history:
        tally.add(entry.seq, entry._asdict())
    ledger.forgotten += tally.rows
    certificate = ledger.certificates.get(row.ref, {"history": "", "row": None})
    if tally.digest != certificate["history"]:
        yield Fault(
            row.ref, None, "values of its history were removed, and no certificate of destruction covers that"
        )
    vouched = certificate["row"]
    # A certificate vouches for no column of lists. A destroyed record stands on none of them.
    listed = row.public_state or row.call_ends_at or row.partner or row.partner_name or row.partner_domain
    if vouched and (vouched != digest_of_row(row._asdict()) or listed):
        yield Fault(row.ref, None, "the row was changed after its values were destroyed")


def _fits(ref: str, entry: HistoryEntry) -> bool:
    # The certificate in the second chain vouches for a row of format 1 and its hash.
    if entry.salt is None and entry.is_destroyed:
        return True
    try:
        return hash_row(ref, entry._asdict()) == entry.hash
    # A column that is no JSON any more, or a salt that is gone.
    except (LookupError, ValueError, TypeError):
        return False


def _note_rows(ref: str, entry: HistoryEntry, ledger: Ledger) -> Iterator[Fault]:
    """Note to which rows an entry commits. Yield a fault if it does not stand beside a row of the second chain."""
    if forgotten.is_forgotten(entry.rows):
        return
    number, _, digest = str(entry.beside).partition(" ")
    if not number.isdecimal() or ledger.change(int(number)) != digest:
        yield Fault(
            ref, entry.seq, f"it stands beside row {number} of the changes, which is gone or another one"
        )
        return
    try:
        ledger.note(json.loads(entry.rows or "[]"), int(number), entry.seq)
    except (ValueError, TypeError):
        yield Fault(ref, entry.seq, "what came with it cannot be read")


def _judge(ref: str, history: Sequence[HistoryEntry], folded: Folded, roles: Roles) -> Iterator[Fault]:
    """Yield what the law has against each row that counts, and each actor who did not hold the role of a row.

    Rows of format 1 are not judged: an earlier release may have allowed more.
    """
    for entry in history:
        if entry.salt is None:
            continue
        for unmet in folded.unmet.get(entry.seq, ()):
            yield Fault(ref, entry.seq, f"the law would not have allowed {entry.event}: {unmet}")
        if (lacking := roles.find_lacking(entry)) is not None:
            yield Fault(ref, entry.seq, lacking)


def _compare(row: Row[Any], stored: Snapshot, folded: Folded) -> Iterator[Fault]:
    """Yield a fault for each difference between a row, read as `stored`, and the sum of its history."""
    if stored.state is not folded.state:
        yield Fault(row.ref, None, f"the row says {stored.state}, its history {folded.state}")
    if stored.entered_at != folded.entered_at:
        yield Fault(row.ref, None, "the row says another time of entering its state than its history")
    if row.school != folded.facts.school or row.title != folded.facts.title:
        yield Fault(row.ref, None, "the row says another school or title than its history")
    if row.in_force != folded.facts.in_force:
        yield Fault(row.ref, None, "the row and its history differ on whether an agreement is in force")
    elif any(getattr(row, name) != value for name, value in days_in_force(folded.facts).items()):
        yield Fault(row.ref, None, "the row and its history differ on when the agreement is in force")
    # Compare the stored form, in which it makes no difference whether a default value was written.
    was, now = json.loads(facts_text(stored.facts)), json.loads(facts_text(folded.facts))
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield Fault(row.ref, None, f"the row and its history differ in '{name}'")
