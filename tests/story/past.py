"""Histories for a district file, so that a story can begin where it becomes interesting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.facts import CBO, REVIEWERS, SAMPLES, instant
from tests.support.office import PRINCIPALS, REF, address

SMALL = {"amount_cents": 24_999_999, "starts_on": "2025-09-01", "ends_on": "2026-08-31"}
LARGE = {"amount_cents": 25_000_000, "starts_on": "2025-11-01", "ends_on": "2026-10-31"}


class Past(dict[str, Any]):
    """A partnership as a district file has it. `on` sets the time, `did` adds an event a minute later."""

    def __init__(self, ref: str = REF, school: str = "rainier-beach") -> None:
        super().__init__(ref=ref, school=school, title="A Lead Partner for the school", event=[])
        self.principal = PRINCIPALS[school]
        self.now = instant("2025-07-07")

    def on(self, when: str) -> Past:
        self.now = instant(when)
        return self

    def did(self, event: str, by: str, **given: Any) -> Past:
        values = {**SAMPLES.get(event, {}), **given}
        if event == "identify-needs":
            values["school"] = self["school"]
        who = address(self.principal if by == "principal" else by)
        self["event"].append({"event": event, "at": self.now, "as": who, "input": values})
        self.now += timedelta(minutes=1)
        return self

    # Stations, each from the one before

    def needs_agreed(self) -> Past:
        self.did("identify-needs", "principal").did("describe-needs", "principal")
        return self.did("agree-needs", "principal").did("agree-needs", "staff")

    def call_open(self, closes_on: str = "2025-08-01") -> Past:
        return self.needs_agreed().did("open-selection", "staff", closes_on=closes_on)

    def applied(self, closes_on: str = "2025-08-01") -> Past:
        return self.call_open(closes_on).on("2025-07-21").did("receive-application", "lead-partner")

    def chosen(self) -> Past:
        self.applied().on("2025-08-01 17:00").did("close-applications", "clock").on("2025-08-04")
        for reviewer in REVIEWERS:
            self.did("score-application", reviewer, organization=CBO)
        return self.on("2025-08-05").did("choose-partner", "staff")

    def drafted(self, **terms: Any) -> Past:
        self.chosen().on("2025-08-06").did("set-outcomes", "staff")
        for who in ("principal", "staff", "lead-partner"):
            self.did("agree-outcomes", who)
        return self.did("draft-agreement", "staff", **terms)

    def active(self, **terms: Any) -> Past:
        """A small agreement in force since 13 August 2025."""
        self.drafted(**SMALL, **terms).on("2025-08-13")
        for who in ("staff", "lead-partner"):
            self.did("sign-agreement", who, signed_on="2025-08-13")
        return self.did("activate", "staff")

    def referred(self, **terms: Any) -> Past:
        """A large agreement before the Board since 13 August 2025."""
        return self.drafted(**{**LARGE, **terms}).on("2025-08-13").did("refer-to-board", "staff")

    def approved(self, **terms: Any) -> Past:
        """A large agreement that the Board approved on 8 October 2025, signed."""
        self.referred(**terms).did("schedule-item", "board-office", meeting_on="2025-09-17")
        self.on("2025-09-17 19:00").did("introduce-item", "board-office", meeting_on="2025-09-17")
        self.on("2025-09-18").did("schedule-item", "board-office", meeting_on="2025-10-08")
        self.on("2025-10-08 19:00").did("approve", "board-office", meeting_on="2025-10-08").on("2025-10-10")
        for who in ("staff", "lead-partner"):
            self.did("sign-agreement", who, signed_on="2025-10-10")
        return self
