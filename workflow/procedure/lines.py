"""Finds the line of a config.toml on which a setting stands, since a reader of TOML does not keep it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workflow.procedure.config import DEFAULTS, Config
from workflow.procedure.reading import read_text, read_toml


@dataclass(frozen=True, slots=True)
class Place:
    """Where a setting stands. `line` counts from 1; None for a way of writing it that is not looked into."""

    file: Path
    line: int | None
    value: object

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


def find_setting(config: Config, *path: str) -> Place | None:
    """Return the place of a setting, in the district's own file or else in the packaged one; None if in neither."""
    for file in filter(None, (config.path, DEFAULTS / "config.toml")):
        value: object = read_toml(file)
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return Place(file.resolve(), _find_line(read_text(file), path), value)
    return None


def _find_line(text: str, path: tuple[str, ...]) -> int | None:
    """Return the line of a key below the head of its table, or of the key in full; None if it is on neither."""
    head, whole = ".".join(path[:-1]), ".".join(path)
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            table = re.sub(r"[\s\"']", "", heading[1])
        elif key := re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line):
            name = re.sub(r"[\"']", "", key[1])
            if (table, name) == (head, path[-1]) or f"{table}.{name}".strip(".") == whole:
                return number
    return None
