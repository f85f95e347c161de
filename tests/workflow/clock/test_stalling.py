"""No partnership can stall in silence: a procedure under which one could is refused, in every way there is."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from states.names import State
from tests.support.district import Begin, configured
from tests.support.facts import STATIONS
from workflow.procedure import ladders
from workflow.procedure.config import Config, ConfigError


def off(*names: str) -> str:
    return "".join(f"[deadline.{name}]\nenabled = false\n" for name in names)


def stalls(folder: Path, text: str) -> list[str]:
    """The states in which a partnership could stall, so that the procedure is refused; [] if it is taken."""
    try:
        configured(folder, text)
    except ConfigError as error:
        found = [problem.problem for problem in error.problems]
        found = [text for text in found if not text.startswith("no row means ")]
        assert all(text.startswith("a partnership could stall in ") for text in found), found
        return [text.removeprefix("a partnership could stall in ").partition(":")[0] for text in found]
    return []


# Each row that insists (fires an event, or has overdue), and where a partnership could stall without it.
INSISTING = {
    "needs-agreed": ["needs-identified"],
    "selection-opens": ["needs-identified"],
    "applications-close": ["open-selection"],
    "question-answered": [],  # applications-close insists as well
    "scores-due": [],  # choice-due insists as well
    "choice-due": ["open-selection"],
    "protest-answered": [],  # agreement-due insists as well
    "agreement-due": ["open-selection"],
    "item-scheduled": ["board-review"],
    "decision-recorded": ["board-review"],
    "agreement-signed": [],  # agreement-ends, and others, insist as well
    "outcomes-agreed": [],
    "assessment-due": [],
    "meeting-due": [],
    "annual-review-opens": [],
    "annual-review-resumes": [],
    "amendment-referred": [],
    "report-due": [],
    "findings-due": [],
    "review-decided": [],
    "agreement-ends": [],
    "contact-accepted": [],  # the present contact stays
    "close-out-due": [],  # terminated is the end
}


def test_every_row_that_insists_is_looked_at(settings: Config) -> None:
    assert set(INSISTING) == {name for name, row in settings.deadlines.items() if row.fires or row.overdue}


@pytest.mark.parametrize("name", INSISTING)
def test_a_row_without_which_a_partnership_could_stall_cannot_be_taken_out(tmp_path: Path, name: str) -> None:
    assert stalls(tmp_path, off(name)) == INSISTING[name]


@pytest.mark.parametrize("name", [name for name, states in INSISTING.items() if states])
def test_nor_can_it_be_made_to_tell_once_and_fall_silent(tmp_path: Path, settings: Config, name: str) -> None:
    if settings.deadlines[name].fires:
        pytest.fail("unreachable") if settings.deadlines[name].overdue else None
        return
    assert stalls(tmp_path, f'[deadline.{name}]\noverdue = []\nagain = "1 day"\n') == INSISTING[name]


WHILE_IN_FORCE = [
    "agreement-ends", "annual-review-opens", "assessment-due", "meeting-due", "report-due", "review-decided",
]  # fmt: skip


@pytest.mark.parametrize("kept", ["agreement-ends", "annual-review-opens", "assessment-due", "meeting-due"])
def test_one_row_that_insists_is_enough_while_the_agreement_is_in_force(tmp_path: Path, kept: str) -> None:
    rest = [name for name in WHILE_IN_FORCE if name not in (kept, "report-due", "review-decided")]
    assert "active" not in stalls(tmp_path, off(*rest))
    assert "active" in stalls(tmp_path, off(kept, *rest))


def test_an_annual_review_without_its_rows_could_stall(tmp_path: Path) -> None:
    duties = ("assessment-due", "meeting-due")
    assert stalls(tmp_path, off("agreement-ends", "review-decided", *duties)) == ["annual-review"]
    assert stalls(tmp_path, off("report-due", "findings-due", "review-decided", *duties)) == []


def test_every_state_in_which_one_could_stall_is_named(tmp_path: Path) -> None:
    names = ("needs-agreed", "choice-due", "item-scheduled", *WHILE_IN_FORCE)
    assert stalls(tmp_path, off(*names)) == [
        "needs-identified", "open-selection", "board-review", "active", "annual-review",
    ]  # fmt: skip


def test_the_facts_under_which_one_could_stall_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"where selection\.chosen, selection\.closed, selection\.scored are known, no deadline is open",
    ):
        configured(tmp_path, off("agreement-due"))


def test_what_the_procedure_takes_leaves_something_open_at_every_station(
    tmp_path: Path, begin: Begin
) -> None:
    """The same question asked of real partnerships: of each procedure with two rows less that is accepted."""
    records = [begin(station).record for station in STATIONS]
    lives = [r for r in records if r.state is not State.TERMINATED]
    accepted = 0
    for names in [(name,) for name in INSISTING] + list(combinations(WHILE_IN_FORCE, 2)):
        try:
            mine = configured(tmp_path, off(*names))
        except ConfigError:
            continue
        accepted += 1
        for life in lives:
            running = [mine.deadlines[name] for name in ladders.due_instants(mine, life)]
            assert any(row.fires or row.overdue for row in running), (names, life.state)
    assert accepted >= 20
