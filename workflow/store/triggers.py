"""Finds which triggers of the database are missing, disabled or changed, and makes them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, text


def _append_only_on_sqlite(table: str, words: str, *key: str) -> tuple[str, ...]:
    """Return the statements with which SQLite refuses to change, delete or replace a row of a table."""
    same = " AND ".join(f"{column} = NEW.{column}" for column in key)
    return (
        f"""CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
        BEGIN SELECT RAISE(ABORT, '{words}: no row is changed'); END""",
        f"""CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
        BEGIN SELECT RAISE(ABORT, '{words}: no row is taken away'); END""",
        # REPLACE takes the old row away without a word to the trigger above.
        f"""CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
        WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})
        BEGIN SELECT RAISE(ABORT, '{words}: there is such a row already'); END""",
    )


def _append_only_on_postgresql(table: str, words: str, name: str) -> tuple[str, ...]:
    """Return the statements with which PostgreSQL refuses the same, by a trigger and a function of this name."""
    return (
        f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{words}: % is refused', TG_OP USING ERRCODE = 'restrict_violation'; END $$""",
        f"""CREATE TRIGGER {name} BEFORE DELETE OR UPDATE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION {name}()""",
    )


_HISTORY_WORDS = "the history is only added to"
HISTORY_SQLITE = _append_only_on_sqlite("history", _HISTORY_WORDS, "partnership", "seq")
HISTORY_POSTGRESQL = _append_only_on_postgresql("history", _HISTORY_WORDS, "history_is_kept")

_CHANGES_WORDS = "the chain of changes is only added to"
CHANGES_SQLITE = _append_only_on_sqlite("changes", _CHANGES_WORDS, "id")
CHANGES_POSTGRESQL = _append_only_on_postgresql("changes", _CHANGES_WORDS, "changes_are_kept")

_LEADS_WORDS = "the school has another Lead Partner on some of these days"
# An agreement that is ended before its first day is in force on no day.
_CLASH = """NEW.first_day IS NULL OR NEW.last_day IS NULL OR EXISTS (SELECT 1 FROM partnerships AS other
    WHERE other.school = NEW.school AND other.in_force AND other.id <> NEW.id
    AND other.first_day <= other.last_day AND NEW.first_day <= NEW.last_day
    AND other.first_day <= NEW.last_day AND NEW.first_day <= other.last_day)"""
LEADS_SQLITE = tuple(
    f"""CREATE TRIGGER partnerships_{name} AFTER {what} ON partnerships WHEN NEW.in_force AND ({_CLASH})
    BEGIN SELECT RAISE(ABORT, '{_LEADS_WORDS}'); END"""
    for name, what in (
        ("one_lead", "UPDATE OF school, in_force, first_day, last_day"),
        ("one_lead_new", "INSERT"),
    )
)
LEADS_POSTGRESQL = (
    # Transactions that write at the same moment do not see each other's rows, so one waits for the other.
    f"""CREATE FUNCTION partnerships_one_lead() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(4270, hashtext('lead partner of ' || NEW.school));
        IF {_CLASH} THEN RAISE EXCEPTION '{_LEADS_WORDS}' USING ERRCODE = 'exclusion_violation'; END IF;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER partnerships_one_lead AFTER INSERT OR UPDATE OF school, in_force, first_day, last_day
    ON partnerships FOR EACH ROW WHEN (NEW.in_force) EXECUTE FUNCTION partnerships_one_lead()""",
)

_HISTORY = "rows of the history can be changed or taken away"
_CHANGES = "rows of the chain of changes can be changed or taken away"
_LEADS = "a school can get two Lead Partners at a time"


class Trigger(NamedTuple):
    """A trigger: its table, the statements that make it, and what is possible without it."""

    table: str
    made: tuple[str, ...]
    allows: str


def _find(statements: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(statement for statement in statements if f" {name} " in statement)


TRIGGERS: Mapping[str, Mapping[str, Trigger]] = {
    "sqlite": {
        name: Trigger(table, _find(made, name), allows)
        for table, made, allows, names in (
            ("history", HISTORY_SQLITE, _HISTORY, ("no_delete", "no_replace", "no_update")),
            ("changes", CHANGES_SQLITE, _CHANGES, ("no_delete", "no_replace", "no_update")),
            ("partnerships", LEADS_SQLITE, _LEADS, ("one_lead", "one_lead_new")),
        )
        for name in (f"{table}_{end}" for end in names)
    },
    "postgresql": {
        "history_is_kept": Trigger("history", HISTORY_POSTGRESQL, _HISTORY),
        "changes_are_kept": Trigger("changes", CHANGES_POSTGRESQL, _CHANGES),
        "partnerships_one_lead": Trigger("partnerships", LEADS_POSTGRESQL, _LEADS),
    },
}
_THERE = {
    "sqlite": "SELECT name, sql AS made, '' AS body FROM sqlite_master WHERE type = 'trigger'",
    # "A" is a trigger that is always enabled, "O" one that is enabled unless the session applies replicated rows.
    "postgresql": """SELECT tgname AS name, pg_get_triggerdef(t.oid, true) AS made, prosrc AS body
        FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = tgfoid
        WHERE tgrelid IN (to_regclass('history'), to_regclass('changes'), to_regclass('partnerships'))
        AND tgenabled IN ('O', 'A')""",
}


def missing_triggers(connection: Connection) -> dict[str, str]:
    """Return the triggers that somebody has dropped, disabled or changed, each with what this makes possible."""
    kind = connection.dialect.name
    is_there = _is_made_on_sqlite if kind == "sqlite" else _is_made_on_postgresql
    there = {row.name: (row.made, row.body) for row in connection.execute(text(_THERE[kind]))}
    return {
        name: trigger.allows
        for name, trigger in TRIGGERS[kind].items()
        if name not in there or not is_there(trigger, *there[name])
    }


def _is_made_on_sqlite(trigger: Trigger, made: str, _body: str) -> bool:
    # SQLite keeps the statement as it was given.
    return _words(made) == _words(trigger.made[0])


def _is_made_on_postgresql(trigger: Trigger, made: str, body: str) -> bool:
    # The server keeps the body of a function as it was given, and writes the trigger in a form of its own, in which
    # the statements above are written as well, except for capitals.
    function, statement = trigger.made
    same_body = _words(body) == _words(function.split("$$")[1])
    return same_body and _words(made.lower()) == _words(statement.lower())


def _words(statement: str) -> list[str]:
    return statement.split()


def restore_triggers(connection: Connection) -> None:
    """Make the triggers that guard the record again, where somebody has dropped, disabled or changed them."""
    for name in missing_triggers(connection):
        trigger = TRIGGERS[connection.dialect.name][name]
        dropped: tuple[str, ...]
        if connection.dialect.name == "sqlite":
            dropped = (f"DROP TRIGGER IF EXISTS {name}",)
        else:
            # A disabled trigger still exists, and would be in the way of a new one.
            dropped = (
                f"DROP TRIGGER IF EXISTS {name} ON {trigger.table}",
                f"DROP FUNCTION IF EXISTS {name}",
            )
        for statement in (*dropped, *trigger.made):
            # The driver would read a single % as the start of a parameter.
            connection.exec_driver_sql(statement.replace("%", "%%"))
