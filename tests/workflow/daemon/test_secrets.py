"""No secret gets out: not into a log, an error, `check`, a JSON document or the summary of a backup."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.desk import real
from tests.support.house import House, free_port
from workflow.admin import program
from workflow.daemon import service
from workflow.store import database

MARK = "hush7c1f"  # in every secret here
ADDRESSES = {
    "nobody listens": f"postgresql+psycopg://daemon:{MARK}@127.0.0.1:{{closed}}/partnerships",
    "the server refuses": f"postgresql+psycopg://daemon:{MARK}@127.0.0.1:{{refusing}}/partnerships",
    "it is in the query": f"postgresql+psycopg://127.0.0.1:{{closed}}/partnerships?user=daemon&password={MARK}",
    "an @ in it is not written %40": f"postgresql+psycopg://daemon:x@{MARK}@127.0.0.1:{{closed}}/partnerships",
    "a / in it is not written %2F": f"postgresql+psycopg://daemon:x/{MARK}@127.0.0.1:{{closed}}/partnerships",
    "a # in it": f"postgresql+psycopg://daemon:x#{MARK}@127.0.0.1:{{closed}}/partnerships",
    "a : in it": f"postgresql+psycopg://daemon:x:{MARK}@127.0.0.1:{{closed}}/partnerships",
    "the port is missing": f"postgresql+psycopg://daemon@127.0.0.1:{MARK}/partnerships",
    "another driver": f"postgresql+nosuch://daemon:{MARK}@127.0.0.1/partnerships",
    "no such database": f"nosuch://daemon:{MARK}@127.0.0.1/partnerships",
    "no address at all": f"daemon:{MARK}@127.0.0.1",
}
COMMANDS = [
    "init",
    "list",
    "verify",
    "backup b.db",
    "restore b.db",
    "export",
    "trigger x add-note --as a@example.org",
]


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """A port where nobody listens, and one of a PostgreSQL server that finds the password wrong."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answering = threading.Thread(target=_refuse, args=(server,))
        answering.start()
        yield {"closed": free_port(), "refusing": port}
        with socket.create_connection(("127.0.0.1", port)) as last:
            last.sendall(b"close")
        answering.join()


def _refuse(server: socket.socket) -> None:
    """Answer as PostgreSQL does (protocol 3.0): no encryption, then that the password is wrong."""
    body = b'SFATAL\0C28P01\0Mpassword authentication failed for user "daemon"\0\0'
    while True:
        client, _ = server.accept()
        with client:
            said = client.recv(4096)
            if said == b"close":
                return
            if said[4:8] == b"\x04\xd2\x16\x2f":  # asks for encryption
                client.sendall(b"N")
                said = client.recv(4096)
            if said:
                client.sendall(b"E" + (len(body) + 4).to_bytes(4, "big") + body)


def configured(folder: Path, url: str, more: str = "") -> Path:
    path = folder / "config.toml"
    path.write_text(f'[database]\nurl = "{url}"\n{more}', encoding="utf-8")
    (folder / "var").mkdir(exist_ok=True)
    (folder / "var" / "keys").write_text(MARK * 6 + "\n", encoding="ascii")
    (folder / "var" / "keys").chmod(0o600)
    (folder / "b.db").write_bytes(b"SQLite format 3\0 and no more")
    return path


@pytest.fixture
def said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """What a program says that cannot work here, to programs and to people."""
    monkeypatch.chdir(tmp_path)

    def said(main: Callable[[list[str]], object], *words: str) -> str:
        with pytest.raises(SystemExit) as left:
            main(["--config", str(tmp_path / "config.toml"), *words])
        assert left.value.code
        found = capsys.readouterr()
        return found.out + found.err

    return said


@pytest.mark.promise("secrets-untold")
@pytest.mark.parametrize("what", ADDRESSES)
def test_the_password_of_the_database_is_never_told(
    tmp_path: Path, ports: dict[str, int], said: Callable[..., str], what: str
) -> None:
    configured(tmp_path, ADDRESSES[what].format(**ports))
    told = said(program.main, "init", "--json") + said(program.main, "list") + said(service.main, "--once")
    assert MARK not in told
    assert told.count("partnershipd: ") == 1


@pytest.mark.promise("secrets-untold")
@pytest.mark.parametrize("words", COMMANDS)
def test_no_command_tells_it(
    tmp_path: Path, ports: dict[str, int], said: Callable[..., str], words: str
) -> None:
    configured(tmp_path, ADDRESSES["the server refuses"].format(**ports))
    told = said(program.main, *words.split(), "--json")
    assert MARK not in told
    assert "password authentication failed" in told or words.startswith("restore")


def test_where_the_database_is_is_shown_without_any_password() -> None:
    engine = database.make_engine(
        f"postgresql+psycopg://daemon:{MARK}@db.example.org:5433/x?password={MARK}&user=y"
    )
    assert database.readable_address(engine) == "postgresql+psycopg://daemon:***@db.example.org:5433/x"


def test_check_does_not_tell_it(
    tmp_path: Path, ports: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    path = configured(tmp_path, ADDRESSES["the server refuses"].format(**ports))
    with pytest.raises(SystemExit):
        program.main(["--config", str(path), "check", "--json"])
    assert MARK not in "".join(capsys.readouterr())


@pytest.mark.promise("secrets-untold")
def test_no_log_holds_the_passwords_of_mail_servers_nor_the_keys(house: House, ports: dict[str, int]) -> None:
    (house.folder / "password").write_text(MARK, encoding="utf-8")
    (house.folder / "keys").write_text(MARK * 6 + "\n", encoding="ascii")
    server = (
        f'host = "127.0.0.1"\nport = {ports["closed"]}\nusername = "office"\npassword_file = "password"\n'
    )
    house.configure(
        mail='mailer = "smtp"\nreplies = "imap"\n',
        text=f"[mail.smtp]\n{server}[mail.imap]\n{server}",
    )
    house.start("--once")
    status, log = house.ended(within=60), house.log_file.read_text(encoding="utf-8")
    assert status in (0, 1), log
    assert "replies cannot be read" in log
    assert MARK not in log
    assert house.sql("SELECT 1 FROM notices WHERE reason LIKE ?", f"%{MARK}%") == []
    done = real(
        "--config", str(house.folder / "config.toml"), "backup", "all.db", "--json", folder=house.folder
    )
    assert done.returncode == 0, done
    assert MARK.encode() not in done.stdout + done.stderr
