"""Reads a script, a file of events to come, and lets them happen in a rehearsal.

A script is a district file of the future. Its events stand under [[event]], each with the reference of its
partnership, or under [[partnership]] as in a district file. Its schools, organizations, people and meetings are
taken in at the beginning; a meeting with `instead_of` is one that moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path

from pydantic import Field, ValidationError
from sqlalchemy import select

from notifications.errors import ServiceError
from states.errors import BadInput, LawError, Problem, suggest
from states.inputs import Day, Identifier, Name
from states.machine import EVENTS, FIRST
from states.mistakes import problems_of
from workflow import directory, engine
from workflow.procedure.field_types import Clock
from workflow.procedure.reading import UNREADABLE, explain_unreadable, read_toml
from workflow.record import meeting_import
from workflow.record.directory_import import Counts, Options, import_directory
from workflow.record.district_file import (
    DistrictFile,
    Given,
    GivenEvent,
    GivenMeeting,
    GivenOrganization,
    GivenPerson,
    GivenSchool,
)
from workflow.rehearsal.refusals import Refusal, reasons_of
from workflow.session import Session, System
from workflow.store import tables
from workflow.store.rows import Channel


class ScriptEvent(GivenEvent):
    ref: Identifier


class ScriptMeeting(Given):
    on: Day
    at: Clock | None = None
    kind: str = Field("regular", pattern="^(regular|special)$")
    instead_of: Day | None = None  # the day from which the meeting moves


class ScriptPartnership(Given):
    ref: Identifier
    # Only a partnership that begins in the script needs them.
    school: Identifier | None = None
    title: Name | None = None
    event: tuple[GivenEvent, ...] = ()


class ScriptFile(Given):
    """A script: for each kind of table, the list that TOML has of it."""

    school: tuple[GivenSchool, ...] = ()
    organization: tuple[GivenOrganization, ...] = ()
    person: tuple[GivenPerson, ...] = ()
    meeting: tuple[ScriptMeeting, ...] = ()
    event: tuple[ScriptEvent, ...] = ()
    partnership: tuple[ScriptPartnership, ...] = ()


@dataclass(frozen=True, slots=True)
class Cue:
    """An event of a script, with its place in the file."""

    place: str
    ref: str
    event: GivenEvent


def read_script(path: Path) -> ScriptFile:
    """Read a script. Raise `BadInput` with every mistake in its form."""
    try:
        data = read_toml(path)
    except UNREADABLE as error:
        problem = f"it cannot be read: {explain_unreadable(error)}"
        raise BadInput([Problem(str(path), problem, "a script in TOML")]) from None
    try:
        return ScriptFile.model_validate(data)
    except ValidationError as error:
        raise BadInput(problems_of(error, ScriptFile)) from None


def list_cues(file: ScriptFile) -> list[Cue]:
    """Return the events of a script in order of time; those of one time keep the order of the file."""
    cues = [Cue(f"event.{number}", event.ref, event) for number, event in enumerate(file.event)]
    for number, partnership in enumerate(file.partnership):
        known = {"school": partnership.school, "title": partnership.title}
        given = {key: value for key, value in known.items() if value is not None}
        for place, event in enumerate(partnership.event):
            whole = event.model_copy(update={"input": given | event.input}) if event.event == FIRST else event
            cues.append(Cue(f"partnership.{number}.event.{place}", partnership.ref, whole))
    return sorted(cues, key=lambda cue: cue.event.at)


def check_script(session: Session, file: ScriptFile, begin: datetime, until: datetime) -> None:
    """Raise `BadInput` with every mistake that shows before the rehearsal begins.

    What the law says of an event shows only when its time comes.
    """
    mistakes = [*_find_unknown(session, file), *_find_untimely(file, begin, until)]
    mistakes += _find_unknown_meetings(session, file)
    if mistakes:
        raise BadInput(mistakes)


def _find_unknown(session: Session, file: ScriptFile) -> Iterator[Problem]:
    """Yield a problem for each event that does not exist, and for each partnership that never begins."""
    known = set(session.connection.scalars(select(tables.partnerships.c.ref)))
    for cue in list_cues(file):
        if cue.event.event not in EVENTS:
            near = suggest(cue.event.event, EVENTS)
            problem = f"there is no event {cue.event.event!r}{near}"
            yield Problem(f"{cue.place}.event", problem, "one of " + ", ".join(EVENTS))
        if cue.event.event == FIRST:
            known.add(cue.ref)
        elif cue.ref not in known:
            at = f"{cue.place}.ref" if cue.place.startswith("event.") else cue.place.partition(".event")[0]
            expected = f"one on record, or one that begins in the script with {FIRST}"
            yield Problem(at, f"there is no partnership {cue.ref!r}{suggest(cue.ref, known)}", expected)


def _find_untimely(file: ScriptFile, begin: datetime, until: datetime) -> Iterator[Problem]:
    for cue in list_cues(file):
        at = cue.event.at
        if at < begin:
            yield Problem(f"{cue.place}.at", f"{at.isoformat()} has passed", "a time that is still to come")
        elif at > until:
            problem = f"{at.isoformat()} is after the end of the rehearsal"
            yield Problem(f"{cue.place}.at", problem, "an earlier time, or a later --until")


def _find_unknown_meetings(session: Session, file: ScriptFile) -> Iterator[Problem]:
    days = [f"{meeting.on}" for meeting in session.directory.meetings]
    for number, meeting in enumerate(file.meeting):
        old = meeting.instead_of
        if old is not None and session.directory.meeting(old) is None:
            problem = f"there is no meeting on {old}{suggest(str(old), days)}"
            yield Problem(f"meeting.{number}.instead_of", problem, "a day with a meeting")
        if old is None and meeting.at is None:
            yield Problem(f"meeting.{number}.at", "it is missing", "the hour of the meeting, as HH:MM")


@dataclass
class Scripted:
    """The people of a script: they do its events at their times, through the engine.

    An event that cannot happen does not end the rehearsal. It is kept in `refusals`.
    """

    file: ScriptFile
    by: str  # the user who rehearses
    refusals: list[Refusal] = field(default_factory=list)
    _cues: list[Cue] = field(init=False)
    _has_begun: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._cues = list_cues(self.file)

    def act(self, system: System, now: datetime) -> None:
        """Do every event whose time has come; at the beginning take in the directory first."""
        if not self._has_begun:
            self._has_begun = True
            system.transact(partial(_take_in, file=self.file, by=self.by, now=now))
        while self._cues and self._cues[0].event.at <= now:
            self._do(system, self._cues.pop(0))

    def next_instant(self, session: Session, now: datetime) -> datetime | None:
        """Return the time of the next event."""
        return self._cues[0].event.at if self._cues else None

    def _do(self, system: System, cue: Cue) -> None:
        event = cue.event

        def work(session: Session) -> None:
            engine.advance(
                session, cue.ref, event.event, event.input, event.actor, Channel.CLI, event.at,
                role=event.role, note=event.note, ran_by=self.by,
            )  # fmt: skip

        try:
            system.transact(work)
        except (LawError, ServiceError) as error:
            reasons = tuple(reasons_of(error))
            self.refusals.append(Refusal(event.at, cue.ref, event.event, event.actor, reasons))


def _take_in(session: Session, file: ScriptFile, by: str, now: datetime) -> None:
    """Change the directory and the Board's calendar as the script says. Raise `BadInput`, `Refused`."""
    added = tuple(
        GivenMeeting(on=each.on, at=each.at, kind="special" if each.kind == "special" else "regular")
        for each in file.meeting
        if each.instead_of is None and each.at is not None
    )
    district = DistrictFile(
        school=file.school, organization=file.organization, person=file.person, meeting=added
    )
    import_directory(session, district, Counts(), by, now, Options())
    for meeting in file.meeting:
        if meeting.instead_of is not None:
            fresh = replace(session, directory=directory.read(session.connection, session.config))
            _move(fresh, meeting, meeting.instead_of, by, now)


def _move(session: Session, meeting: ScriptMeeting, old: date, by: str, now: datetime) -> None:
    at = f"{meeting.at:%H:%M}" if meeting.at else None
    meeting_import.move(session, old, meeting.on, at, by=by, now=now)
