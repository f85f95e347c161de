"""Lists the dates of a rehearsal, events and due deadlines, and writes them as a calendar file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from notifications.addresses import Mailbox
from notifications.calendar import CalendarEntry, make_feed
from workflow.rehearsal.happenings import Happening, Kind
from workflow.rehearsal.rehearse import Missed
from workflow.rehearsal.telling import Telling
from workflow.store.rows import RungKind


class DateKind(StrEnum):
    """What a date of a rehearsal is."""

    EVENT = "event"
    MISSED = "missed deadline"
    DEADLINE = "date"


@dataclass(frozen=True, slots=True)
class Date:
    """One date of one partnership, in words."""

    at: datetime
    ref: str
    kind: DateKind
    name: str
    words: str


def list_dates(telling: Telling) -> list[Date]:
    """Return every event, and every deadline at its due instant, in order."""
    fired: dict[tuple[str, datetime], set[str]] = {}
    for each in telling.rehearsal.happenings:
        if each.by_clock:
            fired.setdefault((each.ref, each.at), set()).add(each.name)
    return [
        date
        for each in telling.rehearsal.happenings
        if (date := _date_of(telling, each, fired.get((each.ref, each.at), ()))) is not None
    ]


def _date_of(telling: Telling, each: Happening, fired: Collection[str]) -> Date | None:
    """Return what belongs in a calendar of something that happened; `fired` has what the clock did then."""
    if each.kind is Kind.EVENT:
        return Date(each.at, each.ref, DateKind.EVENT, each.name, telling.tell_event(each))
    if each.kind is not Kind.DEADLINE or each.detail != RungKind.DUE:
        return None
    label = telling.wording.label_of(each.name)
    if Missed(each.ref, each.name, each.at) in telling.missed:
        return Date(each.at, each.ref, DateKind.MISSED, each.name, label)
    if telling.is_told_by(each, fired):
        return None
    return Date(each.at, each.ref, DateKind.DEADLINE, each.name, label)


def write_calendar(telling: Telling) -> bytes:
    """Return the dates and the Board's meetings as an iCalendar file (RFC 5545), without alarms.

    Their UIDs are none of the record's, so that a calendar program that reads the file changes no real date.
    """
    rehearsal, settings = telling.rehearsal, telling.wording.settings
    office, district = settings.sender, settings.procedure.district
    domain = office.address.rpartition("@")[2]
    entries = []
    for number, date in enumerate(list_dates(telling)):
        what = "Missed: " if date.kind is DateKind.MISSED else ""
        summary = f"{what}{date.words.removesuffix('.')}: {telling.wording.school_of(date.ref)}"
        uid = f"rehearsal-{date.at:%Y%m%dT%H%M%S}-{number}-{date.name}.{date.ref}@{domain}"
        entries.append(CalendarEntry(uid, summary, date.at, f"{_REHEARSED} {date.ref}", None, 0))
    entries += [
        CalendarEntry(
            f"rehearsal-board-meeting-{meeting.on}@{domain}",
            "Board meeting" if meeting.kind == "regular" else f"Board meeting ({meeting.kind})",
            meeting.at,
            _REHEARSED,
            None,
            0,
        )
        for meeting in rehearsal.directory.meetings
        if rehearsal.begin <= meeting.at <= rehearsal.until
    ]
    entries.sort(key=lambda entry: (entry.start, entry.uid))
    return make_feed(
        [(entry, rehearsal.begin) for entry in entries],
        f"Rehearsal until {telling.last}, {district.name}",
        organizer=Mailbox(office.name or district.office, office.address),
        alarms=False,
    )


_REHEARSED = "From a rehearsal: this has not happened."
