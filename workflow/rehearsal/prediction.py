"""Predicts what the daemon will record at once when it loads a configuration. It does so in a copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from workflow.clock.procedure import ChangedSetting, compare_settings
from workflow.clock.replan import replan
from workflow.procedure.config import Config
from workflow.rehearsal.copying import copied
from workflow.session import System


@dataclass(frozen=True, slots=True)
class Prediction:
    """What differs at once when a configuration is loaded.

    `settings` differ from those that a daemon saw last. `deadlines` has the items of `replan`: each open deadline
    that moves, and each partnership whose record cannot be read.
    """

    settings: tuple[ChangedSetting, ...]
    deadlines: tuple[Mapping[str, str], ...]

    @property
    def moves(self) -> list[Mapping[str, str]]:
        """Return the items about deadlines that move."""
        return [item for item in self.deadlines if "problem" not in item]

    @property
    def unreadable(self) -> list[Mapping[str, str]]:
        """Return the items about partnerships whose deadlines will not follow the procedure."""
        return [item for item in self.deadlines if "problem" in item]


def predict_loading(system: System, settings: Config, now: datetime) -> Prediction:
    """Return what would differ at once if a daemon loaded these settings at this instant. Nothing is written."""
    with copied(system, settings) as copy:
        # The daemon moves the deadlines first, and compares the settings afterwards.
        moved = copy.transact(partial(replan, now=now))
        with copy.reading() as session:
            return Prediction(tuple(compare_settings(session)), tuple(moved))
