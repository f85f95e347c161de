"""Any message that answers none of ours reaches staff, and a flood of such messages ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.support.district import Begin, Life
from tests.support.letters import comes
from workflow.inbox import questions
from workflow.store import tables

OFFICE = "partnerships@example.org"


def told(life: Life, template: str = "question") -> list[str]:
    """The notices about no partnership, as staff get them."""
    table = tables.notices
    with life.system.reading() as session:
        query = select(table.c.to, table.c.extra).where(table.c.template == template).order_by(table.c.id)
        return [f"{row.to} {row.extra}" for row in session.connection.execute(query)]


def question(sender: str, number: int = 0, **headers: str) -> bytes:
    lines = {"From": sender, "To": OFFICE, "Message-ID": f"<{number}@a.example.org>", "Subject": "A question"}
    head = "".join(f"{name}: {value}\r\n" for name, value in (lines | headers).items())
    return f"{head}\r\nMay a group of parents apply?\r\n".encode()


@pytest.mark.promise("questions-reach-staff")
def test_a_question_from_somebody_unknown_reaches_staff(begin: Begin) -> None:
    life = begin("needs")
    assert comes(life, question("parent@elsewhere.example.org")).verdict == "unknown"
    (notice,) = told(life)
    assert notice.startswith("staff@example.org")
    assert "May a group of parents apply?" in notice


@pytest.mark.promise("questions-reach-staff")
def test_a_known_person_whose_sender_is_in_doubt_reaches_staff(begin: Begin) -> None:
    life = begin("needs", '[mail]\ntrust = "dmarc"\nauthserv = "mx.example.org"\n')
    assert comes(life, question("principal@example.org")).verdict == "refused"
    (notice,) = told(life)
    assert "DMARC" in notice


@pytest.mark.promise("questions-reach-staff")
def test_a_flood_of_strangers_is_told_once_and_each_hour_begins_anew(begin: Begin) -> None:
    life = begin("needs")
    for number in range(questions.STRANGERS + 5):
        comes(life, question(f"a{number}@example.net", number))
    notices = told(life)
    assert len(notices) == questions.STRANGERS
    assert ["until an hour has" in notice for notice in notices] == [False] * (questions.STRANGERS - 1) + [
        True
    ]
    life.now += timedelta(hours=2)
    comes(life, question("parent@example.net", 99))
    assert len(told(life)) == questions.STRANGERS + 1


def test_an_automatic_message_of_a_stranger_is_no_question(begin: Begin) -> None:
    life = begin("needs")
    comes(life, question("news@example.net", **{"Auto-Submitted": "auto-generated"}))
    assert told(life) == []
