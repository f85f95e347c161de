"""Writes the message of a queued notice, in three steps, of which the long one holds no lock of the database.

1. `gather` reads what the templates need, in a transaction that only reads.
2. `render` makes the words of it, in no transaction. Staff edit templates, and one of them may take long.
3. `finish` composes the mail and records the calendar files that go with it, in a transaction that writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from notifications.addresses import Mailbox
from notifications.calendar import CalendarFile
from notifications.compose import compose
from notifications.errors import ServiceError
from notifications.render import Rendered, TemplateFailed, TemplateMissing
from states.event import OFFICE
from workflow.outbox import copies, invitations
from workflow.outbox.event_words import entry_of
from workflow.outbox.message import DIGEST, context_of, offered_versions, partnership_of
from workflow.procedure.config import Config
from workflow.session import Session
from workflow.store import chain, kept_documents, tables
from workflow.store.checkpoints import read_last
from workflow.store.rows import Notice
from workflow.views.visibility import can_see_fact, viewer_of

Context = dict[str, Any]


class CannotWrite(ServiceError):
    """The message of a notice cannot be written. The text of the error says why."""


@dataclass(frozen=True, slots=True)
class Material:
    """What the words of a notice are made of. A digest has the notices in it, each with its context or None."""

    context: Context
    shown: Mapping[
        str, str | None
    ]  # each event that it offers, with the version of what the event consents to
    parts: tuple[tuple[Notice, Context | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """The words of a notice, or the problem why there are none. `parts` are the notices that a digest can show."""

    subject: str
    rendered: Rendered | None = None
    material: Material | None = None
    parts: tuple[tuple[Notice, Context], ...] = ()
    broken: tuple[int, ...] = field(default=())  # the ids of those that it cannot show
    problem: str | None = None


def gather(session: Session, row: Notice) -> Material:
    """Return what the templates of a notice need. Raise what reading its record raises."""
    parts = tuple((part, _try_context(session, part)) for part in _notices_in(session, row))
    return Material(context_of(session, row), offered_versions(session, row), parts)


def _try_context(session: Session, part: Notice) -> Context | None:
    """Return the context of a notice in a digest; None if its record cannot be read."""
    try:
        return context_of(session, part)
    except DBAPIError:
        raise
    except Exception:  # noqa: BLE001 - one broken notice must not keep the rest of a digest back
        return None


def _notices_in(session: Session, row: Notice) -> list[Notice]:
    """Return the notices in a digest, oldest first; none for another notice."""
    if row.template != DIGEST:
        return []
    table = tables.notices
    query = select(table).where(table.c.within == row.id, table.c.revoked_at.is_(None))
    return [Notice.from_row(row) for row in session.connection.execute(query.order_by(table.c.id))]


def render(config: Config, row: Notice, material: Material) -> Draft:
    """Return the words of a notice. A problem is in the draft, since only `finish` may decide what follows."""
    groups, parts = _make_digest(config, material)
    known = {part.id for part, _ in parts}
    broken = tuple(part.id for part, _ in material.parts if part.id not in known)
    context = material.context | {"digest": groups}
    if row.template == DIGEST and not parts:
        return Draft(_subject(config, row, context), problem="nothing that is in it can be written")
    try:
        context = _narrow(config, row, context)
        rendered = config.templates.notice(row.template, context)
    except (TemplateFailed, TemplateMissing) as error:
        return Draft(_subject(config, row, context), problem=str(error))
    return Draft(rendered.subject, rendered, replace(material, context=context), parts, broken)


def _narrow(config: Config, row: Notice, context: Context) -> Context:
    """Return a context with what the words of its notice ask this reader for, out of all that its row offers.

    1. Keep the offers that the words name, in their order, and those that are always shown.
    2. Take the deadline of the first offer that has one. A notice about a deadline keeps its own beside it.
    3. Name together the events that are not possible yet for the same reasons.
    """
    asked = config.templates.offers(row.template, context)

    def choose(kind: str) -> list[dict[str, Any]]:
        each = {offer["event"]: offer for offer in context[kind]}
        always = [event for event, offer in each.items() if offer.get("always")]
        wanted = each if asked is None else dict.fromkeys((*asked, *always))
        return [each[event] for event in wanted if event in each]

    offers = choose("offers")
    own = context["deadline"]
    task = next((offer["deadline"] for offer in offers if offer.get("deadline")), None)
    if own and (task or own["over"]) and task != own:
        own = own | {"task": task}
    hindered: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in choose("hindered"):
        same = hindered.setdefault(tuple(one["reasons"]), one | {"label": ""})
        same["label"] = f"{same['label']}; {one['label']}" if same["label"] else one["label"]
    return context | {"offers": offers, "hindered": list(hindered.values()), "deadline": own or task}


def _make_digest(
    config: Config, material: Material
) -> tuple[list[dict[str, Any]], tuple[tuple[Notice, Context], ...]]:
    """Return the notices in a digest, grouped as its template needs them, and those of them that it shows."""
    groups: dict[str, dict[str, Any]] = {}
    parts = []
    for part, context in material.parts:
        written = None if context is None else _make_section(config, part, context)
        if written is None:
            continue
        section, narrowed = written
        about = section["partnership"]
        group = groups.setdefault(about["ref"], {**about, "page": section["page"], "messages": []})
        group["messages"].append(section)
        parts.append((part, narrowed))
    return list(groups.values()), tuple(parts)


def _make_section(config: Config, part: Notice, context: Context) -> tuple[dict[str, Any], Context] | None:
    """Return one notice of a digest, with its words, links and deadline, and its context. None if it cannot be."""
    try:
        narrowed = _narrow(config, part, context)
        words = config.templates.words(part.template, narrowed)
    except Exception:  # noqa: BLE001 - one broken notice must not keep the rest of a digest back
        return None
    names = (
        "partnership",
        "page",
        "delegate_for",
        "stands_in_for",
        "contact_as",
        "deadline",
        "offers",
        "hindered",
        "missing",
        "files",
    )
    return words | {name: narrowed[name] for name in names}, narrowed


def _subject(config: Config, row: Notice, context: Context) -> str:
    try:
        return config.templates.subject(row.template, _narrow(config, row, context))
    except Exception as error:  # noqa: BLE001 - staff must be told of a broken notice, even without its subject
        return f"({error})"


def subject_of(session: Session, row: Notice) -> str:
    """Return the subject of a notice, also of one whose message is not written yet."""
    if row.subject is not None:
        return str(row.subject)
    try:
        material = gather(session, row)
    except Exception as error:  # noqa: BLE001 - a list of notices must not end at a record that cannot be read
        return f"({error})"
    digest, _ = _make_digest(session.config, material)
    return _subject(session.config, row, material.context | {"digest": digest})


def finish(session: Session, row: Notice, draft: Draft, now: datetime) -> bytes:
    """Return the bytes of a notice's message, dated `now`, and record what goes with it.

    Raise `CannotWrite` if the draft has a problem. A message that fails halfway leaves nothing behind.
    """
    with session.connection.begin_nested():
        return _compose(session, row, draft, now)


def _compose(session: Session, row: Notice, draft: Draft, now: datetime) -> bytes:
    if draft.rendered is None or draft.material is None:
        raise CannotWrite(draft.problem or "")
    _remove(session, row, draft.broken)
    config, context = session.config, draft.material.context
    mail = config.procedure.mail
    domain = config.sender.address.rpartition("@")[2]
    ref = context["partnership"]["ref"] if context["partnership"] else ""
    return compose(
        rendered=draft.rendered,
        message_id=row.message_id,
        date=now,
        sender=mail.sender,
        recipient=row.to,
        recipient_name=context["person"]["name"],
        # All messages about a partnership name the same thread, so that mail programs show them together.
        thread_id=f"<partnership.{ref}@{domain}>" if ref else None,
        ref=ref,
        calendar=_make_calendar(session, row, draft),
        reply_to=_reply_to(session, row),
        record=_history_heads(session, row, draft),
        proofs=_proofs(session, row, draft),
        unsubscribe=context["unsubscribe"],
        enclosure=copies.note_copy(session, row),
        pages=_find_signed_copies(session, row, draft),
    )


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes messages in two steps: the words, outside of any transaction, and the bytes, inside of one."""

    render: Callable[[Config, Notice, Material], Draft]
    finish: Callable[[Session, Notice, Draft, datetime], bytes]


def _render_subject(config: Config, row: Notice, material: Material) -> Draft:
    groups, parts = _make_digest(config, material)
    known = {part.id for part, _ in parts}
    broken = tuple(part.id for part, _ in material.parts if part.id not in known)
    subject = _subject(config, row, material.context | {"digest": groups})
    return Draft(subject, material=material, parts=parts, broken=broken)


def _finish_empty(session: Session, row: Notice, draft: Draft, now: datetime) -> bytes:
    if draft.problem is not None:
        raise CannotWrite(draft.problem)
    _remove(session, row, draft.broken)
    return b""


WHOLE = Writer(render, finish)
# For a rehearsal whose messages nobody reads: who gets which subject, without the bytes.
SUBJECTS = Writer(_render_subject, _finish_empty)


def _find_signed_copies(session: Session, row: Notice, draft: Draft) -> list[tuple[str, bytes]]:
    """Return the name and content of each signed copy that goes with a notice, or with the notices in a digest."""
    copies: dict[str, tuple[str, bytes]] = {}
    for part in [part for part, _ in draft.parts] or [row]:
        if part.seq is None or part.partnership is None:
            continue
        copy = entry_of(session, part.partnership, part.seq).signed_copy
        # What only the office and the Lead Partner may see is attached for nobody else.
        if copy is None or not can_see_fact("documents", viewer_of(part)):
            continue
        content = kept_documents.read(session.connection, copy.sha256)
        if content is not None:
            copies[str(copy.sha256)] = copy.name, content
    return list(copies.values())


def _remove(session: Session, row: Notice, broken: tuple[int, ...]) -> None:
    """Remove from a digest each notice that cannot be written, so that it fails as a message of its own."""
    if broken:
        table = tables.notices
        chosen = update(table).where(table.c.id.in_(broken))
        chain.execute(session.connection, chosen.values(held=False, within=None, next_at=row.queued_at))


def _history_heads(session: Session, row: Notice, draft: Draft) -> list[str]:
    """Return the last row of each history that a message is about, as REF SEQ HASH (see docs/record.md).

    Only the office gets them: an applicant could tell from the number of rows how many others have applied.
    """
    if row.role not in OFFICE:
        return []
    about = {part.partnership for part in ([part for part, _ in draft.parts] or [row])}
    table = tables.partnerships
    query = select(table.c.ref, table.c.version, table.c.head).where(table.c.id.in_(about - {None}))
    heads = sorted(session.connection.execute(query), key=lambda head: head.ref)
    return [f"{ref} {version} {head}" for ref, version, head in heads]


def _proofs(session: Session, row: Notice, draft: Draft) -> list[str]:
    """Return the proof of each of these partnerships in the last checkpoint (see docs/record.md).

    A line has the head as it was then, its place, the number of chains, the root, and the path to the root.
    """
    told = [line.split()[0] for line in _history_heads(session, row, draft)]
    last = read_last(session.connection) if told else None
    proofs = [proof for ref in told if last is not None and (proof := last.prove(ref)) is not None]
    return [" ".join(map(str, (*p["head"], p["index"], p["size"], p["root"], *p["path"]))) for p in proofs]


def _make_calendar(session: Session, row: Notice, draft: Draft) -> list[CalendarFile]:
    """Return the calendar files that go with a notice, or with all the notices in a digest."""
    if row.template != DIGEST:
        return _calendar_of(session, row, draft.material.context if draft.material else {})
    every = [_calendar_of(session, part, context) for part, context in draft.parts]
    # Two notices may bring a file for the same date. Keep the file of the later notice.
    return invitations.sort_files({file.uid: file for files in every for file in files}.values())


def _calendar_of(session: Session, row: Notice, context: Context) -> list[CalendarFile]:
    about = partnership_of(session, row)
    if about is None:
        return []
    deadline, person = context["deadline"], context["person"]
    return invitations.make_files(
        session, row, about,
        person=Mailbox(person["name"], row.to),
        deadline=deadline["name"] if deadline else None,
        asked={offer["event"] for offer in context["offers"]},
    )  # fmt: skip


def _reply_to(session: Session, row: Notice) -> str:
    """Return the Reply-To address. Each notice has its own, so that its address identifies an answer."""
    procedure = session.config.procedure
    if procedure.mail.replies == "none":
        return procedure.district.email
    return session.config.links.reply_address(procedure.mail.replies_to, row.id, row.to)
