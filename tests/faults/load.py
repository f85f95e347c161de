"""A district that is busy from all sides at once: deadlines fall due, staff use the admin script, people send forms
and answer messages. Each thing that is done carries words of its own, so that it can be counted afterwards.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlalchemy import select, update

from tests.faults.account import HISTORY, NOTICES, message_ids, newcomer, of_ref, rows
from tests.support.desk import STAFF, real
from tests.support.district import STATIONS, Life
from tests.support.facts import LA
from tests.support.house import NEW, House
from tests.support.letters import answer, delivered, got, put
from tests.support.visitor import Page, Visitor
from workflow.session import Session, System, current_time
from workflow.store import chain, tables

T = TypeVar("T")
WHO = "franklin-principal@example.org"
MOST_REPLIES = 12  # more from one person within an hour would be taken for a machine's


class Load:
    """What is asked of a district, and what it has said is done."""

    def __init__(self, house: House, calls: int, gap: float) -> None:
        self.house = house
        self.asked: Counter[str] = Counter()  # how often each thing was tried, by its words
        self.done: set[str] = set()  # what was answered as done
        self.stop = threading.Event()
        self.head = b""  # what the receiving mail server puts above each answer
        with newcomer(house) as life:
            self.calls = [
                open_call(life.another(f"call-{number}", "rainier-beach")) for number in range(calls)
            ]
            self.link = Visitor(life).link("add-note", "principal", to=WHO)
            began = current_time()
            fall_due(life.system, lambda number: began + timedelta(seconds=number * gap))
            delivered(life)
            self.letter = got(life, "describe-needs", "franklin-principal")
        self.before = set(message_ids(house))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside the block it goes on."""
        with ThreadPoolExecutor() as pool:
            going = [pool.submit(each) for each in (self._staff, self._forms, self._answers)]
            try:
                yield
            finally:
                self.stop.set()
        for one in going:
            one.result()

    def _staff(self) -> None:
        for number in count(1):
            words = f"staff {number}"
            self.asked[words] += 1
            line = ("--config", str(self.house.folder / "config.toml"), "trigger", NEW, *STAFF)
            if real(*line, *(note(words) if number % 2 else correction(words))).returncode == 0:
                self.done.add(words)
            if self.stop.wait(1.5):
                return

    def _forms(self) -> None:
        for number in count(1):
            words = f"form {number}"
            body = self._persist(lambda: filled(self.house, self.link))
            if body and self._persist(partial(self._send, body | {"text": words}, words)):
                self.done.add(words)
            if self.stop.wait(0.05):
                return

    def _persist(self, attempt: Callable[[], T]) -> T | None:
        """Try until it is answered, as people do whose browser says that there is no connection."""
        while not self.stop.is_set():
            with suppress(OSError, http.client.HTTPException):
                if found := attempt():
                    return found
            self.stop.wait(0.1)
        return None

    def _send(self, body: dict[str, str], words: str) -> bool:
        self.asked[words] += 1
        return send(self.house, self.link, body).endswith("/done")

    def _answers(self) -> None:
        for number in range(1, MOST_REPLIES + 1):
            words = f"reply {number}"
            self.asked[words] += 1
            content = self.head + answer(self.letter, words)
            put(self.house.folder / "var" / "replies", content, f"{number}.host")
            self.done.add(words)
            if self.stop.wait(0.7):
                return


def note(words: str) -> tuple[str, ...]:
    """The event of a command that adds a note, and its options."""
    return ("add-note", "--set", f"text={words}")


def correction(words: str) -> tuple[str, ...]:
    """The event of a command that corrects the title of NEW, and its options."""
    given = json.dumps({"school": "franklin", "title": words})
    return ("correct-entry", "--set", "seq=1", "--set", f"input={given}", "--set", f"reason={words}")


def filled(house: House, link: str) -> dict[str, str]:
    """The form of a page as a browser would send it; nothing while the page has none."""
    forms = [form for form in Page(house.page(link)[1], link).forms if "form" in form.texts]
    texts = forms[0].texts if forms else {}
    ticked = {"confirm": "yes"} if forms and "confirm" in forms[0].choices else {}
    return {name: values[0] for name, values in texts.items() if values} | ticked


def send(house: House, link: str, body: dict[str, str]) -> str:
    """Send a form; where its answer leads: to what was recorded, or to the form again."""
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request("POST", link, urlencode(body | {"do": "act"}), kind)
        return connection.getresponse().headers.get("Location", "")
    finally:
        connection.close()


def open_call(life: Life) -> str:
    """A call for partners that is open, and of which nobody is to be told any more."""
    life.now = current_time().astimezone(LA).replace(microsecond=0) - timedelta(days=30)
    life.do("identify-needs")
    life.step(STATIONS["needs-agreed"][1])
    life.do("open-selection", closes_on=(life.now + timedelta(days=21)).date().isoformat())
    return life.ref


def fall_due(found: System, when: Callable[[int], datetime]) -> None:
    """Let open calls close, each at an instant by its number, and nothing else fall due; what was told is told."""
    table = tables.deadlines
    calls = select(table.c.id).where(table.c.fires == "close-applications", table.c.status == "open")

    def work(session: Session) -> None:
        connection = session.connection
        told = update(tables.notices).values(status="sent", sent_at=current_time(), held=False)
        chain.execute(connection, told)
        keys = list(connection.scalars(calls.order_by(table.c.id)))
        chain.execute(connection, update(table).where(table.c.status == "open").values(status="cancelled"))
        for number, key in enumerate(keys):
            values = {"status": "open", "due_at": when(number), "next_at": when(number)}
            chain.execute(connection, update(table).where(table.c.id == key).values(**values))

    found.transact(work)


def told_twice(house: House, before: set[str]) -> list[Any]:
    """Whoever was told of one thing twice, among the notices that are not of `before`."""
    of = (NOTICES.partnership, NOTICES.template, NOTICES.seq, NOTICES.deadline, NOTICES.to, NOTICES.extra)
    found = rows(house, select(NOTICES.message_id, *of))
    told = Counter(tuple(rest) for key, *rest in found if key not in before)
    return [each for each, number in told.items() if number > 1]


def closings(house: House) -> Counter[str]:
    """How often the call of each partnership closed."""
    return Counter(ref for ref, event in rows(house, of_ref(HISTORY.event)) if event == "close-applications")


def assert_closed_once(house: House, calls: Sequence[str]) -> None:
    """Each of these calls closed once, and each of the five people was told of it once."""
    closed = closings(house)
    assert {ref: closed[ref] for ref in calls} == dict.fromkeys(calls, 1)
    told = Counter(
        (ref, to) for ref, template, to in rows(house, of_ref(NOTICES.template, NOTICES.to))
        if template == "close-applications" and ref in calls
    )  # fmt: skip
    people = {to for _, to in told}
    assert len(people) == 5
    assert told == {(ref, to): 1 for ref in calls for to in people}
