"""A desk at the partnership office: the admin script run in this process, and a look at what it did."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.district import Life
from workflow.admin import program

PROGRAMS = Path(sys.executable).parent
REF = "rbhs-2025"
STAFF = ("--as", "staff@example.org")


@dataclass(frozen=True)
class Answer:
    """What the program answered: its exit status and what it wrote to people and to programs."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output, and nothing else there."""
        return json.loads(self.out)

    @property
    def problems(self) -> list[str]:
        """The problems of wrong input, each as its place and what is wrong there."""
        assert self.json["error"] in ("input", "setup"), self.json
        return [f"{p['at']}: {p['problem']}" for p in self.json["problems"]]


class Desk:
    """A district in a folder with the program beside it."""

    def __init__(self, life: Life, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.life, self.folder = life, life.system.config.folder
        self._capsys, self._patch = capsys, patch

    @property
    def config(self) -> str:
        return str(self.folder / "config.toml")

    def run(self, *words: str, stdin: str = "") -> Answer:
        """Run `partnershipctl` on this district with these arguments."""
        return self.bare("--config", self.config, *words, stdin=stdin)

    def bare(self, *words: str, stdin: str = "") -> Answer:
        """Run `partnershipctl` with these arguments and no others."""
        self._capsys.readouterr()
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as left:
            program.main(words)
        said = self._capsys.readouterr()
        return Answer(int(left.value.code or 0), said.out, said.err)

    def ask(self, *words: str, stdin: str = "") -> Any:
        """The JSON document of a command that must succeed without a word to people."""
        answer = self.run(*words, "--json", stdin=stdin)
        assert (answer.status, answer.err) == (0, ""), answer
        return answer.json

    def say(self, *words: str) -> str:
        """What a command that must succeed tells people."""
        answer = self.run(*words)
        assert (answer.status, answer.err) == (0, ""), answer
        return answer.out

    def trigger(self, event: str, *words: str, stdin: str = "") -> Answer:
        return self.run("trigger", REF, event, *words, "--json", stdin=stdin)

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return str(self.folder / name)


def real(
    *words: str, environment: dict[str, str] | None = None, folder: Path | None = None,
    program: str = "partnershipctl",
) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
    """Run the installed program as a process of its own."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PARTNERSHIPS_")}
    return subprocess.run(
        [str(PROGRAMS / program), *words], capture_output=True, timeout=60, check=False, cwd=folder,
        env=known | (environment or {}),
    )  # fmt: skip
