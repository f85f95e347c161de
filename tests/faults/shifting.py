"""A clock that jumps while a daemon runs: libfaketime, told by a file, and for that process alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workflow import session


class Clock:
    """What the processes that are given `environment` take for the time."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("faketime")
        if found is None:
            reason = "faketime is not installed (on Debian: apt-get install faketime), so no clock can jump"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        self._file = folder / "clock"
        said = subprocess.run([found, "-f", "+0", "env"], capture_output=True, check=True).stdout.decode()
        (preload,) = [line for line in said.splitlines() if line.startswith("LD_PRELOAD=")]
        self.environment = {
            "LD_PRELOAD": preload.partition("=")[2],
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.off = timedelta()
        self.jump(timedelta())

    def jump(self, off: timedelta) -> None:
        """Let it be that much later than it really is, or earlier, from now on."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{off.total_seconds():+.0f}\n", encoding="ascii")
        fresh.rename(self._file)
        self.off = off

    def now(self) -> datetime:
        return (session.current_time() + self.off).astimezone(UTC)
