"""Finds the sender's own words in an answer: without the message that it quotes, and what programs have added.

What is quoted is found by comparing with the message that was sent (`Original`), and by the marks of mail programs.
A heading above it is known by its place, by the names in it, and by its form, and so in any language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from notifications.incoming.original import Original
from notifications.incoming.secrets import hide_codes, mask
from notifications.incoming.signature import drop_signature

MOST = 60_000  # characters that are read: an answer with the message that it quotes is much shorter
_BLANKS = dict.fromkeys(map(ord, "\u00a0\u2007\u202f\u3000\t\v\f"), " ")
_AROUND = " .,;:!?¡¿'\"`*_~#>-()[]{}“”‘’«»…–—"
_HEADING = 4  # lines of a heading, at most
_FIELDS = 12  # lines of a header above a quotation, at most
_WIDTH = 65  # no mail program breaks a line that would be shorter
# "-----Original Message-----", in any language.
_TITLED_RULE = re.compile(r"\s*[-_]{3,80}[^-_]{3,60}[-_]{3,80}\s*")
_RULE = re.compile(r"\s*[-_=*]{5,}\s*")
_FIELD = re.compile(r"\W{0,5}[^\W\d_][^:：]{0,30}[:：].*")
_FORWARDED = re.compile(
    r"[-_*\s]*(begin )?(forwarded message|mensaje reenviado|inicio del mensaje reenviado|mensagem encaminhada"
    r"|weitergeleitete nachricht|message transféré|videresendt (besked|meddelelse)|转发|転送)[-_*:\s]*",
    re.IGNORECASE,
)
# Some programs put the initials of the writer before the mark.
_MARKED = re.compile(r"\s*[^\W\d_]{0,4}[>＞]")
_BAR = re.compile(r"\s*\|[\s|>-]{0,80}")
# A question, a word that is struck out, or one that trails off.
_UNSURE = re.compile(r"[?¿？؟…]|\.\.|~~|~\w.{0,60}\w~")


@dataclass(frozen=True, slots=True)
class Words:
    """The first line of the sender's own words, and the text below it.

    `forwarded` is true if there are none, and the message of somebody else follows. `unclear` says why the first
    line cannot be taken at its word; it is None if it can. `dropped` is what stood below and was taken for a
    signature of the mail program.
    """

    first: str = ""
    below: str = ""
    forwarded: bool = False
    unclear: str | None = None
    dropped: str = ""

    @property
    def text(self) -> str:
        """Return all of the sender's own words."""
        return f"{self.first}\n\n{self.below}".strip()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of an answer besides its text: the message it answers, its writer, our address, the banners."""

    original: Original = field(default_factory=Original)
    person: str = ""  # the name of the writer, with which a signature begins
    base_url: str = ""  # where our links lead
    banners: tuple[str, ...] = ()  # how the lines begin that mail servers put above a message


def normalize(line: str) -> str:
    """Return a line in small letters, without punctuation, quotes or marks of emphasis around it, to compare it."""
    return " ".join(line.split()).strip(_AROUND).casefold()


def find_own_words(text: str, around: Surroundings | None = None) -> Words:
    """Return the sender's own words in the text of an answer.

    1. Split the text into lines, without characters that cannot be seen, and without our links.
    2. Drop quoted lines and the headings above them.
    3. Drop the banners above the words, and the signature below them, though never the first line: it may be the
       word that answers the notice.
    """
    around = around or Surroundings()
    shown = _split(hide_codes(text[:MOST]))
    kept, forwarded = _drop_quotations(mask(shown, around.base_url), shown, around.original)
    kept = _drop_banners(_trim(kept), around.banners)
    if not kept:
        return Words(forwarded=forwarded)
    rest = _trim(kept[1:])
    below = drop_signature(rest, around.person)
    dropped = "\n".join(rest[len(below) :]).strip()
    first = kept[0].strip()
    unclear = "it asks, trails off, or is struck out" if _UNSURE.search(first) else None
    text = "\n".join(_trim(_drop_banners(_trim(below), around.banners)))
    return Words(first, text, forwarded, unclear, dropped)


def _split(text: str) -> list[str]:
    """Return the lines of a text, without characters that cannot be seen, and with single blank lines."""
    lines: list[str] = []
    for line in re.split(r"\r\n|\r|\n|\u2028|\u2029|\x85", text):
        shown = line.translate(_BLANKS)
        # Characters that cannot be seen could make "approve" look like another word, or hide one.
        shown = "".join(c for c in shown if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
        shown = shown.rstrip()
        if shown or (lines and lines[-1]):
            lines.append(shown)
    return lines


def _trim(lines: Sequence[str]) -> list[str]:
    """Return the lines without blank ones and rules at the start and at the end."""
    start, end = 0, len(lines)
    while start < end and _is_empty(lines[start]):
        start += 1
    while end > start and _is_empty(lines[end - 1]):
        end -= 1
    return list(lines[start:end])


def _is_empty(line: str) -> bool:
    return not line.strip() or bool(_RULE.fullmatch(line))


def _drop_quotations(
    lines: Sequence[str], linked: Sequence[str], original: Original
) -> tuple[list[str], bool]:
    """Return the lines that are not quoted, and whether a forwarded message comes before the first of them.

    `linked` are the same lines with their links.
    """
    same = zip(lines, original.find_quoted(lines), original.find_letters(lines, linked), strict=True)
    quoted = [_has_mark(line) or any(kinds) for line, *kinds in same]
    # Only a mark is left of a line whose words were broken away.
    quoted = [
        mark or (_BAR.fullmatch(line) is not None and any(quoted))
        for line, mark in zip(lines, quoted, strict=True)
    ]
    kept: list[str] = []
    place = 0
    while place < len(lines):
        if quoted[place]:
            place += 1
            continue
        if _FORWARDED.fullmatch(lines[place]):
            # Only a message with no words of its own passes on another one.
            # With words above it, it is an answer.
            return kept, not _trim(kept)
        heading = _count_heading(lines, quoted, place, original)
        if heading:
            place += heading
            # Without a quoted line next, all that follows is a message whose text is not known.
            if not _is_quotation_next(lines, quoted, place):
                return kept, False
            continue
        # A title alone does not tell that what is around it is quoted.
        if original.has_line(lines[place]):
            place += 1
            continue
        # Between two quotations, one blank line is enough.
        if lines[place] or (kept and kept[-1]):
            kept.append(lines[place])
        place += 1
    return kept, False


def _has_mark(line: str) -> bool:
    return bool(_MARKED.match(line))


def _is_quotation_next(lines: Sequence[str], quoted: Sequence[bool], place: int) -> bool:
    """Return whether the next line that is not blank is quoted, or there is no such line."""
    following = next((at for at in range(place, len(lines)) if not _is_empty(lines[at])), None)
    return following is None or quoted[following]


def _count_heading(lines: Sequence[str], quoted: Sequence[bool], place: int, original: Original) -> int:
    """Return how many lines from here are the heading of a quotation; 0 if none is.

    1. A rule with a title, such as "---- Original Message ----", with fields below it or none.
    2. One sentence that ends with a colon, and names our message, or is right above a quoted line and has a date.
    3. Two or more fields, of which the first or second names an address or our message.
    4. A line that begins with our name, a few short lines above a quoted one.
    """
    line = lines[place]
    if not line.strip():
        return 0
    if _TITLED_RULE.fullmatch(line):
        return 1 + _count_fields(lines, quoted, place + 1, original)
    return (
        _count_fields(lines, quoted, place, original)
        or _count_sentence(lines, quoted, place, original)
        or _count_named(lines, quoted, place, original)
    )


def _count_sentence(lines: Sequence[str], quoted: Sequence[bool], place: int, original: Original) -> int:
    """Return how many lines are a heading such as "On Tuesday, somebody wrote:"."""
    joined, above_it = "", ""
    for count, line in enumerate(lines[place : place + _HEADING], 1):
        if not line.strip() or quoted[place + count - 1] or len(joined) > 500:
            return 0
        if joined and not _is_wrapped(above_it, line):
            return 0
        joined, above_it = f"{joined} {line.strip()}".strip(), line
        if joined.rstrip("*_> ").endswith((":", "：")):
            named = original.is_named_in(joined) and any(c.isdigit() or c == "@" for c in joined)
            dated = "@" in joined or len(re.findall(r"\d+", joined)) >= 2
            # A quotation without marks is known only by the message, so a date is not enough for it.
            above = place + count < len(lines) and _is_quotation_next(lines, quoted, place + count)
            return count if named or (dated and above) else 0
    return 0


def _is_wrapped(above: str, line: str) -> bool:
    """Return whether a mail program may have broken one line into these two."""
    above = above.rstrip()
    word = line.split(maxsplit=1)[0]
    return not above.endswith((".", "!", "?", ":")) and (
        above.endswith(("<", "(", ",")) or len(above) + len(word) >= _WIDTH
    )


def _count_fields(lines: Sequence[str], quoted: Sequence[bool], place: int, original: Original) -> int:
    """Return how many lines are a header such as "From: ..., Sent: ..., To: ..., Subject: ..."."""
    count = 0
    for line in lines[place : place + _FIELDS]:
        folded = (
            count > 0
            and bool(line.strip())
            and (line[0].isspace() or _is_wrapped(lines[place + count - 1], line))
        )
        if quoted[place + count] or not (_FIELD.fullmatch(line) or folded):
            break
        count += 1
    if count < 2:
        return 0
    begins = any("@" in line or original.is_named_in(line) for line in lines[place : place + 2])
    named = any(original.is_named_in(line) for line in lines[place : place + count])
    return count if begins and (named or _is_quotation_next(lines, quoted, place + count)) else 0


def _count_named(lines: Sequence[str], quoted: Sequence[bool], place: int, original: Original) -> int:
    """Return how many lines are a heading that has only names and dates in it, as Lotus Notes writes it."""
    start = re.split(r"[<(\d]", lines[place].strip(" \"'*"), maxsplit=1)[0]
    if "@" not in lines[place] or not original.is_named_in(start):
        return 0
    for count in range(1, _FIELDS + 1):
        at = place + count
        if at >= len(lines) or len(lines[at]) > 80:
            return 0
        if quoted[at]:
            return count
    return 0


def _drop_banners(lines: Sequence[str], banners: Sequence[str]) -> list[str]:
    """Return the lines without those at the start that a mail server has put there, with what continues them."""
    place = 0
    for at, line in enumerate(lines):
        if not banners or not (_is_empty(line) or normalize(line).startswith(tuple(banners))):
            is_rest = at > 0 and place == at and _is_wrapped(lines[at - 1], line)
            if not is_rest or _is_empty(lines[at - 1]):
                break
        place = at + 1
    return list(lines[place:])
