"""Lets a command name a partnership: the argument, its completion, and its lookup."""

from __future__ import annotations

from contextlib import closing, suppress

import click
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

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


def find_record(session: Session, ref: str) -> Snapshot:
    """Return the partnership of a reference. Raises `NotFound`."""
    record = engine.load(session.connection, [ref]).get(ref)
    if record is None:
        raise NotFound(f"there is no partnership {ref!r}")
    return record
