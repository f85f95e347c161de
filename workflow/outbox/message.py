"""Gathers what the templates of a notice need: its reader, its partnership as they may see it, what they may do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.machine import askable, event_named, row_of
from states.partnership import Partnership, Role, State
from workflow import directory, links
from workflow.directory import DISTRICT_ROLES
from workflow.forms.summary import summary as summarize
from workflow.outbox import summary
from workflow.session import Session
from workflow.setting import Situation, possibilities
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, HistoryEntry, Notice, RungKind, Snapshot
from workflow.views import documents, vacancies, visibility, weighed
from workflow.views.sealing import names_nobody
from workflow.views.visibility import Viewer

_WHY = {
    Role.PRINCIPAL: "as principal of {school}",
    Role.STAFF: "as partnership staff of {district}",
    Role.SUPERINTENDENT: "as superintendent of {district}",
    Role.BOARD_OFFICE: "as the Board office of {district}",
    Role.REVIEWER: "as reviewer on the panel for {school}",
    Role.LEAD_PARTNER: "as contact person of the Lead Partner of {school}",
    Role.NEXT_CONTACT: "as the person who is asked to become the contact of the Lead Partner of {school}",
    Role.APPLICANT: "as contact person of an applicant for {school}",
}

DIGEST = "digest"  # the template that holds many notices in one message


def context_of(session: Session, row: Notice) -> dict[str, Any]:
    """Return the context for the templates of a notice; that of a digest lacks the notices in it."""
    people, district = session.directory, session.config.procedure.district
    about = partnership_of(session, row)
    # By the time the message is written, the record may no longer name this person.
    person = people.person(row.to, about.facts if about else None) or people.someone(row.to)
    context: dict[str, Any] = {
        "notice": row.template,
        "person": {"name": person.name, "email": person.email, "role": row.role},
        "delegate_for": session.name_of(row.delegate_for) if row.delegate_for else None,
        "office": {"name": district.office, "email": district.email, "phone": district.phone},
        "district": district.name,
        "me": session.config.address("me"),
        "dates_in": session.dates_in(row.to),
        "names": people.names(),
        "failure": None,
        "changes": None,
        "reply": None,
        "held": None,
        "meeting": None,
        "digest": [],
        "summary": None,
        "feed": links.feed_address(
            session.config, row.to, directory.feed_generation(session.connection, row.to)
        ),
        "replies": session.config.procedure.mail.replies != "none",
    }
    if row.template == summary.TEMPLATE:
        context["summary"] = summary.describe(session, row.capacity, row.queued_at)
    if row.template == DIGEST:
        return context | _NO_PARTNERSHIP | {"why": "because you asked for one message a day"}
    rest = _with_partnership(session, row, about) if about else _without_partnership(session, row)
    if row.extra:
        row = row._replace(extra=links.sign_again(session.config, row.extra.encode(), row.to).decode())
    return context | rest | row.more


def _without_partnership(session: Session, row: Notice) -> dict[str, Any]:
    """Return the part of the context that is about a partnership, for a notice about no single one."""
    if row.role not in DISTRICT_ROLES:
        return _NO_PARTNERSHIP
    district = session.config.procedure.district.name
    return _NO_PARTNERSHIP | {"why": _WHY[Role(row.role)].format(district=district)}


# Templates are strict, so every key has a value also where there is no partnership.
_NO_PARTNERSHIP: dict[str, Any] = {
    "why": "because this address was given",
    "partnership": None,
    "standing": [],
    "event": None,
    "facts": None,
    "deadline": None,
    "offers": [],
    "hindered": [],
    "missing": {},
    "weighed": None,
    "page": None,
}


def partnership_of(session: Session, row: Notice) -> Snapshot | None:
    """Return the partnership of a notice as it is now, or None for a notice about no single one."""
    if row.partnership is None:
        return None
    table = tables.partnerships
    return Snapshot.from_row(
        session.connection.execute(select(table).where(table.c.id == row.partnership)).one()
    )


def _with_partnership(session: Session, row: Notice, about: Snapshot) -> dict[str, Any]:
    """Return the part of the context that is about the partnership of a notice."""
    config, facts, ref = session.config, about.facts, about.ref
    school_name = session.directory.school_name(facts.school)
    asks = _asks(session, row, about)
    # A delegate may see what the absent person may see, and no more.
    viewer = visibility.viewer_of(row)
    visible = visibility.facts_for(session, about, viewer, row.queued_at)
    event = _event(session, row, facts, viewer)
    return asks | {
        "why": describe_capacity(session, row.role, facts),
        "partnership": {
            "ref": ref,
            "title": facts.title,
            "state": str(about.state),
            "school_name": school_name,
        },
        "standing": [
            {"state": str(state), "label": state.replace("-", " "), "current": state is about.state}
            for state in State
        ],
        "event": event,
        "facts": visible,
        "weighed": weighed.describe(session, about, row.role),
        "missing": vacancies.describe(session.directory, ref, facts, row.role),
        "deadline": deadline_of(session, row, {offer["event"] for offer in asks["offers"]}),
        "names": documents.mentioned_names(names_in(session, facts), visible, event),
        "page": links.address(config, links.claim_of(row, ref, "", facts)),
    }


def describe_capacity(session: Session, role: str, facts: Partnership) -> str:
    """Return in words the role in which somebody is told of a partnership, such as "as principal of ..."."""
    name = session.directory.school_name(facts.school)
    return _WHY[Role(role)].format(school=name, district=session.config.procedure.district.name)


def names_in(session: Session, facts: Partnership) -> dict[str, str]:
    """Return names: of organizations and applicants by identifier, of people by address."""
    return session.directory.names() | _applicants(facts)


def _applicants(facts: Partnership) -> dict[str, str]:
    return {key: a.name for selection in facts.selections for key, a in selection.applications.items()}


def _event(session: Session, row: Notice, facts: Partnership, viewer: Viewer) -> dict[str, Any] | None:
    """Return the event that a notice tells of, with the parts that its reader may know; None for a deadline."""
    if row.seq is None or row.partnership is None:
        return None
    # One form may do several events, and they share one receipt.
    entries = [entry_of(session, row.partnership, seq) for seq in (*row.more.get("before", ()), row.seq)]
    entry = entries[-1]
    named = visibility.is_named(viewer, entry, unopened=names_nobody(facts, entry))
    through = entry.stood_in if named else None
    return {
        "name": entry.event,
        "at": entry.at.isoformat(),
        "by": entry.actor if named else None,
        "by_name": session.name_of(entry.actor) if named else None,
        "through": session.name_of(through) if through else None,
        "role": entry.role,
        "input": visibility.visible_input(viewer, entry) if named else {},
        "note": entry.note if viewer.is_office or viewer.email == entry.actor else None,
        "deeds": [describe_entry(session, entry, facts, viewer) for entry in entries],
    }


def entry_of(session: Session, partnership: int, seq: int) -> HistoryEntry:
    """Return the row of a partnership's history with this number."""
    table = tables.history
    query = select(table).where(table.c.partnership == partnership, table.c.seq == seq)
    return HistoryEntry.from_row(session.connection.execute(query).one())


def describe_entry(
    session: Session, entry: HistoryEntry, facts: Partnership, viewer: Viewer
) -> dict[str, Any]:
    """Return a row of the history in words for its reader: the event, and the input that the reader may see."""
    row = row_of(entry.event, State(entry.from_state) if entry.from_state else None)
    visible = visibility.visible_input(viewer, entry)
    # No message quotes an application, since other people may read mail in a shared mailbox.
    pairs = summarize(row.takes, visible, names_in(session, facts), sealed=bool(row.sealed))
    return {
        "event": entry.event,
        "label": session.config.label(entry.event),
        "done": session.config.events[entry.event]["done"],
        "said": [{"label": label, "value": value} for label, value in pairs],
    }


def _asks(session: Session, row: Notice, about: Snapshot) -> dict[str, list[dict[str, Any]]]:
    """Return what the reader may do from this message: "offers" are possible now, "hindered" are not yet.

    Each offer has a link that only this reader can use, and the words that a reply may consist of. Each hindered
    event has the reasons why it is not possible yet.
    """
    config = session.config
    replies = config.procedure.mail.replies != "none"
    here = Situation(session, about, None, row.queued_at)
    unmet = {each.row.name: each.unmet for each in possibilities(here, row.to, Role(row.role))}
    offers, hindered = [], []
    for event in offers_of(session, row):
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


def offers_of(session: Session, row: Notice) -> tuple[str, ...]:
    """Return the events that a notice asks for, whether or not they are still possible."""
    if offers_again := row.more.get("offers_again"):
        return tuple(offers_again)
    config = session.config
    settings = config.deadlines.get(row.template) if row.deadline else config.notices.get(row.template)
    return settings.offers if settings else ()


def offered_versions(session: Session, row: Notice) -> dict[str, str | None]:
    """Return each event that a message offers as it is written now, with the version of the text it consents to.

    A link names that version itself. An answer by mail does not, so it counts for the version kept here.
    """
    about = partnership_of(session, row)
    if about is None:
        return {}
    possible = askable(about.state, about.facts, Role(row.role))
    asked = [event for event in offers_of(session, row) if event in possible]
    return {event: event_named(event).version_read(about.facts) for event in asked}


def deadline_of(session: Session, row: Notice, offered: set[str]) -> dict[str, Any] | None:
    """Return the deadline that a notice is about, or else the next one for the `offered` events."""
    table, config, viewer = tables.deadlines, session.config, visibility.viewer_of(row)
    if row.deadline is not None:
        rung = session.connection.execute(select(table).where(table.c.id == row.deadline)).one()
        late = row.queued_at - rung.ladder
        return _deadline_context(session, rung.name, rung.ladder, rung.kind, max(late.days, 0))
    query = (
        select(table)
        .where(
            table.c.partnership == row.partnership,
            table.c.status == DeadlineStatus.OPEN.value,
            table.c.kind == RungKind.DUE.value,
        )
        .order_by(table.c.due_at, table.c.id)
    )
    for rung in session.connection.execute(query):
        settings = config.deadlines.get(rung.name)
        if settings is None or not visibility.can_see_deadline(viewer, settings):
            continue
        if offered & set(settings.offers) and rung.due_at > row.queued_at:
            return _deadline_context(session, rung.name, rung.ladder, RungKind.REMIND, 0)
    return None


def _deadline_context(session: Session, name: str, due: datetime, kind: str, late: int) -> dict[str, Any]:
    settings = session.config.deadlines.get(name)
    return {
        "name": name,
        "label": settings.label if settings else name,
        "due_at": session.config.calendar.local(due).isoformat(),
        "kind": kind,
        "overdue": kind == RungKind.ESCALATE,
        "late_days": late,
    }
