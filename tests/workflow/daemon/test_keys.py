"""The keys of links are changed while the daemon runs: first a new one is added, later the oldest is taken out."""

from __future__ import annotations

import signal

import pytest

from notifications.links import Links
from tests.support.house import House, until

OLD, NEW = "k" * 48, "n" * 48


def opens(house: House, key: str) -> bool:
    """Whether a calendar's address that was signed with this key opens."""
    token = Links([key]).sign("feed", {"p": "staff@example.org", "g": 0})
    return house.page(f"/feed/{token}.ics")[0] == 200


def reload(house: House, keys: list[str]) -> None:
    loaded = len(house.logged("configuration loaded"))
    (house.folder / "keys").write_text("".join(f"{key}\n" for key in keys), encoding="ascii")
    house.signal(signal.SIGHUP)
    until(lambda: len(house.logged("configuration loaded")) > loaded, "the reload")


@pytest.mark.promise("keys-change")
def test_a_new_key_is_taken_up_and_the_old_one_reads_until_it_is_taken_out(house: House) -> None:
    house.start()
    until(house.healthy, "the daemon is well")
    assert (opens(house, OLD), opens(house, NEW)) == (True, False)
    reload(house, [OLD, NEW])
    assert (opens(house, OLD), opens(house, NEW)) == (True, True)
    reload(house, [NEW])
    assert (opens(house, OLD), opens(house, NEW)) == (False, True)


@pytest.mark.promise("keys-change")
def test_keys_that_cannot_be_used_are_refused_and_the_old_ones_stay(house: House) -> None:
    house.start()
    until(house.healthy, "the daemon is well")
    (house.folder / "keys").write_text("too short\n", encoding="ascii")
    house.signal(signal.SIGHUP)
    (refused,) = until(lambda: house.logged("configuration refused"), "the refusal")
    assert refused["at"].startswith("web.keys_file")
    assert opens(house, OLD)


def test_a_daemon_without_keys_does_not_start_and_says_what_makes_them(house: House) -> None:
    (house.folder / "keys").unlink()
    house.start()
    assert house.ended() == 5
    said = house.log_file.read_text(encoding="utf-8")
    assert "web.keys_file" in said
    assert "partnershipctl init" in said
