"""What a rewritten record cannot hide: older exports and messages to the office differ from it."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support import letters
from tests.support.desk import REF, Desk
from tests.workflow.admin.conftest import Sit
from tests.workflow.admin.test_export import SOUND, Document, anew, changed, checked, exported, of_format, row
from workflow.store import tables
from workflow.store.rows import Notice


def rewritten(one: Document) -> None:
    row(2, note="as it should have been")(one)
    anew(one)


def shortened(one: Document) -> None:
    one["history"].pop()
    one["state"] = one["history"][-1]["to_state"]
    anew(one)


@pytest.mark.promise("record-witnessed", "record-verifiable")
@pytest.mark.parametrize(
    ("number", "change", "faults"),
    [
        (1, rewritten, ["row 2: it was changed since: hash, note", "row 3: it was changed since: hash, previous",
                     "row 4: it was changed since: hash, previous", "row 5: it was changed since: hash, previous"]),
        # The hash covers whatever else was changed.
        (2, rewritten, [f"row {row}: it was changed since: hash" for row in (2, 3, 4, 5)]),
        (1, shortened, ["row 5: it is gone"]),
        (2, shortened, ["row 5: it is gone"]),
        (2, lambda one: one.update(ref="another") or anew(one), [f"{REF}: it is not in the export any more"]),
    ],
)  # fmt: skip
def test_a_record_that_was_written_anew_holds_and_shows_beside_an_older_export(
    sit: Sit, number: int, change: Callable[[Document], Any], faults: list[str]
) -> None:
    desk = of_format(number, sit("open"))
    older = exported(desk)
    forged = changed(desk, older, change)
    assert checked(desk, forged) == (0, [SOUND])
    status, said = checked(desk, forged, older)
    assert status == 1
    assert [line.removeprefix(f"{REF}, ") for line in said[:-1]] == faults


def test_what_came_since_an_older_export_is_no_fault(sit: Sit) -> None:
    desk = sit("open")
    older = exported(desk, "older.json")
    desk.life.do("add-note", "staff", text="More")
    assert checked(desk, exported(desk), older) == (0, [SOUND])


def written(desk: Desk, notice: int) -> bytes:
    """The message of a notice as it is written now."""
    query = tables.notices.select().where(tables.notices.c.id == notice)
    return desk.life.system.transact(
        lambda session: letters.written(
            session, Notice.from_row(session.connection.execute(query).one()), desk.life.now
        )
    )


def letter(desk: Desk, role: str) -> str:
    """The last message that somebody in a role was sent, as a file."""
    rows = [row for row in desk.life.notices() if row["role"] == role]
    (desk.folder / "letter.eml").write_bytes(written(desk, rows[-1]["id"]))
    return str(desk.folder / "letter.eml")


@pytest.mark.promise("record-witnessed")
@pytest.mark.parametrize("role", ["staff", "principal"])
def test_a_message_to_the_office_bears_witness_to_the_record(sit: Sit, role: str) -> None:
    desk = sit("open")
    told = letter(desk, role)
    head = message_from_bytes(Path(told).read_bytes(), policy=policy.default)
    record = desk.life.record
    assert head.get_all("X-Partnership-Record") == [f"{REF} {record.version} {record.head}"]
    sound = exported(desk)
    assert checked(desk, sound, told) == (0, [SOUND])
    desk.life.do("add-note", "staff", text="More")
    assert checked(desk, exported(desk, "later.json"), told) == (0, [SOUND])
    assert checked(desk, changed(desk, sound, rewritten), told)[1][0] == (
        f"{REF}, row 5: {told} tells of another"
    )
    assert checked(desk, changed(desk, sound, shortened), told)[1][0] == (
        f"{REF}, row 5: {told} tells of it, and it is gone"
    )


@pytest.mark.promise("others-stay-hidden")
@pytest.mark.parametrize(
    ("station", "role"), [("closed", "applicant"), ("closed", "reviewer"), ("active", "lead-partner")]
)
def test_a_message_to_anybody_else_does_not_tell_how_many_rows_there_are(
    sit: Sit, station: str, role: str
) -> None:
    desk = sit(station)
    head = message_from_bytes(Path(letter(desk, role)).read_bytes(), policy=policy.default)
    assert head["X-Partnership"] == REF
    assert "X-Partnership-Record" not in head
    told = str(desk.folder / "letter.eml")
    assert checked(desk, exported(desk), told)[0] == 1
    said = f"{told}: it tells of no row of the record, so nothing was compared"
    assert checked(desk, exported(desk), told)[1][0] == said


def test_a_digest_bears_witness_to_each_record_that_it_tells_of(sit: Sit) -> None:
    desk = sit("needs")
    other = desk.life.another("franklin-2025")
    other.do("identify-needs")
    desk.life.run(
        """INSERT INTO notices (template, "to", role, status, message_id, queued_at, next_at)
        SELECT 'digest', 'staff@example.org', 'staff', 'queued', '<digest@example.org>', queued_at, next_at
        FROM notices WHERE id = 1"""
    )
    desk.life.run("""UPDATE notices SET held = true, within = (SELECT max(id) FROM notices)
        WHERE "to" = 'staff@example.org' AND template != 'digest'""")
    with desk.life.system.reading() as session:
        last = session.connection.scalar(select(func.max(tables.notices.c.id)))
    head = message_from_bytes(written(desk, last), policy=policy.default)
    assert head.get_all("X-Partnership-Record") == [
        f"{life.ref} {life.record.version} {life.record.head}" for life in (other, desk.life)
    ]
