"""The commands ask about a call without naming anybody, and answer."""

from __future__ import annotations

from tests.support.desk import STAFF
from tests.workflow.admin.conftest import Sit

TEXT = "May two organizations apply together?"


def test_a_command_asks_without_naming_anybody_and_staff_answer(sit: Sit) -> None:
    desk = sit("open")
    document = desk.trigger("ask-question", "--as", "asker@example.org", "--set", f"text={TEXT}").json
    assert (document["actor"], document["role"]) == ("public", "public")
    refused = desk.trigger("answer-question", *STAFF, "--set", "question=2", "--set", "text=No")
    assert refused.status != 0
    assert "the questions have the numbers 1 to 1" in refused.out
    assert desk.trigger("answer-question", *STAFF, "--set", "question=1", "--set", "text=Yes").status == 0
    principal = ("--as", "principal@example.org")
    assert desk.trigger("answer-question", *principal, "--set", "question=1", "--set", "text=No").status != 0
    assert "asker@example.org" not in str(desk.life.history())
