"""Whole lives, lived at random through the engine and the clock: whatever is tried, what must hold does.

LIVES=1000 lives so many more, from SEED on.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random

import pytest

from tests.lives.walking import Walk
from tests.workflow.conftest import Begin

STARTS = (None, "needs-agreed", "open", "scored", "chosen", "drafted", "scheduled", "introduced", "active",
          "approved", "renewal", "reported", "ended")  # fmt: skip
SEED = int(os.environ.get("SEED", "4270"))
LIVES = int(os.environ.get("LIVES", "0"))
STEPS = 40


@pytest.mark.promise("law-has-no-gaps")
@pytest.mark.parametrize("start", STARTS, ids=str)
def test_whatever_is_tried_in_a_life_what_must_hold_does(begin: Begin, start: str | None) -> None:
    came: Counter[str] = Counter()
    for number in range(1 + LIVES // len(STARTS)):
        walk = Walk(begin(start), Random(f"{SEED} {start} {number}"))
        for _ in range(STEPS):
            walk.step()
        came += walk.came
    print(f"from {start or 'nothing'}: {dict(came)}")
