"""The main life told by mail: each person gets messages of their own from a real server, in one thread."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from icalendar import Calendar

from tests.story.past import SMALL, Past
from tests.support.facts import REVIEWERS
from tests.support.office import REF, Office, short
from tests.support.post import content, letter, post_office

SCHOOL = "Rainier Beach High School"
WHY = {
    "principal": f"as principal of {SCHOOL}",
    "staff": "as partnership staff of Example Public Schools",
    "superintendent": "as superintendent of Example Public Schools",
    "board-office": "as the Board office of Example Public Schools",
    "reviewer": f"as reviewer on the panel for {SCHOOL}",
    "lead-partner": f"as contact person of the Lead Partner of {SCHOOL}",
    "applicant": f"as contact person of an applicant for {SCHOOL}",
}


def live(office: Office) -> None:
    """From an open call to an agreement in force, with a look at the clock now and then."""
    office.at("2025-07-22").take_in(Past().applied())
    office.at("2025-07-29 17:00").daemon()
    office.at("2025-08-01 17:00").daemon()
    office.at("2025-08-04")
    for reviewer in REVIEWERS:
        office.do("score-application", reviewer)
    office.do("choose-partner", "staff")
    office.do("draft-agreement", "staff", **SMALL)
    office.do("set-outcomes", "staff")
    for who in ("principal", "staff", "lead-partner"):
        office.do("agree-outcomes", who)
    office.at("2025-08-11 16:00").daemon()
    for who in ("staff", "lead-partner"):
        office.do("sign-agreement", who, signed_on="2025-08-11")
    assert office.do("activate", "staff").state == "active"
    office.daemon()


def appointments(message: EmailMessage) -> dict[str, datetime]:
    """The calendar entries that a message carries: what, and when."""
    parts = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    events = [event for part in parts for event in Calendar.from_ical(part.get_content()).walk("VEVENT")]
    return {str(event["summary"]): event["dtstart"].dt for event in events}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_everybody_gets_messages_of_their_own_in_one_thread_with_the_dates_to_keep(office: Office) -> None:
    with post_office(office.folder) as (desk, settings):
        office.configure(settings)
        live(office)
    notices = {one["message_id"]: one for one in office.ctl("notices", REF)}
    arrived = {letter(envelope)["Message-ID"]: envelope for envelope in desk.received}
    assert len(desk.received) == len(arrived) == len(notices) == 39
    assert arrived.keys() == notices.keys()
    assert {one["status"] for one in notices.values()} == {"sent"}
    for key, envelope in arrived.items():
        message, notice = letter(envelope), notices[key]
        assert envelope.rcpt_tos == [notice["to"]]
        assert (short(message["To"]), message["Cc"]) == (short(notice["to"]), None)
        assert message["Subject"] == notice["subject"]
        assert (message["References"], message["In-Reply-To"]) == ("<partnership.rbhs-2025@example.org>",) * 2
        assert WHY[notice["role"]] in " ".join(message.get_body(("plain",)).get_content().split())
    dates = {
        (notice["template"], short(notice["to"])): found
        for key, notice in notices.items()
        if (found := appointments(letter(arrived[key])))
    }
    closing = {f"The call closes: {SCHOOL}": moment("2025-08-01T17:00-07:00")}
    scoring = {f"Score the applications: {SCHOOL}": moment("2025-08-15T17:00-07:00")}
    assert dates["applications-close", "lead-partner"] == closing
    for reviewer in ("reviewer-1", "reviewer-2", "reviewer-3"):
        assert dates["close-applications", reviewer] == scoring
    assert ("activate", "superintendent") not in dates
    first, last = desk.received[0], desk.received[-1]
    shown = office.run("partnershipctl", "notices", "show", str(notices[letter(first)["Message-ID"]]["id"]))
    assert shown.stdout == content(first)
    again = office.ctl("notices", "show", str(notices[letter(last)["Message-ID"]]["id"]))
    assert again["message"].encode() == content(last)
