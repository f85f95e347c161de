"""A checkpoint fixes how far all chains have come, for witnesses outside, and with a time stamp if wanted."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from tests.support.district import Begin, Life
from tests.support.office import program
from workflow.mail_servers import make_mailer
from workflow.outbox import delivery
from workflow.record import checkpoint, export
from workflow.record.changes import list_changes
from workflow.record.timestamp import NoTimeStamp, fetch_stamp, verify_stamp
from workflow.store.checkpoints import CHANGES, Checkpoint, read_last

VERIFIER = Path(__file__).parents[3] / "docs" / "verify_export.py"
WITNESSES = '[record]\nwitnesses = ["auditor@example.org", "library@example.org"]\n'


def taken(life: Life) -> dict[str, Any]:
    made = checkpoint.take(life.system, life.now, by="staff")
    assert made is not None
    return made.document()


def take_daily(life: Life, now: datetime) -> Checkpoint | None:
    return checkpoint.take(life.system, now, by="", daily=True)


def checked(life: Life, *others: Path) -> subprocess.CompletedProcess[str]:
    """Export the record and let the program check it that knows nothing of this one, with something older."""
    file = life.system.config.folder / "export.json"
    with life.system.reading() as session:
        pieces = export.as_json(session, export.select_records(session, ()), life.now)
        file.write_text("".join(pieces), encoding="utf-8")
    command = [sys.executable, "-I", str(VERIFIER), str(file), *map(str, others)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_checkpoint_has_the_heads_of_all_chains_and_is_kept_in_the_second(begin: Begin) -> None:
    life = begin("active")
    life.another("franklin-2025").to("needs")
    document = taken(life)
    assert [head[0] for head in document["heads"]] == ["franklin-2025", life.ref, CHANGES]
    assert document["heads"][1] == [life.ref, life.record.version, life.record.head]
    with life.system.reading() as session:
        last = read_last(session.connection)
        assert last is not None
        assert last.document() == document
        assert not list(checkpoint.compare_kept(session.connection))
    assert life.faults() == []


def test_the_daemon_takes_one_a_day_once_something_is_on_record(begin: Begin) -> None:
    life = begin("needs")
    before = life.at("2025-07-01 02:00").now
    assert take_daily(life, before) is None  # nothing was on record at three o'clock
    first = take_daily(life, life.at("2025-09-01 04:00").now)
    assert first is not None
    assert take_daily(life, life.now + timedelta(hours=22)) is None
    assert take_daily(life, life.now + timedelta(hours=23)) is not None
    files = sorted((life.system.config.folder / "var" / "checkpoints").glob("*.json"))
    assert [file.name for file in files] == [
        "checkpoint-2025-09-01-040000.json",
        "checkpoint-2025-09-02-030000.json",
    ]
    assert checkpoint.read_file(files[0])["root"] == first.tree.root


def test_each_witness_gets_the_root_by_mail_and_nothing_about_anybody(begin: Begin) -> None:
    life = begin("active", WITNESSES)
    document = taken(life)
    delivery.deliver(life.system, make_mailer(life.system.config), lambda: life.now)
    mails = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in (life.system.config.folder / "mail" / "new").iterdir()
    ]
    mine = [mail for mail in mails if "Checkpoint" in mail["Subject"]]
    assert sorted(mail["To"].addresses[0].addr_spec for mail in mine) == [
        "auditor@example.org",
        "library@example.org",
    ]
    for mail in mine:
        text = mail.get_body(("plain",)).get_content()
        assert document["root"] in text
        assert life.ref not in mail.as_string()


def test_the_verifier_compares_an_export_with_a_checkpoint(begin: Begin, tmp_path: Path) -> None:
    life = begin("active")
    file = tmp_path / "checkpoint.json"
    file.write_text(json.dumps(taken(life)), encoding="utf-8")
    life.do("add-note")
    assert checked(life, file).returncode == 0
    other = json.loads(file.read_text(encoding="utf-8"))
    other["heads"][0][2] = "0" * 64
    file.write_text(json.dumps(other), encoding="utf-8")
    done = checked(life, file)
    assert done.returncode == 2
    assert "its heads do not lead to its root" in done.stderr


def test_a_message_to_the_office_proves_that_its_partnership_is_in_the_last_checkpoint(
    begin: Begin, tmp_path: Path
) -> None:
    life = begin("drafted")
    for number in range(6):
        life.another(f"other-{number}", "franklin").do("identify-needs")
    document = taken(life)
    life.do("ask-for-review", reason="It is high time.")
    delivery.deliver(life.system, make_mailer(life.system.config), lambda: life.now)
    proofs = 0
    for number, path in enumerate((life.system.config.folder / "mail" / "new").iterdir()):
        content = path.read_bytes()
        mail = message_from_bytes(content, policy=policy.default)
        assert max(map(len, content.splitlines())) < 998
        for proof in mail.get_all("X-Partnership-Proof", []):
            name, _, digest, index, size, root, *path_ = proof.split()
            assert (document["heads"][int(index)][0], document["heads"][int(index)][2]) == (name, digest)
            assert (int(size), root) == (len(document["heads"]), document["root"])
            kept = tmp_path / f"{number}.eml"
            kept.write_bytes(content)
            done = checked(life, kept)
            assert (done.returncode, done.stderr) == (0, "")
            kept.write_bytes(content.replace(path_[0].encode(), b"0" * 64))
            assert checked(life, kept).returncode == 2
            proofs += 1
    assert proofs


# A time stamp server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A time stamp server of openssl's, and the certificate to believe."""
    program("openssl")
    folder = tmp_path_factory.mktemp("authority")
    (folder / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa = here\n[here]\nserial = serial\ncrypto_device = builtin\nsigner_cert = signer.pem\n"
        "signer_key = signer.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\n"
        "digests = sha256, sha512\naccuracy = secs:1\nordering = yes\ntsa_name = yes\ness_cert_id_chain = no\n"
        "[ext]\nextendedKeyUsage = critical,timeStamping\nbasicConstraints = CA:FALSE\n"
        "keyUsage = critical,digitalSignature\n",
        encoding="ascii",
    )
    (folder / "serial").write_text("01\n", encoding="ascii")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Test of stamps")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl(*new, "-x509", "-days", "30", "-keyout", "root.key", "-out", "root.pem", *usage)
    openssl(*new, "-keyout", "signer.key", "-out", "signer.csr")
    signed = ("x509", "-req", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial")
    openssl(*signed, "-days", "30", "-out", "signer.pem", "-extfile", "tsa.cnf", "-extensions", "ext")

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "answer")
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            # The second address answers every question with the first answer that it ever gave.
            first = folder / "first"
            if not first.exists():
                first.write_bytes((folder / "answer").read_bytes())
            self.wfile.write((first if self.path == "/stale" else folder / "answer").read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder / "root.pem"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_checkpoint_is_stamped_by_the_server_that_the_district_names(
    begin: Begin, authority: tuple[str, Path]
) -> None:
    address, root = authority
    life = begin("needs", f'[record]\ntimestamp_url = "{address}/tsa"\n')
    made = checkpoint.take(life.system, life.now, by="staff")
    assert made is not None
    assert made.stamp is not None
    verify_stamp(made.stamp, bytes.fromhex(made.tree.root), root)
    with pytest.raises(NoTimeStamp, match="the time stamp does not hold"):
        verify_stamp(made.stamp, b"another root", root)
    assert life.faults() == []


def test_an_answer_to_another_question_is_no_stamp(authority: tuple[str, Path]) -> None:
    address, _ = authority
    fetch_stamp(f"{address}/tsa", b"a root")
    with pytest.raises(NoTimeStamp, match="to another question"):
        fetch_stamp(f"{address}/stale", b"another root")


class Babbler(BaseRequestHandler):
    """Answers with something that is no HTTP."""

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(b"220 mail.example.org ESMTP\r\n")


def test_a_server_that_speaks_no_http_gives_no_stamp() -> None:
    with ThreadingTCPServer(("127.0.0.1", 0), Babbler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(NoTimeStamp, match="did not answer"):
                fetch_stamp(f"http://127.0.0.1:{server.server_address[1]}/", b"a root")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("no JSON", "is not a checkpoint: Expecting value: line 1 column 1 (char 0)"),
        ("7", "is not a checkpoint: 'int' object is not iterable"),
        ("{}", "is not a checkpoint: it has no 'format'"),
        ('{"format": "x", "root": "", "at": "", "heads": []}', "is not a checkpoint: its format is 'x'"),
        ('{"format": "lead-community-partners checkpoint", "root": "", "heads": []}', "it has no 'at'"),
        (
            '{"format": "lead-community-partners checkpoint", "root": "0", "at": "", "heads": []}',
            "its heads do not lead to its root, so somebody has changed it",
        ),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named_once(tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "checkpoint.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(checkpoint.NotACheckpoint) as raised:
        checkpoint.read_file(file)
    assert str(raised.value).endswith(problem)
    assert str(raised.value).count(str(file)) == 1


def test_a_checkpoint_does_not_wait_for_a_server_that_is_away(begin: Begin) -> None:
    life = begin(
        "needs", '[record]\ntimestamp_url = "http://127.0.0.1:1/tsa"\n' + WITNESSES.removeprefix("[record]\n")
    )
    made = checkpoint.take(life.system, life.now, by="staff")
    assert made is not None
    assert made.stamp is None
    with life.system.reading() as session:
        told = list_changes(session)
    (changed,) = [change for change in told if change["what"].startswith("checkpoint ")]
    assert "did not answer" in changed["after"]["no_time_stamp"]
