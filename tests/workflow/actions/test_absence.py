"""Away with a delegate: who may act from which message, who gets a receipt, and both names on record."""

from __future__ import annotations

from datetime import date, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from tests.support.district import Begin, Life
from tests.workflow.outbox.test_delivery import Post, deliver
from workflow import links
from workflow.actions.action import Action, LinkClosed, act, find_action, send_again
from workflow.store.rows import Channel, HistoryEntry
from workflow.views import documents

EVENT = "agree-needs"


def away(life: Life, name: str, delegate: str, until: str = "2025-08-01") -> None:
    life.person(name, away_until=date.fromisoformat(until), delegate=f"{delegate}@example.org")


def asked(begin: Begin) -> Life:
    """The principal is away until 1 August, the superintendent stands in, and the needs are to be agreed to."""
    life = begin("needs")
    away(life, "principal", "superintendent")
    life.do("describe-needs")
    return life


def claim_of(life: Life, to: str, event: str = EVENT) -> links.Claim:
    with life.system.reading() as session:
        (row,) = [
            row for row in session.connection.exec_driver_sql("SELECT * FROM notices ORDER BY id")
            if row.to == f"{to}@example.org" and row.template == "describe-needs" and row.role == "principal"
        ]  # fmt: skip
        return links.claim_of(row, life.ref, event, life.facts)


def find(life: Life, claim: links.Claim) -> Action:
    with life.system.reading() as session:
        return find_action(session, claim, life.now)


def do(life: Life, claim: links.Claim) -> Any:
    def work(session: Any) -> Any:
        asked = find_action(session, claim, life.now)
        return act(session, asked, {}, channel=Channel.LINK, form="f", now=life.now)

    return life.system.transact(work)


def receipts(life: Life) -> dict[str, str]:
    """The words of each receipt, by whom it went to."""
    post = Post()
    deliver(life, post)
    found = {}
    for to, content, _ in post.given:
        message = message_from_bytes(content, policy=default)
        if message["Subject"].startswith("Recorded: "):
            text = message.get_body(("plain",)).get_content()
            found[to.removesuffix("@example.org")] = " ".join(text.split())
    return found


@pytest.mark.promise("standing-in-ends")
def test_a_delegate_acts_for_the_absent_person_and_both_names_are_on_record(begin: Begin) -> None:
    life = asked(begin)
    claim = claim_of(life, "superintendent")
    ask = find(life, claim)
    assert (ask.actor, ask.through, ask.reader) == (
        "principal@example.org", "superintendent@example.org", "superintendent@example.org",
    )  # fmt: skip
    do(life, claim)
    last = life.history()[-1]
    assert (last["actor"], last["ran_by"], last["role"]) == (
        "principal@example.org", "superintendent@example.org", "principal",
    )  # fmt: skip
    with life.system.reading() as session:
        shown = documents.entry(session, HistoryEntry(**last))
    assert (shown["actor"], shown["ran_by"], shown["through"]) == (
        "principal@example.org", "superintendent@example.org", "Superintendent",
    )  # fmt: skip
    assert life.facts.needs.signatures["school"].by == "principal@example.org"
    assert life.faults() == []


def test_both_get_a_receipt_that_reads_well_for_each(begin: Begin) -> None:
    life = asked(begin)
    deliver(life, Post())
    do(life, claim_of(life, "superintendent"))
    found = receipts(life)
    assert found.keys() == {"principal", "superintendent"}
    assert "While you are away, Superintendent acted for you on" in found["principal"]
    assert "We have recorded what you sent for Principal on" in found["superintendent"]
    assert "For Principal, who is away." in found["superintendent"]


def test_the_page_of_a_delegates_receipt_opens(begin: Begin) -> None:
    life = asked(begin)
    do(life, claim_of(life, "superintendent"))
    rows = life.notices("receipt")
    assert {(row["to"], row["delegate_for"]) for row in rows} == {
        ("principal@example.org", None), ("superintendent@example.org", "principal@example.org"),
    }  # fmt: skip
    for row in rows:
        claim = links.Claim(row["id"], "", row["to"], life.ref)
        assert find(life, claim).row is None


def test_who_acts_in_person_gets_one_receipt(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    deliver(life, Post())
    do(life, claim_of(life, "principal"))
    found = receipts(life)
    assert found.keys() == {"principal"}
    assert "We have recorded what you sent on" in found["principal"]
    assert life.history()[-1]["ran_by"] is None


@pytest.mark.promise("standing-in-ends")
def test_a_delegates_link_works_on_the_last_day_away_and_not_on_the_next(begin: Begin) -> None:
    life = asked(begin)
    claim = claim_of(life, "superintendent")
    assert find(life.at("2025-08-01 23:59"), claim)
    with pytest.raises(LinkClosed, match="You no longer stand in for Principal") as closed:
        find(life.at("2025-08-02 00:01"), claim)
    assert closed.value.how == "revoked"


@pytest.mark.promise("standing-in-ends")
def test_a_delegates_link_ends_when_another_is_named(begin: Begin) -> None:
    life = asked(begin)
    claim = claim_of(life, "superintendent")
    away(life, "principal", "staff")
    with pytest.raises(LinkClosed, match="You no longer stand in"):
        find(life, claim)


def test_what_the_person_was_asked_before_leaving_stays_theirs(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs")
    away(life, "principal", "superintendent")
    ask = find(life, claim_of(life, "principal"))
    assert (ask.actor, ask.through) == ("principal@example.org", None)


def test_a_delegate_who_is_away_too_hands_on_and_the_last_one_acts(begin: Begin) -> None:
    life = begin("needs")
    away(life, "principal", "superintendent")
    away(life, "superintendent", "board-office", until="2025-07-20")
    life.do("describe-needs")
    claim = claim_of(life, "board-office")
    assert find(life, claim).through == "board-office@example.org"
    with pytest.raises(LinkClosed, match="You no longer stand in for Principal"):
        find(life.at("2025-07-21"), claim)


@pytest.mark.parametrize("left", ["gone", "inactive"])
def test_a_delegate_who_has_left_gets_nothing_and_the_person_is_told_after_all(
    begin: Begin, left: str
) -> None:
    life = begin("needs")
    life.person("deputy")
    away(life, "principal", "deputy")
    if left == "gone":
        life.run("DELETE FROM people WHERE email = 'deputy@example.org'")
        life.person("staff", organization="city-college")
    else:
        life.person("deputy", active=False)
    life.do("describe-needs")
    assert life.told("describe-needs") == ["principal", "staff"]


def test_a_delegates_own_notice_is_not_lost(begin: Begin) -> None:
    life = begin("needs")
    away(life, "principal", "staff")
    life.do("describe-needs")
    rows = {(row["to"], row["role"], row["delegate_for"]) for row in life.notices("describe-needs")}
    assert rows == {
        ("staff@example.org", "principal", "principal@example.org"),
        ("staff@example.org", "staff", None),
    }


def test_a_fresh_message_for_a_delegate_is_the_delegates(begin: Begin) -> None:
    life = asked(begin)
    claim = claim_of(life, "superintendent")
    life.now += timedelta(minutes=10)
    assert life.system.transact(lambda session: send_again(session, claim, life.now))
    (row,) = life.notices("fresh-link")
    assert (row["to"], row["delegate_for"]) == ("superintendent@example.org", "principal@example.org")
