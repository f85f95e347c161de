"""Lists the decisions of a partnership for the pages of its dossier: who decided what, why, by which votes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflow.publishing.dossier_page import Page
from workflow.publishing.dossier_parts import Row

# What a reader wants to find among all entries, and the values that say what was decided.
DECISIONS: dict[str, tuple[str, ...]] = {
    "choose-partner": ("organization",),
    "answer-protest": ("organization", "text"),
    "restart": (),
    "draft-agreement": ("amount_cents", "starts_on", "ends_on"),
    "refer-to-board": ("purpose", "amount_cents", "ends_on"),
    "approve": (),
    "send-back": (),
    "recall-item": (),
    "amend-agreement": ("amount_cents", "ends_on", "terms"),
    "withdraw-amendment": (),
    "give-finding": ("impact",),
    "continue": ("improvement_plan",),
    "terminate": ("ground", "effective_on"),
    "withdraw-termination": (),
    "withdraw": (),
    "expire": (),
    "close-out": ("summary",),
}
_REASONS = ("reason", "reasons")
_VOTE = ("ayes", "noes", "abstentions")


def list_decisions(page: Page) -> list[dict[str, Any]]:
    """Return each decision that counts, as it was corrected, in the order of the history."""
    return [_describe(page, row, values) for row, values, _ in page.counting(*DECISIONS)]


def _describe(page: Page, row: Row, values: dict[str, Any]) -> dict[str, Any]:
    seq, event = row.entry.seq, row.entry.event
    return {
        "seq": seq,
        "at": row.entry.at,
        "label": page.session.config.events[event]["done"],
        "by": page.name_of(row),
        "role": page.role_of(row),
        "what": list(_write_values(page, row, values, DECISIONS[event])),
        "votes": None
        if values.get("ayes") is None
        else {key: page.field(seq, key, values.get(key)) for key in _VOTE},
        "why": next((page.field(seq, key, values[key]) for key in _REASONS if values.get(key)), ""),
    }


def _write_values(
    page: Page, row: Row, values: dict[str, Any], keys: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for key in keys:
        if values.get(key) not in (None, "", [], {}):
            label = page.label_of(row.entry.event, f"/input/{key}")
            yield label, page.field(row.entry.seq, key, values[key])
