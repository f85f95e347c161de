"""What the rows of a configuration must be together: what the law looks for, and the words of every event."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path

import pytest

from states.case import Meaning
from states.errors import Refused
from states.moments import moments
from tests.support.district import Begin, configured
from tests.workflow.procedure.test_config import ROOT, mistakes
from workflow.procedure.checks import DAYS
from workflow.procedure.config import Config
from workflow.procedure.settings import Termination

TEXT_LISTS = ("state", "offers", "to", "remind")
PACKAGED = tomllib.loads((ROOT / "config.toml").read_text(encoding="utf-8"))["deadline"]


def renamed(folder: Path, row: str) -> Config:
    """The packaged configuration with one row of its deadlines, and its words, under another name."""
    simple = {k: v for k, v in PACKAGED[row].items() if not isinstance(v, list) or k in TEXT_LISTS}
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in simple.items()]
    email = folder / "templates" / "email"
    email.mkdir(parents=True)
    words = (ROOT / "templates" / "email" / f"{row}.j2").read_text(encoding="utf-8")
    (email / "another-name.j2").write_text(words, encoding="utf-8")
    return configured(folder, f"[deadline.{row}]\nenabled = false\n[deadline.another-name]\n{''.join(lines)}")


@pytest.mark.parametrize(
    "row", ["applications-close", "scores-due", "agenda-packet", "decision-recorded", "report-due"]
)
def test_a_row_that_means_something_to_the_law_can_have_any_name(tmp_path: Path, row: str) -> None:
    """The law once looked for rows by their names, and lost in silence what it did not find."""
    loaded = renamed(tmp_path, row)
    meaning = PACKAGED[row]["means"]
    assert loaded.meaning(Meaning(meaning))[0] == "another-name"
    assert row not in loaded.deadlines


def test_a_finding_can_be_given_without_a_report_whatever_the_deadline_is_called(
    tmp_path: Path, begin: Begin
) -> None:
    life = begin("annual-review")
    life.system.config = renamed(tmp_path, "report-due")
    with pytest.raises(Refused, match="neither received nor overdue"):
        life.do("give-finding", "principal")
    life.at("2026-08-20").do("give-finding", "principal")


def test_what_the_law_looks_for_stands_in_exactly_one_row(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "[deadline.report-due]\nenabled = false\n") == [
        "deadline: no row means 'annual-report' to the law;"
        ' expected means = "annual-report" in exactly one row that is enabled'
    ]
    assert mistakes(tmp_path, '[deadline.findings-due]\nmeans = "annual-report"\n') == [
        "deadline.findings-due.means: 'annual-report' is what deadline.report-due means already;"
        " expected each meaning in exactly one row"
    ]


def test_nobody_can_be_told_of_what_they_may_not_know(tmp_path: Path) -> None:
    (fault,) = mistakes(tmp_path, '[notice.declare-conflict]\nto = ["staff", "lead-partner"]\n')
    assert fault.startswith(
        "notice.declare-conflict.to: 'lead-partner' may not know of declare-conflict; expected "
    )
    assert "reviewer" in fault


def test_an_event_that_is_offered_needs_a_label(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "events.toml").write_text("[agree-needs]\nlabel = 3\n")
    (fault,) = mistakes(tmp_path, "")
    assert fault.startswith("templates/events.toml, agree-needs.label: it is missing")


def test_a_reason_calls_an_event_by_its_button(tmp_path: Path) -> None:
    loaded = configured(tmp_path)
    reason = "the Board must act first: refer-to-board, then continue with the co-signed text"
    told = 'the Board must act first: "Refer it to the Board", then continue with the co-signed text'
    assert loaded.labeled(reason) == told


def test_words_where_they_are_no_longer_read_are_not_dropped_in_silence(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "labels.toml").write_text('agree-needs = "Yes"\n')
    (fault,) = mistakes(tmp_path, "")
    assert fault.startswith("templates/labels.toml: it is not read")
    assert 'label = "..."' in fault


def test_a_row_that_is_switched_off_is_not_looked_at(tmp_path: Path) -> None:
    loaded = configured(tmp_path, '[deadline.meeting-due]\nenabled = false\nto = ["king"]\n')
    assert "meeting-due" not in loaded.deadlines


def test_the_facts_without_an_hour_are_those_that_are_days(begin: Begin) -> None:
    known = {}
    for station in ("scheduled", "reported", "ending", "ended"):
        record = begin(station).record
        known |= moments(record.facts, record.entered_at)
    assert {name for name, moment in known.items() if type(moment) is date} == set(DAYS)


def test_every_event_has_its_words_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "events.toml").write_text(
        '[agree-needs]\ndone = 3\n[approve]\ndone = "said yes"\n[sing]\ndoes = "You sing."\n'
    )
    assert [problem.partition(":")[0] for problem in mistakes(tmp_path, "")] == [
        "templates/events.toml, agree-needs.done", "templates/events.toml, sing",
    ]  # fmt: skip


def test_a_ground_without_its_notice_days_is_refused() -> None:
    with pytest.raises(ValueError, match="it lacks no-substantial-impact, unsatisfactory, breach"):
        Termination.model_validate({"notice_days": {"mutual": 0}})
