"""An item that is called back from the Board: who is told, which dates end, and that the record still folds."""

from __future__ import annotations

import pytest

from states.errors import Refused
from tests.support.district import Begin

EVERYBODY = ["board-office", "lead-partner", "principal", "staff", "superintendent"]


def test_everybody_is_told_of_a_recall_and_no_date_of_the_board_is_left(begin: Begin) -> None:
    life = begin("scheduled")
    life.do("recall-item")
    assert life.state == "open-selection"
    assert life.told("recall-item") == EVERYBODY
    assert not {"agenda-packet", "decision-recorded", "item-scheduled"} & life.running()
    assert life.faults() == []
    again = life.do("refer-to-board")
    assert again.record.facts.board.item is not None
    assert life.due("item-scheduled")


def test_staff_cannot_call_an_item_back_once_the_board_has_met(begin: Begin) -> None:
    life = begin("scheduled").at("2025-09-17 17:00")
    with pytest.raises(Refused, match="the Board met on 2025-09-17"):
        life.do("recall-item")


def test_an_amendment_that_is_called_back_is_chased_anew_until_it_is_taken_back(begin: Begin) -> None:
    life = begin("active").at("2025-10-01")
    life.do("amend-agreement", amount_cents=30_000_000)
    life.do("refer-to-board", purpose="amendment")
    life.at("2025-12-01").do("recall-item")
    assert life.due("amendment-referred") == "2025-12-15 17:00"
    life.do("withdraw-amendment")
    assert "amendment-referred" not in life.running()
    assert life.told("withdraw-amendment") == ["lead-partner", "principal", "superintendent"]
    assert life.faults() == []
