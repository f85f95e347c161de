"""Finds the documents that a reader may see, in what they may see of the facts, an event or an application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from notifications.written import kind_and_size
from states.machine import row_of
from states.names import State
from workflow.session import Session
from workflow.store.rows import Snapshot
from workflow.views import visibility
from workflow.views.applications import texts_for
from workflow.views.visibility import Viewer

Shown = dict[str, Any]  # a document as pages and messages show it: name, kind, and sha256 if it is kept


def show(document: Mapping[str, Any]) -> Shown:
    """Return a document of the facts, or of an input, as pages and messages show it."""
    name = str(document.get("name") or document.get("document") or document.get("file"))
    return {
        "name": name,
        "kind": kind_and_size(name, document.get("size")),
        "sha256": document.get("sha256"),
        "title": document.get("title") or name,
        "proof": None,  # the digest, where it is shown beside the link
    }


def names_for(session: Session, record: Snapshot, viewer: Viewer, now: datetime) -> dict[str, str]:
    """Return the name of each document that somebody may read now, by its SHA-256.

    Nobody but its author has a document of an application before its call closes (4270.8).
    """
    names = visibility.documents_in(visibility.facts_for(session, record, viewer, now))
    for text in texts_for(session, record, viewer, now).values():
        names |= {
            document["sha256"]: document["name"] for document in text.documents if document.get("sha256")
        }
    return names


def of_input(values: Mapping[str, Any], key: str | None) -> list[Shown]:
    """Return the documents in the part of an input that somebody may read. `key` is the event's `document`."""
    value = values.get(key or "")
    if isinstance(value, str):
        # Some inputs have the digest and the size under keys of their own.
        return [show({"name": value, **{name: values.get(name) for name in ("sha256", "size", "title")}})]
    return [show(each) for each in ([value] if isinstance(value, dict) else value or ())]


def to_read(state: State, events: Iterable[str], visible: Mapping[str, Any]) -> list[Shown]:
    """Return the documents that belong to what the forms of these events have people read."""
    reads = dict.fromkeys(name for event in events for name in row_of(event, state).form.reads)
    return list(
        {
            each["sha256"] or each["name"]: each for name in reads for each in _of_section(name, visible)
        }.values()
    )


def _of_section(name: str, visible: Mapping[str, Any]) -> Iterator[Shown]:
    """Yield the documents of one section of a form's reading (see `actions/briefing`)."""
    if name == "terms" and (agreement := visible["agreement"]):
        yield from (show(agreement[key]) for key in ("document", "signed_copy") if agreement[key])
    elif name == "item" and visible["board"] and (item := visible["board"]["item"]):
        yield from map(show, item["documents"])
        referred = datetime.fromisoformat(item["referred_at"])
        attached = visible["documents"] or ()
        yield from (show(each) for each in attached if datetime.fromisoformat(each["at"]) >= referred)
    elif name == "report" and visible["review"] and (reports := visible["review"]["reports"]):
        yield from (show(report) for report in reports[-1:] if report["document"])
    elif name == "findings" and visible["review"]:
        yield from (show(each) for one in visible["review"]["findings"].values() for each in one["documents"])
    elif name == "protests" and visible["selection"]:
        protests = (each for each in visible["selection"]["protests"] or () if not each["answer"])
        yield from (show(each) for protest in protests for each in protest["documents"])
