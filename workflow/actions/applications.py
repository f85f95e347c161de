"""Lets an organization apply to an open call (4270.8): mail the link, save a draft, send, replace, withdraw.

The District may not know the applicant, so an email address is the identity. The link to apply is mailed to
that address only; opening it proves that the applicant reads mail there. Only that address sees its draft. An
application never replaces one that another address has sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import delete, func, insert, select

from notifications.errors import ServiceError
from notifications.markup import clean, join_lines
from states.errors import BadInput, Problem
from states.inputs import ABILITIES
from states.names import Kind, Role
from states.selection import Application
from workflow import engine, links
from workflow.actions import application_files, asked_mail, call_limits, held_applications
from workflow.actions.applicants import own_application, register
from workflow.actions.held_applications import Held
from workflow.change import Change
from workflow.links import Applicant
from workflow.outbox import bounced, queue
from workflow.session import Session
from workflow.store import chain, tables
from workflow.store.application_texts import read_text, write_files
from workflow.store.column_types import canonical
from workflow.store.rows import Channel, Snapshot
from workflow.views import drafts

MOST_ASKED = 200  # messages with links to one call that leave in an hour at once; more of them leave later
MOST_SENT = 20  # the most applications of one address to one call in an hour
_HOUR = timedelta(hours=1)
ONE_LINE = ("name", "kind", "contact_name")
FIELDS = (*ONE_LINE, *ABILITIES, "demonstration")
# The most characters in a field. The event's input sets the limits of the first two; `_LONG` is for the others.
_LONGEST = {"name": 200, "contact_name": 200}
_LONG = 20_000
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")


class TooMany(ServiceError):
    """The call or the applicant has reached the limit of an hour."""


class SentAlready(ServiceError):
    """This very form was sent before."""


def queue_link(session: Session, record: Snapshot, email: str, now: datetime) -> bool:
    """Queue the message with the link to apply, at an applicant's request.

    Return False if this address must not get another one yet. If the call has sent `MOST_ASKED` within an hour, the
    message leaves later.
    """
    # Say nothing about it: the page is the same, so a stranger cannot use it to fill somebody's mailbox.
    slot = asked_mail.find_slot(session, "apply-link", record.id, email, now, MOST_ASKED)
    if slot is None:
        return False
    if slot.is_late:
        call_limits.tell_staff(session, record, call_limits.LINKS, MOST_ASKED, now)
    link = links.apply_address(session.config, Applicant(record.ref, email, record.facts.round))
    extra = {
        "why": "because somebody, most likely you, gave this address to apply",
        "page": None,  # An applicant who has sent nothing has no page of the partnership to see.
        "offers": [{"event": "", "label": "Open your application", "url": link, "words": [], "help": ""}],
    }
    # The applicant is waiting for this message, so it is sent at once, outside the usual hours too.
    queue.tell(
        session, "apply-link", email, str(Role.APPLICANT), now,
        extra=extra, partnership=record.id, next_at=slot.at,
    )  # fmt: skip
    return True


def fill_form(session: Session, record: Snapshot, email: str) -> tuple[dict[str, str], datetime | None]:
    """Return the values of the form, and when they were saved if they are a draft.

    The draft comes first, then the application that waits for the office, then the one that was sent, then what
    the directory has on this address.
    """
    draft = drafts.find_draft(session, record, email)
    if draft is not None:
        # A draft from an earlier version may lack a field that the form has now.
        return dict.fromkeys(FIELDS, "") | dict(draft.values), draft.saved_at
    if (held := held_applications.find_held(session, record, email)) is not None:
        return dict.fromkeys(FIELDS, "") | dict(held.values), None
    sent = own_application(record, email)
    if sent is not None:
        return _form_values(session, record, sent), None
    person = session.directory.people.get(email)
    organization = session.directory.organizations.get(person.organization or "") if person else None
    values = dict.fromkeys(FIELDS, "")
    if person:
        values["contact_name"] = person.name
    if organization:
        values |= {"name": organization.name, "kind": organization.kind}
    return values, None


def _form_values(session: Session, record: Snapshot, sent: Application) -> dict[str, str]:
    text = read_text(session.connection, record, sent)
    return {
        "name": sent.name,
        "kind": sent.kind,
        "contact_name": sent.contact_name,
        **{ability: text.abilities.get(ability, "") for ability in ABILITIES},
        "demonstration": text.demonstration or "",
        application_files.KEY: write_files(
            {"name": each["name"], "sha256": each["sha256"], "size": each["size"]}
            for each in text.documents
            if each.get("sha256")
        ),
    }


def read_form(form: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a form that was sent, without control characters."""
    return {
        field: join_lines(form.get(field, "")) if field in ONE_LINE else clean(form.get(field, ""))
        for field in FIELDS
    }


def find_too_long(values: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each field that is longer than its limit."""
    return [
        Problem(field, f"it has {len(values[field]):,} characters", f"at most {most:,}")
        for field in FIELDS
        if len(values[field]) > (most := _LONGEST.get(field, _LONG))
    ]


def find_missing(values: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each field that must be filled in before the application can be sent (4270.2, 4270.3)."""
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
    """Keep a draft that only this address sees, and mail the link of a new one. Raise `BadInput` if it is too long.

    Do nothing if nobody has filled in anything since the page was shown.
    """
    if _is_untouched(session, record, email, values):
        return
    # A draft may be incomplete, but not without limit: anybody with a link can save one.
    if problems := find_too_long(values):
        raise BadInput(problems)
    # Once for each draft: people save often, and the link stays the same.
    is_new = email not in drafts.list_unsent(session, record)
    _replace_draft(session, record, email, values, now)
    if is_new:
        extra = {"offers_again": ["receive-application"]}
        queue.tell(
            session, "draft-saved", email, str(Role.APPLICANT), now,
            extra=extra, partnership=record.id, next_at=now,
        )  # fmt: skip


def _replace_draft(
    session: Session,
    record: Snapshot,
    email: str,
    values: Mapping[str, str],
    now: datetime,
    *,
    withdrawn: bool = False,
) -> None:
    _delete_draft(session, record, email)
    row = {
        "partnership": record.id, "email": email, "values": canonical(dict(values)), "saved_at": now,
        "withdrawn": withdrawn,
    }  # fmt: skip
    chain.execute(session.connection, insert(tables.drafts).values(row))


def _is_untouched(session: Session, record: Snapshot, email: str, values: Mapping[str, str]) -> bool:
    """Return whether the values are those that the page of the form shows."""
    shown, _ = fill_form(session, record, email)
    files = application_files.KEY
    return {files: "", **values} == {files: shown.get(files, ""), **read_form(shown)}


def _delete_draft(session: Session, record: Snapshot, email: str) -> None:
    table = tables.drafts
    mine = (table.c.partnership == record.id, table.c.email == email)
    chain.execute(session.connection, delete(table).where(*mine))


def send(
    session: Session,
    record: Snapshot,
    email: str,
    values: Mapping[str, str],
    form: str,
    now: datetime,
    *,
    as_it_is: bool = False,
) -> Change | None:
    """Send an application, or replace the one that this address has sent. Each `form` counts once.

    1. Refuse a form that was sent before, is incomplete, or exceeds the limit of an hour. Refuse a form that comes
       back as its page showed it, unless the applicant has said that it is meant `as_it_is`.
    2. Hold it for the office if it exceeds a cap of the call, and return None.
    3. Choose the organization's identifier, and enter the organization and the person in the directory.
    4. Record the event, and the answer that keeps the form from counting twice.
    5. Delete the draft, which is now the application.

    Raise `BadInput`, `SentAlready`, `TooMany`, and what `engine.advance` raises.
    """
    key = _check_once(session, record, email, form)
    if problems := [*find_too_long(values), *find_missing(values)]:
        raise BadInput(problems)
    # Programs that check mail open links and send the forms behind them.
    if not as_it_is and _is_untouched(session, record, email, values):
        raise BadInput([Problem("unchanged", "nothing is changed", "a change, or a tick in this box")])
    # Only applications on record count, so a form with mistakes uses up nothing of the limit.
    _check_rate(session, record, email, now)
    if (reason := held_applications.why_held(session, record, email)) is not None:
        held_applications.hold(session, record, email, values, reason, now)
        _delete_draft(session, record, email)
        return None
    return _receive(session, record, email, values, key, now)


def release(session: Session, record: Snapshot, held: Held, by: str, now: datetime) -> Change:
    """Let in an application that waits for the office, as if its sender had sent it. `by` is of staff.

    Raise what `engine.advance` raises: after the closing it counts only if it was sent before.
    """
    key = f"application {record.id} {held.email} released {held.held_at.isoformat()}"
    sent = session.local(held.held_at)
    note = f"It was sent on {sent}, waited for the office, and was released by {by}."
    return _receive(session, record, held.email, held.values, key, now, note)


def _receive(
    session: Session,
    record: Snapshot,
    email: str,
    values: Mapping[str, str],
    key: str,
    now: datetime,
    note: str | None = None,
) -> Change:
    """Record an application, with what the directory needs for it. `key` keeps it from counting twice."""
    session, organization = register(session, record, email, values, now)
    application: dict[str, Any] = {
        "organization": organization,
        "contact_name": values["contact_name"],
        "contact_email": email,
        "abilities": {ability: values[ability] for ability in ABILITIES},
    }
    if values["demonstration"]:
        application["demonstration"] = values["demonstration"]
    if documents := application_files.put_on_record(session, record, email, values, now):
        application[application_files.KEY] = documents
    change = _advance(session, record, email, "receive-application", application, key, now, note)
    _delete_draft(session, record, email)
    held_applications.remove(session, record, email)
    application_files.forget(session, record, email)
    return change


def withdraw(session: Session, record: Snapshot, email: str, form: str, now: datetime) -> Change:
    """Withdraw the application of this address, and keep its text as a draft. Raise what `send` raises."""
    key = _check_once(session, record, email, form)
    sent = own_application(record, email)
    if sent is None:
        raise SentAlready
    values = {"organization": sent.organization}
    change = _advance(session, record, email, "withdraw-application", values, key, now)
    # A draft that is newer than the application stays as it is.
    if fill_form(session, record, email)[1] is None:
        application_files.take_back(session, record, email, now)
        _replace_draft(session, record, email, _form_values(session, record, sent), now, withdrawn=True)
    queue.tell(
        session, "receipt", email, str(Role.APPLICANT), now,
        partnership=record.id, seq=change.record.version, extra={"page": None},
    )  # fmt: skip
    return change


def _check_once(session: Session, record: Snapshot, email: str, form: str) -> str:
    """Return the unique key of a form. Raise `SentAlready` if it was sent, `BadInput` if its name is damaged."""
    if not _KEY.fullmatch(form):
        raise BadInput([Problem("", "the form that arrived is damaged", "the page loaded anew")])
    # The address is part of the key, so nobody can block another applicant's form by guessing its name.
    key = f"application {record.id} {email} {form}"
    table = tables.answers
    if session.connection.scalar(select(table.c.id).where(table.c.form == key)) is not None:
        raise SentAlready
    return key


def _check_rate(session: Session, record: Snapshot, email: str, now: datetime) -> None:
    """Raise `TooMany` if this address has sent `MOST_SENT` applications to the call within an hour."""
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
    values: Mapping[str, Any],
    key: str,
    now: datetime,
    note: str | None = None,
) -> Change:
    """Record an event of the applicant, and the answer that keeps its form from counting twice."""
    answer = {"event": event, "form": key, "channel": Channel.LINK, "by": email, "at": now}
    change = engine.advance(
        session, record.ref, event, values, email, Channel.LINK, now,
        role=Role.APPLICANT, note=note, answer=answer,
    )  # fmt: skip
    # The link went to this address, so mail arrives there.
    bounced.clear(session, email)
    return change
