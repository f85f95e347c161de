"""The sample district: every state is in it, it can be taken in for years, and something is due at once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import select

from states.names import Kind, State
from tests.support import databases
from workflow.clock import fire
from workflow.procedure import config
from workflow.procedure.config import Config
from workflow.record import district_file, importing, verify
from workflow.record.district_file import DistrictFile
from workflow.session import System
from workflow.store import database, tables, upgrade

SEATTLE = Path(__file__).parents[2] / "examples" / "seattle"
TOLD = datetime.fromisoformat("2026-11-20T17:00-08:00")
NOW = datetime.fromisoformat("2026-11-23T09:00-08:00")
LATER = datetime.fromisoformat("2029-01-01T09:00-08:00")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample, at the place it has in a checkout."""
    top = tmp_path_factory.mktemp("checkout")
    shutil.copytree(SEATTLE, top / "examples" / "seattle")
    return top


@pytest.fixture(scope="module")
def settings(checkout: Path) -> Config:
    return config.load(checkout / "examples" / "seattle" / "config.toml")


@pytest.fixture(scope="module")
def given() -> DistrictFile:
    return district_file.read_file(SEATTLE / "district.toml")


@contextmanager
def taken_in(folder: Path, settings: Config, given: DistrictFile, now: datetime) -> Iterator[System]:
    databases.create(folder)
    engine = database.open_store(databases.url(folder), create=True)
    try:
        upgrade.upgrade(engine)
        system = System(settings, engine)
        importing.take_in(system, given, by="test", now=now)
        yield system
    finally:
        engine.dispose()
        databases.drop(folder)


@pytest.fixture(scope="module")
def sample(
    tmp_path_factory: pytest.TempPathFactory, settings: Config, given: DistrictFile
) -> Iterator[System]:
    """The district as it is just after the import. Tests that share it leave it so."""
    with taken_in(tmp_path_factory.mktemp("sample"), settings, given, NOW) as system:
        yield system


def states(system: System) -> dict[str, str]:
    table = tables.partnerships
    with system.reading() as session:
        return {row.ref: row.state for row in session.connection.execute(select(table.c.ref, table.c.state))}


def with_open_deadline(system: System) -> set[str]:
    both = tables.partnerships.join(
        tables.deadlines, tables.deadlines.c.partnership == tables.partnerships.c.id
    )
    query = select(tables.partnerships.c.ref).select_from(both).where(tables.deadlines.c.status == "open")
    with system.reading() as session:
        return set(session.connection.scalars(query))


def notices(system: System) -> set[str]:
    with system.reading() as session:
        return set(session.connection.scalars(select(tables.notices.c.template)))


def faults(system: System) -> list[verify.Fault]:
    with system.reading() as session:
        return [fault for _, found in verify.verify(session.connection, system.config) for fault in found]


def test_its_data_lies_at_the_top_of_the_checkout(checkout: Path, settings: Config) -> None:
    var = (checkout / "var").resolve()
    assert Path(settings.database_url.removeprefix("sqlite:///")).resolve() == var / "partnerships.db"
    assert (settings.folder / settings.procedure.mail.maildir).resolve() == var / "mail"


@pytest.mark.parametrize("name", ["district.toml", "config.toml"])
def test_every_address_is_one_reserved_for_examples(name: str) -> None:
    found = re.findall(r"[\w.+-]+@[\w.-]+", (SEATTLE / name).read_text(encoding="utf-8"))
    assert found
    assert [address for address in found if not address.endswith("@example.org")] == []


def test_nothing_in_it_is_later_than_the_day_it_is_told(given: DistrictFile) -> None:
    assert max(event.at for partnership in given.partnership for event in partnership.event) <= TOLD


def test_every_kind_of_organization_and_of_meeting_is_in_it(given: DistrictFile) -> None:
    assert {organization.kind for organization in given.organization} == set(get_args(Kind))
    assert {meeting.kind for meeting in given.meeting} == {"regular", "special"}


def test_every_state_is_in_it(sample: System) -> None:
    assert set(states(sample).values()) == set(State)


def test_its_histories_fold_to_what_is_stored(sample: System) -> None:
    assert faults(sample) == []


def test_the_same_file_again_changes_nothing(sample: System, given: DistrictFile) -> None:
    counts = importing.take_in(sample, given, by="test", now=NOW)
    assert (counts.added, counts.changed) == ({}, {})
    assert counts.unchanged["partnerships"] == len(given.partnership)


def test_an_import_tells_nobody_about_the_past(sample: System) -> None:
    assert notices(sample) == set()


@pytest.mark.parametrize("now", [NOW, LATER], ids=lambda now: f"{now:%Y}")
def test_the_first_look_at_the_clock_makes_something_happen(
    tmp_path: Path, settings: Config, given: DistrictFile, now: datetime
) -> None:
    with taken_in(tmp_path, settings, given, now) as system:
        tally = fire.fire_due(system, now)
        done = {(change.record.ref, change.intent.event) for change in tally.changes}
        assert {("mercer-2026", "close-applications"), ("concord-2025", "expire")} <= done
        assert tally.failures == []
        assert {"close-applications", "expire"} <= notices(system)
        alive = {ref for ref, state in states(system).items() if state != State.TERMINATED}
        assert alive - with_open_deadline(system) == set()
        assert faults(system) == []
