"""Instants and JSON are stored as one text each, however they were given."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.dialects import sqlite

from workflow.store.column_types import Instant, canonical

STORED = "2026-03-01 20:00:00.000250"
NOON = datetime(2026, 3, 1, 12, microsecond=250, tzinfo=ZoneInfo("America/Los_Angeles"))
IN_UTC = datetime(2026, 3, 1, 20, microsecond=250, tzinfo=UTC)
IN_A_ZONE_LIKE_UTC = IN_UTC.astimezone(ZoneInfo("Etc/UTC"))


@pytest.mark.parametrize("instant", [NOON, IN_UTC, IN_A_ZONE_LIKE_UTC])
def test_an_instant_is_one_text_in_every_zone(instant: datetime) -> None:
    write = Instant().bind_processor(sqlite.dialect())
    assert write(instant) == STORED


def test_an_instant_on_a_whole_second_keeps_its_digits() -> None:
    write = Instant().bind_processor(sqlite.dialect())
    assert write(datetime(2026, 3, 1, 20, tzinfo=UTC)) == "2026-03-01 20:00:00.000000"


def test_an_instant_without_a_zone_is_refused() -> None:
    write = Instant().bind_processor(sqlite.dialect())
    with pytest.raises(ValueError, match="has no time zone"):
        write(datetime(2026, 3, 1, 20))


def test_json_has_one_form() -> None:
    assert canonical({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'


def test_json_refuses_what_is_not_a_number() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
