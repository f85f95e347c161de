"""What is done from a message is done once, by whom it was asked, and only while it still makes sense."""

from __future__ import annotations

import threading
from datetime import UTC, date
from typing import Any

import pytest

from notifications.links import Forged
from states.errors import Refused
from tests.support.district import Begin, Life
from tests.support.facts import REVIEWERS, SAMPLES
from workflow import links
from workflow.actions.action import (
    LinkClosed,
    act,
    find_action,
    is_since,
    notice_of,
    send_again,
)
from workflow.actions.answers import last_done, was_used
from workflow.links import Claim
from workflow.session import Session
from workflow.store import tables
from workflow.views import visible_history


def claim(life: Life, event: str, to: str, template: str | None = None) -> Claim:
    """The claim in the latest message that went to somebody."""
    rows = [row for row in life.notices(template) if row["to"] == f"{to}@example.org"]
    with life.system.reading() as session:
        query = tables.notices.select().where(tables.notices.c.id == rows[-1]["id"])
        row = session.connection.execute(query).one()
    return links.claim_of(row, life.ref, event, life.facts)


def answer(life: Life, of: Claim, values: Any = None, form: str = "form-1", **options: Any) -> Any:
    """Send the answer that a claim allows."""
    now = life.now.astimezone(UTC)
    given = SAMPLES.get(of.event, {}) if values is None else values

    def work(session: Session) -> Any:
        ask = find_action(session, of, now)
        return act(session, ask, given, channel="link", form=form, now=now, **options)

    return life.system.transact(work)


def closed(life: Life, of: Claim) -> tuple[str, str]:
    """How a claim has ended, and why."""
    with pytest.raises(LinkClosed) as ended, life.system.reading() as session:
        find_action(session, of, life.now.astimezone(UTC))
    return ended.value.how, ended.value.why


def events(life: Life) -> list[str]:
    return [row["event"] for row in life.history()]


@pytest.mark.promise("done-once")
def test_an_answer_is_recorded_as_the_persons_own_and_has_a_receipt(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "staff")
    change = answer(life, claim(life, "agree-needs", "principal"))
    assert (change.entry["actor"], change.entry["role"], change.entry["channel"]) == (
        "principal@example.org", "principal", "link",
    )  # fmt: skip
    assert life.facts.needs.signatures.keys() == {"school"}
    (receipt,) = life.notices("receipt")
    assert (receipt["to"], receipt["seq"]) == ("principal@example.org", change.record.version)
    assert life.faults() == []


def test_what_was_done_from_a_message_cannot_be_done_from_it_again(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "staff")
    of = claim(life, "agree-needs", "principal")
    answer(life, of)
    assert closed(life, of)[0] == "used"
    with life.system.reading() as session:
        assert was_used(session, of)
        (done,) = last_done(session, of)
    assert (done.actor, done.channel, done.seq) == ("principal@example.org", "link", life.record.version)


@pytest.mark.promise("done-once")
def test_a_form_sent_a_hundred_times_at_once_acts_once(begin: Begin) -> None:
    life = begin("active")
    of = claim(life, "record-meeting", "lead-partner")
    start, ended = threading.Barrier(100), []

    def send() -> None:
        start.wait()
        try:
            ended.append(answer(life, of, {"on": "2025-09-02", "summary": "met", "evidence": "minutes"}))
        except LinkClosed as too_late:
            ended.append(too_late.how)

    threads = [threading.Thread(target=send) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended.count("used") == 99
    assert events(life).count("record-meeting") == 1


def test_what_adds_to_the_record_can_be_done_from_one_message_several_times(begin: Begin) -> None:
    life = begin("active")
    of = claim(life, "record-meeting", "lead-partner")
    given = {"on": "2025-09-02", "summary": "met", "evidence": "minutes"}
    answer(life, of, given, form="one")
    answer(life, of, given, form="two")
    with pytest.raises(LinkClosed):
        answer(life, of, given, form="two")
    assert events(life).count("record-meeting") == 2


def test_what_was_changed_since_has_to_be_read_again(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "staff")
    of = claim(life, "agree-needs", "principal", "describe-needs")
    life.at("2025-07-08").do("describe-needs", "staff", needs=["something else"])
    assert closed(life, of) == ("overtaken", "What you were asked to agree to has been changed since.")
    answer(life, claim(life, "agree-needs", "principal", "describe-needs"))
    with life.system.reading() as session:
        notice, record = notice_of(session, of)
        rows = visible_history.history_rows(session, record)
        meanwhile = [row.event for row in rows if is_since(notice, row)]
    assert meanwhile == ["describe-needs", "agree-needs"]


def test_what_others_have_done_is_not_asked_for_any_more(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "staff")
    of = claim(life, "agree-needs", "principal")
    life.do("agree-needs", "principal")
    assert closed(life, of) == ("overtaken", "It is not waited for any more.")
    life.do("withdraw")
    assert closed(life, of) == ("overtaken", "The partnership is in terminated by now.")


@pytest.mark.promise("rights-looked-up-again")
def test_who_has_the_role_no_more_has_no_right_any_more(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "staff")
    of = claim(life, "agree-needs", "principal")
    life.person("principal", roles=["reviewer"], schools=[])
    assert closed(life, of) == ("revoked", "You no longer have the role in which this was asked of you.")


def test_the_office_can_withdraw_a_message(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "staff")
    of = claim(life, "agree-needs", "principal")
    life.run("UPDATE notices SET revoked_at = queued_at WHERE id = :id", id=of.notice)
    assert closed(life, of) == ("revoked", "The office has withdrawn this message.")
    with pytest.raises(LinkClosed), life.system.reading() as session:
        send_again(session, of, life.now.astimezone(UTC))


@pytest.mark.parametrize(
    "forged",
    [
        {"notice": 10_000},
        {"person": "staff@example.org"},
        {"ref": "another"},
    ],
)
def test_a_claim_of_another_notice_person_or_partnership_is_none(
    begin: Begin, forged: dict[str, Any]
) -> None:
    life = begin("needs")
    life.do("describe-needs", "staff")
    of = claim(life, "agree-needs", "principal")
    values = {"notice": of.notice, "event": of.event, "person": of.person, "ref": of.ref, "read": of.read}
    with pytest.raises(Forged), life.system.reading() as session:
        find_action(session, Claim(**values | forged), life.now.astimezone(UTC))


def test_a_refused_answer_leaves_everything_as_it_was_and_the_link_usable(begin: Begin) -> None:
    life = begin("closed")
    of = claim(life, "score-application", REVIEWERS[0].partition("@")[0])
    life.at("2025-08-18")
    before = life.dump()
    with pytest.raises(Refused):
        answer(life, of, SAMPLES["score-application"] | {"organization": "good-works"})
    assert life.dump() == before
    assert answer(life, of).entry["event"] == "score-application"


def away(life: Life, until: date) -> None:
    life.person("principal", away_until=until, delegate="franklin-principal@example.org")


def test_who_stands_in_acts_for_the_absent_and_both_are_on_record(begin: Begin) -> None:
    life = begin("needs")
    away(life, date(2025, 7, 31))
    life.do("describe-needs", "staff")
    of = claim(life, "agree-needs", "franklin-principal")
    change = answer(life, of)
    assert (change.entry["actor"], change.entry["ran_by"]) == (
        "principal@example.org", "franklin-principal@example.org",
    )  # fmt: skip
    assert life.told("receipt") == ["franklin-principal", "principal"]
    assert life.facts.needs.signatures.keys() == {"school"}


def test_who_is_back_needs_nobody_to_stand_in(begin: Begin) -> None:
    life = begin("needs")
    away(life, date(2025, 7, 10))
    life.do("describe-needs", "staff")
    of = claim(life, "agree-needs", "franklin-principal")
    life.at("2025-07-11")
    assert closed(life, of) == ("revoked", "You no longer stand in for Principal.")


def test_a_fresh_message_goes_to_the_address_on_record_once_in_a_while(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "staff")
    of = claim(life, "agree-needs", "principal")

    def again() -> int | None:
        return life.system.transact(lambda s: send_again(s, of, life.now.astimezone(UTC)))

    fresh = again()
    assert fresh is not None
    assert again() is None
    assert life.told("fresh-link") == ["principal"]
    life.at("2025-07-07 09:06")
    assert again() is not None
    answer(life, claim(life, "agree-needs", "principal", "fresh-link"))
    assert life.facts.needs.signatures.keys() == {"school"}
