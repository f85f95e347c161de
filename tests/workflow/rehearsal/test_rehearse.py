"""A rehearsal lives a copy: it tells what the clock will do, and leaves the record as it was."""

from __future__ import annotations

from datetime import datetime, timedelta

from states.names import State
from tests.support.district import Begin, Life
from tests.support.facts import LA
from workflow.clock import tick
from workflow.outbox import delivery
from workflow.outbox.throttle import Pace
from workflow.rehearsal.happenings import Happening, Kind, read_happenings
from workflow.rehearsal.living import Postbox
from workflow.rehearsal.rehearse import Rehearsal, rehearse


def rehearsed(life: Life, until: str) -> Rehearsal:
    return rehearse(life.system, life.now, datetime.fromisoformat(until).replace(tzinfo=LA))


def lived(life: Life, instants: list[datetime]) -> list[Happening]:
    """What happens if a daemon ticks on the record itself at these instants."""
    begin, pace = life.now, Pace()
    since = begin - timedelta(seconds=1)
    with life.system.reading() as session:
        past = {each.place for each in read_happenings(session, since, begin)}
    for now in instants:
        tick.run(life.system, now, lambda _, work: work())
        delivery.deliver(life.system, Postbox(), lambda now=now: now, pace=pace)
    with life.system.reading() as session:
        happenings = read_happenings(session, since, instants[-1])
    return [each for each in happenings if each.place not in past]


def test_nothing_of_a_rehearsal_is_written(begin: Begin) -> None:
    life = begin("applied")
    before = life.dump()
    assert rehearsed(life, "2025-12-31").happenings
    assert life.dump() == before


def test_the_clock_closes_the_call_at_its_instant_and_people_are_told(begin: Begin) -> None:
    future = rehearsed(begin("applied").at("2025-08-14 18:00"), "2025-08-15 17:00")
    events = [each for each in future.happenings if each.kind is Kind.EVENT]
    assert [(each.name, each.at.astimezone(LA).isoformat()) for each in events] == [
        ("close-applications", "2025-08-15T17:00:00-07:00")
    ]
    told = [each.who for each in future.happenings if each.kind is Kind.NOTICE and each.at == events[0].at]
    assert "reviewer-1@example.org" in told
    assert "principal@example.org" in told


def test_what_happened_before_it_is_no_part_of_it(begin: Begin) -> None:
    life = begin("applied")
    assert life.history()[-1]["at"] == life.now
    assert [each for each in rehearsed(life, "2025-08-02").happenings if each.kind is Kind.EVENT] == []


def test_it_ends_where_nobody_does_anything(begin: Begin) -> None:
    (end,) = rehearsed(begin("closed"), "2025-12-31").ends
    assert (end.was, end.record.state) == (State.OPEN_SELECTION, State.OPEN_SELECTION)
    assert {wait.event for wait in end.waits} >= {"score-application"}
    assert [missed.deadline for missed in end.missed] == ["scores-due", "choice-due"]


def test_what_was_rehearsed_is_what_a_daemon_does(begin: Begin) -> None:
    life = begin("active")
    future = rehearsed(life, "2026-12-31").happenings
    instants = sorted({each.at for each in future})
    # A tick in between finds nothing to do.
    between = [instant + timedelta(hours=1) for instant in instants]
    assert [each.key for each in lived(life, sorted([*instants, *between]))] == [each.key for each in future]
