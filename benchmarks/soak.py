"""An hour of a busy day in three minutes: one real `partnershipd`, 10,000 partnerships, 40 visitors at once.

All that an hour brings comes twenty times as fast: a tick each second instead of each 20 seconds, a page for each
visitor each second, and as many deadlines and messages as fall due in the hour. The clock of the machine is left
alone: with a false one (`faketime`) the limits on waiting would be twenty times as strict, and each tick would look
twenty times as long. `--minutes 60 --speed 1` is the hour itself.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import secrets
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import advance
import daemons
import district
import growth
import serving
from sqlalchemy import bindparam, func, select, update

from states.inputs import ABILITIES
from workflow import links
from workflow.clock import replan
from workflow.links import Applicant, Claim
from workflow.session import Session, System
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, NoticeStatus

AIMS = {"p99 of a page, ms": 300, "longest tick, s": 5, "errors": 0, "memory, last tenth to second": 1.10}
VISITORS = 40
WATCHING = ("/healthz", "/metrics")
MAIL = 120  # messages that may leave in a minute of the day, as in the packaged configuration
LINKED = 100  # partnerships whose people got a message with a link before the hour begins
STARTS = 10  # seconds that the daemon has for its start before the first deadline
_PORT = 18429
_TICK = re.compile(
    r"event=tick fired=(?P<fired>\d+) told=(?P<told>\d+) .*failed=(?P<failed>\d+)"
    r"(?:.*notices_sent=(?P<sent>\d+))?.* seconds=(?P<seconds>[\d.]+)"
)
# What the daemon says of its configuration when it starts is the same for an idle one.
_COMPLAINT = re.compile(r"level=(warning|error|critical) (?!event=configuration )")
_TEXT = "What we have done for the students of three schools, with figures of each year. "


class Visit(NamedTuple):
    """Something that visitors do: a name, how often among all of them, and where it leads; a form if it is sent."""

    name: str
    weight: int
    paths: Sequence[str]
    form: Mapping[str, str] | None = None


class Page(NamedTuple):
    """What a visitor got."""

    name: str
    status: int
    seconds: float
    at: float  # seconds since the first visit


# The district


def prepare(folder: Path, number: int, speed: float, url: str | None) -> System:
    """Make the district with everything that happens before the hour; return its system."""
    growth.prepare(folder, number, district.today() - timedelta(days=1))
    _configure(folder, speed)
    system = district.opened(folder)
    # The daemon would do it in its first tick, since this is another configuration than that of the import.
    system.transact(lambda session: replan.replan(session, datetime.now(UTC)))
    query = select(tables.partnerships.c.ref, tables.partnerships.c.school).where(
        tables.partnerships.c.ref.like("partnership-9-%")
    )
    with system.reading() as session:
        rows = session.connection.execute(query.limit(LINKED)).all()
    for ref, school in rows:
        advance.act(
            system,
            advance.Step(ref, "agree-needs", f"{school.replace('school', 'principal')}@example.org", {}),
        )
    if url is None:
        return system
    system.engine.dispose()
    daemons.move(folder, folder.with_name("target"), url)
    daemons.settings(folder, daemons.of(url, daemons.TEMPLATE))
    _configure(folder, speed)
    return district.opened(folder)


def _configure(folder: Path, speed: float) -> None:
    """Let mail leave at every hour, and count each visitor for itself, as behind a proxy."""
    path = folder / "config.toml"
    per_minute = f"per_minute = {round(MAIL * speed)}"
    text = path.read_text(encoding="utf-8").replace('hours = "16:59-17:01"', per_minute)
    web = f'[web]\nlisten = "127.0.0.1:{_PORT}"\nproxies = 1\n'
    path.write_text(
        text.replace("[web]\n", web) + f"[daemon]\ntick_seconds = {20 / speed}\n", encoding="utf-8"
    )


def spread(session: Session, first: datetime, seconds: float) -> int:
    """Let the calls that are over close one after the other in this time, and as many reminders fall due; how many.

    Only when to look at a deadline is changed, as after a try that failed. So the record stays as it was.
    """
    table = tables.deadlines
    is_open = table.c.status == DeadlineStatus.OPEN.value
    closings = select(table.c.id).where(is_open, table.c.fires.is_not(None), table.c.due_at < first)
    reminders = select(table.c.id).where(is_open, table.c.name == "needs-agreed", table.c.rung < 0)
    keys = [*session.connection.scalars(closings)]
    keys += [*session.connection.scalars(reminders.limit(len(keys)))]
    random.shuffle(keys)
    for n, key in enumerate(keys):
        due = first + timedelta(seconds=seconds * n / len(keys))
        session.connection.execute(update(table).where(table.c.id == key).values(next_at=due))
    return len(keys)


# The visitors


def plan(system: System) -> list[Visit]:
    """What visitors do, and where."""
    config = system.config
    with system.reading() as session:
        refs = select(tables.partnerships.c.ref)
        calls = [
            *session.connection.scalars(refs.where(tables.partnerships.c.call_ends_at > datetime.now(UTC)))
        ]
        public = [*session.connection.scalars(refs.where(tables.partnerships.c.public_state.is_not(None)))]
        told = session.connection.execute(
            select(tables.notices.c.id, tables.notices.c.to, tables.partnerships.c.ref).join_from(
                tables.notices, tables.partnerships
            )
        ).all()
    linked = [links.address(config, Claim(notice, "", to, ref)) for notice, to, ref in told]
    feeds = [links.feed_address(config, district.principal(n), 0) for n in range(20)]
    applying = [
        links.apply_address(config, Applicant(ref, f"a{n}@example{n % 50}.org", 0))
        for n, ref in enumerate(calls)
    ]
    words = dict.fromkeys((*ABILITIES, "demonstration"), _TEXT * 10)
    applied = words | {"kind": "other", "contact_name": "Somebody", "do": "send"}
    asked = {"email": "asker@example.org", "text": "Does the school have rooms for this after 4 p.m.?"}
    return [
        Visit("/calls", 44, ["/calls"]),
        Visit("a call", 50, [f"/calls/{ref}" for ref in calls]),
        Visit("/partnerships", 20, ["/partnerships", "/partnerships?page=2"]),
        Visit("a partnership, public", 20, [f"/partnerships/{ref}" for ref in public]),
        Visit("a partnership, by a link", 40, linked),
        Visit("/calls.atom, /calls.ics", 8, ["/calls.atom", "/calls.ics"]),
        Visit("a person's calendar", 3, feeds),
        *(Visit(path, 6, [path]) for path in WATCHING),
        Visit("an application, sent", 1, applying, applied),
        Visit("a question, sent", 2, [f"/calls/{ref}/question" for ref in calls], asked),
    ]


def visit(visits: Sequence[Visit], number: int, seconds: float, pause: float) -> list[Page]:
    """Let so many visitors read for this time, each with a pause of about so many seconds between two pages."""
    began = time.monotonic()

    def read(visitor: int) -> list[Page]:
        chance, pages = random.Random(visitor), []
        # A visitor whose next page would come after the end stops. Else all would ask for it together at the end.
        while time.monotonic() - began + (wait := chance.uniform(0.5, 1.5) * pause) < seconds:
            time.sleep(wait)
            (what,) = chance.choices(visits, [each.weight for each in visits])
            # What tells one form from another, and one applicant from another.
            own = secrets.token_hex(12)
            form = {**what.form, "form": own, "name": f"Applicant {own}"} if what.form else None
            pages.append(_read(what.name, chance.choice(what.paths), form, visitor, began))
        return pages

    with ThreadPoolExecutor(number) as pool:
        return [page for pages in pool.map(read, range(number)) for page in pages]


def _read(name: str, path: str, form: Mapping[str, str] | None, visitor: int, began: float) -> Page:
    at = time.monotonic() - began
    # Each comes from an address of its own, as the proxy would say. Programs that watch the daemon ask it directly.
    sender = {} if name in WATCHING else {"X-Forwarded-For": f"192.0.2.{visitor + 1}"}
    try:
        answer = serving.ask(_PORT, path, form, sender)
    except OSError:
        return Page(name, 0, time.monotonic() - began - at, at)
    return Page(name, answer.status, answer.seconds, at)


# The hour


class Watch:
    """Notes how much memory the daemon has, each second until the end of the block."""

    def __init__(self, daemon: serving.Served) -> None:
        self._daemon, self._over = daemon, threading.Event()
        self.megabytes = [daemon.memory("VmRSS")]
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(1):
            self.megabytes.append(self._daemon.memory("VmRSS"))

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def tenths(self) -> list[float]:
        """The median of each tenth of the time."""
        size = len(self.megabytes) / 10
        return [statistics.median(self.megabytes[int(n * size) : int((n + 1) * size) + 1]) for n in range(10)]


@contextlib.contextmanager
def server(url: str | None) -> Iterator[str | None]:
    """Yield the address of a server; None where the database is to be a SQLite file."""
    if url is None:
        yield None
        return
    with daemons.server(url) as address:
        yield address
        daemons.admin(address, f"DROP DATABASE {daemons.TEMPLATE} WITH (FORCE)")


def run(folder: Path, options: argparse.Namespace, url: str | None) -> dict[str, float]:
    """Let the hour pass, print what it brought, and return the figures that have an aim."""
    seconds = options.minutes * 60
    system = prepare(folder / "district", options.partnerships, options.speed, url)
    visits = plan(system)
    first = datetime.now(UTC) + timedelta(seconds=STARTS)
    number = system.transact(lambda session: spread(session, first, seconds))
    print(f"{options.partnerships:,} partnerships, {number:,} deadlines fall due", flush=True)
    with ProcessPoolExecutor(1) as other, serving.serve(folder / "district", _PORT) as daemon:
        with Watch(daemon) as watch:
            pages = other.submit(visit, visits, options.visitors, seconds, 20 / options.speed).result()
        left = _left(system)
    system.engine.dispose()
    log = (folder / "district" / "log").read_text(encoding="utf-8")
    _print_pages(pages)
    return _judge(pages, watch, log, left)


def _left(system: System) -> tuple[int, int]:
    """How many deadlines are due, and how many messages wait."""
    with system.reading() as session:
        due = session.connection.scalar(_DUE, {"now": datetime.now(UTC)})
        waiting = session.connection.scalar(_WAITING)
    return int(due or 0), int(waiting or 0)


_DUE = (
    select(func.count())
    .select_from(tables.deadlines)
    .where(
        tables.deadlines.c.status == DeadlineStatus.OPEN.value, tables.deadlines.c.next_at <= bindparam("now")
    )
)
_WAITING = (
    select(func.count())
    .select_from(tables.notices)
    .where(tables.notices.c.status == NoticeStatus.QUEUED.value)
)


# What it says


def _print_pages(pages: Sequence[Page]) -> None:
    print(f"\n{'':28}{'asked':>8}{'p50':>8}{'p95':>8}{'p99':>8} ms   statuses")
    names = dict.fromkeys(page.name for page in pages)
    for name in (*sorted(names), "all"):
        mine = [page for page in pages if name in (page.name, "all")]
        shares = "".join(f"{_share(mine, share):8.0f}" for share in (50, 95, 99))
        statuses = dict(Counter(page.status for page in mine))
        print(f"{name:28}{len(mine):8,}{shares}      {statuses}")


def _share(pages: Sequence[Page], share: int) -> float:
    """The milliseconds within which this percentage of the pages came."""
    took = sorted(page.seconds for page in pages)
    return 1000 * took[min(len(took) - 1, len(took) * share // 100)]


def _judge(pages: Sequence[Page], watch: Watch, log: str, left: tuple[int, int]) -> dict[str, float]:
    """Print how the daemon did, and return the figures that have an aim."""
    ticks = [{name: float(n or 0) for name, n in found.groupdict().items()} for found in _TICK.finditer(log)]
    fired, told, failed, sent = (
        int(sum(tick[name] for tick in ticks)) for name in ("fired", "told", "failed", "sent")
    )
    complaints = [line for line in log.splitlines() if _COMPLAINT.search(line)]
    tenths = watch.tenths()
    print(f"\nmemory: {watch.megabytes[0]:.0f} MB at the start; the tenths", end=" ")
    print(", ".join(f"{megabytes:.0f}" for megabytes in tenths), end=" ")
    print(f"MB; {watch.megabytes[-1]:.0f} MB at the end")
    half = len(ticks) // 2
    longest = [max((tick["seconds"] for tick in part), default=0) for part in (ticks[:half], ticks[half:])]
    print(
        f"ticks that did something: {len(ticks)}, the longest of each half {longest[0]:.2f} and {longest[1]:.2f} s"
    )
    print(
        f"deadlines: {fired:,} fired an event, {told:,} told people, {failed} tries failed; {left[0]:,} left"
    )
    print(f"messages: {sent:,} sent, {left[1]:,} wait at the end")
    for line in complaints[:10]:
        print(f"  {line[:300]}")
    wrong = [page for page in pages if page.status != 200]
    return {
        "p99 of a page, ms": _share(pages, 99),
        "longest tick, s": max(longest),
        "errors": len(wrong) + len(complaints) + failed,
        "memory, last tenth to second": tenths[-1] / tenths[1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3, help="how long it lasts")
    parser.add_argument("--speed", type=float, default=20, help="how many times as fast as the day")
    parser.add_argument("--partnerships", type=int, default=10_000)
    parser.add_argument("--visitors", type=int, default=VISITORS)
    parser.add_argument(
        "--url",
        nargs="?",
        const="",
        help="PostgreSQL instead of a SQLite file: a server, or one from a package",
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name, server(options.url) as url:
        figures = run(Path(name), options, url)
    print()
    for what, figure in figures.items():
        print(f"{what}: {figure:.2f}  (aim at most {AIMS[what]})")


if __name__ == "__main__":
    main()
