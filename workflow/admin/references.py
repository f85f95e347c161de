"""Reads what several commands take: the reference of a partnership, the number of a notice, words in a list."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress

import click
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from states.errors import BadInput, Problem, suggest
from states.partnership import Partnership
from workflow.admin.console import Console
from workflow.procedure.config import ConfigError
from workflow.session import Session
from workflow.store import column_types, loading, tables
from workflow.store.database import StoreError
from workflow.store.errors import NotFound
from workflow.store.rows import Snapshot
from workflow.views.shown_directory import read_directory


def complete_refs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the references that begin with a text; none if the configuration or the database cannot be used."""
    # The option may stand before the command or after it.
    named = (level.params.get("config_file") for level in (context, context.parent) if level)
    console = Console(next(filter(None, named), None), as_json=False)
    with (
        closing(console),
        suppress(ConfigError, StoreError, SQLAlchemyError),
        console.system.reading() as session,
    ):
        refs = session.connection.scalars(select(tables.partnerships.c.ref))
        return sorted(ref for ref in refs if ref.startswith(incomplete))
    return []


# The most references that an error names.
_CANDIDATES = 8

REF = click.argument("ref", shell_complete=complete_refs)
ANY_REF = click.argument("ref", required=False, shell_complete=complete_refs)


def check_id(what: str, id_: int) -> int:
    """Return the number of a notice or reply. Raises `NotFound` if it is larger than a database can store."""
    # PostgreSQL would answer a larger number with an error and not with an empty result.
    if abs(id_) > column_types.LARGEST:
        raise NotFound(f"there is no {what} {id_}")
    return id_


def parse_words(option: str, text: str | None, allowed: Sequence[str], purpose: str = "") -> list[str]:
    """Return the words of an option that separates them by commas. Raises `BadInput` for one that is not allowed.

    `purpose` ends the message where only some of the words that exist are allowed.
    """
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    for word in words:
        if word not in allowed:
            problem = f"there is no {option} {word!r}{purpose}{suggest(word, allowed)}"
            raise BadInput([Problem(f"--{option}", problem, "one of " + ", ".join(allowed))])
    return words


def find_record(session: Session, ref: str) -> Snapshot:
    """Return the partnership of a reference, or of a part that only one reference has. Raises `NotFound`."""
    whole = resolve(session.connection, ref)
    return loading.load(session.connection, [whole])[whole]


def resolve(connection: Connection, ref: str) -> str:
    """Return the reference that a text is, or that alone contains it. Capitals do not matter.

    Raises `NotFound`, which names the candidates if there are several, or else the nearest reference.
    """
    table = tables.partnerships
    if connection.scalar(select(table.c.ref).where(table.c.ref == ref)) is not None:
        return ref
    refs: list[str] = sorted(connection.scalars(select(table.c.ref)))
    part = ref.strip().lower()
    candidates = [each for each in refs if part and part in each]
    # The whole reference in capitals is not a part of a longer one.
    if part in candidates:
        return part
    if len(candidates) > 1:
        shown = ", ".join(candidates[:_CANDIDATES]) + ", ..." * (len(candidates) > _CANDIDATES)
        raise NotFound(f"{ref!r} is a part of {len(candidates)} references: {shown}; write more of it")
    if not candidates:
        raise NotFound(f"there is no partnership {ref!r}{suggest(ref, refs)}")
    return candidates[0]


def require_person(session: Session, email: str, facts: Partnership | None = None) -> None:
    """Raise `NotFound`, with the nearest address, if neither the directory nor the facts know a person."""
    if session.directory.person(email, facts) is None:
        near = suggest(email, read_directory(session).people)
        raise NotFound(f"there is no person {email!r} in the directory{near}")
