"""Finds the sender's own words in an answer: cuts off the message that it quotes, and the signature.

Mail programs quote in many ways. The library mail-parser-reply knows signatures, and the headings above a quotation
in several languages. It does not know answers below a quotation or between its lines, or Spanish headings of many
lines, and it reads "Thank you, but no" as the start of a signature. This module checks its results for that reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mailparser_reply.parser import EmailMessage

MOST = 20_000  # characters that are read: nobody answers a notice with more
# The library gets so many lines of so many characters. Its patterns take very long for long texts.
_LINES, _WIDE = 100, 120
_CLOSING = 30  # characters of the first line of a signature; a longer line says something
_BLANKS = dict.fromkeys(map(ord, "\u00a0\u2007\u202f\t\v\f"), " ")
_AROUND = " .,;:!?¡¿'\"`*_~#>-()[]{}“”‘’«»…–—"

_ORIGINAL = re.compile(
    r"[-_*\s]*(original message|forwarded message|mensaje original|mensaje reenviado|missatge original)[-_*:\s]*"
    r"|\*?(begin forwarded message|inicio del mensaje reenviado)\*?:?",
    re.IGNORECASE,
)
_FORWARDED = re.compile(r"forwarded message|mensaje reenviado", re.IGNORECASE)
_RULE = re.compile(r"[-_=*]{10,}")
_HEAD = re.compile(r"[*\s]*(from|de)[*\s]*:.*", re.IGNORECASE)
_MORE_HEAD = re.compile(
    r"[*\s]*(sent|date|to|cc|subject|reply-to|enviado( el)?|fecha|para|asunto)[*\s]*:.*", re.IGNORECASE
)
# "On Tue, Jul 8, 2025, somebody wrote:", "2025-07-08 9:00 GMT-07:00 Somebody <a@b>:", and their like.
_WROTE = re.compile(
    r"\W*(on|el|am|le)\b.{3,400}\b(wrote|escribió|escribio|schrieb|a écrit)\s*:?\W*"
    r"|.{0,200}<?[^\s@<>]+@[^\s@<>]+>?\)?\s*(wrote|writes|escribió|escribio)?\s*:",
    re.IGNORECASE,
)
_BEGINS = re.compile(r"\W*(on|el|am|le)\b.*\d.*", re.IGNORECASE)
_DEVICE = re.compile(r"\W*(sent from|get outlook for|enviado desde|obtener outlook)\b", re.IGNORECASE)
_LANGUAGES = ("en", "es", "de", "fr")
_HEADING = 4  # lines of a heading, at most


@dataclass(frozen=True, slots=True)
class Words:
    """The first line of the sender's own words, and the text below it.

    `forwarded` is true if there are none, and the message of somebody else follows.
    """

    first: str = ""
    below: str = ""
    forwarded: bool = False

    @property
    def text(self) -> str:
        """Return all of the sender's own words."""
        return f"{self.first}\n\n{self.below}".strip()


def normalize(line: str) -> str:
    """Return a line in small letters, without punctuation, quotes or marks of emphasis around it, to compare it."""
    return " ".join(line.split()).strip(_AROUND).casefold()


def find_own_words(text: str) -> Words:
    """Return the sender's own words in the text of an answer.

    1. Split the text into lines, without characters that cannot be seen.
    2. Drop quoted lines, the headings above them, and everything from where the earlier message begins.
    3. Drop the signature, though never the first line: it may be the word that answers the notice.
    """
    lines = _split(text)
    kept, forwarded = _drop_quotations(lines)
    kept = _trim(kept)
    if not kept:
        return Words(forwarded=forwarded)
    below = _trim(kept[1:])
    return Words(kept[0].strip(), "\n".join(_drop_signature(below)), forwarded)


def _split(text: str) -> list[str]:
    """Return the lines of a text, without characters that cannot be seen, and with single blank lines."""
    lines: list[str] = []
    for line in re.split(r"\r\n|\r|\n|\u2028|\u2029|\x85", text[:MOST]):
        shown = line.translate(_BLANKS)
        # Characters that cannot be seen could make "approve" look like another word, or hide one.
        shown = "".join(c for c in shown if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
        shown = shown.rstrip()
        if shown or (lines and lines[-1]):
            lines.append(shown)
    return lines


def _trim(lines: Sequence[str]) -> list[str]:
    """Return the lines without blank ones at the start and at the end."""
    kept = list(lines)
    while kept and not kept[0].strip():
        del kept[0]
    while kept and not kept[-1].strip():
        del kept[-1]
    return kept


def _drop_quotations(lines: Sequence[str]) -> tuple[list[str], bool]:
    """Return the lines that are not quoted, and whether a forwarded message comes before the first of them."""
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if _is_quoted(line):
            place += 1
            continue
        if _begins_original(lines, place):
            forwarded = not _trim(kept) and bool(_FORWARDED.search(line))
            # Only a message with no words of its own passes on another one.
            # With words above it, it is an answer.
            return _drop_rule(kept), forwarded
        if heading := _count_heading(lines, place):
            place += heading
            # Without a mark at the next line, all that follows is the earlier message.
            if not _is_quotation_next(lines, place):
                return kept, False
            continue
        kept.append(line)
        place += 1
    return kept, False


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _begins_original(lines: Sequence[str], place: int) -> bool:
    """Return whether the whole earlier message begins here, under a rule or its header, as Outlook writes it."""
    if _ORIGINAL.fullmatch(lines[place]):
        return True
    if not _HEAD.fullmatch(lines[place]):
        return False
    # A sentence can begin with "From:", so two more lines of a header must follow.
    following = [line for line in lines[place + 1 : place + 8] if line.strip()][:4]
    return sum(1 for line in following if _MORE_HEAD.fullmatch(line)) >= 2


def _drop_rule(lines: list[str]) -> list[str]:
    """Return the lines without the rule that some mail programs put above the earlier message."""
    kept = _trim(lines)
    if kept and _RULE.fullmatch(kept[-1].strip()):
        del kept[-1]
    return kept


def _count_heading(lines: Sequence[str], place: int) -> int:
    """Return how many lines from here are the heading of a quotation, such as "On Tuesday, somebody wrote:"."""
    # A quick test for most lines: the pattern below is slow, and a stranger chooses the text.
    if not (_BEGINS.fullmatch(lines[place]) or "@" in lines[place]):
        return 0
    joined = ""
    for count, line in enumerate(lines[place : place + _HEADING], 1):
        if not line.strip() or _is_quoted(line):
            return 0
        joined = f"{joined} {line.strip()}".strip()
        # No heading is longer, and the pattern takes very long for long texts.
        if len(joined) > 500:
            return 0
        if joined.endswith((":", ":*", ":_")) and _WROTE.fullmatch(joined):
            return count
    return 0


def _is_quotation_next(lines: Sequence[str], place: int) -> bool:
    """Return whether the next line that is not blank is quoted, or there is no such line."""
    following = next((line for line in lines[place:] if line.strip()), None)
    return following is None or _is_quoted(following)


def _drop_signature(lines: Sequence[str]) -> list[str]:
    """Return the lines without the signature, and without what the library knows as an earlier message.

    1. A line of two hyphens or underscores ends the words.
    2. Ask the library where the newest message ends and where its signature seems to begin.
    3. If the line there is a closing or names a device, the words end there.
    4. If it says something, keep it, and ask again about the lines below: the signature may follow.
    """
    shown = [line.strip()[:_WIDE] for line in lines[:_LINES]]
    marked = next((n for n, line in enumerate(lines) if line.strip() in ("--", "__")), len(lines))
    end, begin = min(len(lines), marked), 0
    while begin < min(end, len(shown)):
        count, signature = _ask_library(shown[begin:])
        end = min(end, begin + count) if count < len(shown) - begin else end
        if signature is None:
            break
        if _is_closing(shown[begin + signature]):
            end = min(end, begin + signature)
            break
        begin += signature + 1
    return _trim(lines[:end])


def _ask_library(shown: Sequence[str]) -> tuple[int, int | None]:
    """Return how many of these lines belong to the newest message, and where a signature seems to begin, if any."""
    # Put a line above them, since the library finds no signature at the very beginning of a text.
    message = EmailMessage(text="\n".join([".", *shown]), languages=list(_LANGUAGES), keep_hyphen_lists=True)
    newest = message.read().replies[0]
    content = newest.content
    at = content.rfind(newest.signatures) if newest.signatures else -1
    signature = max(content[:at].rstrip().count("\n"), 0) if at > 0 else None
    while signature is not None and signature < len(shown) and not shown[signature]:
        signature += 1
    whole = message.text.strip() == content
    return (len(shown) if whole else content.count("\n")), signature if signature != len(shown) else None


def _is_closing(line: str) -> bool:
    """Return whether a line is only a closing, or names a device, so that a signature begins with it."""
    if _DEVICE.match(line):
        return True
    return (
        len(line) <= _CLOSING
        # "Thank you, but no" says something: a closing has no comma inside.
        and "," not in line[:-1]
        and (line.endswith((",", "!", ".")) or len(line.split()) <= 4)
    )
