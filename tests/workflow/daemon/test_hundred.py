"""The running daemon under a hundred forms at once, behind a proxy, and before those who mean it ill."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections import Counter
from contextlib import suppress
from email import policy
from email.parser import BytesParser
from urllib.parse import urlencode, urljoin

import pytest

from tests.support.district import Life
from tests.support.house import CALL, NEW, House, until
from tests.support.visitor import Page, Visitor
from workflow import session
from workflow.links import Applicant, apply_address, feed_address

WHO = "franklin-principal@example.org"
MANY = "posts_per_minute = 10000"
EVIL = "evil.example.com"
WORDS = dict.fromkeys(("needs", "resources", "assets", "qualities", "goals"), "one")
FORM = "application/x-www-form-urlencoded"


def links(house: House, event: str) -> tuple[str, str, str]:
    """The path of a principal's link for an event, of an applicant's, and of the principal's calendar."""
    opened = session.open_system(house.folder / "config.toml", words=False)
    life = Life(opened, NEW, "franklin")
    life.now = session.current_time()
    if event == "agree-needs":
        life.do("describe-needs", "staff")
    visitor = Visitor(life)
    made = (
        visitor.link(event, "principal", to=WHO),
        visitor.path_of(apply_address(opened.config, Applicant(CALL, "new@example.org"))),
        visitor.path_of(feed_address(opened.config, WHO, 0)),
    )
    opened.engine.dispose()
    return made


def ask(
    house: House, path: str, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[int, str]:
    """What the daemon answers; a redirect is followed."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
    try:
        connection.request(method, path, body, ({"Content-Type": FORM} if body is not None else {}) | given)
        answer = connection.getresponse()
        text, to = answer.read().decode(), answer.headers["Location"]
        assert EVIL not in text + str(answer.headers)
    finally:
        connection.close()
    return ask(house, urljoin(path, to), **headers) if answer.status == 303 else (answer.status, text)


def filled(house: House, path: str, **typed: str) -> str:
    """The form of a page, filled in, as it is sent."""
    (form,) = [form for form in Page(ask(house, path)[1], path).forms if "form" in form.texts]
    ticked = {"confirm": "yes"} if "confirm" in form.choices else {}
    texts = {name: values[0] for name, values in form.texts.items() if values} | ticked | typed
    return urlencode(texts | {"do": "act"})


def events(house: House) -> list[str]:
    query = (
        "SELECT event FROM history h JOIN partnerships p ON p.id = h.partnership WHERE ref = ? ORDER BY seq"
    )
    return [event for (event,) in house.sql(query, NEW)]


@pytest.mark.promise("damaged-input", "acts-once")
@pytest.mark.parametrize(
    ("event", "typed", "others"),
    [
        ("agree-needs", {}, (410, "This has been done already")),
        ("describe-needs", WORDS, (200, "We are sending you a receipt")),
        ("add-note", {"text": "once"}, (200, "We are sending you a receipt")),
    ],
    ids=["once for all", "again and again", "a note"],
)
def test_the_same_form_a_hundred_times_at_once_is_done_once_and_the_others_are_told(
    house: House, event: str, typed: dict[str, str], others: tuple[int, str]
) -> None:
    house.configure(web=MANY)
    path, *_ = links(house, event)
    house.start()
    until(house.healthy, "the daemon is healthy", timeout=60)
    body, before = filled(house, path, **typed), events(house)
    if event == "describe-needs":
        # Its answers are checked first, and it is the second press that comes a hundred times.
        (form,) = Page(ask(house, path, "POST", body)[1], path).forms
        body = urlencode({name: values[0] for name, values in form.texts.items()} | {"do": "record"})
    gate, answers = threading.Barrier(100), []

    def send() -> None:
        gate.wait()
        answers.append(ask(house, path, "POST", body))

    threads = [threading.Thread(target=send) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = {200: "We are sending you a receipt", others[0]: others[1]}
    assert all(told[status] in text for status, text in answers)
    assert Counter(status for status, _ in answers) == Counter([200, *[others[0]] * 99])
    assert events(house) == [*before, event]
    assert house.sql("SELECT count(*) FROM answers") == [(1,)]
    assert house.sql("SELECT count(*) FROM notices WHERE template = 'receipt'") == [(1,)]


def test_behind_a_proxy_only_this_machine_is_told_and_each_sender_is_counted_apart(house: House) -> None:
    house.configure(web="proxies = 1\nposts_per_minute = 2")
    path, *_ = links(house, "describe-needs")
    house.start()
    until(house.healthy, "the daemon is healthy", timeout=60)
    for page in ("/healthz", "/metrics"):
        status, text = ask(house, page, X_Forwarded_For="203.0.113.7")
        assert (status, "There is no such page" in text) == (404, True)
        assert ask(house, page, X_Forwarded_For="127.0.0.1, 203.0.113.7")[0] == 404
        assert ask(house, page, X_Forwarded_For="127.0.0.1")[0] == 200
    body = filled(house, path)

    def sent(sender: str) -> int:
        status, text = ask(house, path, "POST", body, X_Forwarded_For=sender)
        assert status != 429 or "Too many at once" in text
        return status

    assert [sent("203.0.113.7") for _ in range(4)] == [422, 422, 429, 429]
    assert sent("203.0.113.8") == 422
    assert sent("203.0.113.8, 203.0.113.7") == 429


def test_without_a_proxy_nobody_can_say_to_be_somebody_else(house: House) -> None:
    house.configure(web="posts_per_minute = 2")
    path, *_ = links(house, "describe-needs")
    house.start()
    until(house.healthy, "the daemon is healthy", timeout=60)
    body = filled(house, path)
    statuses = [ask(house, path, "POST", body, X_Forwarded_For=f"203.0.113.{n}")[0] for n in range(4)]
    assert statuses == [422, 422, 429, 429]


RAW = (
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET /a/\x00\xff HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\r\n\r\n",
    b"POST /calls HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n",
    b"BREW / HTTP/9.9\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: x, chunked\r\nContent-Length: 1\r\n\r\n",
    b"GET http://%b/ HTTP/1.1\r\n\r\n" % EVIL.encode(),
    b"GET / HTTP/1.1\r\n no: head\r\n\r\n", b"GET / HTTP/1.1\r\nX:" + b"y" * 300_000 + b"\r\n\r\n",
    b"GET * HTTP/1.1\r\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (b"x" * 60_000, EVIL.encode()),
    b"GET //%b// HTTP/1.0\r\n\r\n" % EVIL.encode(),
)  # fmt: skip


def raw(house: House, request: bytes) -> str:
    """What the daemon answers to these bytes, until it hangs up, which it may do before it has read them all."""
    said: list[bytes] = []
    with (
        socket.create_connection(("127.0.0.1", house.port), timeout=60) as line,
        suppress(ConnectionResetError, BrokenPipeError),
    ):
        line.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        line.shutdown(socket.SHUT_WR)
        said += iter(lambda: line.recv(65536), b"")
    return b"".join(said).decode("latin-1")


def test_what_is_no_http_gets_no_look_inside_and_the_daemon_stays_well(house: House) -> None:
    house.start()
    until(house.healthy, "the daemon is healthy", timeout=60)
    before = house.sql("SELECT count(*) FROM history")
    for request in RAW:
        said = raw(house, request)
        assert re.match(r"HTTP/1\.[01] (200|302|400|404|405|413|431|501) |\Z", said), (
            request[:60],
            said[:200],
        )
        assert "Traceback" not in said
        assert EVIL not in said
    assert house.healthy()
    assert house.sql("SELECT count(*) FROM history") == before
    assert "Traceback" not in house.log_file.read_text(encoding="utf-8")


def test_neither_log_nor_figures_hold_what_opens_a_page_and_no_message_the_host_of_a_request(
    house: House,
) -> None:
    house.configure(web=MANY)
    path, applying, feed = links(house, "agree-needs")
    house.start()
    until(house.healthy, "the daemon is healthy", timeout=60)
    evil = {
        "Host": EVIL,
        "X_Forwarded_Host": EVIL,
        "Forwarded": f"host={EVIL}",
        "X_Forwarded_Proto": "javascript",
    }
    body = filled(house, path)
    asked = [
        ask(house, path, **evil), ask(house, path, "POST", body, **evil), ask(house, path, "POST",
        body, **evil),
        ask(house, f"{path}/done", **evil), ask(house, f"{path}/again", "POST", "", **evil),
        ask(house, f"{path}x", **evil), ask(house, feed, **evil), ask(house, applying, **evil),
        ask(house, applying, "POST", "do=none", **evil), ask(house, "/calls", **evil),
        ask(house, f"{path}/documents/x", **evil), ask(house, path, "PUT", "x", **evil),
    ]  # fmt: skip
    assert [status for status, _ in asked] == [200, 200, 410, 200, 422, 404, 200, 200, 200, 200, 404, 405]
    sent = "SELECT count(*) FROM notices WHERE status = 'sent' AND template = 'receipt'"
    until(lambda: house.sql(sent) == [(1,)], "the receipt has left", timeout=60)
    letters = b"".join(path.read_bytes() for path in house.letters())
    assert EVIL.encode() not in letters
    kept = house.log_file.read_text(encoding="utf-8") + house.page("/metrics")[1]
    assert "partnerships_" in kept
    replies = [
        str(BytesParser(policy=policy.default).parsebytes(path.read_bytes())["Reply-To"])
        for path in house.letters()
    ]
    codes = re.findall(r"\+(\d+-[a-z2-7]{16})@", " ".join(replies))
    assert codes
    secrets = ["k" * 48, *codes]
    for token in (path, applying, feed):
        secrets += [piece for piece in re.split(r"[/.]", token) if len(piece) > 15]
    assert len(secrets) > 6
    assert [secret for secret in secrets if secret in kept] == []
    assert EVIL not in kept
