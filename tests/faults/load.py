"""A district that is busy from all sides at once: deadlines fall due, staff use the admin script, people send forms
and answer messages. Each thing that is done carries words of its own, so that it can be counted afterwards.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import select, update

from tests.faults.account import NOTICES, message_ids, opened, rows
from tests.support.district import Life
from tests.support.facts import LA
from tests.support.house import NEW, House
from tests.support.letters import answer, put
from tests.support.visitor import Page, Visitor
from workflow.session import Session, System, current_time
from workflow.store import tables

CTL = str(Path(sys.executable).parent / "partnershipctl")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WHO = "franklin-principal@example.org"
MOST_REPLIES = 12  # more from one person within an hour would be taken for a machine's


class Load:
    """What is asked of a district, and what it has said is done."""

    def __init__(self, house: House, calls: int, gap: float) -> None:
        self.house = house
        self.asked: Counter[str] = Counter()  # how often each thing was tried, by its words
        self.done: set[str] = set()  # what was answered as done
        self.stop = threading.Event()
        with opened(house) as found:
            self.calls = [open_call(Life(found, f"call-{number}")) for number in range(calls)]
            self.link, self.letter = _asks(found)
            began = current_time()
            fall_due(found, lambda number: began + timedelta(seconds=number * gap))
        self.before = set(message_ids(house))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside the block it goes on."""
        threads = [threading.Thread(target=each) for each in (self._staff, self._forms, self._answers)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def _staff(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            words = f"staff {number}"
            self.asked[words] += 1
            known = {k: v for k, v in os.environ.items() if not k.startswith("PARTNERSHIPS_")}
            line = [CTL, "--config", str(self.house.folder / "config.toml"), "trigger", NEW, "add-note",
                    "--as", "staff@example.org", "--set", f"text={words}"]  # fmt: skip
            if subprocess.run(line, capture_output=True, check=False, env=known).returncode == 0:
                self.done.add(words)
            self.stop.wait(1.5)

    def _forms(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            words = f"form {number}"
            if self._persist(lambda: self._page()[0] == 200):
                body = self._filled(words)
                if body and self._persist(lambda body=body, words=words: self._send(body, words)):  # type: ignore[misc]
                    self.done.add(words)
            self.stop.wait(0.05)

    def _persist(self, attempt: Callable[[], bool]) -> bool:
        """Try until it is answered, as people do whose browser says that there is no connection."""
        while not self.stop.is_set():
            with suppress(OSError, http.client.HTTPException):
                if attempt():
                    return True
            self.stop.wait(0.1)
        return False

    def _page(self) -> tuple[int, str]:
        return self._request("GET", None)

    def _request(self, method: str, body: str | None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.house.port, timeout=30)
        try:
            connection.request(method, self.link, body, FORM if body else {})
            given = connection.getresponse()
            return given.status, given.read().decode()
        finally:
            connection.close()

    def _filled(self, words: str) -> str:
        with suppress(OSError, http.client.HTTPException):
            forms = [form for form in Page(self._page()[1], self.link).forms if "form" in form.texts]
            if forms:
                texts = {name: values[0] for name, values in forms[0].texts.items() if values}
                return urlencode(texts | {"text": words, "do": "act"})
        return ""

    def _send(self, body: str, words: str) -> bool:
        self.asked[words] += 1
        return self._request("POST", body)[0] == 303

    def _answers(self) -> None:
        for number in range(1, MOST_REPLIES + 1):
            words = f"reply {number}"
            self.asked[words] += 1
            put(self.house.folder / "var" / "replies", answer(self.letter, words), f"{number}.host")
            self.done.add(words)
            if self.stop.wait(0.7):
                return


def open_call(life: Life) -> str:
    """A call for partners that is open, and of which nobody is to be told any more."""
    life.now = current_time().astimezone(LA).replace(microsecond=0) - timedelta(days=30)
    for event, by in (("identify-needs", None), ("describe-needs", None), ("agree-needs", "principal"),
                      ("agree-needs", "staff")):  # fmt: skip
        life.do(event, by)
    life.do("open-selection", closes_on=(life.now + timedelta(days=21)).date().isoformat())
    return life.ref


def fall_due(found: System, when: Callable[[int], datetime]) -> None:
    """Let open calls close, each at an instant by its number, and nothing else fall due; what was told is told."""
    table = tables.deadlines
    calls = select(table.c.id).where(table.c.fires == "close-applications", table.c.status == "open")

    def work(session: Session) -> None:
        connection = session.connection
        connection.execute(update(tables.notices).values(status="sent", sent_at=current_time(), held=False))
        keys = list(connection.scalars(calls.order_by(table.c.id)))
        connection.execute(update(table).where(table.c.status == "open").values(status="cancelled"))
        for number, key in enumerate(keys):
            values = {"status": "open", "due_at": when(number), "next_at": when(number)}
            connection.execute(update(table).where(table.c.id == key).values(**values))

    found.transact(work)


def _asks(found: System) -> tuple[str, EmailMessage]:
    """The path of a principal's link for a note, and a letter that can be answered."""
    life = Life(found, NEW, "franklin")
    life.now = current_time().astimezone(LA)
    visitor = Visitor(life)
    link = visitor.link("add-note", "principal", to=WHO)
    notice = next(one for one in life.notices("describe-needs") if one["to"] == WHO)
    letter = BytesParser(policy=policy.default).parsebytes(notice["message"])
    assert isinstance(letter, EmailMessage)
    return link, letter


def noted(house: House) -> Counter[str]:
    """How often each note stands in the history, by its words."""
    columns = tables.history.c
    query = select(columns.input).where(columns.event == "add-note")
    return Counter(str(json.loads(row[0])["text"]) for row in rows(house, query))


def told_twice(house: House, before: set[str]) -> list[object]:
    """Whoever was told of one thing twice, among the notices that are not of `before`."""
    of = [
        NOTICES[name] for name in ("message_id", "partnership", "template", "seq", "deadline", "to", "extra")
    ]
    told = Counter(tuple(rest) for key, *rest in rows(house, select(*of)) if key not in before)
    return [each for each, number in told.items() if number > 1]
