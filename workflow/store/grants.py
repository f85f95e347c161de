"""Grants the daemon's role on PostgreSQL the fewest rights it needs, so that it cannot change the history.

The owner of the tables runs `partnershipctl init --grant ROLE`. Two guards then protect the history: a
trigger (`migrations/versions/v0003_append_only.py`) that the role cannot drop, and the rights that the role
lacks.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Integer, text

from notifications.errors import ServiceError
from workflow.store import tables

# What the daemon may do with the rows of a table beyond reading them. In a table that is not listed it adds
# and changes.
ADDED_TO = ("history", "changes", "answers", "documents")
REPLACED = ("drafts", "kept_forms", "kept_files")
TAKEN_OUT_OF = (
    "people", "meetings", "letters_begun", "held_applications", "asked_questions", "subscribers", "marks",
)  # fmt: skip


class NoSuchRole(ServiceError):
    """The role does not exist, or it could change the history anyway. The message says why and what to do."""


def needed_rights() -> Mapping[str, tuple[str, ...]]:
    """Return, by table, the rights that the daemon and partnershipctl need."""
    rights: dict[str, tuple[str, ...]] = dict.fromkeys(tables.METADATA.tables, ("SELECT", "INSERT", "UPDATE"))
    rights |= dict.fromkeys(ADDED_TO, ("SELECT", "INSERT"))
    rights |= dict.fromkeys(REPLACED, ("SELECT", "INSERT", "DELETE"))
    rights |= dict.fromkeys(TAKEN_OUT_OF, ("SELECT", "INSERT", "UPDATE", "DELETE"))
    return rights | {"alembic_version": ("SELECT",)}


def grant(connection: Connection, role: str) -> None:
    """Give a role the rights it needs and revoke every other right it has in this schema.

    1. Refuse a role that does not exist, or that owns the tables or their schema.
    2. Revoke everything, then grant what `needed_rights` lists.
    3. Refuse a role that can still change the history, through another role or through PUBLIC.

    Raise `NoSuchRole` for a refusal. The caller must then roll the transaction back.
    """
    _check(connection, role)
    quoted = connection.dialect.identifier_preparer.quote_identifier
    name, schema = quoted(role), quoted(str(connection.scalar(text("SELECT current_schema()"))))
    statements = [
        # Revoke first, so that no right stays from an earlier grant or an earlier version.
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {name}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {name}",
        f"REVOKE CREATE ON SCHEMA {schema} FROM {name}",
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
    ]
    statements += [
        f"GRANT {', '.join(rights)} ON {quoted(table)} TO {name}" for table, rights in needed_rights().items()
    ]
    # Without its sequence, an INSERT cannot number a row.
    statements += [f"GRANT USAGE ON SEQUENCE {sequence} TO {name}" for sequence in _sequences(connection)]
    for statement in statements:
        # The driver would read a single % as the start of a parameter.
        connection.exec_driver_sql(statement.replace("%", "%%"))
    for table in ADDED_TO:
        _check_kept(connection, role, table)


def _check(connection: Connection, role: str) -> None:
    """Raise `NoSuchRole` if the role does not exist, or owns the tables or their schema."""
    query = "SELECT rolsuper FROM pg_roles WHERE rolname = :role"
    row = connection.execute(text(query), {"role": role}).first()
    if row is None:
        raise NoSuchRole("there is no such role on this server")
    owner = "SELECT pg_has_role(:role, relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass('history')"
    if row.rolsuper or connection.scalar(text(owner), {"role": role}):
        raise NoSuchRole("it owns the tables, or may act as their owner, so that nothing can be kept from it")
    # The owner of a schema may drop its tables. From PostgreSQL 15 on, the owner of the database owns
    # `public`.
    query = """SELECT nspname, pg_has_role(:role, nspowner, 'MEMBER') AS owns FROM pg_namespace
        WHERE nspname = current_schema()"""
    schema = connection.execute(text(query), {"role": role}).one()
    if schema.owns:
        raise NoSuchRole(
            f"it owns the schema {schema.nspname}, or may act as its owner (as who owns the database may), and"
            " could drop the tables; let the owner of the tables own both"
        )


def _check_kept(connection: Connection, role: str, table: str) -> None:
    """Raise `NoSuchRole` if the role can still change rows, as a member of another role or through PUBLIC."""
    query = """SELECT rolname, has_any_column_privilege(oid, :table, 'UPDATE') AS "UPDATE",
            has_table_privilege(oid, :table, 'DELETE') AS "DELETE",
            has_table_privilege(oid, :table, 'TRUNCATE') AS "TRUNCATE"
        FROM pg_roles WHERE pg_has_role(:role, oid, 'MEMBER')"""
    roles = connection.execute(text(query), {"role": role, "table": f'"{table}"'}).mappings().all()
    rights = [right for right in ("UPDATE", "DELETE", "TRUNCATE") if any(row[right] for row in roles)]
    if not rights:
        return
    others = sorted(r["rolname"] for r in roles if r["rolname"] != role and any(r[right] for right in rights))
    may = f"it may {', '.join(rights)} in {table}"
    # Where no other role has the right, it comes from PUBLIC or from a grant to the role itself.
    if not others:
        raise NoSuchRole(
            f"{may}, as everybody may, or by a right that not the owner gave; take that from PUBLIC, or from it"
        )
    named = ", ".join(others)
    raise NoSuchRole(
        f"{may}, as {named} may, in which it is; take that from {named}, or the role out of it, and do this again"
    )


def _sequences(connection: Connection) -> list[str]:
    """Return the sequences that number the rows of the tables, as quoted names."""
    sequences = []
    for table in tables.METADATA.sorted_tables:
        keys = list(table.primary_key)
        # The second chain counts for itself, so that no number is left out.
        if len(keys) == 1 and isinstance(keys[0].type, Integer) and keys[0].autoincrement is not False:
            query = text("SELECT pg_get_serial_sequence(:table, :column)")
            sequences.append(
                str(connection.scalar(query, {"table": f'"{table.name}"', "column": keys[0].name}))
            )
    return sequences
