"""Keeps a form that was filled in until it is recorded, so that a mistake, a reload or the way back loses nothing.

A page that answers a form must not be the answer itself: loading it again would send the form again. So what was
typed is kept, and the browser is led to a page that shows it. Only somebody who holds both the link and the random
name of the form can read it, and nobody counts it. A sheet of scores that a reviewer saves has a name that follows
from the reviewer, and stays longer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select

from states.errors import Problem, Unmet
from workflow.session import Session
from workflow.store import tables
from workflow.store.column_types import canonical

FOR_A_DAY = timedelta(days=1)  # how long a form is kept
FOR_A_TERM = timedelta(days=90)  # how long a saved sheet is kept after it was last saved
MOST_CHARACTERS = 2_000_000  # of all texts of a form
MOST = 5  # the most forms of one link that are kept; the oldest goes first


@dataclass(frozen=True, slots=True)
class Faults:
    """Why a form was not recorded: problems with its fields, requirements, or a record that has changed."""

    problems: tuple[Problem, ...] = ()
    refused: tuple[Unmet, ...] = ()
    changed: bool = False


NO_FAULTS = Faults()


@dataclass(frozen=True, slots=True)
class Kept:
    """A form as it was filled in.

    `form` is its name, `shown` the digest of what its page showed, `texts` what was typed, and `files` the names
    and the contents of the documents that were chosen.
    """

    form: str
    shown: str
    texts: Mapping[str, str]
    files: tuple[tuple[str, bytes], ...] = ()
    faults: Faults = NO_FAULTS
    kept_at: datetime | None = None
    # What the form would change, as titles with pairs of label and text, where its reader sees that first.
    effects: Sequence[Any] = ()


def keep(session: Session, link: str, kept: Kept, now: datetime, period: timedelta = FOR_A_DAY) -> None:
    """Keep a form in place of its earlier version, and delete what is too old or too much.

    1. Delete every form whose time is over, of whatever link.
    2. Delete the earlier version, and if this form has documents, the link's other forms with some.
    3. Delete the oldest forms of the link beyond `MOST`, and add this one.
    """
    table, connection = tables.kept_forms, session.connection
    mine = table.c.link == link
    replaced = table.c.form == kept.form
    if kept.files:
        # Documents can have many megabytes, so those of one form are kept for each link.
        replaced = or_(replaced, table.c.form.in_(select(tables.kept_files.c.form)))
    connection.execute(delete(table).where(or_(table.c.until <= now, and_(mine, replaced))))
    forms = connection.scalars(select(table.c.form).where(mine).order_by(table.c.kept_at)).all()
    for oldest in forms[: max(0, len(forms) - MOST + 1)]:
        connection.execute(delete(table).where(table.c.form == oldest))
    row = {
        "form": kept.form, "link": link, "values": _write(kept), "kept_at": now, "until": now + period,
    }  # fmt: skip
    connection.execute(insert(table).values(row))
    files = [
        {"form": kept.form, "number": number, "name": name, "content": content}
        for number, (name, content) in enumerate(kept.files)
    ]
    if files:
        connection.execute(insert(tables.kept_files), files)


def find(session: Session, link: str, form: str, now: datetime) -> Kept | None:
    """Return the form of this name that is kept for this link. Return None if there is none, or it is too old."""
    table = tables.kept_forms
    query = select(table).where(table.c.form == form, table.c.link == link, table.c.until > now)
    row = session.connection.execute(query).mappings().first()
    if row is None:
        return None
    values = json.loads(row["values"])
    faults = Faults(
        tuple(Problem(**problem) for problem in values["problems"]),
        tuple(Unmet(**unmet) for unmet in values["refused"]),
        values["changed"],
    )
    files, effects = _read_files(session, form), values.get("effects", ())
    return Kept(form, values["shown"], values["texts"], files, faults, row["kept_at"], effects)


def _read_files(session: Session, form: str) -> tuple[tuple[str, bytes], ...]:
    table = tables.kept_files
    query = select(table.c.name, table.c.content).where(table.c.form == form).order_by(table.c.number)
    return tuple((row.name, bytes(row.content)) for row in session.connection.execute(query))


def forget(session: Session, link: str, form: str) -> None:
    """Delete a form that was recorded."""
    table = tables.kept_forms
    session.connection.execute(delete(table).where(table.c.form == form, table.c.link == link))


def _write(kept: Kept) -> str:
    faults, room, texts = kept.faults, MOST_CHARACTERS, {}
    for name, text in kept.texts.items():
        # No field takes this much, so what is cut off could not be recorded anyway.
        texts[name] = text[:room]
        room -= len(texts[name])
    values = {
        "shown": kept.shown,
        "texts": texts,
        "problems": [asdict(problem) for problem in faults.problems],
        "refused": [asdict(unmet) for unmet in faults.refused],
        "changed": faults.changed,
        "effects": kept.effects,
    }
    # People can send half of a character, and no database stores one.
    return canonical(values).encode("utf-8", "replace").decode()
