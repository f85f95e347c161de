"""Reads what several commands take: the reference of a partnership, the number of a notice, words in a list."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress

import click
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from states.errors import BadInput, Problem
from workflow import engine
from workflow.admin.console import Console
from workflow.engine import NotFound
from workflow.procedure.config import ConfigError
from workflow.session import Session
from workflow.store import tables
from workflow.store.database import StoreError
from workflow.store.rows import Snapshot


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


REF = click.argument("ref", shell_complete=complete_refs)
ANY_REF = click.argument("ref", required=False, shell_complete=complete_refs)


def check_id(what: str, id_: int) -> int:
    """Return the number of a notice or reply. Raises `NotFound` if it is larger than a database can store."""
    # PostgreSQL would answer a larger number with an error and not with an empty result.
    if abs(id_) > tables.LARGEST:
        raise NotFound(f"there is no {what} {id_}")
    return id_


def parse_words(option: str, text: str | None, allowed: Sequence[str], purpose: str = "") -> list[str]:
    """Return the words of an option that separates them by commas. Raises `BadInput` for one that is not allowed.

    `purpose` ends the message where only some of the words that exist are allowed.
    """
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    for word in words:
        if word not in allowed:
            problem = f"there is no {option} {word!r}{purpose}"
            raise BadInput([Problem(f"--{option}", problem, "one of " + ", ".join(allowed))])
    return words


def find_record(session: Session, ref: str) -> Snapshot:
    """Return the partnership of a reference. Raises `NotFound`."""
    record = engine.load(session.connection, [ref]).get(ref)
    if record is None:
        raise NotFound(f"there is no partnership {ref!r}")
    return record
