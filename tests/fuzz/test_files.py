"""District files and configurations with something wrong in them: each mistake is told in words, nothing is done.

FUZZ=100000 tries so many of each, SEED other ones.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from states.errors import BadInput, Problem, Refused
from tests.support.district import Begin
from tests.support.inputs import JUNK
from workflow.procedure import config
from workflow.procedure.config import ConfigError
from workflow.record import district_file, importing

# Files with something wrong.

BYTES = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\r", b"\n", b'"', b"'''", b"[", b"]", b"[[", b"=", b"#", b".", b"{", b"}",
    b"\xef\xbb\xbf", b"\\", b"\\u0000", b"\\ud800", "\u202e".encode(), "\u200b".encode(), b"1" * 400,
)  # fmt: skip
WORDS = (
    "true", "nan", "inf", "-inf", "[]", "{}", "[[]]", '""', '"\\u0000"', "0001-01-01", "9999-12-31", "1e400",
    "0x7F", "07:00", "24:61", "2026-02-30", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "-1", "0", "5",
    "9999-12-31T23:59:59-14:00", "18446744073709551616", "9" * 5_000, f'"{"x" * 30_000}"', f'"{"[" * 200}"',
    "[" * 3_000, "{a=" * 500, "'\u202e'", '"at at"',
)  # fmt: skip
ODD: tuple[Any, ...] = (
    *JUNK, date(1, 1, 1), date(9999, 12, 31), time(23, 59), datetime(2026, 1, 1), 5, 0.5, "5", "17:00", "mon",
    "every day", "30 days after nothing", "at board.meeting", "1 fortnight", ["staff", "staff"], {"after": "1 day"},
    [{}], "clock", "waiting", 10**400, "9" * 5_000, True, False, "postgresql://x", "sqlite:////", "http://[", "a@b",
    "+@x.org",
)  # fmt: skip


def by_bytes(content: bytes, rng: Random) -> bytes:
    """Some bytes taken out, put in, doubled, or the rest cut off."""
    for _ in range(rng.randint(1, 3)):
        at, other = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
        what = rng.randrange(5)
        if what == 0:
            content = content[:at]
        elif what == 1:
            content = content[:at] + content[min(other, at + 40) :]
        elif what == 2:
            content = content[:at] + content[at : at + 200] + content[at:]
        else:
            content = content[:at] + rng.choice(BYTES) + content[at:]
        if not content:
            return b"\x00"
    return content


def by_words(text: str, rng: Random) -> str:
    """The value of some line, or its key, is another; or a line stands twice, or elsewhere."""
    lines = text.splitlines()
    for _ in range(rng.randint(1, 3)):
        at = rng.choice([n for n, line in enumerate(lines) if line.strip()])
        key, sign, value = lines[at].partition("=")
        what = rng.randrange(6)
        if what == 0:
            lines.insert(rng.randrange(len(lines)), lines[at])
        elif what == 1:
            lines.insert(rng.randrange(len(lines)), lines.pop(at))
        elif what == 2 and sign:
            lines[at] = f"{key.strip()}x ={value}"
        elif sign:
            lines[at] = f"{key}= {rng.choice(WORDS)}"
        else:
            lines[at] = lines[at].replace("]", "x]", 1)
    return "\n".join(lines)


def by_values(data: Any, rng: Random) -> Any:
    """The same with one value somewhere in it another, a key gone, or one too many."""
    if isinstance(data, dict) and data and rng.random() < 0.93:
        key = rng.choice(list(data))
        if rng.random() < 0.06:
            return {k: v for k, v in data.items() if k != key}
        if rng.random() < 0.06:
            return data | {rng.choice(("x", "", "a b", "\u202e")): rng.choice(ODD)}
        return data | {key: by_values(data[key], rng)}
    if isinstance(data, list) and data and rng.random() < 0.93:
        at = rng.randrange(len(data))
        if rng.random() < 0.05:
            return [*data, data[at]]
        return [*data[:at], by_values(data[at], rng), *data[at + 1 :]]
    return rng.choice(ODD)


def toml(data: dict[str, Any]) -> str:
    """A table as TOML, a line for each of its keys."""
    return "\n".join(f"{_text(key)} = {_value(value)}" for key, value in data.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{_text(key)} = {_value(one)}" for key, one in value.items() if one is not None)
            + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(one) for one in value if one is not None) + "]"
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return _text(value) if isinstance(value, str) else "0" if value is None else str(value)


def _text(text: str) -> str:
    escaped = "".join(c if c.isprintable() and c not in '"\\' else _escape(c) for c in text)
    return f'"{escaped}"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def mutated(content: bytes, rng: Random) -> bytes:
    """A TOML file with something wrong in it, most often."""
    what = rng.random()
    if what < 0.3:
        return by_bytes(content, rng)
    if what < 0.6:
        return by_words(content.decode(), rng).encode("utf-8", "surrogatepass")
    data = tomllib.loads(content.decode())
    for _ in range(rng.randint(1, 3)):
        made = by_values(data, rng)
        data = made if isinstance(made, dict) else data
    return toml(data).encode("utf-8", "surrogatepass")


# The tests

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
    before, came = life.dump(), Counter[str]()
    for number in range(FUZZ or 250):
        is_whole = number % 3 == 0  # the whole of it takes too long to be taken in
        path.write_bytes(mutated(plain if is_whole else few, rng))

        def take_in(only_read: bool = is_whole) -> None:
            given = district_file.read_file(path)
            if not only_read:
                importing.take_in(life.system, given, by="staff@example.org", now=NOW, dry_run=True)

        what, problems = what_came(take_in)
        assert well_said(problems), (number, problems)
        came[what] += 1
    assert life.dump() == before
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
