"""Shows how far a command with much to do has come."""

from __future__ import annotations

import sys
from typing import Any


class Progress:
    """Shows a progress bar on a terminal, for more than 20 partnerships."""

    def __init__(self, what: str, length: int) -> None:
        self._shown = sys.stderr.isatty() and length > 20
        self._bar: Any = None
        self._what, self._length = what, length

    def __enter__(self) -> Any:
        if not self._shown:
            return lambda: None
        from rich.console import Console as Terminal
        from rich.progress import Progress as Bar

        # Standard output holds only the answer, which may be JSON.
        self._bar = Bar(console=Terminal(stderr=True))
        self._bar.start()
        task = self._bar.add_task(self._what, total=self._length)
        return lambda: self._bar.advance(task)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
