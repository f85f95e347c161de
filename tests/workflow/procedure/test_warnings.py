"""What is allowed and should not stay so is named, with the command to type."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.desk import real
from workflow.procedure import config
from workflow.procedure.warnings import find_warnings

MAIL = """
[mail]
sender = "office@example.org"
mailer = "smtp"
replies = "imap"
[mail.smtp]
username = "office"
password_file = "smtp"
[mail.imap]
username = "office"
oauth_token_file = "imap"
"""


def settings(folder: Path, text: str) -> config.Config:
    (folder / "config.toml").write_text(text, encoding="utf-8")
    return config.load(folder / "config.toml", words=False)


def named(loaded: config.Config) -> dict[str, str]:
    """The commands that the warnings ask for, by the name of the file."""
    commands = [words.partition(": ")[2] for words in find_warnings(loaded) if ": chmod " in words]
    return {Path(shlex.split(command)[2]).name: command for command in commands}


@pytest.mark.promise("private-files")
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("mode", [0o644, 0o602, 0o661, 0o777])
def test_a_database_that_everybody_can_open_is_named(tmp_path: Path, suffix: str, mode: int) -> None:
    loaded = settings(tmp_path, '[database]\nurl = "sqlite:///a base.db"\n')
    file = tmp_path / f"a base.db{suffix}"
    file.touch()
    file.chmod(mode)
    (command,) = named(loaded).values()
    subprocess.run(command, shell=True, check=True)
    assert (named(loaded), file.stat().st_mode & 0o007) == ({}, 0)


@pytest.mark.promise("private-files")
def test_a_database_of_its_owner_or_a_group_is_not_named(tmp_path: Path) -> None:
    loaded = settings(tmp_path, '[database]\nurl = "sqlite:///base.db"\n')
    assert named(loaded) == {}, "it is not there yet"
    for mode in (0o600, 0o660, 0o640):
        (tmp_path / "base.db").touch()
        (tmp_path / "base.db").chmod(mode)
        assert named(loaded) == {}


@pytest.mark.promise("private-files")
@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://lcp:secret@db/lcp", "postgresql+psycopg://db/lcp?user=lcp&password=secret"]
)
def test_a_configuration_with_a_password_is_for_no_others(tmp_path: Path, url: str) -> None:
    loaded = settings(tmp_path, f'[database]\nurl = "{url}"\n')
    (tmp_path / "config.toml").chmod(0o644)
    assert set(named(loaded)) == {"config.toml"}
    assert not [words for words in find_warnings(loaded) if "secret" in words.replace("secrets", "")]
    (tmp_path / "config.toml").chmod(0o640)
    assert named(loaded) == {}


@pytest.mark.promise("private-files")
def test_a_configuration_without_a_secret_may_be_read_and_not_changed(tmp_path: Path) -> None:
    loaded = settings(tmp_path, '[database]\nurl = "postgresql+psycopg://lcp@db/lcp"\n')
    (tmp_path / "config.toml").chmod(0o644)
    assert named(loaded) == {}
    (tmp_path / "config.toml").chmod(0o666)
    assert set(named(loaded)) == {"config.toml"}


@pytest.mark.promise("private-files")
def test_files_with_passwords_and_folders_with_messages_are_for_no_others(tmp_path: Path) -> None:
    loaded = settings(tmp_path, MAIL)
    for name in ("smtp", "imap"):
        (tmp_path / name).write_text("secret", encoding="utf-8")
        (tmp_path / name).chmod(0o604)
    assert set(named(loaded)) == {"smtp", "imap"}
    loaded = settings(tmp_path, '[mail]\nmaildir = "out"\nreplies_maildir = "in"\n')
    for name in ("out", "in"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    assert set(named(loaded)) == {"out", "in"}


def test_check_warns_of_a_database_that_others_can_read(tmp_path: Path) -> None:
    settings(tmp_path, '[mail]\nreplies = "none"\n')
    words = ("--config", str(tmp_path / "config.toml"))
    assert real(*words, "init").returncode == 0
    (tmp_path / "var" / "partnerships.db").chmod(0o644)
    checked = real(*words, "check")
    assert checked.returncode == 0
    asked = [line for line in checked.stdout.decode().splitlines() if "chmod" in line]
    assert len(asked) == 1
    assert asked[0].startswith("Warning: the database is open to every user of this machine (mode 0644)")
