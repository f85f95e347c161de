"""Two thousand requests that nobody sends in good faith: each is answered by a page, and none changes anything."""

from __future__ import annotations

import io
import os
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes, urljoin

import pytest
from sqlalchemy import text
from werkzeug.test import EnvironBuilder, TestResponse
from werkzeug.wrappers import Request

from states.machine import events_of
from states.names import Role
from tests.support import databases
from tests.support.facts import PEOPLE
from tests.support.visitor import Page, Visit, Visitor
from workflow import links
from workflow.links import Applicant
from workflow.web.site import HEADERS

# What nobody sends.

EVIL = "evil.example.com"
SCRIPT = "<script>alert(4270)</script>"
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
# Too long for every field, on one line, and no choice, day, amount, number or address either.
WRONG = (
    "x" * 20_001, SCRIPT * 800, "{{ 7 * 7 }}{% for %}" * 1_100, "é" * 20_001, "\U0001f469\u200d" * 10_500,
    "\x00" + "0" * 20_001, "'; DROP TABLE history; --" * 900, "%s%n" * 6_000, "../" * 7_000,
)  # fmt: skip
ODD = (
    "", " ", "\n", "\r\nBcc: all@example.org\r\n", "\x00", "\x1b[2J", "\ufeff", "\u202e", "\ud800", "null",
    "[]",
    "-1", "1e999", "NaN", "٣", "0x10", "2026-02-30", "0000-00-00", "9999-99-99", "$-5", "99999999999999999999",
    "yes\nno", "true", "a@b@c", "name@example.org\nname@example.org", SCRIPT, "{{ config }}", "${7*7}",
    "' OR 1=1 --", "../../etc/passwd", "harbor-house", "staff@example",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get", "", "X" * 300)
HOSTS = (
    EVIL, f"{EVIL}:99999", f"{EVIL}:x", f"a@{EVIL}", "", ".", "..", "[::1", "x" * 300, "a b", "é",
    f"{EVIL}\\x", f"{EVIL}/x", "127.0.0.1:8427", "xn--\x00",
)  # fmt: skip
SENDERS = (
    "127.0.0.1", "203.0.113.7", "::1", "::ffff:127.0.0.1", "fe80::1%eth0", "unknown", "", "127.0.0.1:99",
)  # fmt: skip
KINDS = (
    URLENCODED, MULTIPART, f"{MULTIPART}; boundary=", f"{MULTIPART}; boundary=" + "b" * 5_000,
    f"{MULTIPART}; boundary=\x00", f'{MULTIPART}; boundary="x', f"{MULTIPART}; boundary==?utf-8?q?x?=",
    f"{URLENCODED}; charset=utf-16", f"{URLENCODED}; charset=none-such", "application/json", "text/plain",
    "text/html",
    "", ";", "/", "multipart/mixed; boundary=x", "é", "a" * 9_000, f"{MULTIPART}; boundary*0=a; boundary*1=b",
)  # fmt: skip
LENGTHS = ("-1", "abc", "0", "1", "99999999999", "1e3", " 7 ", "٣", "+5", "", "7, 7")


@dataclass(frozen=True)
class Door:
    """An address of ours that takes forms: what stands in its form, and the buttons that only show it anew."""

    path: str
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Sequence[str] = ()
    does: str = "act"

    @property
    def own(self) -> list[str]:
        """The names of the fields that people fill in."""
        return [name for name in self.texts if name not in ("form", "shown")]


class Garbage(random.Random):
    """Makes requests out of what is genuine at a station: doors, and tokens of every purpose."""

    def __init__(self, seed: str, doors: Sequence[Door], tokens: Sequence[str]) -> None:
        super().__init__(seed)
        self.doors, self.tokens = doors, tokens

    def request(self) -> dict[str, Any]:
        """The WSGI environment of one more."""
        ways = (self._wrong_form, self._wrong_form, self._wrong_form, self._damaged_form, self._wild)
        environ = self.choice(ways)()
        if self.random() < 0.4:
            self._odd_headers(environ)
        return environ

    # Where to

    def token(self) -> str:
        """A token that was cut, mixed with another, put together wrongly, or made for something else."""
        one, other = self.choice(self.tokens), self.choice(self.tokens)
        at = self.randrange(len(one))
        pieces, others = one.split("."), other.split(".")
        mixed = ".".join(self.choice(pair) for pair in zip(pieces, others, strict=False))
        return self.choice(
            (one[:at], one[at:], one[:at] + self.choice("A_-.=%\x00é/") + one[at:], one[:at] + other[at:],
             mixed if mixed not in self.tokens else mixed[1:], one + one, one.upper(), one[::-1], "." * at,
             one.replace(".", ""), pieces[0], "." + one, "eyJuIjoxfQ." + ".".join(pieces[1:]), one + "\n",
             "x" * 9_000)
        )  # fmt: skip

    def path(self) -> str:
        """A path that leads to nothing, or to a page that is only read."""
        token, odd = self.token(), self.choice(ODD)
        genuine = self.choice(self.tokens)
        return self.choice(
            (f"/a/{token}", f"/a/{token}/done", f"/a/{token}/again", f"/a/{token}/documents/{'0' * 64}",
             f"/a/{genuine}/documents/{odd}", f"/a/{genuine}/documents/../..", f"/a/{genuine}/{odd}",
             f"/a/{genuine}/done", f"/a//{genuine}", f"//{EVIL}/a/{genuine}", f"/a/../a/{genuine}",
             f"/feed/{token}.ics", f"/feed/{genuine}.ics", f"/feed/{odd}.ics", f"/feed/{genuine}",
             "/feed//x.ics",
             f"/calls/{odd}", f"/calls/{token}", "/calls//rbhs-2025", "/calls/rbhs-2025/", "/calls.atom",
             "/calls.ics",
             f"/documents/{odd}", f"/documents/{genuine}", "/healthz", "/metrics", "/style.css",
             "/static/x", "//", "",
             "*", "/" + "a/" * 3_000, f"/{odd}")
        )  # fmt: skip

    # What with

    def _wild(self) -> dict[str, Any]:
        kind = self.choice(KINDS)
        body = self.choice((b"", self.randbytes(self.randrange(3_000)), self._urlencoded(self._many())))
        return self._environ(self.choice(METHODS), self.path(), kind, body)

    def _wrong_form(self) -> dict[str, Any]:
        """A form as a page of ours has it, in which at least one field cannot be what it has to be."""
        door = self.choice([door for door in self.doors if door.own])
        given = [(name, self.choice(ODD)) for name in door.own for _ in range(self.choice((0, 1, 1, 2)))]
        given += [(name, text) for name in ("form", "shown") for text in door.texts.get(name, ())]
        # Whoever has a conflict of interest gives no scores, so those are wrong only if the conflict is.
        poisoned = [name for name in door.own if name.endswith("conflict/reason")] or door.own
        given = [(self.choice(poisoned), self.choice(WRONG)), *given, ("do", self._button(door))]
        return self._sent(door, given)

    def _damaged_form(self) -> dict[str, Any]:
        """A form that no page of ours has made, or that did not arrive as it was sent."""
        door = self.choice(self.doors)
        given = [(name, self.choice(ODD)) for name in door.own]
        mark = {"form": "0" * 32, "shown": "0" * 32, "do": door.does}
        spoiled = self.choice(list(mark))
        mark[spoiled] = self.choice(
            ("", "0" * 31, "A" * 32, "０" * 32, "\x00" * 32, "drop.", "drop.-1", "ACT", "a\nb")
        )
        if self.random() < 0.3:
            given += self._many()
        return self._sent(door, [*given, *mark.items()])

    def _button(self, door: Door) -> str:
        others = ("add", "drop.0", "drop.999") if door.does == "act" else ("send", "save", "withdraw")
        return self.choice((door.does, door.does, door.does, *others))

    def _many(self) -> list[tuple[str, str]]:
        """More fields than anybody has, with names that nobody gave them."""
        names = ("", "x" * 50_000, "\x00", "outcomes.-1.name", "outcomes.9999999999.name",
                 "outcomes.x.name", "outcomes",
                 "scores", "scores.", "values.0", "values.9999999", "[]", "a.b.c.d", "__class__", "é",
                 "form.shown",
                 "harbor-house/scores", "/", "none-such/conflict/reason")  # fmt: skip
        most = self.choice((3, 30, 300, 5_000))
        return [(self.choice(names[2:]) + str(n), self.choice(ODD)) for n in range(most)] + [
            (self.choice(names), "x")
        ]

    # How it is sent

    def _sent(self, door: Door, given: list[tuple[str, str]]) -> dict[str, Any]:
        if self.random() < 0.4:
            kind, body = URLENCODED, self._urlencoded(given)
        else:
            kind, body = self._multipart(given, door.files)
        if self.random() < 0.1:
            body = body[: self.randrange(len(body))]  # the button comes last, and is lost first
        if self.random() < 0.05:
            kind = self.choice(KINDS)
        return self._environ("POST", door.path, kind, body)

    def _urlencoded(self, given: list[tuple[str, str]]) -> bytes:
        def written(text: str) -> str:
            raw = text.encode("utf-8", "surrogatepass")
            return quote_from_bytes(raw) + self.choice(("", "", "", "%FF", "%C3%28", "%", "%zz"))

        def known(name: str) -> str:
            return quote_from_bytes(name.encode("utf-8", "surrogatepass"))

        exact = ("form", "shown", "do")
        pairs = [f"{known(n)}={known(t) if n in exact else written(t)}" for n, t in given]
        return self.choice(("&", "&", "&&", "&=&")).join(pairs).encode()

    def _multipart(self, given: list[tuple[str, str]], files: Sequence[str]) -> tuple[str, bytes]:
        """Parts, one of which may be broken in one of many ways."""
        at = self.choice(("boundary", "-", "b" * 70))
        parts = [
            f'--{at}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode(
                "utf-8", "surrogatepass"
            )
            + text.encode("utf-8", "surrogatepass")
            for name, text in given
        ]
        for name in files:
            head = (
                f'--{at}\r\nContent-Disposition: form-data; name="{name}"; filename="{self.choice(_NAMES)}"'
            )
            parts.insert(0, f"{head}\r\nContent-Type: text/html\r\n\r\n".encode() + self.choice(_FILES))
        if self.random() < 0.2:
            parts.insert(0, f"--{at}\r\n".encode() + self.choice(_BROKEN))
        end = self.choice(
            (
                b"--\r\n",
                b"--\r\n",
                b"--\r\n",
                b"--\r\n",
                b"--",
                b"",
                b"-",
                b"\r\n",
                b"--\r\n" + self.randbytes(100),
            )
        )
        line = self.choice((*[b"\r\n"] * 10, b"\n", b"\r"))
        return f"{MULTIPART}; boundary={at}", line.join([*parts, f"--{at}".encode()]) + end

    def _environ(self, method: str, path: str, kind: str, body: bytes) -> dict[str, Any]:
        environ = EnvironBuilder(path="/").get_environ()
        environ |= {
            "REQUEST_METHOD": method,
            "PATH_INFO": path.encode("utf-8", "surrogatepass").decode("latin-1"),
            "CONTENT_TYPE": kind.encode().decode("latin-1"),
            "CONTENT_LENGTH": str(len(body)),
            "QUERY_STRING": self.choice(
                ("", "", "form=1&do=act", "a" * 3_000, "%00=%FF", f"next=//{EVIL}", "=&=&")
            ),
            "HTTP_HOST": EVIL,
            "wsgi.input": io.BytesIO(body),
            "REMOTE_ADDR": "127.0.0.1",
        }
        return environ

    def _odd_headers(self, environ: dict[str, Any]) -> None:
        odd = {
            "HTTP_HOST": [host.encode().decode("latin-1") for host in HOSTS],
            "REMOTE_ADDR": SENDERS, "CONTENT_LENGTH": LENGTHS, "HTTP_X_FORWARDED_FOR": (*SENDERS, "1, 2, 3",
            ", " * 99),
            "HTTP_X_FORWARDED_HOST": (EVIL,), "HTTP_FORWARDED": (f"host={EVIL};for=x",),
            "HTTP_ORIGIN": ("null",),
            "HTTP_X_FORWARDED_PROTO": ("javascript",), "HTTP_X_FORWARDED_PREFIX": (f"//{EVIL}",),
            "HTTP_RANGE": ("bytes=9-1", "bytes=0-"), "HTTP_IF_MODIFIED_SINCE": ("yesterday",),
            "HTTP_IF_NONE_MATCH": ("*",),
            "HTTP_COOKIE": ("a=\x00; session=x",), "HTTP_TRANSFER_ENCODING": ("chunked", "gzip, chunked"),
            "HTTP_AUTHORIZATION": ("Basic x", "Digest"), "HTTP_EXPECT": ("100-continue",),
            "HTTP_ACCEPT": ("\x00",),
            "HTTP_CONTENT_ENCODING": ("gzip",), "HTTP_X_HTTP_METHOD_OVERRIDE": ("POST",),
            "wsgi.input_terminated": (True,),
        }  # fmt: skip
        for name in self.sample(list(odd), self.randrange(1, 6)):
            environ[name] = self.choice(odd[name])


_NAMES = ("run.exe", "page.html", "", "..", "a\x00.pdf.svg", "x" * 3_000 + ".js", "no-ending")
_FILES = (b"", b"MZ\x90\x00", SCRIPT.encode(), b"\x00" * 5_000)
_BROKEN = (
    b"\r\n\r\nno head", b"Content-Disposition: form-data\r\n\r\nno name", b"no colon\r\n\r\nx",
    b"\xff\xfe: x\r\n\r\nx",
    b"Content-Disposition: form-data; name=\r\n\r\nx", b'Content-Disposition: form-data; name="a\r\n\r\nx',
    b"X: " + b"y" * 100_000 + b"\r\n\r\nx", b"a: b\r\n" * 3_000 + b"\r\nx",
    b"Content-Disposition: attachment\r\n\r\nx",
    b'Content-Disposition: form-data; name="b"\r\nContent-Type: text/plain; charset=none-such\r\n\r\n\xff',
    b'Content-Disposition: form-data; name="c"; filename*=UTF-8\'\'%00%FF\r\n\r\nx',
    b'Content-Disposition: form-data; name="d"\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in--',
    b'Content-Disposition: form-data; name="e"\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!',
)  # fmt: skip


# The tests

SEED = os.environ.get("HOSTILE_SEED", "4270.8")
STATIONS = (
    "needs", "needs-agreed", "applied", "closed", "scored", "drafted", "introduced", "active", "reported", "ended",
)  # fmt: skip
EACH = max(200, int(os.environ.get("FUZZ", "0")) // len(STATIONS))
MAY = {200, 302, 303, 304, 400, 404, 405, 409, 410, 413, 415, 422, 429}
INSIDE = re.compile(
    r"Traceback|File \"|\b[A-Z][A-Za-z]+(Error|Exception)\b|sqlalchemy|sqlite|werkzeug|jinja|pydantic|\.py\b"
)
KEPT = {"X-Robots-Tag": ("all",), "Cache-Control": ("public, max-age=", "private, max-age=300")}


@contextmanager
def unwritten(visitor: Visitor) -> Iterator[Any]:
    """What counts the transactions that wrote something; in the end every row of every table is as before."""
    before = visitor.life.dump()
    with databases.beside(visitor.life.system.config.folder) as connection:
        # PostgreSQL counts transactions for the whole server, on which others work.
        count = "SELECT 0" if databases.POSTGRESQL else "PRAGMA data_version"
        yield lambda: connection.scalar(text(count))
    assert visitor.life.dump() == before


def tokens(visitor: Visitor) -> list[str]:
    """Genuine tokens of every purpose: acting, looking, applying, a calendar."""
    config, ref = visitor.life.system.config, visitor.life.ref
    shown = visitor.link("", "staff").removeprefix("/a/")
    applying = links.apply_address(config, Applicant(ref, "applicant@example.org")).rpartition("/")[2]
    feed = links.feed_address(config, "staff@example.org", 0).rpartition("/")[2].removesuffix(".ics")
    return [shown, applying, feed]


def doors(visitor: Visitor) -> list[Door]:
    """Every link that anybody can have at a station, with what stands in its form; and the doors to the call."""
    life = visitor.life
    assert life.state is not None
    paths = [
        visitor.link(row.name, str(role))
        for row in events_of(life.state)
        for role in row.who
        if role is not Role.CLOCK and PEOPLE[role]
    ]
    found = [door_at(visitor, path) for path in paths]
    applicant = Applicant(life.ref, "applicant@example.org")
    applying = visitor.path_of(links.apply_address(life.system.config, applicant))
    fields = dict.fromkeys(("name", "kind", "contact_name", "collaboration", "demonstration"), ("",))
    return [
        *found,
        Door(applying, fields, does="send"),
        Door(f"/calls/{life.ref}", {"email": ("",)}, does="ask"),
    ]


def door_at(visitor: Visitor, path: str) -> Door:
    page = visitor.get(path).page
    forms = [form for form in page.forms if "form" in form.texts]
    files = [given["name"] for tag, given in page.tags if tag == "input" and given.get("type") == "file"]
    texts = {name: text for name, text in forms[0].texts.items() if name not in files} if forms else {}
    return Door(path, texts, files)


def check(answer: TestResponse) -> None:
    """An answer is a page of ours: nothing of our insides, nothing of what was sent run, headers as promised."""
    said = answer.text
    assert answer.status_code in MAY
    assert INSIDE.search(said) is None
    assert SCRIPT not in said
    assert EVIL not in said + str(answer.headers)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value or answer.headers[name].startswith(KEPT.get(name, ("no other",)))
    if answer.status_code >= 400 and said:
        assert answer.content_type == "text/html; charset=utf-8"
        assert [tag for tag, _ in Page(said, "").tags].count("h1") == 1


# A form that breaks off leaves a spooled file of werkzeug's to the garbage collector.
@pytest.mark.promise("damaged-input")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("proxies", [0, 1])
@pytest.mark.parametrize("station", STATIONS)
def test_what_nobody_sends_is_answered_by_a_page_and_changes_nothing(
    visit: Visit, station: str, proxies: int
) -> None:
    visitor = visit(station, f"[web]\nproxies = {proxies}\nposts_per_minute = 10000\n")
    if station == "needs":
        visitor.life.do("describe-needs")
    garbage = Garbage(f"{SEED} {station} {proxies}", doors(visitor), tokens(visitor))
    answers: Counter[int] = Counter()
    with unwritten(visitor) as writes:
        before = writes()
        for number in range(EACH // 2):
            environ = garbage.request()
            sent = {name: str(environ[name])[:200] for name in environ if name.isupper()}
            answer = visitor.client.open(Request(environ))
            try:
                check(answer)
                if "/form/" in (to := answer.headers.get("Location", "")):
                    # What was typed is kept for its sender, and that is all that was written.
                    before = writes()
                    answer = visitor.client.get(urljoin("/a/x", to))
                    check(answer)
                assert writes() == before, "it wrote"
            except AssertionError as error:
                error.add_note(f"seed {SEED!r}, {station}, number {number}: {answer.status} for {sent}")
                raise
            answers[answer.status_code] += 1
    print(dict(answers))
    assert {400, 404, 422} <= set(answers), "some got past the door, some as far as their fields"
