"""Three years of a partnership in one file: whole for the office, and for the public without its secrets."""

from __future__ import annotations

import hashlib
import html
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support import three_years
from tests.support.desk import REF, Desk
from tests.support.three_years import CHOICE, FIRST_VOTE, GAP, PLAN, SECOND_VOTE, SECRET
from tests.workflow.admin.conftest import Sit, sit  # noqa: F401
from tests.workflow.record.test_forgetting import found_in
from workflow.publishing.document_text import read_document
from workflow.publishing.secrets_in_text import squeeze
from workflow.record import checkpoint


@pytest.fixture
def desk(sit: Sit) -> Desk:  # noqa: F811
    """A desk in a district whose partnership has lived three years."""
    desk = sit()
    three_years.live(desk.life)
    checkpoint.take(desk.life.system, desk.life.now, by="staff")
    return desk


def unpacked(desk: Desk, name: str, *options: str) -> Path:
    """The folder with the files of a new dossier."""
    desk.ask("dossier", REF, "--output", str(desk.folder / f"{name}.zip"), *options)
    folder = desk.folder.parent / name
    with zipfile.ZipFile(desk.folder / f"{name}.zip") as packed:
        packed.extractall(folder)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def agrees_with_its_manifest(folder: Path) -> bool:
    files = files_of(folder)
    listed = json.loads(files.pop("manifest.json"))["files"]
    measured = {name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in files.items()}
    return measured == {each["path"]: (each["sha256"], each["size"]) for each in listed}


def verify_alone(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the program of a dossier in a bare Python, in a folder with nothing else in it."""
    files = ["verify_export.py", "record.json", "proof.json"]
    alone = folder.parent / f"{folder.name}-alone"
    alone.mkdir()
    for name in files:
        (alone / name).write_bytes((folder / name).read_bytes())
    return subprocess.run(
        [sys.executable, "-I", "-S", *files], cwd=alone, env={}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_the_dossier_of_three_years_says_who_decided_what_and_why(desk: Desk) -> None:
    folder = unpacked(desk, "office")
    assert agrees_with_its_manifest(folder)
    page = html.unescape((folder / "index.html").read_text(encoding="utf-8"))
    decisions = page[page.index('<h2 id="decisions">') : page.index('<h2 id="votes">')]
    for text in (CHOICE, FIRST_VOTE, SECOND_VOTE, GAP, PLAN, "Harbor House", "$660,000.00", "$720,000.00"):
        assert text in decisions
    assert "The Board, recorded by Board office" in decisions
    assert "ayes 4, noes 3, abstentions 0" in decisions
    outcomes = page[page.index('<h2 id="outcomes">') : page.index('<h2 id="history">')]
    assert [outcomes.count(text) for text in (", met<", ", not met<")] == [3, 6]
    assert ">30<" in outcomes  # as it was corrected
    assert ">31<" not in outcomes
    history = page[page.index('<h2 id="history">') :]
    assert SECRET in history
    assert history.count('class="entry') == len(desk.life.history())
    done = verify_alone(folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.promise("withheld-stays-withheld")
def test_the_copy_for_the_public_verifies_alone_and_tells_no_secret(desk: Desk) -> None:
    (note,) = [row["seq"] for row in desk.life.history() if row["event"] == "add-note"]
    desk.ask("dossier", "mark", REF, f"row/{note}/input/text", "--exemption", "attorney-client")
    whole = files_of(unpacked(desk, "office"))
    folder = unpacked(desk, "public", "--for", "public-records")
    assert agrees_with_its_manifest(folder)
    public = files_of(folder)

    def holding(files: dict[str, bytes], text: str) -> list[str]:
        read = {name: f"{name} {read_document(name, content).text}" for name, content in files.items()}
        return [name for name, words in read.items() if squeeze(text) in squeeze(words)]

    # The forwarded message has it in base64.
    assert {"index.html", "record.json", "documents/30.1-Re-a-question.eml"} <= set(holding(whole, SECRET))
    assert holding(public, SECRET) == []
    for address in ("lead-partner@example.org", "applicant@example.org", "reviewer-1@example.org"):
        assert holding(whole, address)
        assert holding(public, address) == []
    assert CHOICE in html.unescape(public["index.html"].decode())
    assert f"row/{note}/input/text" in public["exemptions.csv"].decode()
    done = verify_alone(folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "Left out, so that only commitments could be checked" in done.stdout


def test_a_changed_vote_is_found_by_whoever_got_the_copy(desk: Desk) -> None:
    folder = unpacked(desk, "public", "--for", "public-records")
    document = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    vote = next(row for row in document["partnerships"][0]["history"] if row["event"] == "approve")
    vote["input"]["noes"] = 0
    (folder / "record.json").write_text(json.dumps(document), encoding="utf-8")
    assert not agrees_with_its_manifest(folder)
    assert verify_alone(folder).returncode == 1


@pytest.mark.promise("lawful-destruction")
def test_six_years_later_nothing_of_it_is_left_in_the_database(desk: Desk) -> None:
    desk.life.at("2035-01-03")
    values = {SECRET, CHOICE, PLAN, "keeps a family center open"}
    assert {value for _, value in found_in(desk.life, values)} == values
    items = desk.ask("retention", "preview")["items"]
    certificate = desk.folder / "gone.html"
    desk.ask("retention", "apply", "--confirm", str(items), "--certificate", str(certificate))
    assert found_in(desk.life, values) == set()
    page = certificate.read_text(encoding="utf-8")
    assert "Wednesday, January 3, 2035" in page
    assert "documents of the partnership" in page
    assert desk.ask("verify")["faults"] == []
