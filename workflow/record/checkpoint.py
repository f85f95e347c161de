"""Takes checkpoints: a Merkle root over the heads of all chains, kept, written to a file, and sent to witnesses.

The owner of the database can write a whole chain anew, or cut off its end. A checkpoint in other hands shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from notifications.disk import sync_folder
from states.names import Role
from workflow.outbox import queue
from workflow.outbox.message import WITNESSED
from workflow.procedure.config import Config
from workflow.record.backup import temporary_sibling
from workflow.record.committed import Fault
from workflow.record.timestamp import NoTimeStamp, fetch_stamp
from workflow.session import Session, System
from workflow.store import chain, database, tables
from workflow.store.checkpoints import CHANGES, FORMAT, Checkpoint, read_last
from workflow.store.column_types import canonical
from workflow.store.merkle import Head, Tree

_KEY = "checkpoint-day"  # under which the last day with a checkpoint is remembered
_AT_ONCE = 400  # partnerships whose histories are read in one statement


class NotACheckpoint(ValueError):
    """A file is no checkpoint, or its heads do not lead to its root; the message says which."""


def take(system: System, now: datetime, *, by: str, daily: bool = False) -> Checkpoint | None:
    """Take a checkpoint now, and return it; None if it is `daily` and that of this day is not due or taken.

    1. Read the heads of all chains at one moment.
    2. Ask the time stamp server for a stamp of the root. Without an answer the checkpoint has none, and says why.
    3. Write the file of the day, if the configuration names a folder.
    4. Keep the checkpoint, put it on record in the second chain, and queue the messages to the witnesses.
    """
    with system.reading() as session:
        if daily and not is_due(session, now):
            return None
        tree = Tree(read_heads(session.connection))
    stamp, problem = _try_stamp(system.config, tree.root)
    checkpoint = Checkpoint(now, tree, stamp)
    _write_file(system.config, checkpoint)
    keep = partial(_keep, checkpoint=checkpoint, by=by, problem=problem, daily=daily)
    return checkpoint if system.transact(keep, exclusive="checkpoint") else None


def read_heads(connection: Connection) -> list[Head]:
    """Return the heads of all chains: of the partnerships in the order of their references, then the second one."""
    table = tables.partnerships
    rows = connection.execute(select(table.c.ref, table.c.version, table.c.head))
    heads = sorted(Head(row.ref, row.version, row.head) for row in rows)
    return [*heads, Head(CHANGES, *chain.head(connection))]


def next_instant(config: Config, now: datetime) -> datetime:
    """Return the first instant after `now` at which a daily checkpoint is due."""
    at, last = config.procedure.record.checkpoint_at, _last_due_day(config, now)
    return config.calendar.instant(last + timedelta(days=1), at)


def _last_due_day(config: Config, now: datetime) -> date:
    at, today = config.procedure.record.checkpoint_at, config.calendar.day(now)
    return today if config.calendar.instant(today, at) <= now else today - timedelta(days=1)


_FIRST = select(tables.history.c.at).order_by(tables.history.c.at).limit(1)


def is_due(session: Session, now: datetime) -> bool:
    """Return whether the checkpoint of the last day on which one was due is still to be taken."""
    day = _last_due_day(session.config, now)
    taken = session.remembered(_KEY)
    if taken is not None and taken >= day.isoformat():
        return False
    # Nothing was on record at that hour of a new database.
    first = session.connection.scalar(_FIRST)
    return first is not None and first < session.config.calendar.instant(
        day, session.config.procedure.record.checkpoint_at
    )


def _try_stamp(config: Config, root: str) -> tuple[bytes | None, str | None]:
    """Return a time stamp of a root, or why there is none; neither, if the district names no server."""
    url = config.procedure.record.timestamp_url
    if not url:
        return None, None
    try:
        return fetch_stamp(url, bytes.fromhex(root)), None
    # The checkpoint is worth more than its stamp, so it does not wait for the server.
    except NoTimeStamp as failed:
        return None, str(failed)


def _write_file(config: Config, checkpoint: Checkpoint) -> None:
    """Write the file of a checkpoint into the folder that the configuration names."""
    name = config.procedure.record.checkpoint_folder
    if not name:
        return
    folder = config.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    day = config.calendar.local(checkpoint.at)
    write_file(folder / f"checkpoint-{day:%Y-%m-%d-%H%M%S}.json", checkpoint)


def write_file(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to a file, whole or not at all. Raise `OSError` if it cannot be written."""
    with temporary_sibling(path) as written:
        written.write_text(json.dumps(checkpoint.document(), indent=1) + "\n", encoding="utf-8")
        # It holds hashes only, and is there to be given to others.
        written.chmod(0o644)
        written.replace(path)
    sync_folder(path.parent)


def _keep(session: Session, *, checkpoint: Checkpoint, by: str, problem: str | None, daily: bool) -> bool:
    """Keep a checkpoint, and queue the messages about it. Return False if that of this day is there already."""
    if daily and not is_due(session, checkpoint.at):
        return False
    day = _last_due_day(session.config, checkpoint.at)
    taken = session.remembered(_KEY)
    if taken is None or taken < day.isoformat():
        database.remember(session.connection, _KEY, day.isoformat())
    values = {
        "at": checkpoint.at,
        "root": checkpoint.tree.root,
        "heads": canonical([list(head) for head in checkpoint.tree.heads]),
        "stamp": checkpoint.stamp,
    }
    (key,) = chain.execute(session.connection, insert(tables.checkpoints).values(values))
    after = {"root": checkpoint.tree.root, "chains": len(checkpoint.tree.heads)}
    after |= {"no_time_stamp": problem} if problem else {}
    chain.record(session.connection, f"checkpoint {key}", after, by=by, now=checkpoint.at)
    for witness in session.config.procedure.record.witnesses:
        extra = {"checkpoint": {"number": key, **after, "stamped": checkpoint.stamp is not None}}
        queue.tell(session, WITNESSED, witness, str(Role.PUBLIC), checkpoint.at, extra=extra)
    return True


def read_file(path: Path) -> dict[str, Any]:
    """Return the checkpoint in a file. Raise `NotACheckpoint`, or `OSError` if the file cannot be read."""
    try:
        document = dict(json.loads(path.read_text(encoding="utf-8-sig")))
        format_, root, _at = document["format"], document["root"], document["at"]
        document["heads"] = [Head(*head) for head in document["heads"]]
    except LookupError as error:
        raise NotACheckpoint(f"{path} is not a checkpoint: it has no {error}") from None
    except (ValueError, TypeError) as error:
        raise NotACheckpoint(f"{path} is not a checkpoint: {error}") from None
    if format_ != FORMAT:
        raise NotACheckpoint(f"{path} is not a checkpoint: its format is {format_!r}")
    if Tree(document["heads"]).root != root:
        raise NotACheckpoint(f"{path}: its heads do not lead to its root, so somebody has changed it")
    return document


def compare(connection: Connection, document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what a checkpoint tells of that is not there any more: a chain, a row of one, or its hash."""
    heads, at = list(document["heads"]), document["at"]
    of_partnerships = [head for head in heads if head.name != CHANGES]
    for start in range(0, len(of_partnerships), _AT_ONCE):
        some = of_partnerships[start : start + _AT_ONCE]
        yield from _compare(some, _hashes(connection, [head.name for head in some]), at)
    for head in heads:
        if head.name == CHANGES and head.number:
            table = tables.changes
            found = connection.scalar(select(table.c.hash).where(table.c.id == head.number))
            yield from _compare([head], {(head.name, head.number): found}, at)


def _hashes(connection: Connection, refs: list[str]) -> dict[tuple[str, int], str | None]:
    """Return the hash of each row of the histories of these partnerships, by reference and number."""
    table, history = tables.partnerships, tables.history
    query = select(table.c.ref, history.c.seq, history.c.hash).join(
        history, history.c.partnership == table.c.id
    )
    rows = connection.execute(query.where(table.c.ref.in_(refs)))
    return {(row.ref, row.seq): row.hash for row in rows}


def _compare(heads: list[Head], hashes: Mapping[tuple[str, int], str | None], at: str) -> Iterator[Fault]:
    for head in heads:
        found = hashes.get((head.name, head.number))
        if found is None:
            problem = (
                f"the checkpoint of {at} tells of this row, and it is gone: the chain was cut off or removed"
            )
        elif found != head.hash:
            problem = f"the checkpoint of {at} tells of another row: the chain was written anew"
        else:
            continue
        name = "the changes" if head.name == CHANGES else head.name
        yield Fault(name, head.number, problem)


def compare_kept(connection: Connection) -> Iterator[Fault]:
    """Yield what the last checkpoint on record tells of that is not there any more."""
    try:
        last = read_last(connection)
    except (ValueError, TypeError):
        yield Fault("the checkpoints", None, "the last one cannot be read")
        return
    if last is not None:
        yield from compare(connection, last.document() | {"heads": last.tree.heads})
