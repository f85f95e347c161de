"""The least that the daemon's role on PostgreSQL needs, so that it cannot change what it only adds to.

Whoever owns the tables gives it: `partnershipctl init --grant ROLE`. The record is then guarded twice, by a trigger
(`migrations/versions/v0003_append_only.py`) that the role cannot take away, and by rights that it does not have.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Integer, text

from workflow import records

ADDED_TO = ("history", "directory_changes", "answers", "documents")
REPLACED = ("drafts",)
TAKEN_OUT_OF = ("people", "meetings")


class NoSuchRole(Exception):
    """There is no such role, or one that nothing can be kept from; says so."""


def needed() -> Mapping[str, tuple[str, ...]]:
    """By table, what the daemon and partnershipctl do with its rows."""
    rights: dict[str, tuple[str, ...]] = dict.fromkeys(
        records.METADATA.tables, ("SELECT", "INSERT", "UPDATE")
    )
    rights |= dict.fromkeys(ADDED_TO, ("SELECT", "INSERT"))
    rights |= dict.fromkeys(REPLACED, ("SELECT", "INSERT", "DELETE"))
    rights |= dict.fromkeys(TAKEN_OUT_OF, ("SELECT", "INSERT", "UPDATE", "DELETE"))
    return rights | {"alembic_version": ("SELECT",)}


def grant(connection: Connection, role: str) -> None:
    """Give a role what it needs and take from it whatever else it has here. Raises `NoSuchRole`."""
    _check(connection, role)
    quoted = connection.dialect.identifier_preparer.quote_identifier
    name, schema = quoted(role), quoted(str(connection.scalar(text("SELECT current_schema()"))))
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {name}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {name}",
        f"REVOKE CREATE ON SCHEMA {schema} FROM {name}",
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
    ]
    statements += [
        f"GRANT {', '.join(rights)} ON {quoted(table)} TO {name}" for table, rights in needed().items()
    ]
    statements += [f"GRANT USAGE ON SEQUENCE {sequence} TO {name}" for sequence in _sequences(connection)]
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))


def _check(connection: Connection, role: str) -> None:
    query = "SELECT rolsuper FROM pg_roles WHERE rolname = :role"
    found = connection.execute(text(query), {"role": role}).first()
    if found is None:
        raise NoSuchRole("there is no such role on this server")
    owner = "SELECT pg_has_role(:role, relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass('history')"
    if found.rolsuper or connection.scalar(text(owner), {"role": role}):
        raise NoSuchRole("it owns the tables, or may act as their owner, so that nothing can be kept from it")


def _sequences(connection: Connection) -> list[str]:
    """The sequences that number rows, quoted as they are."""
    found = []
    for table in records.METADATA.sorted_tables:
        keys = list(table.primary_key)
        if len(keys) == 1 and isinstance(keys[0].type, Integer):
            query = text("SELECT pg_get_serial_sequence(:table, :column)")
            found.append(str(connection.scalar(query, {"table": f'"{table.name}"', "column": keys[0].name})))
    return found
