"""One mail as bytes: its parts, its headers, and what may not stand in them."""

from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.calendar import CalendarFile
from notifications.compose import _within_limit, compose
from notifications.render import Rendered

WHEN = datetime(2025, 11, 19, 9, 30, tzinfo=timezone(timedelta(hours=-8)))
URL = "https://partners.example.org/answer/" + "k" * 1200
RENDERED = Rendered(
    "Family support: the Board approved",
    f"The Board approved — unanimously.\n.\nFrom here on:\n{URL}\n",
    f'<!doctype html><html lang="en"><body><p>é</p><a href="{URL}">Sign</a></body></html>',
)
FILES = [
    CalendarFile("REQUEST", b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n", "a@example.org"),
    CalendarFile(
        "CANCEL",
        "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nX-NAME:é\r\nEND:VCALENDAR\r\n".encode(),
        "b@example.org",
    ),
]
# Everything that can be typed on one line: no controls, no line or paragraph separators, no surrogates.
one_line = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")))


def composed(**changes: Any) -> bytes:
    given_: dict[str, Any] = {
        "rendered": RENDERED,
        "message_id": "<n-17@partners.example.org>",
        "date": WHEN,
        "sender": "Partnership Office, Example Public Schools <office@example.org>",
        "recipient": "principal@example.org",
        "recipient_name": "School Principal",
        "thread_id": "<LCP-2025-003@partners.example.org>",
        "ref": "LCP-2025-003",
        "calendar": FILES,
    }
    return compose(**{**given_, **changes})


def read(message: bytes) -> EmailMessage:
    parsed = message_from_bytes(message, policy=default)
    assert isinstance(parsed, EmailMessage)
    assert not [defect for part in parsed.walk() for defect in part.defects]
    return parsed


def test_a_mail_says_from_whom_to_whom_when_and_about_what() -> None:
    message = read(composed(reply_to="replies@example.org"))
    assert message["From"].addresses[0].display_name == "Partnership Office, Example Public Schools"
    assert message["From"].addresses[0].addr_spec == "office@example.org"
    assert str(message["To"]) == "School Principal <principal@example.org>"
    assert message["Reply-To"] == "replies@example.org"
    assert message["Subject"] == "Family support: the Board approved"
    assert message["Date"].datetime == WHEN
    assert message["Message-ID"] == "<n-17@partners.example.org>"
    assert message["X-Partnership"] == "LCP-2025-003"
    assert message["MIME-Version"] == "1.0"


def test_every_mail_of_a_partnership_answers_the_same_thread() -> None:
    message = read(composed())
    assert message["In-Reply-To"] == message["References"] == "<LCP-2025-003@partners.example.org>"


@pytest.mark.parametrize("thread_id", [None, "<n-17@partners.example.org>"])
def test_a_mail_that_is_its_own_root_answers_none(thread_id: str | None) -> None:
    message = read(composed(thread_id=thread_id))
    assert message["In-Reply-To"] is None
    assert message["References"] is None


def test_mail_asks_machines_not_to_answer() -> None:
    message = read(composed())
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"


def test_mail_about_no_single_partnership_names_none() -> None:
    assert read(composed(ref=""))["X-Partnership"] is None


def test_the_parts_are_text_html_and_the_calendar_to_offer_and_then_files() -> None:
    """The first calendar is offered, and is a file to open as well; of any other there is the file."""
    message = read(composed())
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        *("multipart/alternative", "text/plain", "text/html", "text/calendar"),
        *("application/ics", "text/calendar"),
    ]
    _, _, plain, html, offered, file, other = message.walk()
    assert plain.get_content().replace("\r\n", "\n") == RENDERED.text
    assert html.get_content().strip() == RENDERED.html
    assert offered["Content-Type"].params["method"] == "REQUEST"
    assert offered["Content-Type"].params["charset"] == "utf-8"
    assert offered.get_filename() is None
    assert offered.get_payload(decode=True) == file.get_payload(decode=True) == FILES[0].content
    assert (file.get_filename(), other.get_filename()) == ("date.ics", "date-2.ics")
    assert (file.is_attachment(), other.is_attachment()) == (True, True)
    assert other["Content-Type"].params["method"] == "CANCEL"
    assert other.get_payload(decode=True) == FILES[1].content


def test_without_a_date_to_keep_there_are_two_alternatives_only() -> None:
    message = read(composed(calendar=[]))
    assert [part.get_content_type() for part in message.walk()] == [
        *("multipart/alternative", "text/plain", "text/html"),
    ]


def test_the_same_input_gives_the_same_bytes() -> None:
    assert composed() == composed()


def test_a_boundary_depends_on_the_message_and_its_content() -> None:
    other = Rendered(RENDERED.subject, "Other", RENDERED.html)
    made = [composed(), composed(message_id="<n-18@partners.example.org>"), composed(rendered=other)]
    assert len({read(message).get_boundary() for message in made}) == 3


def test_lines_end_in_crlf_and_are_short() -> None:
    made = composed()
    assert made.replace(b"\r\n", b"").count(b"\n") == made.replace(b"\r\n", b"").count(b"\r") == 0
    assert max(len(line) for line in made.split(b"\r\n")) <= 78
    assert made.isascii()


@pytest.mark.promise("text-stays-text")
@pytest.mark.parametrize(
    ("field", "header", "value"),
    [
        ("sender", "From", "Office\r\nBcc: all@example.org <office@example.org>"),
        ("sender", "From", "office@example.org\n"),
        ("recipient", "To", "principal@example.org\r\nBcc: all@example.org"),
        ("recipient_name", "To", "Principal\r\nBcc: all@example.org"),
        ("recipient_name", "To", "Principal\u2028"),
        ("reply_to", "Reply-To", "Office\x00 <office@example.org>"),
        ("rendered", "Subject", Rendered("One\r\nBcc: all@example.org", "", "")),
        ("message_id", "Message-ID", "<a@example.org>\r\nBcc: all@example.org"),
        ("thread_id", "In-Reply-To", "<a@example.org>\n"),
        ("ref", "X-Partnership", "LCP\n"),
    ],
)
def test_a_line_end_in_a_header_is_refused_by_its_name(field: str, header: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{header}: "):
        composed(**{field: value})


@pytest.mark.parametrize(
    ("field", "header", "value"),
    [
        ("sender", "From", "Partnership Office"),
        ("sender", "From", "<a@example.org>, <b@example.org>"),
        ("recipient", "To", ""),
        ("recipient", "To", "principal"),
        ("recipient", "To", "principal@example..org"),
        ("recipient", "To", "a@example.org, b@example.org"),
        ("recipient", "To", "Principal <principal@example.org>"),
        ("reply_to", "Reply-To", "no address"),
        ("message_id", "Message-ID", "n-17@partners.example.org"),
        ("thread_id", "In-Reply-To", "<not an id>"),
        ("ref", "X-Partnership", "LCP 3"),
        ("date", "Date", datetime(2025, 11, 19)),
    ],
)
def test_what_is_not_well_formed_is_refused_by_its_header(field: str, header: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{header}: .*"):
        composed(**{field: value})


@pytest.mark.parametrize(
    "name",
    [
        'Ångström, Per "the Principal" <x>',
        "Office of Schools, Families, Communities, Partnerships, Agreements and Reviews of the District",
        "林 校長",
        "=?utf-8?q?not_encoded?=",
        "x" * 1200,
        "",
    ],
)
def test_names_of_every_kind_arrive_as_they_are(name: str) -> None:
    message = message_from_bytes(composed(recipient_name=name))
    shown, address = parseaddr(" ".join(message["To"].split("\r\n ")))
    assert (str(make_header(decode_header(shown))), address) == (name, "principal@example.org")


@settings(deadline=None)
@given(name=one_line, subject=one_line)
def test_any_one_line_of_text_can_be_a_name_or_a_subject(name: str, subject: str) -> None:
    made = composed(recipient_name=name, rendered=Rendered(subject, "", ""), calendar=[])
    head = made.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert max(len(line) for line in head.split(b"\r\n")) <= 78
    message = message_from_bytes(made)
    shown = str(make_header(decode_header(message["Subject"].replace("\r\n", ""))))
    assert shown.strip() == " ".join(subject.split()).strip()
    assert parseaddr(message["To"].replace("\r\n", ""))[1] == "principal@example.org"


def test_a_long_subject_is_folded_between_words() -> None:
    subject = "The Board approved the agreement about " + "families and schools, " * 12 + "again"
    made = composed(rendered=Rendered(subject, "", ""))
    assert b"Subject: The Board approved" in made
    assert read(made)["Subject"] == subject


def test_international_domains_are_written_in_ascii() -> None:
    made = composed(recipient="principal@bücher.example.org", recipient_name="")
    assert b"To: principal@xn--bcher-kva.example.org\r\n" in made


def test_an_international_address_is_written_in_utf8() -> None:
    assert "To: School Principal <björn@example.org>\r\n".encode() in composed(recipient="björn@example.org")


def test_a_quoted_sender_name_is_read_without_its_quotes() -> None:
    message = read(composed(sender='"Office, \\"Partnerships\\"" <office@example.org>'))
    assert message["From"].addresses[0].display_name == 'Office, "Partnerships"'


def test_a_line_over_the_limit_of_mail_would_be_refused_and_not_sent() -> None:
    assert _within_limit(b"x" * 998 + b"\r\n") == b"x" * 998 + b"\r\n"
    with pytest.raises(ValueError, match="a line of 999 octets; expected at most 998"):
        _within_limit(b"x" * 999 + b"\r\n")
