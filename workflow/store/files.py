"""Files that only their owner can read, and the lock of a database file, so that one file has one daemon."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def mode_in(folder: Path) -> int:
    """For this user alone; in a folder that gives its files to a group (set-group-ID), for that group too."""
    shared = folder.stat().st_mode & (stat.S_ISGID | stat.S_IWGRP) == stat.S_ISGID | stat.S_IWGRP
    return 0o660 if shared else 0o600


def open_private(path: Path, flags: int = 0, mode: int = 0o660) -> int:
    """A handle to write to a file, which is made if there is none, with no more rights than `mode`.

    One that is there keeps its rights. Raises `OSError`.
    """
    allowed = mode_in(path.parent) & mode
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, os.O_WRONLY)
    os.fchmod(handle, allowed)  # the umask may have taken away what the group needs
    return handle


def take_from_others(path: Path) -> bool:
    """Take from everybody but owner and group whatever they could do with a file. Whether that was anything."""
    mode = path.stat().st_mode
    if mode & 0o007:
        path.chmod(stat.S_IMODE(mode) & ~0o007)
    return bool(mode & 0o007)


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
