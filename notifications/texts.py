"""Reads small files that people save with any editor, and says plainly which encoding they have to be in."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

# UTF-8, passing over the mark that Notepad and Excel put at the beginning (Unicode 16.0, 23.8).
ENCODING: Final = "utf-8-sig"
EXPECTED: Final = "a file in UTF-8"
_MOST = 20_000  # bytes of a password or token; a device may have no end


def explain_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Return in words why a file cannot be read as text."""
    if not isinstance(error, UnicodeDecodeError):
        return f"the file is unreadable: {error}"
    if error.object.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "the file is saved as UTF-16 (Notepad calls it Unicode): save it as UTF-8"
    line = error.object[: error.start].count(b"\n") + 1
    byte = f"0x{error.object[error.start]:02x}"
    return f"the file is unreadable: line {line} has a byte ({byte}) that is not UTF-8 text"


def read_secret(path: Path) -> str:
    """Return the password or token in a file, without a line end behind it. Raise OSError, which quotes nothing."""
    with path.open("rb") as file:
        content = file.read(_MOST + 1)
    if len(content) > _MOST:
        raise OSError(f"it has more than {_MOST:,} bytes")
    try:
        return content.decode(ENCODING).strip()
    except UnicodeDecodeError as error:
        # Without the original error, which holds the secret.
        words = explain_unreadable(error)
    raise OSError(words)
