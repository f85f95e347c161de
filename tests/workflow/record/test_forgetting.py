"""What retention destroys is gone from every file, the rest still verifies, and a hold stops it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from states.errors import Refused
from tests.support import databases
from tests.support.district import START, Begin, Life
from tests.support.letters import delivered
from workflow import directory_changes
from workflow.record import backup, certificate, forgetting, holds, records_requests, retention
from workflow.record.histories import read_history
from workflow.record.retention import Due
from workflow.store import chain, erasing, kept_documents, loading, tables
from workflow.store.database import StoreError
from workflow.store.rows import GENESIS
from workflow.store.saving import hash_row
from workflow.store.triggers import restore_triggers

LATER = "2033-01-03"


def ended(begin: Begin) -> Life:
    """A partnership that ended long ago, all of whose messages have left."""
    life = begin("ended")
    delivered(life)
    return life.at(LATER)


def due(life: Life) -> list[Due]:
    with life.system.reading() as session:
        return retention.find_due(session, life.now.astimezone(UTC))


def destroyed(life: Life, *classes: str) -> dict[str, Any]:
    """Destroy what is due, or only of these classes; the certificate."""
    now = life.now.astimezone(UTC)

    def work(session: Any) -> dict[str, Any]:
        listed = [each for each in retention.find_due(session, now) if not classes or each.class_ in classes]
        document = certificate.make(session, listed, by="registrar", now=now)
        digest = forgetting.sha256(certificate.as_json(document))
        forgetting.destroy(
            session, [e for e in listed if not e.refused], by="registrar", now=now, digest=digest
        )
        return document

    made = life.system.transact(work)
    erasing.erase(life.system.engine)
    return made


def texts_in(value: Any) -> Iterator[str]:
    """Each text of some length in a JSON value."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, str) and len(value) > 12 and " " in value:
        yield value


def everything_written(life: Life) -> set[str]:
    """The texts of the history of a partnership, its title, and the words of its messages."""
    said = {text for row in life.history() for text in texts_in(json.loads(row["input"]))}
    return said | {row["subject"] for row in life.notices() if row["subject"]} | {life.facts.title}


def files_of(life: Life) -> Iterator[tuple[str, bytes]]:
    """Every file that holds the database, and a new backup of it."""
    folder = life.system.config.folder
    made = folder / f"new-{life.now:%f}.backup"
    backup.write(life.system.engine, made, force=True)
    yield "backup", made.read_bytes()
    if databases.POSTGRESQL:
        yield "dump", "\n".join(databases.dump(folder)).encode()
        return
    for suffix in ("", "-journal", "-wal"):
        file = Path(f"{folder / 'partnerships.db'}{suffix}")
        if file.exists():
            yield file.name, file.read_bytes()


def found_in(life: Life, values: set[str]) -> set[tuple[str, str]]:
    """Each of these values that some file still has, in clear, in UTF-16, or in base64."""
    found = set()
    for name, content in files_of(life):
        for value in values:
            raw = value.encode()
            forms = [raw, json.dumps(value).strip('"').encode(), value.encode("utf-16-le")]
            # Base64 at each of the three places where it may begin, without what depends on its neighbours.
            forms += [base64.b64encode(b"x" * shift + raw)[4 * bool(shift) : -4] for shift in range(3)]
            if any(form in content for form in forms):
                found.add((name, value))
    return found


@pytest.mark.promise("lawful-destruction")
def test_a_destroyed_record_verifies_and_is_in_no_file(begin: Begin) -> None:
    life = ended(begin)
    values = everything_written(life)
    assert len(values) > 20
    assert {value for _, value in found_in(life, values)} == values
    assert {each.class_ for each in due(life)} >= {"record", "messages"}
    destroyed(life)
    assert life.faults() == []
    assert found_in(life, values) == set()
    assert due(life) == []


@pytest.mark.promise("lawful-destruction")
def test_half_of_a_life_goes_and_the_other_half_stays(begin: Begin) -> None:
    life = ended(begin)
    other = life.another("fh-2025").at("2025-09-03").to("open")
    delivered(other)
    facts, subjects = life.facts, {row["subject"] for row in life.notices() if row["subject"]}
    own = {subject for subject in subjects if facts.title in subject} or subjects
    destroyed(life.at(LATER), "messages", "office_mail")
    assert life.faults() == []
    assert life.facts == facts
    assert found_in(life, own) == set()
    assert {row["to"] for row in life.notices()} == {"(destroyed)"}
    assert all(row["message"] for row in other.notices())


def attach(life: Life, content: bytes) -> str:
    """Keep a document and attach it; the digest by which the record names it."""
    digest, size = life.system.transact(
        lambda session: kept_documents.keep(session.connection, "letter.txt", content, life.now)
    )
    life.do(
        "record-meeting", on="2025-09-02", documents=[{"name": "letter.txt", "sha256": digest, "size": size}]
    )
    return digest


@pytest.mark.promise("lawful-destruction")
def test_attached_documents_are_gone_from_every_file(begin: Begin) -> None:
    life = begin("active")
    mine, shared = "Only this partnership has the letter", "Two partnerships have this letter"
    own = attach(life, mine.encode() * 2000)  # more than a page of the database
    both = attach(life, shared.encode())
    other = life.another("fh-2025").to("active")
    assert attach(other, shared.encode()) == both
    life.do("terminate", effective_on="2025-10-02")
    life.at("2025-10-02").do("expire", "clock")
    delivered(life)
    life.at(LATER)
    assert {value for _, value in found_in(life, {mine, shared})} == {mine, shared}
    destroyed(life, "documents")
    assert life.faults() == []
    assert {value for _, value in found_in(life, {mine, shared})} == {shared}
    with life.system.reading() as session:
        assert kept_documents.read(session.connection, own) is None
        assert kept_documents.read(session.connection, both) == shared.encode()
    # The record still says that there was one, and which.
    assert own in str([row["input"] for row in life.history()])
    destroyed(life)
    assert own not in str([row["input"] for row in life.history()])
    assert life.faults() == []


def test_nothing_happens_any_more_to_a_destroyed_partnership(begin: Begin) -> None:
    life = ended(begin)
    destroyed(life)
    with life.system.reading() as session:
        record = loading.load(session.connection, [life.ref])[life.ref]
    assert record.destroyed
    assert "destroyed on 2033-01-03: RCW 40.14.060" in record.facts.title
    with pytest.raises(Refused, match="was destroyed"):
        life.do("add-note", "staff", text="Found in the cellar.")


@pytest.mark.parametrize(
    "change",
    [
        'UPDATE partnerships SET facts = \'{"school":"rainier-beach","title":"Another one"}\'',
        "UPDATE partnerships SET title = 'Another one'",
    ],
)
def test_a_change_after_the_destruction_is_found(begin: Begin, change: str) -> None:
    life = ended(begin)
    destroyed(life)
    databases.rows(life.system.config.folder, change)
    assert life.faults() == ["the row was changed after its values were destroyed"]


@pytest.mark.promise("lawful-destruction")
def test_values_that_somebody_removed_without_a_certificate_are_found(begin: Begin) -> None:
    life = ended(begin)
    now, key = life.now.astimezone(UTC), life.record.key

    def remove(session: Any) -> None:
        doing = forgetting.Destruction(session, now, ledger=None)  # type: ignore[arg-type]
        forgetting._drop_guards(session.connection)
        forgetting._forget_history(doing, key, ("note",))
        forgetting.triggers.restore_triggers(session.connection)

    life.system.transact(remove)
    words = "values of its history were removed, and no certificate of destruction covers that"
    assert life.faults() == [words]


@pytest.mark.promise("lawful-destruction")
def test_a_hold_stops_everything_of_a_partnership(begin: Begin) -> None:
    life = ended(begin)
    life.system.transact(
        lambda session: holds.add(session, life.ref, "Doe v. District", by="registrar", now=life.now)
    )
    assert {why for each in due(life) if each.ref for why in each.refused} == {
        "on hold since 2033-01-03: Doe v. District"
    }
    assert all(each.refused for each in due(life))
    life.system.transact(
        lambda session: holds.release(session, life.ref, "It was settled", by="registrar", now=life.now)
    )
    assert not any(each.refused for each in due(life))
    assert life.faults() == []


def test_a_hold_that_somebody_deletes_is_found(begin: Begin) -> None:
    life = ended(begin)
    life.system.transact(lambda session: holds.add(session, None, "An audit", by="registrar", now=life.now))
    life.run("DELETE FROM holds")
    assert life.faults() == ["the row [1] of holds is gone"]


def test_nothing_is_due_before_its_day(begin: Begin) -> None:
    life = ended(begin).at("2031-10-02 08:00")
    assert [each for each in due(life) if each.class_ == "record"] == []
    record = next(each for each in due(life.at("2031-10-02 09:01")) if each.class_ == "record")
    assert (str(record.since), str(record.due_on)) == ("2025-10-02", "2031-10-02")


def test_nothing_is_destroyed_from_a_record_with_faults(begin: Begin) -> None:
    life = ended(begin)
    life.run("UPDATE deadlines SET status = 'open' WHERE id = (SELECT min(id) FROM deadlines)")
    with pytest.raises(Refused, match="the record has faults"):
        destroyed(life)


def test_the_guards_are_back_afterwards(begin: Begin) -> None:
    life = ended(begin)
    destroyed(life)
    for table in ("history", "changes"):
        with pytest.raises((DBAPIError, StoreError), match="only added to"):
            life.run(f"UPDATE {table} SET hash = ''")


def in_first_format(life: Life) -> None:
    """Turn the history into one of format 1, in which no row commits to single values, and begin the chain anew."""

    def turn(session: Any) -> None:
        connection = session.connection
        forgetting._drop_guards(connection)
        kind = connection.dialect.name
        if kind == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER changes_no_delete")
        connection.exec_driver_sql("DELETE FROM changes")
        previous = GENESIS
        for entry in read_history(connection, key):
            row = entry._replace(salt=None, facts=None, rows=None, beside=None, previous=previous)
            previous = hash_row(life.ref, row._asdict())
            where = (tables.history.c.partnership == key) & (tables.history.c.seq == row.seq)
            values = row._replace(hash=previous)._asdict()
            connection.execute(update(tables.history).where(where).values(**values))
        table = tables.partnerships
        connection.execute(update(table).where(table.c.id == key).values(head=previous))
        restore_triggers(connection)
        chain.begin(connection)

    key = life.record.key
    life.system.transact(turn)


def test_a_record_of_the_first_format_is_destroyed_by_its_certificate(begin: Begin) -> None:
    life = ended(begin)
    in_first_format(life)
    assert life.faults() == []
    values = everything_written(life)
    destroyed(life)
    assert life.faults() == []
    assert found_in(life, values) == set()
    words = "UPDATE history SET input = '{}' WHERE seq = 2"
    life.tamper(words)
    assert "its content does not fit its hash: it was changed" in life.faults()


def with_a_leaver(life: Life) -> Life:
    """The same district after somebody came and left again, in no record."""
    life.person("temporary-clerk", roles=["staff"])
    life.system.transact(
        lambda session: directory_changes.remove(
            session.connection,
            tables.people,
            "temporary-clerk@example.org",
            by="staff@example.org",
            now=START,
        )
    )
    return life


def test_what_belongs_to_no_partnership_waits_for_every_hold_and_request(begin: Begin) -> None:
    life = with_a_leaver(ended(begin))
    life.system.transact(
        lambda session: records_requests.open_request(
            session, life.record, date(2033, 1, 2), by="registrar", now=life.now
        )
    )
    (leaver,) = [each for each in due(life) if each.class_ == "leavers"]
    assert leaver.refused == (
        f"it may belong to a partnership that is kept, {life.ref}:"
        " a request for public records of 2033-01-02 is open",
    )


def test_every_table_from_which_rows_are_destroyed_is_cleaned() -> None:
    emptied = {*retention.OF_RECORD, *forgetting.OF_CLASS.values()}
    assert emptied - set(erasing.CLEANED) == set()


def test_people_who_left_are_forgotten_once_nothing_names_them(begin: Begin) -> None:
    life = with_a_leaver(ended(begin))
    assert "leavers" in {each.class_ for each in due(life)}
    assert found_in(life, {"temporary-clerk@example.org"})
    destroyed(life, "leavers")
    assert life.faults() == []
    assert found_in(life, {"temporary-clerk@example.org"}) == set()
