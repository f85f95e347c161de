"""A year of a district, day by day: the clock, the mail and the people, all from one seed.

The same seed gives the same trace, whatever database it runs on and in whatever process.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from notifications.mailers import InDoubt, PermanentFailure, TemporaryFailure
from states.machine import event_named, events_of
from states.names import Role, State
from states.partnership import Partnership
from tests.lives import invariants
from tests.support.facts import LA
from tests.support.inputs import damaged, sensible
from tests.year import doors
from tests.year.doors import Got
from tests.year.town import Town
from workflow import engine
from workflow.clock import meetings
from workflow.outbox import delivery, digest
from workflow.store import tables

# Numbers that a database gives: it gives none of them twice, and may leave some out; and what has them in it.
LEFT_OUT = {
    "salt", "rows", "beside",
    "id", "partnership", "notice", "deadline", "within", "extra", "message", "message_id", "digest", "form",
}  # fmt: skip
OF_A_MEETING = ("approve", "introduce-item", "send-back")
LOOKS = (time(6, 30), time(12, 5), time(17, 5), time(23, 30))  # when the daemon's clock looks, besides deeds
# How likely it is that somebody does what a message offers. Most do what is not named here.
READINESS = {
    "withdraw": 0.02, "terminate": 0.05, "restart": 0.1, "withdraw-application": 0.03, "file-protest": 0.12,
    "declare-conflict": 0.05, "extend-selection": 0.05, "ask-for-review": 0.05, "describe-needs": 0.3,
    "ask-for-changes": 0.05,
    "receive-application": 0.1, "open-annual-review": 0.05, "refer-to-board": 0.5, "amend-agreement": 0.2,
    "close-out": 0.6,
}  # fmt: skip
DELAYS = (0, 0, 0, 1, 1, 2, 3, 5, 8, 13, 21)  # days


def wants_to(event: str, facts: Partnership, rng: Random) -> bool:
    """Whether somebody who is offered this means to do it."""
    if event == "describe-needs" and facts.needs.statement is None:
        return rng.random() < 0.95
    if event == "choose-partner" and facts.selection and not facts.selection.applications:
        return False
    if event == "refer-to-board" and facts.in_force and not (facts.agreement and facts.agreement.pending):
        return rng.random() < 0.1
    if event == "restart" and facts.selection and not facts.selection.applications:
        return rng.random() < 0.8
    return rng.random() < READINESS.get(event, 0.75)


def delay(rng: Random) -> timedelta:
    """How long somebody takes: hours, days, weeks, and now and then until the link has expired."""
    days = 64 if rng.random() < 0.01 else rng.choice(DELAYS)
    return timedelta(days=days, minutes=rng.randrange(5, 9 * 60))


def of_the_board(facts: Partnership, today: date, rng: Random) -> str:
    """What the Board office records of the item before the Board."""
    item = facts.board.item
    if item is None:
        return "send-back"
    if not item.agenda or item.meeting_on is None:
        return "schedule-item"
    held = [day for day in item.agenda if day <= today]
    if not held:
        return "defer-item" if rng.random() < 0.05 else "schedule-item"
    if not any(day < held[-1] for day in item.introduced) and not item.immediate_action:
        return "introduce-item" if rng.random() < 0.9 else "approve"
    if item.purpose == "termination":
        return "terminate" if rng.random() < 0.7 else "send-back"
    return "approve" if rng.random() < 0.8 else "send-back"


class Mailer:
    """Keeps what is delivered. Now and then a server is busy, refuses, or breaks off so that nobody knows."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.delivered: list[tuple[str, bytes]] = []
        self.sent: Counter[str] = Counter()

    def session(self) -> AbstractContextManager[None]:
        return nullcontext()

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        luck = self.rng.random()
        if luck < 0.02:
            raise TemporaryFailure("451 come back later")
        if luck < 0.022:
            raise PermanentFailure("550 no such user")
        if luck < 0.024:
            raise InDoubt("the connection broke after the message")
        self.sent[key] += 1
        self.delivered.append((key, message))


class Deed(NamedTuple):
    """What somebody means to do, and when; no two have one number."""

    at: datetime
    number: int
    got: Got
    event: str
    again: bool = False


class Year:
    """A simulated year. `run` lives it; then `counts` and `digest` tell what came of it."""

    def __init__(self, folder: Path, database: Engine, seed: int, partnerships: int) -> None:
        self.seed = seed
        self.rng = Random(f"a year {seed}")
        self.town = Town(folder, database, self.rng, partnerships)
        self.mailer = Mailer(Random(f"the mail {seed}"))
        self.watch = invariants.Watch(self.mailer.sent)
        self.wanted = partnerships
        self.deeds: list[Deed] = []
        self.planned: set[tuple[str, str, str]] = set()
        self.counts: Counter[str] = Counter()
        self._numbers = count(1)

    def run(self, days: int) -> None:
        """Live so many days; after each, what must hold holds."""
        first = self.town.today
        for number in range(days):
            day = first + timedelta(days=number)
            for at in LOOKS:
                self._until(datetime.combine(day, at, tzinfo=LA))
                self._look()
                if at == LOOKS[0]:
                    self._happenings()
            faults = invariants.of_the_state(self.town.system, self.town.now)
            if number % 30 == 29:
                faults += self.watch.faults(self.town.system)
            assert faults == [], (day, faults)
        faults = invariants.of_the_history(self.town.system) + self.watch.faults(self.town.system)
        assert faults + self.town.faults() == []

    def _until(self, at: datetime) -> None:
        """Let people do what they mean to do before an instant."""
        while self.deeds and self.deeds[0].at <= at:
            deed = heapq.heappop(self.deeds)
            self.town.now = deed.at
            self._do(deed)
        self.town.now = at

    # The daemon

    def _look(self) -> None:
        """What one tick of the daemon does."""
        system, now = self.town.system, self.town.now
        system.transact(lambda session: meetings.tell_changed(session, now))
        tally = self.town.tick()
        assert tally.failed == 0, tally.failures
        self.counts.update({"events of the clock": tally.fired, "rungs told": tally.told})
        system.transact(lambda session: digest.gather(session, now))
        mail = delivery.deliver(system, self.mailer, lambda: now)
        self.counts.update({f"mail {status}": number for status, number in mail.items()})
        delivered, self.mailer.delivered = self.mailer.delivered, []
        if delivered:
            self._arrive(delivered)

    def _arrive(self, delivered: list[tuple[str, bytes]]) -> None:
        """Each reader thinks of what to do about what has come."""
        table = tables.notices
        query = select(table, tables.partnerships.c.ref).join(tables.partnerships, isouter=True)
        keys = [key for key, _ in delivered]
        with self.town.system.reading() as session:
            found = session.connection.execute(query.where(table.c.message_id.in_(keys)))
            wholes = {row.message_id: row for row in found}
            of_these = table.c.within.in_([row.id for row in wholes.values()])
            parts = session.connection.execute(query.where(of_these).order_by(table.c.id)).all()
        for key, content in delivered:
            whole = wholes[key]
            for row in [part for part in parts if part.within == whole.id] or [whole]:
                if row.ref is not None:
                    self._think(Got(row, row.ref, self._offers(row), content))

    def _offers(self, row: Any) -> tuple[str, ...]:
        """Which events a message offers; of what is in a digest, its deadline or notice says it."""
        if row.within is None:
            return tuple(json.loads(row.shown)) if row.shown else ()
        config = self.town.system.config
        found = (config.deadlines if row.deadline else config.notices).get(row.template)
        return found.offers if found else ()

    def _think(self, got: Got) -> None:
        record = self.town.known(got.ref)
        for event in got.offers:
            key = (got.ref, event, got.notice.to)
            if key in self.planned or not wants_to(event, record.facts, self.rng):
                continue
            self.planned.add(key)
            at = self.town.now + delay(self.rng)
            item = record.facts.board.item
            meets = item.meeting_at if item and event in OF_A_MEETING else None
            if meets and meets >= self.town.now:  # the morning after, before noon; or, if late, later
                at = meets.astimezone(LA) + timedelta(hours=self.rng.choice((2, 16, 17, 18, 26)))
            self._plan(at, got, event)

    def _plan(self, at: datetime, got: Got, event: str, *, again: bool = False) -> None:
        heapq.heappush(self.deeds, Deed(at, next(self._numbers), got, event, again))

    # The people

    def _do(self, deed: Deed) -> None:
        """Somebody does what they meant to do, by one of the doors, well or badly."""
        rng, got, event = self.rng, deed.got, deed.event
        self.planned.discard((got.ref, event, got.notice.to))
        record = self.town.known(got.ref)
        if got.notice.role == Role.BOARD_OFFICE and record.state is State.BOARD_REVIEW:
            event = of_the_board(record.facts, self.town.today, rng)
        about = next((name for name, email in self.town.contacts().items() if email == got.owner), None)
        given = sensible(event, self.town.moment(record, record.facts.school, about), rng)
        door = rng.random()
        if event_named(event).reply_words and door < 0.35:
            word = "perhaps" if rng.random() < 0.05 else None
            came = doors.by_reply(self.town, got, event, word=word, name=f"reply-{deed.number}")
        elif event in got.offers and door < 0.75:
            came = doors.by_link(self.town, got, event, given, spoilt=rng.random() < 0.02)
        else:
            given = damaged(given, rng) if rng.random() < 0.05 else given
            came = doors.at_the_office(self.town, got.ref, event, given, got.owner)
        self.counts[came] += 1
        if not deed.again and rng.random() < 0.08:
            self._plan(deed.at + timedelta(minutes=rng.choice((1, 30, 1500))), got, event, again=True)

    # What nobody asked for

    def _happenings(self) -> None:
        """On some days schools begin, organizations apply, people leave or are away, the Board moves a meeting."""
        rng, town = self.rng, self.town
        for record in town.records():
            self._apply_or_not(record)
            if rng.random() < 0.01:
                self._out_of_turn(record)
        self._begin()
        if rng.random() < 0.15:
            self._absence()
        if rng.random() < 0.08:
            self._meeting()
        if rng.random() < 0.02:
            town.new_school(invited=rng.random() < 0.8)
        if rng.random() < 0.01:
            town.new_organization(f"organization-{100 + self.town.today.toordinal()}")

    def _begin(self) -> None:
        """Another partnership begins, one a day at most, until there are as many as were wanted."""
        town, known = self.town, self.town.records()
        if len(known) >= self.wanted or self.rng.random() < 0.3:
            return
        school = self.rng.choice(town.schools)
        who = self.rng.choice([*town.people("principal", school), "staff@example.org"])
        given = sensible("identify-needs", town.moment(None, school), self.rng)
        ref = f"p-{max(int(r.ref[2:]) for r in known) + 1}"
        self.counts[doors.at_the_office(town, ref, "identify-needs", given, who)] += 1

    def _apply_or_not(self, record: engine.Record) -> None:
        call = record.facts.selection
        if record.state is not State.OPEN_SELECTION or call is None or self.town.now >= call.closes_at:
            return
        if len(call.applications) >= 4 or self.rng.random() > 0.3:
            return
        organization, email = self.rng.choice(list(self.town.contacts().items()))
        if self.rng.random() < 0.6:
            self.counts[doors.as_applicant(self.town, record.ref, email, organization)] += 1
            return
        moment = self.town.moment(record, record.facts.school, organization)
        given = sensible("receive-application", moment, self.rng)
        given |= {"organization": organization, "contact_email": email}
        self.counts[doors.at_the_office(self.town, record.ref, "receive-application", given, email)] += 1

    def _out_of_turn(self, record: engine.Record) -> None:
        """Somebody does what nobody asked of them."""
        rows = [row for row in events_of(record.state) if row.who != (Role.CLOCK,)]
        rows = [row for row in rows if row.name not in ("withdraw", "terminate") or self.rng.random() < 0.1]
        row = self.rng.choice(rows)
        role = self.rng.choice([role for role in row.who if role is not Role.CLOCK])
        holders = [person.email for person in self.town.directory.holders(role, record.facts)]
        who = self.rng.choice(holders or ["staff@example.org"])
        given = sensible(row.name, self.town.moment(record, record.facts.school), self.rng)
        self.counts[doors.at_the_office(self.town, record.ref, row.name, given, who, str(role))] += 1

    def _absence(self) -> None:
        rng, town = self.rng, self.town
        everybody = [*town.people("principal"), *town.people("staff"), *town.people("reviewer")]
        who, delegate = rng.choice(everybody), rng.choice(everybody)
        until = town.today + timedelta(days=rng.randint(1, 25))
        gone = rng.random() < 0.05 and who not in town.people("staff")
        known, stands_in = town.directory.people[who], delegate if rng.random() < 0.8 else None
        given = {"roles": known.roles, "schools": known.schools, "active": not gone}
        town.person(who.partition("@")[0], **given, away_until=until, delegate=stands_in)
        self.counts["absences"] += 1

    def _meeting(self) -> None:
        """The Board moves a meeting to another hour, makes it a special one, or a special one regular."""
        ahead = [one for one in self.town.directory.meetings if one.on > self.town.today]
        meeting = self.rng.choice(ahead[:4])
        at, kind = self.rng.choice((("18:00", "regular"), ("09:30", "regular"), ("16:15", "special")))
        self.town.put(tables.meetings, on=meeting.on, at=at, kind=kind)
        self.counts["meetings changed"] += 1

    # What came of it

    def trace(self) -> list[str]:
        """Everything that happened, a line for each, in an order that no database decides."""
        refs = {record.id: record.ref for record in self.town.records()}
        lines = []
        with self.town.system.reading() as session:
            for table in (tables.history, tables.deadlines, tables.notices, tables.answers, tables.replies):
                names = [column.name for column in table.columns if column.name not in LEFT_OUT]
                for row in session.connection.execute(select(table)).mappings():
                    said = json.dumps({name: row[name] for name in names}, default=str, sort_keys=True)
                    # Salts are random, and so is every hash over them. The signed copy names one.
                    said = re.sub("[0-9a-f]{64}", "(hash)", said)
                    lines.append(f"{table.name} {refs.get(row['partnership'])} {said}")
        return sorted(lines)

    def result(self) -> dict[str, Any]:
        """How much came of it, and a digest of the trace: the same for the same seed."""
        lines = self.trace()
        return {
            "seed": self.seed, "until": str(self.town.today), "counts": dict(sorted(self.counts.items())),
            "lines": Counter(line.partition(" ")[0] for line in lines),
            "states": Counter(str(record.state) for record in self.town.records()),
            "digest": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        }  # fmt: skip
