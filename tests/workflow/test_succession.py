"""A successor's agreement is approved and signed while the present one runs, and the two never share a day."""

from __future__ import annotations

import json
from typing import Any

import pytest

from states.errors import Refused
from states.names import State
from tests.lives.invariants import of_the_state
from tests.support.district import Begin, Life
from tests.support.facts import COLLEGE, way
from workflow import engine, setting
from workflow.views import weighed

FIRST, LAST = (
    "2026-09-01",
    "2027-06-30",
)  # of the successor; the present agreement runs through 31 August 2026


def unmet(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [f"{each.requirement} {each.clause or ''}".strip() for each in refused.value.unmet]


def refusal(life: Life, event: str, *by: str, **given: Any) -> list[str]:
    before = life.dump()
    with pytest.raises(Refused) as refused:
        life.do(event, *by, **given)
    assert life.dump() == before
    return unmet(refused)


def introduced(present: Life, first: str = FIRST, last: str = LAST) -> Life:
    """The next agreement at the school, introduced, so that the Board may approve it on 1 October 2025."""
    other = present.another("rbhs-2026", "rainier-beach").to("agreed")
    other.do("draft-agreement", amount_cents=25_000_000, starts_on=first, ends_on=last)
    other.at("2025-09-02").do("refer-to-board")
    return other.step(way("introduced", "referred")).at("2025-10-02")


def ready(present: Life, first: str = FIRST, last: str = LAST, ref: str = "rbhs-2026") -> Life:
    """The same with another organization, signed, and with nothing that calls for the Board."""
    other = present.another(ref, "rainier-beach").to("scored").at("2025-08-20")
    other.do("choose-partner", organization=COLLEGE)
    other.do("set-outcomes")
    for who in ("principal", "staff", "applicant@example.org"):
        other.do("agree-outcomes", who)
    other.do("draft-agreement", starts_on=first, ends_on=last)
    for who in ("staff", "applicant@example.org"):
        other.at("2025-08-28").do("sign-agreement", who, signed_on="2025-08-28")
    return other.at("2025-09-03")


@pytest.mark.clause("4270.4")
def test_the_board_approves_a_successor_while_the_present_partner_serves(begin: Begin) -> None:
    present = begin("active")
    other = introduced(present)
    assert other.do("approve").record.state is State.ACTIVE
    assert present.state is State.ACTIVE
    for who in ("staff", "lead-partner"):
        other.do("sign-agreement", who, signed_on="2025-10-02")
    # Its duties count from its first day, and those of the present partner go on.
    assert other.due("meeting-due") == "2026-11-02 17:00"  # 1 November is a Sunday
    assert other.due("assessment-due") == "2026-11-02 17:00"
    assert other.due("annual-review-opens") == "2027-04-30 17:00"
    assert present.due("meeting-due") == "2025-11-03 17:00"
    assert present.due("assessment-due") == "2025-10-31 17:00"
    present.tick("2026-09-01 00:00")
    assert (present.state, other.state) == (State.TERMINATED, State.ACTIVE)
    assert present.faults() == []
    assert of_the_state(present.system, present.now) == []


@pytest.mark.clause("4270.4")
def test_staff_start_a_successor_that_begins_after_the_present_one_and_no_other(begin: Begin) -> None:
    present = begin("active")
    early = ready(present, first="2026-08-31")
    assert refusal(early, "activate") == ["no-other-lead-partner 4270.4"]
    early.do("draft-agreement", starts_on=FIRST, ends_on=LAST)
    for who in ("staff", "applicant@example.org"):
        early.do("sign-agreement", who, signed_on="2025-09-03")
    assert early.do("activate").record.state is State.ACTIVE
    assert early.faults() == []


@pytest.mark.clause("4270.4")
def test_the_present_agreement_is_not_extended_over_its_successor(begin: Begin) -> None:
    present = begin("active")
    other = ready(present, first="2026-10-01")
    other.do("activate")
    present.at("2025-09-03").do(
        "amend-agreement", ends_on="2026-09-01"
    )  # a day more, which waits for the Board
    present.do("withdraw-amendment")
    assert refusal(present, "amend-agreement", ends_on="2026-10-01") == ["ends-before-successor 4270.4"]
    for purpose in ("amendment", "renewal"):
        refused = refusal(present, "refer-to-board", purpose=purpose, ends_on="2026-12-31")
        assert refused == ["referral-ends-before-successor 4270.4"]
    # A successor that is ended before it begins is in force on no day, and cannot be taken up again afterwards.
    other.do("terminate", ground="mutual", effective_on="2026-10-01")
    present.do("refer-to-board", purpose="renewal", ends_on="2026-12-31")
    present.step(way("introduced", "referred")).at("2025-10-02").do("approve")
    assert refusal(other.at("2025-10-02"), "withdraw-termination") == ["goes-on-before-successor 4270.4"]
    assert present.faults() == []


@pytest.mark.clause("4270.4")
def test_the_board_renews_nothing_over_a_successor_that_was_started_meanwhile(begin: Begin) -> None:
    present = begin("active")
    present.do("refer-to-board", purpose="renewal", ends_on="2027-08-31")
    ready(present).do("activate")
    present.step(way("introduced", "referred"))
    assert refusal(present.at("2025-10-02"), "approve") == ["no-other-lead-partner 4270.4"]
    assert present.do("send-back").record.state is State.ACTIVE


@pytest.mark.clause("4270.4")
def test_the_board_approves_no_successor_that_begins_before_the_present_one_ends(begin: Begin) -> None:
    present = begin("active")
    other = introduced(present, first="2026-08-31")
    assert refusal(other, "approve") == ["no-other-lead-partner 4270.4"]
    # The present one ends earlier: what counts is the day on which it really ends.
    present.at("2025-10-02").do("terminate", ground="mutual", effective_on="2026-08-31")
    assert other.do("approve").record.state is State.ACTIVE
    assert refusal(present, "withdraw-termination") == ["goes-on-before-successor 4270.4"]
    assert present.faults() == []


@pytest.mark.clause("4270.4")
def test_no_correction_brings_two_agreements_onto_one_day(begin: Begin) -> None:
    present = begin("active")
    other = ready(present)
    other.do("activate")

    def correct(life: Life, **changes: str) -> list[str]:
        row = next(row for row in life.history() if row["event"] == "draft-agreement")
        values = json.loads(row["input"]) | changes
        return refusal(life, "correct-entry", "staff", seq=row["seq"], input=values, reason="mistyped")

    assert correct(other, starts_on="2026-08-31") == ["days-stay-apart 4270.4"]
    # The present one was started when there was no successor yet, so its own history allows the longer term.
    longer = correct(present.at("2025-09-03"), starts_on="2025-09-02", ends_on=FIRST)
    assert longer == ["days-stay-apart 4270.4"]


@pytest.mark.clause("4270.4")
def test_a_preview_of_a_correction_names_the_partnership_that_is_in_force_on_these_days(begin: Begin) -> None:
    other = ready(begin("active"))
    other.do("activate")
    row = next(row for row in other.history() if row["event"] == "draft-agreement")
    values = json.loads(row["input"]) | {"starts_on": "2026-08-31"}
    intent = other.intent("correct-entry", "staff", seq=row["seq"], input=values, reason="mistyped")
    with other.system.reading() as session, pytest.raises(Refused, match="in partnership rbhs-2025"):
        engine.decide(session, other.record, intent)


@pytest.mark.clause("4270.4")
def test_two_successors_that_are_started_at_the_same_moment_do_not_share_a_day(begin: Begin) -> None:
    present = begin("active")
    one, other = ready(present), ready(present, ref="rbhs-next")
    with present.system.reading() as session:
        # As if both had been judged before either was written.
        changes = [engine.decide(session, each.record, each.intent("activate")) for each in (one, other)]
    present.system.transact(lambda session: engine.write(session, changes[:1]))
    before = present.dump()
    with pytest.raises(Refused) as refused:
        present.system.transact(lambda session: engine.write(session, changes[1:]))
    assert unmet(refused) == ["no-other-lead-partner 4270.4"]
    assert present.dump() == before


@pytest.mark.clause("4270.9a", "4270.9c")
def test_plans_and_judged_terms_count_the_earlier_agreement_with_the_same_organization(begin: Begin) -> None:
    present = begin("active")
    other = present.another("rbhs-2026", "rainier-beach").to("agreed").at("2025-09-03")
    other.do("draft-agreement", amount_cents=1, starts_on=FIRST, ends_on=LAST)
    with other.system.reading() as session:
        judged = weighed.judge_terms(session, other.record, other.now)
        assert setting.needs_board(session, other.record, other.now)
    assert judged == ("$0.01, together with rbhs-2025 $250,000.00: the Board has to act, 4270.9a, 4270.9c")
    # The amount of one that ended early counts in full, and its term to the day on which it ended.
    present.do("terminate", ground="mutual", effective_on="2025-09-03")
    with other.system.reading() as session:
        after = weighed.judge_terms(session, other.record, other.now)
    assert after == "$0.01, together with rbhs-2025 $250,000.00: the Board has to act, 4270.9a, 4270.9c"


def test_an_agreement_that_ended_before_it_began_counts_with_no_other(begin: Begin) -> None:
    present = begin("active")
    ready(present).do("activate")
    other = Life(present.system, "rbhs-2026").at("2025-09-04")
    other.do("terminate", ground="mutual", effective_on="2025-10-10")
    other.tick("2025-10-10 00:00")
    assert other.state is State.TERMINATED
    assert weighed.share_of("rbhs-2026", other.facts) is None
