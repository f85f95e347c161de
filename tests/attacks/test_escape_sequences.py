"""Escape sequences in what strangers write act on no terminal: tables, lines, JSON, errors and logs."""

from __future__ import annotations

import json
import logging
from io import BytesIO, TextIOWrapper

import pytest
from sqlalchemy import insert

from notifications.markup import escape_controls
from states.names import Role
from tests.support.desk import REF, Desk
from tests.support.district import Begin
from tests.workflow.admin.conftest import OWNER
from workflow import engine
from workflow.admin.terminal import JSON_ESCAPE, dump_json
from workflow.daemon import logs
from workflow.store import tables

# Clear the screen; a title; the same with one character of C1; a line that is overwritten; text turned around.
HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\x7fgone\b\b\b\b\u202eabc\u2066"
ACTS = [*map(chr, (*range(9), *range(11, 32), *range(127, 160))), "\u202e", "\u2066"]


def acting(text: str) -> list[str]:
    return [character for character in ACTS if character in text]


@pytest.fixture
def desk(begin: Begin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk of a district in which hostile text is on record already."""
    made = Desk(begin("active", OWNER), capsys, monkeypatch)
    with monkeypatch.context() as earlier:
        # An earlier version took such text, and its records stay.
        earlier.setattr(engine, "check_text", lambda values, at="": None)
        made.ask("trigger", REF, "add-note", "--set", f"text={HOSTILE}", "--note", HOSTILE)
    made.life.run("UPDATE schools SET name = :name", name=f"{HOSTILE} School")
    made.life.run("UPDATE people SET name = :name", name=f"{HOSTILE} Person")
    return made


@pytest.mark.promise("text-stays-text")
@pytest.mark.parametrize(
    "words", ["schools", "people", f"history {REF}", f"show {REF}", "list", "notices", f"deadlines {REF}"]
)
def test_nothing_that_is_on_record_acts_on_a_terminal(desk: Desk, words: str) -> None:
    assert acting(desk.say(*words.split())) == []
    assert acting(desk.say(*words.split(), "--json")) == []


@pytest.mark.promise("text-stays-text")
def test_what_was_written_can_be_read_from_json_and_export_as_it_was(desk: Desk) -> None:
    assert {f"{HOSTILE} School"} == {school["name"] for school in json.loads(desk.say("schools", "--json"))}
    exported = desk.say("export", REF)
    assert acting(exported) == []
    assert repr(HOSTILE)[1:-1] in repr(json.loads(exported))


@pytest.mark.promise("text-stays-text")
def test_a_message_that_came_in_acts_on_no_terminal_and_is_saved_as_it_came(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = f"Subject: {HOSTILE}\r\n\r\n{HOSTILE}\r\n".encode()
    row = {"digest": "d", "sender": "x@example.org", "verdict": "unknown", "message": message}
    desk.life.system.transact(
        lambda session: session.connection.execute(
            insert(tables.replies).values(**row, received_at=desk.life.now)
        )
    )
    assert HOSTILE in desk.run("replies", "show", "1").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert acting(desk.run("replies", "show", "1").out) == []


@pytest.mark.promise("text-stays-text")
def test_an_error_quotes_without_acting(desk: Desk) -> None:
    answer = desk.run("show", HOSTILE)
    assert answer.status != 0
    assert "gone" in answer.err
    assert acting(answer.out + answer.err) == []


@pytest.mark.promise("text-stays-text")
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_of_the_log_acts(begin: Begin, capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.set_up(begin(None, f'[log]\nformat = "{form}"\n').system.config)
    logging.getLogger("a library").warning("it says %s", HOSTILE)
    logs.structlog.get_logger("partnershipd").warning(HOSTILE, sender=HOSTILE)
    written = capsys.readouterr().err
    assert written.count("gone") == 3
    assert len(written.splitlines()) == 2
    assert acting(written) == []


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(
    "text", ["plain", "學校 é", "\x7f", "\x85\u2028", HOSTILE, "half \ud800", 'a "quote"\\\n']
)
def test_a_document_reads_as_the_standard_library_writes_it(
    text: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", TextIOWrapper(BytesIO(), encoding))
    document = {text: [text, 1, 250000.5, None, True, {}, [], {"role": Role.STAFF, "to": (text,)}]}
    plain = json.dumps(document, ensure_ascii=encoding == "ascii", indent=2)
    assert dump_json(document) == escape_controls(plain, JSON_ESCAPE)


def test_line_ends_tabs_and_letters_of_every_script_stay() -> None:
    plain = "one\ttwo\nд 學校 é\u200f\u200d"
    assert escape_controls(plain) == plain
