"""District files and configurations with something wrong in them: each mistake is told in words, nothing is done.

FUZZ=100000 tries so many of each, SEED other ones.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from states.errors import BadInput, Problem, Refused
from tests.fuzz.mutations import mutated, toml
from tests.lives.invariants import everything
from tests.workflow.conftest import Begin
from workflow.procedure import config
from workflow.procedure.config import ConfigError
from workflow.record import importing

SEED = os.environ.get("SEED", "4270")
FUZZ = int(os.environ.get("FUZZ", "0"))
TOP = Path(__file__).parents[2]
SEATTLE = TOP / "examples" / "seattle" / "district.toml"
NOW = datetime(2026, 10, 1, tzinfo=UTC)
# What pydantic or Python says where we should.
FOREIGN = re.compile(
    "input should|pydantic|validat|unable to|should have at|match pattern|traceback|nonetype|object at 0x|codec"
    "|<class|for type",
    re.IGNORECASE,
)


def what_came(work: Callable[[], object]) -> tuple[str, Sequence[Problem]]:
    """What became of a file, and the mistakes that were told. Any other error is a failure."""
    try:
        work()
    except BadInput as bad:
        return "bad input", bad.problems
    except ConfigError as error:
        return "bad input", error.problems
    except Refused as refused:
        return "refused", [Problem("law", unmet.reason) for unmet in refused.unmet]
    return "taken", [Problem("none", "none")]


def well_said(problems: Sequence[Problem]) -> bool:
    """Whether each mistake is told in words, at a place, and in no library's language."""
    return bool(problems) and all(p.at and p.problem and not FOREIGN.search(str(p)) for p in problems)


def small() -> bytes:
    """The sample district with the first three of its partnerships."""
    data = tomllib.loads(SEATTLE.read_text(encoding="utf-8"))
    return toml(data | {"partnership": data["partnership"][:3]}).encode()


def test_a_district_file_with_something_wrong_in_it_is_refused_in_words_and_writes_nothing(
    begin: Begin, tmp_path: Path
) -> None:
    life, rng = begin(), Random(f"files {SEED}")
    few, path = small(), tmp_path / "district.toml"
    plain = SEATTLE.read_bytes()
    before, came = everything(life.system), Counter[str]()
    for number in range(FUZZ or 250):
        is_whole = number % 3 == 0  # the whole of it takes too long to be taken in
        path.write_bytes(mutated(plain if is_whole else few, rng))

        def take_in(only_read: bool = is_whole) -> None:
            given = importing.read_file(path)
            if not only_read:
                importing.take_in(life.system, given, by="staff@example.org", now=NOW, dry_run=True)

        what, problems = what_came(take_in)
        assert well_said(problems), (number, problems)
        came[what] += 1
    assert everything(life.system) == before
    assert min(came["taken"], came["bad input"]) > 5, came
    print(dict(came))


def test_a_configuration_with_something_wrong_in_it_is_refused_in_words(tmp_path: Path) -> None:
    rng, came = Random(f"configurations {SEED}"), Counter[str]()
    packaged = (TOP / "config.toml").read_bytes()
    path = tmp_path / "config.toml"
    for number in range(FUZZ or 120):
        path.write_bytes(mutated(packaged, rng))
        what, problems = what_came(lambda: config.load(path, words=False))
        assert well_said(problems), (number, problems)
        came[what] += 1
    assert min(came["taken"], came["bad input"]) > 5, came
    print(dict(came))


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
