"""What a link says only we can have written, for one purpose, and not for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.links import Expired, Forged, Links, parse_notice_number

OLD, NEW, OTHER = "o" * 40, "n" * 40, "x" * 40
DAY = timedelta(days=1)
SAID = {"n": 12, "e": "agree-needs", "p": "principal@example.org"}


def test_a_token_says_what_was_signed() -> None:
    links = Links([NEW])
    assert links.read("act", links.sign("act", SAID), DAY) == SAID


@pytest.mark.promise("signed-links")
def test_a_token_is_good_for_one_purpose_only() -> None:
    links = Links([NEW])
    with pytest.raises(Forged):
        links.read("feed", links.sign("act", SAID), DAY)


@pytest.mark.promise("signed-links")
@settings(deadline=None)
@given(st.data())
def test_a_token_that_is_altered_anywhere_is_refused(data: st.DataObject) -> None:
    links = Links([NEW])
    token = links.sign("act", SAID)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("abcXYZ019-_.").filter(lambda letter: letter != token[at]))
    altered = token[:at] + other + token[at + 1 :]
    try:
        said = links.read("act", altered, DAY)
    except Forged:
        return
    # The last letter of base 64 has bits that mean nothing; then it says the very same.
    assert said == SAID


@pytest.mark.parametrize("token", ["", ".", "a.b.c", "é", "a" * 5000, "..", "eyJuIjoxfQ.x.y"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Forged):
        Links([NEW]).read("act", token, DAY)


def test_a_key_of_somebody_else_signs_nothing_here() -> None:
    with pytest.raises(Forged):
        Links([NEW]).read("act", Links([OTHER]).sign("act", SAID), DAY)


def test_keys_can_be_changed_while_links_are_out() -> None:
    token = Links([OLD]).sign("act", SAID)
    assert Links([OLD, NEW]).read("act", token, DAY) == SAID
    assert Links([NEW]).read("act", Links([OLD, NEW]).sign("act", SAID), DAY) == SAID  # the newest signs
    with pytest.raises(Forged):
        Links([NEW]).read("act", token, DAY)  # the old one is gone, and with it every link it signed


def test_an_old_token_is_told_from_a_forged_one_and_still_says_what_it_was_for() -> None:
    links = Links([NEW])
    with freeze_time("2026-01-01 12:00:00"):
        token = links.sign("act", SAID)
    with freeze_time("2026-01-02 12:00:00"):
        assert links.read("act", token, DAY) == SAID
    with freeze_time("2026-01-02 12:00:01"), pytest.raises(Expired) as expired:
        links.read("act", token, DAY)
    assert expired.value.claims == SAID
    assert expired.value.signed_at.isoformat() == "2026-01-01T12:00:00+00:00"


@pytest.mark.parametrize(("keys", "problem"), [([], "there is no key"), ([NEW, "short"], "key 2 is shorter")])
def test_weak_keys_are_refused(keys: list[str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Links(keys)


@pytest.mark.promise("keys-change")
def test_keys_are_never_shown() -> None:
    assert NEW not in repr(Links([NEW]))


def test_an_answer_is_known_by_the_address_it_goes_to() -> None:
    links = Links([NEW])
    address = links.reply_address("partnerships@example.org", 12, "principal@example.org")
    local, _, domain = address.partition("@")
    assert domain == "example.org"
    assert local.startswith("partnerships+12-")
    assert len(local) <= 64  # RFC 5321, 4.5.3.1.1
    assert links.match_reply(local, "principal@example.org") == 12
    assert links.match_reply(local.upper(), "Principal@Example.org") == 12  # mail servers may change the case
    assert Links([OTHER, NEW]).match_reply(local, "principal@example.org") == 12
    assert links.match_reply(local, "staff@example.org") is None
    assert links.match_reply(local.replace("+12-", "+13-"), "principal@example.org") is None
    assert Links([OTHER]).match_reply(local, "principal@example.org") is None
    assert parse_notice_number(local) == 12
    assert parse_notice_number("partnerships") is None
