"""Spares a program needless work while it starts and when it ends."""

from __future__ import annotations

import atexit
import gc
import os
from functools import cache


def begin() -> None:
    """Look for neither garbage nor plug-ins while modules are loaded."""
    # All that is loaded is needed to the end. Python would look through it again and again meanwhile.
    gc.disable()
    # Pydantic would read the lists of all installed packages. A district that has a plug-in may say so.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def end() -> None:
    """Look for garbage from now on, except in what is there already, and in nothing when the program ends."""
    _keep_all()
    gc.enable()


@cache
def _keep_all() -> None:
    """Keep all there is to the end. Only once in a process: later garbage is to go."""
    gc.freeze()
    # Else Python would look through everything once more, which takes a third of a short command's time.
    atexit.register(gc.freeze)
