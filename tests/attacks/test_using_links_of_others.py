"""Somebody takes links from where they are kept, or keeps one alive beyond its end."""

from __future__ import annotations

import base64
import json
import quopri
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from freezegun import freeze_time
from itsdangerous import URLSafeSerializer

from notifications.incoming.letterboxes import Letter
from notifications.incoming.replies import Incoming
from notifications.links import Expired
from notifications.masking import mask
from tests.support import databases
from tests.support.desk import REF, Desk
from tests.support.district import Begin
from tests.support.letters import answer, asked_for_needs, comes, delivered, got, replies
from tests.support.visitor import Form, Guest, Visit
from workflow import links
from workflow.actions import applications
from workflow.inbox.judge import judge_letter
from workflow.outbox import copies
from workflow.procedure.config import ConfigError
from workflow.store import tables
from workflow.store.rows import Notice

CODE = re.compile(r"(?<=\.)[\w-]{27}(?![\w~-])|(?<=-)[a-z2-7]{16}(?=@)")
LIVE = re.compile(r"/(?:a|feed)/[\w.-]+\.[\w-]{27}(?![\w~-])")
ANSWER = re.compile(r"\+\d+-[a-z2-7]{16}@")


def looks(desk: Desk) -> list[tuple[str, ...]]:
    """The notices whose links somebody has looked at, as the record has it."""
    query = "SELECT after FROM changes WHERE what = 'read the links of a notice'"
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
    # The copy of an application goes to its author, and stands in no message that is kept.
    with life.system.reading() as session:
        complete = {row["id"]: copies.enclose(session, Notice(**row), row["message"]) for row in kept}
    for row in kept:
        # Links are found in the text as a mail program reads it, with the lines joined.
        whole = row["message"].replace(b"=\r\n", b"").decode() + str(row["extra"])
        assert not LIVE.search(whole)
        assert not ANSWER.search(whole)
        assert mask(row["message"]) == row["message"]
        # What is signed again is what was sent, byte for byte.
        assert links.sign_again(life.system.config, complete[row["id"]], row["to"]) in [
            content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for content in sent
        ]


def look_alike(of: str, event: str = "agree-needs") -> str:
    """What a masked link of a person looks like, as anybody can write it."""
    claims = URLSafeSerializer("a key of somebody else").dumps(
        {"n": 1, "e": event, "p": of, "r": "rbhs-2025"}
    )
    return f"/a/{claims.rpartition('.')[0]}.awlDfQ.{'~' * 27}"


@pytest.mark.promise("signed-links")
def test_what_looks_like_a_masked_link_of_somebody_is_never_signed(begin: Begin) -> None:
    life = asked_for_needs(begin("needs"))
    theirs, asked = look_alike("principal@example.org"), got(life, "describe-needs", "principal")
    comes(life, answer(asked, f"Look at this: x{theirs} {theirs}"))
    body = got(life, "reply-note", "staff").get_body(("plain",))
    assert body is not None
    assert theirs.partition(".")[0] not in body.get_content()
    # Nor is one in the text of an event, when the message that tells of it is sent again or shown.
    for person in ("staff", "principal"):
        signed = links.sign_again(life.system.config, theirs.encode(), f"{person}@example.org").decode()
        assert bool(LIVE.search(signed)) is (person == "principal")


WAYS = {
    "as it is": ("8bit", lambda body: body),
    "in quoted-printable": ("quoted-printable", lambda body: quopri.encodestring(body.encode()).decode()),
    "in base64": ("base64", lambda body: base64.encodebytes(body.encode()).decode()),
    "broken in the middle of words": ("8bit", lambda body: re.sub(r"(.{72})", r"\1\n> ", body)),
    "encoded in an address": ("8bit", lambda body: re.sub(r"https?://\S+", lambda m: quote(m[0], ""), body)),
    "encoded twice": ("8bit", lambda body: re.sub(r"https?://\S+", lambda m: quote(quote(m[0], "")), body)),
    "as urldefense has it": (
        "8bit",
        lambda body: re.sub(
            r"https?://\S+",
            lambda m: "https://urldefense.proofpoint.com/v2/url?u=" + m[0]
            .replace("-", "-2D").replace("_", "-5F").replace(":", "-3A").replace("/", "_"),
            body,
        ),
    ),
    "in base64 in an address in base64": (
        "base64",
        lambda body: base64.encodebytes(
            re.sub(
                r"https?://\S+",
                lambda m: f"https://scan.example.net/?u={base64.urlsafe_b64encode(m[0].encode()).decode()}",
                body,
            ).encode()
        ).decode(),
    ),
    "as entities": ("8bit", lambda body: "".join(f"&#{ord(sign)};" for sign in body)),
    "as a page in a wide charset": ("base64", lambda body: base64.encodebytes(body.encode("utf-16")).decode()),
}  # fmt: skip


def readings(content: bytes) -> Iterator[str]:
    """A message as it is, and as programs read it: its lines joined, its parts and their addresses decoded."""
    texts = [content.decode("latin-1")]
    for part in message_from_bytes(content).walk():
        raw = part.get_payload(decode=True)
        texts += [str(raw, code, "replace") for code in ("utf-8", "utf-16")] if isinstance(raw, bytes) else []
    for text in texts:
        joined = re.sub(r"=?\r?\n[> ]*", "", text)
        for form in (text, joined, unescape(joined)):
            yield from (form, unquote(form), unquote(unquote(form)), unquote(form.translate(DEFENDED)))
            for run in re.findall(r"\?u=([\w=-]+)", form):
                whole = run.partition("=")[0][: len(run) // 4 * 4]
                yield base64.urlsafe_b64decode(whole + "=" * (-len(whole) % 4)).decode("utf-8", "replace")


DEFENDED = str.maketrans("-_", "%/")


@pytest.mark.promise("links-masked")
@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_is_kept_of_an_answer_holds_a_live_link(begin: Begin, way: str) -> None:
    life = asked_for_needs(begin("needs"))
    asked = got(life, "describe-needs", "principal")
    part = asked.get_body(("plain",))
    assert part is not None
    encoding, write = WAYS[way]
    body = write(f"agree\n\n{asked['Reply-To']}\n{part.get_content()}")
    head = answer(asked, "", Content_Transfer_Encoding=encoding).partition(b"\r\n\r\n")[0]
    content = head + b"\r\n\r\n" + body.encode()
    codes = {code for text in readings(bytes(asked)) for code in CODE.findall(text)}
    assert len(codes) > 3
    assert any(code in text for text in readings(content) for code in codes)
    comes(life, content)
    (kept,) = replies(life)
    assert len(kept["message"]) == len(content)
    for text in readings(kept["message"]):
        assert [code for code in codes if code in text] == []
    for row in life.rows(tables.notices, "id"):
        assert not any(code in str(row["extra"]) for code in codes)


@pytest.mark.promise("links-masked")
def test_a_message_that_ended_its_reader_is_kept_without_links(begin: Begin) -> None:
    life = asked_for_needs(begin("needs"))
    asked = got(life, "describe-needs", "principal")

    def breaks(*_: object) -> Incoming:
        raise RuntimeError("it is hostile")

    judge_letter(life.system, Letter("1", answer(asked, "agree")), life.now, breaks)
    (kept,) = replies(life)
    assert not ANSWER.search(kept["message"].decode())
    assert not LIVE.search(kept["message"].decode())


@pytest.mark.promise("links-masked")
@pytest.mark.parametrize(("may", "sees"), [("*", True), ("staff@example.org", False)])
def test_only_who_may_act_as_a_person_sees_the_links_that_their_answer_quotes(
    begin: Begin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, may: str, sees: bool
) -> None:
    text = f'[admin.users]\n"(owner)" = {{ may_act_as = ["{may}"] }}\n'
    desk = Desk(asked_for_needs(begin("needs", text)), capsys, monkeypatch)
    asked = got(desk.life, "describe-needs", "principal")
    content = answer(asked, f"agree\r\n\r\nx{look_alike('superintendent@example.org')}")
    comes(desk.life, content)
    shown = desk.ask("replies", "show", "1")["message"]
    assert (shown.encode() == content) is sees
    assert bool(LIVE.search(shown)) is bool(ANSWER.search(shown)) is sees
    assert len(looks(desk)) == sees
    # What the sender made up stays as it is.
    assert look_alike("superintendent@example.org") in shown


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


@pytest.mark.promise("address-on-record")
def test_the_record_says_to_which_address_a_link_was_sent_and_from_which_an_answer_came(
    visit: Visit, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = visit("needs")
    life = visitor.life
    life.do("describe-needs")
    comes(life, answer(got(life, "describe-needs", "staff"), "agree"))
    life.person("franklin-principal", roles=["principal"], schools=["franklin"])
    away = {"away_until": (life.now + timedelta(days=9)).date(), "delegate": "franklin-principal@example.org"}
    life.person("principal", **away)
    path = visitor.link(
        "agree-needs", "principal", to="franklin-principal@example.org", delegate_for="principal@example.org"
    )
    # Whoever has got the link from the delegate, it is the delegate's.
    visitor.do(path)
    desk = Desk(life, capsys, monkeypatch)
    ways = ["cli", "reply from staff@example.org", "link sent to franklin-principal@example.org instead"]
    for text, row in zip(ways, desk.ask("history", REF)[-3:], strict=True):
        assert text.partition("@")[0].endswith((row["address"] or "cli").partition("@")[0])
        assert text in " ".join(desk.run("history", REF).out.split())
    assert "By an answer from staff@example.org" in visitor.get(visitor.link("", "staff")).said
    # It follows from what the hash covers.
    exported = json.loads(desk.run("export", REF).out)["partnerships"][0]["history"]
    through = [(row["seq"], row["ran_by"] or row["actor"]) for row in exported[-2:]]
    used = databases.rows(
        desk.folder, 'SELECT a.seq, n."to" FROM answers a JOIN notices n ON n.id = a.notice ORDER BY a.seq'
    )
    assert used == through == [(row["seq"], row["address"]) for row in desk.ask("history", REF)[-2:]]


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
