"""The texts of applications are in the history alone, and a call with many long ones stays light."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from sqlalchemy import text

from states.inputs import ABILITIES
from states.names import Role
from tests.support import databases
from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE
from workflow.store import database, upgrade
from workflow.store.application_texts import read_text, row_of
from workflow.store.database import StoreError
from workflow.views import visible_history
from workflow.views.visibility import Viewer

LONG = "x" * 20_000


def written(life: Life, organization: str) -> str:
    call = life.facts.selection
    assert call is not None
    with life.system.reading() as session:
        found = read_text(session.connection, life.record, call.applications[organization])
        return found.abilities["diversity"]


def stored(life: Life) -> str:
    (row,) = databases.rows(life.system.config.folder, "SELECT facts FROM partnerships")
    return str(row[0])


@pytest.mark.promise("long-texts")
def test_what_every_event_reads_and_writes_has_no_texts(begin: Begin) -> None:
    life = begin("open")
    life.do("receive-application", "staff", abilities=dict.fromkeys(ABILITIES, "how we show it"))
    assert "how we show it" not in stored(life)
    assert written(life, CBO) == "how we show it"
    assert life.faults() == []


def test_of_two_at_the_same_instant_each_has_its_own_and_the_last_counts(begin: Begin) -> None:
    life = begin("open")
    for organization, words in ((CBO, "first"), (COLLEGE, "of the college"), (CBO, "second")):
        given = {"organization": organization, "contact_email": f"{organization}@example.org"}
        life.do("receive-application", "staff", **given, abilities=dict.fromkeys(ABILITIES, words))
    assert (written(life, CBO), written(life, COLLEGE)) == ("second", "of the college")


def test_a_text_that_is_gone_is_not_shown_as_an_empty_one(begin: Begin) -> None:
    life = begin("applied")
    life.tamper("DELETE FROM history WHERE event = :event", event="receive-application")
    call = life.facts.selection
    assert call is not None
    with life.system.reading() as session, pytest.raises(StoreError) as failed:
        row_of(session.connection, life.record, call.applications[CBO])
    assert "partnershipctl verify says more" in str(failed.value)


@pytest.mark.promise("long-texts")
def test_reading_a_history_needs_no_room_for_the_texts(begin: Begin) -> None:
    life = begin("open")
    for _ in range(30):
        life.do(
            "receive-application",
            "staff",
            abilities={**dict.fromkeys(ABILITIES, "short"), "diversity": LONG[:20_000]},
        )
    with life.system.reading() as session:
        record = life.record
        tracemalloc.start()
        lines = visible_history.history_for(
            session, record, Viewer(Role.STAFF, "staff@example.org"), life.now
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(lines) == record.version
    assert most < 600_000  # all texts together


@pytest.mark.promise("long-texts")
def test_an_upgrade_takes_the_texts_out_of_the_facts(begin: Begin, tmp_path: Path) -> None:
    life = begin("applied")
    facts = json.loads(stored(life))
    for application in facts["selection"]["applications"].values():
        application |= {"abilities": dict.fromkeys(ABILITIES, "how we show it"), "demonstration": "a letter"}
    facts["earlier_selections"] = [facts["selection"]]
    folder = tmp_path / "older"
    folder.mkdir()
    databases.create(folder)
    engine = database.open_store(databases.url(folder), create=True)
    try:
        with engine.begin() as connection:
            upgrade.upgrade_on(connection, "0008")
            connection.execute(text("INSERT INTO schools (id, name) VALUES ('x', 'X')"))
            for ref, content in (("old", json.dumps(facts)), ("damaged", "{")):
                connection.execute(
                    text(
                        "INSERT INTO partnerships (ref, school, title, state, version, entered_at, facts, head,"
                        " in_force) VALUES (:ref, 'x', 'x', 'open-selection', 1, '2025-08-01', :facts, 'x', :no)"
                    ),
                    {"ref": ref, "facts": content, "no": False},
                )
            upgrade.upgrade_on(connection)
            after = dict(connection.execute(text("SELECT ref, facts FROM partnerships")).all())
        assert after["damaged"] == "{"
        assert "how we show it" not in after["old"]
        assert "a letter" not in after["old"]
        assert json.loads(after["old"])["selection"] == json.loads(stored(life))["selection"]
    finally:
        engine.dispose()
        databases.drop(folder)
