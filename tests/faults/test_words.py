"""Words and configuration that are broken while the daemon runs: others leave meanwhile, these once they are mended."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from tests.daemon.house import NEW, House, until
from tests.faults.account import NOTICES, account, eventually, opened, rows, statuses
from tests.faults.conftest import READER, hold
from tests.states.life import LA
from tests.workflow.district import Life
from workflow import records, system

PATIENT = [0.01] * 200  # minutes between attempts
MAIL = f'maildir = "mail"\nretry_minutes = {PATIENT}\n'
VISIT = """
[deadline.site-visit]
label = "A visit to the school"
state = "needs-identified"
due = "300 days after entering"
done = "describe-needs"
to = ["staff"]
overdue = [{ after = "1 day", to = ["staff"] }]
"""
OF_VISIT = (
    "{% block subject %}A visit{% endblock %}{% block happened %}Visit {{ partnership.school_name }}.{% endblock %}"
    "{% block asked %}Please go there.{% endblock %}"
)
PACKAGED = Path(records.__file__).parents[1] / "templates" / "email"


def of(house: House, template: str, before: set[str]) -> list[Any]:
    """What became of the notices of a template that are not of `before`."""
    columns = (NOTICES.message_id, NOTICES.to, NOTICES.status, NOTICES.attempts, NOTICES.reason)
    found = rows(house, select(*columns).where(NOTICES.template == template))
    return [row for row in found if row.message_id not in before]


def every(house: House) -> set[str]:
    return {row[0] for row in rows(house, select(NOTICES.message_id))}


def ripen(house: House) -> None:
    """Let the visit to the school be due now."""
    table, now = records.deadlines, system.now()
    visit = update(table).where(table.c.name == "site-visit", table.c.kind == "due")
    with opened(house) as found:
        found.transact(lambda session: session.connection.execute(visit.values(due_at=now, next_at=now)))


def happen(house: House) -> None:
    """Let the needs be described and withdrawn, and a digest of their description be due."""
    with opened(house) as found:
        life = Life(found, NEW, "franklin")
        life.now = system.now().astimezone(LA)
        life.do("describe-needs", "staff")
        found.transact(lambda session: hold(session, life))


def test_words_broken_while_it_runs_wait_for_their_repair_and_nothing_else_does(house: House) -> None:
    own = house.folder / "templates" / "email"
    own.mkdir(parents=True)
    (own / "site-visit.j2").write_text(OF_VISIT, encoding="utf-8")
    house.configure(VISIT, mail=MAIL)
    house.start()
    eventually(lambda: house.healthy() and of(house, "digest", set()) and set(statuses(house)) == {"sent"}, "all left")
    before = every(house)

    (own / "site-visit.j2").unlink()
    (own / "describe-needs.j2").write_text("{% block subject %}{% broken", encoding="utf-8")
    house.signal(signal.SIGHUP)
    refused = until(lambda: house.logged("configuration refused"), "it is refused")
    assert any("describe-needs.j2" in line["problem"] for line in refused)
    house.configure(VISIT + '[board]\nquorum = "half"\n', mail=MAIL)
    house.signal(signal.SIGHUP)
    until(lambda: any(l["at"] == "board.quorum" for l in house.logged("configuration refused")), "so is the other")

    happen(house)
    ripen(house)
    eventually(lambda: of(house, "site-visit", before) and not of(house, "site-visit", before)[0].status == "queued",
               "the visit was told")
    eventually(lambda: all(row.attempts for row in of(house, "describe-needs", before)), "the description was tried")
    for row in of(house, "describe-needs", before) + of(house, "site-visit", before): print(row)
    for row in of(house, "digest", before): print(row)
    assert house.healthy()
    assert 0
