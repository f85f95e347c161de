"""What somebody who can write to the database may alter in it, and what finds each alteration.

`docs/record.md` lists them from here, and `test_altering_the_database.py` does them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import bindparam, text, update

from states import history as history_of_law
from tests.support.district import Life
from workflow.store import past, tables
from workflow.store.column_types import canonical
from workflow.store.partner_columns import partner_columns
from workflow.store.public_columns import last_changed, public_columns
from workflow.store.rows import GENESIS, HistoryEntry
from workflow.store.saving import days_in_force, digest_of, facts_text, hash_row
from workflow.store.triggers import LEADS_POSTGRESQL, LEADS_SQLITE

REFUSED = "the database refuses it"
VERIFY = "`verify`"
CHECKPOINT = "`verify --checkpoint`"
EVENT = "the next event is refused"


class Alteration(NamedTuple):
    """An alteration: what is done, by which statements, and what finds it."""

    name: str
    found_by: str
    alter: Callable[[Life], object]


def _guarded(sql: str) -> Callable[[Life], object]:
    """A statement that the triggers have to refuse."""
    return lambda life: life.run(sql)


def _sql(*statements: str, **values: Any) -> Callable[[Life], object]:
    """Statements after the triggers were taken away; they are put back afterwards."""

    def alter(life: Life) -> None:
        for statement in statements:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            life.tamper(statement, **used)

    return alter


def _rewritten(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], life: Life) -> None:
    """Write the history anew, with hashes and facts that fit, as an owner of the database could."""
    rows, previous = change(life.history()), GENESIS
    localize = life.system.config.calendar.local
    folded = history_of_law.Folded()
    for length, row in enumerate(rows, start=1):
        entries = [past.entry_of(HistoryEntry(**each), localize) for each in rows[:length]]
        folded = history_of_law.fold(entries)
        row |= {"seq": length, "previous": previous, "facts": digest_of(facts_text(folded.facts))}
        previous = row["hash"] = hash_row(life.ref, row)
    life.tamper("DELETE FROM history WHERE partnership = :key", key=life.record.key)
    with life.system.engine.begin() as connection:
        connection.execute(tables.history.insert(), rows)
        in_force = days_in_force(folded.facts)
        entries = [HistoryEntry(**each) for each in rows]
        public = public_columns(
            replace(
                life.record, state=folded.state, facts=folded.facts, call_changed_at=last_changed(entries)
            )
        )
        values = {
            "version": len(rows), "head": previous, "facts": facts_text(folded.facts), "state": str(folded.state),
            "entered_at": folded.entered_at, **in_force, **public, **partner_columns(folded.facts),
        }  # fmt: skip
        table = tables.partnerships
        connection.execute(update(table).where(table.c.ref == bindparam("r")).values(values), {"r": life.ref})


def _with_input(event: str, **given: Any) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        row = next(row for row in rows if row["event"] == event)
        row["input"] = canonical(json.loads(row["input"]) | given)
        return rows

    return change


def _with_ran_by(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows[2]["ran_by"] = "somebody-else"
    return rows


def _appended(values: Mapping[str, Any], life: Life) -> None:
    """Append a row that fits the chain, as if somebody had done an event."""

    def add(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        last = rows[-1]
        forged = last | {"event": "add-note", "input": canonical({"text": "Agreed."}), "rows": "[]"}
        forged |= {"setting": "{}", "from_state": last["to_state"], "note": None, "ran_by": None, **values}
        return [*rows, forged]

    _rewritten(add, life)


_OTHER_TITLE = """UPDATE partnerships SET facts = replace(facts, '"title":"', '"title":"The ')"""


def _change_facts_around_an_event(life: Life) -> None:
    life.run(_OTHER_TITLE)
    life.do("add-note")


def _hollow_trigger(life: Life) -> None:
    statements = (
        [
            "DROP TRIGGER history_no_update",
            "CREATE TRIGGER history_no_update BEFORE UPDATE ON history BEGIN SELECT 1; END",
        ]
        if life.system.engine.dialect.name == "sqlite"
        else [
            "CREATE OR REPLACE FUNCTION history_is_kept() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RETURN NULL; END $$"
        ]
    )
    with life.system.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _narrow_trigger(life: Life) -> None:
    if life.system.engine.dialect.name == "sqlite":
        drop = "DROP TRIGGER partnerships_one_lead"
        make = next(each for each in LEADS_SQLITE if " partnerships_one_lead " in each)
    else:
        drop = "DROP TRIGGER partnerships_one_lead ON partnerships"
        make = LEADS_POSTGRESQL[-1]
    # On one connection: another one may still have the trigger in its copy of the schema.
    with life.system.engine.begin() as connection:
        connection.execute(text(drop))
        connection.execute(text(make.replace("school, in_force, first_day, last_day", "title", 1)))


def _take_out_row(life: Life) -> None:
    if life.system.engine.dialect.name == "postgresql":
        # The server refuses it otherwise, since the history refers to the row.
        life.run("ALTER TABLE history DROP CONSTRAINT fk_history_partnership")
    _sql(*_WHOLE[:-2], _WHOLE[-1])(life)


def _drop_trigger(life: Life) -> None:
    sqlite = life.system.engine.dialect.name == "sqlite"
    life.run("DROP TRIGGER history_no_update" if sqlite else "DROP TRIGGER history_is_kept ON history")


def _swap(life: Life) -> None:
    other = life.another("other-2025").to("needs")
    for key, event in ((other.record.key, "identify-needs"),):
        mine = life.history()[0]
        life.tamper(
            "UPDATE history SET input = :input WHERE partnership = :key AND event = :event",
            input=mine["input"],
            key=key,
            event=event,
        )


def _delete_of(table: str) -> str:
    return f"DELETE FROM {table} WHERE partnership = 1"


_WHOLE = (
    "DELETE FROM answers WHERE partnership = 1",
    "DELETE FROM replies WHERE partnership = 1",
    "DELETE FROM drafts WHERE partnership = 1",
    "UPDATE notices SET within = NULL WHERE partnership = 1",
    "DELETE FROM calendar_entries WHERE partnership = 1",
    "DELETE FROM notices WHERE partnership = 1",
    "DELETE FROM deadlines WHERE partnership = 1",
    "DELETE FROM history WHERE partnership = 1",
    "DELETE FROM partnerships WHERE id = 1",
)
_LAST = "WHERE seq = (SELECT max(seq) FROM history)"
_SENT = "WHERE id = (SELECT min(id) FROM notices WHERE status = 'sent')"
_OPEN = (
    "WHERE id = (SELECT min(id) FROM deadlines WHERE status = 'open'"
    " AND id NOT IN (SELECT deadline FROM notices WHERE deadline IS NOT NULL))"
)
_STAFF = "UPDATE people SET roles = :roles WHERE email = 'applicant@example.org'"
_CHANGE = "(SELECT min(id) FROM changes WHERE what LIKE 'people %')"

ALTERATIONS: tuple[Alteration, ...] = (
    Alteration(
        "a row of a history is changed, the triggers there",
        REFUSED,
        _guarded("UPDATE history SET note = 'x'"),
    ),
    Alteration("a row of a history is deleted, the triggers there", REFUSED, _guarded("DELETE FROM history")),
    Alteration(
        "a row of a history is replaced, the triggers there",
        REFUSED,
        _guarded("INSERT INTO history SELECT * FROM history WHERE seq = 1"),
    ),
    Alteration(
        "the actor of a row", VERIFY, _sql("UPDATE history SET actor = 'x@example.org' WHERE seq = 3")
    ),
    Alteration("the note of a row", VERIFY, _sql("UPDATE history SET note = 'As agreed.' WHERE seq = 3")),
    Alteration(
        "the instant of a row",
        VERIFY,
        _sql("UPDATE history SET at = :at WHERE seq = 3", at="2025-01-01 00:00:00+00:00"),
    ),
    Alteration("the setting of a row", VERIFY, _sql("UPDATE history SET setting = '{}' WHERE seq = 7")),
    Alteration("a middle row is taken out", VERIFY, _sql("DELETE FROM history WHERE seq = 3")),
    Alteration("the last row is taken away", VERIFY, _sql(f"DELETE FROM history {_LAST}")),
    Alteration("a row is swapped between two partnerships", VERIFY, _swap),
    Alteration("the facts of a partnership", VERIFY, _sql(_OTHER_TITLE)),
    Alteration("the state of a partnership", VERIFY, _sql("UPDATE partnerships SET state = 'terminated'")),
    Alteration("the title of a partnership", VERIFY, _sql("UPDATE partnerships SET title = 'Another title'")),
    Alteration(
        "the columns of the public lists", VERIFY, _sql("UPDATE partnerships SET public_state = 'terminated'")
    ),
    Alteration(
        "the row of a partnership is gone, its history is not",
        VERIFY,
        _take_out_row,
    ),
    Alteration("a trigger is dropped", VERIFY, _drop_trigger),
    Alteration(
        "the last rows are cut off together with facts and head",
        CHECKPOINT,
        partial(_rewritten, lambda rows: rows[:-2]),
    ),
    Alteration(
        "the chain is written anew with another vote",
        CHECKPOINT,
        partial(_rewritten, _with_input("approve", ayes=5, noes=2)),
    ),
    Alteration(
        "the chain is written anew with another `ran_by`", CHECKPOINT, partial(_rewritten, _with_ran_by)
    ),
    Alteration("a partnership is removed with everything", CHECKPOINT, _sql(*_WHOLE)),
    Alteration(
        "a forged row is appended in the name of somebody unknown",
        VERIFY,
        partial(_appended, {"actor": "nobody@example.org", "role": "staff"}),
    ),
    Alteration(
        "a forged row is appended in a role that may not do it",
        VERIFY,
        partial(_appended, {"actor": "staff@example.org", "role": "reviewer"}),
    ),
    Alteration(
        "the facts are changed, an event is done, and they are changed back",
        EVENT,
        _change_facts_around_an_event,
    ),
    Alteration("a trigger gets an empty body", VERIFY, _hollow_trigger),
    Alteration("a trigger looks at fewer changes", VERIFY, _narrow_trigger),
    Alteration("an older backup is restored", CHECKPOINT, lambda life: None),
    Alteration(
        "a document is replaced",
        VERIFY,
        _sql("UPDATE documents SET content = :content", content=b"Another text"),
    ),
    Alteration("a document is removed", VERIFY, _sql("DELETE FROM documents")),
    Alteration("deadlines are deleted", VERIFY, _sql(f"DELETE FROM deadlines {_OPEN}")),
    Alteration(
        "a deadline is put off",
        VERIFY,
        _sql(f"UPDATE deadlines SET due_at = :at, next_at = :at {_OPEN}", at="2031-01-01 00:00:00+00:00"),
    ),
    Alteration(
        "a deadline is marked as fired", VERIFY, _sql(f"UPDATE deadlines SET status = 'fired' {_OPEN}")
    ),
    Alteration(
        "a message that was sent is rewritten",
        VERIFY,
        _sql(f"UPDATE notices SET message = :message {_SENT}", message=b"Another text"),
    ),
    Alteration(
        "the recipient of a message is another",
        VERIFY,
        _sql(f"UPDATE notices SET \"to\" = 'x@example.org' {_SENT}"),
    ),
    Alteration(
        "messages are deleted", VERIFY, _sql("DELETE FROM notices WHERE id = (SELECT max(id) FROM notices)")
    ),
    Alteration("answers are deleted", VERIFY, _sql("DELETE FROM answers")),
    Alteration(
        "an answer is given to somebody else", VERIFY, _sql("UPDATE answers SET \"by\" = 'x@example.org'")
    ),
    Alteration("a reply is rewritten", VERIFY, _sql("UPDATE replies SET text = 'No.'")),
    Alteration("replies are deleted", VERIFY, _sql("DELETE FROM replies")),
    Alteration("a role is added to a person", VERIFY, _sql(_STAFF, roles='["staff"]')),
    Alteration("a row of the changes is deleted", VERIFY, _sql(f"DELETE FROM changes WHERE id = {_CHANGE}")),
    Alteration(
        "a row of the changes is given to somebody else",
        VERIFY,
        _sql(f"UPDATE changes SET \"by\" = 'x@example.org' WHERE id = {_CHANGE}"),
    ),
    Alteration(
        "the day on which the Board invited a school",
        VERIFY,
        _sql("UPDATE schools SET invited_on = '2025-01-01' WHERE id = 'garfield'"),
    ),
    Alteration(
        "the name or the kind of an organization",
        VERIFY,
        _sql("UPDATE organizations SET name = 'Another', kind = 'other'"),
    ),
    Alteration(
        "the kind of a Board meeting",
        VERIFY,
        _sql("UPDATE meetings SET kind = 'regular' WHERE kind = 'special'"),
    ),
    Alteration(
        "a draft or the state of an address",
        VERIFY,
        _sql("UPDATE drafts SET \"values\" = '{}'", "UPDATE addresses SET feed = 7"),
    ),
    Alteration(
        "what the program remembers in `meta`",
        VERIFY,
        _sql("UPDATE meta SET value = '0' WHERE key = 'directory'"),
    ),
)
