"""The procrastinate half of peers.py, run by an interpreter that has procrastinate.

python with_procrastinate.py ADDRESS BODY prepare | work AT_ONCE

Defers a job for each partnership, or does the jobs by one worker and prints the seconds. As its documentation
advises, the task is a coroutine, the jobs are deferred in batches, and the work has a pool of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import procrastinate
from psycopg_pool import AsyncConnectionPool

address, body, mode, *rest = sys.argv[1:]
STATEMENTS = json.loads(Path(body).read_text(encoding="utf-8"))
AT_ONCE = int(rest[0]) if rest else 1
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=address, max_size=AT_ONCE + 4))
pool = AsyncConnectionPool(address, min_size=AT_ONCE, max_size=AT_ONCE, open=False)


@app.task(queue="due")
async def close(key: int) -> None:
    async with pool.connection() as connection:
        for statement in STATEMENTS:
            await connection.execute(statement, [key])


async def prepare() -> None:
    async with app.open_async(), pool:
        await app.schema_manager.apply_schema_async()
        async with pool.connection() as connection:
            found = await connection.execute("SELECT partnership FROM ready.history ORDER BY partnership")
            keys = [key for (key,) in await found.fetchall()]
        await close.batch_defer_async(*({"key": key} for key in keys))


async def work() -> float:
    async with app.open_async(), pool:
        await pool.wait()
        began = time.perf_counter()
        await app.run_worker_async(queues=["due"], wait=False, concurrency=AT_ONCE)
        return time.perf_counter() - began


if mode == "prepare":
    asyncio.run(prepare())
else:
    print(asyncio.run(work()))
