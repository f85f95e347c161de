"""The daemon behind a reverse proxy: who asks is whom the proxy names, and no others are believed."""

from __future__ import annotations

import http.client

import pytest

from tests.support.house import House, until

STRANGER = "203.0.113.9"


def behind(house: House, proxies: int, more: str = "") -> None:
    """Start a daemon that has so many proxies before it."""
    path = house.folder / "config.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[web]\n", f"[web]\nproxies = {proxies}\n{more}"), encoding="utf-8")
    house.start()
    until(house.healthy, "the daemon is well")


def asked(house: House, method: str, path: str, forwarded: str | None, body: str = "", **head: str) -> int:
    """The status of one request, with what proxies have put into its X-Forwarded-For."""
    line = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    if forwarded is not None:
        head["X-Forwarded-For"] = forwarded
    try:
        line.request(method, path, body, head)
        return line.getresponse().status
    finally:
        line.close()


@pytest.mark.promise("own-machine-only")
@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_what_is_for_this_machine_only_is_hidden_from_whom_a_proxy_serves(house: House, path: str) -> None:
    behind(house, 1)
    assert asked(house, "GET", path, None) == 200
    for forwarded in (STRANGER, f"127.0.0.1, {STRANGER}", "2001:db8::9", "unknown"):
        assert asked(house, "GET", path, forwarded) == 404, forwarded


def test_of_several_proxies_the_one_that_is_ours_names_who_asks(house: House) -> None:
    behind(house, 2)
    assert asked(house, "GET", "/metrics", f"127.0.0.1, {STRANGER}, 192.0.2.1") == 404
    assert asked(house, "GET", "/metrics", f"{STRANGER}, 127.0.0.1, 192.0.2.1") == 200


@pytest.mark.promise("own-machine-only")
def test_without_a_proxy_nobody_is_whom_they_say_they_are(house: House) -> None:
    behind(house, 0, "posts_per_minute = 2\n")
    for number in range(3):
        status = asked(house, "POST", "/calls/nothing", f"203.0.113.{number}")
        assert status == (404 if number < 2 else 429)


@pytest.mark.promise("limited-rate")
def test_behind_a_proxy_one_sender_that_is_held_up_does_not_hold_up_another(house: House) -> None:
    behind(house, 1, "posts_per_minute = 2\n")
    for number in range(3):
        status = asked(house, "POST", "/calls/nothing", STRANGER)
        assert status == (404 if number < 2 else 429)
    assert asked(house, "POST", "/calls/nothing", "203.0.113.10") == 404


@pytest.mark.promise("limited-size")
def test_what_is_far_too_large_is_not_even_taken_in(house: House) -> None:
    behind(house, 0, "upload_megabytes = 1\n")
    assert asked(house, "POST", "/a/x", None, **{"Content-Length": str(40_000_000)}) == 413
