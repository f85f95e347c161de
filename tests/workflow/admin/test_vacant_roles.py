"""For each role, in each state: what happens when its only holder is removed. Nothing stalls in silence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from states.lifecycle import TABLE
from states.partnership import Role, State
from tests.support.district import Begin, Life
from tests.workflow.admin.conftest import Sit
from tests.workflow.admin.test_leaving import mail
from workflow.record import changes
from workflow.store import tables

# The station at which a partnership is found in each state, with people waited for.
STATIONS = {
    State.NEEDS_IDENTIFIED: ("needs", "needs-agreed"),
    State.OPEN_SELECTION: ("applied", "closed", "scored", "chosen", "drafted", "signed"),
    State.BOARD_REVIEW: ("referred", "scheduled"),
    State.ACTIVE: ("active", "approved"),
    State.ANNUAL_REVIEW: ("annual-review", "reported"),
    State.TERMINATED: ("ended",),
}
WHO = {role: [f"{role}@example.org"] for role in Role if role not in (Role.CLOCK, Role.NEXT_CONTACT)}
WHO[Role.REVIEWER] = [f"reviewer-{number}@example.org" for number in (1, 2, 3)]


def remove(life: Life, *emails: str) -> None:
    def work(session):  # type: ignore[no-untyped-def]
        for email in emails:
            changes.remove(session, tables.people, email, by="staff@example.org", now=life.now)

    life.system.transact(work)


def skipped_silently(life: Life) -> list[str]:
    return [
        f"{row['name']} {row['kind']} {life.wall(row['due_at'])}"
        for row in life.deadlines()
        # A reminder of an application that nobody has saved concerns nobody.
        if row["reason"] == "there is nobody to tell" and row["name"] != "draft-unsent"
    ]


def half_a_year(life: Life) -> None:
    for _ in range(26):
        life.now += timedelta(days=7)
        life.tick()


def cannot_act(life: Life, row: dict[str, Any]) -> bool:
    """Whether somebody was told in a role that they do not hold. The mailbox of the office is always read."""
    facts, office = life.facts, life.system.config.procedure.district.email
    with life.system.reading() as session:
        person = session.directory.person(row["to"], facts)
        held = session.directory.roles_of(person, facts) if person else []
    return row["to"] != office and Role(row["role"]) not in held


def stands_in_unmarked(life: Life, row: dict[str, Any]) -> bool:
    """Whether a deadline was told to a role that it does not name, without a word on whose place it is."""
    deadline = life.system.config.deadlines.get(row["template"])
    if deadline is None or "stands_in_for" in (row["extra"] or ""):
        return False
    named = {*deadline.to, *(role for step in deadline.overdue for role in step.to)}
    if "waiting" in named:
        named |= {role for event in TABLE if event.name == deadline.offers[0] for role in event.who}
    return row["role"] not in named


CASES = [
    pytest.param(station, role, id=f"{role} in {state}: {station}")
    for state, stations in STATIONS.items()
    for station in stations
    for role in WHO
]


@pytest.mark.promise("nobody-missed")
@pytest.mark.parametrize(("station", "role"), CASES)
def test_nothing_stalls_in_silence_when_the_only_holder_of_a_role_is_removed(
    begin: Begin, station: str, role: Role
) -> None:
    life = begin(station)
    remove(life, *WHO[role])
    seen = len(life.notices())
    half_a_year(life)
    assert skipped_silently(life) == []
    later = life.notices()[seen:]
    assert not {row["to"] for row in later} & set(WHO[role])
    assert [row for row in later if cannot_act(life, row) or stands_in_unmarked(life, row)] == []
    assert life.state is State.TERMINATED or life.running()


@pytest.mark.promise("nobody-missed")
@pytest.mark.parametrize("station", [each for stations in STATIONS.values() for each in stations])
def test_where_everybody_has_left_the_mailbox_of_the_office_is_told(begin: Begin, station: str) -> None:
    life = begin(station)
    remove(life, *(email for emails in WHO.values() for email in emails))
    seen = len(life.notices())
    half_a_year(life)
    assert skipped_silently(life) == []
    told = {row["to"] for row in life.notices()[seen:]}
    assert told == {life.system.config.procedure.district.email}


@pytest.mark.promise("stand-ins-marked")
@pytest.mark.parametrize(
    ("gone", "told", "words"),
    [
        (["superintendent"], "staff", "In place of the superintendent, who is missing."),
        (["superintendent", "staff"], "board-office", "In place of the superintendent, who is missing."),
        (["superintendent", "staff", "board-office"], "principal", "In place of the superintendent"),
    ],
)
def test_the_message_of_somebody_who_stands_in_is_marked(
    sit: Sit, gone: list[str], told: str, words: str
) -> None:
    desk = sit("needs")
    remove(desk.life, *(f"{name}@example.org" for name in gone))
    half_a_year(desk.life)
    assert words in mail(desk, "needs-agreed")[told]
    assert "has no superintendent in the directory" in mail(desk, "needs-agreed")[told]


def test_who_holds_the_role_is_told_without_a_mark(sit: Sit) -> None:
    desk = sit("needs")
    half_a_year(desk.life)
    texts = mail(desk, "needs-agreed")
    assert set(texts) >= {"superintendent"}
    assert all("In place of" not in text for text in texts.values())


def test_a_change_of_roles_reaches_somebody_where_nobody_watches_any_more(begin: Begin) -> None:
    life = begin("needs")
    remove(life, "superintendent@example.org", "board-office@example.org")
    life.system.transact(
        lambda session: changes.record(session, "rights x", "y", by="staff@example.org", now=life.now)
    )
    with life.system.reading() as session:
        rows = session.connection.execute(tables.notices.select()).mappings().all()
    (row,) = (row for row in rows if row["template"] == "directory-changed" and "rights x" in row["extra"])
    assert (row["to"], row["role"]) == ("staff@example.org", "staff")
    assert "superintendent" in row["extra"]
