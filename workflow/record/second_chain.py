"""Reads the second chain: checks it, and learns to which rows it commits and who held which role when."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from states.names import Role
from workflow.record.committed import Fault, Ledger
from workflow.store import chain, forgotten, tables
from workflow.store.rows import GENESIS, Channel, HistoryEntry

_BATCH = 500
_PEOPLE = f"{tables.people.name} "
# The roles that only the directory gives. The facts of a partnership give the others, and the law judges by them.
_OF_DIRECTORY = frozenset({Role.STAFF, Role.PRINCIPAL, Role.SUPERINTENDENT, Role.BOARD_OFFICE})
_OF_CLOCK = (Channel.CLOCK, Channel.IMPORT)


class Roles:
    """The roles of people by the directory, after each row of the second chain that changed them."""

    def __init__(self, connection: Connection) -> None:
        table = tables.people
        # Who was never changed since the chain began has the roles of today.
        self._today = {
            row.email: _roles(row._asdict())
            for row in connection.execute(select(table.c.email, table.c.roles))
        }
        self._since: dict[str, list[tuple[int, frozenset[str]]]] = {}

    def add(self, number: int, email: str, before: object, after: object) -> None:
        """Note a change of a person in the row of the chain with this number."""
        changes = self._since.setdefault(email, [(0, _roles(before))])
        changes.append((number, _roles(after)))

    def find_lacking(self, entry: HistoryEntry) -> str | None:
        """Return what is wrong with the role in which a row of a history was written; None if nothing is.

        A role counts as it was beside that row. A person may have got it in the transaction of the row itself, so
        the next change of this person counts as well.
        """
        if entry.role == Role.CLOCK or entry.role not in _OF_DIRECTORY:
            return self._find_false_clock(entry)
        # An import may tell of somebody who left before the record began.
        if entry.channel == Channel.IMPORT:
            return None
        changes = self._since.get(entry.actor)
        if changes is None:
            held = self._today.get(entry.actor, frozenset())
        else:
            at = bisect_right(changes, int(str(entry.beside).partition(" ")[0]), key=lambda change: change[0])
            held = frozenset().union(*(roles for _, roles in changes[max(at - 1, 0) : at + 1]))
        if entry.role in held:
            return None
        return f"{entry.actor} was not {entry.role} when it was written, by the directory of that time"

    @staticmethod
    def _find_false_clock(entry: HistoryEntry) -> str | None:
        if (entry.role == Role.CLOCK) == (entry.actor == Role.CLOCK and entry.channel in _OF_CLOCK):
            return None
        return "it is in the name of the clock, and the clock did not write it"


def _roles(values: object) -> frozenset[str]:
    """Return the roles in the values of a row of the table of people."""
    if not isinstance(values, Mapping):
        return frozenset()
    roles = values.get("roles") or "[]"
    return frozenset(json.loads(roles) if isinstance(roles, str) else roles)


def read_chain(connection: Connection, ledger: Ledger) -> tuple[Roles, list[Fault]]:
    """Read the whole chain into a ledger. Return the roles that it tells of, and its faults."""
    roles = Roles(connection)
    faults: list[Fault] = []
    previous, expected = GENESIS, 1
    tally, certified = forgotten.Tally(forgotten.OF_CHANGES), ""
    query = select(tables.changes).order_by(tables.changes.c.id).execution_options(yield_per=_BATCH)
    try:
        for row in connection.execute(query):
            faults += _check(row, previous, expected)
            previous, expected = row.hash, row.id + 1
            tally.add(row.id, row._asdict())
            if row.what == forgotten.CERTIFICATE:
                certified = json.loads(row.after)["changes"]
            _read(row, ledger, roles)
    except (ValueError, TypeError) as error:
        faults.append(Fault("the changes", expected, f"it cannot be read: {error}"))
    ledger.forgotten += tally.rows
    if tally.digest != certified:
        words = "values of its rows were removed, and no certificate of destruction covers that"
        faults.append(Fault("the changes", None, words))
    return roles, faults


def _check(row: Row[Any], previous: str, expected: int) -> Iterator[Fault]:
    if row.id != expected:
        yield Fault("the changes", row.id, f"row {expected} is missing")
    if row.previous != previous:
        yield Fault("the changes", row.id, "it does not follow the row before it: the chain is broken")
    try:
        fits = chain.hash_change(row._asdict()) == row.hash
    except (LookupError, ValueError):
        fits = False
    if not fits:
        yield Fault("the changes", row.id, "its content does not fit its hash: it was changed")


def _read(row: Row[Any], ledger: Ledger, roles: Roles) -> None:
    """Note what a row of the chain commits to, and the roles that it gives or takes."""
    ledger.add_change(row.id, row.hash)
    if row.rows and not forgotten.is_forgotten(row.rows):
        ledger.note(json.loads(row.rows), row.id)
    if ref := forgotten.ref_of(row.what):
        ledger.certificates[ref] = json.loads(row.after)
    if row.what.startswith(_PEOPLE):
        before, after = (json.loads(text) if text else None for text in (row.before, row.after))
        roles.add(row.id, row.what.removeprefix(_PEOPLE), before, after)
