"""Words before they leave, a test of the mail settings, and a message that is sent again."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.support.desk import REF, Desk
from tests.support.facts import SAMPLES
from tests.workflow.admin.conftest import OWNER, Sit

NOBODY = '[admin.users]\n"(owner)" = { person = "staff@example.org", may_act_as = ["*"] }\n'


def preview(desk: Desk, name: str, role: str, *words: str) -> Any:
    return desk.ask("notices", "preview", name, "rbhs", "--to", role, *words)


@pytest.mark.promise("previews-do-nothing")
def test_a_preview_shows_what_would_be_told_and_leaves_no_trace(sit: Sit) -> None:
    desk = sit("needs-agreed")
    before = desk.life.dump()
    call = desk.file("call.json", json.dumps(SAMPLES["open-selection"]))
    shown = preview(desk, "open-selection", "reviewer", "--input", call)
    assert (shown["made_up"], shown["role"], shown["to"]) == (True, "reviewer", "reviewer-1@example.org")
    assert "August 15" in shown["text"]
    assert preview(desk, "open-selection", "principal", "--input", call)["text"] != shown["text"]
    assert desk.life.dump() == before
    assert desk.ask("notices", REF, "--status", "queued") == desk.ask("notices", REF, "--status", "queued")


def test_an_event_that_happened_is_shown_as_it_was_told(sit: Sit) -> None:
    desk = sit("open")
    shown = preview(desk, "open-selection", "principal")
    assert shown["made_up"] is False
    told = next(
        n for n in desk.ask("notices", REF) if (n["template"], n["role"]) == ("open-selection", "principal")
    )
    assert shown["subject"] == told["subject"]


@pytest.mark.promise("previews-do-nothing")
def test_the_links_of_a_preview_do_nothing(sit: Sit) -> None:
    desk = sit("needs-agreed")
    shown = preview(desk, "agree-needs", "staff")
    for words in (shown["text"], shown["html"]):
        links = [part for part in words.replace('"', " ").split() if "/a/" in part]
        assert links
        assert all("~" * 27 in link for link in links)


def test_a_deadline_is_shown_as_its_next_rung_will_tell_it(sit: Sit) -> None:
    desk = sit("open")
    before = desk.life.dump()
    assert "August 15" in preview(desk, "applications-close", "staff")["text"]
    assert desk.life.dump() == before


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (("open-selecton", "--to", "staff"), 2, "(did you mean open-selection?)"),
        (("message-failed", "--to", "staff"), 2, "nobody is told of an event or deadline"),
        (("open-selection", "--to", "applicant"), 2, "open-selection is not told to applicant"),
        (("open-selection", "--to", "boss"), 2, "there is no role 'boss'"),
        (("choose-partner", "--to", "principal"), 2, "it is missing"),
        (
            ("approve", "--to", "staff", "--set", "meeting_on=today"),
            1,
            "the partnership is in open-selection",
        ),
        (("close-applications", "--to", "staff"), 1, "the call is open until"),
    ],
)
def test_what_cannot_be_previewed_is_refused_with_the_reason(
    sit: Sit, words: tuple[str, ...], status: int, problem: str
) -> None:
    desk = sit("open")
    name, *rest = words
    answer = desk.run("notices", "preview", name, REF, *rest, "--json")
    assert (answer.status, problem in answer.out) == (status, True), answer


def test_a_test_message_leaves_at_once_by_the_real_settings(sit: Sit) -> None:
    desk = sit("open", OWNER)
    done = desk.ask("notices", "test", "--to", "Somebody@example.org")
    (file,) = (desk.folder / "mail" / "new").iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert message["To"].addresses[0].addr_spec == "somebody@example.org"
    assert message["Message-ID"] == done["message_id"]
    assert "It arrived." in message.get_body(("plain",)).get_content()
    assert desk.ask("changes")[-1]["what"].startswith("sent a test message to")


def test_a_test_message_that_does_not_leave_says_why(sit: Sit) -> None:
    smtp = '[mail]\nmailer = "smtp"\n[mail.smtp]\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\n'
    answer = sit("open", smtp + OWNER).run("notices", "test", "--to", "somebody@example.org", "--json")
    assert (answer.status, answer.json["unmet"][0]["requirement"]) == (1, "delivered")
    assert "127.0.0.1" in answer.json["unmet"][0]["reason"]


@pytest.mark.parametrize("words", [("test", "--to", "somebody@example.org"), ("resend", "1")])
def test_only_who_may_manage_notices_sends_one(sit: Sit, words: tuple[str, ...]) -> None:
    desk = sit("open", NOBODY)
    answer = desk.run("notices", *words, "--json")
    assert (answer.status, answer.json["unmet"][0]["requirement"]) == (1, "may-manage")
    assert not Path(desk.folder / "mail" / "new").exists()


def sent(desk: Desk, template: str, role: str) -> dict[str, Any]:
    """A notice that has left, as `notices` shows it."""
    desk.life.run("UPDATE notices SET status = 'sent'")
    found = [n for n in desk.ask("notices", REF) if (n["template"], n["role"]) == (template, role)]
    return dict(found[0])


@pytest.mark.promise("sent-again-to-its-person")
def test_a_notice_is_sent_again_to_the_person_on_record_alone(sit: Sit) -> None:
    desk = sit("needs-agreed")
    notice = sent(desk, "agree-needs", "staff")
    done = desk.ask("notices", "resend", str(notice["id"]))
    again = next(n for n in desk.ask("notices", REF) if n["id"] == done["id"])
    assert (done["again"], again["status"], again["to"]) == (notice["id"], "queued", notice["to"])
    assert again["message_id"] != notice["message_id"]
    assert {key: again[key] for key in ("template", "role", "subject", "ref")} == {
        key: notice[key] for key in ("template", "role", "subject", "ref")
    }
    assert desk.ask("changes")[-1]["what"] == f"sent notice {notice['id']} again"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE notices SET status = 'queued'", "is queued, and leaves by itself"),
        ("UPDATE notices SET revoked_at = queued_at", "was revoked"),
        ("UPDATE notices SET template = 'digest'", "is a digest"),
    ],
)
def test_what_must_not_be_sent_again_is_refused(sit: Sit, change: str, problem: str) -> None:
    desk = sit("needs-agreed")
    notice = sent(desk, "agree-needs", "staff")
    desk.life.run(change)
    answer = desk.run("notices", "resend", str(notice["id"]), "--json")
    assert answer.status == 2, answer
    assert problem in answer.problems[0]


@pytest.mark.promise("sent-again-to-its-person")
def test_a_notice_to_somebody_who_has_lost_the_role_is_not_sent_again(sit: Sit) -> None:
    desk = sit("needs-agreed")
    notice = sent(desk, "agree-needs", "staff")
    desk.ask("people", "change", "staff@example.org", "--role", "reviewer")
    answer = desk.run("notices", "resend", str(notice["id"]), "--json")
    assert answer.problems == [
        f"ID: notice {notice['id']} is for staff@example.org as staff, who has this role no more"
    ]


def test_a_notice_that_is_none_is_not_found(sit: Sit) -> None:
    assert sit("open").run("notices", "resend", "4270", "--json").json["error"] == "not-found"
