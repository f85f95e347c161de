"""Spares a program the search for garbage in what it loads when it starts, all of which is needed to the end.

Without this, Python looks through the modules again and again while they are loaded, and once more when it ends.
That takes a third of a short command's time.
"""

from __future__ import annotations

import atexit
import gc

_OBJECTS = 50_000  # new objects after which Python looks for garbage; its own number is 700


def start_loading() -> None:
    """Look for no garbage while modules are loaded."""
    gc.disable()


def end_loading() -> None:
    """Look for garbage from now on, except in what is there already, and in nothing when the program ends."""
    # Only once in a process: what is garbage at a second time would stay until the end.
    if not gc.get_freeze_count():
        gc.freeze()
        atexit.register(gc.freeze)
    # A list keeps what it makes until its end, so look through it seldom.
    gc.set_threshold(_OBJECTS)
    gc.enable()
