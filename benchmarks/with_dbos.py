"""The DBOS half of peers.py, run by an interpreter that has DBOS.

python with_dbos.py ADDRESS BODY prepare | work AT_ONCE

Enqueues a workflow for each partnership, or does them by one process and prints the seconds. As its documentation
advises, what is written is a transaction step of a datasource, whose result is recorded in the same transaction.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS, SQLAlchemyDatasource

address, body, mode, *rest = sys.argv[1:]
ADDRESS = address.replace("postgresql://", "postgresql+psycopg://")
STATEMENTS = [
    sa.text(each.replace("%s", ":key")) for each in json.loads(Path(body).read_text(encoding="utf-8"))
]
# Every process of one program would else have a version of its own, by its arguments.
DBOS(
    config={
        "name": "peers",
        "system_database_url": ADDRESS,
        "application_version": "1",
        "log_level": "ERROR",
        "sys_db_pool_size": 20,
    }
)
datasource = SQLAlchemyDatasource.create(ADDRESS)


@datasource.transaction()
def write(key: int) -> None:
    for statement in STATEMENTS:
        datasource.sql_session().execute(statement, {"key": key})


@DBOS.workflow()
def close(key: int) -> None:
    write(key)


def prepare(keys: list[int]) -> None:
    DBOS.listen_queues([])
    DBOS.launch()
    DBOS.register_queue("due")
    for key in keys:
        DBOS.enqueue_workflow("due", close, key)


def work(engine: sa.Engine, at_once: int) -> float:
    # The number at once is bounded only if there is one; a worker looks for more work every so often.
    began = time.perf_counter()
    DBOS.launch()
    DBOS.register_queue("due", worker_concurrency=at_once if at_once > 1 else 1, polling_interval_sec=0.01)
    waiting = sa.text("SELECT count(*) FROM dbos.workflow_status WHERE status <> 'SUCCESS'")
    while True:
        with engine.connect() as connection:
            if connection.scalar(waiting) == 0:
                return time.perf_counter() - began
        time.sleep(0.05)


engine = sa.create_engine(ADDRESS)
if mode == "prepare":
    with engine.connect() as connection:
        query = sa.text("SELECT partnership FROM ready.history ORDER BY partnership")
        prepare(list(connection.scalars(query)))
else:
    print(work(engine, int(rest[0])))
DBOS.destroy()
