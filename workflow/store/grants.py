"""The least that the daemon's role on PostgreSQL needs, so that it cannot change what it only adds to.

Whoever owns the tables gives it: `partnershipctl init --grant ROLE`. The record is then guarded twice, by a trigger
(`migrations/versions/v0003_append_only.py`) that the role cannot take away, and by rights that it does not have.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Integer, text

from notifications.errors import ServiceError
from workflow.store import tables

ADDED_TO = ("history", "directory_changes", "answers", "documents")
REPLACED = ("drafts",)
TAKEN_OUT_OF = ("people", "meetings")


class NoSuchRole(ServiceError):
    """There is no such role, or one that the record cannot be kept from; says why, and what to do."""


def needed() -> Mapping[str, tuple[str, ...]]:
    """By table, what the daemon and partnershipctl do with its rows."""
    rights: dict[str, tuple[str, ...]] = dict.fromkeys(tables.METADATA.tables, ("SELECT", "INSERT", "UPDATE"))
    rights |= dict.fromkeys(ADDED_TO, ("SELECT", "INSERT"))
    rights |= dict.fromkeys(REPLACED, ("SELECT", "INSERT", "DELETE"))
    rights |= dict.fromkeys(TAKEN_OUT_OF, ("SELECT", "INSERT", "UPDATE", "DELETE"))
    return rights | {"alembic_version": ("SELECT",)}


def grant(connection: Connection, role: str) -> None:
    """Give a role what it needs and take from it whatever else it has here.

    Raises `NoSuchRole`, after which the transaction is to be undone.
    """
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
    for table in ADDED_TO:
        _check_kept(connection, role, table)


def _check(connection: Connection, role: str) -> None:
    query = "SELECT rolsuper FROM pg_roles WHERE rolname = :role"
    found = connection.execute(text(query), {"role": role}).first()
    if found is None:
        raise NoSuchRole("there is no such role on this server")
    owner = "SELECT pg_has_role(:role, relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass('history')"
    if found.rolsuper or connection.scalar(text(owner), {"role": role}):
        raise NoSuchRole("it owns the tables, or may act as their owner, so that nothing can be kept from it")
    # Who owns a schema may drop what is in it. From PostgreSQL 15 on that of `public` is who owns the database.
    query = """SELECT nspname, pg_has_role(:role, nspowner, 'MEMBER') AS owns FROM pg_namespace
        WHERE nspname = current_schema()"""
    schema = connection.execute(text(query), {"role": role}).one()
    if schema.owns:
        raise NoSuchRole(
            f"it owns the schema {schema.nspname}, or may act as its owner (as who owns the database may), and"
            " could drop the tables; let the owner of the tables own both"
        )


def _check_kept(connection: Connection, role: str, table: str) -> None:
    """Refuse a role that may change or take away rows all the same: as a role that it is in, or as everybody."""
    query = """SELECT rolname, has_any_column_privilege(oid, :table, 'UPDATE') AS "UPDATE",
            has_table_privilege(oid, :table, 'DELETE') AS "DELETE",
            has_table_privilege(oid, :table, 'TRUNCATE') AS "TRUNCATE"
        FROM pg_roles WHERE pg_has_role(:role, oid, 'MEMBER')"""
    found = connection.execute(text(query), {"role": role, "table": f'"{table}"'}).mappings().all()
    rights = [right for right in ("UPDATE", "DELETE", "TRUNCATE") if any(row[right] for row in found)]
    if not rights:
        return
    others = sorted(r["rolname"] for r in found if r["rolname"] != role and any(r[right] for right in rights))
    may = f"it may {', '.join(rights)} in {table}"
    if not others:
        raise NoSuchRole(
            f"{may}, as everybody may, or by a right that not the owner gave; take that from PUBLIC, or from it"
        )
    named = ", ".join(others)
    raise NoSuchRole(
        f"{may}, as {named} may, in which it is; take that from {named}, or the role out of it, and do this again"
    )


def _sequences(connection: Connection) -> list[str]:
    """The sequences that number rows, quoted as they are."""
    found = []
    for table in tables.METADATA.sorted_tables:
        keys = list(table.primary_key)
        if len(keys) == 1 and isinstance(keys[0].type, Integer):
            query = text("SELECT pg_get_serial_sequence(:table, :column)")
            found.append(str(connection.scalar(query, {"table": f'"{table.name}"', "column": keys[0].name})))
    return found
