"""Give a command a file or an input that never ends, or fills memory or disk."""

from __future__ import annotations

import pytest

from tests.workflow.admin.conftest import Sit

LONG = "x" * 20_000_001
COMMANDS = {
    "input of an event": ("trigger", "rbhs-2025", "add-note", "--as", "staff@example.org", "--input", "/dev/zero"),
    "standard input": ("trigger", "rbhs-2025", "add-note", "--as", "staff@example.org", "--input", "-"),
    "a document": (
        "trigger", "rbhs-2025", "attach-document", "--as", "staff@example.org", "--set", "title=A letter",
        "--set", "file=/dev/zero",
    ),
    "a district": ("import", "/dev/zero"),
    "a calendar": ("meetings", "import", "/dev/zero"),
}  # fmt: skip


@pytest.mark.promise("limited-size")
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_command_reads_no_more_than_it_may(sit: Sit, words: tuple[str, ...]) -> None:
    desk = sit("open")
    before = desk.life.dump()
    answer = desk.run(*words, "--json", stdin=LONG)
    assert answer.status == 2, answer
    assert "it has more than" in answer.problems[0]
    assert desk.life.dump() == before


@pytest.mark.promise("limited-size")
def test_a_backup_without_end_does_not_fill_the_disk(sit: Sit) -> None:
    desk = sit()
    config = desk.file("other.toml", '[database]\nurl = "sqlite:///other.db"\n')
    answer = desk.bare("--config", config, "restore", "/dev/zero", "--json")
    assert answer.status != 0
    assert "it is not a backup" in answer.out
    assert [path for path in desk.folder.glob("*other.db*") if path.stat().st_size] == []


@pytest.mark.promise("limited-size")
def test_a_password_without_end_is_refused(sit: Sit) -> None:
    desk = sit(
        None, '[mail]\nreplies = "imap"\n[mail.imap]\nusername = "office"\npassword_file = "/dev/zero"\n'
    )
    answer = desk.run("check", "--json")
    assert answer.status == 5
    assert "mail.imap.password_file: it cannot be read: it has more than" in answer.problems[0]
