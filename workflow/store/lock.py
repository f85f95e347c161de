"""The lock beside a SQLite file: one file has one daemon, and whoever puts another file in its place has none."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from workflow.store.files import open_private


class Held(Exception):
    """Another program holds the lock."""


class Unwritable(Exception):
    """The file of the lock cannot be made or written; says why."""


@contextlib.contextmanager
def holding(database: Path) -> Iterator[None]:
    """Hold the lock of a database file until the end of the block, or of the process.

    Raises `Held` if another has it, `Unwritable` if the file of the lock cannot be.
    """
    try:
        handle = open_private(Path(f"{database}.lock"))
    except OSError as error:
        raise Unwritable(f"{database}.lock cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Held from None
        yield
    finally:
        os.close(handle)
