"""Compares an answer with the message that it answers, which is kept, to find what of the answer is quoted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from email.message import Message
from email.utils import getaddresses

from notifications.incoming.codes import mask_text
from notifications.incoming.parts import content, decode_words, kind, parts_of, shown
from notifications.incoming.secrets import ADDRESS_MASK, MASK, drop_links

# So many words in the same order are no accident. Fewer are: "a substantial positive impact" is in many answers.
_RUN = 5
# The share of a line's words that makes it quoted: anywhere, and next to a quoted line.
_MOST, _BESIDE = 0.8, 0.3
# No sign of doubt and no picture: a person may mean something by these.
_SIGNS = re.compile(r"[-–—|%>:;.,*•·()\[\]+#=_/\s]*[-–—|%>:;.,*•·()\[\]+#=_/]")
# So many letters in the same order are no accident either, wherever their lines and words were broken.
_LETTERS = 24
_WORD = re.compile(r"[^\W_]+")


class Original:
    """The words of a message that was sent, and the names that the heading above its quotation may have."""

    def __init__(self, texts: Sequence[str] = (), names: Sequence[str] = ()) -> None:
        # A heading is known by a whole name. One of a few letters would be found in any text.
        self._names = tuple(folded for name in names if len(folded := _fold(name)) > 5)
        self._runs: set[tuple[str, ...]] = set()
        self._words: set[str] = set()
        self._letters: set[str] = set()
        self._titles: set[str] = set()
        for text in texts:
            letters = letters_of(mask_text(text))
            self._letters.update(letters[at : at + _LETTERS] for at in range(len(letters) - _LETTERS + 1))
            self._titles.update(line.strip() for line in text.splitlines() if _is_title(line))
            words = [word for line in text.splitlines() for word in words_of(line)]
            self._words.update(words)
            self._runs.update(tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1))

    def is_named_in(self, line: str) -> bool:
        """Return whether a line names the sender of the message, or its subject."""
        folded = _fold(line)
        return any(name in folded for name in self._names)

    def has_line(self, line: str) -> bool:
        """Return whether a line is one of the message that nobody writes by accident, such as a title."""
        return line.strip(" >|\t") in self._titles

    def find_letters(self, lines: Sequence[str], linked: Sequence[str]) -> list[bool]:
        """Return for each line whether it has the letters of the message, also where words were broken anew.

        `linked` are the same lines with their links, since these are what is broken most. A whole link does not
        make the words around it quoted.
        """
        split = [letters_of(line) for line in linked]
        whole = "".join(split)
        marked = bytearray(len(whole))
        for start in range(len(whole) - _LETTERS + 1):
            if whole[start : start + _LETTERS] in self._letters:
                marked[start : start + _LETTERS] = b"\1" * _LETTERS
        same, place = [], 0
        for line, letters in zip(lines, split, strict=True):
            new = len(letters) - marked.count(1, place, place + len(letters))
            place += len(letters)
            own = len(letters_of(drop_links(line))) or len(letters)
            same.append(new < len(letters) and new <= own * (1 - _MOST))
        return same

    def find_quoted(self, lines: Sequence[str]) -> list[bool]:
        """Return for each line whether it is from the message, however it was wrapped anew.

        1. Join the words of all lines, without links, since these are rewritten on their way.
        2. Mark the words of each run that is in the message too.
        3. A line is quoted if nearly all its words are marked, or some of them, beside such a line.
        4. So is a line of signs alone, such as a rule, or an address of ours, above such a line or below the last.
        """
        split = [words_of(line) for line in lines]
        places = [(at, word) for at, words in enumerate(split) for word in words]
        marked = [False] * len(places)
        for start in range(len(places) - _RUN + 1):
            if tuple(word for _, word in places[start : start + _RUN]) in self._runs:
                marked[start : start + _RUN] = [True] * _RUN
        counts = [0] * len(lines)
        for (at, _), mark in zip(places, marked, strict=True):
            counts[at] += mark
        shares = [count / max(len(words), 1) for count, words in zip(counts, split, strict=True)]
        quoted = [share >= _MOST for share in shares]
        quoted = [self._is_quoted(at, lines, split, shares, quoted) for at in range(len(lines))]
        below, has_quoted = None, any(quoted)
        for at in reversed(range(len(lines))):
            if split[at]:
                below = quoted[at]
            elif ADDRESS_MASK in lines[at] or _SIGNS.fullmatch(lines[at]):
                # Below all words, these are what is left of the end of a quotation.
                quoted[at] = quoted[at] or (has_quoted if below is None else below)
        return quoted

    def _is_quoted(
        self,
        at: int,
        lines: Sequence[str],
        split: Sequence[Sequence[str]],
        shares: Sequence[float],
        quoted: Sequence[bool],
    ) -> bool:
        """Return whether a line is quoted, by itself or by the lines directly above and below it."""
        above, below = at > 0 and quoted[at - 1], at + 1 < len(lines) and quoted[at + 1]
        if quoted[at] or (shares[at] >= _BESIDE and (above or below)):
            return True
        if not split[at]:
            return MASK in lines[at]
        # The rest of a line that was broken where a letter was lost.
        return above and below and self._words.issuperset(split[at])


def read_original(message: Message) -> Original:
    """Return what an answer may quote of a message of ours: its text, what its HTML shows, and its names."""
    texts = [
        shown(content(part)) if kind(part) == "text/html" else content(part)
        for part in parts_of(message)
        if kind(part) in ("text/plain", "text/html")
    ]
    lines = [str(message.get(name, "")) for name in ("From", "Reply-To")]
    return Original(
        texts,
        [
            *(text for pair in getaddresses(lines) for text in pair),
            decode_words(str(message.get("Subject", ""))),
        ],
    )


def _is_title(line: str) -> bool:
    """Return whether a line of a message is one that nobody writes by accident: a title, or several words."""
    shown = line.strip()
    return shown.isupper() or (shown.endswith(":") and len(shown) > 5) or len(words_of(line)) > 2


def letters_of(text: str) -> str:
    """Return the letters and digits of a text in small letters, without accents, blanks and marks."""
    return "".join(_WORD.findall(_fold(text)))


def words_of(line: str) -> list[str]:
    """Return the words of a line in small letters, without accents, links and marks."""
    return _WORD.findall(_fold(drop_links(line)))


def _fold(text: str) -> str:
    """Return a text in small letters, without accents, and with single blanks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())
