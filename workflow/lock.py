"""The lock beside a SQLite file: one file has one daemon, and whoever puts another file in its place has none."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class Held(Exception):
    """Another program holds the lock."""


@contextlib.contextmanager
def holding(database: Path) -> Iterator[None]:
    """Hold the lock of a database file until the end of the block, or of the process.

    Raises `Held` if another has it, and `OSError` if the file of the lock cannot be written.
    """
    handle = os.open(f"{database}.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Held from None
        yield
    finally:
        os.close(handle)
