"""The agenda of each coming meeting of the Board: its items, what the Board does with them, and their packet."""

from __future__ import annotations

from datetime import date

from tests.support.district import Begin, Life
from tests.support.facts import MEETING_1, MEETING_2
from tests.support.visitor import page_of
from workflow.views import board_agenda
from workflow.views.board_agenda import Agenda, AgendaItem


def agenda(life: Life) -> list[Agenda]:
    with life.system.reading() as session:
        return list(board_agenda.agenda(session, life.now))


def the_item(life: Life) -> tuple[Agenda, AgendaItem]:
    ((meeting, item),) = [(meeting, item) for meeting in agenda(life) for item in meeting.items]
    return meeting, item


def shown(life: Life) -> str:
    return page_of(life, "desk.agenda(meetings)", meetings=agenda(life)).said


def test_an_item_says_what_it_is_about_and_why_the_board_has_it(begin: Begin) -> None:
    life = begin("scheduled")
    meeting, item = the_item(life)
    assert meeting.on == date.fromisoformat(MEETING_1)
    assert (item.purpose, item.amount_cents, item.clauses) == ("new", 25_000_000, ("4270.9a", "4270.9c"))
    assert item.is_introduction
    for words in ("$250,000.00", "amount (4270.9a)", "To be introduced", "Rainier Beach School"):
        assert words in shown(life)


def test_an_item_that_was_introduced_is_for_action(begin: Begin) -> None:
    life = begin("introduced")
    meeting, item = the_item(life)
    assert (meeting.on, item.is_introduction) == (date.fromisoformat(MEETING_2), False)
    assert "For action" in shown(life)


def test_with_one_reading_every_item_is_for_action(begin: Begin) -> None:
    life = begin("scheduled", "[board]\nreadings = 1\n")
    assert not the_item(life)[1].is_introduction


def test_an_item_without_a_meeting_is_listed_last(begin: Begin) -> None:
    life = begin("referred")
    assert the_item(life)[0] == agenda(life)[-1]
    assert the_item(life)[0].on is None
    assert "Not on an agenda yet" in shown(life)


def test_the_packet_is_what_was_attached_since_the_item_was_referred(begin: Begin) -> None:
    life = begin("agreed")
    life.do("attach-document", title="An older letter")
    life.do("draft-agreement", amount_cents=25_000_000, ends_on="2027-08-31")
    life.at("2025-09-02").do("refer-to-board")
    life.do("schedule-item")
    assert the_item(life)[1].documents == ()
    assert "No document was attached" in shown(life)
    life.at("2025-09-03").do("attach-document", title="The Board Action Report")
    assert [document.title for document in the_item(life)[1].documents] == ["The Board Action Report"]
    assert "The Board Action Report" in shown(life)


def test_a_renewal_shows_the_terms_that_would_come(begin: Begin) -> None:
    life = begin("renewal")
    assert the_item(life)[1].purpose == "renewal"
    item = life.facts.board.item
    assert item is not None
    assert item.change is not None
    assert the_item(life)[1].amount_cents == item.change.amount_cents


def test_a_meeting_that_has_begun_stays_until_its_decision_is_on_record(begin: Begin) -> None:
    life = begin("introduced").at(f"{MEETING_2} 20:00")
    assert the_item(life)[0].is_over
    assert "Its decisions are not on record yet" in shown(life)
    life.do("approve")
    assert not [item for meeting in agenda(life) for item in meeting.items]


def test_a_cancelled_meeting_says_that_its_items_need_another(begin: Begin) -> None:
    life = begin("scheduled")
    life.run(f"DELETE FROM meetings WHERE \"on\" = '{MEETING_1}'")
    life.person("staff", digest=True)  # counts up the version of the directory
    meeting, _ = the_item(life)
    assert (meeting.on, meeting.at) == (date.fromisoformat(MEETING_1), None)
    assert "no meeting on this day any more" in shown(life)


def test_coming_meetings_are_listed_also_while_they_are_empty(begin: Begin) -> None:
    life = begin("needs").at("2025-09-01")
    days = [meeting.on for meeting in agenda(life)]
    assert days[:2] == [date(2025, 9, 3), date(2025, 9, 17)]
    assert date(2025, 9, 24) not in days  # a special meeting takes no item
    assert max(filter(None, days)) <= date(2025, 10, 31)
    assert "Nothing on its agenda" in shown(life)
