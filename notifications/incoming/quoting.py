"""What somebody wrote in an answer, without the message that it quotes and without a signature.

Mail programs quote in many ways. mail-parser-reply knows the headings above a quotation in several languages, and
signatures; it does not know answers below the quotation or between its lines, headings over several lines in
Spanish, and it takes "Thank you, but no" for the beginning of a signature. What it finds is therefore checked here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mailparser_reply.parser import EmailMessage

MOST = 20_000  # characters that are looked at: nobody answers a notice with more
_LINES, _WIDE = 100, 120  # what the library is shown: its patterns take very long over long texts
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
_HEADING = 4  # lines that a heading may be broken into


@dataclass(frozen=True, slots=True)
class Words:
    """The first line that somebody wrote, and the text below it. `forwarded`: another message stands above."""

    first: str = ""
    below: str = ""
    forwarded: bool = False

    @property
    def text(self) -> str:
        """Everything that somebody wrote."""
        return f"{self.first}\n\n{self.below}".strip()


def plain(line: str) -> str:
    """A line as a word to compare: without punctuation, quotes or marks of emphasis around it, in small letters."""
    return " ".join(line.split()).strip(_AROUND).casefold()


def own_words(text: str) -> Words:
    """What is somebody's own in the text of an answer."""
    lines = _lines(text)
    kept, forwarded = _unquoted(lines)
    kept = _trimmed(kept)
    if not kept:
        return Words(forwarded=forwarded)
    below = _trimmed(kept[1:])
    return Words(kept[0].strip(), "\n".join(_unsigned(below)), forwarded)


def _lines(text: str) -> list[str]:
    """The lines of a text, without characters that cannot be seen and with no more than one blank line in a row."""
    found: list[str] = []
    for line in re.split(r"\r\n|\r|\n|\u2028|\u2029|\x85", text[:MOST]):
        shown = line.translate(_BLANKS)
        shown = "".join(c for c in shown if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
        shown = shown.rstrip()
        if shown or (found and found[-1]):
            found.append(shown)
    return found


def _trimmed(lines: Sequence[str]) -> list[str]:
    found = list(lines)
    while found and not found[0].strip():
        del found[0]
    while found and not found[-1].strip():
        del found[-1]
    return found


def _unquoted(lines: Sequence[str]) -> tuple[list[str], bool]:
    """The lines that are no quotation, and whether another message stands before the first of them."""
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if _is_quoted(line):
            place += 1
            continue
        if _begins_original(lines, place):
            forwarded = not _trimmed(kept) and bool(_FORWARDED.search(line))
            return _without_rule(kept), forwarded
        if heading := _heading(lines, place):
            place += heading
            if not _quotation_follows(lines, place):
                return kept, False  # what follows is the whole message, quoted without any mark
            continue
        kept.append(line)
        place += 1
    return kept, False


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _begins_original(lines: Sequence[str], place: int) -> bool:
    """Whether the whole earlier message begins here, as Outlook has it, under a line or under its header."""
    if _ORIGINAL.fullmatch(lines[place]):
        return True
    if not _HEAD.fullmatch(lines[place]):
        return False
    following = [line for line in lines[place + 1 : place + 8] if line.strip()][:4]
    return sum(1 for line in following if _MORE_HEAD.fullmatch(line)) >= 2


def _without_rule(lines: list[str]) -> list[str]:
    found = _trimmed(lines)
    if found and _RULE.fullmatch(found[-1].strip()):
        del found[-1]
    return found


def _heading(lines: Sequence[str], place: int) -> int:
    """How many lines from here are the heading of a quotation; 0 if none is."""
    if not (_BEGINS.fullmatch(lines[place]) or "@" in lines[place]):
        return 0
    joined = ""
    for count, line in enumerate(lines[place : place + _HEADING], 1):
        if not line.strip() or _is_quoted(line):
            return 0
        joined = f"{joined} {line.strip()}".strip()
        if len(joined) > 500:
            return 0
        if joined.endswith((":", ":*", ":_")) and _WROTE.fullmatch(joined):
            return count
    return 0


def _quotation_follows(lines: Sequence[str], place: int) -> bool:
    following = next((line for line in lines[place:] if line.strip()), None)
    return following is None or _is_quoted(following)


def _unsigned(lines: Sequence[str]) -> list[str]:
    """The lines without the signature, and without what the library knows as an earlier message."""
    shown = [line.strip()[:_WIDE] for line in lines[:_LINES]]
    marked = next((n for n, line in enumerate(lines) if line.strip() in ("--", "__")), len(lines))
    end, begin = min(len(lines), marked), 0
    while begin < min(end, len(shown)):
        found, signature = _by_library(shown[begin:])
        end = min(end, begin + found) if found < len(shown) - begin else end
        if signature is None:
            break
        if _closes(shown[begin + signature]):
            end = min(end, begin + signature)
            break
        begin += signature + 1  # what looked like one says something: the real one may follow
    return _trimmed(lines[:end])


def _by_library(shown: Sequence[str]) -> tuple[int, int | None]:
    """How many of these lines are of the newest message, and at which a signature seems to begin."""
    # A line stands above, since the library takes nothing at the very beginning for a signature.
    message = EmailMessage(text="\n".join([".", *shown]), languages=list(_LANGUAGES), keep_hyphen_lists=True)
    newest = message.read().replies[0]
    content = newest.content
    at = content.rfind(newest.signatures) if newest.signatures else -1
    signature = max(content[:at].rstrip().count("\n"), 0) if at > 0 else None
    while signature is not None and signature < len(shown) and not shown[signature]:
        signature += 1
    whole = message.text.strip() == content
    return (len(shown) if whole else content.count("\n")), signature if signature != len(shown) else None


def _closes(line: str) -> bool:
    """Whether what seems to begin a signature does: it says nothing but a closing or a device."""
    if _DEVICE.match(line):
        return True
    return (
        len(line) <= _CLOSING
        and "," not in line[:-1]
        and (line.endswith((",", "!", ".")) or len(line.split()) <= 4)
    )
