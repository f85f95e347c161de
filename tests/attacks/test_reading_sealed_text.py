"""Somebody tries to read an application before its call has closed, or one that never was opened (4270.8)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest

from states.errors import Refused
from states.inputs import ABILITIES
from states.names import Role
from tests.support.desk import STAFF, Desk
from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE, COLLEGE_APPLIES, REVIEWERS
from tests.support.letters import delivered
from tests.support.visitor import Guest, Visitor
from workflow import links
from workflow.outbox import message
from workflow.publishing.school_year import SchoolYear
from workflow.publishing.tables import TABLES
from workflow.store import feeds, tables
from workflow.store.rows import Channel, Notice

SECRET = "how we show"  # the beginning of every text of an application in these lives
VERIFY = Path(__file__).parents[2] / "docs" / "verify_export.py"
UNREAD = "what only the second call holds"
Sit = Callable[[str], Desk]
AUTHORS = ("applicant@example.org", "lead-partner@example.org")
AGAIN = {"closes_on": "2025-10-31"}


def start_over(life: Life) -> Life:
    """The first call found nobody, and a second one is open with the same panel and a new application."""
    life.do("restart")
    for role in ("principal", "staff"):
        life.do("agree-needs", role)
    life.at("2025-09-01").do("open-selection", **AGAIN)
    life.at("2025-09-08").do("receive-application", AUTHORS[1], abilities=dict.fromkeys(ABILITIES, UNREAD))
    return life


def every_link(life: Life) -> Iterator[tuple[Notice, str]]:
    """The path of every link that a message offers or has offered, with its notice."""
    config = life.system.config
    for values in life.rows(tables.notices, "id"):
        notice = Notice(**values)
        with life.system.reading() as session:
            events = ("", *message.offers_of(session, notice)) if notice.partnership else ()
            claims = [links.claim_of(notice, life.ref, event, life.facts) for event in events]
        yield from ((notice, path) for claim in claims for path in (links.address(config, claim),))


def read_pages(life: Life) -> Iterator[tuple[str, str]]:
    """What every page of every link and every calendar shows, except an author's own, with its place."""
    guest = Guest(life)
    for notice, address in every_link(life):
        if notice.to in AUTHORS and notice.role in (Role.APPLICANT, Role.LEAD_PARTNER):
            continue
        place = f"{notice.template} to {notice.to} as {notice.role}"
        yield place, guest.get(address).text
        yield place, guest.get(f"{address}/done").text
    with life.system.reading() as session:
        people = [
            (email, feeds.generation_of(session.connection, email)) for email in session.directory.people
        ]
    for email, generation in people:
        yield f"dates of {email}", guest.get(links.feed_address(life.system.config, email, generation)).text
    for path in ("/calls", f"/calls/{life.ref}", "/calls.atom", "/calls.ics"):
        yield path, guest.get(path).text


def read_commands(desk: Desk) -> Iterator[tuple[str, str]]:
    """What the commands about a partnership print, its notices and its export included."""
    ref = desk.life.ref
    commands = [
        (name, ref, *form)
        for name in ("show", "history", "events", "notices", "replies", "deadlines")
        for form in ((), ("--json",))
    ]
    commands += [("export", ref), ("list",), ("verify",), ("organizations",), ("people",)]
    commands += [("export", ref, "--format", form) for form in ("ics", "ocds")]
    commands += [("export", ref, "--format", "csv", "--table", table) for table in TABLES]
    year = str(SchoolYear.of(desk.life.now.date()).ends_in)
    commands += [("report", who, "--year", year, "--json") for who in (ref, "--district")]
    commands += [("notices", "show", str(row["id"])) for row in desk.life.notices()]
    for words in commands:
        answer = desk.run(*words)
        yield " ".join(words), answer.out + answer.err


def find_sealed(desk: Desk, text: str = SECRET) -> list[str]:
    """The places that show this text to others than its author."""
    life = desk.life
    delivered(life)
    letters = ((row["template"], row["message"]) for row in life.notices() if row["message"])
    sent = [(f"letter {template}", content.decode("latin-1")) for template, content in letters]
    return [place for place, shown in (*sent, *read_pages(life), *read_commands(desk)) if text in shown]


@pytest.fixture
def sit(begin: Begin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Sit:
    def sit(station: str) -> Desk:
        desk = Desk(
            begin(station, '[admin.users]\n"(owner)" = { may_act_as = ["*"] }\n'), capsys, monkeypatch
        )
        monkeypatch.setattr("workflow.session.current_time", lambda: desk.life.now.astimezone(UTC))
        return desk

    return sit


# What happens from a station on, an event and its time in each step. The application stays sealed throughout.
SEALED_LIVES = {
    "open": ("applied", ["add-note staff 2025-08-02", "extend-selection staff 2025-08-03",
                         "withdraw-application lead-partner@example.org 2025-08-04"]),
    "ended": ("applied", ["withdraw staff 2025-08-02", "close-out staff 2025-11-03", "add-note staff 2026-08-01"]),
}  # fmt: skip


@pytest.mark.promise("sealed-until-closing")
@pytest.mark.parametrize("name", SEALED_LIVES)
def test_no_notice_ever_sent_shows_sealed_text_in_any_state_after_it(sit: Sit, name: str) -> None:
    station, steps = SEALED_LIVES[name]
    desk = sit(station)
    life: Life = desk.life
    assert find_sealed(desk) == []
    for step in steps:
        event, by, at = step.split()
        life.at(at).do(event, by)
        life.tick()
        assert find_sealed(desk) == [], step


@pytest.mark.promise("sealed-until-closing")
def test_no_notice_of_a_first_call_shows_what_the_second_holds(sit: Sit) -> None:
    desk = sit("closed")
    life = desk.life
    life.tick("2025-08-22")
    delivered(life)
    guest, old = Guest(life), list(every_link(life))
    assert [notice for notice, _ in old if notice.role == Role.REVIEWER]
    start_over(life)
    assert find_sealed(desk, UNREAD) == []
    for notice, address in old:
        answer = guest.get(address)
        assert UNREAD not in answer.text
        if notice.role == Role.REVIEWER:
            assert answer.status_code == 410
    life.tick("2025-10-31 17:00")
    assert find_sealed(desk, UNREAD), "the search finds nothing at all"


@pytest.mark.promise("sealed-until-closing")
@pytest.mark.parametrize("delegate", ["staff", "principal", REVIEWERS[0].partition("@")[0]])
def test_a_delegate_of_an_applicant_reads_nothing_sealed(begin: Begin, delegate: str) -> None:
    life = begin("applied")
    life.person("applicant", away_until=date(2025, 8, 31), delegate=f"{delegate}@example.org")
    visitor = Visitor(life)
    given = {"to": f"{delegate}@example.org", "delegate_for": "applicant@example.org"}
    page = visitor.get(visitor.link("", "applicant", **given))
    assert page.status == 200
    assert SECRET not in page.said
    for event, status in (("receive-application", 410), ("withdraw-application", 200)):
        seen = visitor.get(visitor.link(event, "applicant", **given))
        assert (seen.status, SECRET in seen.said) == (status, False)
    own = visitor.get(visitor.link("", "applicant"))
    assert SECRET in own.said


@pytest.mark.promise("sealed-until-closing")
def test_a_call_that_ended_before_closing_never_opens(begin: Begin) -> None:
    life = begin("applied")
    life.at("2025-08-02").do("withdraw")
    visitor = Visitor(life.at("2026-08-02"))
    for role in ("staff", "principal", "reviewer"):
        to = REVIEWERS[0] if role == "reviewer" else None
        assert SECRET not in visitor.get(visitor.link("", role, to=to)).said, role
    assert "Harbor House" not in visitor.get(visitor.link("", "reviewer", to=REVIEWERS[0])).said
    assert SECRET in visitor.get(visitor.link("", "applicant")).said


@pytest.mark.promise("sealed-until-closing")
def test_an_application_withdrawn_before_the_closing_is_never_opened_and_names_nobody(sit: Sit) -> None:
    desk = sit("applied")
    life: Life = desk.life
    life.at("2025-08-02").do("withdraw-application", "applicant@example.org", organization=COLLEGE)
    delivered(life)
    told = {row["to"]: row["message"].decode() for row in life.notices("withdraw-application")}
    assert {"staff@example.org", "principal@example.org"} <= told.keys()
    for email in ("staff@example.org", "principal@example.org"):
        assert "City College" not in told[email]
        assert "applicant@example.org" not in told[email]
    life.tick("2025-08-15 17:00")
    first, second = (
        entry for entry in desk.ask("history", life.ref) if entry["event"] == "receive-application"
    )
    assert SECRET in str(first["input"])
    assert SECRET not in str(second["input"])
    visitor = Visitor(life)
    page = visitor.get(visitor.link("", "reviewer", to=REVIEWERS[0])).said
    assert "City College" not in page
    assert "withdrew" not in page
    assert "An applicant withdrew an application." in visitor.get(visitor.link("", "staff")).said


@pytest.mark.promise("sealed-until-closing")
@pytest.mark.promise("record-verifiable")
@pytest.mark.parametrize("later", ["2025-08-02", "2025-08-16"], ids=["open", "closed"])
def test_no_command_says_who_withdrew_an_application_before_the_closing(sit: Sit, later: str) -> None:
    desk = sit("applied")
    life: Life = desk.life
    before = desk.file("before.json", desk.say("export", life.ref))
    guest = Guest(life.at("2025-08-02"))
    link = guest.application_link("applicant@example.org")
    guest.post(link, do="withdraw", confirm="withdraw", form="0123456789abcdef")
    delivered(life)
    life.tick(later)
    about = [entry for entry in desk.ask("history", life.ref) if "application" in entry["event"]]
    assert [(entry["actor"], entry["input"] is None) for entry in about[:3]] == [
        ("lead-partner@example.org", False), (None, True), (None, True),
    ]  # fmt: skip
    assert (about[2]["channel"], about[2]["address"]) == ("link", None)
    (receipt,) = life.notices("receipt")
    assert receipt["to"] == "applicant@example.org"
    shown = ("notices", "show", str(receipt["id"]))
    commands = [("history", life.ref), ("show", life.ref), ("notices", life.ref), shown, ("export", life.ref)]
    for words in commands:
        answer = desk.run(*words)
        assert answer.status == 0
        assert not re.search("city.college|applicant@example", answer.out + answer.err, re.IGNORECASE), words
    # The export holds without these names, and an older one vouches for them.
    after = desk.file("after.json", desk.say("export", life.ref))
    checked = subprocess.run(
        [sys.executable, str(VERIFY), after, before], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout.splitlines()[0].split(";")[0]) == (
        0,
        "1 partnerships, 0 faults",
    )


@pytest.mark.promise("sealed-until-closing")
@pytest.mark.parametrize("later", ["2025-08-02", "2025-08-16"], ids=["open", "closed"])
@pytest.mark.parametrize("known", [False, True], ids=["a stranger", "known to the office"])
def test_nothing_names_a_stranger_who_withdrew_before_the_closing(sit: Sit, later: str, known: bool) -> None:
    desk = sit("applied")
    life: Life = desk.life
    if known:
        life.person("new")
    send_as_stranger(life.at("2025-08-01 12:00"))
    assert NEW_NAMES.search(desk.say("organizations")), "the search finds nothing at all"
    guest = Guest(life.at("2025-08-02"))
    link = guest.application_link("new@example.org")
    guest.post(link, do="withdraw", confirm="withdraw", form="1" * 16)
    delivered(life)
    life.tick(later)
    for place, shown in (*read_lists(desk), *read_pages_of_the_office(life)):
        # Who the office itself has entered stays in its list of people.
        rest = shown.replace("new@example.org", "") if known and place.startswith(OFFICE_LISTS) else shown
        assert not NEW_NAMES.search(rest), place
    assert ("new@example.org" in desk.say("people")) is known


@pytest.mark.promise("sealed-until-closing")
def test_an_application_that_stands_keeps_its_sender_in_the_directory(sit: Sit) -> None:
    desk = sit("applied")
    life: Life = desk.life
    send_as_stranger(life.at("2025-08-01"))
    guest = Guest(life.at("2025-08-02"))
    link = guest.application_link("new@example.org")
    guest.post(link, do="withdraw", confirm="withdraw", form="1" * 16)
    # The draft that it left can be sent again.
    send_as_stranger(life.at("2025-08-03"), form="2" * 16)
    for words in (("people",), ("organizations",), ("history", life.ref)):
        assert NEW_NAMES.search(desk.say(*words)), words


NEW_NAMES = re.compile("rainier.youth|new@example", re.IGNORECASE)
OFFICE_LISTS = ("people", "changes", "list --waiting-on", "notices revoke")


def send_as_stranger(life: Life, form: str = "0" * 16) -> None:
    """Apply from the address new@example.org, for an organization that the directory does not have."""
    guest = Guest(life)
    written = {"name": "Rainier Youth", "kind": "public-agency", "contact_name": "Pat of Rainier Youth"}
    page = guest.post(
        guest.application_link("new@example.org"), do="send", form=form, unchanged="yes",
        **written, **dict.fromkeys(ABILITIES, SECRET),
    )  # fmt: skip
    assert page.status_code == 200


def read_lists(desk: Desk) -> Iterator[tuple[str, str]]:
    """What the commands that list or choose people and organizations print, and what a mistake in them suggests."""
    ref, near = desk.life.ref, "rainier-yout"
    of_one = ("history", "show", "notices", "replies", "events", "export", "deadlines")
    commands = [(name, ref) for name in of_one]
    commands += [
        (name,) for name in ("people", "organizations", "changes", "notices", "list", "export", "verify")
    ]
    commands += [("people", "change", "ne@example.org"), ("people", "remove", "ne@example.org")]
    commands += [
        ("list", "--waiting-on", "ne@example.org"),
        ("notices", "revoke", "--person", "ne@example.org"),
    ]
    commands += [("people", "add", "x@example.org", "--name", "x", "--organization", near)]
    commands += [("trigger", ref, "withdraw-application", *STAFF, "--set", f"organization={near}")]
    for words in commands:
        for form in ((), ("--json",)):
            answer = desk.run(*words, *form)
            yield " ".join((*words, *form)), answer.out + answer.err


def read_pages_of_the_office(life: Life) -> Iterator[tuple[str, str]]:
    """What the pages of the office show, with the choice of an organization and the list of troubled mail."""
    guest = Guest(life)
    for role in (Role.STAFF, Role.PRINCIPAL):
        yield f"page of {role}", guest.shown(role, f"{role}@example.org")
    for event in ("receive-application", "withdraw-application", "score-application"):
        yield event, guest.get(guest.link(Role.STAFF, "staff@example.org", event=event)).text
    visitor = Visitor(life)
    visitor.sign_in("staff@example.org")
    for address in ("/me", "/me?show=all", "/metrics", "/healthz", "/calls", "/calls.atom"):
        yield address, visitor.client.get(address).text


@pytest.mark.promise("sealed-until-closing")
def test_a_withdrawal_by_staff_names_them_and_no_applicant(sit: Sit) -> None:
    desk = sit("applied")
    life: Life = desk.life
    life.at("2025-08-02").do("withdraw-application", "staff", organization=COLLEGE)
    entry = desk.ask("history", life.ref)[-1]
    assert (entry["actor"], entry["input"]) == ("staff@example.org", None)
    visitor = Visitor(life)
    assert "Staff (staff) withdrew an application." in visitor.get(visitor.link("", "principal")).said


@pytest.mark.promise("own-application")
@pytest.mark.parametrize(
    "way", ["acting as the author", "import --append", "a delegate", "a colleague", "anew"]
)
def test_no_way_of_others_replaces_what_its_author_proved_and_sent(sit: Sit, way: str) -> None:
    desk = sit("open")
    life: Life = desk.life.at("2025-08-01")
    own: dict[str, Any] = {**COLLEGE_APPLIES, "channel": Channel.LINK, "role": Role.APPLICANT}
    life.do("receive-application", AUTHORS[0], **own)
    if way == "acting as the author":
        given = json.dumps(life.input("receive-application", **COLLEGE_APPLIES))
        answer = desk.trigger("receive-application", "--as", AUTHORS[0], "--input", "-", stdin=given)
        assert [unmet["requirement"] for unmet in answer.json["unmet"]] == ["replaced-by-its-author"]
    elif way == "import --append":
        with pytest.raises(Refused, match="only its author"):
            life.do("receive-application", AUTHORS[0], **COLLEGE_APPLIES, channel=Channel.IMPORT)
    elif way == "a delegate":
        with pytest.raises(Refused, match="only its author"):
            life.do("receive-application", AUTHORS[0], **own, ran_by="staff@example.org")
    elif way == "a colleague":
        life.person("colleague", organization=COLLEGE)
        with pytest.raises(Refused, match="only its author"):
            life.do("receive-application", "colleague@example.org", **own)
        with pytest.raises(Refused, match="another address sent"):
            life.do(
                "withdraw-application", "colleague@example.org", organization=COLLEGE, role=Role.APPLICANT
            )
    else:
        # To withdraw it and enter another would replace it too.
        life.do("withdraw-application", "staff", organization=COLLEGE)
        for by in ("staff", AUTHORS[0]):
            with pytest.raises(Refused, match="only its author"):
                life.do("receive-application", by, **COLLEGE_APPLIES)
    # Its author can, and gives it free by withdrawing it.
    life.do("receive-application", AUTHORS[0], **own)
    life.do(
        "withdraw-application", AUTHORS[0], organization=COLLEGE, channel=Channel.LINK, role=Role.APPLICANT
    )
    assert life.do("receive-application", "staff", **COLLEGE_APPLIES)


@pytest.mark.promise("own-application")
def test_staff_cannot_replace_what_its_author_proved_and_sent(begin: Begin) -> None:
    life = begin("open").at("2025-08-01")
    life.do("receive-application", AUTHORS[0], **COLLEGE_APPLIES, channel=Channel.LINK, role=Role.APPLICANT)
    with pytest.raises(Refused, match="only its author"):
        life.do("receive-application", "staff", **COLLEGE_APPLIES)
    # What staff entered themselves, from paper, they may enter again.
    for _ in range(2):
        life.do("receive-application", "staff", organization=CBO)
    life.do("receive-application", AUTHORS[0], **COLLEGE_APPLIES, channel=Channel.LINK, role=Role.APPLICANT)
