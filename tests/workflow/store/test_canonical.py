"""What the chains hash is canonical JSON, whatever writes it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.store import chain
from workflow.store.column_types import canonical, canonical_text, utc_text
from workflow.store.commitments import hash_of
from workflow.store.rows import DeadlineStatus

_ROW = {
    "partnership": 7,
    "name": 'a "quoted" ladder, déjà vu\u2028\\',
    "ladder": datetime(2026, 1, 31, 17, tzinfo=timezone(-timedelta(hours=8))),
    "rung": -1,
    "status": DeadlineStatus.OPEN,
    "due_at": datetime(2026, 2, 1, 1, tzinfo=UTC),
    "done_at": None,
}


@given(st.text())
def test_a_text_is_written_as_the_encoder_writes_it(text: str) -> None:
    assert canonical_text(text) == canonical(text)


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=5, minutes=45)))))
def test_an_instant_reads_the_same_in_any_zone(instant: datetime) -> None:
    wanted = instant.astimezone(UTC).isoformat(timespec="microseconds")
    assert utc_text(instant) == utc_text(instant.astimezone(UTC)) == wanted


@given(st.lists(st.one_of(st.text(), st.integers(), st.none())), st.lists(st.text()))
def test_a_row_is_hashed_as_one_list_in_json(columns: list[Any], digests: list[str]) -> None:
    text = json.dumps([*columns, *digests], ensure_ascii=False)
    # A lone surrogate has no bytes, so no row can hold one.
    if text.isprintable():
        assert hash_of(columns, digests) == hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_of_a_row_covers_its_canonical_json() -> None:
    covered = canonical({"status": "open", "due_at": "2026-02-01T01:00:00.000000+00:00"})
    assert chain.digest_of(chain.PROTECTED["deadlines"], _ROW) == hashlib.sha256(covered.encode()).hexdigest()


def test_the_key_of_a_row_is_a_list_of_its_values() -> None:
    wanted = canonical([7, _ROW["name"], "2026-02-01T01:00:00.000000+00:00", -1])
    assert chain.key_of(chain.PROTECTED["deadlines"], _ROW) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (True, "true"),
        (3, "3"),
        (date(2026, 1, 31), '"2026-01-31"'),
        (b"%PDF", f'"{hashlib.sha256(b"%PDF").hexdigest()}"'),
    ],
)
def test_each_kind_of_value_has_one_form(value: object, wanted: str) -> None:
    assert chain.text_of([value]) == f"[{wanted}]"
