"""Forces the file names in a folder to the disk, so that a power cut cannot lose a new file."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Wait until the disk holds the names in a folder, such as that of a file that was just made or renamed.

    Syncing the file is not enough: it writes the content, and the folder holds the name.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
