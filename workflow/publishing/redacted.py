"""Holds what is left of a partnership after something was withheld, and lists what was withheld."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from workflow.publishing.dossier_parts import Parts
from workflow.publishing.secrets_in_text import Secrets

SEALED = "sealed"  # the name of what only a call that closes will open


class Withheld(NamedTuple):
    """A line of the exemption log: the item, and the name of the exemption."""

    item: str
    exemption: str


@dataclass(slots=True)
class Redacted:
    """What is left: by number of a row the pointers that are withheld, and each document and message anew."""

    pointers: dict[int, dict[str, str]] = field(default_factory=dict)
    files: dict[str, tuple[bytes | None, str | None]] = field(default_factory=dict)  # content, exemption
    messages: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)  # text, exemption
    changed: dict[str, set[str]] = field(default_factory=dict)  # exemptions of what was taken out of messages
    secrets: Secrets = field(default_factory=lambda: Secrets({}))
    patterns: dict[Any, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    days: str | None = None  # the exemption that withholds the calendar
    unread: list[str] = field(default_factory=list)  # documents that this program cannot search

    def hides(self, seq: int) -> Callable[[str], bool]:
        """Return whether a pointer of a row is withheld."""
        return self.pointers.get(seq, {}).__contains__

    def exemption_of(self, seq: int, pointer: str) -> str | None:
        """Return the exemption of a pointer of a row, or of what it stands in; None if it is shown."""
        mine = self.pointers.get(seq, {})
        parts = pointer.split("/")
        steps = ("/".join(parts[:length]) for length in range(2, len(parts) + 1))
        return next((mine[step] for step in steps if step in mine), None)

    def clean(self, text: str) -> str:
        """Return a short text, such as a title or a name, without what is withheld."""
        return self.secrets.replace(text, self.patterns, self.kept) or "[withheld]"

    def log(self) -> Iterator[Withheld]:
        """Yield everything that is withheld, by row and item."""
        for seq, pointers in sorted(self.pointers.items()):
            yield from (Withheld(f"row/{seq}{pointer}", name) for pointer, name in sorted(pointers.items()))
        for items in (self.files, self.messages):
            yield from (Withheld(item, name) for item, (_, name) in items.items() if name)
        for item, names in self.changed.items():
            yield from (Withheld(f"{item}/part", name) for name in sorted(names))
        if self.days:
            yield Withheld("dates.ics", self.days)


def show_all(parts: Parts) -> Redacted:
    """Return everything that is not sealed, for the office."""
    return Redacted(
        pointers={row.entry.seq: {f"/{name}": SEALED for name in sorted(row.sealed)} for row in parts.rows},
        files={file.item: (file.content, None) for file in parts.files},
        messages={message.item: (message.text(), None) for message in parts.messages},
    )
