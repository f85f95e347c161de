"""Enters an applicant and its organization in the directory, without changing what others have entered."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.case import Organization
from states.errors import BadInput, Problem
from states.selection import Application
from workflow import directory, directory_changes
from workflow.session import Session
from workflow.store import tables
from workflow.store.locks import one_at_a_time
from workflow.store.rows import Snapshot


def own_application(record: Snapshot, email: str) -> Application | None:
    """Return the application that this address has sent to the present call, if any."""
    call = record.facts.selection
    sent = call.applications.values() if call else ()
    return next((application for application in sent if application.contact_email == email), None)


def register(
    session: Session, record: Snapshot, email: str, values: Mapping[str, str], now: datetime
) -> tuple[Session, str]:
    """Return the identifier of the applying organization, and a session whose directory holds it.

    1. Lock the directory and read it again.
    2. Take the identifier of the application that this address has sent, or else of the organization that the
       directory gives to the address.
    3. Without either, make a new identifier and enter the organization and the person.
    4. If the name or kind differs from the directory, change it there, provided that this address entered it.
    """
    session = _lock_directory(session)
    sent = own_application(record, email)
    organization = sent.organization if sent else _organization_of(session, record, email)
    if organization is None:
        organization = _new_id(session, values["name"])
        _put_organization(session, organization, values, email, now)
        _put_person(session, organization, email, values["contact_name"], now)
    elif _differs(session, organization, values):
        _check_may_rename(session, organization, email)
        _put_organization(session, organization, values, email, now)
    else:
        return session, organization
    return _lock_directory(session), organization


def _lock_directory(session: Session) -> Session:
    """Return a session with the present directory, locked against other writers until the transaction ends.

    The session's directory was read before this transaction waited for the partnership. Since then another
    applicant of the same name, to this call or another, may have taken the identifier made from the name.
    """
    one_at_a_time(session.connection, "directory")
    if directory_changes.version_of(session.connection) == session.directory.version:
        return session
    return replace(session, directory=directory.read(session.connection, session.config))


def _organization_of(session: Session, record: Snapshot, email: str) -> str | None:
    """Return the organization that the directory gives to an address, unless another address has applied for it.

    Raise `BadInput` if the District no longer uses the address.
    """
    person = session.directory.people.get(email)
    if person is not None and not person.active:
        expected = "another address, or a word with the office"
        raise BadInput([Problem("", "the District no longer uses this address", expected)])
    organization = person.organization if person else None
    applied = record.facts.selection.applications if record.facts.selection else {}
    # Another address of the organization has applied. A new identifier keeps the two applications apart.
    if organization is None or organization in applied or organization not in session.directory.organizations:
        return None
    return organization


def _differs(session: Session, organization: str, values: Mapping[str, str]) -> bool:
    """Return whether the directory has another name or kind for the organization, or does not have it."""
    entry: Organization | None = session.directory.organizations.get(organization)
    return entry is None or (entry.name, entry.kind) != (values["name"], values["kind"])


def _check_may_rename(session: Session, organization: str, email: str) -> None:
    """Raise `BadInput` unless only this address has ever entered or changed the organization in the directory."""
    table = tables.changes
    query = select(table.c.by).where(table.c.what == f"organizations {organization}")
    entry = session.directory.organizations.get(organization)
    # Otherwise an applicant could rename an organization that the office or somebody else has entered.
    if entry is not None and set(session.connection.scalars(query)) != {email}:
        on_record = f"the District knows your organization as {entry.name} ({entry.kind.replace('-', ' ')})"
        raise BadInput([Problem("name", on_record, "that name and kind; the office can change them")])


def _new_id(session: Session, name: str) -> str:
    """Return a new identifier made from a name. If it is taken, add a number: nobody gets another's identifier."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or "organization"
    taken, candidate, number = session.directory.organizations, stem, 1
    while candidate in taken:
        number += 1
        candidate = f"{stem}-{number}"
    return candidate


def _put_organization(
    session: Session, key: str, values: Mapping[str, str], email: str, now: datetime
) -> None:
    row = {"id": key, "name": values["name"], "kind": values["kind"]}
    directory_changes.put(session.connection, tables.organizations, row, by=email, now=now)


def _put_person(session: Session, organization: str, email: str, name: str, now: datetime) -> None:
    row: dict[str, Any] = {"email": email, "organization": organization}
    # A person who is known keeps name, roles and schools. An application must not change any of them.
    if email not in session.directory.people:
        row |= {"name": name, "roles": "[]", "schools": "[]"}
    directory_changes.put(session.connection, tables.people, row, by=email, now=now)
