"""Words and configuration broken while the daemon runs: others leave meanwhile, these once they are mended."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.faults.account import (
    NOTICES,
    WATCHER,
    account,
    eventually,
    letters,
    message_ids,
    newcomer,
    opened,
    rows,
    statuses,
)
from tests.faults.conftest import READER, hold
from tests.support.house import House, until
from workflow.session import current_time
from workflow.store import chain, tables

PATIENT = [0.01] * 200  # minutes between attempts
MAIL = f'maildir = "mail"\nretry_minutes = {PATIENT}\n'
VISIT = """
[deadline.site-visit]
label = "A visit to the school"
state = "needs-identified"
due = "300 days after entering"
until = "needs.agreed"
to = ["staff"]
overdue = [{ after = "1 day", to = ["staff"] }]
"""
OF_VISIT = (
    "{% block subject %}A visit{% endblock %}{% block happened %}Visit {{ partnership.school_name }}.{% endblock %}"
    "{% block asked %}Please go there.{% endblock %}"
)
PACKAGED = Path(tables.__file__).parents[1] / "templates" / "email"


def of(house: House, template: str, before: set[str]) -> list[Any]:
    """What became of the notices of a template that are not of `before`."""
    columns = (NOTICES.message_id, NOTICES.to, NOTICES.status, NOTICES.attempts, NOTICES.reason)
    found = rows(house, select(*columns).where(NOTICES.template == template))
    return [row for row in found if row.message_id not in before]


def every(house: House) -> set[str]:
    return {row[0] for row in rows(house, select(NOTICES.message_id))}


def ripen(house: House) -> None:
    """Let the visit to the school be due now."""
    table, now = tables.deadlines, current_time()
    visit = update(table).where(table.c.name == "site-visit", table.c.kind == "due")
    with opened(house) as found:
        found.transact(
            lambda session: chain.execute(session.connection, visit.values(due_at=now, next_at=now))
        )


def happen(house: House) -> None:
    """Let the needs be described and withdrawn, and a digest be due that tells of the latter only."""
    with newcomer(house) as life:
        life.do("describe-needs", "staff")
        life.do("withdraw", "staff")
        hold(life, "withdraw")


@pytest.mark.promise("failures-stay-alone")
def test_words_broken_while_it_runs_wait_for_their_repair_and_nothing_else_does(house: House) -> None:
    own = house.folder / "templates" / "email"
    own.mkdir(parents=True)
    shutil.copy(house.folder / "config.toml", house.folder / WATCHER)
    (own / "site-visit.j2").write_text(OF_VISIT, encoding="utf-8")
    house.configure(VISIT, mail=MAIL)
    house.start()
    eventually(lambda: of(house, "digest", set()) and set(statuses(house)) == {"sent"}, "all have left")
    before = every(house)

    (own / "site-visit.j2").unlink()
    (own / "withdraw.j2").write_text("{% block subject %}{% broken", encoding="utf-8")
    house.configure(VISIT + '[board]\nquorum = "half"\n', mail=MAIL)
    house.signal(signal.SIGHUP)
    refused = until(lambda: house.logged("configuration refused"), "it is refused")
    eventually(lambda: len(house.logged("configuration refused")) == 3, "each mistake is named")
    assert {Path(line["at"]).name for line in refused} <= {
        "board.quorum", "deadline.site-visit", "withdraw.j2, line 1",
    }  # fmt: skip

    ripen(house)
    eventually(lambda: any(row.attempts for row in of(house, "site-visit", before)), "the visit was told")
    happen(house)
    eventually(lambda: all(row.attempts > 1 for name in ("withdraw", "digest") for row in of(house, name, before)
                           if row.to != READER or name == "digest"), "they were tried again")  # fmt: skip
    broken = of(house, "withdraw", before) + of(house, "site-visit", before) + of(house, "digest", before)
    assert {row.status for row in broken} == {"failed", "queued"}
    reasons = {row.reason.partition(":")[2] for row in broken if row.reason}
    assert len(reasons) == 3, reasons
    eventually(
        lambda: {row.status for row in of(house, "describe-needs", before)} == {"sent"}, "others leave"
    )
    assert house.healthy()

    (own / "site-visit.j2").write_text(OF_VISIT, encoding="utf-8")
    (own / "withdraw.j2").unlink()
    house.configure(VISIT, mail=MAIL)
    eventually(lambda: set(statuses(house)) == {"sent"}, "everything leaves by itself")
    house.signal(signal.SIGHUP)
    until(lambda: house.logged("configuration loaded"), "the mended one is taken")
    house.signal(signal.SIGTERM)
    assert house.ended() == 0
    mine = [row for name in ("withdraw", "site-visit", "digest") for row in of(house, name, before)]
    assert len(mine) == 3 + 1 + 1
    arrived = Counter(str(letter["Message-ID"]) for letter in letters(house))
    assert arrived == message_ids(house)
    assert account(house).faults == ()
