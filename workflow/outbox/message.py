"""What a queued notice says: its context gathered from the record, its words rendered, its message composed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from notifications.addresses import Mailbox
from notifications.calendar import CalendarFile
from notifications.compose import compose
from notifications.errors import ServiceError
from notifications.render import TemplateFailed, TemplateMissing
from states.event import OFFICE
from states.machine import askable, event_named, row_of
from states.partnership import Partnership, Role, State
from workflow import directory, links
from workflow.directory import DISTRICT_ROLES
from workflow.forms.summary import summary
from workflow.outbox import invitations
from workflow.session import Session
from workflow.setting import Situation, possibilities
from workflow.store import tables
from workflow.store.rows import HistoryEntry, Notice, Snapshot
from workflow.views import visibility
from workflow.views.visibility import Viewer

_WHY = {
    Role.PRINCIPAL: "as principal of {school}",
    Role.STAFF: "as partnership staff of {district}",
    Role.SUPERINTENDENT: "as superintendent of {district}",
    Role.BOARD_OFFICE: "as the Board office of {district}",
    Role.REVIEWER: "as reviewer on the panel for {school}",
    Role.LEAD_PARTNER: "as contact person of the Lead Partner of {school}",
    Role.APPLICANT: "as contact person of an applicant for {school}",
}

DIGEST = "digest"  # the template of many notices in one message


class CannotWrite(ServiceError):
    """The message of a notice cannot be written; says why."""


def write(session: Session, row: Notice) -> tuple[str, bytes]:
    """The subject and the bytes of a notice's message. Raises `CannotWrite`."""
    config = session.config
    if row.template == DIGEST:
        _let_go(session, row)
        if not _parts(session, row):  # what it held is put back, and the whole is tried again later
            raise CannotWrite("nothing that is in it can be written")
    context = context_of(session, row)
    try:
        rendered = config.templates.notice(row.template, context)
    except (TemplateFailed, TemplateMissing) as error:
        raise CannotWrite(str(error)) from error
    mail = config.procedure.mail
    domain = config.sender.address.rpartition("@")[2]
    ref = context["partnership"]["ref"] if context["partnership"] else ""
    content = compose(
        rendered=rendered,
        message_id=row.message_id,
        date=row.queued_at,
        sender=mail.sender,
        recipient=row.to,
        recipient_name=context["person"]["name"],
        thread_id=f"<partnership.{ref}@{domain}>" if ref else None,
        ref=ref,
        calendar=_calendar(session, row, context),
        reply_to=_reply_to(session, row),
        record=_record(session, row),
    )
    return rendered.subject, content


def _record(session: Session, row: Notice) -> list[str]:
    """The last row of each record that a message is about, as REF SEQ HASH: docs/record.md says what for.

    For the office alone: from the number of rows an applicant could tell how many others have applied.
    """
    if row.role not in OFFICE:
        return []
    about = {part.partnership for part in (_parts(session, row) if row.template == DIGEST else [row])}
    table = tables.partnerships
    query = select(table.c.ref, table.c.version, table.c.head).where(table.c.id.in_(about - {None}))
    found = sorted(session.connection.execute(query), key=lambda found: found.ref)
    return [f"{ref} {version} {head}" for ref, version, head in found]


def _calendar(session: Session, row: Notice, context: Mapping[str, Any]) -> list[CalendarFile]:
    """The dates to keep that go with a notice, or with everything that is in a digest."""
    if row.template == DIGEST:
        every = [_calendar(session, part, context_of(session, part)) for part in _parts(session, row)]
        return invitations.in_order({file.uid: file for files in every for file in files}.values())
    about = _about(session, row)
    if about is None:
        return []
    deadline, person = context["deadline"], context["person"]
    return invitations.files(
        session, row, about,
        person=Mailbox(person["name"], row.to),
        deadline=deadline["name"] if deadline else None,
        asked={offer["event"] for offer in context["offers"]},
    )  # fmt: skip


def _parts(session: Session, row: Notice) -> list[Notice]:
    """The notices in a digest, oldest first."""
    table = tables.notices
    query = select(table).where(table.c.within == row.id, table.c.revoked_at.is_(None))
    return [Notice.from_row(row) for row in session.connection.execute(query.order_by(table.c.id))]


def _digest(session: Session, row: Notice) -> list[dict[str, Any]]:
    """What a digest holds: its notices by partnership, each with its words, its links and its deadline."""
    groups: dict[str, dict[str, Any]] = {}
    for part in _parts(session, row):
        if (told := _told(session, part)) is not None:
            about = told["partnership"]
            group = groups.setdefault(about["ref"], {**about, "page": told["page"], "messages": []})
            group["messages"].append(told)
    return list(groups.values())


def _told(session: Session, part: Notice) -> dict[str, Any] | None:
    """The words of one notice and what goes with them; None if it cannot be written."""
    try:
        context = context_of(session, part)
        words = session.config.templates.words(part.template, context)
    except Exception:  # noqa: BLE001 - whatever is wrong with one, the others leave
        return None
    return words | {
        name: context[name] for name in ("partnership", "page", "delegate_for", "deadline", "offers")
    }


def _let_go(session: Session, row: Notice) -> None:
    """Take out of a digest what cannot be written, so that it fails by itself."""
    table = tables.notices
    broken = [part.id for part in _parts(session, row) if _told(session, part) is None]
    session.connection.execute(
        update(table).where(table.c.id.in_(broken)).values(held=False, within=None, next_at=row.queued_at)
    )


def subject_of(session: Session, row: Notice) -> str:
    """The subject of a notice, also of one whose message is not written yet."""
    if row.subject is not None:
        return str(row.subject)
    try:
        return session.config.templates.subject(row.template, context_of(session, row))
    except Exception as error:  # noqa: BLE001 - a broken record has no subject, and is told of all the same
        return f"({error})"


def _reply_to(session: Session, row: Notice) -> str:
    """An address of its own for each person and notice, so that an answer is known by where it goes."""
    procedure = session.config.procedure
    if procedure.mail.replies == "none":
        return procedure.district.email
    return session.config.links.reply_address(procedure.mail.replies_to, row.id, row.to)


def context_of(session: Session, row: Notice) -> dict[str, Any]:
    """What the templates of a notice know."""
    people, district = session.directory, session.config.procedure.district
    about = _about(session, row)
    person = people.person(row.to, about.facts if about else None) or people.someone(row.to)
    context: dict[str, Any] = {
        "notice": row.template,
        "person": {"name": person.name, "email": person.email, "role": row.role},
        "delegate_for": session.name_of(row.delegate_for) if row.delegate_for else None,
        "office": {"name": district.office, "email": district.email, "phone": district.phone},
        "district": district.name,
        "names": people.names(),
        "failure": None,
        "reply": None,
        "meeting": None,
        "digest": [],
        "feed": links.feed_address(
            session.config, row.to, directory.feed_generation(session.connection, row.to)
        ),
        "replies": session.config.procedure.mail.replies != "none",
    }
    if row.template == DIGEST:
        context |= {"digest": _digest(session, row)}
        return context | _OF_NONE | {"why": "because you asked for one message a day"}
    return context | (_of_partnership(session, row, about) if about else _of_none(session, row)) | row.more


def _of_none(session: Session, row: Notice) -> dict[str, Any]:
    if row.role not in DISTRICT_ROLES:
        return _OF_NONE
    return _OF_NONE | {"why": _WHY[Role(row.role)].format(district=session.config.procedure.district.name)}


# What a message about no single partnership has in place of one.
_OF_NONE: dict[str, Any] = {
    "why": "because this address was given",
    "partnership": None,
    "standing": [],
    "event": None,
    "facts": None,
    "deadline": None,
    "offers": [],
    "hindered": [],
    "page": None,
}


def _about(session: Session, row: Notice) -> Snapshot | None:
    """Return the partnership of a notice as it is now; None for a notice about no single one."""
    if row.partnership is None:
        return None
    table = tables.partnerships
    return Snapshot.from_row(
        session.connection.execute(select(table).where(table.c.id == row.partnership)).one()
    )


def _of_partnership(session: Session, row: Notice, about: Snapshot) -> dict[str, Any]:
    config, facts, ref = session.config, about.facts, about.ref
    school_name = session.directory.school_name(facts.school)
    asks = _asks(session, row, about)
    viewer = Viewer(row.capacity, row.owner)
    visible = visibility.facts_for(session, about, viewer, row.queued_at)
    event = _event(session, row, facts, viewer)
    return asks | {
        "why": why(session, row.role, facts),
        "partnership": {
            "ref": ref,
            "title": facts.title,
            "state": str(about.state),
            "school_name": school_name,
        },
        "standing": [
            {"state": str(s), "label": s.replace("-", " "), "current": s is about.state} for s in State
        ],
        "event": event,
        "facts": visible,
        "deadline": deadline_of(session, row, {offer["event"] for offer in asks["offers"]}),
        "names": visibility.mentioned_names(names_in(session, facts), visible, event),
        "page": links.address(config, links.claim_of(row, ref, "", facts)),
    }


def why(session: Session, role: str, facts: Partnership) -> str:
    """As what somebody is told of a partnership or acts on it, such as "as principal of ..."."""
    name = session.directory.school_name(facts.school)
    return _WHY[Role(role)].format(school=name, district=session.config.procedure.district.name)


def names_in(session: Session, facts: Partnership) -> dict[str, str]:
    """Names by identifier of organizations, applicants among them, and by address of people."""
    return session.directory.names() | _applicants(facts)


def _applicants(facts: Partnership) -> dict[str, str]:
    selections = (*facts.earlier_selections, *((facts.selection,) if facts.selection else ()))
    return {key: a.name for selection in selections for key, a in selection.applications.items()}


def _event(session: Session, row: Notice, facts: Partnership, viewer: Viewer) -> dict[str, Any] | None:
    """Return the event that a notice tells of, with what its reader may know of it."""
    if row.seq is None or row.partnership is None:
        return None
    entries = [entry_of(session, row.partnership, seq) for seq in (*row.more.get("before", ()), row.seq)]
    entry = entries[-1]
    return {
        "name": entry.event,
        "at": entry.at.isoformat(),
        "by": entry.actor,
        "by_name": session.name_of(entry.actor),
        "through": stand_in(session, entry),
        "role": entry.role,
        "input": visibility.visible_input(viewer, entry),
        "note": entry.note if viewer.is_office or viewer.email == entry.actor else None,
        "deeds": [deed(session, entry, facts, viewer) for entry in entries],
    }


def entry_of(session: Session, partnership: int, seq: int) -> HistoryEntry:
    """Return a row of a history."""
    table = tables.history
    query = select(table).where(table.c.partnership == partnership, table.c.seq == seq)
    return HistoryEntry.from_row(session.connection.execute(query).one())


def deed(session: Session, entry: HistoryEntry, facts: Partnership, viewer: Viewer) -> dict[str, Any]:
    """Return a row of the history in words for its reader: what was done, and what was given with it."""
    row = row_of(entry.event, State(entry.from_state) if entry.from_state else None)
    given = visibility.visible_input(viewer, entry)
    # What is in an application stays out of every message, since messages lie where others can read them.
    pairs = summary(row.takes, given, names_in(session, facts), sealed=bool(row.sealed))
    return {
        "event": entry.event,
        "label": session.config.label(entry.event),
        "done": session.config.events[entry.event]["done"],
        "said": [{"label": label, "value": value} for label, value in pairs],
    }


def stand_in(session: Session, entry: HistoryEntry) -> str | None:
    """Return the name of the person who acted in place of the actor, if somebody did."""
    return session.name_of(entry.stood_in) if entry.stood_in else None


def _asks(session: Session, row: Notice, about: Snapshot) -> dict[str, list[dict[str, Any]]]:
    """What the reader may do from this message: what is possible now, and what is not yet.

    What is possible comes with a link that only they can use, and with words for a reply.
    """
    config = session.config
    replies = config.procedure.mail.replies != "none"
    here = Situation(session, about, None, row.queued_at)
    unmet = {one.row.name: one.unmet for one in possibilities(here, row.to, Role(row.role))}
    offers, hindered = [], []
    for event in offered(session, row):
        if event not in askable(about.state, about.facts, Role(row.role)):
            continue
        if unmet[event]:
            reasons = [config.labeled(reason) for reason in unmet[event]]
            hindered.append({"event": event, "label": config.label(event), "reasons": reasons})
            continue
        link = links.address(config, links.claim_of(row, about.ref, event, about.facts))
        words = list(event_named(event).reply_words) if replies else []
        offers.append(
            {"event": event, "label": config.label(event), "url": link, "words": words, "help": ""}
        )  # fmt: skip
    return {"offers": offers, "hindered": hindered}


def offered(session: Session, row: Notice) -> tuple[str, ...]:
    """The events that a notice asks for, whether or not they are still possible."""
    if named := row.more.get("offers_again"):
        return tuple(named)
    config = session.config
    found = config.deadlines.get(row.template) if row.deadline else config.notices.get(row.template)
    return found.offers if found else ()


def shown(session: Session, row: Notice) -> dict[str, str | None]:
    """What the message of a notice offers as it is written now: each event, and the version of what it consents to.

    An answer by mail has no link that says so; it counts for what its writer was shown.
    """
    about = _about(session, row)
    if about is None:
        return {}
    possible = askable(about.state, about.facts, Role(row.role))
    asked = [event for event in offered(session, row) if event in possible]
    return {event: event_named(event).version_read(about.facts) for event in asked}


def deadline_of(session: Session, row: Notice, offered: set[str]) -> dict[str, Any] | None:
    """The deadline that a notice is about, or else the next one for what it asks."""
    table, config = tables.deadlines, session.config
    if row.deadline is not None:
        found = session.connection.execute(select(table).where(table.c.id == row.deadline)).one()
        late = row.queued_at - found.ladder
        return _deadline_context(session, found.name, found.ladder, found.kind, max(late.days, 0))
    query = (
        select(table)
        .where(table.c.partnership == row.partnership, table.c.status == "open", table.c.kind == "due")
        .order_by(table.c.due_at, table.c.id)
    )
    for found in session.connection.execute(query):
        known = config.deadlines.get(found.name)
        if known is not None and offered & set(known.offers) and found.due_at > row.queued_at:
            return _deadline_context(session, found.name, found.ladder, "remind", 0)
    return None


def _deadline_context(session: Session, name: str, due: datetime, kind: str, late: int) -> dict[str, Any]:
    known = session.config.deadlines.get(name)
    return {
        "name": name,
        "label": known.label if known else name,
        "due_at": session.config.calendar.local(due).isoformat(),
        "kind": kind,
        "overdue": kind == "escalate",
        "late_days": late,
    }
