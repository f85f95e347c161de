"""Killed at each point of its work where something is half done, the next run loses nothing and doubles nothing.

What is on record afterwards, and what has arrived, is what an undisturbed run gives. `CHAOS=1` kills at every call
of every point, and before and after every single commit.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from tests.faults import dying
from tests.faults.account import NOTICES, Account, account, letters, message_ids, opened
from tests.faults.conftest import CHAOS, Build, Figures
from tests.support import databases
from tests.support.house import House
from workflow.session import current_time
from workflow.store import tables

SHORT = [
    ("before a batch is committed", 1),
    ("after a batch is committed", 1),
    ("between claim and delivery", 2),
    ("after delivery, before it is settled", 3),
    ("before a reply is committed", 1),
]
EVERY = [
    *dict(SHORT), "before the procedure is taken up", "before a digest is committed",
    "before anything is delivered", "before a claim is committed", "a letter written, not in its place",
    "a letter in its place, not synced", "before it is settled for good",
    "after a reply is committed", "before a commit", "after a commit",
]  # fmt: skip


@pytest.fixture(scope="session")
def undisturbed(rich_foundation: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Account]:
    """What a run that nobody kills comes to; empty before the first test asks."""
    return []


def ended(house: House) -> None:
    house.start("--once")
    assert house.ended(within=60) == 0


def killed(house: House, point: str, call: int) -> bool:
    """Let a run die there; False if it never comes there."""
    house.start("--once", command=dying.command("partnershipd", die=point, call=call))
    status = house.ended(within=60)
    assert status in (-9, 0)
    return status == -9


def ten_minutes_later(house: House) -> None:
    """What the killed one of several daemons held is free again; the only one takes it back by itself."""
    if not databases.POSTGRESQL:
        return
    held = update(tables.notices).where(NOTICES.lease_until.is_not(None))
    with opened(house) as found:
        found.transact(lambda session: session.connection.execute(held.values(lease_until=current_time())))


def check(house: House, expected: Account) -> None:
    """The next run makes good what the killed one left."""
    ten_minutes_later(house)
    ended(house)
    found = account(house)
    assert found == expected
    assert found.faults == ()
    assert {status for *_, status in found.notices} == {"sent"}
    arrived = sorted(str(letter["Message-ID"]) for letter in letters(house))
    assert arrived == sorted(message_ids(house)), "each message stands in the Maildir exactly once"
    replies = (house.folder / "var" / "replies").glob("[nc]*/*")  # in new and cur
    assert [path for path in replies if not path.name.endswith(":2,S")] == [], "somebody has taken each"


def expected(build: Build, known: list[Account]) -> Account:
    if not known:
        whole = build()
        ended(whole)
        known.append(account(whole))
    return known[0]


@pytest.mark.parametrize("point", dying.POINTS.values(), ids=list(dying.POINTS))
def test_what_a_point_names_is_there(point: tuple[str, str]) -> None:
    place, name = dying.place_of(point[1])
    assert callable(getattr(place, name))


@pytest.mark.promise("all-or-nothing")
@pytest.mark.parametrize(("point", "call"), SHORT, ids=[point for point, _ in SHORT])
def test_killed_at_a_point_the_next_run_loses_and_doubles_nothing(
    build: Build, undisturbed: list[Account], point: str, call: int
) -> None:
    house, whole = build(), expected(build, undisturbed)
    assert killed(house, point, call)
    check(house, whole)


@pytest.mark.promise("stops-in-time")
@pytest.mark.skipif(not CHAOS, reason="a long run: CHAOS=1, or make chaos")
@pytest.mark.parametrize("point", EVERY)
def test_killed_at_every_call_of_a_point(
    build: Build, undisturbed: list[Account], point: str, figures: Figures
) -> None:
    whole, call = expected(build, undisturbed), 1
    while killed(house := build(), point, call):
        check(house, whole)
        call += 1
    figures(f"killed {point}, at each of its {call - 1} calls: 0 lost, 0 double")
    assert call > 1
