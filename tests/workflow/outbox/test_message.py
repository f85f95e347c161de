"""What a message offers fits its words and its reader, and its date is that of what it asks for."""

from __future__ import annotations

import re

import pytest

from tests.support.district import Begin, Life
from tests.support.facts import COLLEGE, REVIEWERS
from tests.support.letters import got
from tests.support.visitor import Visitor
from workflow.outbox import event_words


def text(life: Life, template: str, to: str) -> str:
    part = got(life, template, to).get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def buttons(said: str) -> list[str]:
    return re.findall(r"^([A-Z].*):\n  http://\S+/a/", said, re.MULTILINE)


def by_when(said: str) -> str:
    found = re.search(r"^BY WHEN\n\n(.*?)\n\n", said, re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def test_staff_can_start_over_from_the_message_that_no_application_came(begin: Begin) -> None:
    life = begin("open")
    life.tick("2025-08-15 17:00")
    said = text(life, "close-applications", "staff")
    assert buttons(said)[0] == "Start over with the needs"
    assert "Choose the Lead Partner" in by_when(said), "the deadline that asks for it"


def test_nobody_is_offered_to_start_over_while_there_are_applications(begin: Begin) -> None:
    life = begin("applied")
    life.tick("2025-08-15 17:00")
    assert "Start over" not in text(life, "close-applications", "staff")


def test_staff_can_extend_the_call_from_the_message_that_it_closes(begin: Begin) -> None:
    life = begin("open")
    life.tick("2025-08-12 17:00")
    assert "Extend the call" in buttons(text(life, "applications-close", "staff"))


def test_staff_can_choose_again_from_the_news_of_the_answer_to_a_protest(begin: Begin) -> None:
    life = begin("chosen")
    life.do("file-protest", "applicant@example.org")
    life.do("answer-protest")
    assert "Choose the Lead Partner" in buttons(text(life, "answer-protest", "staff"))


def test_the_board_office_records_the_decision_from_the_news_that_the_item_moved(begin: Begin) -> None:
    life = begin("scheduled")
    life.tick("2025-09-19 12:00")
    assert buttons(text(life, "defer-item", "board-office"))[0] == "Record the Board's approval"


def test_what_is_asked_for_and_not_possible_yet_is_no_button_and_says_why(begin: Begin) -> None:
    life = begin("closed")
    life.tick("2025-09-08 17:00")
    said = text(life, "choice-due", "staff")
    assert "Choose the Lead Partner" not in buttons(said)
    assert "NOT POSSIBLE YET\n\n- Choose the Lead Partner: " in said


def test_staff_can_record_a_new_contact_from_any_message_that_says_that_there_is_none(begin: Begin) -> None:
    life = begin("annual-review")
    life.person("lead-partner", active=False)
    life.tick("2026-07-21 18:00")
    assert "Change the contact person" in buttons(text(life, "report-due", "staff"))


@pytest.mark.promise("deadline-of-the-task")
def test_the_date_of_a_message_is_that_of_what_it_asks_for(begin: Begin) -> None:
    life = begin("chosen")
    said = text(life, "choose-partner", "principal")
    assert "Set the outcomes" in buttons(said)
    assert by_when(said).endswith("Bring the agreement to signature or to the Board")
    life.tick("2025-08-27 16:00")
    assert by_when(text(life, "protest-window", "staff")).endswith(
        "Bring the agreement to signature or to the Board"
    )
    assert by_when(text(life, "protest-window", "lead-partner")) == "", "nobody has to do anything by then"


@pytest.mark.promise("deadline-of-the-task")
def test_of_two_deadlines_that_ask_for_an_event_the_one_counts_that_is_about_it_alone(begin: Begin) -> None:
    life = begin("active")
    life.at("2026-04-24").do("amend-agreement", amount_cents=30_000_000)
    assert by_when(text(life, "amend-agreement", "staff")).endswith("Bring the amendment to the Board")


@pytest.mark.promise("deadline-of-the-task")
def test_what_is_late_is_called_overdue_in_a_message_and_on_its_page(begin: Begin) -> None:
    life = begin("chosen").at("2025-10-20")
    life.do("set-outcomes")
    message = got(life, "set-outcomes", "principal")
    assert str(message["Subject"]).startswith("Overdue since October 6: agree to the outcomes")
    assert by_when(text(life, "set-outcomes", "principal")).startswith(
        "Overdue since Monday, October 6, 2025"
    )
    visitor = Visitor(life)
    page = visitor.get(visitor.path(visitor.claim("agree-outcomes", "principal"))).said
    assert "Overdue since Monday, October 6, 2025" in page


@pytest.mark.promise("words-for-their-reader")
@pytest.mark.parametrize("station", ["applied", "closed"])
def test_only_the_applicant_reads_that_it_was_their_application(begin: Begin, station: str) -> None:
    life = begin(station)
    life.do("withdraw-application", "applicant@example.org", organization=COLLEGE)
    for to in ("principal", "staff"):
        said = got(life, "withdraw-application", to)["Subject"] + text(life, "withdraw-application", to)
        assert "our application" not in said
        assert "Thank you" not in said
        assert ("City College" in said) == (station == "closed")


def test_a_reason_names_organizations_and_people_and_no_identifiers(begin: Begin) -> None:
    life = begin("closed")
    reason = (
        f"{COLLEGE} still needs scores from {REVIEWERS[0]} with score-application; other ids-of-nobody stay"
    )
    with life.system.reading() as session:
        written = event_words.write_reason(session, reason, life.facts)
        names = session.directory.names
    label = life.system.config.label("score-application")
    assert written == (
        f'{names[COLLEGE]} still needs scores from {names[REVIEWERS[0]]} with "{label}"; other ids-of-nobody stay'
    )


def test_a_page_names_who_still_has_to_score_and_what(begin: Begin) -> None:
    visitor = Visitor(begin("closed"))
    why = visitor.get(visitor.link("choose-partner")).said.partition("What prevents this now")[2][:400]
    assert "City College" in why
    assert COLLEGE not in why
    assert "@example.org" not in why.partition("Office:")[0]
