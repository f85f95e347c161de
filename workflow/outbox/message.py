"""Gathers what the templates of a notice need: its reader, its partnership as they may see it, what they may do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from states.chapters.anytime import CHANGE_CONTACT
from states.machine import askable, event_named, row_of
from states.partnership import Partnership, Role, State
from workflow import directory, links
from workflow.directory import DISTRICT_ROLES
from workflow.forms.summary import summary as summarize
from workflow.outbox import summary
from workflow.procedure.settings import DeadlineSettings
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
    missing = vacancies.describe(session.directory, ref, facts, row.role)
    asks = _asks(session, row, about, missing)
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
        "missing": missing,
        "deadline": own_deadline(session, row, _leaves_at(row)),
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


def write_reason(session: Session, reason: str, facts: Partnership | None = None) -> str:
    """Return a reason of the law as people read it: with the labels of events and names in place of identifiers."""
    applicants = _applicants(facts) if facts else {}
    names = session.directory.names() | applicants

    def name(found: re.Match[str]) -> str:
        word = found[0]
        # An identifier of one word may be an ordinary word, unless it is that of an applicant.
        is_plain = not {"-", "@"} & set(word) and word not in applicants
        return word if is_plain else names.get(word, word)

    return re.sub(r"[\w.+@-]*\w", name, session.config.labeled(reason))


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


def _asks(
    session: Session, row: Notice, about: Snapshot, missing: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Return what the reader may do from this message: "offers" are possible now, "hindered" are not yet.

    Each offer has a link that only this reader can use, its deadline, and the words that a reply may consist of.
    Each hindered event has the reasons why it is not possible yet. An offer that is `always` shown answers what
    the layout says, whatever the words of the notice ask for: without a contact, staff record a new one.
    """
    config = session.config
    replies = config.procedure.mail.replies != "none"
    here = Situation(session, about, None, row.queued_at)
    unmet = {each.row.name: each.unmet for each in possibilities(here, row.to, Role(row.role))}
    offers, hindered = [], []
    always = [CHANGE_CONTACT] if Role.LEAD_PARTNER in missing and row.role == Role.STAFF else []
    for event in dict.fromkeys((*offers_of(session, row), *always)):
        if event not in askable(about.state, about.facts, Role(row.role)):
            continue
        if unmet[event]:
            reasons = [write_reason(session, reason, about.facts) for reason in unmet[event]]
            hindered.append({"event": event, "label": config.label(event), "reasons": reasons})
            continue
        link = links.address(config, links.claim_of(row, about.ref, event, about.facts))
        words = list(event_named(event).reply_words) if replies else []
        offers.append({
            "event": event, "label": config.label(event), "url": link, "words": words, "help": "",
            "deadline": deadline_of(session, row, [event], _leaves_at(row)), "always": event in always,
        })  # fmt: skip
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


def _leaves_at(row: Notice) -> datetime:
    """Return the instant as of which a message is written: that of the digest or the morning it waits for."""
    return max(row.queued_at, row.next_at)


def deadline_of(session: Session, row: Notice, events: Sequence[str], now: datetime) -> dict[str, Any] | None:
    """Return the deadline of what a notice asks for, as it is `now`; None if there is none.

    1. A notice about a deadline has that one, if the row of the deadline offers one of the `events`. A date that
       is past, and by which nobody had to do anything, is the deadline of nothing.
    2. Otherwise take the first of the `events` that is the task of an open deadline. Of several deadlines take
       the one with the fewest tasks, since it is about this one most, and then the earliest.
    """
    own = own_deadline(session, row, now)
    settings = session.config.deadlines.get(own["name"]) if own else None
    if own and settings and not own["over"] and not set(events).isdisjoint(settings.offers):
        return own
    candidates = _open_deadlines(session, row)
    for event in events:
        mine = [(len(each.owed), due, name) for name, due, each in candidates if event in each.owed]
        if mine:
            _, due, name = min(mine)
            return _deadline_context(session, name, due, RungKind.REMIND, now)
    return None


def own_deadline(session: Session, row: Notice, now: datetime) -> dict[str, Any] | None:
    """Return the deadline that a notice is about, as it is `now`; None for a notice of an event."""
    if row.deadline is None:
        return None
    query = select(tables.deadlines).where(tables.deadlines.c.id == row.deadline)
    rung = session.connection.execute(query).one()
    return _deadline_context(session, rung.name, rung.ladder, rung.kind, now)


def _open_deadlines(session: Session, row: Notice) -> list[tuple[str, datetime, DeadlineSettings]]:
    """Return the open deadlines of a notice's partnership that its reader may know of: name, due instant, row."""
    table, viewer = tables.deadlines, visibility.viewer_of(row)
    query = select(table.c.name, table.c.ladder).where(
        table.c.partnership == row.partnership, table.c.status == DeadlineStatus.OPEN.value
    )
    # All rungs of a deadline have its due instant, and one that is overdue has only escalations left.
    found = [
        (rung.name, rung.ladder, session.config.deadlines.get(rung.name))
        for rung in session.connection.execute(query.distinct())
    ]
    return [
        (name, due, settings)
        for name, due, settings in found
        if settings is not None and visibility.can_see_deadline(viewer, settings)
    ]


def _deadline_context(session: Session, name: str, due: datetime, kind: str, now: datetime) -> dict[str, Any]:
    settings, calendar = session.config.deadlines.get(name), session.config.calendar
    # The message that says that it is due leaves a moment later, and calls it overdue from the next day on.
    past = calendar.day(due) < calendar.day(now) if kind == RungKind.DUE else due <= now
    is_gate = settings is not None and not settings.owed and not settings.overdue
    return {
        "name": name,
        "label": settings.label if settings else name,
        "due_at": calendar.local(due).isoformat(),
        "kind": kind,
        "overdue": (past and not is_gate) or kind == RungKind.ESCALATE,
        # Nobody is late for a date by which nobody had to do anything, such as the end of a window.
        "over": is_gate and due <= now,
        "late_days": max((now - due).days, 0),
    }
