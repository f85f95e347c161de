"""Durations of the past are measured in the record and sampled: milestones come when people keep their pace."""

from __future__ import annotations

from datetime import datetime, timedelta

from states.names import Role
from tests.support.district import Begin, Life
from tests.support.facts import LA
from workflow.rehearsal.chances import Chances, sample
from workflow.rehearsal.durations import read_durations

DAY = timedelta(days=1)
# How many days each takes, after the statement of needs or after both have agreed.
PRINCIPAL, STAFF, OPENS = 4, 6, 10


def lived(life: Life, first: datetime) -> None:
    """A partnership whose people take their known days up to the call."""
    life.now = first
    life.do("identify-needs")
    life.do("describe-needs", "principal")
    for who, days in (("principal", PRINCIPAL), ("staff", STAFF)):
        life.now = first + days * DAY
        life.do("agree-needs", who)
    life.now = first + (STAFF + OPENS) * DAY
    life.do("open-selection", closes_on=f"{life.now + 20 * DAY:%Y-%m-%d}")


def district_with_known_delays(begin: Begin) -> Life:
    """Three partnerships that opened their calls, and one whose needs were described just now."""
    life = begin()
    for number in range(3):
        lived(life.another(f"before-{number}", "rainier-beach"), datetime(2025, 7, 7 + number, 9, tzinfo=LA))
    new = life.another("new-2025", "franklin")
    new.now = datetime(2025, 9, 1, 9, tzinfo=LA)
    new.do("identify-needs")
    new.do("describe-needs", "staff")
    return new


def chances(life: Life, seed: int = 1) -> Chances:
    return sample(life.system, life.now, life.now + 60 * DAY, runs=5, seed=seed, refs=["new-2025"])


def test_durations_run_from_the_moment_that_the_law_names(begin: Begin) -> None:
    life = district_with_known_delays(begin)
    with life.system.reading() as session:
        durations = read_durations(session)
    assert durations[Role.PRINCIPAL, "agree-needs"] == [PRINCIPAL * DAY] * 3
    assert durations[Role.STAFF, "agree-needs"] == [STAFF * DAY] * 3
    assert durations[Role.STAFF, "open-selection"] == [OPENS * DAY] * 3


def test_half_of_the_futures_open_the_call_after_the_known_days(begin: Begin) -> None:
    life = district_with_known_delays(begin)
    (opens,) = [each for each in chances(life).milestones if each.state == "open-selection"]
    expected = life.now + (STAFF + OPENS) * DAY
    assert opens.half is not None
    assert abs(opens.half - expected) <= DAY
    assert opens.most == opens.half
    assert opens.reached == 1


def test_the_same_seed_gives_the_same_chances(begin: Begin) -> None:
    life = district_with_known_delays(begin)
    assert chances(life, seed=7) == chances(life, seed=7)


def test_many_futures_leave_the_record_as_it_is(begin: Begin) -> None:
    life = district_with_known_delays(begin)
    before = life.dump()
    chances(life)
    assert life.dump() == before
