"""Addresses that are valid at the first look are the same at a closer one."""

from __future__ import annotations

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from notifications import addresses as headers
from states import addresses

PLAIN = ("staff@example.org", "mary.o_neil@mail.seattle-schools.k12.wa.us", "a@b.co")


@pytest.mark.parametrize("address", PLAIN)
def test_a_usual_address_is_plain(address: str) -> None:
    assert addresses.is_plain(address)


@pytest.mark.parametrize(
    "address",
    ["Staff@example.org", "a..b@example.org", "a@xn--bcher-kva.example", "a@host.local", "a@printer.arpa", "a@host",
     "a@example.org.", "a@-b.org", "é@example.org", "a b@example.org", "a@example.org\n", '"a"@example.org'],
)  # fmt: skip
def test_any_other_gets_a_closer_look(address: str) -> None:
    assert not addresses.is_plain(address)


@given(st.from_regex(addresses._PLAIN, fullmatch=True))
def test_a_plain_address_is_valid_as_it_is(address: str) -> None:
    valid = validate_email(address, check_deliverability=False, test_environment=True)
    assert valid.normalized.lower() == address == f"{valid.local_part}@{valid.ascii_domain}"


def test_headers_and_inputs_find_the_same_addresses_plain() -> None:
    assert headers._PLAIN == addresses._PLAIN
