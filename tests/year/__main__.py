"""Lives a year and prints what came of it: python -m tests.year --seed 1 --partnerships 10 --days 120.

It is lived on the kind of database that `tests.support.databases` is told of.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.support import databases
from tests.year.year import Year
from workflow.store.database import open_store


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--seed", type=int, default=4270)
    given.add_argument("--partnerships", type=int, default=10)
    given.add_argument("--days", type=int, default=120)
    given.add_argument("--trace", type=Path, help="a file for every line of what happened")
    asked = given.parse_args()
    ours = databases.begin_run()
    with tempfile.TemporaryDirectory() as name, ExitStack() as after:
        if ours is not None:
            after.callback(shutil.rmtree, ours, ignore_errors=True)
        after.callback(databases.end_run)
        folder = Path(name)
        databases.create(folder)
        after.callback(databases.drop, folder)
        database = databases.quick(open_store(databases.url(folder), create=True))
        after.callback(database.dispose)
        year = Year(folder, database, asked.seed, asked.partnerships)
        year.run(asked.days)
        if asked.trace:
            asked.trace.write_text("\n".join(year.trace()), encoding="utf-8")
        found = {"database": database.dialect.name, "bytes": databases.size(database)}
        print(json.dumps(year.result() | found, indent=1))


if __name__ == "__main__":
    main()
