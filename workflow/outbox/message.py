"""Gathers what the templates of a notice need: its reader, its partnership as they may see it, what they may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from states.chapters.anytime import CHANGE_CONTACT
from states.chapters.panel import CHANGE_PANEL
from states.machine import event_named
from states.names import Role, State
from states.partnership import Partnership
from workflow import links
from workflow.directory import DISTRICT_ROLES
from workflow.links import Applicant
from workflow.outbox import summary
from workflow.outbox.event_words import describe_event, names_in, write_reason
from workflow.outbox.notice_deadlines import deadline_of, own_deadline
from workflow.session import Session
from workflow.setting import Situation, possibilities
from workflow.store import feeds, tables
from workflow.store.application_texts import SEALED_EVENTS
from workflow.store.rows import Notice, Snapshot
from workflow.views import attached, contacts, documents, drafts, vacancies, visibility, weighed

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

# Why somebody outside gets a message about a partnership, by its template.
_WHY_PUBLIC = {
    "open-selection": "because you asked to hear of new calls",
    "answer-question": "because you asked a question about this call",
}

NEW_CALL = "open-selection"  # the notice that those outside get who asked to hear of new calls
WITNESSED = "checkpoint"  # the template for the witnesses of the record
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
        "stands_in_for": None,
        "contact_as": None,
        "only_told": None,
        "office": {"name": district.office, "email": district.email, "phone": district.phone},
        "district": district.name,
        # Somebody outside has neither a page of their own nor dates.
        "me": None if row.role == Role.PUBLIC else session.config.address("me"),
        "unsubscribe": unsubscribe_address(session, row),
        "dates_in": session.dates_in(row.to),
        "names": people.names,
        "failure": None,
        "changes": None,
        "reply": None,
        "held": None,
        "checkpoint": None,
        "request": None,
        "meeting": None,
        "digest": [],
        "summary": None,
        "feed": None
        if row.role == Role.PUBLIC
        else session.once(("feed", row.to), lambda: _feed_address(session, row.to)),
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


def _feed_address(session: Session, email: str) -> str:
    return links.feed_address(session.config, email, feeds.generation_of(session.connection, email))


def unsubscribe_address(session: Session, row: Notice) -> str | None:
    """Return the address that ends messages such as this one; None for a message that nobody subscribed to."""
    if row.role != Role.PUBLIC or row.template != NEW_CALL:
        return None
    return links.unsubscribe_address(session.config, row.to)


def _without_partnership(session: Session, row: Notice) -> dict[str, Any]:
    """Return the part of the context that is about a partnership, for a notice about no single one."""
    if row.template == WITNESSED:
        return _NO_PARTNERSHIP | {"why": "because the District named you as a witness of its record"}
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
    "files": [],
    "missing": {},
    "weighed": None,
    "page": None,
}


_PARTNERSHIP = select(tables.partnerships).where(tables.partnerships.c.id == bindparam("key"))


def partnership_of(session: Session, row: Notice) -> Snapshot | None:
    """Return the partnership of a notice as it is now, or None for a notice about no single one."""
    if row.partnership is None:
        return None
    key = {"key": row.partnership}
    return session.once(
        ("partnership", row.partnership),
        lambda: Snapshot.from_row(session.connection.execute(_PARTNERSHIP, key).one()),
    )


def _with_partnership(session: Session, row: Notice, about: Snapshot) -> dict[str, Any]:
    """Return the part of the context that is about the partnership of a notice."""
    config, facts, ref = session.config, about.facts, about.ref
    school_name = session.directory.school_name(facts.school)
    missing = vacancies.describe(session.directory, ref, facts, row.role, row.more.get("stands_in_for"))
    asks = _asks(session, row, about, missing)
    # A delegate may see what the absent person may see, and no more.
    viewer = visibility.viewer_of(row)
    visible = visibility.facts_for(session, about, viewer, row.queued_at)
    event = describe_event(session, row, facts, viewer)
    # Somebody who has only saved an application has no page of the partnership to see.
    is_author = row.role == Role.APPLICANT and not _has_applied(facts, row.owner)
    is_outside = row.role == Role.PUBLIC
    has_page = not (is_author or is_outside)
    page = links.address(config, links.claim_of(row, ref, "", facts)) if has_page else None
    offered = [offer["event"] for offer in asks["offers"]]
    as_contact = contacts.describe_message(session, row, about, offers_of(session, row), offered)
    return (
        asks
        | as_contact
        | {
            "files": _list_files(page, event, attached.to_read(about.state, offered, visible))
            if page and about.state
            else [],
            "why": f"because you saved an application for {school_name}"
            if is_author
            else _WHY_PUBLIC.get(row.template, "")
            if is_outside
            else describe_capacity(session, row.role, facts, row.owner),
            "partnership": {
                "ref": ref,
                "title": facts.title,
                "state": str(about.state),
                "school_name": school_name,
            },
            "standing": []
            if is_outside
            else [
                {"state": str(state), "label": state.replace("-", " "), "current": state is about.state}
                for state in State
            ],
            "event": event,
            "facts": visible,
            "weighed": weighed.describe(session, about, row.role),
            "missing": missing,
            "deadline": own_deadline(session, row, _leaves_at(row)),
            "names": documents.mentioned_names(names_in(session, facts), visible, event),
            "page": page,
        }
    )


def _has_applied(facts: Partnership, email: str) -> bool:
    """Return whether an address is that of an applicant on record, in this call or an earlier one."""
    sent = (each for call in facts.selections for each in call.applications.values())
    return any(email == application.contact_email for application in sent)


def _list_files(
    page: str, event: Mapping[str, Any] | None, to_read: Sequence[attached.Shown]
) -> list[attached.Shown]:
    """Return the documents that came with the event of a notice, and those to read before what it asks for."""
    came = [each for deed in event["deeds"] for each in deed["files"]] if event else []
    files = {each["sha256"] or each["name"]: each for each in (*came, *to_read)}
    return [
        each | {"url": f"{page}/documents/{each['sha256']}" if each["sha256"] else None}
        for each in files.values()
    ]


def describe_capacity(session: Session, role: str, facts: Partnership, email: str) -> str:
    """Return in words the role in which somebody is told of a partnership, such as "as principal of ..."."""
    name = session.directory.school_name(facts.school)
    if other := contacts.describe_as(session.directory, facts, email, role):
        return f"as {other}, the Lead Partner of {name}"
    return _WHY[Role(role)].format(school=name, district=session.config.procedure.district.name)


def _asks(
    session: Session, row: Notice, about: Snapshot, missing: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Return what the reader may do from this message: "offers" are possible now, "hindered" are not yet.

    Each offer has a link that only this reader can use, its deadline, and the words that a reply may consist of.
    Each hindered event has the reasons why it is not possible yet. An offer that is `always` shown answers what
    the layout says, whatever the words of the notice ask for: without a contact, staff record a new one, and
    without a reviewer they change the panel.
    """
    config = session.config
    if row.role == Role.PUBLIC:
        return {"offers": [_public_page(session, about)], "hindered": []}
    replies = config.procedure.mail.replies != "none"
    here = Situation(session, about, None, row.queued_at)
    able = contacts.askable_by(session, about, Role(row.role), row.owner)
    offers, hindered = [], []
    # Nobody can act from the mailbox of the office, which is told where the directory has nobody left.
    if row.owner not in session.directory.people and "stands_in_for" in row.more:
        return {"offers": [], "hindered": []}
    ways = {Role.LEAD_PARTNER: CHANGE_CONTACT, Role.REVIEWER: CHANGE_PANEL}
    always = [event for role, event in ways.items() if role in missing and row.role == Role.STAFF]
    asked = dict.fromkeys((*offers_of(session, row), *always))
    unmet = {each.row.name: each.unmet for each in possibilities(here, row.to, Role(row.role), asked)}
    for event in asked:
        if _is_own_application(row, event) and drafts.find_draft(session, about, row.to):
            offers.append(_own_application(session, row, about, event))
            continue
        if event not in able:
            continue
        if unmet[event]:
            reasons = [write_reason(session, reason, about.facts) for reason in unmet[event]]
            hindered.append({"event": event, "label": config.label(event), "reasons": reasons})
            continue
        if _is_own_application(row, event):
            offers.append(_own_application(session, row, about, event))
            continue
        link = links.address(config, links.claim_of(row, about.ref, event, about.facts))
        words = list(event_named(event).reply_words) if replies else []
        offers.append({
            "event": event, "label": config.label(event), "url": link, "words": words, "help": "",
            "deadline": deadline_of(session, row, [event], _leaves_at(row)), "always": event in always,
            "signs": any(word.name for word in event_named(event).reply_words.values()),
        })  # fmt: skip
    return {"offers": offers, "hindered": hindered}


def _public_page(session: Session, about: Snapshot) -> dict[str, Any]:
    """Return the offer that opens the page of a call, which everybody can read."""
    return {
        "event": "", "label": "Open the page of the call", "url": session.config.address(f"calls/{about.ref}"),
        "words": [], "help": "", "deadline": None, "always": True,
    }  # fmt: skip


def _is_own_application(row: Notice, event: str) -> bool:
    """Return whether an event is the application of the reader, who alone can open its page."""
    return row.role == Role.APPLICANT and event in SEALED_EVENTS and row.delegate_for is None


def _own_application(session: Session, row: Notice, about: Snapshot, event: str) -> dict[str, Any]:
    """Return the offer that opens the reader's application, on the page that also saves and withdraws it."""
    config, draft = session.config, drafts.find_draft(session, about, row.to)
    label = config.events[event]["again"] if _has_applied(about.facts, row.to) else config.label(event)
    return {
        "event": event,
        "label": "Open what you have saved" if draft and not draft.is_withdrawn else label,
        "url": links.apply_address(config, Applicant(about.ref, row.to, about.facts.round)),
        "words": [], "help": "", "deadline": deadline_of(session, row, [event], _leaves_at(row)),
        # What somebody has saved stays theirs to read, also when it can no longer be sent.
        "always": draft is not None,
    }  # fmt: skip


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
    possible = contacts.askable_by(session, about, Role(row.role), row.owner)
    asked = [event for event in offers_of(session, row) if event in possible]
    return {event: event_named(event).version_read(about.facts) for event in asked}


def _leaves_at(row: Notice) -> datetime:
    """Return the instant as of which a message is written: that of the digest or the morning it waits for."""
    return max(row.queued_at, row.next_at)
