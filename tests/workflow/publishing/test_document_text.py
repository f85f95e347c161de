"""The text of a document is found in whatever way it is packed; what cannot be read is said to be so."""

from __future__ import annotations

import base64
import io
import zipfile
from email.message import EmailMessage

import pytest

from workflow.publishing.document_text import read_document, strip_tags
from workflow.publishing.secrets_in_text import squeeze

SECRET = "The cousin of the treasurer"


def zipped(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return made.getvalue()


WORD = zipped("word/document.xml", b"<w:t>The cou</w:t><w:t>sin of the treasurer</w:t>")


def message(**parts: bytes) -> bytes:
    """A message with a word of text and these files, by their kind."""
    made = EmailMessage()
    made["Subject"] = "A question"
    made.set_content("See the file")
    for kind, content in parts.items():
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=f"a.{kind}")
    return bytes(made)


def in_body(encoding: str, content: bytes, kind: str = "plain") -> bytes:
    head = f"Subject: x\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}"
    return head.encode() + b"\r\n\r\n" + content


WAYS: dict[str, tuple[str, bytes]] = {
    "text": ("a.txt", SECRET.encode()),
    "text of Windows": ("a.txt", SECRET.encode("utf-16")),
    "base64 in a text": ("a.txt", b"Kept: " + base64.encodebytes(SECRET.encode() * 4)),
    "base64 for addresses": ("a.txt", base64.urlsafe_b64encode(SECRET.encode())),
    "page with tags in a word": ("a.html", b"<p>The cou<b>sin</b> of the treasurer</p>"),
    "page with entities": ("a.html", b"<p>The &#99;ousin&nbsp;of the treasurer</p>"),
    "page with a file in it": ("a.html", b'<img src="data:text/plain;base64,' + base64.b64encode(SECRET.encode())),
    "body in base64": ("a.eml", in_body("base64", base64.encodebytes(SECRET.encode()))),
    "body in quoted-printable": ("a.eml", in_body("quoted-printable", b"The =63ousin of the trea=\r\nsurer")),
    "body in HTML": ("a.eml", in_body("8bit", b"<p>The cou<i>sin</i> of the treasurer", "html")),
    "subject": ("a.eml", b"Subject: =?utf-8?b?" + base64.b64encode(SECRET.encode()) + b"?=\r\n\r\nSee above\r\n"),
    "document": ("a.docx", WORD),
    "document in a document": ("a.docx", zipped("word/embeddings/b.docx", WORD)),
    "document at a message": ("a.eml", message(docx=WORD)),
    "text at a message": ("a.eml", message(txt=SECRET.encode())),
    "message at a message": ("a.eml", message(eml=message(docx=WORD))),
    "archive": ("a.zip", zipped("b.eml", message(txt=SECRET.encode()))),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_text_is_found_however_it_is_packed(way: str) -> None:
    name, content = WAYS[way]
    assert squeeze(SECRET) in squeeze(read_document(name, content).text)


@pytest.mark.parametrize(
    ("name", "content", "whole"),
    [
        ("a.docx", WORD, True),
        ("a.eml", message(txt=b"a word"), True),
        ("a.pdf", b"%PDF-1.7", False),
        ("a.docx", b"not packed at all", False),
        ("a.docx", zipped("word/media/image1.png", b"\x89PNG"), False),
        ("a.eml", message(pdf=b"%PDF-1.7"), False),
        ("a.html", b"Here are our data: none", True),
        ("a.html", b'<img src="data:image/png;base64,AAAA">', False),
        ("noname", b"text", False),
    ],
)
def test_what_cannot_be_read_is_said(name: str, content: bytes, whole: bool) -> None:
    assert read_document(name, content).whole is whole


def test_documents_within_documents_have_an_end() -> None:
    content = b"text"
    for _ in range(40):
        content = zipped("inner.zip", content)
    assert read_document("a.zip", content).whole is False


def test_tags_and_entities_are_taken_out() -> None:
    assert strip_tags("<p>A&amp;B<br>c</p>") == "A&Bc"
