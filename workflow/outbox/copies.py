"""Encloses the copy of an application in its receipt, as it is sent, and nowhere else (4270.8).

A message is kept as it was written, and staff can read it there. So the kept one has a note in the place of the
copy, and each attempt to send it puts the copy there. The history never changes, so every attempt sends the same.
An enclosed file is not quoted in an answer, which staff would read before the call closes.
"""

from __future__ import annotations

from base64 import encodebytes

from notifications.compose import Enclosure
from states.inputs import READABLE
from states.names import Role
from workflow.outbox.event_words import entry_of, names_in
from workflow.outbox.message import partnership_of
from workflow.session import Session
from workflow.store.application_texts import SEALED_EVENTS
from workflow.store.rows import Notice

_NOTE = b"The copy of the application went to its author alone.\r\n"
NAME = "application.txt"


def note_copy(session: Session, row: Notice) -> Enclosure | None:
    """Return what stands for the copy in the message that is kept; None for a message without one."""
    return Enclosure(NAME, _NOTE) if _read_copy(session, row) else None


def enclose(session: Session, row: Notice, content: bytes) -> bytes:
    """Return a message with the copy of the application in the place of its note."""
    copy = _read_copy(session, row)
    if copy is None:
        return content
    # The note is the last thing that stands there in this encoding: what people wrote comes before it.
    before, note, after = content.rpartition(_encode(_NOTE))
    return before + _encode(copy.encode()) + after if note else content


def _encode(content: bytes) -> bytes:
    return encodebytes(content).replace(b"\n", b"\r\n")


def _read_copy(session: Session, row: Notice) -> str | None:
    """Return the application that a receipt is about, in words; None if its reader is not the author."""
    is_receipt = row.template in SEALED_EVENTS and row.role == Role.APPLICANT and row.delegate_for is None
    if row.seq is None or not is_receipt or (about := partnership_of(session, row)) is None:
        return None
    entry = entry_of(session, about.key, row.seq)
    values = entry.input_values
    if entry.event not in SEALED_EVENTS or values["contact_email"] != row.to:
        return None
    organization = names_in(session, about.facts).get(values["organization"], values["organization"])
    written = [(READABLE[ability], text) for ability, text in values["abilities"].items()]
    if values.get("demonstration"):
        written.append(("Ability to serve", values["demonstration"]))
    files = [f"File: {each['name']} ({each['size']:,} bytes)" for each in values.get("documents", ())]
    head = [
        f"Application as Lead Partner: {about.facts.title} ({about.ref})",
        f"Received: {session.local(entry.at)}",
        f"Organization: {organization}",
        f"Contact person: {values['contact_name']}, {values['contact_email']}",
        *files,
    ]
    lines = [*head, *(f"\n{label.upper()}\n\n{text}" for label, text in written)]
    return "\r\n".join("\n".join(lines).splitlines()) + "\r\n"
