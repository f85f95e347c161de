"""How a command names a partnership: its argument, its completion, its lookup."""

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
    """Completion of a reference; nothing where the configuration or the database cannot be used."""
    named = (one.params.get("config_file") for one in (context, context.parent) if one)
    console = Console(next(filter(None, named), None), as_json=False)
    with (
        closing(console),
        suppress(ConfigError, StoreError, SQLAlchemyError),
        console.system.reading() as session,
    ):
        found = session.connection.scalars(select(tables.partnerships.c.ref))
        return sorted(ref for ref in found if ref.startswith(incomplete))
    return []


REF = click.argument("ref", shell_complete=complete_refs)


ANY_REF = click.argument("ref", required=False, shell_complete=complete_refs)


def number_of(what: str, id_: int) -> int:
    """The number of a notice or reply, if one can have it. Raises `NotFound`."""
    if abs(id_) > tables.LARGEST:
        raise NotFound(f"there is no {what} {id_}")
    return id_


def known(session: Session, ref: str) -> Snapshot:
    """The partnership of a reference. Raises `NotFound`."""
    found = engine.load(session.connection, [ref]).get(ref)
    if found is None:
        raise NotFound(f"there is no partnership {ref!r}")
    return found
