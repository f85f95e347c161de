"""Use up a limit so that somebody else is silenced, refused or flooded."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.district import Begin
from tests.support.letters import answer, asked_for_needs, comes, got
from tests.support.visitor import Guest, Visitor
from tests.workflow.inbox.test_judge import DMARC, PASSED, ask
from tests.workflow.web.test_application import Applying
from workflow.actions import applications
from workflow.inbox import message
from workflow.web.limits import Limits, sender_of

CALL = "/calls/rbhs-2025"


@pytest.mark.promise("limits-only-the-sender")
def test_one_address_does_not_close_a_call_for_everybody(begin: Begin) -> None:
    life = begin("open", "[web]\nproxies = 1\nposts_per_minute = 10000\n")
    client = Visitor(life).client

    def asks(sender: str, email: str) -> int:
        return client.post(CALL, data={"email": email}, headers={"X-Forwarded-For": sender}).status_code

    statuses = [asks("203.0.113.7", f"n{n}@example.org") for n in range(250)]
    assert (statuses.count(303), statuses.count(429)) == (200, 50)
    assert asks("203.0.113.8", "true@example.org") == 303
    assert life.notices("apply-link")[-1]["to"] == "true@example.org"


@pytest.mark.promise("limits-only-the-sender")
@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:0DB8:0:0:ffff:1:2:3", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_address_is_counted_by_its_network(address: str, sender: str) -> None:
    assert sender_of(address) == sender


@pytest.mark.promise("limits-only-the-sender")
def test_all_addresses_of_a_network_are_one_sender() -> None:
    limits = Limits(5, lambda: 0.0)
    assert [limits.allow(f"2001:db8::{n:x}") for n in range(1, 9)] == [True] * 5 + [False] * 3
    assert limits.allow("2001:db8:0:1::1")


@pytest.mark.promise("limits-only-the-sender")
@pytest.mark.parametrize(
    "address",
    ["victim+{}@example.org", "{}", "Victim+{}@Example.org", "v.ictim+{}@gmail.com"],
    ids=["tags", "dots", "case", "all"],
)
def test_one_mailbox_is_not_flooded_by_ways_to_write_it(begin: Begin, address: str) -> None:
    life = begin("open")
    dots = ["v.ictim", "vi.ctim", "vic.tim", "vict.im", "victi.m", "v.i.ctim", "v.ic.tim", "v.i.c.t.i.m"]
    visitor = Guest(life)
    for n, local in enumerate(dots):
        given = f"{local}@gmail.com" if address == "{}" else address.format(n)
        assert visitor.post(CALL, email=given).status_code == 200
    assert len(life.notices("apply-link")) == 5
    assert visitor.post(CALL, email="other@example.org").status_code == 200
    assert len(life.notices("apply-link")) == 6


@pytest.mark.promise("limits-only-the-sender")
@pytest.mark.parametrize(
    ("written", "honest"),
    [
        (["j.anesmith", "ja.nesmith", "jan.esmith", "jane.smith", "janes.mith"], "janesmith@example.org"),
        ([f"janesmith+{n}" for n in range(6)], "janesmith@example.org"),
        ([f"jane.q.smith+{n}" for n in range(6)], "jane.q.smith@example.org"),
        ([f"janesmith+{n}" for n in range(6)], "janesmith@gmail.com"),
        (["j.a.nesmith", "j.an.esmith", "j.ane.smith", "ja.ne.smith", "ja.n.esmith"], "jane.smith@gmail.com"),
    ],
    ids=["dots", "tags", "tags and dots", "tags at Gmail", "dots at Gmail"],
)
def test_other_ways_to_write_an_address_do_not_keep_its_link(
    begin: Begin, written: list[str], honest: str
) -> None:
    life = begin("open")
    domain = honest.rpartition("@")[2]
    for local in written:
        Guest(life).post(CALL, email=f"{local}@{domain}")
    assert len(life.notices("apply-link")) == 5
    for _ in range(2):
        Guest(life).post(CALL, email=honest)
    assert [row["to"] for row in life.notices("apply-link")][5:] == [honest]


@pytest.mark.promise("limits-only-the-sender")
def test_forged_messages_do_not_silence_a_true_answer(begin: Begin) -> None:
    life = asked_for_needs(begin("needs", DMARC))
    asked = ask(life)
    failed = b"Authentication-Results: mx.example.org; dmarc=fail header.from=example.org\r\n"
    for number in range(message.BUSY + 5):
        assert comes(life, failed + answer(asked, f"agree {number}")).verdict == "refused"
    # Staff hear of the first ones. All are kept.
    assert len(life.notices("reply-doubtful")) == message.MOST_TOLD
    passed = f"Authentication-Results: {PASSED}\r\n".encode()
    assert comes(life, passed + answer(asked, "agree")).verdict == "done"


@pytest.mark.promise("limits-only-the-sender")
def test_messages_of_strangers_to_the_address_of_a_notice_do_not_silence_it(begin: Begin) -> None:
    life = asked_for_needs(begin("needs"))
    asked = ask(life)
    for number in range(message.BUSY + 5):
        forged = answer(asked, f"agree {number}", From=f"n{number}@example.org")
        assert comes(life, forged).verdict == "refused"
    assert comes(life, answer(asked, "agree")).verdict == "done"


@pytest.mark.promise("limits-only-the-sender")
def test_staff_hear_once_that_somebody_writes_too_often(begin: Begin) -> None:
    life = asked_for_needs(begin("needs"))
    asked = ask(life)
    for number in range(message.BUSY + 5):
        comes(life, answer(asked, f"message number {number}"))
    assert len(life.notices("reply-doubtful")) == 1


@pytest.mark.promise("limits-only-the-sender")
def test_staff_hear_once_a_day_that_a_call_gets_too_many_links(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applications, "MOST_ASKED", 3)
    life = begin("open")
    visitor = Guest(life)
    told = []
    for day in range(2):
        for number in range(6):
            assert visitor.post(CALL, email=f"n{number}@example.org").status_code == 200
            told.append(len(life.notices("call-limit")))
        life.now += timedelta(days=1, hours=2)
        assert day or life.told("call-limit") == ["staff"]
    assert told == [0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2]
    assert "example.org" not in str([row["extra"] for row in life.notices("call-limit")])


@pytest.mark.promise("limits-only-the-sender")
def test_staff_hear_once_that_an_address_sends_too_many_applications(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applications, "MOST_SENT", 2)
    life = begin("open")
    who = Applying(life)
    for number in range(5):
        who.send(diversity=f"try {number}")
    (notice,) = life.notices("call-limit")
    assert notice["to"] == "staff@example.org"
    content = got(life, "call-limit", "staff").as_string()
    assert "applications came" in content
    assert "new@example.org" not in content
