"""How answers look: tables that fit a terminal, whole lines in a pipe, colour where it is wanted; completion."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.support import databases
from tests.support.desk import PROGRAMS, REF, Desk, real
from tests.support.house import until
from tests.workflow.admin.conftest import Sit
from workflow.admin.program import main

ESCAPE = "\x1b["
TABLES = ("list", "deadlines", f"deadlines {REF} --all", f"history {REF}", "notices", "people", "organizations",
          "schools", "meetings")  # fmt: skip


class Terminal:
    """What a desk with a terminal shows, as wide as COLUMNS says."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> None:
        self.desk, self.patch = desk, monkeypatch
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm-256color")

    def shows(self, *words: str) -> str:
        with self.patch.context() as patch:
            patch.setattr(sys.stdout, "isatty", lambda: True)
            return self.desk.say(*words)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def district(sit: Sit) -> Desk:
    """A desk with long names and an active partnership."""
    desk = sit("active")
    long = "District Office of the Superintendent for Community Partnerships and Engagement"
    desk.ask("people", "change", "staff@example.org", "--name", long)
    desk.ask(
        "schools", "add", "rainier-beach", "--name", "Rainier Beach International Baccalaureate High School"
    )
    desk.ask("trigger", REF, "add-note", "--set", "text=t", "--note", "Called. " * 20)
    return desk


@pytest.mark.parametrize("words", TABLES)
@pytest.mark.parametrize("columns", [80, 60])
def test_a_table_fits_the_terminal(
    sit: Sit, monkeypatch: pytest.MonkeyPatch, words: str, columns: int
) -> None:
    terminal = Terminal(district(sit), monkeypatch, columns)
    lines = plain(terminal.shows(*words.split())).splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) > 3


def words_of(text: str) -> set[str]:
    return set(re.split(r"[\s@─-]+", plain(text)))


@pytest.mark.parametrize("words", TABLES)
def test_on_eighty_columns_no_word_is_broken(sit: Sit, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    terminal = Terminal(district(sit), monkeypatch)
    assert words_of(terminal.shows(*words.split())) == words_of(terminal.desk.say(*words.split()))


def test_a_day_and_its_hour_stay_on_one_line(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Terminal(district(sit), monkeypatch).shows("deadlines")
    assert (
        len(re.findall(r"\d{2}:\d{2}", text)) == len(re.findall(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}", text)) > 1
    )


def test_one_partnership_is_shown_where_it_stands(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Terminal(district(sit), monkeypatch).shows("show", REF)
    line = "needs-identified open-selection board-review [active] annual-review terminated"
    assert text.splitlines()[2] == line
    assert len(line) <= 80


def test_a_pipe_gets_whole_lines_without_colour_or_trailing_blanks(sit: Sit) -> None:
    desk = district(sit)
    for words in TABLES:
        text = desk.say(*words.split())
        assert ESCAPE not in text
        assert all(line == line.rstrip() for line in text.splitlines())
    assert len(desk.say("list").splitlines()) == 3, "a heading, a rule, and a line for the partnership"


def test_colour_is_on_a_terminal_only_and_never_with_no_color(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = district(sit)
    terminal = Terminal(desk, monkeypatch)
    assert ESCAPE in terminal.shows("list")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert ESCAPE not in desk.say("list")
    monkeypatch.setenv("NO_COLOR", "1")
    assert ESCAPE not in terminal.shows("list")


def test_json_is_the_same_on_a_terminal(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = district(sit)
    assert Terminal(desk, monkeypatch).shows("list", "--json") == desk.say("list", "--json")


def on_a_terminal(*words: str, columns: int = 80) -> str:
    """What the installed program shows on a real pseudo-terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    known = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "PARTNERSHIPS_CONFIG")}
    shown = subprocess.Popen(
        [str(PROGRAMS / "partnershipctl"), *words],
        stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env=known | {"TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    found = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # how Linux says that the other side was closed
            break
        if not part:
            break
        found += part
    os.close(ours)
    assert shown.wait(timeout=60) == 0
    return found.decode().replace("\r\n", "\n")


def test_a_real_terminal_shows_colour_and_tables_that_fit(sit: Sit) -> None:
    text = on_a_terminal("--config", district(sit).config, "people")
    assert ESCAPE in text
    assert max(map(len, plain(text).splitlines())) <= 80


def test_a_reader_that_has_seen_enough_is_no_failure(sit: Sit) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [str(PROGRAMS / "partnershipctl"), "--config", sit("open").config, "people"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("words", ["schools", "schools --json", "people", f"show {REF}", f"history {REF}"])
def test_a_terminal_without_a_letter_gets_a_mark_in_its_place(sit: Sit, encoding: str, words: str) -> None:
    desk = sit("active")
    desk.life.run("UPDATE schools SET name = :name", name="學校 Café")
    desk.ask("trigger", REF, "add-note", "--set", "text=學校 Café", "--note", "學校")
    done = subprocess.run(
        [str(PROGRAMS / "partnershipctl"), "--config", desk.config, *words.split()],
        env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    if "--json" in words:
        assert {school["name"] for school in json.loads(done.stdout.decode(encoding))} == {"學校 Café"}
    elif encoding in ("latin-1", "cp1252") and words == "schools":
        assert "?? Café" in done.stdout.decode(encoding)


def completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    monkeypatch.setenv("_PARTNERSHIPCTL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main([])
    said = capsys.readouterr()
    assert (left.value.code, said.err) == (0, "")
    return [one.partition(",")[2] for one in said.out.splitlines() if one]


def test_commands_references_events_and_options_are_completed(
    sit: Sit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = sit("open")
    desk.ask("trigger", "rbms-2025", "identify-needs", "--set", "school=franklin", "--set", "title=T")
    monkeypatch.chdir(desk.folder)

    def offered(line: str) -> list[str]:
        return completed(monkeypatch, capsys, f"partnershipctl {line}")

    assert offered("deadl") == ["deadlines"]
    assert offered("people a") == ["add", "away"]
    assert offered("show ") == [REF, "rbms-2025"]
    assert offered("history rbh") == [REF]
    assert offered(f"trigger {REF} score") == ["score-application"]
    assert offered(f"trigger {REF} add-note --dr") == ["--dry-run"]
    assert offered("list --state a") == ["active", "annual-review"]
    for command in ("deadlines", "notices list", "verify", "plan", "diagram"):
        assert offered(f"{command} rbm") == ["rbms-2025"]


def test_references_are_completed_from_the_configuration_that_is_named(
    sit: Sit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = sit("open").config
    assert completed(monkeypatch, capsys, f"partnershipctl --config {config} show rb") == [REF]
    assert completed(monkeypatch, capsys, f"partnershipctl show --config {config} rb") == [REF]


def test_completion_leaves_no_connection_behind(
    sit: Sit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = sit("open")
    desk.life.system.engine.dispose()
    assert completed(monkeypatch, capsys, f"partnershipctl --config {desk.config} show rb") == [REF]
    until(lambda: databases.connections(desk.folder) == 0, "all connections are closed")


def test_without_a_database_nothing_is_completed_and_nothing_said(
    sit: Sit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = sit("open")
    databases.lose(desk.folder)
    assert completed(monkeypatch, capsys, f"partnershipctl --config {desk.config} show rb") == []
    desk.file("config.toml", "[mail")
    assert completed(monkeypatch, capsys, f"partnershipctl --config {desk.config} show rb") == []


def test_the_version_is_told(sit: Sit) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", sit().say("--version"))


def test_the_installed_program_offers_completion_for_bash() -> None:
    done = real(environment={"_PARTNERSHIPCTL_COMPLETE": "bash_source"})
    assert done.returncode == 0
    assert b"complete -o nosort -F" in done.stdout
