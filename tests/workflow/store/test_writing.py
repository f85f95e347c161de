"""The rows of an event are written as they are given, in few statements however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event, select

from tests.support.databases import POSTGRESQL
from tests.support.district import Begin, Life
from workflow import deadlines
from workflow.deadlines import CHANGED, NEW
from workflow.store import tables
from workflow.store.rows import DeadlineStatus
from workflow.store.writing import write

_AT = datetime(2026, 1, 31, 17, 0, 0, 5, timezone(-timedelta(hours=8)))


def row(life: Life, rung: int, **changes: Any) -> dict[str, Any]:
    return {
        "partnership": life.record.key,
        "name": 'an "odd" näme\\ \u2028',
        "ladder": _AT,
        "rung": rung,
        "kind": "remind",
        "due_at": _AT,
        "next_at": _AT,
        "fires": None,
        "status": DeadlineStatus.OPEN,
        "reason": None,
        "done_at": None,
        **changes,
    }


def rows_of(life: Life) -> list[Mapping[str, Any]]:
    table = tables.deadlines
    query = select(table).where(table.c.name.like("an%")).order_by(table.c.rung)
    with life.system.reading() as session:
        return [dict(each) for each in session.connection.execute(query).mappings()]


def test_rows_come_back_as_they_were_given(begin: Begin) -> None:
    life = begin("needs")
    given = [row(life, n) for n in range(3)]
    assert life.system.transact(lambda s: write(s.connection, (NEW, given))) == [3]
    for found, wanted in zip(rows_of(life), given, strict=True):
        assert {name: found[name] for name in wanted} == wanted
        assert found["due_at"].tzinfo is UTC or found["due_at"].utcoffset() == timedelta(0)


def test_each_part_says_how_many_rows_it_wrote(begin: Begin) -> None:
    life = begin("needs")
    life.system.transact(lambda s: write(s.connection, (NEW, [row(life, n) for n in range(2)])))
    first, second = rows_of(life)
    closed = {
        "status": "fired",
        "reason": "it's done",
        "done_at": _AT,
        "due_at": _AT,
        "next_at": _AT,
        "attempts": 1,
    }
    updates = [{"row": first["id"], **closed}, {"row": -1, **closed}]
    counts = life.system.transact(
        lambda s: write(s.connection, (CHANGED, updates), (NEW, []), (NEW, [row(life, 2)]))
    )
    assert counts == [1, 0, 1]
    assert [each["status"] for each in rows_of(life)] == ["fired", "open", "open"]
    assert rows_of(life)[1] == second


def test_nothing_to_write_takes_no_statement(begin: Begin) -> None:
    life = begin("needs")
    assert life.system.transact(lambda s: write(s.connection, (NEW, []), (CHANGED, []))) == [0, 0]


def test_a_value_that_would_not_be_written_is_refused(begin: Begin) -> None:
    life = begin("needs")
    for odd in (row(life, 0, attempts=3), {k: v for k, v in row(life, 0).items() if k != "reason"}):
        with pytest.raises(LookupError, match=r"a row of deadlines differs .* in (attempts|reason)"):
            life.system.transact(lambda s, odd=odd: write(s.connection, (NEW, [odd])))
    assert rows_of(life) == []


def test_an_instant_without_a_zone_is_refused(begin: Begin) -> None:
    life = begin("needs")
    naive = row(life, 0, due_at=datetime(2026, 1, 31))
    with pytest.raises(ValueError, match="has no time zone"):
        life.system.transact(lambda s: write(s.connection, (NEW, [naive])))
    assert rows_of(life) == []


@pytest.mark.skipif(not POSTGRESQL, reason="a SQLite file is no journey away")
def test_the_rows_of_several_tables_go_to_the_server_together(begin: Begin) -> None:
    life, sent = begin("needs"), []
    life.system.transact(lambda s: write(s.connection, (NEW, [row(life, 0)])))
    (there,) = rows_of(life)
    update = deadlines.close(
        deadlines.DeadlineRow._make(there[c.name] for c in deadlines.ROW), DeadlineStatus.FIRED, _AT
    )

    @event.listens_for(life.system.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        sent.append(sql)

    def work(session: Any) -> list[int]:
        sent.clear()
        return write(session.connection, (CHANGED, [update]), (NEW, [row(life, n) for n in range(1, 400)]))

    assert life.system.transact(work) == [1, 399]
    assert len([sql for sql in sent if "deadlines" in sql]) == 1
