"""What `trigger REF correct-entry` says of what a correction changes, before and after it is made."""

from __future__ import annotations

from tests.workflow.admin.conftest import Sit


def test_a_dry_run_of_a_correction_says_what_would_change_and_changes_nothing(sit: Sit) -> None:
    desk = sit("open")
    before = desk.life.dump()
    panel = '["reviewer-1@example.org", "reviewer-2@example.org", "reviewer-3@example.org"]'
    given = f'input={{"closes_on": "2025-08-20", "reviewers": {panel}}}'
    words = ("--set=seq=5", "--set", given, "--set=reason=typed")
    answer = desk.trigger("correct-entry", *words, "--dry-run")
    assert answer.status == 0
    changes = answer.json["changes"]
    assert [each["fact"] for each in changes["facts"]] == ["selection.closes_at"]
    moved = {each["name"]: (each["before"][:10], each["after"][:10]) for each in changes["deadlines"]}
    assert moved["applications-close"] == ("2025-08-15", "2025-08-20")
    assert {"to": "reviewer-1@example.org", "role": "reviewer"} in changes["told"]
    assert desk.life.dump() == before
