"""Reads which type each part of an office document has (ECMA-376, part 2: Open Packaging Conventions)."""

from __future__ import annotations

import zipfile
import zlib
from xml.etree import ElementTree

_LIST = "[Content_Types].xml"
_LARGEST = 1_000_000  # bytes of the list when unpacked; real ones have some thousand
_NAMESPACE = "{http://schemas.openxmlformats.org/package/2006/content-types}"
# What reading a damaged ZIP file or its list raises.
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, ElementTree.ParseError, ValueError, NotImplementedError, OSError, EOFError,
    RuntimeError,
)  # fmt: skip


def read(parts: zipfile.ZipFile) -> dict[str, str] | None:
    """Return the content type of each part by its name in lower case; None for a file without a list of types.

    A type that the list gives to a missing part, or to the ending of no part, is in it too. Raise one of
    `UNREADABLE`.
    """
    names = [name.lower() for name in parts.namelist()]
    if _LIST.lower() not in names:
        return None
    if names.count(_LIST.lower()) > 1:
        raise ValueError("it has two lists of types, and programs may read either")
    # A ZIP file from a stranger may unpack to more than the memory holds, so read no more than is allowed.
    with parts.open(parts.namelist()[names.index(_LIST.lower())]) as file:
        content = file.read(_LARGEST + 1)
    # An entity could grow without bound, and the lists of office programs have none.
    if len(content) > _LARGEST or b"<!" in content.replace(b"\0", b""):
        raise ValueError("its list of types is not one that an office program writes")
    root = ElementTree.fromstring(content)
    defaults = root.iter(_NAMESPACE + "Default")
    by_ending = {entry.get("Extension", "").lower(): entry.get("ContentType", "") for entry in defaults}
    types = {name: by_ending.get(name.rpartition(".")[2], "") for name in names}
    types |= {"." + ending: of for ending, of in by_ending.items()}
    for entry in root.iter(_NAMESPACE + "Override"):
        types[entry.get("PartName", "").removeprefix("/").lower()] = entry.get("ContentType", "")
    return types
