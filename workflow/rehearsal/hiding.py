"""Takes out of a rehearsal what even the office may not know: who withdrew an application, and who saved one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import select

from states.chapters.call import WITHDRAW_APPLICATION
from states.names import Role
from workflow.record import histories
from workflow.rehearsal.happenings import Happening, Kind
from workflow.session import Session
from workflow.store import loading, tables
from workflow.views.sealing import unopened_rows


def hide_names(session: Session, happenings: Iterable[Happening]) -> list[Happening]:
    """Return what happened without the names that are sealed, as the commands `history` and `notices` show it.

    The dates of applications that were saved and not sent are left out: they are nobody's but their authors'.
    """
    unopened = _find_unopened(session)
    drafts = {name for name, row in session.config.deadlines.items() if row.is_of_drafts}
    return [
        _hide(each) if _names_applicant(each, unopened, drafts) else each
        for each in happenings
        if each.kind is not Kind.DEADLINE or each.name not in drafts
    ]


def _find_unopened(session: Session) -> Mapping[str, frozenset[int]]:
    """Return the rows about applications that were withdrawn before their call closed, by partnership."""
    table, about = tables.history, tables.partnerships
    query = select(about.c.ref).join(table).where(table.c.event == WITHDRAW_APPLICATION).distinct()
    refs = list(session.connection.scalars(query))
    records = loading.load(session.connection, refs) if refs else {}
    return {
        ref: unopened_rows(record.facts, histories.read_history(session.connection, record.key))
        for ref, record in records.items()
    }


def _names_applicant(each: Happening, unopened: Mapping[str, frozenset[int]], drafts: set[str]) -> bool:
    rows = unopened.get(each.ref, frozenset())
    if each.kind is Kind.EVENT:
        return each.role == Role.APPLICANT and each.number in rows
    if each.kind is Kind.NOTICE:
        return each.name in drafts or (each.role == Role.APPLICANT and each.seq in rows)
    return False


def _hide(each: Happening) -> Happening:
    # The subject may say that an application was withdrawn.
    return replace(each, who="", detail="" if each.kind is Kind.NOTICE else each.detail, hidden=True)
