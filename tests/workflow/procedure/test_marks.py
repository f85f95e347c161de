"""A file that a district edits may begin with the mark of Notepad; UTF-16 is read, or plainly refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifications.texts import read_secret
from tests.support.district import configured
from tests.support.samples import context
from workflow.procedure import config
from workflow.procedure.config import DEFAULTS, Config, ConfigError

MARK = "\ufeff"
TEMPLATES = [
    "email/digest.j2",
    "email/layout.txt.j2",
    "email/layout.html.j2",
    "pages/layout.j2",
    "pages/forms.j2",
]
UTF_16 = "the file is saved as UTF-16 (Notepad calls it Unicode): save it as UTF-8"


def saved(folder: Path, name: str, encoding: str, text: str | None = None) -> Config:
    """A configuration whose own file of this name was saved in an encoding."""
    if text is None:
        text = (DEFAULTS / "templates" / name).read_text(encoding="utf-8")
    path = folder / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    return configured(folder)


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_mark_of_a_template_gets_into_what_people_read(tmp_path: Path, name: str) -> None:
    loaded = saved(tmp_path, name, "utf-8-sig")
    assert (tmp_path / "templates" / name).read_bytes().startswith(MARK.encode())
    message = loaded.templates.notice("digest", context())
    assert MARK not in message.subject + message.text + message.html


def test_no_mark_of_a_page_gets_onto_it(tmp_path: Path) -> None:
    assert saved(tmp_path, "pages/own.j2", "utf-8-sig", "Hello").pages.render("own", {}) == "Hello"


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_template_in_utf_16_is_plainly_refused(tmp_path: Path, name: str, encoding: str) -> None:
    text = MARK + (DEFAULTS / "templates" / name).read_text(encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        saved(tmp_path, name, encoding, text)
    (problem,) = [p for p in refused.value.problems if p.problem == UTF_16]
    assert (problem.expected, name in problem.at) == ("a file in UTF-8", True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_words_of_events_are_read(tmp_path: Path, encoding: str) -> None:
    loaded = saved(tmp_path, "events.toml", encoding, '[approve]\nlabel = "Approve it"\n')
    assert loaded.label("approve") == "Approve it"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_keys_are_read_without_the_mark(tmp_path: Path, encoding: str) -> None:
    plain = configured(tmp_path).links
    (tmp_path / "var" / "keys").write_text("k" * 48 + "\n", encoding=encoding)
    marked = config.load(tmp_path / "config.toml").links
    token = plain.reply_address("a@example.org", 1, "b@example.org")
    assert marked.reply_address("a@example.org", 1, "b@example.org") == token


def test_a_password_is_read_without_the_mark_and_never_quoted(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\r\n", encoding="utf-8-sig")
    assert read_secret(file) == "secret"
    for content in ("secret".encode("utf-16"), b"secret\xff"):
        file.write_bytes(content)
        with pytest.raises(OSError, match="UTF-") as refused:
            read_secret(file)
        assert "secret" not in str(refused.value)
        assert refused.value.__context__ is None
