"""The open calls for machines: an Atom feed (RFC 4287), and a calendar of their closing (RFC 5545)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from notifications.calendar import CalendarEntry, feed
from workflow.procedure.config import Config
from workflow.web.public_calls import Call

_ATOM = "http://www.w3.org/2005/Atom"
_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)  # what a feed says that has never had anything in it
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def atom(config: Config, calls: Sequence[Call]) -> bytes:
    """The feed: an entry for each call, with an identifier that stays however addresses change."""
    ElementTree.register_namespace("", _ATOM)
    district, address = config.procedure.district, config.address("calls.atom")
    feed = ElementTree.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "en"})
    _put(feed, "id", _tag(config, _EPOCH, "calls"))
    _put(feed, "title", f"Open calls for Lead Community Partners, {district.name}")
    _put(feed, "updated", _instant(max((call.updated_at for call in calls), default=_EPOCH)))
    author = _put(feed, "author")
    _put(author, "name", district.office)
    _put(author, "email", district.email)
    _put(feed, "link", rel="self", type="application/atom+xml", href=address)
    _put(feed, "link", rel="alternate", type="text/html", href=config.address("calls"))
    for call in calls:
        _entry(config, feed, call)
    return bytes(ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True))


def _entry(config: Config, feed: ElementTree.Element, call: Call) -> None:
    entry = _put(feed, "entry")
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
    made = ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    made.text = None if text is None else _NO_XML.sub("", text)
    return made


def _tag(config: Config, day: datetime, what: str) -> str:
    """A tag URI (RFC 4151): of the domain that sends the messages, and of the day on which it was made."""
    domain = config.sender.address.rpartition("@")[2]
    return f"tag:{domain},{config.calendar.day(day)}:{what}"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def calendar(config: Config, calls: Sequence[Call]) -> bytes:
    """The closing of every open call; a call that is extended moves its entry."""
    domain = config.sender.address.rpartition("@")[2]
    entries = [
        (
            CalendarEntry(
                uid=f"call.{call.ref}@{domain}",
                summary=f"Applications close: Lead Partner for {call.school}",
                start=call.closes_at,
                description=call.title,
                url=config.address(f"calls/{call.ref}"),
                sequence=int((call.updated_at - _EPOCH).total_seconds()),
            ),
            call.updated_at,
        )
        for call in calls
        if call.open
    ]
    return feed(entries, f"Open calls, {config.procedure.district.name}", organizer=config.sender)
