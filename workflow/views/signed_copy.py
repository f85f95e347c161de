"""Writes the signed copy of an agreement: one page with the terms, the document, the digests and both signatures.

Its digest is part of the setting of the last signature, so the chain of the history proves the page later.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from notifications.written import kind_and_size, long_day, money
from states.agreement import Agreement
from states.chapters.signing import CONSENT
from states.fact import Attachment, Signature
from states.inputs import READABLE
from states.names import Side
from states.partnership import Partnership
from workflow.session import Session
from workflow.store import kept_documents, tables
from workflow.store.column_types import canonical
from workflow.store.rows import Channel, HistoryEntry, Snapshot

LARGEST_INSIDE = 500_000  # bytes of a document that the page itself holds; a larger one is only named
_HOW = {
    Channel.LINK: "on a page whose address only this person has",
    Channel.REPLY: "by an answer from this address to a message that offered it",
    Channel.CLI: "by a command of the office",
    Channel.IMPORT: "taken over from an earlier record",
}
_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "txt": "text/plain",
}
# The rows of a history at an instant, the latest first, up to a number.
_AT = (
    select(tables.history)
    .where(
        tables.history.c.partnership == bindparam("key"),
        tables.history.c.at == bindparam("instant"),
        tables.history.c.seq <= bindparam("last"),
    )
    .order_by(tables.history.c.seq.desc())
)
_SIDES: dict[Side, str] = {"district": "For the District", "partner": "For the Lead Partner"}


@dataclass(frozen=True, slots=True)
class LastSignature:
    """How the last signature came, whose row of the history is not written yet."""

    channel: Channel
    ran_by: str | None


def make(
    session: Session, before: Snapshot, facts: Partnership, last: LastSignature, now: datetime
) -> tuple[Attachment, bytes]:
    """Return what refers to the signed copy, and its content. `before` is the record without the last signature."""
    agreement = facts.agreement
    if agreement is None:
        raise LookupError(f"{before.ref} has no agreement")
    page = session.config.pages.render("signed-copy", _describe(session, before, facts, agreement, last, now))
    content = page.encode()
    digest = hashlib.sha256(content).hexdigest()
    name = f"signed-agreement-{before.ref}-{now:%Y%m%d}.html"
    return Attachment(name=name, sha256=digest, size=len(content)), content


def _describe(
    session: Session,
    before: Snapshot,
    facts: Partnership,
    agreement: Agreement,
    last: LastSignature,
    now: datetime,
) -> dict[str, Any]:
    choice = facts.selection.choice if facts.selection else None
    applied = facts.selection.applications.get(choice.organization) if facts.selection and choice else None
    outcomes = [outcome.model_dump(mode="json") for outcome in facts.outcomes.items]
    return {
        "ref": before.ref,
        "title": facts.title,
        "school": session.directory.school_name(facts.school),
        "district": session.config.procedure.district.name,
        "organization": applied.name if applied else (choice.organization if choice else ""),
        "dates_in": None,
        "terms": list(_list_terms(agreement)),
        "responsibilities": agreement.responsibilities,
        "changes": [change.model_dump(mode="json") for change in agreement.changes],
        "outcomes": outcomes,
        "terms_sha256": _digest_terms(agreement, outcomes),
        "document": _describe_document(session, agreement.document),
        "signatures": [
            _describe_signature(session, before, facts, side, agreement.signatures[side], last)
            for side in _SIDES
        ],
        "consent": CONSENT,
        "made_at": session.local(now),
        "head": before.head,
        "seq": before.version,
    }


def _list_terms(agreement: Agreement) -> Iterator[tuple[str, str]]:
    yield "Kind of agreement", READABLE[agreement.instrument]
    yield "Whole amount", money(agreement.amount_cents)
    yield "First day", long_day(agreement.starts_on)
    yield "Last day", long_day(agreement.ends_on)
    if agreement.autonomy_requested_by:
        yield "Autonomy requested by", READABLE[agreement.autonomy_requested_by]
    if agreement.approval:
        yield "Approved by the Board", long_day(agreement.approval.meeting_on)


def _digest_terms(agreement: Agreement, outcomes: list[dict[str, Any]]) -> str:
    """Return the SHA-256 (FIPS 180-4) of the terms and outcomes as JSON with sorted keys and without blanks."""
    keys = {"instrument", "amount_cents", "starts_on", "ends_on", "autonomy_requested_by", "responsibilities"}
    terms = agreement.model_dump(mode="json", include=keys)
    return hashlib.sha256(canonical({"terms": terms, "outcomes": outcomes}).encode()).hexdigest()


def _describe_document(session: Session, document: Attachment | None) -> dict[str, Any] | None:
    if document is None:
        return None
    content = kept_documents.read(session.connection, document.sha256)
    inside = content is not None and len(content) <= LARGEST_INSIDE
    kind = _TYPES.get(document.name.rpartition(".")[2].lower(), "application/octet-stream")
    return {
        "name": document.name,
        "kind": kind_and_size(document.name, document.size),
        "sha256": document.sha256,
        "data": f"data:{kind};base64,{base64.b64encode(content).decode()}" if content and inside else None,
    }


def _describe_signature(
    session: Session,
    before: Snapshot,
    facts: Partnership,
    side: Side,
    signature: Signature,
    last: LastSignature,
) -> dict[str, Any]:
    entry = _entry_of(session, before, signature)
    channel = entry.channel if entry else last.channel
    ran_by = entry.ran_by if entry else last.ran_by
    by = session.name_of(signature.by, facts)
    how = f"on paper; {by} ({signature.by}) recorded it" if signature.paper else _HOW[Channel(channel)]
    return {
        "side": _SIDES[side],
        "name": signature.name or by,
        "typed": signature.name is not None and not signature.paper,
        "by": None if signature.paper else f"{by}, {signature.by}",
        "through": session.name_of(signature.through) if signature.through else None,
        "user": ran_by if channel == Channel.CLI else None,
        "on": signature.on.isoformat() if signature.on else None,
        "at": session.local(signature.at),
        "how": how,
        "consented": signature.consented,
        "signed_sha256": signature.signed_sha256,
        "scan": signature.scan.model_dump() if signature.scan else None,
        "seq": entry.seq if entry else before.version + 1,
        "hash": entry.hash if entry else None,
    }


def _entry_of(session: Session, before: Snapshot, signature: Signature) -> HistoryEntry | None:
    """Return the row of the history in which a signature was given; None for the last, which is not written yet."""
    values = {"key": before.id, "instant": signature.at, "last": before.version}
    row = session.connection.execute(_AT, values).first()
    return HistoryEntry.from_row(row) if row else None
