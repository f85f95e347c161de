"""Random districts are rehearsed for 120 days with a script, then live the same days: the same things happen."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from states.errors import LawError
from states.machine import events_of
from states.names import HELD_BY_NOBODY
from tests.story.past import Past
from tests.support import databases
from tests.support.district import Begin, Life, regular_meetings
from tests.support.facts import ORGANIZATIONS, REVIEWERS
from tests.support.inputs import Moment, sensible
from tests.support.office import REF, Office, minute
from workflow import engine
from workflow.daemon import service
from workflow.daemon.service import Daemon
from workflow.rehearsal.happenings import Happening, Kind, read_happenings
from workflow.rehearsal.rehearse import rehearse
from workflow.rehearsal.script import Cue, Scripted, ScriptFile, list_cues
from workflow.store.errors import Conflict, NotFound
from workflow.store.rows import Channel

DAYS = timedelta(days=120)
STATIONS = ("needs-agreed", "applied", "scored", "agreed", "signed", "referred", "active", "annual-review")
# Mail leaves around the clock, only by day, or at most so many messages a minute.
SETTINGS = ("", '[mail]\nhours = "07:00-19:00"\n', "[mail]\nper_minute = 3\n")


def random_script(life: Life, others: list[Life], begin: datetime, rng: Random) -> ScriptFile:
    """Events that somebody might do in these partnerships in these days, some of which the law refuses."""
    people, events = life.system.session, []
    with life.system.reading() as session:
        people = session.directory
        meetings = tuple(regular_meetings())
        for _ in range(25):
            at = begin + timedelta(minutes=rng.randrange(1, int(DAYS.total_seconds() // 60)))
            chosen = rng.choice([life, *others])
            record = chosen.record
            rows = [row for row in events_of(record.state) if set(row.who) - set(HELD_BY_NOBODY)]
            row = rng.choice([row for row in rows if row.name not in ("correct-entry", "ask-question")])
            role = rng.choice([role for role in row.who if role not in HELD_BY_NOBODY])
            holders = [person.email for person in people.holders(role, record.facts)] or ["staff@example.org"]
            moment = Moment(
                record.state, record.facts, at, meetings, tuple(ORGANIZATIONS), REVIEWERS, record.facts.school
            )
            events.append(
                {"ref": chosen.ref, "event": row.name, "at": at, "as": rng.choice(holders)}
                | {"input": sensible(row.name, moment, rng)}
            )
    return ScriptFile.model_validate({"event": events})


def do(life: Life, cue: Cue) -> None:
    """Do one event of a script on the record itself, as the admin program does."""
    event = cue.event

    def work(session: Any) -> None:
        engine.advance(
            session, cue.ref, event.event, event.input, event.actor, Channel.CLI, event.at, ran_by="clerk"
        )

    try:
        life.system.transact(work)
    except (LawError, Conflict, NotFound):
        return


def lived(
    life: Life, cues: list[Cue], instants: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> list[Happening]:
    """What happens on the record itself if its daemon ticks at these instants, under a clock that is put there."""
    waiting, daemon = list(cues), Daemon(life.system, None, sole=True)
    for now in instants:
        while waiting and waiting[0].event.at <= now:
            do(life, waiting.pop(0))
        monkeypatch.setattr(service, "current_time", lambda now=now: now)
        well = daemon.once()
        while daemon.more:
            well = daemon.once() and well
        assert well
    with life.system.reading() as session:
        return read_happenings(session, life.now - timedelta(seconds=1), life.now + DAYS)


# Ten districts on SQLite. On a server, where a daemon takes longer to live, three of them show what differs there.
@pytest.mark.parametrize("seed", range(3 if databases.POSTGRESQL else 10))
def test_a_district_lives_as_it_was_rehearsed(
    begin: Begin, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(f"seeing ahead {seed}")
    life = begin(rng.choice(STATIONS), rng.choice(SETTINGS))
    other = life.another("another-2025", "franklin").to(rng.choice(STATIONS))
    life.now = max(life.now, other.now) + timedelta(hours=rng.randrange(1, 2000))
    life.person("staff", digest=rng.random() < 0.5)
    script = random_script(life, [other], life.now, rng)
    future = rehearse(life.system, life.now, life.now + DAYS, people=Scripted(script, "clerk"))
    told = {each.at for each in future.happenings} | {cue.event.at for cue in list_cues(script)}
    # Between these instants a daemon ticks as well, and finds nothing to do.
    between = {at + timedelta(minutes=rng.randrange(2, 500)) for at in rng.sample(sorted(told), 10)}
    instants = [at for at in sorted(told | between | {life.now}) if at <= life.now + DAYS]
    happened = lived(life, list_cues(script), instants, monkeypatch)
    assert [each.key for each in happened] == [each.key for each in future.happenings]
    assert {each.kind for each in future.happenings} == set(Kind)
    assert life.faults() == []


def test_the_daemon_does_what_the_command_has_told(office: Office) -> None:
    office.at("2025-08-10").take_in(Past().applied("2025-08-15"))
    told = office.ctl("rehearse", "--until", "2025-09-10")
    for at in sorted({minute(each["at"]) for each in told["happenings"]}):
        office.at(at).daemon()
    begin = told["begin"][:16]
    done = [(row["at"], "event", row["event"], row["to"]) for row in office.ctl("history", REF)]
    done += [
        (row["sent_at"], "notice", row["template"], row["to"])
        for row in office.ctl("notices")
        if row["sent_at"]
    ]
    expected = [
        (each["at"], each["kind"], each["name"], each["to"] if each["kind"] == "notice" else each["to_state"])
        for each in told["happenings"]
        if each["kind"] != "deadline"
    ]
    assert {each for each in by_minute(done) if each[0] >= begin.replace("T", " ")} == {
        (at, kind, name, to or "open-selection") for at, kind, name, to in by_minute(expected)
    }
    assert "close-applications" in {name for _, _, name, _ in expected}


def by_minute(rows: list[tuple[str, str, str, Any]]) -> set[tuple[str, str, str, Any]]:
    """The rows with their instants to the minute: a process needs a moment to start."""
    return {(minute(at), kind, name, to) for at, kind, name, to in rows}
