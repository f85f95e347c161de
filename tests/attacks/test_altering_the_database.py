"""Whatever is altered in the database is refused by it, or named by `verify` or with a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, text
from sqlalchemy.exc import DBAPIError

from tests.attacks.alterations import ALTERATIONS, EVENT, REFUSED, VERIFY, Alteration
from tests.support import databases
from tests.support.district import Begin, Life, Stations, opened, written
from workflow.mail_servers import make_mailer
from workflow.outbox import delivery
from workflow.procedure.config import Config
from workflow.record import backup, checkpoint, verify
from workflow.store import chain, tables
from workflow.store.errors import Damaged

OLDER = "an older backup is restored"
EACH = [pytest.param(each, id=each.name) for each in ALTERATIONS]


@pytest.fixture(scope="module")
def lived(stations: Stations, settings: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A partnership with all that can be altered: mail that left, an answer, a reply, a document, a draft."""
    folder = tmp_path_factory.mktemp("lived")
    life = opened(stations.made("approved"), folder, settings, begun=True)
    life.system.transact(lambda session: _add_rows(session.connection, life))
    delivery.deliver(life.system, make_mailer(life.system.config), lambda: life.now)
    life.close()
    return folder


@pytest.fixture
def life(lived: Path, settings: Config, tmp_path: Path) -> Iterator[Life]:
    """A copy of that partnership, to be altered."""
    folder = tmp_path / "district"
    folder.mkdir()
    life = opened(lived, folder, replace(settings, folder=folder, path=written(folder)), begun=True)
    yield life
    life.close()
    databases.drop(folder)


def _add_rows(connection: Any, life: Life) -> None:
    added: dict[str, dict[str, Any]] = {
        "documents": {"sha256": "0" * 64, "name": "plan.txt", "size": 4, "added_at": life.now, "content": b"Plan"},
        "answers": {
            "event": "agree-needs", "form": "1 agree-needs", "channel": "link", "by": "staff@example.org",
            "at": life.now, "partnership": life.record.key, "seq": 3,
        },
        "replies": {
            "digest": "1" * 64, "received_at": life.now, "sender": "staff@example.org", "verdict": "note",
            "text": "Yes.", "message": b"Yes.", "partnership": life.record.key,
        },
        "drafts": {
            "partnership": life.record.key, "email": "x@example.org", "values": "{\"a\":1}", "saved_at": life.now,
        },
        "addresses": {"email": "staff@example.org", "feed": 1},
    }  # fmt: skip
    for name, values in added.items():
        table = tables.METADATA.tables[name]
        if name == "addresses":
            chain.execute(connection, delete(table))
        chain.execute(connection, insert(table).values(values))


def problems(life: Life) -> list[str]:
    """What `verify` names, by itself."""
    with life.system.reading() as session:
        missing = verify.find_missing_triggers(session.connection)
    return [*life.faults(), *(fault.problem for fault in missing)]


def since(life: Life, document: dict[str, Any]) -> list[str]:
    """What a checkpoint shows of the present database."""
    with life.system.reading() as session:
        return [fault.problem for fault in checkpoint.compare(session.connection, document)]


def taken(life: Life, folder: Path) -> dict[str, Any]:
    """A checkpoint of this moment, as its file gives it."""
    made = checkpoint.take(life.system, life.now, by="staff")
    assert made is not None
    checkpoint.write_file(folder / "checkpoint.json", made)
    return checkpoint.read_file(folder / "checkpoint.json")


@pytest.mark.promise("record-kept")
@pytest.mark.parametrize("alteration", EACH)
def test_every_alteration_is_refused_or_named(life: Life, tmp_path: Path, alteration: Alteration) -> None:
    assert problems(life) == []
    older = tmp_path / "older"
    backup.write(life.system.engine, older)
    if alteration.name == OLDER:
        life.do("add-note")
    document = taken(life, tmp_path)
    assert since(life, document) == []
    if alteration.found_by == REFUSED:
        with pytest.raises(DBAPIError):
            alteration.alter(life)
        assert problems(life) == []
    elif alteration.found_by == EVENT:
        with pytest.raises(Damaged, match="are not those that its last row left"):
            alteration.alter(life)
    elif alteration.name == OLDER:
        with backup.open_file(older) as connection:
            assert [fault.problem for fault in checkpoint.compare(connection, document)]
    else:
        alteration.alter(life)
        found = problems(life) if alteration.found_by == VERIFY else since(life, document)
        assert found, f"nobody sees it: {alteration.name}"


def test_there_are_forty_six_alterations_and_each_is_another_one() -> None:
    assert len({each.name for each in ALTERATIONS}) == len(ALTERATIONS) == 46


def test_facts_that_were_changed_and_changed_back_leave_the_record_as_it_was(begin: Begin) -> None:
    life = begin("active")
    with life.system.reading() as session:
        facts = session.connection.scalar(text("SELECT facts FROM partnerships"))
    life.run(
        "UPDATE partnerships SET facts = :facts", facts=json.dumps(json.loads(facts) | {"title": "Other"})
    )
    with pytest.raises(Damaged):
        life.do("add-note")
    life.run("UPDATE partnerships SET facts = :facts", facts=facts)
    life.do("add-note")
    assert problems(life) == []


def test_a_checkpoint_that_somebody_changed_is_no_checkpoint(begin: Begin, tmp_path: Path) -> None:
    document = taken(begin("needs"), tmp_path)
    file = tmp_path / "changed.json"
    heads = [[name, number, digest] for name, number, digest in document["heads"]]
    heads[0][1] += 1
    file.write_text(json.dumps(document | {"heads": heads}), encoding="utf-8")
    with pytest.raises(checkpoint.NotACheckpoint, match="its heads do not lead to its root"):
        checkpoint.read_file(file)
