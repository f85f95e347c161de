"""Documents where people have them: sent with a form, shown with type and size, and read by whoever judges them."""

from __future__ import annotations

import hashlib
import io
import re
from email.message import EmailMessage
from typing import Any
from urllib.parse import urljoin

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from states.names import Role
from tests.support.district import Begin
from tests.support.facts import REVIEWERS
from tests.support.letters import got
from tests.support.visitor import Guest, Visit, Visitor, count, path_of, words
from tests.workflow.web.test_application import WRITTEN, Applying, applied, text

PDF, LETTER = b"%PDF-1.7 the plan", b"%PDF-1.7 a letter"
DIGEST = hashlib.sha256(PDF).hexdigest()


def files(*named: tuple[str, bytes]) -> list[FileStorage]:
    """What a browser sends of the files that somebody chose."""
    return [FileStorage(io.BytesIO(content), name) for name, content in named]


def send(visitor: Visitor, path: str, chosen: dict[str, Any], **typed: Any) -> Any:
    """Open a form, choose files by the name of their field, and send it."""
    form = visitor.get(path).form
    boundary, body = encode_multipart(visitor.filled(form, **typed) | chosen)
    return visitor.post(path, body, f"{form.kind}; boundary={boundary}")


def apply(who: Applying, do: str = "send", **fields: Any) -> str:
    """Send the form of an application; the page that comes of it."""
    boundary, body = encode_multipart(WRITTEN | {"do": do, "form": who.key()} | fields)
    path, kind = path_of(who.link), f"multipart/form-data; boundary={boundary}"
    answer = who.visitor.client.post(path, data=body, content_type=kind)
    return who.visitor.client.get(urljoin(path, answer.headers["Location"])).text


def addresses(page: str) -> list[str]:
    return re.findall(r'href="([^"]+/documents/[0-9a-f]{64})"', page)


# Applications


@pytest.mark.promise("application-files-are-sealed")
@pytest.mark.clause("4270.8")
def test_the_files_of_an_application_are_its_authors_until_the_call_closes(begin: Begin) -> None:
    life = begin("applied")
    who = Applying(life)
    assert "We have your application" in apply(who, documents=files(("our secret plan.pdf", PDF)))
    assert [each["name"] for each in text(life).documents] == ["our secret plan.pdf"]
    (own,) = set(addresses(who.page()))
    assert Guest(life).get(own).data == PDF
    roles = {Role.STAFF: "staff", Role.PRINCIPAL: "principal", Role.REVIEWER: REVIEWERS[0].partition("@")[0]}
    readers = [(Guest(life), role, f"{name}@example.org") for role, name in roles.items()]
    for guest, role, email in readers:
        link = guest.link(role, email)
        page = guest.get(link).text
        assert "secret plan" not in page
        assert guest.get(f"{link}/documents/{DIGEST}").status_code == 404
    stranger = Applying(life, "somebody-else@example.org")
    assert Guest(life).get(f"{stranger.link}/documents/{DIGEST}").status_code == 404
    # The facts of the partnership, which the office may export before, name no file.
    assert "secret plan" not in life.record.facts.model_dump_json()
    life.at("2025-08-15 17:00").tick("2025-08-15 17:01")
    for guest, role, email in readers[:1] + readers[2:]:
        link = guest.link(role, email)
        page = guest.get(link).text
        assert "our secret plan.pdf (PDF, 17 bytes)" in words(page)
        assert guest.get(f"{link}/documents/{DIGEST}").data == PDF


def test_a_reviewer_finds_the_files_on_the_sheet_of_scores(visit: Visit) -> None:
    visitor = visit("applied")
    apply(Applying(visitor.life), documents=files(("plan.pdf", PDF)))
    visitor.life.tick("2025-08-15 17:01")
    sheet = visitor.get(visitor.link("score-application"))
    assert "plan.pdf (PDF, 17 bytes)" in sheet.said
    (address,) = {link for link in sheet.page.links if link.endswith(DIGEST)}
    assert visitor.client.get(visitor.path_of(address)).data == PDF


def test_what_an_applicant_chose_stays_through_mistakes_drafts_and_a_second_sending(begin: Begin) -> None:
    life = begin("open")
    who = Applying(life)
    wrong = apply(who, name="", documents=files(("plan.pdf", PDF)))
    assert "plan.pdf (PDF, 17 bytes)" in words(wrong), "it is here although the name is missing"
    saved = apply(who, "save", keep=[DIGEST], documents=files(("letter.pdf", LETTER)))
    assert "Saved, not sent" in saved
    assert len(set(addresses(who.page()))) == 2
    assert count(life, "documents") == 0, "nothing is kept for good before it is sent"
    letter = hashlib.sha256(LETTER).hexdigest()
    apply(who, keep=[DIGEST, letter], unchanged="yes")
    assert [each["name"] for each in text(life).documents] == ["plan.pdf", "letter.pdf"]
    assert count(life, "kept_files") == 0
    # A box without its tick leaves the file out, and the other needs not be chosen again.
    apply(who, keep=[letter])
    assert [each["name"] for each in text(life).documents] == ["letter.pdf"]
    form = {"form": f"{who.key()}-w", "do": "withdraw", "confirm": "withdraw"}
    assert "is withdrawn" in who.visitor.post(who.link, **form).text
    assert "letter.pdf" in words(who.page())
    apply(who, keep=[letter], unchanged="yes")
    assert [each["name"] for each in text(life).documents] == ["letter.pdf"]
    assert life.faults() == []


@pytest.mark.promise("documents-are-saved")
@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([("a.exe", b"MZ")], "are not taken"),
        ([("a.docm", b"PK")], "are not taken"),
        ([("a.pdf", b"")], "is empty"),
        ([("a.pdf", b"MZ")], "is not what its ending"),
        ([("a.pdf", b"%PDF-" + b"x" * 600_000), ("b.pdf", b"%PDF-" + b"y" * 600_000)], "no more than 1 MB"),
        ([(f"{n}.txt", b"x%d" % n) for n in range(11)], "no more than 10"),
    ],
    ids=["program", "macros", "empty", "disguised", "together", "many"],
)
def test_an_application_takes_no_file_that_another_form_refuses(
    begin: Begin, sent: list[tuple[str, bytes]], said: str
) -> None:
    life = begin("open", "[web]\nupload_megabytes = 1\n")
    who = Applying(life)
    answer = apply(who, documents=files(*sent))
    assert said in words(answer)
    assert applied(life) == {}
    assert "a secret about diversity" in answer, "what was typed is still here"
    assert count(life, "documents") == count(life, "kept_files") == 0


def test_nobody_names_the_file_of_somebody_else(begin: Begin) -> None:
    life = begin("open")
    apply(Applying(life), documents=files(("plan.pdf", PDF)))
    other = Applying(life, "somebody-else@example.org")
    apply(other, name="Others", keep=[DIGEST])
    assert applied(life)["others"]
    assert addresses(other.page()) == []
    assert other.visitor.get(f"{other.link}/documents/{DIGEST}").status_code == 404


def test_one_address_sends_only_so_much_to_one_call(begin: Begin) -> None:
    life = begin("open", "[web]\nupload_megabytes = 1\n")
    who = Applying(life)
    for n in range(5):
        apply(who, documents=files(("plan.pdf", b"%PDF-" + b"%d" % n * 990_000)))
    answer = apply(who, documents=files(("plan.pdf", b"%PDF-" + b"z" * 990_000)))
    assert "no more than 5 MB in all" in words(answer)
    assert count(life, "documents") == 5


# Other forms


def test_a_protest_comes_with_files_and_who_answers_reads_them(visit: Visit) -> None:
    visitor = visit("chosen")
    path = visitor.link("file-protest")
    done = visitor.follow(
        send(
            visitor,
            path,
            {"documents": files(("plan.pdf", PDF), ("letter.pdf", LETTER))},
            text="A sum is wrong",
        )
    )
    assert "plan.pdf (PDF, 17 bytes)" in done.said
    (protest,) = visitor.life.facts.selection.protests
    assert [(each.name, each.size) for each in protest.documents] == [("plan.pdf", 17), ("letter.pdf", 17)]
    mail = got(visitor.life, "file-protest", "staff").get_body(("plain",)).get_content()
    assert "plan.pdf (PDF, 17 bytes)" in mail
    answering = visitor.get(visitor.link("answer-protest"))
    address = next(link for link in answering.page.links if link.endswith(DIGEST))
    assert visitor.client.get(visitor.path_of(address)).data == PDF


def test_files_stay_while_the_rest_of_a_form_is_put_right_and_each_can_be_left_out(visit: Visit) -> None:
    visitor = visit("active")
    visitor.life.at("2025-09-05")
    path = visitor.link("record-meeting")
    wrong = send(
        visitor, path, {"documents": files(("plan.pdf", PDF), ("letter.pdf", LETTER))}, on="2025-09-02"
    )
    assert wrong.status == 422
    assert "Leave out letter.pdf" in wrong.said
    typed = {"on": "2025-09-02", "summary": "We met", "evidence": "The minutes", "leave-out": "1"}
    assert visitor.follow(visitor.send(path, wrong.form, **typed)).status == 200
    (done,) = visitor.life.facts.duties
    assert [each.name for each in done.documents] == ["plan.pdf"]
    assert visitor.life.faults() == []


def test_several_files_have_one_limit_together(visit: Visit) -> None:
    visitor = visit("active", "[web]\nupload_megabytes = 1\n")
    visitor.life.at("2025-09-05")
    two = files(("a.pdf", b"%PDF-" + b"x" * 600_000), ("b.pdf", b"%PDF-" + b"y" * 600_000))
    typed = {"on": "2025-09-02", "summary": "We met", "evidence": "The minutes"}
    before = count(visitor.life, "history")
    sent = send(visitor, visitor.link("record-meeting"), {"documents": two}, **typed)
    assert sent.status == 422
    assert "1 MB together" in sent.said
    assert sent.form.texts["summary"] == ["We met"]
    assert count(visitor.life, "history") == before


# Signatures


@pytest.mark.promise("signature-is-meant")
def test_a_signature_on_a_page_is_a_name_and_a_consent_to_a_document_with_its_digest(visit: Visit) -> None:
    visitor = visit("chosen")
    life = visitor.life
    life.do("draft-agreement", document={"name": "terms.pdf", "sha256": DIGEST, "size": 17})
    life.do("set-outcomes")
    for role in ("principal", "staff", "lead-partner"):
        life.do("agree-outcomes", role)
    life.at("2025-08-28")
    path = visitor.link("sign-agreement", "lead-partner")
    page = visitor.get(path)
    assert f"terms.pdf (PDF, 17 bytes) SHA-256: {DIGEST}" in page.said
    assert "I sign this agreement by typing my name" in page.said
    for typed in ({"name": "Ann Lee"}, {"consent": "yes"}):
        refused = visitor.send(path, page.form, **typed)
        assert refused.status == 422
        assert life.facts.agreement.signatures == {}
    visitor.follow(visitor.send(path, page.form, name="Ann Lee", consent="yes"))
    signature = life.facts.agreement.signatures["partner"]
    assert (signature.name, signature.consented, signature.signed_sha256) == ("Ann Lee", True, DIGEST)


def pages_in(message: EmailMessage) -> list[Any]:
    """The pages that are attached to a message."""
    return [part for part in message.iter_attachments() if part.get_content_type() == "text/html"]


@pytest.mark.promise("signed-copy-is-proved")
def test_everybody_concerned_gets_the_signed_copy_once_all_have_signed(visit: Visit) -> None:
    visitor = visit("drafted")
    life = visitor.life
    life.at("2025-08-28").do("sign-agreement", "staff")
    assert life.facts.agreement.signed_copy is None
    assert life.told("sign-agreement") == ["lead-partner"]
    visitor.do(visitor.link("sign-agreement", "lead-partner"), name="Ann Lee", consent="yes")
    copy = life.facts.agreement.signed_copy
    assert [each.sha256 for each in life.facts.documents] == [copy.sha256]
    for who in ("staff", "principal", "superintendent", "board-office"):
        (page,) = pages_in(got(life, "sign-agreement", who))
        assert hashlib.sha256(page.get_payload(decode=True)).hexdigest() == copy.sha256
    (page,) = pages_in(got(life, "receipt", "lead-partner"))
    assert page.get_filename() == copy.name
    shown = words(page.get_payload(decode=True).decode())
    for part in ("For the Lead Partner: Ann Lee", "For the District: Staff", "Whole amount", "attendance"):
        assert part in shown
    # The digest is in the chain: the page in the record can be proved later.
    assert copy.sha256 in life.history()[-1]["setting"]
    assert life.faults() == []
    guest = Guest(life)
    (address,) = {
        a for a in addresses(guest.shown(Role.PRINCIPAL, "principal@example.org")) if copy.sha256 in a
    }
    assert guest.get(address).status_code == 200


def test_a_signature_on_paper_is_recorded_by_staff_and_marked_so(visit: Visit) -> None:
    visitor = visit("drafted")
    life = visitor.life
    life.at("2025-08-29")
    typed = {"side": "partner", "name": "Ann Lee", "signed_on": "2025-08-28"}
    path = visitor.link("record-signature")
    missing = visitor.send(path, visitor.get(path).form, **typed)
    assert "Choose a file" in missing.said, "a signature on paper needs its scan"
    visitor.follow(send(visitor, path, {"document": files(("signed.pdf", PDF))[0]}, **typed))
    signature = life.facts.agreement.signatures["partner"]
    assert (signature.paper, signature.by, signature.name) == (True, "staff@example.org", "Ann Lee")
    page = words(Guest(life).shown(Role.LEAD_PARTNER, "lead-partner@example.org"))
    assert (
        "Ann Lee, Thursday, August 28, 2025, on paper; recorded by Staff: signed.pdf (PDF, 17 bytes)" in page
    )
    # Who records a paper signs for nobody, so the same person may sign for the District.
    life.do("sign-agreement", "staff", signed_on="2025-08-29")
    assert life.facts.agreement.signed_copy is not None
    assert life.faults() == []
