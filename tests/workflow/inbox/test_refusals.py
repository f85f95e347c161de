"""An answer that the law refuses, or that comes too late, does nothing: the person is told why."""

from __future__ import annotations

import json

import pytest

from states.names import State
from tests.support.district import Life
from tests.support.letters import answer, comes, delivered, got, untouched
from tests.workflow.inbox.test_judge import PARTNER, ask
from workflow.actions.action import act, find_action
from workflow.links import Claim


@pytest.mark.promise("signature-is-meant")
@pytest.mark.parametrize(
    "below",
    ["", "Somebody Else", f"{PARTNER}\r\nbut only from October on", f"If the amount is right, {PARTNER}"],
    ids=["no-name", "another-name", "a-condition", "a-condition-first"],
)
def test_the_word_alone_or_with_a_condition_is_no_signature(begin, below):
    life = begin("drafted")
    life.at("2025-08-28").do("sign-agreement", "staff")
    asked = got(life, "sign-agreement", "lead-partner")
    with untouched(life):
        assert comes(life, answer(asked, f"sign\r\n\r\n{below}")).verdict == "refused"
    words = " ".join(refusal(life, "lead-partner").split())
    assert f"Write it in full on the line below “sign”: {PARTNER}." in words
    assert "/a/" in refusal(life, "lead-partner")


def refusal(life: Life, to: str = "principal") -> str:
    return got(life, "reply-refused", to).get_body(("plain",)).get_content()


def test_a_no_without_a_reason_is_refused_and_says_what_is_missing(needs):
    with untouched(needs):
        judged = comes(needs, answer(ask(needs), "no"))
    assert judged.verdict == "refused"
    assert "your reasons are missing" in " ".join(refusal(needs).split())
    assert "/a/" in refusal(needs)
    assert (
        comes(needs, answer(got(needs, "reply-refused", "principal"), "no\r\n\r\nToo early.")).verdict
        == "done"
    )


def test_what_the_law_refuses_is_explained_with_its_clause(begin):
    life = begin("reported")
    life.do("give-finding", "staff", impact=True)
    life.do("give-finding", "principal", impact=False)
    asked = got(life, "give-finding", "staff")
    with untouched(life):
        assert comes(life, answer(asked, "continue")).verdict == "refused"
    assert "4270.12" in refusal(life, "staff")
    plan = answer(got(life, "reply-refused", "staff"), "continue\r\n\r\nMeet every month.")
    assert comes(life, plan).verdict == "done"


def test_a_statement_that_was_changed_since_has_to_be_read_again(needs):
    old = ask(needs)
    needs.at("2025-07-08").do("describe-needs", "staff")
    with untouched(needs):
        judged = comes(needs, answer(old, "agree"))
    assert judged.verdict == "refused"
    assert "changed since" in refusal(needs)


def test_a_message_counts_for_the_text_that_it_shows_not_for_that_of_when_it_was_queued(begin):
    life = begin("needs")
    life.do("describe-needs")
    life.at("2025-07-08").do("describe-needs", "staff")
    delivered(life)
    first = next(row for row in life.notices("describe-needs") if row["to"] == "staff@example.org")
    assert json.loads(first["shown"])["agree-needs"] == str(life.facts.needs.described_at)


def test_what_was_done_by_a_link_before_is_not_done_again(needs):
    asked = ask(needs)
    row = next(row for row in needs.notices("describe-needs") if row["to"] == "principal@example.org")
    claim = Claim(row["id"], "agree-needs", row["to"], needs.ref, json.loads(row["shown"])["agree-needs"])
    needs.system.transact(
        lambda s: act(s, find_action(s, claim, needs.now), {}, channel="link", form="f", now=needs.now)
    )
    with untouched(needs):
        assert comes(needs, answer(asked, "agree")).verdict == "refused"
    assert "done already" in refusal(needs)


def test_a_message_older_than_its_links_is_too_old_to_answer(needs):
    asked = ask(needs)
    needs.at("2025-09-10")
    with untouched(needs):
        assert comes(needs, answer(asked, "agree")).verdict == "refused"
    assert "too old" in refusal(needs)


def test_a_partnership_that_has_moved_on_is_left_alone(needs):
    asked = ask(needs)
    needs.do("withdraw", "staff")
    with untouched(needs):
        assert comes(needs, answer(asked, "agree")).verdict == "refused"
    assert needs.state is State.TERMINATED


def test_a_message_that_the_office_has_withdrawn_does_nothing(needs):
    asked = ask(needs)
    needs.set_up("UPDATE notices SET revoked_at = '2025-07-07 12:00:00'")
    with untouched(needs):
        assert comes(needs, answer(asked, "agree")).verdict == "refused"
