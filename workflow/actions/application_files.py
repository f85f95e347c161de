"""Keeps the files of an applicant until the application is on record, and puts them on record with it.

The values of a form list them, and only this module reads or writes that list: nobody can name the file of
somebody else. Their contents wait where forms that are not recorded wait, apart from what the history keeps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from states.errors import BadInput, Problem
from workflow.actions import attachments, held_applications, kept_forms
from workflow.actions.applicants import own_application
from workflow.actions.attachments import File
from workflow.actions.kept_forms import Kept
from workflow.session import Session
from workflow.store import kept_documents, tables
from workflow.store.application_texts import (
    SEALED_EVENTS,
    FileEntry,
    list_files,
    read_text,
    stream,
    write_files,
)
from workflow.store.rows import Snapshot

KEY = "documents"  # of the list in the values of a form
_PERIOD = timedelta(days=400)  # how long the files of a draft are kept after they were last changed
_TIMES = 5  # one address may send this many times the limit of one form to one call


def choose(
    session: Session,
    record: Snapshot,
    email: str,
    ticked: Sequence[str],
    new: Sequence[File],
    now: datetime,
) -> str:
    """Return the list of the files that an applicant wants: those that are `ticked`, by digest, and the `new` ones.

    Keep the contents of the new ones, and of those that a draft or a held application lists. Raise `BadInput` if
    a file cannot be taken, or all together are too many or too large.
    """
    waiting = _waiting(session, record, email)
    known = _on_record(session, record, email) | {digest: _entry(file) for digest, file in waiting.items()}
    chosen = {digest: known[digest] for digest in ticked if digest in known}
    added = {hashlib.sha256(content).hexdigest(): (name, content) for name, content in new}
    chosen |= {digest: _entry(file) for digest, file in added.items()}
    _check(session, list(chosen.values()), new)
    listed = {*chosen, *_listed_elsewhere(session, record, email)}
    kept = {digest: file for digest, file in (waiting | added).items() if digest in listed}
    if kept.keys() != waiting.keys():
        _keep(session, record, email, kept, now)
    return write_files(chosen.values())


def put_on_record(
    session: Session, record: Snapshot, email: str, values: Mapping[str, str], now: datetime
) -> list[dict[str, Any]]:
    """Keep the files that the values list for good. Return what the input of an application names.

    Raise `BadInput` if one of them is gone, or the address would have sent too much to this call.
    """
    entries = list_files(values.get(KEY, ""))
    if not entries:
        return []
    sent = _sizes_sent(session, record, email) | {each["sha256"]: each["size"] for each in entries}
    most = _TIMES * session.config.procedure.web.upload_megabytes
    if sum(sent.values()) > most * 1_000_000:
        problem = "with these files you would have sent too much to this call"
        raise BadInput([Problem(KEY, problem, f"no more than {most} MB in all")])
    waiting = _waiting(session, record, email)
    for entry in entries:
        if file := waiting.get(entry["sha256"]):
            kept_documents.keep(session.connection, *file, now)
        elif entry["sha256"] not in _on_record(session, record, email):
            problem = f"{entry['name']!r} is not here any more"
            raise BadInput([Problem(KEY, problem, "the file chosen again")])
    return [dict(entry) for entry in entries]


def forget(session: Session, record: Snapshot, email: str) -> None:
    """Delete the files that waited, since the application is on record."""
    kept_forms.forget(session, name := _name(record, email), name)


def take_back(session: Session, record: Snapshot, email: str, now: datetime) -> None:
    """Let the files of an application that is withdrawn wait again, for the draft that it becomes."""
    files = _waiting(session, record, email)
    for digest, entry in _on_record(session, record, email).items():
        content = kept_documents.read(session.connection, digest)
        if content is not None:
            files[digest] = entry["name"], content
    _keep(session, record, email, files, now)


def read_own(session: Session, record: Snapshot, email: str, digest: str) -> File | None:
    """Return a file of an applicant, sent or waiting; None if this address has none with this digest."""
    if file := _waiting(session, record, email).get(digest):
        return file
    entry = _on_record(session, record, email).get(digest)
    content = kept_documents.read(session.connection, digest) if entry else None
    return (entry["name"], content) if entry and content is not None else None


def _entry(file: File) -> FileEntry:
    name, content = file
    return {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _check(session: Session, chosen: Sequence[FileEntry], new: Sequence[File]) -> None:
    megabytes = session.config.procedure.web.upload_megabytes
    attachments.refuse_any_unfit(KEY, new, megabytes)
    size, names = sum(each["size"] for each in chosen), [each["name"] for each in chosen]
    if problem := attachments.find_too_many(KEY, names, size, megabytes):
        raise BadInput([problem])


def _name(record: Snapshot, email: str) -> str:
    """Return the name under which the files of an address wait. It is no link's, so no other form replaces them."""
    return f"application files {record.ref} {record.facts.round} {email}"


def _keep(session: Session, record: Snapshot, email: str, files: Mapping[str, File], now: datetime) -> None:
    name = _name(record, email)
    if files:
        kept_forms.keep(session, name, Kept(name, "", {}, tuple(files.values())), now, _PERIOD)
    else:
        kept_forms.forget(session, name, name)


def _waiting(session: Session, record: Snapshot, email: str) -> dict[str, File]:
    """Return the files of an address that are not on record yet, by digest."""
    table = tables.kept_files
    query = select(table.c.name, table.c.content).where(table.c.form == _name(record, email))
    rows = session.connection.execute(query.order_by(table.c.number))
    return {hashlib.sha256(row.content).hexdigest(): (row.name, bytes(row.content)) for row in rows}


def _on_record(session: Session, record: Snapshot, email: str) -> dict[str, FileEntry]:
    """Return the files of the application that this address has sent, by digest."""
    sent = own_application(record, email)
    documents: Iterable[Mapping[str, Any]] = (
        read_text(session.connection, record, sent).documents if sent else ()
    )
    return {
        each["sha256"]: {"name": each["name"], "sha256": each["sha256"], "size": each["size"]}
        for each in documents
        if each.get("sha256")
    }


def _listed_elsewhere(session: Session, record: Snapshot, email: str) -> set[str]:
    """Return the digests of the files that the saved draft and the held application of an address list."""
    table = tables.drafts
    query = select(table.c["values"]).where(table.c.partnership == record.id, table.c.email == email)
    texts = [json.loads(text).get(KEY, "") for text in session.connection.scalars(query)]
    if held := held_applications.find_held(session, record, email):
        texts.append(held.values.get(KEY, ""))
    return {each["sha256"] for text in texts for each in list_files(text)}


def _sizes_sent(session: Session, record: Snapshot, email: str) -> dict[str, int]:
    """Return the size of each file that an address has sent to the present call, by digest."""
    table, call = tables.history, record.facts.selection
    if call is None:
        return {}
    query = select(table).where(
        table.c.partnership == record.id,
        table.c.event.in_(SEALED_EVENTS),
        table.c.actor == email,
        table.c.at >= call.opened_at,
    )
    rows = stream(session.connection, query)
    every = (each for row in rows for each in row.input_values.get(KEY, ()))
    return {each["sha256"]: each["size"] for each in every if each.get("sha256")}
