"""Somebody takes links from where they are kept, or keeps one alive beyond its end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from notifications.links import Expired
from notifications.masking import mask
from tests.support import databases
from tests.support.desk import Desk
from tests.support.district import Begin
from tests.support.letters import delivered
from tests.support.visitor import Form, Guest, Visit
from workflow import links
from workflow.actions import applications
from workflow.procedure.config import ConfigError
from workflow.store import tables

LIVE = re.compile(r"/(?:a|feed)/[\w.-]+\.[\w-]{27}(?![\w~-])")
ANSWER = re.compile(r"\+\d+-[a-z2-7]{16}@")


def looks(desk: Desk) -> list[tuple[str, ...]]:
    """The notices whose links somebody has looked at, as the record has it."""
    query = "SELECT after FROM directory_changes WHERE what = 'read the links of a notice'"
    return databases.rows(desk.folder, query)


@pytest.mark.promise("links-masked")
def test_nothing_that_is_kept_of_a_message_holds_a_live_link(begin: Begin) -> None:
    life = begin("applied")
    life.system.transact(
        lambda session: applications.queue_link(session, life.record, "new@example.org", life.now)
    )
    delivered(life)
    sent = [path.read_bytes() for path in (life.system.config.folder / "mail" / "new").iterdir()]
    kept = [row for row in life.rows(tables.notices, "id") if row["message"]]
    assert len(sent) == len(kept)
    for row in kept:
        # Links are found in the text as a mail program reads it, with the lines joined.
        whole = row["message"].replace(b"=\r\n", b"").decode() + str(row["extra"])
        assert not LIVE.search(whole)
        assert not ANSWER.search(whole)
        assert mask(row["message"]) == row["message"]
        # What is signed again is what was sent, byte for byte.
        assert links.sign_again(life.system.config, row["message"], row["to"]) in [
            content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for content in sent
        ]


@pytest.mark.promise("links-masked")
def test_a_user_who_may_only_read_sees_no_link_that_works(
    begin: Begin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(
        begin("needs", '[admin.users]\n"(owner)" = { may_act_as = ["staff@example.org"] }\n'),
        capsys,
        monkeypatch,
    )
    life = desk.life
    life.do("describe-needs")
    delivered(life)
    rows = {row["to"]: row["id"] for row in life.notices("describe-needs")}
    hidden = desk.ask("notices", "show", str(rows["principal@example.org"]))["message"]
    assert "~~~~" in hidden
    assert not LIVE.search(hidden.replace("=\r\n", "").replace("=\n", ""))
    assert not looks(desk)


@pytest.mark.promise("links-masked")
def test_a_look_at_the_links_of_somebody_is_recorded(
    begin: Begin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(begin("needs", '[admin.users]\n"(owner)" = { may_act_as = ["*"] }\n'), capsys, monkeypatch)
    life = desk.life
    life.do("describe-needs")
    delivered(life)
    (number,) = (row["id"] for row in life.notices("describe-needs") if row["to"] == "principal@example.org")
    shown = desk.ask("notices", "show", str(number))["message"]
    (path, *_) = LIVE.findall(shown.replace("=\r\n", "").replace("=\n", ""))
    assert Guest(life).get(path).status_code == 200
    assert looks(desk) == [(str(number),)]


@pytest.mark.promise("links-end")
@pytest.mark.parametrize(("event", "role"), [("extend-selection", "staff"), ("", "applicant")])
def test_a_page_does_not_make_its_link_live_longer(visit: Visit, event: str, role: str) -> None:
    visitor = visit("applied")
    config = visitor.life.system.config
    claim = visitor.claim(event, role)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with freeze_time(start):
        path = visitor.path(claim)
    with freeze_time(start + timedelta(days=59)):
        page = visitor.get(path)
        assert page.status == 200
    shown = {href for href in page.page.links if "/a/" in href}
    assert shown
    with freeze_time(start + timedelta(days=61)):
        for href in shown:
            token = href.partition("/a/")[2].partition("/")[0]
            with pytest.raises((links.ExpiredClaim, Expired)):
                (links.read if "n" in _claims(config, token) else links.read_apply)(config, token)


def _claims(config: object, token: str) -> object:
    return config.links._serializer("").load_payload(token.rpartition(".")[0].rpartition(".")[0].encode())  # type: ignore[attr-defined]


@pytest.mark.promise("links-end")
def test_an_expired_link_asks_for_fresh_mail_three_times_a_day_and_for_a_year(visit: Visit) -> None:
    visitor = visit("needs")
    claim = visitor.claim("describe-needs")
    visitor.life.run("DELETE FROM notices WHERE id <> :id", id=claim.notice)
    visitor.life.now += timedelta(days=90)
    with freeze_time(visitor.life.now - timedelta(days=80)):
        path = visitor.path(claim)

    def ask_for_a_day() -> int:
        before = len(visitor.life.notices("fresh-link"))
        for _ in range(10):
            visitor.life.now += timedelta(minutes=30)
            assert visitor.send(f"{path}/again", Form({"wanted": ["yes"]})).status == 200
        return len(visitor.life.notices("fresh-link")) - before

    with freeze_time(visitor.life.now):
        assert ask_for_a_day() == 3
    visitor.life.now += timedelta(days=2)
    assert ask_for_a_day() == 3
    visitor.life.now += timedelta(days=365)
    assert ask_for_a_day() == 0


@pytest.mark.promise("private-files")
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o666])
def test_keys_that_others_may_read_are_refused(begin: Begin, mode: int) -> None:
    config = begin("needs").system.config
    path: Path = config.folder / config.procedure.web.keys_file
    path.chmod(mode)
    config.__dict__.pop("links", None)
    with pytest.raises(ConfigError, match=f"mode is {mode:04o}"):
        _ = config.links
    path.chmod(0o600)
    assert config.links
