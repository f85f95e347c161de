"""Behind a pooler that lends a connection for one transaction only: nothing may lean on the one before."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support import databases
from tests.support.house import CALL, House, free_port, until

PGBOUNCER = shutil.which("pgbouncer")
pytestmark = pytest.mark.skipif(
    not databases.POSTGRESQL or not (PGBOUNCER or os.environ.get("CI")),
    reason="needs TEST_DATABASE=postgresql and pgbouncer",
)


@pytest.fixture
def pooled(foundation: Path, tmp_path: Path) -> Iterator[House]:
    """A house whose database is reached through a pooler with two connections for everybody."""
    assert PGBOUNCER is not None
    house = House(foundation, tmp_path)
    direct = make_url(databases.url(tmp_path))
    port = free_port()
    server = Path(str(direct.query["host"]))
    settings = server.parent / f"pgbouncer-{port}.ini"  # where the server's user may read
    settings.write_text(
        f"[databases]\n{direct.database} = host={server} dbname={direct.database} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nunix_socket_dir =\n"
        "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\n",
        encoding="utf-8",
    )
    user = ["-u", server.owner()] if os.getuid() == 0 else []  # it does not run as root
    with (tmp_path / "pooler.log").open("wb") as log:
        pooler = subprocess.Popen([PGBOUNCER, *user, str(settings)], stdout=log, stderr=log)
    until(lambda: answers(port), "the pooler answers")
    house.address = f"postgresql+psycopg://postgres@127.0.0.1:{port}/{direct.database}"
    house.configure()
    yield house
    house.end()
    pooler.terminate()
    pooler.wait(timeout=20)
    databases.drop(tmp_path)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.promise("daemons-share-work")
def test_a_daemon_behind_a_pooler_does_all_it_does_without(pooled: House) -> None:
    pooled.start()
    until(pooled.healthy, "the daemon is well", timeout=60)
    until(lambda: {row[0] for row in pooled.sql("SELECT status FROM notices")} == {"sent"}, "all is sent")
    pages = {pooled.page("/calls")[0] for _ in range(20)}
    pooled.signal(signal.SIGTERM)
    assert pooled.ended() == 0
    assert pages == {200}
    assert pooled.sql("SELECT count(*) FROM history WHERE event = 'close-applications'") == [(1,)]
    found = [line for line in pooled.logged() if line["level"] in ("error", "warning")]
    assert {line["event"] for line in found} == {"configuration"}, found
    assert pooled.faults() == []
    assert pooled.state(CALL) == "open-selection"
