"""Renders pages: turns a template and its context into HTML, in the same sandbox as the notices.

A page is `pages/NAME.j2`; the packet for the Board is made from `packet/NAME.j2`, the pages of a dossier from
`dossier/NAME.j2`, the page of a rehearsal from `rehearsal/NAME.j2`. A district's own file hides the packaged one of
the same name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import TemplateSyntaxError

from notifications.render import make_environment
from notifications.sandbox import bounded
from notifications.texts import EXPECTED, explain_unreadable

# The folders below templates/ whose files are rendered here.
PAGES, PACKET, PUBLISHING = "pages", "packet", "publishing"
DOSSIER, REHEARSAL = "dossier", "rehearsal"


class Pages:
    """The pages in `folders`, which are searched in order. Each is compiled once. Threads may share this object."""

    def __init__(self, folders: Sequence[Path], zone: ZoneInfo) -> None:
        self._folders = tuple(folders)
        self._environment = make_environment(folders, zone, html=True)

    def render(self, name: str, context: Mapping[str, Any], folder: str = PAGES) -> str:
        """Return the HTML of a page. Raise an error of Jinja if it cannot be rendered."""
        template = self._environment.get_template(f"{folder}/{name}.j2")
        with bounded():
            return template.render(dict(context))

    def problems(self) -> Iterator[tuple[str, str, str]]:
        """Return what stops a page, or what is published, from being compiled.

        Each is the file and line, what is wrong, and what would be right.
        """
        # A district's own file hides the packaged one, so each name is read once.
        names = {
            f"{kind}/{path.name}"
            for folder in self._folders
            for kind in (PAGES, PACKET, PUBLISHING, DOSSIER, REHEARSAL)
            for path in (folder / kind).glob("*.j2")
        }
        # Loading a page compiles it, and that finds mistakes that would otherwise first show to a reader.
        for name in sorted(names):
            try:
                self._environment.get_template(name)
            except TemplateSyntaxError as error:
                at = f"templates/{name}, line {error.lineno}"
                yield at, error.message or str(error), "correct Jinja"
            except (OSError, UnicodeDecodeError) as error:
                yield f"templates/{name}", explain_unreadable(error), EXPECTED
