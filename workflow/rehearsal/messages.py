"""Writes the messages of a rehearsal to a folder, one file each, with links that do nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from notifications.masking import mask
from workflow.outbox.message import DIGEST
from workflow.rehearsal.happenings import Happening, Kind
from workflow.rehearsal.telling import Telling

_WITHHELD = "(withheld: it may quote applications, which are sealed until the call closes)\n"
_UNSAFE = re.compile(r"[^\w.@-]+", re.ASCII)
_LONGEST = 80  # characters of an address or a subject in the name of a file, which may have 255


@dataclass
class Messages:
    """Keeps the messages of a rehearsal. Their links and addresses for answers are masked at once."""

    by_id: dict[str, bytes] = field(default_factory=dict)

    def keep(self, message_id: str, content: bytes) -> None:
        """Keep one message."""
        self.by_id[message_id] = mask(content)


def name_files(telling: Telling, messages: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files by name: instant, number, recipient and subject.

    A message whose reader may not be named is left out. A message about a call that is open when the rehearsal
    begins says nothing, since it may quote applications that nobody can read yet.
    """
    return {
        _name(telling, each): _withhold(each) if _is_sealed(telling, each) else messages[each.message_id]
        for each in telling.rehearsal.happenings
        if each.kind is Kind.NOTICE and not each.hidden and each.message_id in messages
    }


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files into a folder, which is made if it is not there. Raise `OSError`."""
    # Only the owner may read what people are told.
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)


def _name(telling: Telling, each: Happening) -> str:
    local = telling.wording.settings.calendar.local(each.at)
    parts = (f"{local:%Y-%m-%dT%H%M}", f"{each.number:05d}", _shorten(each.who), _shorten(each.detail))
    return "_".join(filter(None, parts)) + ".eml"


def _shorten(text: str) -> str:
    return _UNSAFE.sub("-", text)[:_LONGEST].strip("-.")


def _is_sealed(telling: Telling, each: Happening) -> bool:
    sealed = telling.rehearsal.sealed
    # A digest holds messages about several partnerships.
    return each.ref in sealed or (each.name == DIGEST and bool(sealed))


def _withhold(each: Happening) -> bytes:
    message = EmailMessage()
    message["Date"] = each.at
    message["To"] = each.who
    message["Subject"] = each.detail
    message.set_content(_WITHHELD)
    return message.as_bytes()
