"""Districts to which things happen: with something due, a reply that has come, and a digest to be gathered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.account import newcomer
from tests.support import databases
from tests.support.district import Life
from tests.support.house import House
from tests.support.letters import answer, delivered, got, put
from tests.workflow.daemon.conftest import foundation
from workflow.outbox import queue
from workflow.session import Session, current_time

__all__ = ["foundation"]

CHAOS = int(os.environ.get("CHAOS", "0"))  # how long the long runs are: the number of kills; 0 for short ones
Build = Callable[[], House]
Figures = Callable[[str], None]
READER = "superintendent@example.org"


def rich(house: House) -> None:
    """Let the district have more to do: an answer has come, and a digest is due."""
    with newcomer(house) as life:
        life.do("describe-needs")
        delivered(life)
        put(
            house.folder / "var" / "replies",
            answer(got(life, "describe-needs", "franklin-principal"), "agree"),
        )
        hold(life)


def hold(life: Life, template: str = "describe-needs") -> None:
    """Let two notices wait for a digest that is due."""
    life.person("superintendent", digest=True)
    record, ago = life.record, current_time() - timedelta(minutes=1)

    def tell(session: Session) -> None:
        for _ in range(2):
            queue.tell(
                session, template, READER, "superintendent", life.now,
                partnership=record.id, seq=record.version, held=True, next_at=ago,
            )  # fmt: skip

    life.system.transact(tell)


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
