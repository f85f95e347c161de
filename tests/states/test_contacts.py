"""What the law lets the several contacts of a Lead Partner do, and which messages are for them (4270.4)."""

from __future__ import annotations

import pytest

from states.contacts import COVERS, HEARS, Right, covers, hears
from states.lifecycle import TABLE, faults_of
from states.names import Role

THEIRS = sorted({row.name for row in TABLE if Role.LEAD_PARTNER in row.who})
DUTIES = {f"record-{duty}" for duty in ("assessment", "gap", "meeting", "engagement", "responsibility")}
MAY = {
    Right.LEAD: set(THEIRS),
    Right.REPORTS: DUTIES | {"submit-report", "close-out", "attach-document", "correct-entry"},
    Right.FINANCE: {"attach-document", "correct-entry"},
}


@pytest.mark.promise("several-contacts")
@pytest.mark.clause("4270.4")
@pytest.mark.parametrize("right", Right)
def test_a_right_covers_these_events_of_the_lead_partner_and_no_other(right: Right) -> None:
    assert {event for event in THEIRS if covers({right}, event)} == MAY[right]


def test_nobody_without_the_right_lead_signs_agrees_or_speaks_for_the_terms() -> None:
    weighty = {"sign-agreement", "agree-outcomes", "set-outcomes", "ask-for-changes", "add-agreement"}
    assert weighty <= set(THEIRS)
    assert not any(covers({Right.REPORTS, Right.FINANCE}, event) for event in weighty)
    assert not any(covers((), event) for event in THEIRS)


@pytest.mark.parametrize(
    ("right", "event", "asked", "told"),
    [
        (Right.LEAD, "choose-partner", {"set-outcomes"}, True),
        (Right.LEAD, "approve", set(), False),
        (Right.LEAD, "schedule-item", {"attach-document"}, False),
        (Right.REPORTS, None, {"submit-report"}, True),
        (Right.REPORTS, None, {"sign-agreement"}, False),
        (Right.REPORTS, "draft-agreement", {"sign-agreement"}, False),
        (Right.FINANCE, None, {"sign-agreement"}, True),
        (Right.FINANCE, "approve", set(), True),
        (Right.FINANCE, None, {"close-out"}, True),
        (Right.FINANCE, "open-annual-review", {"submit-report"}, False),
    ],
)
def test_a_message_is_for_those_whose_right_it_concerns(
    right: Right, event: str | None, asked: set[str], told: bool
) -> None:
    assert hears({right}, event, asked) is told


def test_the_right_lead_needs_no_list_and_every_other_right_has_both() -> None:
    assert set(COVERS) == set(HEARS) == set(Right) - {Right.LEAD}


def test_a_right_for_what_is_not_for_the_lead_partner_is_a_fault_of_the_table() -> None:
    found = faults_of([row for row in TABLE if row.name != "close-out"])
    assert "the right reports covers close-out, which is not for the Lead Partner to do" in found
    assert "the right finance hears of an event that does not exist: close-out" in found
