"""How somebody the District may not know applies (4270.8): proves an address, saves, sends, replaces, withdraws.

The link goes only to the address it is about, so whoever opens it has that address. What is saved and not sent is
for that address alone. An application never takes the place of one that somebody else's address has sent.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import delete, func, insert, select

from notifications.errors import ServiceError
from notifications.markup import cleaned, one_line
from states.case import Organization
from states.errors import BadInput, Problem
from states.inputs import ABILITIES
from states.partnership import Application, Kind, Role, State
from workflow import directory, engine, links
from workflow.engine import Change
from workflow.links import Applicant
from workflow.outbox import queue
from workflow.session import Session
from workflow.store import database, tables
from workflow.store.rows import Channel, Snapshot
from workflow.store.tables import canonical

ASKED_AGAIN_AFTER = timedelta(minutes=5)  # between two messages to one address about one call
MOST_ASKED = 200  # messages about one call in an hour
MOST_SENT = 20  # applications of one address to one call in an hour
_HOUR = timedelta(hours=1)
ONE_LINE = ("name", "kind", "contact_name")
FIELDS = (*ONE_LINE, *ABILITIES, "demonstration")
_LONGEST = {"name": 200, "contact_name": 200}  # as the input of the event has them; other fields:
_LONG = 20_000
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")


class TooMany(ServiceError):
    """More than one call, or one applicant, may ask for in an hour."""


class SentAlready(ServiceError):
    """This very form has been sent before."""


def is_open(record: Snapshot, now: datetime) -> bool:
    """Whether applications are received now."""
    call = record.facts.selection
    return record.state is State.OPEN_SELECTION and call is not None and now < call.closes_at


def ask(session: Session, record: Snapshot, email: str, now: datetime) -> bool:
    """Queue the message with the link to apply; False if one went to this address just now. Raises `TooMany`."""
    table = tables.notices
    about = (table.c.template == "apply-link", table.c.partnership == record.id)
    just_now = select(table.c.id).where(
        *about, table.c.to == email, table.c.queued_at > now - ASKED_AGAIN_AFTER
    )
    if session.connection.scalar(just_now) is not None:
        return False
    in_hour = select(func.count()).where(*about, table.c.queued_at > now - _HOUR)
    if (session.connection.scalar(in_hour) or 0) >= MOST_ASKED:
        raise TooMany
    link = links.apply_address(session.config, Applicant(record.ref, email))
    extra = {
        "why": "because somebody, most likely you, gave this address to apply",
        "page": None,  # they have no part in the partnership yet
        "offers": [{"event": "", "label": "Open your application", "url": link, "words": [], "help": ""}],
    }
    # Whoever asks waits for it, so it leaves at once, whatever the hours of other messages.
    queue.tell(
        session, "apply-link", email, str(Role.APPLICANT), now,
        extra=extra, partnership=record.id, next_at=now,
    )  # fmt: skip
    return True


def own(record: Snapshot, email: str) -> Application | None:
    """What this address has sent to the present call."""
    call = record.facts.selection
    sent = call.applications.values() if call else ()
    return next((one for one in sent if one.contact_email == email), None)


def filled_in(session: Session, record: Snapshot, email: str) -> tuple[dict[str, str], datetime | None]:
    """What stands in the form: the draft and when it was saved, else what was sent, else what is known."""
    table = tables.drafts
    query = select(table).where(table.c.partnership == record.id, table.c.email == email)
    draft = session.connection.execute(query).mappings().first()
    if draft is not None:
        return dict.fromkeys(FIELDS, "") | json.loads(draft["values"]), draft["saved_at"]
    sent = own(record, email)
    if sent is not None:
        return _of(sent), None
    person = session.directory.people.get(email)
    known = session.directory.organizations.get(person.organization or "") if person else None
    values = dict.fromkeys(FIELDS, "")
    if person:
        values["contact_name"] = person.name
    if known:
        values |= {"name": known.name, "kind": known.kind}
    return values, None


def _of(sent: Application) -> dict[str, str]:
    return {
        "name": sent.name,
        "kind": sent.kind,
        "contact_name": sent.contact_name,
        **{ability: sent.abilities.get(ability, "") for ability in ABILITIES},
        "demonstration": sent.demonstration or "",
    }


def read(form: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form that arrived, without characters that nobody types."""
    return {
        field: one_line(form.get(field, "")) if field in ONE_LINE else cleaned(form.get(field, ""))
        for field in FIELDS
    }


def too_long(values: Mapping[str, str]) -> list[Problem]:
    """The fields that are longer than can be kept."""
    return [
        Problem(field, f"it has {len(values[field]):,} characters", f"at most {most:,}")
        for field in FIELDS
        if len(values[field]) > (most := _LONGEST.get(field, _LONG))
    ]


def missing(values: Mapping[str, str]) -> Iterator[Problem]:
    """What keeps an application from being sent, besides the length of its texts (4270.2, 4270.3)."""
    if not values["name"]:
        yield Problem("name", "it is missing", "the name of your organization")
    if values["kind"] not in get_args(Kind):
        yield Problem("kind", "nothing is chosen", "one of the four kinds")
    if not values["contact_name"]:
        yield Problem("contact_name", "it is missing", "the name of the person we write to")
    for ability in ABILITIES:
        if not values[ability]:
            yield Problem(ability, "it is missing", "a few sentences; all five are needed")
    if values["kind"] == "other" and not values["demonstration"]:
        yield Problem("demonstration", "it is missing", "needed from an organization of another kind")


def save(session: Session, record: Snapshot, email: str, values: Mapping[str, str], now: datetime) -> None:
    """Keep what is not sent yet, for this address alone. Raises `BadInput`."""
    if faults := too_long(values):
        raise BadInput(faults)
    _forget(session, record, email)
    row = {"partnership": record.id, "email": email, "values": canonical(dict(values)), "saved_at": now}
    session.connection.execute(insert(tables.drafts).values(row))


def _forget(session: Session, record: Snapshot, email: str) -> None:
    table = tables.drafts
    mine = (table.c.partnership == record.id, table.c.email == email)
    session.connection.execute(delete(table).where(*mine))


def send(
    session: Session, record: Snapshot, email: str, values: Mapping[str, str], form: str, now: datetime
) -> Change:
    """Send an application, or replace what this address has sent before; once for each `form`.

    Raises `BadInput`, `SentAlready`, `TooMany`, and as `engine.advance` does.
    """
    key = _check_once(session, record, email, form)
    if faults := [*too_long(values), *missing(values)]:
        raise BadInput(faults)
    _check_rate(session, record, email, now)
    session, organization = _known_as(session, record, email, values, now)
    given: dict[str, Any] = {
        "organization": organization,
        "contact_name": values["contact_name"],
        "contact_email": email,
        "abilities": {ability: values[ability] for ability in ABILITIES},
    }
    if values["demonstration"]:
        given["demonstration"] = values["demonstration"]
    change = _advance(session, record, email, "receive-application", given, key, now)
    _forget(session, record, email)
    return change


def withdraw(session: Session, record: Snapshot, email: str, form: str, now: datetime) -> Change:
    """Withdraw what this address has sent; what was written is kept as a draft. Raises as `send` does."""
    key = _check_once(session, record, email, form)
    sent = own(record, email)
    if sent is None:
        raise SentAlready
    given = {"organization": sent.organization}
    change = _advance(session, record, email, "withdraw-application", given, key, now)
    if filled_in(session, record, email)[1] is None:
        save(session, record, email, _of(sent), now)
    queue.tell(
        session, "receipt", email, str(Role.APPLICANT), now,
        partnership=record.id, seq=change.record.version, extra={"page": None},
    )  # fmt: skip
    return change


def _check_once(session: Session, record: Snapshot, email: str, form: str) -> str:
    """What names this form among all that was sent. Raises `SentAlready`, or `BadInput` for none at all."""
    if not _KEY.fullmatch(form):
        raise BadInput([Problem("", "the form that arrived is damaged", "the page loaded anew")])
    key = f"application {record.id} {email} {form}"
    table = tables.answers
    if session.connection.scalar(select(table.c.id).where(table.c.form == key)) is not None:
        raise SentAlready
    return key


def _check_rate(session: Session, record: Snapshot, email: str, now: datetime) -> None:
    table = tables.answers
    query = select(func.count()).where(
        table.c.partnership == record.id, table.c.by == email, table.c.event == "receive-application",
        table.c.at > now - _HOUR,
    )  # fmt: skip
    if (session.connection.scalar(query) or 0) >= MOST_SENT:
        raise TooMany


def _advance(
    session: Session,
    record: Snapshot,
    email: str,
    event: str,
    given: Mapping[str, Any],
    key: str,
    now: datetime,
) -> Change:
    change = engine.advance(session, record.ref, event, given, email, Channel.LINK, now, role=Role.APPLICANT)
    answer = {
        "event": event, "form": key, "channel": Channel.LINK, "by": email, "at": now,
        "partnership": record.id, "seq": change.record.version,
    }  # fmt: skip
    session.connection.execute(insert(tables.answers).values(answer))
    return change


def _known_as(
    session: Session, record: Snapshot, email: str, values: Mapping[str, str], now: datetime
) -> tuple[Session, str]:
    """The identifier under which this address applies, put into the directory where it is new."""
    session = _up_to_date(session)
    sent = own(record, email)
    found = sent.organization if sent else _theirs(session, record, email)
    if found is None:
        found = _new_id(session, values["name"])
        _put_organization(session, found, values, email, now)
        _put_person(session, found, email, values["contact_name"], now)
    elif _differs(session, found, values):
        _check_may_rename(session, found, email)
        _put_organization(session, found, values, email, now)
    else:
        return session, found
    return _up_to_date(session), found


def _up_to_date(session: Session) -> Session:
    """With the directory as it is while nobody else changes it.

    It was read before this transaction waited for the partnership. Whoever has applied since then under the same
    name, for this call or another, has taken the identifier that would be made from it.
    """
    database.one_at_a_time(session.connection, "directory")
    if directory.version_of(session.connection) == session.directory.version:
        return session
    return replace(session, directory=directory.read(session.connection, session.config))


def _theirs(session: Session, record: Snapshot, email: str) -> str | None:
    """The organization that the directory gives to an address, unless another address has applied for it."""
    person = session.directory.people.get(email)
    if person is not None and not person.active:
        expected = "another address, or a word with the office"
        raise BadInput([Problem("", "the District no longer uses this address", expected)])
    belongs = person.organization if person else None
    applied = record.facts.selection.applications if record.facts.selection else {}
    if belongs is None or belongs in applied or belongs not in session.directory.organizations:
        return None
    return belongs


def _differs(session: Session, organization: str, values: Mapping[str, str]) -> bool:
    known: Organization | None = session.directory.organizations.get(organization)
    return known is None or (known.name, known.kind) != (values["name"], values["kind"])


def _check_may_rename(session: Session, organization: str, email: str) -> None:
    """Only who put an organization into the directory by applying may say otherwise what it is."""
    table = tables.directory_changes
    query = select(table.c.by).where(table.c.what == f"organizations {organization}")
    known = session.directory.organizations.get(organization)
    if known is not None and set(session.connection.scalars(query)) != {email}:
        on_record = f"the District knows your organization as {known.name} ({known.kind.replace('-', ' ')})"
        raise BadInput([Problem("name", on_record, "that name and kind; the office can change them")])


def _new_id(session: Session, name: str) -> str:
    """An identifier made from a name, of which there is none yet: somebody else's stays somebody else's."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or "organization"
    known, found, number = session.directory.organizations, stem, 1
    while found in known:
        number += 1
        found = f"{stem}-{number}"
    return found


def _put_organization(
    session: Session, key: str, values: Mapping[str, str], email: str, now: datetime
) -> None:
    row = {"id": key, "name": values["name"], "kind": values["kind"]}
    directory.put(session.connection, tables.organizations, row, by=email, now=now)


def _put_person(session: Session, organization: str, email: str, name: str, now: datetime) -> None:
    row: dict[str, Any] = {"email": email, "organization": organization}
    if email not in session.directory.people:
        row |= {"name": name, "roles": "[]", "schools": "[]"}
    directory.put(session.connection, tables.people, row, by=email, now=now)
