"""Districts to which things happen: with something due, a reply that has come, and a digest to be gathered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from tests.faults.account import opened
from tests.support import databases
from tests.support.district import Life, person
from tests.support.facts import LA
from tests.support.house import NEW, House
from tests.support.letters import answer, put
from tests.workflow.daemon.conftest import foundation
from workflow import directory, engine
from workflow.outbox import delivery, queue
from workflow.session import Session, current_time, make_mailer
from workflow.store import tables

__all__ = ["foundation"]

CHAOS = int(os.environ.get("CHAOS", "0"))  # how long the long runs are: the number of kills; 0 for short ones
Build = Callable[[], House]
Figures = Callable[[str], None]
READER = "superintendent@example.org"


def rich(house: House) -> None:
    """Let the district have more to do: an answer has come, and a digest is due."""
    with opened(house) as found:
        life = Life(found, NEW, "franklin")
        life.now = current_time().astimezone(LA)
        life.do("describe-needs")
        delivery.deliver(found, make_mailer(found.config), current_time)
        asked = [n for n in life.notices("describe-needs") if n["to"].startswith("franklin-principal")]
        letter = BytesParser(policy=policy.default).parsebytes(asked[0]["message"])
        assert isinstance(letter, EmailMessage)
        put(house.folder / "var" / "replies", answer(letter, "agree"))
        found.transact(lambda session: hold(session, life))


def hold(session: Session, life: Life, template: str = "describe-needs") -> None:
    """Let two notices wait for a digest that is due."""
    values = person("superintendent", roles=["superintendent"], digest=True)
    directory.put(session.connection, tables.people, values, by="staff@example.org", now=life.now)
    record = engine.load(session.connection, [life.ref])[life.ref]
    for _ in range(2):
        queue.tell(
            session, template, READER, "superintendent", life.now,
            partnership=record.id, seq=record.version, held=True,
            next_at=current_time() - timedelta(minutes=1),
        )  # fmt: skip


@pytest.fixture(scope="session")
def rich_foundation(foundation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    house = House(foundation, tmp_path_factory.mktemp("rich"))
    rich(house)
    return house.folder


@pytest.fixture
def build(rich_foundation: Path, tmp_path: Path) -> Iterator[Build]:
    """Builds houses of the same district, as it is before anything happens; what runs in them is ended."""
    houses: list[House] = []

    def build() -> House:
        folder = tmp_path / f"house-{len(houses)}"
        folder.mkdir(exist_ok=True)
        for part in ("mail", "var"):
            shutil.copytree(rich_foundation / part, folder / part)
        houses.append(House(rich_foundation, folder))
        return houses[-1]

    yield build
    for house in houses:
        house.end()


@pytest.fixture
def figures(capsys: pytest.CaptureFixture[str]) -> Figures:
    """Says on the terminal what an experiment has counted."""

    def figures(text: str) -> None:
        with capsys.disabled():
            print(f"\n{kind}: {text}")

    kind = "PostgreSQL" if databases.POSTGRESQL else "SQLite"
    return figures


@pytest.fixture
def house(build: Build) -> House:
    return build()
