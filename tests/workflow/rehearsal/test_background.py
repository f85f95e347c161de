"""The next 90 days are worked out apart from pages and ticks, once at a time, and kept until something changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.support.district import Begin, Life
from workflow.rehearsal import background
from workflow.rehearsal.ahead import Ahead, look_ahead
from workflow.rehearsal.background import REST, Background, NotWorkedOut, run_child
from workflow.session import System

AHEAD = {
    "begin": "2025-07-07T16:00:00Z",
    "until": "2025-10-05T16:00:00Z",
    "weeks": [],
    "due": [],
    "people": [],
    "meetings": [],
    "too_late": [],
    "weekly": {},
}


class Worker:
    """Works out when a test lets it, and counts how often it had to."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.waiting: list[Callable[[], None]] = []
        self.fails = False
        self.count = 0
        self.background = Background(self.work, self.waiting.append)

    def work(self, system: System, now: datetime) -> Ahead:
        self.count += 1
        if self.fails:
            raise NotWorkedOut("there is no memory left")
        return Ahead.model_validate(AHEAD | {"begin": now})

    def look(self, *, after: timedelta = timedelta(0)) -> background.Standing:
        self.life.now += after
        return self.background.look(self.life.system, self.life.now)

    def finish(self) -> None:
        while self.waiting:
            self.waiting.pop()()


@pytest.fixture
def worker(begin: Begin) -> Worker:
    return Worker(begin("needs"))


def test_who_looks_first_starts_it_and_does_not_wait(worker: Worker) -> None:
    seen = worker.look()
    assert (seen.ahead, seen.is_running, worker.count) == (None, True, 0)
    worker.finish()
    seen = worker.look()
    assert (seen.is_running, seen.is_fresh) == (False, True)
    assert seen.ahead is not None
    assert seen.ahead.begin == worker.life.now


def test_one_runs_at_a_time(worker: Worker) -> None:
    for _ in range(5):
        assert worker.look().is_running
    assert len(worker.waiting) == 1


def test_it_is_kept_while_nothing_changes(worker: Worker) -> None:
    worker.look()
    worker.finish()
    assert worker.look(after=timedelta(hours=3)).is_fresh
    assert (worker.count, worker.waiting) == (1, [])


def test_after_an_event_others_get_the_last_one_while_it_is_worked_out_anew(worker: Worker) -> None:
    worker.look()
    worker.finish()
    worker.life.now += REST + timedelta(minutes=1)
    worker.life.do("describe-needs")
    seen = worker.look()
    assert (seen.is_fresh, seen.is_running) == (False, True)
    assert seen.ahead is not None
    worker.finish()
    assert worker.look().is_fresh


@pytest.mark.parametrize("what", ["day", "directory", "settings"])
def test_another_day_directory_or_configuration_makes_it_old(worker: Worker, what: str) -> None:
    worker.look()
    worker.finish()
    worker.life.now += timedelta(hours=1)
    if what == "day":
        worker.life.now += timedelta(days=1)
    elif what == "directory":
        worker.life.person("staff", digest=True)
    else:
        worker.life.system.config = replace(worker.life.system.config)  # as a reload does
    assert worker.look().is_running


def test_a_record_that_changes_all_the_time_is_not_rehearsed_all_the_time(worker: Worker) -> None:
    worker.look()
    worker.finish()
    worker.life.do("describe-needs")
    seen = worker.look(after=REST / 2)
    assert (seen.is_fresh, seen.is_running) == (False, False)
    assert worker.look(after=REST).is_running


def test_a_failure_keeps_the_last_one_and_is_tried_again_later(worker: Worker) -> None:
    worker.look()
    worker.finish()
    worker.fails = True
    began = worker.life.now
    seen = worker.look(after=timedelta(days=1))
    worker.finish()
    seen = worker.look()
    assert seen.failed_at == worker.life.now
    assert (seen.is_running, seen.ahead is not None and seen.ahead.begin) == (False, began)
    worker.fails = False
    worker.look(after=2 * REST)
    worker.finish()
    seen = worker.look()
    assert (seen.is_fresh, seen.failed_at) == (True, None)


def test_an_unexpected_error_does_not_keep_it_running_forever(worker: Worker) -> None:
    def work(system: System, now: datetime) -> Ahead:
        raise RuntimeError("not foreseen")

    worker.background = Background(work, worker.waiting.append)
    worker.look()
    worker.finish()
    seen = worker.look()
    assert (seen.is_running, seen.failed_at) == (False, worker.life.now)


def test_a_clock_that_was_set_back_keeps_nobody_waiting(worker: Worker) -> None:
    worker.look()
    worker.finish()
    assert worker.look(after=-timedelta(days=2)).is_running


# The child process


def test_a_child_brings_what_this_process_would(begin: Begin) -> None:
    life = begin("applied")
    before = life.dump()
    assert run_child(life.system, life.now) == look_ahead(life.system, life.now)
    assert life.dump() == before


def test_a_child_that_cannot_read_the_configuration_says_why(begin: Begin) -> None:
    life = begin("needs")
    assert life.system.config.path is not None
    life.system.config.path.write_text("[nothing", encoding="utf-8")
    with pytest.raises(NotWorkedOut, match="TOML"):
        run_child(life.system, life.now)


def child(life: Life, parent: int) -> subprocess.CompletedProcess[bytes]:
    """Run a child of the process with this number."""
    command = [sys.executable, "-P", "-m", background.__name__, str(life.system.config.path)]
    return subprocess.run(
        [*command, life.now.isoformat(), str(parent)], capture_output=True, timeout=120, check=False
    )


def test_a_child_writes_nothing_but_its_result(begin: Begin) -> None:
    done = child(begin("applied"), os.getpid())
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["due"]


def test_a_child_ends_with_its_daemon(begin: Begin) -> None:
    done = child(begin("applied"), os.getppid())
    assert (done.returncode, done.stdout) == (1, b"")
