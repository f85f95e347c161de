"""Lives a year and prints what came of it: python -m tests.year --seed 1 --partnerships 10 --days 120.

It is lived on the kind of database that `tests.support.databases` is told of.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

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
    try:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(_lived(Path(name), asked), indent=1))
    finally:
        databases.end_run()
        if ours is not None:
            shutil.rmtree(ours, ignore_errors=True)


def _lived(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    databases.create(folder)
    database = databases.quick(open_store(databases.url(folder), create=True))
    year = Year(folder, database, asked.seed, asked.partnerships)
    year.run(asked.days)
    if asked.trace:
        asked.trace.write_text("\n".join(year.trace()), encoding="utf-8")
    found = year.result() | {"database": database.dialect.name, "bytes": databases.size(database)}
    database.dispose()
    databases.drop(folder)
    return found


if __name__ == "__main__":
    main()
