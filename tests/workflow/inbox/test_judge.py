"""A reply does what the link would, for the one person who was asked; what cannot be believed does nothing."""

from __future__ import annotations

import json
from email.message import EmailMessage

import pytest

from notifications.incoming.codes import mask_codes
from notifications.incoming.letterboxes import MaildirLetterbox
from tests.support.district import Life
from tests.support.letters import address, answer, asked_for_needs, comes, got, put, replies, untouched
from workflow.inbox import judge, message, notes

PARTNER = "Lead partner"  # the name on record
DMARC = '[mail]\ntrust = "dmarc"\nauthserv = "mx.example.org"\n'
PASSED = "mx.example.org; dmarc=pass header.from=example.org"


def ask(life: Life, to: str = "principal") -> EmailMessage:
    return got(life, "describe-needs", to)


def said(life: Life, template: str) -> list[dict[str, object]]:
    return [json.loads(row["extra"])["reply"] for row in life.notices(template)]


# Answers


@pytest.mark.parametrize("line", ["agree", "Agree.", "*AGREE*", "“approve”", "Approve!"])
def test_a_word_that_was_offered_does_what_the_link_would(needs, line):
    judged = comes(needs, answer(ask(needs), line))
    assert (judged.verdict, judged.reason) == ("done", "agree-needs")
    (entry,) = needs.history()[-1:]
    assert (entry["event"], entry["actor"], entry["role"], entry["channel"]) == (
        "agree-needs", "principal@example.org", "principal", "reply",
    )  # fmt: skip
    assert needs.told("receipt") == ["principal"]
    (row,) = replies(needs)
    assert (row["verdict"], row["sender"], row["partnership"]) == (
        "done",
        "principal@example.org",
        needs.record.id,
    )
    assert needs.faults() == []


def test_what_stands_below_the_word_becomes_the_reason(begin):
    life = begin("reported")
    asked = got(life, "submit-report", "principal")
    comes(life, answer(asked, "no\r\n\r\nThe outcomes were missed.\r\nAll of them."))
    finding = life.facts.review.findings["school"]
    assert (finding.impact, finding.reasons) == (False, "The outcomes were missed.\nAll of them.")


def test_the_day_of_a_signature_is_the_day_of_the_reply(begin):
    life = begin("drafted")
    life.at("2025-08-28").do("sign-agreement", "staff")
    asked = got(life, "sign-agreement", "lead-partner")
    life.at("2025-08-29 16:00")
    judged = comes(life, answer(asked, f"sign\r\n\r\n{PARTNER}"))
    assert judged.verdict == "done", judged
    signature = life.facts.agreement.signatures["partner"]
    assert signature.on.isoformat() == "2025-08-29"
    assert (signature.name, signature.consented) == (PARTNER, True)


def test_a_no_agrees_to_nothing_and_is_kept_with_its_reason_and_shown_to_staff(needs):
    judged = comes(needs, answer(ask(needs), "No!\r\n\r\nThe gaps are missing."))
    assert judged.verdict == "done"
    entry = needs.history()[-1]
    assert (entry["event"], json.loads(entry["input"])["text"]) == ("add-note", "The gaps are missing.")
    assert "“no”" in entry["note"]
    assert needs.facts.needs.signatures == {}
    assert needs.told("reply-note") == ["staff"]
    text = got(needs, "reply-note", "staff").get_body(("plain",)).get_content()
    assert "It agrees to nothing." in " ".join(text.split())
    assert comes(needs, answer(ask(needs), "agree")).verdict == "done", "who has objected may still agree"


def test_who_stands_in_for_somebody_answers_for_them(begin):
    life = begin("needs")
    life.person("principal", away_until=life.now.date(), delegate="superintendent@example.org")
    asked_for_needs(life)
    assert comes(life, answer(got(life, "describe-needs", "superintendent"), "agree")).verdict == "done"
    entry = life.history()[-1]
    assert (entry["actor"], entry["ran_by"]) == ("principal@example.org", "superintendent@example.org")


# Messages that are never an answer. Each: what is changed, the verdict, and whether staff must act

DOUBTFUL = {
    "from another address": {"From": "stranger@example.net"},
    "from another person here": {"From": "staff@example.org"},
    "with several From addresses": {"From": "principal@example.org, staff@example.org"},
    "without a From line": {"From": None},
    "sent by somebody else in that name": {"Sender": "assistant@example.org"},
    "forwarded": {"Subject": "Fwd: Please agree"},
    "sent on": {"Resent_From": "principal@example.org"},
}
AUTOMATIC = {
    "out of office": {"Subject": "Automatic reply: Please agree", "Auto_Submitted": "auto-replied"},
    "out of office without a mark": {"Subject": "Out of office: until Monday"},
    "from a mailing list": {"List_Id": "<all.example.org>"},
    "without a return path": {"Return_Path": "<>"},
}


@pytest.mark.promise("only-the-person-asked")
@pytest.mark.parametrize("how", DOUBTFUL)
def test_what_cannot_be_believed_is_kept_and_staff_are_told_but_no_stranger(needs, how):
    before = len(needs.notices())
    with untouched(needs):
        judged = comes(needs, answer(ask(needs), "agree", **DOUBTFUL[how]))
    assert judged.verdict == "refused"
    told = needs.notices()[before:]
    assert {row["template"] for row in told} <= {"reply-doubtful"}
    assert {row["to"] for row in told} <= {"staff@example.org"}
    assert told or DOUBTFUL[how].get("From") == "staff@example.org"
    (row,) = replies(needs)
    assert row["reason"]
    assert row["message"] == mask_codes(answer(ask(needs), "agree", **DOUBTFUL[how]))
    if told:
        text = got(needs, "reply-doubtful", "staff").get_body(("plain",)).get_content()
        assert "Principal" in text
        assert f"partnershipctl replies show {row['id']}" in " ".join(text.split())


@pytest.mark.promise("automatic-mail-ignored")
@pytest.mark.parametrize("how", AUTOMATIC)
def test_an_automatic_answer_does_nothing_and_only_staff_are_told(needs, how):
    before = len(needs.notices())
    with untouched(needs):
        assert comes(needs, answer(ask(needs), "agree", **AUTOMATIC[how])).verdict == "automatic"
    assert [(row["template"], row["to"]) for row in needs.notices()[before:]] == [
        ("reply-note", "staff@example.org")
    ]
    assert replies(needs)[0]["reason"]
    content = answer(got(needs, "reply-note", "staff"), "I am away", **AUTOMATIC[how])
    assert comes(needs, content).verdict == "automatic"
    assert len(needs.notices()) == before + 1, "two machines do not keep each other writing"


@pytest.mark.promise("proven-sender")
def test_two_from_lines_are_nobody(needs):
    with untouched(needs):
        judged = comes(needs, b"From: staff@example.org\r\n" + answer(ask(needs), "agree"))
    assert judged.verdict == "refused"
    assert "several From lines" in str(judged.reason)


def test_an_answer_to_an_invitation_is_kept(needs):
    content = answer(ask(needs), "agree", Content_Type="text/calendar; method=REPLY")
    with untouched(needs):
        assert comes(needs, content).verdict == "automatic"


@pytest.mark.promise("proven-sender")
@pytest.mark.parametrize(
    ("lines", "verdict"),
    [([PASSED], "done"), ([], "refused"), (["mx.example.org; dmarc=fail header.from=example.org"], "refused"),
     (["evil.example.net; dmarc=pass header.from=example.org"], "refused"),
     (["mx.example.org; dmarc=fail header.from=example.org", PASSED], "refused")],
)  # fmt: skip
def test_where_dmarc_is_asked_for_only_what_has_passed_it_counts(begin, lines, verdict):
    life = asked_for_needs(begin("needs", DMARC))
    content = b"".join(f"Authentication-Results: {line}\r\n".encode() for line in lines)
    content += answer(ask(life), "agree")
    before = life.record.version
    assert comes(life, content).verdict == verdict
    assert life.record.version == before + (verdict == "done")
    assert life.told("reply-doubtful") == ([] if verdict == "done" else ["staff"])


@pytest.mark.promise("own-reply-address")
def test_a_forged_code_is_unknown(needs):
    asked = ask(needs)
    mailbox = address(asked["Reply-To"])
    forged = mailbox[: mailbox.index("-") + 1] + "a" * 16 + mailbox[mailbox.index("@") :]
    before = len(needs.notices())
    with untouched(needs):
        assert comes(needs, answer(asked, "agree", To=forged)).verdict == "unknown"
    assert len(needs.notices()) == before


@pytest.mark.parametrize("number", [0, 2**31 - 1, 2**31, 10**14])
def test_an_address_with_a_number_that_no_notice_has_is_unknown(needs, number):
    mailbox = address(ask(needs)["Reply-To"])
    forged = f"{mailbox.partition('+')[0]}+{number}{mailbox[mailbox.index('-') :]}"
    before = len(needs.notices())
    with untouched(needs):
        assert comes(needs, answer(ask(needs), "agree", To=forged)).verdict == "unknown"
    assert len(needs.notices()) == before


@pytest.mark.promise("own-reply-address")
def test_the_address_of_one_person_does_nothing_for_another(needs):
    of_staff = ask(needs, "staff")["Reply-To"]
    with untouched(needs):
        assert comes(needs, answer(ask(needs), "agree", To=str(of_staff))).verdict == "refused"


def test_an_answer_to_several_messages_at_once_answers_none(needs):
    old = ask(needs)
    needs.at("2025-07-08").do("describe-needs", "staff")
    both = f"{old['Reply-To']}, {ask(needs)['Reply-To']}"
    judged = comes(needs, answer(ask(needs), "agree", To=both))
    assert judged.verdict == "note"
    assert needs.facts.needs.signatures == {}


@pytest.mark.promise("automatic-mail-ignored")
def test_the_same_message_counts_once(needs):
    content = answer(ask(needs), "agree")
    assert comes(needs, content).verdict == "done"
    with untouched(needs):
        assert comes(needs, content).verdict == "repeated"
        assert comes(needs, b"Received: by another way\r\n" + content).verdict == "repeated"
    assert [row["verdict"] for row in replies(needs)] == ["done", "repeated"]
    assert needs.told("receipt") == ["principal"]


@pytest.mark.promise("limited-size")
def test_too_many_messages_are_a_loop_and_get_no_answer(needs):
    asked = ask(needs)
    for number in range(message.BUSY + 5):
        comes(needs, answer(asked, f"message number {number}"))
    found = [row["verdict"] for row in replies(needs)]
    assert found == ["note"] * message.BUSY + ["automatic"] * 5
    assert len(needs.notices("receipt")) == message.BUSY


# Yes and no in other words


@pytest.mark.promise("clear-consent")
@pytest.mark.parametrize(
    "text",
    ["Yes, I agree. Thank you!", "agreed", "OK", "Sounds good", "Hello,\r\n\r\nApproved.\r\n\r\nThank you!"],
)
def test_a_common_yes_agrees_to_what_was_asked(needs, text):
    judged = comes(needs, answer(ask(needs), text))
    assert (judged.verdict, judged.reason) == ("done", "agree-needs")
    assert set(needs.facts.needs.signatures) == {"school"}


@pytest.mark.parametrize("text", ["no thanks\r\n\r\nToo early.", "I do not agree.\r\n\r\nToo early."])
def test_a_common_no_is_one_with_its_reason(needs, text):
    assert comes(needs, answer(ask(needs), text)).verdict == "done"
    assert needs.history()[-1]["event"] == "add-note"
    assert needs.facts.needs.signatures == {}
    assert needs.told("reply-note") == ["staff"]


@pytest.mark.promise("clear-consent")
@pytest.mark.parametrize(
    "text", ["Thanks, I will look at it tomorrow.", "Looks good.", "I agree with most of it."]
)
def test_who_has_not_agreed_is_told_so_and_asked_again(needs, text):
    before = len(needs.notices())
    assert comes(needs, answer(ask(needs), text)).verdict == "note"
    (mine,) = [row for row in needs.notices()[before:] if row["to"] == "principal@example.org"]
    asked = got(needs, mine["template"], "principal")
    said = asked.get_body(("plain",)).get_content()
    assert str(asked["Subject"]).startswith("You have NOT agreed yet")
    assert "You have NOT agreed yet" in " ".join(said.split())
    assert "Agree to the statement of needs:" in said
    assert needs.facts.needs.signatures == {}
    assert needs.told("reply-note") == ["staff"]
    assert comes(needs, answer(asked, "Yes, agreed.")).verdict == "done"


def test_who_thanks_after_they_agreed_is_not_told_that_they_have_not(needs):
    asked = ask(needs)
    comes(needs, answer(asked, "agree"))
    comes(needs, answer(asked, "Thank you for everything!"))
    last = needs.notices("receipt")[-1]
    assert "NOT" not in str(got(needs, "receipt", "principal")["Subject"])
    assert needs.told("reply-refused") == []
    assert last["to"] == "principal@example.org"


@pytest.mark.promise("clear-consent")
def test_a_yes_signs_nothing(begin):
    life = begin("drafted")
    life.at("2025-08-28").do("sign-agreement", "staff")
    asked = got(life, "sign-agreement", "lead-partner")
    with untouched(life):
        assert comes(life, answer(asked, "Yes, I agree.")).verdict == "note"
    assert str(got(life, "reply-refused", "lead-partner")["Subject"]).startswith("You have NOT signed yet")


@pytest.mark.promise("clear-consent")
def test_a_yes_that_only_the_plain_text_shows_is_none(needs):
    page = "<p>Hello,</p><p>I do not agree.</p>"
    plain = "Hello,\r\n\r\nI agree."
    parts = (
        f"--b\r\nContent-Type: text/{kind}\r\n\r\n{said}" for kind, said in (("plain", plain), ("html", page))
    )
    body = "\r\n".join([*parts, "--b--"])
    head = answer(ask(needs), "", Content_Type='multipart/alternative; boundary="b"').partition(b"\r\n\r\n")[
        0
    ]
    comes(needs, head + b"\r\n\r\n" + body.encode())
    assert needs.facts.needs.signatures == {}


# One after the other


def take_in(life: Life) -> list[str]:
    box = MaildirLetterbox(life.system.config.folder / "replies")
    return [judged.verdict for judged in judge.judge_letters(life.system, box, lambda: life.now)]


def test_a_message_moves_to_cur_as_seen_when_it_has_been_dealt_with(needs):
    folder = needs.system.config.folder / "replies"
    put(folder, answer(ask(needs), "agree"), "1.host")
    assert take_in(needs) == ["done"]
    assert list((folder / "new").iterdir()) == []
    assert [path.name for path in (folder / "cur").iterdir()] == ["1.host:2,S"]
    assert take_in(needs) == []


def test_a_message_whose_move_was_cut_off_counts_once(needs, monkeypatch):
    folder = needs.system.config.folder / "replies"
    put(folder, answer(ask(needs), "agree"))
    with monkeypatch.context() as patch:
        patch.setattr(MaildirLetterbox, "mark_seen", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            take_in(needs)
    with untouched(needs):
        assert take_in(needs) == ["repeated"]
    assert len(replies(needs)) == 1
    assert [path.name for path in (folder / "cur").iterdir()] == ["1.host:2,S"]


def test_a_message_that_cannot_be_dealt_with_is_kept_and_stands_in_nobodys_way(needs, monkeypatch):
    folder = needs.system.config.folder / "replies"
    poison, good = answer(ask(needs), "poison"), answer(ask(needs), "agree")
    put(folder, poison, "1.host")
    put(folder, good, "2.host")
    real = judge.act

    def act(session, asked, values, **options):
        if values.get("text") == "poison":
            raise ZeroDivisionError("what nobody thought of")
        return real(session, asked, values, **options)

    monkeypatch.setattr(notes, "act", act)
    monkeypatch.setattr(judge, "act", act)
    assert sorted(take_in(needs)) == ["done", "refused"]
    kept = {row["message"]: row["reason"] for row in replies(needs)}
    assert "what nobody thought of" in kept[mask_codes(poison)]
    assert list((folder / "new").iterdir()) == []


@pytest.mark.promise("limited-size")
def test_only_so_many_are_read_at_once(needs, monkeypatch):
    monkeypatch.setattr(judge, "AT_ONCE", 2)
    for number in range(3):
        put(needs.system.config.folder / "replies", answer(ask(needs), f"{number}"), f"{number}.host")
    assert take_in(needs) == ["note", "note"]
    assert take_in(needs) == ["note"]


@pytest.mark.promise("limited-size")
def test_of_a_message_that_is_too_large_only_the_head_is_kept_and_nothing_is_done(needs, monkeypatch):
    monkeypatch.setattr("notifications.incoming.letterboxes.MOST", 1000)
    put(needs.system.config.folder / "replies", answer(ask(needs), "agree" + "\r\n" * 1000))
    with untouched(needs):
        assert take_in(needs) == ["refused"]
    assert "too large" in str(replies(needs)[0]["reason"])
    assert needs.told("reply-doubtful") == ["staff"]
