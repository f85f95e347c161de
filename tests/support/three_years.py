"""A partnership that lived three years: approved, reviewed each year, amended once, ended on its last day."""

from __future__ import annotations

import base64
from typing import Any

from states.inputs import ABILITIES
from states.names import State
from tests.support import letters
from tests.support.district import Life
from tests.support.facts import CBO, COLLEGE, OUTCOMES, REVIEWERS, way
from workflow.store import kept_documents

# What somebody marks by hand before the record is given away, in a note, a document and a forwarded message.
SECRET = "The cousin of the treasurer works for Harbor House, so we ask counsel"
TITLE = "A Lead Partner for the school"
CHOICE = "Harbor House has worked with our families for eleven years, and no other plan names who calls them"
FIRST_VOTE = "The Board asks for a report on attendance in each grade"
SECOND_VOTE = "A second tutor costs less than the summer school that she replaces"
GAP = "Suspensions rose, and nobody at the school knew why"
PLAN = "A restorative circle each Monday, and a count of suspensions each month"
YEARS = (
    ("2026-09-08", {"attendance": 90, "suspensions": 44, "ninth grade on track": 66.5}),
    ("2027-09-07", {"attendance": 92, "suspensions": 31, "ninth grade on track": 74}),
    ("2028-09-05", {"attendance": 93.5, "suspensions": 19, "ninth grade on track": 81}),
)
_TRACK = {
    "name": "ninth grade on track", "measure": "students of grade 9 with six credits or more", "unit": "%",
    "baseline": 64, "target": 80, "direction": "increase", "goal": "every student graduates",
}  # fmt: skip
_SCORES = {CBO: (5, 4, 4), COLLEGE: (3, 4, 2)}
_FORWARDED = """\
From: principal@example.org
To: staff@example.org
Subject: Fwd: a question
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

{text}
"""


def keep(life: Life, name: str, content: bytes) -> dict[str, Any]:
    """Keep a document; what an event says of it."""
    digest, size = life.system.transact(
        lambda session: kept_documents.keep(session.connection, name, content, life.now)
    )
    return {"name": name, "sha256": digest, "size": size}


def forwarded(text: str) -> bytes:
    """A message kept as a file, whose text stands in it in base64."""
    return _FORWARDED.format(text=base64.encodebytes(text.encode()).decode()).encode()


def live(life: Life) -> Life:
    """Let a partnership that has not begun live three years, to its close-out."""
    _choose(life)
    _approve(life)
    _first_year(life)
    _second_year(life)
    _third_year(life)
    letters.delivered(life)
    return life


def _choose(life: Life) -> None:
    life.step(way("closed"))
    letters.delivered(life)
    life.at("2025-08-18")
    for number, reviewer in enumerate(REVIEWERS):
        for organization, scores in _SCORES.items():
            given = {each: max(1, scores[number] - place % 2) for place, each in enumerate(ABILITIES)}
            comment = f"Reader {number + 1} of {organization}"
            life.do("score-application", reviewer, organization=organization, scores=given, comment=comment)
    life.do("add-note", text=SECRET)
    life.at("2025-08-20").do("choose-partner", reasons=CHOICE)
    life.do("set-outcomes", outcomes=[*OUTCOMES, _TRACK])
    for role in ("principal", "staff", "lead-partner"):
        life.do("agree-outcomes", role)
    life.do(
        "draft-agreement",
        amount_cents=66_000_000,
        starts_on="2025-10-15",
        ends_on="2028-10-14",
        document=keep(life, "agreement.txt", b"Harbor House keeps a family center open.\n"),
    )
    letters.delivered(life)


def _approve(life: Life) -> None:
    life.at("2025-09-02").do(
        "refer-to-board", reason="The term is three years and the amount 660,000 dollars"
    )
    life.do("schedule-item")
    life.at("2025-09-18").do("introduce-item")
    life.do("schedule-item", meeting_on="2025-10-01")
    letters.delivered(life)
    life.at("2025-10-02").do("approve", ayes=5, noes=1, abstentions=1, reason=FIRST_VOTE)
    letters.delivered(life)
    _sign(life, "2025-10-02")


def _sign(life: Life, on: str) -> None:
    for role in ("staff", "lead-partner"):
        life.do("sign-agreement", role, signed_on=on)
    letters.delivered(life)


def _review(life: Life, year: int) -> None:
    """Let the clock open the review, and the Lead Partner report."""
    opens = life.due("annual-review-opens")
    assert opens is not None
    life.tick(opens)
    assert life.state == State.ANNUAL_REVIEW
    letters.delivered(life)
    day, values = YEARS[year]
    life.at(day).do("submit-report", values=values, narrative=f"Year {year + 1} in the words of the partner")
    letters.delivered(life)


def _first_year(life: Life) -> None:
    life.at("2025-10-20").do("record-meeting", on="2025-10-20", summary="All partners met in the library")
    life.at("2026-01-15").do(
        "record-gap",
        on="2026-01-15",
        summary=GAP,
        documents=[keep(life, "Re: a question.eml", forwarded(f"Dear office, {SECRET}. The principal"))],
    )
    _review(life, 0)
    asked = letters.got(life, "submit-report", "principal")
    letters.comes(life, letters.answer(asked, "yes\r\n\r\nFamilies come to us now"))
    life.do("give-finding", "staff", impact=False, reasons=GAP)
    life.at("2026-09-21").do("continue", improvement_plan=PLAN)
    letters.delivered(life)


def _second_year(life: Life) -> None:
    life.at("2027-01-06").do(
        "amend-agreement",
        amount_cents=72_000_000,
        terms="One more tutor for grade 9",
        reason="Sixty students wait for a tutor",
    )
    life.do("refer-to-board", purpose="amendment", reason="The amount rises to 720,000 dollars")
    life.do("schedule-item", meeting_on="2027-01-20")
    letters.delivered(life)
    life.at("2027-01-21").do("introduce-item", meeting_on="2027-01-20")
    life.do("schedule-item", meeting_on="2027-02-03")
    life.at("2027-02-04").do(
        "approve", meeting_on="2027-02-03", ayes=4, noes=3, abstentions=0, reason=SECOND_VOTE
    )
    _sign(life, "2027-02-04")
    _review(life, 1)
    for role in ("principal", "staff"):
        life.do("give-finding", role, reasons="Attendance and suspensions moved as we hoped")
    life.at("2027-09-20").do("continue")
    report = next(row for row in reversed(life.history()) if row["event"] == "submit-report")
    life.do(
        "correct-entry",
        "lead-partner",
        seq=report["seq"],
        input={
            "values": YEARS[1][1] | {"suspensions": 30},
            "narrative": "Year 2 in the words of the partner",
        },
        reason="One suspension was counted twice",
    )
    letters.delivered(life)


def _third_year(life: Life) -> None:
    _review(life, 2)
    for role in ("principal", "staff"):
        life.do("give-finding", role, reasons="Every target was met in the third year")
    life.at("2028-09-18").do("continue")
    letters.delivered(life)
    life.tick("2028-10-15 00:00")
    letters.delivered(life)
    life.at("2028-11-01").do("close-out", summary="Keys and records are back, the family center goes on")
