"""Tries to decide, or to change who decides, without the Board office and the Superintendent hearing of it."""

from __future__ import annotations

import json
import tomllib
from functools import partial
from pathlib import Path

import pytest

from tests.support.desk import Desk
from tests.support.district import Begin, configured
from tests.support.office import file_of
from tests.workflow.admin.conftest import OWNER, Sit
from tests.workflow.admin.conftest import sit as sit
from workflow.clock.procedure import tell_procedure
from workflow.procedure.checks import BEFORE_THE_BOARD, CHANGES
from workflow.procedure.config import DEFAULTS, ConfigError

WATCHERS = ["board-office@example.org", "superintendent@example.org"]
ITEM = ("--as", "board-office@example.org", "--set", "meeting_on=2025-09-17")
VOTE = ("--set", "ayes=5", "--set", "noes=1", "--set", "abstentions=1", "--set", "reason=Good")
LATER = ("--as", "board-office@example.org", "--set", "meeting_on=2025-10-01", "--set", "reason=Time")
AT_ONCE = ("--set", "immediate_action=true")
PERSON = '[[person]]\nemail = "new@example.org"\nname = "New"\nroles = ["staff"]\n'
CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20310312T161500\r\n"
    "SUMMARY:Regular Board Meeting\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def heard(desk: Desk, template: str) -> list[str]:
    """Those of the two who are sent a notice, which nobody has revoked."""
    rows = desk.ask("notices")
    mine = [
        n["to"] for n in rows if n["template"] == template and n["status"] != "dead" and not n["revoked_at"]
    ]
    return sorted(set(mine) & set(WATCHERS))


def test_every_event_of_an_item_before_the_board_is_known() -> None:
    events = "approve defer-item expire introduce-item refer-to-board schedule-item send-back terminate"
    assert sorted(BEFORE_THE_BOARD) == events.split()


RENEWAL = ("--set", "purpose=renewal", "--set", "reason=Good", "--set", "ends_on=2027-08-31")
STEPS = [
    ("active", None, "refer-to-board", ("--as", "staff@example.org", *RENEWAL)),
    ("referred", None, "schedule-item", ITEM),
    ("scheduled", "2025-09-17 19:00", "introduce-item", ITEM),
    ("scheduled", None, "defer-item", LATER),
    ("scheduled", "2025-09-17 19:00", "send-back", (*ITEM, *VOTE)),
]


@pytest.mark.promise("changes-are-told")
@pytest.mark.parametrize(("station", "when", "event", "words"), STEPS, ids=lambda value: str(value)[:20])
def test_no_command_moves_an_item_unseen(
    sit: Sit, station: str, when: str | None, event: str, words: tuple[str, ...]
) -> None:
    desk = sit(station)
    if when:
        desk.life.at(when)
    answer = desk.trigger(event, *words)
    assert answer.status == 0, answer
    assert heard(desk, event) == WATCHERS


@pytest.mark.promise("changes-are-told")
def test_no_command_approves_unseen(sit: Sit) -> None:
    desk = sit("scheduled")
    desk.life.at("2025-09-17 19:00")
    assert desk.trigger("introduce-item", *ITEM, *AT_ONCE).status == 0
    assert desk.trigger("approve", *ITEM, *VOTE).status == 0
    assert (heard(desk, "introduce-item"), heard(desk, "approve")) == (WATCHERS, WATCHERS)


@pytest.mark.promise("changes-are-told")
def test_an_item_that_ends_or_moves_by_the_clock_is_told(begin: Begin) -> None:
    life = begin("scheduled")
    life.tick("2025-09-19 12:00")
    assert {"board-office", "superintendent"} <= set(life.told("defer-item"))


CHANGES_MADE = [
    ("people", "add", "new@example.org", "--name", "New", "--role", "staff"),
    ("people", "change", "staff@example.org", "--role", "staff", "--role", "board-office"),
    ("people", "away", "principal@example.org", "--until", "2026-01-01", "--delegate", "staff@example.org"),
    ("people", "remove", "reviewer-1@example.org"),
    ("schools", "add", "mercer", "--name", "Mercer", "--invited-on", "2025-06-01"),
    ("organizations", "add", "clinic", "--name", "Clinic", "--kind", "other"),
    ("meetings", "add", "2031-03-12"),
    ("meetings", "remove", "2025-08-20"),
    ("meetings", "import", "board.ics"),
    ("import", "more.toml"),
    ("notices", "revoke", "--person", "superintendent@example.org"),
]


@pytest.mark.promise("changes-are-told")
@pytest.mark.parametrize("words", CHANGES_MADE, ids=" ".join)
def test_no_command_changes_who_decides_or_when_unseen(sit: Sit, words: tuple[str, ...]) -> None:
    desk = sit("referred")
    desk.file("more.toml", PERSON)
    desk.file("board.ics", CALENDAR)
    arguments = [str(desk.folder / word) if word in ("more.toml", "board.ics") else word for word in words]
    before = len(desk.ask("changes"))
    desk.ask(*arguments)
    assert heard(desk, CHANGES) == WATCHERS
    assert len(desk.ask("changes")) > before


@pytest.mark.promise("changes-are-told")
def test_the_news_of_a_change_is_not_taken_away_before_it_leaves(sit: Sit) -> None:
    desk = sit("referred")
    desk.ask("meetings", "add", "2031-03-12")
    for person in WATCHERS:
        desk.ask("notices", "revoke", "--person", person)
        desk.ask("people", "remove", person)
    (first, *_) = [n for n in desk.ask("notices") if n["template"] == CHANGES]
    assert desk.ask("notices", "revoke", str(first["id"]))["revoked"] == []
    assert heard(desk, CHANGES) == WATCHERS


@pytest.mark.promise("changes-are-told")
def test_an_import_names_what_it_adds_of_the_board(sit: Sit) -> None:
    desk = sit("scheduled")
    desk.life.at("2025-09-17 19:00")
    desk.trigger("introduce-item", *ITEM)
    kept = [
        {"event": row["event"], "at": row["at"], "as": row["actor"], "input": json.loads(row["input"])}
        for row in desk.life.history()[1:]
    ]
    other = {"ref": "other", "school": "rainier-beach", "title": "Other"}
    text = file_of({"partnership": [other]}) + "\n" + file_of({"partnership.event": kept})
    desk.ask("import", desk.file("other.toml", text))
    told = desk.ask("changes")[-1]["after"]["board"]
    assert [line.split()[1] for line in told] == ["refer-to-board", "schedule-item", "introduce-item"]
    assert heard(desk, CHANGES) == WATCHERS


@pytest.mark.promise("changes-are-told")
@pytest.mark.parametrize("name", [*sorted(BEFORE_THE_BOARD), CHANGES])
@pytest.mark.parametrize(
    "change",
    ["enabled = false", 'to = ["staff"]', 'to = ["superintendent"]', 'when = "needs.agreed"'],
)
def test_no_configuration_keeps_it_from_them(tmp_path: Path, name: str, change: str) -> None:
    with pytest.raises(ConfigError) as refused:
        configured(tmp_path, f"[notice.{name}]\n{change}\n")
    assert [p.at.startswith(f"notice.{name}") for p in refused.value.problems] == [True]


def test_a_district_may_tell_more_people(tmp_path: Path) -> None:
    packaged = tomllib.loads((DEFAULTS / "config.toml").read_text(encoding="utf-8"))
    to = [*packaged["notice"][CHANGES]["to"], "staff"]
    assert "staff" in configured(tmp_path, f"[notice.{CHANGES}]\nto = {to}\n").notices[CHANGES].to


RIGHTS = OWNER.replace('["*"]', '["staff@example.org"]')
SETTINGS = [
    ("[board]\nknown_days = 0\n", "procedure board.known_days"),
    ("[board]\nmeetings = [2031-03-12]\n", "procedure board.meetings"),
    ("[board]\nthreshold_cents = 99999999\n", "procedure board.threshold_cents"),
    ("[selection]\nminimum_days = 1\n", "procedure selection.minimum_days"),
    ("[calendar]\nclosed = [2031-03-12]\n", "procedure calendar.closed"),
    ("[notice.add-agreement]\nenabled = false\n", "procedure notice.add-agreement.enabled"),
    (RIGHTS, "rights admin.users.(owner).may_act_as"),
]


@pytest.mark.promise("changes-are-told")
@pytest.mark.parametrize(("text", "what"), SETTINGS, ids=[what for _, what in SETTINGS])
def test_no_reload_changes_the_procedure_unseen(sit: Sit, text: str, what: str) -> None:
    desk = sit("referred")
    system, tell = desk.life.system, partial(tell_procedure, now=desk.life.now)
    assert system.transact(tell) == []
    system.config = configured(desk.folder, text if text is RIGHTS else OWNER + text)
    assert system.transact(tell) == [what.partition(" ")[2]]
    assert desk.ask("changes")[-1]["what"] == what
    assert heard(desk, CHANGES) == WATCHERS
