"""A form that is sent: once and no more, nothing lost where it is refused, nothing run that was typed."""

from __future__ import annotations

import io
import threading
import zipfile
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from states.inputs import ABILITIES
from tests.support.facts import CBO, COLLEGE
from tests.support.visitor import Visit, Visitor
from workflow.store import tables

HOSTILE = "<script>alert(1)</script> & \"'{{ 7*7 }} </textarea><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("head", ["form-data", 'form-data; filename="a.pdf"'], ids=["a text", "a file"])
def test_a_part_that_has_no_name_is_none_of_ours(visit: Visit, head: str) -> None:
    visitor = visit("needs")
    path = visitor.link("add-note", "principal")
    form = visitor.get(path).form
    _, whole = encode_multipart({**visitor.filled(form, text="x"), "do": "act"}, boundary="x")
    nameless = f"--x\r\nContent-Disposition: {head}\r\n\r\nx\r\n".encode()
    before = visitor.life.dump()
    assert visitor.post(path, nameless + whole, "multipart/form-data; boundary=x").status == 400
    assert visitor.life.dump() == before
    assert visitor.post(path, whole, "multipart/form-data; boundary=x").status == 303


@pytest.mark.parametrize("event", ["agree-needs", "add-note", "describe-needs"])
def test_the_same_form_sent_by_twenty_at_once_acts_once(visit: Visit, event: str) -> None:
    visitor = visit("needs")
    if event == "agree-needs":
        visitor.life.do("describe-needs")
    path = visitor.link(event, "principal")
    form = visitor.get(path).form
    typed = {"text": "once"} if event == "add-note" else {}
    if event == "describe-needs":
        typed = dict.fromkeys(("needs", "resources", "assets", "qualities", "goals"), "one")
    data = visitor.filled(form, **typed)
    if event == "describe-needs":
        # Its answers are checked first, and it is the second press that twenty make at once.
        checked = visitor.client.post(path, data=data).headers["Location"]
        data = visitor.get(urljoin(path, checked)).form.texts | {"do": ["record"]}
    before, statuses = len(visitor.events()), []
    gate = threading.Barrier(20)

    def send() -> None:
        client = visitor.app.test_client()
        gate.wait()
        statuses.append(client.post(path, data=data).status_code)

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert visitor.events()[before:] == [event]
    assert len(visitor.life.notices("receipt")) == 1
    assert set(statuses) <= {303, 410}
    assert 303 in statuses


@pytest.mark.promise("done-once")
def test_two_windows_do_it_once(visit: Visit) -> None:
    visitor = visit("reported")
    path = visitor.link("give-finding", "principal")
    first, second = visitor.get(path).form, visitor.get(path).form
    assert visitor.send(path, first, impact="yes", reasons="up").status == 303
    assert visitor.send(path, second, impact="no", reasons="down").status == 410
    assert visitor.events().count("give-finding") == 1


def test_what_is_wrong_is_told_beside_the_field_and_nothing_is_lost(visit: Visit) -> None:
    visitor = visit("introduced")
    visitor.life.at("2025-10-02")
    path = visitor.link("approve")
    before = visitor.life.dump()
    sent = visitor.send(path, visitor.get(path).form, ayes="five", noes="1", reason="it is good")
    assert sent.status == 422
    assert sent.form.texts["ayes"] == ["five"]
    assert sent.form.texts["reason"] == ["it is good"]
    assert sent.page.text.count('aria-invalid="true"') == 3
    for wrong in ("f-ayes", "f-meeting-on", "f-confirm"):
        assert f"#{wrong}" in sent.page.links
        assert wrong in sent.page.ids
    assert visitor.life.dump() == before


def test_what_the_law_refuses_is_told_with_its_clauses_and_nothing_is_lost(visit: Visit) -> None:
    visitor = visit("introduced")
    visitor.life.at("2025-10-02")
    path = visitor.link("approve")
    before = visitor.life.dump()
    typed = {"meeting_on": "2025-10-01", "ayes": "1", "noes": "2", "confirm": "RBHS-2025"}
    sent = visitor.send(path, visitor.get(path).form, **typed)
    assert sent.status == 409
    assert "(policy 4270.9)" in sent.said
    assert {name: sent.form.texts[name] for name in typed} == {k: [v] for k, v in typed.items()}
    assert visitor.life.dump() == before


def test_what_stands_in_the_way_is_told_before_anybody_types(visit: Visit) -> None:
    visitor = visit("chosen")
    seen = visitor.get(visitor.link("sign-agreement"))
    assert "What prevents this now" in seen.said
    assert 'No measurable outcomes have been set yet: "Set the outcomes" (policy 4270.10).' in seen.said


@pytest.mark.promise("typed-confirmation")
@pytest.mark.parametrize("typed", ["", "yes", "rbhs-2026", "rbhs"])
def test_what_cannot_be_undone_is_confirmed_with_the_reference(visit: Visit, typed: str) -> None:
    visitor = visit("needs")
    path = visitor.link("withdraw")
    seen = visitor.get(path)
    assert "This takes effect at once" in seen.said
    before = visitor.life.dump()
    sent = visitor.send(path, seen.form, reason="other plans", confirm=typed)
    assert sent.status == 422
    assert visitor.life.dump() == before
    assert visitor.send(path, sent.form, confirm=" RBHS-2025 ").status == 303


def test_an_older_page_does_not_overwrite_what_another_wrote(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    path = visitor.link("describe-needs")
    form = visitor.get(path).form
    visitor.life.do("describe-needs", "staff", needs=["by staff"])
    before = visitor.life.dump()
    sent = visitor.send(path, form, needs="by the principal")
    assert sent.status == 409
    assert "has changed since you opened it" in sent.said
    assert sent.form.texts["needs"] == ["by the principal"]
    assert visitor.life.dump() == before
    assert visitor.send(path, sent.form).status == 303


def test_a_document_on_record_is_filled_in(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs", needs=["one", "two"])
    assert visitor.get(visitor.link("describe-needs")).form.texts["needs"] == ["one\ntwo"]


def test_outcomes_are_added_and_taken_out_by_buttons(visit: Visit) -> None:
    visitor = visit("chosen")
    visitor.life.do("set-outcomes")
    path = visitor.link("set-outcomes")
    form = visitor.get(path).form
    before = visitor.life.dump()
    more = visitor.send(path, form, "add").form
    assert "outcomes.2.name" in more.texts
    less = visitor.send(path, more, "drop.0", **{"outcomes.2.name": "third"}).form
    assert [less.texts[f"outcomes.{n}.name"] for n in (0, 1)] == [["suspensions"], ["third"]]
    assert less.texts["form"] == form.texts["form"]
    assert visitor.life.dump() == before


@pytest.mark.promise("text-stays-text")
@pytest.mark.parametrize("station", ["needs"])
def test_hostile_text_stays_text_everywhere(visit: Visit, station: str) -> None:
    visitor = visit(station)
    path = visitor.link("describe-needs")
    typed = dict.fromkeys(("resources", "assets", "qualities", "goals"), HOSTILE)
    wrong = visitor.send(path, visitor.get(path).form, **typed)
    done = visitor.follow(visitor.send(path, wrong.form, needs=HOSTILE))
    shown = visitor.get(visitor.link("agree-needs"))
    for seen in (wrong, done, shown, visitor.get(path)):
        tags = {tag for tag, _ in seen.page.tags}
        assert not tags & {"script", "img", "style"}
        assert not [1 for _, given in seen.page.tags for name in given if name.startswith(("on", "style"))]
        assert "{{ 7*7 }}" in seen.page.text


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        ({}, "application/x-www-form-urlencoded", 400),
        ({"form": "x", "shown": "0" * 32, "do": "act"}, "application/x-www-form-urlencoded", 400),
        ({"form": "0" * 32, "shown": "0" * 32, "do": "drop.x"}, "application/x-www-form-urlencoded", 400),
        ('{"form": "x"}', "application/json", 415),
        ("form=x", "text/plain", 415),
    ],
)
def test_only_a_form_of_ours_acts(visit: Visit, data: Any, kind: str, status: int) -> None:
    visitor = visit("needs")
    path = visitor.link("withdraw")
    before = visitor.life.dump()
    assert visitor.post(path, data, kind).status == status
    assert visitor.life.dump() == before


# The sheet of scores


def scores(organization: str, score: str = "4", comment: str = "good") -> dict[str, str]:
    given = {f"{organization}/scores.{ability}": score for ability in ABILITIES}
    return given | {f"{organization}/comment": comment}


def test_one_sheet_scores_every_application_with_one_receipt(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    done = visitor.do(path, **scores(CBO), **scores(COLLEGE, "2"))
    assert done.said.count("Score the applications") == 2
    assert visitor.events()[-2:] == ["score-application"] * 2
    assert len(visitor.life.notices("receipt")) == 1
    again = visitor.get(path).form
    assert again.texts[f"{COLLEGE}/scores.diversity"] == ["2"]


def test_an_application_that_is_left_blank_is_left_for_later(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    visitor.do(path, **scores(CBO))
    visitor.do(path, **scores(COLLEGE))
    assert visitor.events()[-2:] == ["score-application"] * 2
    selection = visitor.life.facts.selection
    assert selection is not None
    assert [score.organization for score in selection.scores] == [CBO, COLLEGE]


def test_one_mistake_on_the_sheet_records_nothing_of_it(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    before = visitor.life.dump()
    sent = visitor.send(path, visitor.get(path).form, **(scores(CBO) | {f"{COLLEGE}/comment": "half done"}))
    assert sent.status == 422
    assert "City College, Diversity: Choose one." in sent.said
    assert sent.form.texts[f"{CBO}/scores.diversity"] == ["4"]
    assert visitor.life.dump() == before


def test_a_conflict_is_declared_on_the_sheet_and_takes_the_application_off_it(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    visitor.do(path, **(scores(COLLEGE) | {f"{CBO}/conflict/reason": "a relative works there"}))
    assert sorted(visitor.events()[-2:]) == ["declare-conflict", "score-application"]
    seen = visitor.get(path)
    assert f"{CBO}/comment" not in seen.form.texts
    assert "You have declared a conflict of interest with Harbor House" in seen.said


def test_a_sheet_without_anything_new_says_so(visit: Visit) -> None:
    visitor = visit("closed")
    path = visitor.link("score-application")
    visitor.do(path, **scores(CBO))
    before = visitor.life.dump()
    sent = visitor.send(path, visitor.get(path).form)
    assert sent.status == 422
    assert "There is nothing new here" in sent.said
    assert visitor.life.dump() == before


# Documents


def zipped(*members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as parts:
        for member in members:
            parts.writestr(member, "x")
    return buffer.getvalue()


def attach(visitor: Visitor, path: str, name: str, content: bytes) -> Any:
    form = visitor.get(path).form
    data = visitor.filled(form, title="A letter") | {"file": FileStorage(io.BytesIO(content), name)}
    boundary, body = encode_multipart(data)
    return visitor.post(path, body, f"{form.kind}; boundary={boundary}")


def kept(visitor: Visitor) -> list[tuple[str, int]]:
    with visitor.life.system.reading() as session:
        rows = session.connection.execute(select(tables.documents.c.name, tables.documents.c.size))
        return [(row.name, row.size) for row in rows]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"%PDF-1.7 x"), ("A.PDF", b"%PDF-1.7 x"), ("a.docx", zipped("word/document.xml")),
        ("a.xlsx", zipped("xl/workbook.xml")), ("a.pptx", zipped("ppt/presentation.xml")),
        ("a.odt", zipped("content.xml")), ("a.txt", "caf\u00e9".encode()), ("a.csv", b"a;b\r\n1;2\r\n"),
        ("a.png", b"\x89PNG\r\n\x1a\nx"), ("a.jpg", b"\xff\xd8\xffx"), ("a.jpeg", b"\xff\xd8\xffx"),
    ],
)  # fmt: skip
def test_a_document_of_a_known_type_is_kept_once(visit: Visit, name: str, content: bytes) -> None:
    visitor = visit("needs")
    path = visitor.link("attach-document")
    for _ in range(2):
        assert attach(visitor, path, name, content).status == 303
    assert kept(visitor) == [(name, len(content))]
    assert [document.name for document in visitor.life.facts.documents] == [name, name]


@pytest.mark.promise("documents-are-saved")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.exe", b"MZ"), ("a.html", b"<html>"), ("a.svg", b"<svg/>"), ("pdf", b"%PDF-1.7"), ("a.pdf", b"MZ"),
        ("a.pdf", b""), ("a.docx", b"%PDF-1.7"), ("a.docx", zipped("other")), ("a.docx", b"PK\x03\x04broken"),
        ("a.docx", zipped("word/document.xml", "word/vbaProject.bin")), ("a.txt", b"\x00\x01"),
        ("a.txt", b" <!doctype html>"), ("a.csv", b"\xef\xbb\xbf<script>"), ("a.png", b"\xff\xd8\xff"),
        ("a.pdf.exe", b"%PDF-1.7"), ("a.docm", zipped("word/document.xml")),
    ],
)  # fmt: skip
def test_any_other_document_is_refused_with_words(visit: Visit, name: str, content: bytes) -> None:
    visitor = visit("needs")
    path = visitor.link("attach-document")
    before = visitor.life.dump()
    sent = attach(visitor, path, name, content)
    assert sent.status == 422
    assert "Document: " in sent.said
    assert "Choose the file again" in sent.said
    assert sent.form.texts["title"] == ["A letter"]
    assert visitor.life.dump() == before


def test_a_document_that_is_too_large_is_refused_with_words(visit: Visit) -> None:
    visitor = visit("needs", "[web]\nupload_megabytes = 1\n")
    path = visitor.link("attach-document")
    before = visitor.life.dump()
    sent = attach(visitor, path, "a.pdf", b"%PDF-" + b"x" * 1_200_000)
    assert sent.status == 422
    assert "no more than 1 MB" in sent.said
    assert sent.form.texts["title"] == ["A letter"]
    assert attach(visitor, path, "a.pdf", b"%PDF-" + b"x" * 6_000_000).status == 413
    assert visitor.life.dump() == before


def test_a_document_that_is_only_named_is_none(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("attach-document")
    form = visitor.get(path).form
    data = visitor.filled(form, title="A letter") | {"file": "letter.pdf", "sha256": "0" * 64}
    assert visitor.post(path, data, form.kind).status == 422


def test_the_name_of_a_document_has_no_folder_and_no_tricks(visit: Visit) -> None:
    visitor = visit("needs")
    path = visitor.link("attach-document")
    assert attach(visitor, path, "..\\..\\etc/\u202efdp.x\x07.pdf", b"%PDF-1.7").status == 303
    assert [document.name for document in visitor.life.facts.documents] == ["fdp.x.pdf"]


def test_a_delegate_acts_in_both_names(visit: Visit) -> None:
    visitor = visit("needs")
    visitor.life.do("describe-needs")
    visitor.life.person("franklin-principal", **{"roles": ["principal"], "schools": ["franklin"]})
    visitor.life.person(
        "principal", away_until=(visitor.life.now + timedelta(days=9)).date(),
        delegate="franklin-principal@example.org",
    )  # fmt: skip
    path = visitor.link(
        "agree-needs", "principal", to="franklin-principal@example.org", delegate_for="principal@example.org"
    )
    assert "in place of Principal, who is away" in visitor.get(path).said
    done = visitor.do(path)
    assert "Franklin principal for Principal" in done.said
    entry = visitor.life.history()[-1]
    assert (entry["actor"], entry["ran_by"]) == ("principal@example.org", "franklin-principal@example.org")
    assert len(visitor.life.notices("receipt")) == 2
