"""Finds the templates of a district, and compiles them when they are first used.

Jinja takes long to import, and most commands render nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from notifications.pages import Pages
    from notifications.render import Templates

_NOTICE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.j2")


def is_notice(path: Path) -> bool:
    """Return whether a file has the name of a notice: lower case words, joined by hyphens."""
    return _NOTICE_NAME.fullmatch(path.name) is not None


def choose_files(folders: Sequence[Path]) -> list[Path]:
    """Return the templates under email/: for each file name, the one in the first folder that has it."""
    chosen: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / "email").glob("*.j2")):
            chosen.setdefault(path.name, path)
    return [chosen[name] for name in sorted(chosen)]


class TemplateFiles:
    """The templates in `folders`, which are searched in order. What was compiled stays, also if a file changes."""

    def __init__(self, folders: Sequence[Path], zone: ZoneInfo) -> None:
        self._folders = tuple(folders)
        self._zone = zone

    def names(self) -> list[str]:
        """Return the names of all notices, in alphabetical order."""
        places = [folder / "email" for folder in self._folders]
        # Thousands of calls less than a look at every path.
        files = {name for place in places if place.is_dir() for name in os.listdir(place)}  # noqa: PTH208
        return sorted(name.removesuffix(".j2") for name in files if _NOTICE_NAME.fullmatch(name))

    @cached_property
    def templates(self) -> Templates:
        """Return the notices."""
        from notifications.render import Templates

        return Templates(self._folders, self._zone)

    @cached_property
    def pages(self) -> Pages:
        """Return the pages."""
        from notifications.pages import Pages

        return Pages(self._folders, self._zone)
