"""Tells whether an answer in a person's own words says yes or no to what it was asked, and nothing besides.

Only whole sentences from a list count. A condition, a question, a negation, a number or a quotation is not on the
list, so any of these makes the answer unclear. A greeting, thanks, a closing and the person's name say nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum

from notifications.incoming.original import words_of


class Kind(StrEnum):
    """What a whole sentence says. Yes and no have the word that a message offers for them."""

    YES = "agree"
    SIGN = "sign"
    NO = "no"
    NOTHING = ""


_MOST = 12  # lines of an answer that is looked at; a longer one says more than yes or no
_I = r"(i|we)( do| fully| completely| gladly| hereby| also)?"
_IT = (
    r"( (to|with))?( (it|this|that|them|these|all of it|everything"
    r"|the (statement( of needs)?|needs|(measurable |set of )?outcomes)))?"
)
_FOR = r"( (for|on behalf of) (the school|the district|(our|my) (school|organization)))?"
_SAYS = {
    Kind.YES: re.compile(
        r"yes( please| indeed)?|yep|yeah|ok|okay"
        rf"|(yes )?({_I} )?(agreed?|approved?|accept(ed)?|consent)( completely| fully| entirely)?{_IT}{_FOR}"
        r"|((that|it|this) |thats |its )?(sounds |is )?(good|great|fine) (to|with|by) (me|us)"
        r"|(that |it |this )?sounds (good|great|fine)"
        r"|(that |it |this )?works for (me|us)|(please )?go ahead|please proceed|confirmed"
        r"|(i am|im|we are) in agreement|si|(estoy )?de acuerdo|acepto|apruebo"
    ),
    Kind.SIGN: re.compile(rf"({_I} )?(sign|signed)( (it|this|the agreement))?{_FOR}"),
    Kind.NO: re.compile(
        r"no|nope|no sorry|sorry no|no (thanks|thank you)|(i|we) (disagree|object|decline)|disagreed?"
        r"|not (agreed|approved|accepted)"
        rf"|(i|we) (do not|dont|can not|cannot|cant|will not|wont) (agree|approve|accept|consent|sign){_IT}{_FOR}"
        r"|no (i|we) (do not|dont)( agree)?|no estoy de acuerdo|no gracias"
    ),
    Kind.NOTHING: re.compile(
        r"(hi|hello|hey|dear|greetings|good (morning|afternoon|evening|day))"
        r"( (there|all|everyone|everybody|team|folks|colleagues|again|sir or madam"
        r"|(the )?(partnership )?(office|team)))?"
        r"|(many |big )?(thanks|thank you|thx)( (all|everyone|everybody|again|(so|very) much|a lot|kindly))*"
        r"( for (all )?(of )?(your|the) ?((good|great|hard|kind|helpful|quick))?"
        r" ?(help|work|time|support|patience|efforts?|message|e ?mail|note|reminder|information))?"
        r"|(with )?(best|kind|kindest|warm|warmest)( regards| wishes)?|regards"
        r"|(yours )?(sincerely|truly|faithfully)"
        r"|respectfully|cheers|all the best|have a (nice|good|great) (day|week|weekend)"
        r"|(muchas )?gracias|saludos( cordiales)?"
    ),
}
# Between two sentences, or two parts of one. A dash counts only with blanks around it.
_END = re.compile(r"[.,!;:]+|\s[-–—]+\s|—")
# What a sentence that is understood may consist of. Anything else, such as a quotation mark, may change it.
_PLAIN = re.compile(r"[a-z ,.!;:'\-–—]*")
_UNSURE = re.compile(r"\.\s*\.|!\s*\.|\.\s*,")


def read_answer(text: str, person: str = "") -> Kind | None:
    """Return what an answer says, whose writer is `person`; None if that is not clear.

    A yes may have nothing beside it. Below a no, the person says why.
    """
    lines = [line for line in text.splitlines() if line.strip()][: _MOST + 1]
    names = words_of(person)
    answer = None
    for line in lines:
        kind = _read_line(line, names)
        if answer is None and kind in (Kind.YES, Kind.SIGN, Kind.NO):
            answer = kind
            if kind is Kind.NO:
                return answer
        elif kind is not Kind.NOTHING and kind is not answer:
            return None
    return answer if len(lines) <= _MOST else None


def _read_line(line: str, names: Sequence[str]) -> Kind | None:
    """Return what a line says; None if it says something else, or two different things."""
    composed = unicodedata.normalize("NFC", line.replace("’", "'").casefold())
    # A mark that belongs to no letter, such as a stroke over each of them, takes back what stands below it.
    if any(unicodedata.combining(c) for c in composed):
        return None
    folded = unicodedata.normalize("NFD", composed)
    plain = "".join(c for c in folded if not unicodedata.combining(c)).replace("o.k.", "ok").strip(" *_")
    if not _PLAIN.fullmatch(plain) or _UNSURE.search(plain):
        return None
    kinds = {_read_part(part, names) for part in _END.split(plain) if part.strip(" -'")}
    meant = kinds - {Kind.NOTHING}
    if not meant:
        return Kind.NOTHING
    return meant.pop() if len(meant) == 1 else None


def _read_part(part: str, names: Sequence[str]) -> Kind | None:
    words = " ".join(part.replace("'", "").replace("-", " ").split())
    # A name alone is a signature or a greeting, but "No" may be a name too.
    for kind, says in _SAYS.items():
        if says.fullmatch(words):
            return kind
    return Kind.NOTHING if words and set(words.split()) <= set(names) else None
