"""Creates files that only their owner can read, and locks a database file for one daemon at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def private_mode(folder: Path) -> int:
    """Return the rights of a private file in a folder: read and write for its owner.

    In a folder that passes its group on to its files (set-group-ID), the group gets the same rights.
    """
    shared = folder.stat().st_mode & (stat.S_ISGID | stat.S_IWGRP) == stat.S_ISGID | stat.S_IWGRP
    return 0o660 if shared else 0o600


def open_private(path: Path, flags: int = 0, mode: int = 0o660) -> int:
    """Open a file for writing and return its descriptor. A new file gets no more rights than `mode`.

    A file that exists keeps its rights. Raise `OSError`, also if the file exists and `flags` has `O_EXCL`.
    """
    allowed = private_mode(path.parent) & mode
    try:
        # Create the file with the fewest rights, so that no other user can open it before `fchmod`.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        # The rights of an existing file are the choice of the person who made it.
        return os.open(path, os.O_WRONLY)
    os.fchmod(handle, allowed)  # the umask may have removed the group's rights
    return handle


def remove_rights_of_others(path: Path) -> bool:
    """Leave the rights to a file to its owner and group alone. Return whether others had any."""
    mode = path.stat().st_mode
    if mode & 0o007:
        path.chmod(stat.S_IMODE(mode) & ~0o007)
    return bool(mode & 0o007)


class LockTaken(Exception):
    """Another program holds the lock."""


class Unwritable(Exception):
    """The lock file cannot be created or written; the message says why."""


@contextlib.contextmanager
def holding(database: Path) -> Iterator[None]:
    """Hold the lock of a database file until the end of the block, or of the process.

    Raise `LockTaken` if another program has the lock, `Unwritable` if the lock file cannot be created or written.
    The kernel releases the lock of a process that dies, so no lock stays behind; the empty lock file does, on
    purpose: without it two programs could lock two files of the same name.
    """
    try:
        handle = open_private(Path(f"{database}.lock"))
    except OSError as error:
        raise Unwritable(f"{database}.lock cannot be written: {error.strerror}") from None
    try:
        try:
            # Do not wait for the lock: the other daemon may run for months.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LockTaken from None
        yield
    finally:
        os.close(handle)
