"""The page of a partnership: what stands on it for whom, its drawing, and its documents."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from typing import Any

import pytest

from states.names import Role, State
from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE, PEOPLE, REVIEWERS
from tests.support.visitor import Guest, Visitor, words
from workflow.store import database
from workflow.store.tables import documents
from workflow.web.partnership import disposition, steps

EMAILS = {**PEOPLE, Role.REVIEWER: REVIEWERS[0], Role.APPLICANT: "applicant@example.org"}
STATIONS = {
    "needs-agreed": ("principal", "staff"),
    "applied": ("principal", "staff", "superintendent", "reviewer", "applicant"),
    "scored": ("principal", "staff", "superintendent", "reviewer", "applicant"),
    "drafted": ("principal", "staff", "superintendent", "board-office", "reviewer", "lead-partner", "applicant"),
    "introduced": ("staff", "board-office", "principal", "lead-partner"),
    "active": ("principal", "staff", "lead-partner", "board-office"),
    "reported": ("principal", "staff", "lead-partner", "superintendent"),
    "renewal": ("principal", "staff", "lead-partner", "board-office"),
    "ended": ("principal", "staff", "lead-partner"),
}  # fmt: skip


@pytest.mark.parametrize(("station", "role"), [(s, r) for s, roles in STATIONS.items() for r in roles])
def test_everybody_concerned_reads_the_page_at_every_station(begin: Begin, station: str, role: str) -> None:
    life = begin(station)
    page = Guest(life).shown(Role(role), EMAILS[Role(role)])
    assert "A Lead Partner for the school" in page
    assert page.count('aria-current="step"') == 1
    assert len(re.findall(r'<li class="step ', page)) == len(State)
    assert not re.search(r"\bstyle=|<script|\bon\w+=|None|Undefined", page)
    headings = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="([^"]+)"', page)) <= set(ids)


@pytest.mark.parametrize(("role", "reads"), [("principal", True), ("staff", True), ("reviewer", False)])
def test_the_office_reads_the_wanted_first_day_until_there_is_a_real_one(
    begin: Begin, role: str, reads: bool
) -> None:
    life = begin("applied")
    life.do("want-start", on="2025-12-01")
    page = words(Guest(life).shown(Role(role), EMAILS[Role(role)]))
    assert ("The agreement should start on Monday, December 1, 2025." in page) is reads


def test_the_states_are_told_as_done_now_and_ahead() -> None:
    drawn = steps(State.ACTIVE, frozenset({"needs-identified", "open-selection", "active"}))
    assert [step["stands"] for step in drawn] == ["done", "done", "ahead", "now", "ahead", "ahead"]
    over = steps(State.TERMINATED, frozenset({"needs-identified", "open-selection", "terminated"}))
    assert [step["stands"] for step in over] == ["done", "done", "skipped", "skipped", "skipped", "now"]


def test_what_is_asked_has_a_link_where_the_notice_offers_it(begin: Begin) -> None:
    life = begin("needs-agreed")
    life.do("describe-needs")
    page = Guest(life).shown(Role.PRINCIPAL, PEOPLE[Role.PRINCIPAL], "describe-needs")
    (button,) = re.findall(r'<a class="button" href="([^"]+)">Agree to the statement of needs</a>', page)
    assert button.startswith("http://127.0.0.1:8427/a/")


def test_what_is_asked_in_another_message_has_its_button_too(begin: Begin) -> None:
    life = begin("needs-agreed")
    life.do("describe-needs")
    page = Guest(life).shown(Role.PRINCIPAL, PEOPLE[Role.PRINCIPAL], "withdraw")
    assert re.search(r'<a class="button" href="[^"]+">Agree to the statement of needs</a>', page)


def test_what_has_been_done_is_asked_no_more(begin: Begin) -> None:
    life = begin("needs-agreed")
    page = Guest(life).shown(Role.PRINCIPAL, PEOPLE[Role.PRINCIPAL], "describe-needs")
    assert "Agree to the statement" not in page
    assert "You do not have to do anything now." in page


def test_money_dates_and_terms_are_written_for_people(begin: Begin) -> None:
    page = words(Guest(begin("active")).shown(Role.LEAD_PARTNER, PEOPLE[Role.LEAD_PARTNER]))
    assert "Memorandum of understanding" in page
    assert "$249,999.99" in page
    assert "Monday, September 1, 2025" in page
    assert "a family center" in page


def test_outcomes_are_drawn_and_told_in_the_same_numbers(begin: Begin) -> None:
    page = Guest(begin("reported")).shown(Role.LEAD_PARTNER, PEOPLE[Role.LEAD_PARTNER])
    drawings = re.findall(r'<svg[^>]* aria-label="([^"]+)"', page)
    assert drawings == [
        "attendance: baseline 88, latest 91, target 93: on the way, 60 % covered",
        "suspensions: baseline 40, latest 30.5, target 20: on the way, 48 % covered",
    ]
    tables = [words(table) for table in re.findall(r'<table class="numbers">.*?</table>', page, re.S)]
    day = "Tuesday, July 14, 2026"
    assert tables == [
        f"attendance in numbers (%) Baseline 88 Latest 91 ({day}) Target 93 Progress on the way, 60 % covered",
        f"suspensions in numbers (count) Baseline 40 Latest 30.5 ({day}) Target 20"
        " Progress on the way, 48 % covered",
    ]


def test_what_somebody_typed_is_text_and_never_markup(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", needs=["<script>alert(1)</script>", "{{ 7 * 7 }}"])
    page = Guest(life).shown(Role.STAFF, PEOPLE[Role.STAFF])
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7 * 7 }}" in page


def test_the_office_reads_who_applied_but_nothing_of_what_they_wrote_while_the_call_is_open(
    begin: Begin,
) -> None:
    life = begin("applied")
    visitor = Guest(life)
    for role in (Role.STAFF, Role.SUPERINTENDENT, Role.PRINCIPAL, Role.BOARD_OFFICE):
        page = visitor.shown(role, PEOPLE[role])
        assert "Harbor House" in page
        assert "how we show" not in page
    life.tick("2025-08-15 17:00")
    assert "how we show" in visitor.shown(Role.STAFF, PEOPLE[Role.STAFF])


def test_an_applicant_reads_its_own_application_and_of_nobody_else(begin: Begin) -> None:
    for station in ("applied", "closed", "scored", "chosen"):
        page = Guest(begin(station)).shown(Role.APPLICANT, "applicant@example.org")
        assert "Application of City College" in page
        assert "how we show collaboration" in page
        assert "Application of Harbor House" not in page
        assert "lead-partner@example.org" not in page
        assert not any(reviewer in page for reviewer in REVIEWERS)
        assert "strong" not in words(page)
        assert ("Harbor House" in page) is (station == "chosen")


def attached(life: Life, content: bytes, name: str) -> str:
    """The digest of a document that is kept with the partnership."""
    digest = hashlib.sha256(content).hexdigest()
    row = {"sha256": digest, "name": name, "size": len(content), "added_at": life.now, "content": content}
    database.transact(life.system.engine, lambda c: c.execute(documents.insert().values(**row)))
    life.do("attach-document", file=name, title="The letter", sha256=digest, size=len(content))
    return digest


BYTES = b"<html><script>alert(document.cookie)</script>"


def test_the_desk_links_the_documents_of_a_packet_with_type_and_size(begin: Begin) -> None:
    life = begin("scheduled")
    digest = attached(life, b"%PDF-1.7 " + b"x" * 1_241_000, "report.pdf")
    visitor = Visitor(life)
    page = visitor.sign_in("staff@example.org")
    assert "Packet: The letter (PDF, 1.2 MB)." in page.said
    (address,) = [link for link in page.page.links if link.endswith(f"/documents/{digest}")]
    saved = visitor.follow(visitor.get(visitor.path_of(address)))
    assert (saved.status, saved.headers["Content-Type"]) == (200, "application/octet-stream")
    # Somebody without a part in it learns nothing, and a browser without a sign-in is led to the page to sign in.
    assert Visitor(life).get(visitor.path_of(address)).headers["Location"].endswith("/me")
    visitor.sign_in("lead-partner@example.org")
    assert visitor.get(f"/me/to/other/documents/{digest}").status == 404


@pytest.mark.promise("documents-are-saved")
def test_a_document_comes_as_bytes_to_save(begin: Begin) -> None:
    life = begin("active")
    digest = attached(life, BYTES, "Bericht für Ärzte.html")
    visitor = Guest(life)
    link = visitor.link(Role.LEAD_PARTNER, PEOPLE[Role.LEAD_PARTNER])
    (address,) = re.findall(rf'href="([^"]+/documents/{digest})"', visitor.get(link).text)
    answer = visitor.get(address)
    assert (answer.status_code, answer.data) == (200, BYTES)
    assert address.endswith(f"/documents/{digest}")
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="Bericht fur Arzte.html"; '
        "filename*=UTF-8''Bericht%20f%C3%BCr%20%C3%84rzte.html"
    )


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("letter.pdf", "letter.pdf"),
        ('a"; x="b.html', "a-- x--b.html"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ("line\r\nSet-Cookie: a=b", "lineSet-Cookie- a-b"),
        ("\u202egnp.exe", "gnp.exe"),
        ("报告", "document"),
        ("", "document"),
    ],
)
def test_a_name_is_made_safe_for_the_header(name: str, saved: str) -> None:
    header = disposition(name)
    assert header.startswith(f"attachment; filename=\"{saved}\"; filename*=UTF-8''")
    assert re.fullmatch(r"[ -~]+", header)


@pytest.mark.parametrize("who", ["reviewer", "applicant"])
def test_a_document_goes_to_nobody_who_may_not_see_it(begin: Begin, who: str) -> None:
    life = begin("drafted")
    digest = attached(life, BYTES, "letter.html")
    link = Guest(life).link(Role(who), EMAILS[Role(who)])
    assert Guest(life).get(f"{link}/documents/{digest}").status_code == 404


@pytest.mark.promise("documents-are-saved")
def test_a_document_of_another_partnership_is_not_to_be_had(begin: Begin) -> None:
    life = begin("active")
    other = life.another("fr-2025").to("needs")
    digest = attached(other, BYTES, "letter.html")
    link = Guest(life).link(Role.STAFF, PEOPLE[Role.STAFF])
    assert Guest(life).get(f"{link}/documents/{digest}").status_code == 404
    assert Guest(life).get(f"{link}/documents/{'0' * 64}").status_code == 404


@pytest.mark.promise("reading-changes-nothing")
def test_reading_changes_nothing(begin: Begin) -> None:
    life = begin("active")
    visitor = Guest(life)
    link = visitor.link(Role.STAFF, PEOPLE[Role.STAFF])
    before: Any = life.dump()
    visitor.get(link)
    visitor.client.head(link.removeprefix("http://127.0.0.1:8427"))
    assert life.dump() == before


def test_the_panel_reads_all_applications_and_its_own_scores_until_the_choice(begin: Begin) -> None:
    life = begin("closed")
    life.at("2025-08-18")
    life.do("score-application", REVIEWERS[1], comment="a colleague's comment")
    life.do("score-application", REVIEWERS[0], comment="my own comment", organization=COLLEGE)
    page = Guest(life).shown(Role.REVIEWER, REVIEWERS[0])
    assert "Application of Harbor House" in page
    assert "Application of City College" in page
    assert "my own comment" in page
    assert "a colleague" not in page
    life.do("score-application", REVIEWERS[0], organization=CBO)
    for organization in (CBO, COLLEGE):
        life.do("score-application", REVIEWERS[2], organization=organization)
    life.do("score-application", REVIEWERS[1], organization=COLLEGE)
    life.do("choose-partner")
    assert "a colleague" in Guest(life).shown(Role.REVIEWER, REVIEWERS[0])
