"""A script lets written events happen in a rehearsal, at their times and through the engine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from states.errors import BadInput, Refused
from states.names import State
from tests.support.district import Begin, Life
from tests.support.facts import LA
from workflow.rehearsal.happenings import Kind
from workflow.rehearsal.living import Nobody, Together
from workflow.rehearsal.rehearse import Rehearsal, rehearse
from workflow.rehearsal.script import Scripted, check_script, list_cues, read_script

UNTIL = datetime(2025, 12, 31, tzinfo=LA)
AGREE = """
[[event]]
ref = "rbhs-2025"
event = "agree-needs"
at = {at}T10:00:00-07:00
as = "{who}@example.org"
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "script.toml"
    path.write_text(text, encoding="utf-8")
    return path


def acted(life: Life, path: Path) -> tuple[Rehearsal, Scripted]:
    """A rehearsal in which a script is acted."""
    file = read_script(path)
    with life.system.reading() as session:
        check_script(session, file, life.now, UNTIL)
    scripted = Scripted(file, "clerk")
    return rehearse(life.system, life.now, UNTIL, people=Together([scripted, Nobody()])), scripted


def events_of(future: Rehearsal) -> list[tuple[str, str]]:
    events = [each for each in future.happenings if each.kind is Kind.EVENT]
    return [(f"{each.at.astimezone(LA):%m-%d %H:%M}", each.name) for each in events]


def mistakes(life: Life, path: Path) -> list[str]:
    with pytest.raises(BadInput) as bad:
        acted(life, path)
    return [f"{problem.at}: {problem.problem}" for problem in bad.value.problems]


@pytest.fixture
def described(begin: Begin) -> Life:
    life = begin("needs")
    life.do("describe-needs")
    return life


def test_events_happen_in_order_of_time_whatever_the_order_of_the_file(
    described: Life, tmp_path: Path
) -> None:
    text = AGREE.format(at="2025-07-10", who="staff") + AGREE.format(at="2025-07-08", who="principal")
    future, scripted = acted(described, script(tmp_path, text))
    assert events_of(future) == [("07-08 10:00", "agree-needs"), ("07-10 10:00", "agree-needs")]
    assert [each.who for each in future.happenings if each.kind is Kind.EVENT] == [
        "principal@example.org", "staff@example.org",
    ]  # fmt: skip
    assert scripted.refusals == []


def test_the_form_of_a_district_file_does_the_same(described: Life, tmp_path: Path) -> None:
    text = """
[[partnership]]
ref = "rbhs-2025"

[[partnership.event]]
event = "agree-needs"
at = 2025-07-08T10:00:00-07:00
as = "principal@example.org"
"""
    future, _ = acted(described, script(tmp_path, text))
    assert events_of(future) == [("07-08 10:00", "agree-needs")]


def test_a_partnership_may_begin_in_a_script(begin: Begin, tmp_path: Path) -> None:
    text = """
[[partnership]]
ref = "fhs-2025"
school = "franklin"
title = "A partner for Franklin"

[[partnership.event]]
event = "identify-needs"
at = 2025-07-08T10:00:00-07:00
as = "staff@example.org"
"""
    future, scripted = acted(begin("needs"), script(tmp_path, text))
    assert scripted.refusals == []
    (end,) = [end for end in future.ends if end.record.ref == "fhs-2025"]
    assert (end.was, end.record.state) == (None, State.NEEDS_IDENTIFIED)
    assert end.record.facts.title == "A partner for Franklin"


def test_a_refused_event_is_kept_with_every_reason_and_the_next_one_happens(
    described: Life, tmp_path: Path
) -> None:
    stranger = AGREE.format(at="2025-07-08", who="superintendent")
    future, scripted = acted(
        described, script(tmp_path, stranger + AGREE.format(at="2025-07-09", who="staff"))
    )
    (refusal,) = scripted.refusals
    assert (refusal.ref, refusal.event, refusal.actor) == (
        "rbhs-2025", "agree-needs", "superintendent@example.org",
    )  # fmt: skip
    assert refusal.reasons == (
        "agree-needs is for principal or staff; superintendent@example.org has superintendent",
    )
    assert events_of(future) == [("07-09 10:00", "agree-needs")]


def test_somebody_whom_nobody_knows_is_refused(described: Life, tmp_path: Path) -> None:
    _, scripted = acted(described, script(tmp_path, AGREE.format(at="2025-07-08", who="stranger")))
    assert [reason for each in scripted.refusals for reason in each.reasons] == [
        "there is no person 'stranger@example.org' in the directory"
    ]


def test_a_meeting_moves_and_the_deadlines_with_it(begin: Begin, tmp_path: Path) -> None:
    life = begin("scheduled")
    text = """
[[meeting]]
on = 2025-09-24
instead_of = 2025-09-17
"""
    # The special meeting of that day stands in the way of a move to it.
    assert (
        mistakes_of_move(life, script(tmp_path, text)) == "2025-09-24 has a meeting already; remove it first"
    )
    future, _ = acted(life, script(tmp_path, text.replace("2025-09-24", "2025-09-25")))
    days = [meeting.on.isoformat() for meeting in future.directory.meetings]
    assert ("2025-09-25" in days, "2025-09-17" in days) == (True, False)
    assert any(each.name == "meeting-changed" for each in future.happenings)


def mistakes_of_move(life: Life, path: Path) -> str:
    with pytest.raises(Refused) as refused:
        acted(life, path)
    return refused.value.unmet[0].reason


def test_all_mistakes_are_reported_at_once_each_with_its_place(described: Life, tmp_path: Path) -> None:
    text = (
        AGREE.format(at="2025-07-01", who="principal")
        + AGREE.format(at="2026-07-08", who="principal")
        + AGREE.format(at="2025-07-08", who="principal").replace("rbhs-2025", "rbhs-2024")
        + '\n[[partnership]]\nref = "fhs-2025"\n[[partnership.event]]\nevent = "withdrawn"\n'
        'at = 2025-07-08T10:00:00-07:00\nas = "staff@example.org"\n'
        "[[meeting]]\non = 2025-11-11\n[[meeting]]\non = 2025-11-12\ninstead_of = 2025-11-10\n"
    )
    found = mistakes(described, script(tmp_path, text))
    assert sorted(each.partition(":")[0] for each in found) == [
        "event.0.at", "event.1.at", "event.2.ref", "meeting.0.at", "meeting.1.instead_of", "partnership.0",
        "partnership.0.event.0.event",
    ]  # fmt: skip
    assert "event.0.at: 2025-07-01T10:00:00-07:00 has passed" in found
    assert "meeting.1.instead_of: there is no meeting on 2025-11-10" in "\n".join(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[event]\n", "a script in TOML"),
        ('[[event]]\nref = "rbhs-2025"\n', "event.0.event: it is missing"),
        (AGREE.format(at="2025-07-08", who="staff") + 'why = "so"\n', "event.0.why: there is no such key"),
        ("[[deadline]]\n", "deadline: there is no such key"),
    ],
)
def test_the_form_of_a_script_is_checked(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(BadInput) as bad:
        read_script(script(tmp_path, text))
    assert problem in str(bad.value)


def test_several_act_together_and_the_earliest_is_next(described: Life, tmp_path: Path) -> None:
    def of(day: str) -> Scripted:
        return Scripted(read_script(script(tmp_path, AGREE.format(at=day, who="staff"))), "clerk")

    both = Together([of("2025-07-20"), Nobody(), of("2025-07-10")])
    with described.system.reading() as session:
        assert both.next_instant(session, described.now) == datetime(2025, 7, 10, 17, tzinfo=UTC)
        assert Together([Nobody()]).next_instant(session, described.now) is None


def test_events_of_one_time_keep_the_order_of_the_file(tmp_path: Path) -> None:
    text = AGREE.format(at="2025-07-08", who="staff") + AGREE.format(at="2025-07-08", who="principal")
    cues = list_cues(read_script(script(tmp_path, text)))
    assert [cue.event.actor for cue in cues] == ["staff@example.org", "principal@example.org"]
