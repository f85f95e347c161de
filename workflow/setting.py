"""Collects the setting of an event: what the law needs besides the facts, such as meetings and rules.

A row of the law's table names the parts that it asks for. Each part comes from one function here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select

from states import history, machine
from states.case import Case, Entry, Setting, Trial, board_reasons
from states.chapters.call import WITHDRAW_APPLICATION
from states.chapters.correction import CorrectEntry
from states.chapters.panel import ChangePanel
from states.chapters.starting import WantStart
from states.event import Event
from states.inputs import Input, as_stored
from states.lifecycle import TABLE
from states.machine import Possibility, event_named
from states.names import Role
from states.partnership import PlannedStep
from workflow import agreements
from workflow.procedure import call_days
from workflow.procedure.ladders import due_instants
from workflow.procedure.last_days import find_last_days
from workflow.session import Session
from workflow.store import application_texts, past, tables
from workflow.store.rows import Channel, HistoryEntry, Snapshot


@dataclass(frozen=True, slots=True)
class Situation:
    """A partnership at an instant, and the input of an event on it; None while nobody has given the input yet."""

    session: Session
    record: Snapshot
    input: Any
    now: datetime
    actor: str = ""
    through: str | None = None  # the delegate who acts for the actor
    channel: Channel | None = None  # None while nobody acts

    @property
    def today(self) -> date:
        """Return the day in the district's zone."""
        return self.session.config.calendar.day(self.now)


def collect_setting(row: Event, situation: Situation) -> Setting:
    """Return the setting for a row of the table, with the parts that it asks for."""
    return Setting(**{part: _PARTS[part](situation) for part in _asked(row, situation)})


def _asked(row: Event, situation: Situation) -> tuple[str, ...]:
    """Return the parts of the setting that a row asks for and that are known."""
    return row.asks if situation.input is not None else _without_input(row.asks)


@cache
def _without_input(asks: tuple[str, ...]) -> tuple[str, ...]:
    # The law says only that these requirements depend on the input.
    return tuple(part for part in asks if part not in _OF_INPUT)


def _collect(part: str, s: Situation) -> Any:
    """Return a part of the setting. A list reads once what is the same for all its partnerships."""
    if part in _SHARED:
        return s.session.once(("setting", part, s.now), lambda: _PARTS[part](s))
    return _PARTS[part](s)


class _Settings:
    """The settings of one situation. Rows that ask for the same parts share one, and each part is read once."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._parts: dict[str, Any] = {}
        self._made: dict[tuple[str, ...], Setting] = {}

    def of(self, row: Event) -> Setting:
        """Return the same as `collect_setting`."""
        asked = _asked(row, self._situation)
        if asked not in self._made:
            for part in asked:
                if part not in self._parts:
                    self._parts[part] = _collect(part, self._situation)
            self._made[asked] = Setting(**{part: self._parts[part] for part in asked})
        return self._made[asked]


def possibilities(
    situation: Situation,
    actor: str = "",
    role: Role | None = None,
    events: Container[str] | None = None,
) -> list[Possibility]:
    """Return for every event of the state whether it is possible now, and what stands in its way.

    Each event is judged for the actor in `role`, or else in a role from which it is awaited. With `events`
    only these are judged.
    """
    return machine.explain(_cases(situation, actor, role), situation.record.state, events)


def find_possible(situation: Situation, events: Container[str] | None = None) -> list[Event]:
    """Return the rows of the state that are possible now, of these `events` only, if given.

    These are the rows that `possibilities` calls possible. To say only that is faster.
    """
    return machine.find_possible(_cases(situation), situation.record.state, events)


def _cases(situation: Situation, actor: str = "", role: Role | None = None) -> Callable[[Event], Case]:
    """Return a function that returns the case by which a row is judged."""
    record, settings = situation.record, _Settings(situation)
    at = situation.session.config.calendar.local(situation.now)

    def case_for(row: Event) -> Case:
        # Requirements such as a missing signature depend on the role, so take one that still has to act.
        awaited = (waiting.role for waiting in row.waiting(record.facts) if waiting.role in row.who)
        who = role if role in row.who else next(awaited, row.who[0])
        return Case(record.state, record.facts, None, actor, who or row.who[0], at, settings.of(row))

    return case_for


# By part of the setting, the keys of the input that it follows. A corrected row is judged by what it recorded, but
# for what follows a key that was corrected.
_FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "organization": ("organization",),
    "closes_at": ("closes_on",),
    "strangers": ("reviewers", "add"),
    "meeting": ("meeting_on",),
    "notice_days": ("ground",),
    # Whoever was not chosen learns of it only now, so the days for a protest begin now.
    "protest_until": ("organization",),
    "plan": ("on",),
}


def try_correction(situation: Situation, values: CorrectEntry) -> Trial:
    """Return what a correction of the partnership's history would change. Raise `BadInput`."""
    session, localize = situation.session, situation.session.config.calendar.local
    entries = past.read_entries(session.connection, situation.record.key, localize)

    def collect(entry: Entry, corrected: Input) -> Setting:
        here = replace(situation, input=corrected)
        was, now = entry.values, as_stored(corrected)
        asked = {part for row in TABLE if row.name == entry.event for part in row.asks}
        parts = {
            part: _PARTS[part](here)
            for part, keys in _FOLLOWS.items()
            if part in asked and any(was.get(key) != now.get(key) for key in keys)
        }
        if "strangers" in parts:
            # Who was a reviewer then may have left since.
            named = {*was.get("reviewers", ()), *was.get("add", ())}
            parts["strangers"] = tuple(p for p in parts["strangers"] if p not in named)
        return Setting.model_validate(entry.setting.model_dump(exclude_unset=True) | parts)

    return history.try_correction(entries, values, localize(situation.now), collect)


def corrected_input(values: CorrectEntry, trial: Trial) -> CorrectEntry:
    """Return a correction as it is recorded: its input in full, without the texts of an application."""
    if trial.values is None:
        return values
    kept = {key: value for key, value in trial.values.items() if key not in trial.sealed}
    return values.model_copy(update={"input": kept})


def _invited_on(s: Situation) -> date | None:
    """Return the day on which the Board invited a Lead Partner at the school."""
    people = s.session.directory
    school = people.schools.get(people.present_school(s.record.facts.school))
    return school.invited_on if school else None


def _proved_by(s: Situation) -> str | None:
    """Return the address that sent the organization's application itself, by a link that proved the address.

    None if that address has withdrawn it. If staff have, it is still the author's to send again.
    """
    call, organization = s.record.facts.selection, s.input.organization
    if call is None:
        return None
    if organization in call.applications:
        row = application_texts.row_of(s.session.connection, s.record, call.applications[organization])
        return row.actor if _is_in_person(row) else None
    table = tables.history
    query = select(table).where(table.c.partnership == s.record.id, table.c.at >= call.opened_at)
    query = query.order_by(table.c.seq.desc())
    withdrawals = application_texts.stream(
        s.session.connection, query.where(table.c.event == WITHDRAW_APPLICATION)
    )
    # Only who has withdrawn is on record without an application. Other applications are not read again.
    if not any(row.input_values.get("organization") == organization for row in withdrawals):
        return None
    for row in application_texts.stream(s.session.connection, query):
        if row.input_values.get("organization") != organization:
            continue
        if event_named(row.event).sealed:
            return row.actor if _is_in_person(row) else None
        if row.event == WITHDRAW_APPLICATION and _is_in_person(row):
            return None
    return None


def _sent_at(s: Situation) -> datetime | None:
    """Return when the applicant sent exactly this application, if it has waited for the office since."""
    table = tables.held_applications
    query = select(table).where(table.c.partnership == s.record.id, table.c.email == s.input.contact_email)
    row = s.session.connection.execute(query).mappings().first()
    if row is None:
        return None
    sent, written = json.loads(row["values"]), {**s.input.abilities, "demonstration": s.input.demonstration}
    # Nobody may send other words late.
    is_same = all(sent.get(key) == (text or "") for key, text in written.items())
    files = [each["sha256"] for each in application_texts.list_files(sent.get("documents", ""))]
    is_same = is_same and files == [each.sha256 for each in s.input.documents]
    held_at: datetime = row["held_at"]
    return held_at if is_same else None


_HELD = select(tables.held_applications.c.partnership, tables.held_applications.c.held_at).where(
    tables.held_applications.c.partnership.in_(bindparam("keys", expanding=True)),
    tables.held_applications.c.set_aside_at.is_(None),
)


def read_agreements_ahead(session: Session, records: Iterable[Snapshot]) -> None:
    """Read in one query the agreements at the schools of these partnerships. Raise `ValueError` if it cannot."""
    people, schools = session.directory, {record.facts.school for record in records}
    present = {people.present_school(school) for school in schools}
    agreements.read_ahead(session, schools.union(people.with_merged(present)))


def read_held_ahead(session: Session, records: Iterable[Snapshot]) -> None:
    """Read in one query the applications that these partnerships hold back for the office."""
    calling = [record.key for record in records if record.facts.selection]
    if calling:
        held = _read_held(session.connection, calling)
        session.keep({_held_key(key): held.get(key, []) for key in calling})


def _waiting(s: Situation) -> int:
    """Return how many applications to the present call wait for the office."""
    call, key = s.record.facts.selection, s.record.id
    if call is None or key is None:
        return 0
    held = s.session.once(_held_key(key), lambda: _read_held(s.session.connection, [key]).get(key, []))
    return sum(at >= call.opened_at for at in held)


def _held_key(key: int) -> tuple[str, int]:
    """Return the key under which a session keeps when the applications arrived that a partnership holds."""
    return ("held applications", key)


def _read_held(connection: Connection, keys: Sequence[int]) -> dict[int, list[datetime]]:
    """Return by partnership when each application arrived that waits for the office."""
    held: dict[int, list[datetime]] = {}
    for row in connection.execute(_HELD, {"keys": keys}):
        held.setdefault(row.partnership, []).append(row.held_at)
    return held


def _is_in_person(row: HistoryEntry) -> bool:
    """Return whether an applicant did this by a link, which went to the applicant alone."""
    return row.role == Role.APPLICANT and row.channel == Channel.LINK and row.stood_in is None


def _strangers(s: Situation) -> tuple[str, ...]:
    """Return the reviewers in the input, or those it adds, who are not active reviewers in the directory."""
    people = s.session.directory.people
    named = s.input.add if isinstance(s.input, ChangePanel) else s.input.reviewers
    return tuple(
        email
        for email in named
        if email not in people or Role.REVIEWER not in people[email].roles or not people[email].active
    )


def _overdue(s: Situation) -> tuple[str, ...]:
    """Return what the deadlines that are past mean to the law."""
    # The law gets meanings instead of names, so that a district can rename its deadlines.
    due = due_instants(s.session.config, s.record)
    late = (s.session.config.deadlines[name].means for name, at in due.items() if at <= s.now)
    return tuple(str(meaning) for meaning in late if meaning is not None)


def _plan(s: Situation) -> tuple[PlannedStep, ...]:
    """Return the steps towards the first day that the input wants, or else the one that is on record."""
    wanted = s.record.facts.wanted
    start = s.input.on if isinstance(s.input, WantStart) else wanted.on if wanted else None
    return () if start is None else find_steps(s.session, s.record, start, s.now)


def find_steps(session: Session, record: Snapshot, start: date, now: datetime) -> tuple[PlannedStep, ...]:
    """Return the steps towards an agreement that starts on a day, each with its last instant, first step first."""
    config = session.config
    last = find_last_days(config, session.directory.regular, start, board=needs_board(session, record, now))
    return tuple(PlannedStep(name=name, by=by) for name, by in last.by_step.items())


def needs_board(session: Session, record: Snapshot, now: datetime) -> bool:
    """Return whether an agreement needs the Board. Until the terms are drafted, assume that it does."""
    facts = record.facts
    if facts.agreement is None or facts.board.asked:
        return True
    earlier = agreements.find_earlier_agreements(session, record, now)
    return bool(board_reasons(facts.agreement, session.config.procedure.board.rules, earlier=earlier))


def _accept_until(s: Situation) -> datetime:
    """Return until when somebody who is asked today to become the contact may accept."""
    settings = s.session.config
    last = s.today + timedelta(days=settings.procedure.contact.accept_days)
    return settings.calendar.end_of(last)


def _belongs_to(s: Situation) -> tuple[str, ...]:
    """Return the organizations for which the actor, or the delegate of the actor, may act."""
    people = (s.session.directory.people.get(email) for email in (s.actor, s.through) if email)
    return tuple(person.organization for person in people if person and person.organization)


_PARTS: Mapping[str, Callable[[Situation], Any]] = {
    "invited_on": _invited_on,
    "leads": lambda s: agreements.find_leads(s.session, s.record, s.now),
    "earlier": lambda s: agreements.find_earlier_agreements(s.session, s.record, s.now),
    "organization": lambda s: s.session.directory.organizations.get(s.input.organization),
    "proved_by": _proved_by,
    "sent_at": _sent_at,
    "waiting": _waiting,
    "closes_at": lambda s: call_days.closes_at(s.session.config, s.input.closes_on),
    "opens_until": lambda s: call_days.opens_until(s.session.config, s.today),
    "minimum_panel": lambda s: s.session.config.procedure.selection.minimum_panel,
    "strangers": _strangers,
    "protest_until": lambda s: call_days.protest_until(s.session.config, s.today),
    "meeting": lambda s: s.session.directory.meeting(s.input.meeting_on),
    "next_meeting": lambda s: s.session.directory.next_for_action(s.input.meeting_on, s.now),
    "board": lambda s: s.session.config.procedure.board.rules,
    "notice_days": lambda s: s.session.config.procedure.termination.notice_days[s.input.ground],
    "longest_notice": lambda s: max(s.session.config.procedure.termination.notice_days.values()),
    "ends_later": lambda s: True,
    "overdue": _overdue,
    "accept_until": _accept_until,
    "plan": _plan,
    "through": lambda s: s.through,
    "unproved": lambda s: s.channel is not Channel.LINK or s.through is not None,
    "belongs_to": _belongs_to,
    "home_domains": lambda s: agreements.home_domains(s.session),
}
# The parts that are the same for all partnerships at one instant.
_SHARED = frozenset({
    "minimum_panel", "opens_until", "protest_until", "board", "longest_notice", "accept_until",
})  # fmt: skip
# The parts that cannot be collected before the input is known.
_OF_INPUT = (
    "organization",
    "proved_by",
    "unproved",
    "sent_at",
    "closes_at",
    "strangers",
    "meeting",
    "next_meeting",
    "notice_days",
)
