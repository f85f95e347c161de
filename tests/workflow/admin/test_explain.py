"""`deadlines explain`: where a date comes from, day by day and line by line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.desk import REF, Desk
from tests.workflow.admin.conftest import OWNER, Sit
from workflow.procedure import config


def explain(desk: Desk, name: str) -> Any:
    return desk.ask("deadlines", "explain", "rbhs", name)


def test_business_days_are_counted_and_holidays_and_weekends_named(sit: Sit) -> None:
    own = '[deadline.selection-opens]\ndue = "45 business days after needs.agreed"\n' + OWNER
    of = explain(sit("needs-agreed", own), "selection-opens")
    assert (of["fact"]["name"], of["fact"]["event"]) == ("needs.agreed", "agree-needs")
    assert of["fact"]["recorded_at"].startswith(of["from"])
    assert (of["span"], len(of["counted"])) == ("45 business days", 45)
    assert {"day": "2025-09-01", "reason": "Labor Day"} in of["skipped"]
    assert {"day": "2025-08-23", "reason": "Saturday"} in of["skipped"]
    assert not set(of["counted"]) & {skipped["day"] for skipped in of["skipped"]}
    assert of["due_at"].startswith(of["counted"][-1])


@pytest.mark.promise("dates-explained")
def test_a_day_that_moved_says_from_where_and_why(sit: Sit) -> None:
    own = '[deadline.needs-agreed]\ndue = "5 days after entering"\nroll = "after"\nat = "09:30"\n' + OWNER
    desk = sit("needs", own)
    of = explain(desk, "needs-agreed")
    assert (of["from"], of["span"], of["day"]) == ("2025-07-07", "5 days", "2025-07-12")
    assert (of["moved_to"], of["moved_because"]) == ("2025-07-14", "Saturday")
    assert [skipped["day"] for skipped in of["skipped"]] == ["2025-07-12", "2025-07-13"]
    assert (of["at"], of["due_at"]) == ("09:30", "2025-07-14T09:30:00-07:00")
    text = (desk.folder / "config.toml").read_text().splitlines()
    for key in ("due", "roll", "at"):
        place = of["lines"][key]
        assert place["file"] == desk.config
        assert text[place["line"] - 1].startswith(f"{key} = ")
    packaged = of["lines"]["until"]
    assert packaged["file"] == str((config.DEFAULTS / "config.toml").resolve())
    said = desk.say("deadlines", "explain", REF, "needs-agreed")
    assert f"The rule: 5 days after entering  ({desk.config}:{of['lines']['due']['line']})" in said
    assert "Moved after, to Monday, July 14, 2025, since Saturday, July 12, 2025 is no business day" in said
    assert (
        "From the fact entering: 2025-07-07T09:00:00-07:00, recorded 2025-07-07 09:00 by identify-needs."
        in said
    )


@pytest.mark.parametrize(
    "text",
    [
        '[deadline]\nneeds-agreed.due = "6 days after entering"\n',
        '[ deadline . "needs-agreed" ]\ndue="6 days after entering"\n',
        'deadline.needs-agreed.due = "6 days after entering"\n',
    ],
)
def test_a_line_is_found_however_it_is_written(sit: Sit, text: str) -> None:
    desk = sit("needs")
    file = desk.folder / "config.toml"
    file.write_text(
        text + file.read_text() if text.startswith("deadline.") else file.read_text() + "\n" + text
    )
    of = explain(desk, "needs-agreed")
    place = of["lines"]["due"]
    assert place["file"] == str(file)
    assert "6 days after entering" in file.read_text().splitlines()[place["line"] - 1]


@pytest.mark.promise("dates-explained")
@pytest.mark.parametrize("station", ["needs", "needs-agreed", "open", "closed", "chosen", "drafted", "scheduled",
                                     "introduced", "active", "annual-review", "reported", "ended"])  # fmt: skip
def test_every_deadline_of_every_station_is_explained_as_it_stands(sit: Sit, station: str) -> None:
    desk = sit(station)
    due = {d["name"]: d["due_at"] for d in desk.ask("deadlines", REF) if d["kind"] == "due"}
    assert due
    for name in desk.life.system.config.deadlines:
        of = explain(desk, name)
        assert of["runs"] or of["why_not"], name
        if name in due:
            assert of["due_at"] == due[name], name


def test_a_deadline_that_does_not_run_says_why(sit: Sit) -> None:
    desk = sit("open")
    assert explain(desk, "needs-agreed")["why_not"] == (
        "it runs in needs-identified, and the partnership is in open-selection"
    )
    assert explain(desk, "choice-due")["why_not"] == "selection.anew or selection.closed is not on record yet"


def test_an_unknown_deadline_is_not_found_and_the_nearest_is_named(sit: Sit) -> None:
    answer = sit("open").run("deadlines", "explain", REF, "choice-du", "--json")
    assert (answer.status, answer.json["error"]) == (3, "not-found")
    assert "(did you mean choice-due?)" in answer.json["problem"]


def test_the_date_of_the_next_step_to_a_wanted_first_day_says_which_entry_gave_it(sit: Sit) -> None:
    desk = sit("needs")
    desk.life.do("want-start", on="2025-12-01")
    explained = desk.ask("deadlines", "explain", REF, "start-kept")
    assert (explained["fact"]["name"], explained["fact"]["event"]) == ("start.next_step", "want-start")
    assert explained["due_at"] == "2025-09-21T17:00:00-07:00"
    assert explained["lines"]["due"]["value"] == "at start.next_step"
    assert desk.ask("show", REF)["facts"]["wanted"]["on"] == "2025-12-01"
