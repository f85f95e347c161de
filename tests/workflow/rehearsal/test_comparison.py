"""Two procedures are lived from one present: what differs is told, and happens when the new one is loaded."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

from states.names import State
from tests.support.district import Begin, Life, configured
from tests.support.facts import LA, instant
from workflow.clock import tick
from workflow.outbox import delivery
from workflow.outbox.throttle import Pace
from workflow.procedure import config
from workflow.procedure.config import DEFAULTS, Config
from workflow.record.changes import list_changes
from workflow.rehearsal.assumed import Assumed, OnTime
from workflow.rehearsal.comparison import Comparison, Standstill, Waited, compare
from workflow.rehearsal.comparison_words import ComparisonTelling
from workflow.rehearsal.happenings import Kind, read_happenings
from workflow.rehearsal.living import Nobody, Postbox, live
from workflow.rehearsal.prediction import predict_loading
from workflow.rehearsal.rehearse import Rehearsal
from workflow.rehearsal.standing import read_standing

SCORES = """[deadline.scores-due]
due = "15 business days after selection.anew, or 15 business days after selection.closed"
"""


def proposed(life: Life, text: str) -> Config:
    """A procedure of a file in a folder of its own, in the place of the present one."""
    folder = life.system.config.folder / "proposed"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(text, encoding="utf-8")
    return config.put_in_place(config.load(folder / "config.toml"), life.system.config)


def compared(life: Life, text: str, until: str) -> Comparison:
    return compare(life.system, life.now, instant(until), proposed(life, text))


def lines(comparison: Comparison) -> list[str]:
    text = "\n".join(ComparisonTelling(comparison, "new.toml", "Nobody does anything.").write())
    return text.replace("\n    ", " ").splitlines()


def test_it_tells_which_deadline_moves_and_from_when_to_when(begin: Begin) -> None:
    comparison = compared(begin("closed"), SCORES, "2025-10-01")
    (moved,) = comparison.deadlines
    assert (moved.ref, moved.deadline, moved.both) == ("rbhs-2025", "scores-due", ())
    assert [each.astimezone(LA).date().isoformat() for each in (*moved.present, *moved.proposed)] == [
        "2025-08-29", "2025-09-08"
    ]  # fmt: skip
    assert (
        '  Rainier Beach School: "Score the applications" is due on Monday, September 8 instead of Friday,'
        " August 29." in lines(comparison)
    )


def test_it_counts_the_messages_of_each_person(begin: Begin) -> None:
    comparison = compared(begin("closed"), SCORES, "2025-10-01")
    for side in (comparison.present, comparison.proposed):
        assert any(each.kind is Kind.NOTICE for each in side.happenings)
    differing = {each.sample.who: (each.present, each.proposed) for each in comparison.messages}
    for who, counts in differing.items():
        assert counts == tuple(
            sum(each.who == who and each.kind is Kind.NOTICE for each in side.happenings)
            for side in (comparison.present, comparison.proposed)
        )
    assert differing["reviewer-1@example.org"][0] > differing["reviewer-1@example.org"][1] > 0
    present, new = differing["reviewer-1@example.org"]
    assert f"  Reviewer 1: {new} instead of {present}." in [
        line.replace(" (reviewer)", "") for line in lines(comparison)
    ]


def test_it_tells_when_a_state_is_reached_and_by_which_procedure_alone(begin: Begin) -> None:
    text = '[deadline.annual-review-opens]\ndue = "90 days before every anniversary of agreement.starts_on"\n'
    whole = compared(begin("active"), text, "2026-08-01")
    (reached,) = whole.reached
    assert (reached.state, reached.time) == (State.ANNUAL_REVIEW, 1)
    start = "  Rainier Beach School: the state becomes annual review on Wednesday, June 3, 2026"
    assert f"{start} instead of Thursday, July 2, 2026." in lines(whole)
    half = compared(begin("active"), text, "2026-06-15")
    assert [(each.present, each.proposed) for each in half.reached] == [(None, reached.proposed)]
    assert f"{start}, and only under the new one." in lines(half)


def test_a_partnership_that_only_one_procedure_moves_stands_still_under_the_other(begin: Begin) -> None:
    text = '[deadline.annual-review-opens]\ndue = "90 days before every anniversary of agreement.starts_on"\n'
    comparison = compared(begin("active").at("2025-09-03"), text, "2026-06-15")
    assert comparison.standstills == (Standstill("rbhs-2025", present=True, proposed=False),)
    assert any(
        line.startswith("  Rainier Beach School stands still under the present procedure only.")
        for line in lines(comparison)
    )


def own_row(life: Life) -> str:
    """A deadline that the packaged procedure lacks, with its words beside the proposed file alone."""
    words = life.system.config.folder / "proposed" / "templates" / "email"
    words.mkdir(parents=True)
    shutil.copy(DEFAULTS / "templates" / "email" / "needs-agreed.j2", words / "mentor-named.j2")
    return (
        '[deadline.mentor-named]\nlabel = "Name a mentor"\nstate = "needs-identified"\n'
        'due = "10 days after entering"\noffers = ["describe-needs"]\nto = ["staff"]\n'
    )


def test_a_deadline_that_only_one_procedure_has_goes_by_its_own_words(begin: Begin) -> None:
    life = begin("needs")
    comparison = compared(life, own_row(life), "2025-09-01")
    (moved,) = comparison.deadlines
    assert (moved.deadline, moved.present, len(moved.proposed)) == ("mentor-named", (), 1)
    assert (
        '  Rainier Beach School: "Name a mentor" is due on Thursday, July 17, and only under the new one.'
        in lines(comparison)
    )
    back = Comparison(comparison.proposed, comparison.present)
    assert (
        '  Rainier Beach School: "Name a mentor" is due on Thursday, July 17, and only under the present procedure.'
        in lines(back)
    )
    (missed,) = [each for each in comparison.missed if each.deadline == "mentor-named"]
    assert (missed.present, len(missed.proposed)) == ((), 1)
    assert '  Rainier Beach School: "Name a mentor" is missed under the new one only.' in lines(comparison)


def test_other_reminders_move_no_deadline_and_change_the_messages(begin: Begin) -> None:
    text = '[deadline.needs-agreed]\nremind = ["14 days", "7 days", "1 business day"]\n'
    comparison = compared(begin("needs"), text, "2025-09-01")
    assert (comparison.deadlines, comparison.reached, comparison.waited) == ((), (), ())
    staff = {each.sample.who: each.proposed - each.present for each in comparison.messages}
    assert staff["principal@example.org"] == 2


def test_where_one_procedure_asks_nobody_the_partnership_waits_under_the_other_only(begin: Begin) -> None:
    comparison = compared(begin("ended"), "[deadline.close-out-due]\nenabled = false\n", "2025-10-20")
    assert comparison.waited == (Waited("rbhs-2025", State.TERMINATED, present=True, proposed=False),)


def test_the_same_procedure_makes_no_difference(begin: Begin) -> None:
    comparison = compared(begin("active"), "", "2026-12-31")
    assert comparison.present.happenings
    assert [each.key for each in comparison.present.happenings] == [
        each.key for each in comparison.proposed.happenings
    ]
    assert lines(comparison)[-1] == "Nothing differs."


def test_both_are_lived_from_one_copy_and_nothing_is_written(begin: Begin) -> None:
    life, seen = begin("needs"), []

    class Late(Nobody):
        """The record goes on meanwhile."""

        def __init__(self) -> None:
            seen.append(life.record.version)
            life.do("describe-needs" if life.record.version == 1 else "add-note")

    before = life.record.version
    comparison = compare(life.system, life.now, instant("2025-09-01"), proposed(life, ""), make_people=Late)
    assert seen == [before, before + 1]
    versions = [end.record.version for side in (comparison.present, comparison.proposed) for end in side.ends]
    assert versions == [before, before]
    written = life.dump()
    compared(life, SCORES, "2025-12-31")
    assert life.dump() == written


# What was predicted happens

CHANGE = (
    SCORES
    + """[deadline.choice-due]
due = "30 business days after selection.anew, or 30 business days after selection.closed"
remind = ["10 business days", "2 business days"]
[deadline.agreement-due]
due = "20 days after selection.chosen"
[selection]
protest_days = 3
"""
)


def load(life: Life, text: str) -> None:
    """Put a procedure in the place of the present one, as somebody does who edits the file and reloads."""
    life.system.config = configured(life.system.config.folder, text)


def outcome(life: Life, begin: datetime, until: datetime) -> tuple[Any, ...]:
    """What happened on the record itself, what stood, and how the partnership is now."""
    with life.system.reading() as session:
        happenings = read_happenings(session, begin - timedelta(microseconds=1), until)
        standing = read_standing(session, begin)
    return [each.key for each in happenings], standing, life.state


def outcome_of(side: Rehearsal) -> tuple[Any, ...]:
    (end,) = side.ends
    return [each.key for each in side.happenings], side.deadlines, end.record.state


def seen(life: Life) -> Life:
    """A partnership on whose record the daemon has seen the present procedure."""
    tick.run(life.system, life.now.astimezone(UTC), lambda _, work: work())
    delivery.deliver(life.system, Postbox(), lambda: life.now, pace=Pace())
    life.now += timedelta(hours=1)
    return life


def test_a_change_that_was_predicted_and_then_loaded_happens(begin: Begin) -> None:
    life = seen(begin("closed"))
    comparison = compared(life, CHANGE, "2025-12-31")
    at_once = predict_loading(life.system, proposed(life, CHANGE), life.now)
    assert comparison.deadlines
    assert comparison.messages
    future, pace = comparison.proposed, Pace()
    instants = {life.now, *(each.at for each in future.happenings)}
    # A tick in between finds nothing to do.
    between = {each + timedelta(hours=1) for each in instants if each + timedelta(hours=1) <= future.until}
    load(life, CHANGE)
    for now in sorted(instants | between):
        tick.run(life.system, now, lambda _, work: work())
        delivery.deliver(life.system, Postbox(), lambda now=now: now, pace=pace)
    assert outcome(life, life.now, future.until) == outcome_of(future)
    assert outcome(life, life.now, future.until) != outcome_of(comparison.present)
    with life.system.reading() as session:
        entries = list_changes(session)
    assert [each["after"] for each in entries if each["by"] == "procedure"][-1] == list(at_once.deadlines)
    assert [
        (each["what"], each["before"], each["after"]) for each in entries if each["by"] == "config.toml"
    ] == [(f"procedure {each.name}", each.before, each.after) for each in at_once.settings]


def test_it_happens_too_where_everybody_does_what_is_asked(begin: Begin) -> None:
    life = seen(begin("closed"))
    until = instant("2025-12-31")
    comparison = compare(
        life.system, life.now, until, proposed(life, CHANGE), make_people=lambda: Assumed(OnTime())
    )
    assert [each.state for each in comparison.reached] == [State.BOARD_REVIEW]
    load(life, CHANGE)
    live(life.system, life.now, until, Assumed(OnTime()), Postbox())
    assert outcome(life, life.now, until) == outcome_of(comparison.proposed)
    assert outcome(life, life.now, until) != outcome_of(comparison.present)


def test_the_procedure_that_stays_in_force_happens_as_it_was_lived_for_the_comparison(begin: Begin) -> None:
    life = seen(begin("closed"))
    until = instant("2025-12-31")
    comparison = compare(
        life.system, life.now, until, proposed(life, CHANGE), make_people=lambda: Assumed(OnTime())
    )
    live(life.system, life.now, until, Assumed(OnTime()), Postbox())
    assert outcome(life, life.now, until) == outcome_of(comparison.present)
