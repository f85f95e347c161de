"""Bounds an incoming message before Python's parser reads it, so that even a hostile message takes little time.

The parser needs time that grows with the square of some numbers, such as the semicolons of one header, and anybody
can choose these. This module reads each byte once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

FIELDS = 500  # headers of a message that are read
FIELD = 4_000  # bytes of one header that are read
SEMICOLONS = 50  # parameters of one header of a part that are read
_HEAD = 200_000  # bytes of all headers together
# A message with more of one of these is not read beyond its headers. A letter with 10 MB of files has fewer.
_LINES = 200_000
_BLANK_LINES = 20_000
_BOUNDARIES = 40  # the parser compares each line with the boundaries of all parts around it
_LONE_CR = re.compile(rb"\r(?!\n)")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_SEPARATORS = 2_000  # lines that begin with two hyphens: each may begin a part


def bound(content: bytes) -> tuple[bytes, bool]:
    """Return a message that can be parsed in linear time, and whether its parts are still in it.

    1. Put a blank in place of each CR without LF in the headers. The parser would take what follows for a header,
       but a mail server that removes forged headers takes it for a part of the one before.
    2. Cut each header that is too long, and each header of a part that has too many parameters.
    3. Leave out all parts if there are too many lines, boundaries or separators in them.
    """
    head_end = _END_OF_HEAD.search(content)
    length = head_end.start() if head_end else len(content)
    content = _LONE_CR.sub(b" ", content[:length]) + content[length:]
    lines = content.splitlines(keepends=True)
    end = next((place for place, line in enumerate(lines) if not line.strip(b"\r\n")), len(lines))
    head = list(_cut_head(lines[:end]))
    body = lines[end:]
    if _is_beyond(body) or len(lines) > _LINES:
        return b"".join([*head, b"\r\n"]), False
    return b"".join([*head, *_cut_fields(body)]), True


def _is_beyond(body: list[bytes]) -> bool:
    """Return whether the lines below the headers would take the parser too long."""
    blank = sum(1 for line in body if not line.strip(b"\r\n"))
    separators = sum(1 for line in body if line.startswith(b"--"))
    boundaries = sum(line.lower().count(b"boundary") for line in body)
    return blank > _BLANK_LINES or separators > _SEPARATORS or boundaries > _BOUNDARIES


def _cut_head(lines: list[bytes]) -> Iterator[bytes]:
    """Yield the lines of the first headers, each header cut to its bounds."""
    fields = size = 0
    for line in _cut_fields(lines, every=True):
        fields += not line.startswith((b" ", b"\t"))
        size += len(line)
        if fields > FIELDS or size > _HEAD:
            return
        yield line


def _cut_fields(lines: list[bytes], *, every: bool = False) -> Iterator[bytes]:
    """Yield the lines, with headers cut: every one, or those that describe a part (Content-...)."""
    bounded, size, semicolons = every, 0, 0
    for line in lines:
        if not line.startswith((b" ", b"\t")):
            is_content = line[:8].lower() == b"content-"
            bounded, size = every or is_content, 0
            # Only the headers of a part are split at semicolons.
            semicolons = SEMICOLONS if is_content else FIELD
        if not bounded:
            yield line
            continue
        room = FIELD - size
        kept = b";".join(line[:room].split(b";")[: semicolons + 1]) if room > 0 else b""
        semicolons -= kept.count(b";")
        size += len(line)
        if kept == line:
            yield line
        elif kept.strip():
            yield kept.rstrip(b"\r\n") + b"\r\n"
