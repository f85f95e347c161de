"""partnershipctl rehearse tells the future in words, in JSON and in files, and leaves the record as it was."""

from __future__ import annotations

import hashlib
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from icalendar import Calendar

from notifications.links import Forged
from tests.support import databases, letters
from tests.support.desk import REF, Desk
from tests.support.facts import CBO, COLLEGE
from tests.workflow.admin.conftest import Sit
from workflow import links
from workflow.rehearsal.rehearse import rehearse

UNTIL = ("--until", "2025-12-31")
VOTE = """
[[event]]
ref = "rbhs-2025"
event = "agree-needs"
at = 2025-07-08T10:00:00-07:00
as = "principal@example.org"
"""


def told(desk: Desk, *words: str) -> str:
    """What a rehearsal tells people, with every run of blanks as one, since its lines are wrapped."""
    answer = desk.run("rehearse", *words)
    assert answer.status == 0, answer
    return " ".join(answer.out.split())


def files_of(desk: Desk) -> dict[str, str]:
    """Every file of the office by its name, and a hash of its bytes."""
    files = [path for path in desk.folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_it_tells_each_day_by_name_label_and_subject(sit: Sit) -> None:
    text = told(sit("closed"), *UNTIL)
    assert text.startswith("Rehearsal of 1 partnership from Friday, August 15 to Wednesday, December 31.")
    assert "It assumes that nobody does anything. Nothing was written to the record" in text
    assert "Rainier Beach School (rbhs-2025)" in text
    assert "Reminder: Score the applications, by Friday, August 29." in text
    assert "Due today and not done: Score the applications." in text
    assert 'Told: Reviewer 1; Reviewer 2; Reviewer 3: "Please score 2 applications by August 29"' in text
    assert "Told again of what is overdue" in text


def test_it_ends_with_the_state_who_is_waited_for_what_was_missed_and_the_totals(sit: Sit) -> None:
    text = told(sit("closed"), *UNTIL)
    end = text.partition("HOW IT STANDS AT THE END OF WEDNESDAY, DECEMBER 31")[2]
    assert end.startswith(" Rainier Beach School (rbhs-2025): open selection.")
    waits = "Waits for Reviewer 1; Reviewer 2; Reviewer 3: Score the applications, overdue since Friday, August 29"
    assert f"{waits} (waited for since Friday, August 15)." in end
    assert "Missed: Score the applications, Friday, August 29." in end
    assert "IN ALL 0 events, 2 missed deadlines," in end


def test_what_the_clock_does_is_an_event_and_was_not_missed(sit: Sit) -> None:
    document = sit("applied").ask("rehearse", "--until", "2025-08-16")
    events = [each for each in document["happenings"] if each["kind"] == "event"]
    assert [(each["name"], each["role"], each["at"]) for each in events] == [
        ("close-applications", "clock", "2025-08-15T17:00:00-07:00")
    ]
    assert document["ends"][0]["missed"] == []


def test_the_last_day_belongs_to_it(sit: Sit) -> None:
    desk = sit("applied")
    assert desk.ask("rehearse", "--until", "2025-08-14")["totals"]["events"] == 0
    document = desk.ask("rehearse", "--until", "2025-08-15")
    assert document["until"] == "2025-08-15T23:59:59-07:00"
    assert document["totals"]["events"] == 1


def test_a_day_may_be_written_as_people_write_it(sit: Sit) -> None:
    answer = sit("applied").run("rehearse", "--until", "Aug 15")
    assert (answer.status, answer.err) == (0, "--until: Friday, August 15, 2025.\n")


@pytest.mark.parametrize(
    ("day", "problem"),
    [
        ("2025-07-31", "--until: 2025-07-31 has passed"),
        ("2036-01-01", "--until: 2036-01-01 is more than ten years away"),
    ],
)
def test_a_day_that_has_passed_or_is_too_far_away_is_wrong_input(sit: Sit, day: str, problem: str) -> None:
    answer = sit("applied").run("rehearse", "--until", day, "--json")
    assert (answer.status, answer.problems) == (2, [problem])


def test_json_names_who_was_told_of_what(sit: Sit) -> None:
    desk = sit("applied")
    letters.delivered(desk.life)
    document = desk.ask("rehearse", "--until", "2025-08-15")
    notices = {each["to"]: each for each in document["happenings"] if each["kind"] == "notice"}
    assert notices["principal@example.org"] == {
        "at": "2025-08-15T17:00:00-07:00", "kind": "notice", "ref": REF, "name": "close-applications",
        "to": "principal@example.org", "role": "principal", "who": "Principal",
        "subject": "The call is closed, Rainier Beach School",
    }  # fmt: skip
    by_person = {each["person"]: each["messages"] for each in document["totals"]["by_person"]}
    assert by_person["Reviewer 1"] == 1
    assert sum(by_person.values()) == document["totals"]["messages"]


def test_one_partnership_is_told_by_a_part_of_its_reference(sit: Sit) -> None:
    desk = sit("applied")
    desk.life.another("fhs-2025").to("needs")
    assert [end["ref"] for end in desk.ask("rehearse", *UNTIL)["ends"]] == ["fhs-2025", REF]
    document = desk.ask("rehearse", "rbhs", *UNTIL)
    assert [end["ref"] for end in document["ends"]] == [REF]
    assert {each["ref"] for each in document["happenings"]} == {REF}
    assert desk.run("rehearse", "nobody", *UNTIL).status == 3


def test_neither_record_nor_mailbox_changes_by_a_byte(sit: Sit) -> None:
    desk = sit("active")
    letters.delivered(desk.life)
    files, rows = files_of(desk), desk.life.dump()
    assert any("/mail/" in name for name in files)
    assert desk.ask("rehearse", "--until", "2026-12-31")["totals"]["messages"] > 20
    assert desk.life.dump() == rows
    if not databases.POSTGRESQL:
        assert any(name.endswith("partnerships.db") for name in files)
    assert files_of(desk) == files


def test_a_script_tells_what_would_happen_if(sit: Sit) -> None:
    desk = sit("needs")
    desk.life.do("describe-needs")
    script = desk.file("vote.toml", VOTE)
    text = told(desk, *UNTIL, "--script", script)
    assert "nobody does anything but what vote.toml says" in text
    assert "10:00 a.m.: Principal agreed to the statement of needs." in text
    # Without the script the principal is reminded until the end.
    assert "Waits for Principal" in told(desk, *UNTIL)
    assert "Waits for Staff: Agree to the statement of needs" in text


def test_what_the_law_refuses_is_told_loudly_with_its_reasons_and_does_not_end_the_rehearsal(
    sit: Sit,
) -> None:
    desk = sit("needs")
    script = desk.file("vote.toml", VOTE)
    answer = desk.run("rehearse", *UNTIL, "--script", script)
    text = " ".join(answer.out.split())
    assert answer.status == 0
    assert 'REFUSED: "Agree to the statement of needs" by Principal: the statement of needs is not' in text
    assert "1 event of the script REFUSED" in text
    (refused,) = desk.ask("rehearse", *UNTIL, "--script", script)["refused"]
    assert (refused["ref"], refused["event"], refused["at"]) == (
        REF,
        "agree-needs",
        "2025-07-08T10:00:00-07:00",
    )
    assert refused["reasons"]


def test_a_script_with_mistakes_is_wrong_input_and_all_are_named(sit: Sit) -> None:
    desk = sit("needs")
    text = VOTE.replace("agree-needs", "agree-need") + VOTE.replace("rbhs-2025", "rbhs-2024")
    script = desk.file("vote.toml", text + VOTE.replace("2025-07-08", "2026-07-08"))
    answer = desk.run("rehearse", *UNTIL, "--script", script, "--json")
    assert answer.status == 2
    assert answer.problems == [
        "event.0.event: there is no event 'agree-need' (did you mean agree-needs?)",
        "event.1.ref: there is no partnership 'rbhs-2024' (did you mean rbhs-2025?)",
        "event.2.at: 2026-07-08T10:00:00-07:00 is after the end of the rehearsal",
    ]


def test_the_messages_are_files_whose_links_and_answers_do_nothing(sit: Sit) -> None:
    desk = sit("closed")
    answer = desk.run("rehearse", *UNTIL, "--messages", "mail-to-come")
    assert "The links in them do nothing." in answer.err
    files = sorted(Path("mail-to-come").iterdir())
    asked = "reviewer-1@example.org_Please-score-2-applications-by-August-29-Rainier-Beach-School.eml"
    names = [(file.name[:15], file.name.split("_", 2)[2]) for file in files]
    assert ("2025-08-22T1700", asked) in names
    config = desk.life.system.config
    tokens = [token for file in files for token in tokens_in(file.read_bytes())]
    assert tokens
    for token in tokens:
        with pytest.raises(Forged):
            links.read(config, token)
    replies = [address_for_answers(file.read_bytes()) for file in files]
    assert not any(config.links.match_reply(local, "reviewer-1@example.org") for local in replies)


def test_the_links_were_good_before_they_were_masked(sit: Sit) -> None:
    """The test above would pass with any text that is no link."""
    desk = sit("closed")
    sent: list[bytes] = []
    system, begin = desk.life.system, desk.life.now
    until = begin.replace(month=12)
    rehearse(system, begin, until, keep=lambda _, content: sent.append(content))
    (first, *_) = [token for content in sent for token in tokens_in(content)]
    assert links.read(system.config, first).ref == REF


def tokens_in(content: bytes) -> list[str]:
    """The tokens of links to an event in the text of a message."""
    body = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert body is not None
    words = "".join(body.get_content().split("\r")).split()
    return [word.rpartition("/a/")[2] for word in words if "/a/" in word]


def address_for_answers(content: bytes) -> str:
    return str(message_from_bytes(content, policy=policy.default)["Reply-To"]).partition("@")[0]


def test_messages_about_an_open_call_say_nothing(sit: Sit) -> None:
    desk = sit("applied")
    desk.run("rehearse", "--until", "2025-09-30", "--messages", "mail-to-come")
    about = [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in Path("mail-to-come").iterdir()
    ]
    bodies = {message.get_content() for message in about if message.get_content_type() == "text/plain"}
    assert len(about) > 5
    assert len(bodies) == 1
    assert bodies.pop().startswith("(withheld: it may quote applications")


def test_the_dates_are_a_calendar_without_alarms(sit: Sit) -> None:
    desk = sit("scheduled")
    desk.run("rehearse", "--until", "2025-10-31", "--ics", "to-come.ics")
    calendar = Calendar.from_ical(Path("to-come.ics").read_bytes())
    events = calendar.walk("VEVENT")
    summaries = [str(event["summary"]) for event in events]
    assert "Board meeting" in summaries
    assert "Missed: Record what the Board decided: Rainier Beach School" in summaries
    assert all(str(event["uid"]).startswith("rehearsal-") for event in events)
    assert calendar.walk("VALARM") == []
    assert [event["dtstart"].dt for event in events] == sorted(event["dtstart"].dt for event in events)


def test_the_page_has_a_drawing_and_the_same_dates_in_a_table(sit: Sit) -> None:
    desk = sit("closed")
    desk.run("rehearse", *UNTIL, "--html", "to-come.html")
    page = Path("to-come.html").read_text(encoding="utf-8")
    assert (
        'role="img" aria-label="Timeline of Rainier Beach School: open selection, 138 days; 2 dates.' in page
    )
    # One cross for each missed deadline, and a row of the table.
    assert page.count('<path class="missed"') == page.count(">missed deadline</span>") == 2
    assert "<script" not in page


@pytest.mark.parametrize("option", ["--ics", "--html"])
def test_a_file_that_is_there_stays(sit: Sit, option: str) -> None:
    desk = sit("needs")
    place = desk.file("kept", "precious")
    answer = desk.run("rehearse", *UNTIL, option, place, "--json")
    assert (answer.status, answer.problems) == (2, [f"{option}: {place} is there already"])
    assert Path(place).read_text(encoding="utf-8") == "precious"
    assert desk.run("rehearse", *UNTIL, option, place, "--force").status == 0
    assert Path(place).read_text(encoding="utf-8") != "precious"


def test_messages_are_not_mixed_with_what_is_in_a_folder(sit: Sit) -> None:
    desk = sit("needs")
    answer = desk.run("rehearse", *UNTIL, "--messages", str(desk.folder), "--json")
    assert (answer.status, answer.problems) == (2, [f"--messages: {desk.folder} is not empty"])


def test_who_withdrew_an_application_before_the_closing_stays_unnamed(sit: Sit) -> None:
    desk = sit("applied")
    letters.delivered(desk.life)
    withdraw = """
[[event]]
ref = "rbhs-2025"
event = "withdraw-application"
at = 2025-08-05T10:00:00-07:00
as = "{}@example.org"
input = {{ organization = "{}" }}
"""
    text = withdraw.format("applicant", COLLEGE) + withdraw.format("staff", CBO)
    script = desk.file("withdrawn.toml", text)
    words = ("rehearse", "--until", "2025-08-10", "--script", script)
    document = desk.run(*words, "--messages", "mail-to-come", "--json").json
    events = [each for each in document["happenings"] if each["kind"] == "event"]
    assert {(each["name"], each["actor"], each["who"]) for each in events} == {
        ("withdraw-application", None, "an applicant"),
        ("withdraw-application", "staff@example.org", "Staff"),
    }
    told_of_it = [
        each for each in document["happenings"] if each["kind"] == "notice" and each["role"] == "applicant"
    ]
    assert [(each["to"], each["who"], each["subject"]) for each in told_of_it] == [
        (None, "an applicant", None)
    ]
    assert "An applicant withdrew an application." in told(desk, *words[1:])
    readers = {path.name.split("_")[2] for path in Path("mail-to-come").iterdir()}
    assert "principal@example.org" in readers
    assert readers.isdisjoint({"applicant@example.org", "lead-partner@example.org"})
