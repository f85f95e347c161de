"""The open rungs of a partnership: in their order, and without a look at those of the others."""

from __future__ import annotations

import pytest

from tests.support import databases
from tests.support.district import Begin, Life
from tests.support.plans import plan_of
from workflow.store import loading
from workflow.store.rows import DeadlineRow
from workflow.views import open_rungs


def read(life: Life) -> list[DeadlineRow]:
    with life.system.reading() as session:
        (record,) = loading.load(session.connection, ["rbhs-2025"]).values()
        return list(open_rungs.read(session, record))


def test_the_open_rungs_come_in_the_order_in_which_they_are_due(begin: Begin) -> None:
    rungs = read(begin("active"))
    assert len(rungs) > 2
    assert rungs == sorted(rungs, key=lambda rung: (rung.due_at, rung.id))


@pytest.mark.skipif(databases.POSTGRESQL, reason="PostgreSQL reads the whole of a small table")
def test_a_page_of_one_partnership_does_not_read_the_rungs_of_all(begin: Begin) -> None:
    life = begin("active")
    plan = plan_of(life.system.engine, "FROM deadlines", lambda: read(life))
    assert "partnership=?" in plan
