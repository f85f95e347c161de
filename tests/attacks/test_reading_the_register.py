"""Somebody reads all that the public register gives, at every station of a life, for what is nobody's business."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE, STATIONS
from tests.support.visitor import Guest

PLACES = ("/partnerships", "/partnerships/rbhs-2025", "/partnerships.csv", "/partnerships.json",
          "/partnerships/rbhs-2025.json")  # fmt: skip
OFFICE = "partnerships@example.org"  # stands at the foot of every page
ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")
# The keys of an input whose texts the public call shows, or that the agreement makes public.
PUBLIC_KEYS = {"title", "needs", "gaps", "resources", "assets", "qualities", "goals", "outcomes"}
PUBLIC_EVENTS = {"ask-question", "answer-question"}
NOT_BEFORE = {"introduced", "approved", "active", "annual-review", "reported", "ending", "ended", "renewal"}


def protested(life: Life) -> None:
    life.do("file-protest", "applicant@example.org")


def started_over(life: Life) -> None:
    protested(life)
    life.do("answer-protest", remedy="start-over")
    life.do("describe-needs", needs=["what only a later call will say"])
    for role in ("principal", "staff"):
        life.do("agree-needs", role)


def applied_again(life: Life) -> None:
    life.do("restart")
    for role in ("principal", "staff"):
        life.do("agree-needs", role)
    life.do("open-selection", closes_on="2025-10-31")
    life.do("receive-application", "lead-partner@example.org")
    life.do("ask-question")


def withdrawn(life: Life) -> None:
    life.do("withdraw")
    life.at("2025-12-01")


def sent_back(life: Life) -> None:
    life.at("2025-10-02").do("send-back", reason="the Board wants other terms", ayes=2, noes=4)
    life.do(
        "draft-agreement", amount_cents=31_415_926, ends_on="2027-08-31", responsibilities=["a secret duty"]
    )


def chosen_anew(life: Life) -> None:
    life.at("2025-10-02").do("send-back", ayes=2, noes=4)
    life.do("withdraw-application", "staff", organization=CBO)
    life.do("choose-partner", organization=COLLEGE)


def amended(life: Life) -> None:
    life.do("amend-agreement", terms="a tutor more than before")
    life.do("amend-agreement", amount_cents=31_415_926)
    life.do("refer-to-board", purpose="amendment")


def judged(life: Life) -> None:
    for role in ("principal", "staff"):
        life.do("give-finding", role, impact=False)
    life.do("continue", improvement_plan="they promise to do better")


def corrected(life: Life) -> None:
    seq = next(row["seq"] for row in life.history() if row["event"] == "choose-partner")
    given = {"organization": CBO, "reasons": "other reasons than before"}
    life.do("correct-entry", seq=seq, input=given, reason="the reasons were mistyped")


WAYS: dict[str, tuple[str, Callable[[Life], object]]] = {
    **{station: (station, lambda life: life) for station in STATIONS},
    "protested": ("chosen", protested),
    "started over": ("chosen", started_over),
    "applied again": ("scored", applied_again),
    "withdrawn while open": ("applied", withdrawn),
    "withdrawn after the closing": ("scored", withdrawn),
    "sent back": ("introduced", sent_back),
    "chosen anew": ("introduced", chosen_anew),
    "amended": ("active", amended),
    "judged": ("reported", judged),
    "corrected": ("active", corrected),
}


def read(life: Life) -> dict[str, str]:
    """What the register gives to everybody, by its place."""
    guest = Guest(life)
    return {place: guest.get(place).text for place in PLACES}


def texts_in(value: Any, key: str = "") -> Iterator[str]:
    """Every text of an input that somebody wrote, apart from what is public by its key."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from texts_in(item, name) if name not in PUBLIC_KEYS else ()
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item, key)
    elif isinstance(value, str) and (" " in value or "@" in value):
        yield value


def secrets_of(life: Life) -> set[str]:
    """What is in the record and belongs on no public page."""
    rows = [row for row in life.history() if row["event"] not in PUBLIC_EVENTS]
    written = {text for row in rows for text in texts_in(json.loads(row["input"]))}
    actors = {row["actor"] for row in rows if "@" in row["actor"]}
    return (
        written
        | actors
        | {"City College", COLLEGE, "Reviewer 1", "Reviewer 2", "Reviewer 3", "31415926", "314,159.26"}
    )


@pytest.mark.promise("register-allow-list")
@pytest.mark.parametrize("name", WAYS)
def test_the_register_never_shows_what_is_nobodys_business(begin: Begin, name: str) -> None:
    station, go_on = WAYS[name]
    life = begin(station)
    go_on(life)
    secrets = secrets_of(life)
    for place, shown in read(life).items():
        assert not [text for text in secrets if text in shown], place
        assert "protest" not in shown, place
        assert set(ADDRESS.findall(shown)) <= {OFFICE}, place
        if station not in NOT_BEFORE:
            assert "Harbor House" not in shown, place
            assert CBO not in shown, place


@pytest.mark.promise("register-allow-list")
@pytest.mark.parametrize("name", ["needs", "needs-agreed"])
def test_before_a_call_opens_the_register_is_as_if_there_were_nothing(begin: Begin, name: str) -> None:
    life, nothing = begin(name), begin(None)
    nothing.now = life.now
    assert read(life) == read(nothing)


@pytest.mark.promise("register-allow-list")
def test_while_a_call_is_open_the_register_is_the_same_whoever_applied(begin: Begin) -> None:
    none, two = begin("open"), begin("applied")
    none.now = two.now
    assert read(none) == read(two)


@pytest.mark.promise("register-allow-list")
def test_a_new_statement_is_not_in_the_open_data_before_its_call_opens(begin: Begin) -> None:
    life = begin("chosen")
    before = read(life)["/partnerships/rbhs-2025.json"]
    started_over(life)
    assert "a later call" not in before + "".join(read(life).values())
    life.do("open-selection", closes_on="2025-10-31")
    assert "what only a later call will say" in read(life)["/partnerships/rbhs-2025.json"]
