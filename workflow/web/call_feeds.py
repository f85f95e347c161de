"""Writes the calls for other programs: an Atom feed (RFC 4287) and a calendar of closing dates (RFC 5545)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from notifications.calendar import CalendarEntry, make_feed
from workflow.procedure.config import Config
from workflow.web.public_calls import Call, Closing

_ATOM = "http://www.w3.org/2005/Atom"
_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)  # the date of a feed that has never had an entry
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def write_atom(config: Config, calls: Sequence[Call], links: Mapping[str, str]) -> bytes:
    """Return a page of the feed, with an entry for each call. An entry keeps its identifier when addresses change.

    `links` has the address of this page as `self` and those of other pages by their relation (RFC 5005, section 3).
    """
    ElementTree.register_namespace("", _ATOM)
    district = config.procedure.district
    feed = ElementTree.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "en"})
    _put(feed, "id", _tag(config, _EPOCH, "calls"))
    _put(feed, "title", f"Open calls for Lead Community Partners, {district.name}")
    _put(feed, "updated", _instant(max((call.updated_at for call in calls), default=_EPOCH)))
    author = _put(feed, "author")
    _put(author, "name", district.office)
    _put(author, "email", district.email)
    for relation, address in links.items():
        _put(feed, "link", rel=relation, type="application/atom+xml", href=address)
    _put(feed, "link", rel="alternate", type="text/html", href=config.address("calls"))
    for call in calls:
        _add_entry(config, feed, call)
    return bytes(ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True))


def _add_entry(config: Config, feed: ElementTree.Element, call: Call) -> None:
    entry = _put(feed, "entry")
    # The day of opening is part of the tag, so a second call of the same partnership is a new entry.
    _put(entry, "id", _tag(config, call.opened_at, f"calls/{call.ref}"))
    _put(entry, "title", f"{'' if call.open else 'Closed: '}{call.school}, {call.title}")
    _put(entry, "published", _instant(call.opened_at))
    _put(entry, "updated", _instant(call.updated_at))
    _put(entry, "link", rel="alternate", type="text/html", href=config.address(f"calls/{call.ref}"))
    closes = config.calendar.local(call.closes_at)
    _put(entry, "summary", f"{call.stands} {closes:%Y-%m-%d %H:%M} ({closes.tzname()}).", type="text")


def _put(
    parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str
) -> ElementTree.Element:
    """Add an element to its parent, without characters that XML does not allow, and return it."""
    element = ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    element.text = None if text is None else _NO_XML.sub("", text)
    return element


def _tag(config: Config, created_at: datetime, what: str) -> str:
    """Return a tag URI (RFC 4151) with the domain that sends the messages and the day of creation."""
    domain = config.sender.address.rpartition("@")[2]
    return f"tag:{domain},{config.calendar.day(created_at)}:{what}"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def write_calendar(config: Config, closings: Sequence[Closing]) -> bytes:
    """Return a calendar of closing dates. The extension of a call moves its entry."""
    domain = config.sender.address.rpartition("@")[2]
    entries = [
        (
            CalendarEntry(
                uid=f"call.{call.ref}@{domain}",
                summary=f"Applications close: Lead Partner for {call.school}",
                start=call.closes_at,
                description=call.title,
                url=config.address(f"calls/{call.ref}"),
                # A calendar program takes over a change only if its number is higher than the last.
                sequence=int((call.updated_at - _EPOCH).total_seconds()),
            ),
            call.updated_at,
        )
        for call in closings
    ]
    return make_feed(entries, f"Open calls, {config.procedure.district.name}", organizer=config.sender)
