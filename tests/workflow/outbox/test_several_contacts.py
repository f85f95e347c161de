"""Messages to the contacts of a Lead Partner besides the named one: what their right covers, as what they are."""

from __future__ import annotations

from datetime import date
from email import message_from_bytes, policy
from typing import Any

import pytest

from tests.attacks.test_several_contacts import NAMED, contact, with_contacts
from tests.support.district import Begin, Life
from tests.support.letters import answer, comes, got, untouched, written
from workflow.store.rows import Notice, NoticeStatus
from workflow.views import pending

CONTACTS = {"lead", "reports", "finance"}


def told(life: Life, template: str) -> set[str]:
    """Which of the contacts besides the named one a notice went to."""
    return set(life.told(template)) & CONTACTS


def letter(life: Life, template: str, name: str) -> tuple[str, str]:
    """The subject and the text of the last message of a template to somebody."""
    row = [each for each in life.notices(template) if each["to"] == f"{name}@example.org"][-1]
    content = life.system.transact(lambda session: written(session, Notice(**row), life.now))
    message = message_from_bytes(content, policy=policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    return str(message["Subject"]), " ".join(body.get_content().split())


@pytest.mark.promise("several-contacts")
@pytest.mark.parametrize(
    ("station", "event", "to"),
    [
        ("scored", "choose-partner", {"lead"}),
        ("chosen", "draft-agreement", {"lead", "finance"}),
        ("drafted", "set-outcomes", {"lead"}),
        ("signed", "activate", {"lead", "reports", "finance"}),
        ("active", "open-annual-review", {"lead", "reports"}),
        ("active", "add-note", set()),
        ("ending", "expire", {"lead", "reports", "finance"}),
        ("ended", "close-out", {"reports", "finance"}),
    ],
)
def test_a_notice_goes_to_the_contacts_whose_right_it_concerns(
    begin: Begin, station: str, event: str, to: set[str]
) -> None:
    life = with_contacts(begin(station))
    life.at("2025-10-02") if event == "expire" else None
    life.do(event, "clock" if event == "expire" else "staff")
    assert told(life, event) == to


@pytest.mark.promise("several-contacts")
def test_a_date_reminds_the_contacts_who_may_do_what_is_due(begin: Begin) -> None:
    life = with_contacts(begin("annual-review"))
    life.tick("2026-08-04 18:00")
    assert told(life, "report-due") == {"lead", "reports"}
    assert "lead-partner" in life.told("report-due")
    # Who still has to sign: the partner, so its contacts with the right `lead`; and finance hears of it.
    other = with_contacts(begin("active"))
    assert told(other, "agreement-signed") == set()


@pytest.mark.promise("several-contacts")
def test_a_message_says_as_what_it_comes_and_that_one_of_them_is_enough(begin: Begin) -> None:
    life = with_contacts(begin("active"))
    life.do("open-annual-review", "staff")
    subject, text = letter(life, "open-annual-review", "reports")
    assert "As reports contact of Harbor House. Lead partner has this message too." in text
    assert (
        "you get this message as reports contact of Harbor House, the Lead Partner of Rainier Beach" in text
    )
    assert "/a/" in text
    assert subject.startswith("Please")
    assert "As reports contact" not in letter(life, "open-annual-review", "lead-partner")[1]


@pytest.mark.promise("several-contacts")
def test_who_may_not_sign_is_told_and_not_asked(begin: Begin) -> None:
    life = with_contacts(begin("chosen"))
    life.do("draft-agreement")
    subject, text = letter(life, "draft-agreement", "finance")
    assert "$249,999.99" in text
    assert "You do not have to do anything. We ask Lead partner for what your organization has to do." in text
    assert "sign the agreement" not in text
    theirs = letter(life, "draft-agreement", "lead")[1]
    assert "Sign the agreement" in theirs
    assert "We ask" not in theirs, "it is not possible yet, and theirs to do then"
    assert not subject.startswith(("Please", "Due now", "Overdue"))


@pytest.mark.promise("several-contacts")
def test_the_subject_asks_nobody_who_is_only_told(begin: Begin) -> None:
    life = with_contacts(begin("signed"))
    life.do("activate")
    life.do("terminate", effective_on="2025-09-20", ground="mutual")
    life.tick("2025-09-21")
    life.tick("2025-10-15")
    subject, text = letter(life, "close-out-due", "finance")
    assert subject.startswith("For your information: finish the close-out by October 2")
    assert "Please hand in" not in text
    assert letter(life, "close-out-due", "reports")[0].startswith("Please finish the close-out")


@pytest.mark.promise("several-contacts")
def test_rights_count_when_a_notice_is_queued(begin: Begin) -> None:
    life = begin("active")
    contact(life, "reports")
    life.person("reports", organization="harbor-house", contact_rights="[]")
    contact(life, "lead")
    life.do("open-annual-review", "staff")
    assert told(life, "open-annual-review") == {"lead"}


@pytest.mark.promise("several-contacts")
def test_who_acts_hears_nothing_of_it_and_the_others_do(begin: Begin) -> None:
    life = with_contacts(begin("ended"))
    life.do("close-out", "reports@example.org")
    assert told(life, "close-out") == {"finance"}
    assert NAMED.removesuffix("@example.org") in life.told("close-out")


@pytest.mark.promise("several-contacts")
@pytest.mark.promise("nobody-missed")
def test_once_the_named_contact_has_left_the_leads_are_asked_in_their_place(begin: Begin) -> None:
    life = with_contacts(begin("annual-review"))
    life.person("lead-partner", active=False)
    before = len(life.notices())
    life.tick("2026-08-04 18:00")
    later: list[dict[str, Any]] = life.notices()[before:]
    to = {row["to"].removesuffix("@example.org") for row in later if row["template"] == "report-due"}
    assert to == {"lead", "reports"}
    assert all(row["status"] != NoticeStatus.DEAD for row in later)
    with life.system.reading() as session:
        waits = pending.list_waits(session, life.record, life.now)
    mine = [(w.person and w.person.email, w.others) for w in waits if w.event == "submit-report"]
    assert mine == [("lead@example.org", ("reports@example.org",))]


@pytest.mark.promise("several-contacts")
def test_a_contact_answers_by_mail_in_their_own_name_and_only_what_their_right_covers(begin: Begin) -> None:
    life = with_contacts(begin("chosen"))
    life.do("set-outcomes", "staff")
    assert comes(life, answer(got(life, "set-outcomes", "lead"), "agree")).verdict == "done"
    assert life.history()[-1]["actor"] == "lead@example.org"
    life.do("draft-agreement")
    asked = got(life, "draft-agreement", "finance")
    with untouched(life):
        judged = comes(life, answer(asked, "sign\r\nFinance"))
    assert judged.verdict != "done"
    assert life.facts.agreement is not None
    assert "partner" not in life.facts.agreement.signatures


@pytest.mark.promise("several-contacts")
def test_a_contact_who_is_away_has_a_delegate_who_acts_in_their_place(begin: Begin) -> None:
    life = begin("active")
    life.person("delegate", organization="harbor-house")
    contact(life, "reports", away_until=date(2026, 12, 1), delegate="delegate@example.org")
    life.do("open-annual-review", "staff")
    (row,) = (row for row in life.notices("open-annual-review") if row["delegate_for"])
    assert (row["to"], row["delegate_for"]) == ("delegate@example.org", "reports@example.org")
    text = letter(life, "open-annual-review", "delegate")[1]
    assert "For Reports, who is away." in text
    assert "As reports contact of Harbor House." in text
