"""A dossier says everything to the office, and to the public nothing that is withheld: not even to who guesses."""

from __future__ import annotations

import email
import hashlib
import html
import io
import json
import os
import random
import re
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import policy
from pathlib import Path
from typing import Any

import pytest

from tests.support import databases, letters
from tests.support.district import Begin, Life
from workflow.publishing import dossier, dossier_items
from workflow.publishing.dossier_parts import gather, named_files
from workflow.record.marks import Mark
from workflow.store import kept_documents
from workflow.store.commitments import flatten

SECRET = "The cousin of the treasurer works for them, so we ask counsel"
PHONE = "(206) 555-0139"


def keep(life: Life, name: str, content: bytes) -> dict[str, Any]:
    """Keep a document; what an event says of it."""
    digest, size = life.system.transact(
        lambda session: kept_documents.keep(session.connection, name, content, life.now)
    )
    return {"name": name, "sha256": digest, "size": size}


def packed(text: str) -> bytes:
    """A document of a word processor, as far as a reader of its text is concerned."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("word/document.xml", f"<w:p><w:r><w:t>{html.escape(text)}</w:t></w:r></w:p>")
    return made.getvalue()


@pytest.fixture
def life(begin: Begin) -> Life:
    """A life with messages that left, documents, a correction, a vote and a report."""
    life = begin("scored")
    letters.delivered(life)
    life.do("add-note", text=f"{SECRET} before the {PHONE} call")
    life.at("2025-08-20").do("choose-partner", reasons="The best scores of all by far")
    life.do("set-outcomes")
    for role in ("principal", "staff", "lead-partner"):
        life.do("agree-outcomes", role)
    life.do(
        "draft-agreement",
        amount_cents=25_000_000,
        ends_on="2027-08-31",
        document=keep(life, "agreement.txt", b"Harbor House keeps a family center open.\n"),
    )
    life.at("2025-09-02").do("refer-to-board")
    life.do("schedule-item")
    life.at("2025-09-18").do("introduce-item")
    life.do("schedule-item", meeting_on="2025-10-01")
    life.at("2025-10-02").do("approve", reason="The families asked for it")
    letters.delivered(life)
    for role in ("staff", "lead-partner"):
        life.do("sign-agreement", role, signed_on="2025-10-02")
    life.do(
        "record-meeting",
        on="2025-10-02",
        summary="All partners met in the library",
        documents=[keep(life, "minutes.docx", packed(f"Minutes. {SECRET}."))],
    )
    life.do(
        "correct-entry",
        "staff",
        seq=1,
        input={"school": "rainier-beach", "title": "A Lead Partner for reading"},
        reason="mistyped title",
    )
    letters.delivered(life)
    life.at("2026-07-02").do("open-annual-review", "staff")
    life.do("submit-report", narrative="Attendance rose after the breakfast club began")
    letters.delivered(life)
    return life


def made(life: Life, *marks: Mark, public: bool = True) -> dict[str, bytes]:
    """The files of a dossier, as they come out of the ZIP file."""
    with life.system.reading() as session:
        content = dossier.make(session, life.record, life.now, marks if public else None).write(life.now)
    with zipfile.ZipFile(io.BytesIO(content)) as packed_files:
        return {name: packed_files.read(name) for name in packed_files.namelist()}


def readings(files: dict[str, bytes]) -> Iterator[str]:
    """Everything that somebody can read in these files, in each way in which it can be encoded."""
    for name, content in files.items():
        texts = [name, *(content.decode(code, "ignore") for code in ("utf-8", "utf-16-le", "utf-16-be"))]
        if name.endswith(".eml"):
            message = email.message_from_bytes(content, policy=policy.default)
            texts += [str(value) for value in message.values()]
            texts += [str(part.get_content()) for part in message.walk() if not part.is_multipart()]
        if name.endswith(".docx"):
            with zipfile.ZipFile(io.BytesIO(content)) as inside:
                texts += [inside.read(part).decode() for part in inside.namelist()]
        for text in texts:
            plain = html.unescape(text)
            yield re.sub(r"[\s>]+", "", re.sub(r"\r\n[ \t]", "", plain)).casefold()


def withheld_values(life: Life, chosen: list[Mark]) -> Iterator[tuple[str, Any]]:
    """Each value that these marks withhold, from the whole record."""
    with life.system.reading() as session:
        parts = gather(session, life.record, life.now)
    for mark in chosen:
        kind, _, rest = mark.item.partition("/")
        number, _, pointer = rest.partition("/")
        for row in parts.rows if kind == "row" else ():
            if row.entry.seq == int(number):
                for column, value in row.values.items():
                    for place, leaf in flatten(value, f"/{column}"):
                        if f"{place}/".startswith(f"/{pointer}/"):
                            yield place, leaf
        for file in parts.files:
            if file.item == mark.item:
                yield from (("", file.name), ("", file.sha256))
                text = (file.content or b"").decode("utf-8", "ignore")
                if "\0" not in text and len(text) < 200:
                    yield "", text


def ordinary_words(life: Life) -> str:
    """What stands in a dossier whatever its partnership: the words of its pages, and when what happened."""
    with life.system.reading() as session:
        words = dossier.fixed_words(session)
    opened = json.dumps([[str(row["at"]), row["event"], row["role"], row["hash"]] for row in life.history()])
    office = "staff@example.org principal@example.org"
    return re.sub(r"[\s>]+", "", f"{words} {opened} {life.ref} {office}").casefold()


def test_the_dossier_of_the_office_has_everything_and_verifies_on_its_own(life: Life, tmp_path: Path) -> None:
    files = made(life, public=False)
    page = html.unescape(files["index.html"].decode())
    for text in (
        SECRET,
        "The families asked for it",
        "A Lead Partner for reading",
        "days attended",
        "strong",
    ):
        assert text in page
    assert "documents/" in "".join(files)
    assert "messages/" in "".join(files)
    assert b"lead-partner@example.org" in b"".join(files.values())
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for listed in json.loads(files["manifest.json"])["files"]:
        assert hashlib.sha256(files[listed["path"]]).hexdigest() == listed["sha256"]
        assert len(files[listed["path"]]) == listed["size"]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify_export.py", "record.json"], cwd=tmp_path,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_same_record_gives_the_same_bytes(life: Life) -> None:
    def write() -> bytes:
        with life.system.reading() as session:
            return dossier.make(session, life.record, life.now, []).write(life.now)

    assert write() == write()


def test_what_is_withheld_by_default_is_nowhere(life: Life) -> None:
    everything = " ".join(readings(made(life)))
    for address in ("lead-partner@", "applicant@", "reviewer-1@", "555-0139"):
        assert address not in everything, address
    # The text is a committed value, so it goes whole; the names stay.
    assert re.sub(r"\s", "", f"{SECRET} before the").casefold() not in everything
    assert "reviewer1(reviewer)" in everything
    assert "[link]" in everything
    assert "/a/" not in everything


def test_the_log_cites_a_statute_for_each_item_and_counsel(life: Life) -> None:
    files = made(life, Mark("row/14/input/comment", "student", None))
    log = files["exemptions.csv"].decode("utf-8-sig")
    assert "row/14/input/comment" in log
    assert "RCW 42.56.230(1)" in log
    assert "not yet" in log
    assert "Counsel has not confirmed" in files["exemptions.html"].decode()
    assert "[withheld: student]" in files["index.html"].decode()
    # Of a message from which something was taken out, the log says so as well.
    assert "/part,security of computer networks,RCW 42.56.420(4)," in log


def test_a_withheld_document_leaves_no_name_size_or_digest(life: Life) -> None:
    with life.system.reading() as session:
        parts = gather(session, life.record, life.now)
    document = next(file for file in parts.files if file.name == "agreement.txt")
    files = made(life, Mark(document.item, "trade-secret", None))
    everything = " ".join(readings(files))
    assert document.sha256 not in everything
    assert "agreement.txt" not in everything
    history = json.loads(files["record.json"])["partnerships"][0]["history"]
    named = [value for row in history for _, value in named_files(row["input"], "/input")]
    assert document.sha256 not in str(named)


@pytest.mark.promise("withheld-stays-withheld")
def test_two_hundred_random_choices_all_verify_and_none_leaks(life: Life, tmp_path: Path) -> None:
    chance = random.Random(int(os.environ.get("SEED", "14")))
    with life.system.reading() as session:
        items = [item for item, _ in dossier_items.list_items(session, life.record, life.now)]
    # The mark of an object or of a whole entry covers all below it.
    whole = sorted({item.rpartition("/")[0] for item in items if item.count("/") > 2})
    verify = runpy.run_path(str(Path(dossier.DEFAULTS) / "docs" / dossier.VERIFIER))
    ordinary = ordinary_words(life)
    searched, rounds = 0, 20 if databases.POSTGRESQL else 200  # nothing of it depends on the database
    for number in range(rounds):
        some = chance.sample(items, chance.randint(1, 6)) + chance.sample(whole, chance.randint(0, 1))
        chosen = [Mark(item, chance.choice(("trade-secret", "student")), None) for item in some]
        files = made(life, *chosen)
        exported = tmp_path / "record.json"
        exported.write_bytes(files["record.json"])
        assert verify["main"](str(exported)) == 0, (number, chosen)
        everything = "\n".join(readings(files))
        hashes = set(re.findall(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", everything))
        for place, value in withheld_values(life, chosen):
            for guess in (str(value), json.dumps(value), json.dumps(["", place, value]), f"{value}\n"):
                assert hashlib.sha256(guess.encode()).hexdigest() not in hashes, (number, place)
            text = re.sub(r"[\s>]+", "", str(value)).casefold()
            if len(text) > 4 and text not in ordinary and not isinstance(value, bool):
                searched += 1
                assert text not in everything, (number, chosen, place, value)
    assert searched > rounds
