"""What is withheld in one place is withheld in every document that has it too, however it is written there."""

from __future__ import annotations

import pytest

from tests.support.district import Begin, Life
from tests.workflow.publishing.test_document_text import SECRET, WAYS
from tests.workflow.publishing.test_dossier import keep, made
from workflow.publishing.document_text import read_document
from workflow.publishing.secrets_in_text import squeeze
from workflow.record.marks import Mark


def with_document(begin: Begin, name: str, content: bytes) -> tuple[Life, Mark]:
    """A life with this document, and a mark of the note that says the same."""
    life = begin("active")
    life.do("record-meeting", on="2025-09-02", documents=[keep(life, name, content)])
    life.do("add-note", text=SECRET)
    return life, Mark(f"row/{life.record.version}/input/text", "attorney-client", None)


@pytest.mark.promise("withheld-stays-withheld")
@pytest.mark.parametrize("way", WAYS)
def test_a_document_that_says_it_too_does_not_tell(begin: Begin, way: str) -> None:
    life, mark = with_document(begin, *WAYS[way])
    whole, public = made(life), made(life, mark)
    for files, is_told in ((whole, True), (public, False)):
        texts = (read_document(name, content).text for name, content in files.items())
        assert any(squeeze(SECRET) in squeeze(text) for text in texts) is is_told
    assert "attorney-client privilege" in public["exemptions.csv"].decode()


def test_a_page_in_which_it_can_be_taken_out_is_kept(begin: Begin) -> None:
    life, mark = with_document(begin, "a.html", f"<p>Before. {SECRET}. After.</p>".encode())
    (document,) = (text for name, text in made(life, mark).items() if name.endswith("-a.html"))
    assert document == b"<p>Before. [withheld: attorney-client]. After.</p>"


def test_an_address_as_an_entity_withholds_the_page(begin: Begin) -> None:
    life, _ = with_document(begin, "a.html", b"<p>Write to some&#98;ody&#64;example.org</p>")
    assert not any(name.endswith("-a.html") for name in made(life))
