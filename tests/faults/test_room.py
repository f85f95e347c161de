"""No room on the disk, for the database, the mail or the log: the daemon says so, loses nothing, and goes on by
itself once there is room.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults import dying
from tests.faults.account import account, eventually, letters, message_ids, newcomer, statuses
from tests.faults.conftest import Build
from tests.support import databases
from tests.support.house import PROGRAM, House
from workflow.outbox import queue
from workflow.session import Session, current_time

MANY = 30  # messages, of some twenty thousand bytes each
sqlite = pytest.mark.skipif(databases.POSTGRESQL, reason="the disk of a server's database is the server's")


def settled(house: House) -> None:
    house.configure(tick=0.5)
    house.start(command=dying.command("partnershipd", rest=0.5))
    eventually(lambda: house.healthy() and set(statuses(house)) == {"sent"}, "what was due is done")


def queue_(house: House) -> None:
    """Let many messages wait."""
    with newcomer(house) as life:
        record = life.record

        def tell(session: Session) -> None:
            for _ in range(MANY):
                queue.tell(session, "describe-needs", "staff@example.org", "staff", current_time(),
                            partnership=record.id, seq=2)  # fmt: skip

        life.system.transact(tell)


def says(house: House, words: str) -> None:
    eventually(lambda: words in house.page("/healthz")[1], f"it says {words!r}")
    assert not house.healthy()


def goes_on(house: House) -> None:
    """Everything leaves, once; the daemon is well, and ends as it should."""
    eventually(lambda: set(statuses(house)) == {"sent"} and house.healthy(), "all have left, and it is well")
    house.signal(signal.SIGTERM)
    assert house.ended() == 0
    assert Counter(str(letter["Message-ID"]) for letter in letters(house)) == message_ids(house)
    assert account(house).faults == ()


@pytest.mark.promise("full-disk")
@sqlite
def test_a_database_that_must_not_grow_loses_nothing_and_goes_on_when_it_may(house: House) -> None:
    """By the limit that the system puts on the size of files, which gives an error of input and output."""
    settled(house)
    assert house.running is not None
    size = (house.folder / "partnerships.db").stat().st_size
    _, most = resource.prlimit(house.running.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(house.running.pid, resource.RLIMIT_FSIZE, (size, most))
    queue_(house)
    says(house, "the database cannot be written: disk I/O error")
    eventually(lambda: house.logged("tick failed"), "the log says so too")
    assert statuses(house)["queued"] == MANY
    resource.prlimit(house.running.pid, resource.RLIMIT_FSIZE, (most, most))
    goes_on(house)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A disk of that size in place of a folder."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    made = subprocess.run(words, capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here, which takes root: {made.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Take up all room on a folder's disk but so many bytes."""
    balloon = folder / "balloon"
    file = os.open(balloon, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(file, b"x" * 4096)
    except OSError:
        os.ftruncate(file, os.fstat(file).st_size - leave)
    finally:
        os.close(file)
    return balloon


@pytest.mark.promise("full-disk")
@sqlite
def test_a_full_disk_under_database_mail_and_log_loses_nothing(build: Build, tmp_path: Path) -> None:
    (tmp_path / "house-0").mkdir()
    with small_disk(tmp_path / "house-0", megabytes=6):
        house = build()
        settled(house)
        queue_(house)
        balloon = fill(house.folder, leave=40_000)
        says(house, "the database cannot be written: database or disk is full")
        balloon.unlink()
        goes_on(house)
        house.end()


@pytest.mark.promise("full-disk")
def test_a_full_disk_under_the_mail_keeps_every_message_its_turn(house: House) -> None:
    mail = house.folder / "mail"
    mail.rename(house.folder / "before")
    mail.mkdir()
    with small_disk(mail, megabytes=2):
        shutil.copytree(house.folder / "before", mail, dirs_exist_ok=True)
        settled(house)
        balloon = fill(house.folder / "mail", leave=100_000)
        queue_(house)
        says(house, "mail cannot leave: the Maildir")
        assert "No space left on device" in house.page("/healthz")[1]
        assert 0 < statuses(house)["queued"] < MANY
        assert list((house.folder / "mail" / "tmp").iterdir()) == [], "nothing half written is left"
        balloon.unlink()
        goes_on(house)


@pytest.mark.promise("full-disk")
def test_a_log_that_cannot_be_written_stops_nothing(house: House) -> None:
    house.configure(tick=0.5)
    house.start(command=("sh", "-c", 'exec "$0" "$@" 2> /dev/full', str(PROGRAM)))
    goes_on(house)
