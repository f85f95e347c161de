"""Drops what stands below the words of an answer: a signature, and the line in which a program names itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from notifications.incoming.original import words_of

_MOST = 10  # lines of a signature, below its closing
_WIDE = 80  # characters of such a line; a longer one says something
# The line that a program adds, in the languages of the programs that were seen.
_PROGRAM = re.compile(
    r"\W*(sent (from|with|via|by|using)\b"
    r"|(get|obtener|obter( o)?|hole?n?( sie)?|hent|få|obtenir|télécharger|scarica) outlook\b"
    r"|enviad[oa] (desde|do|da|de|com|con|pelo|pela|a partir)\b|(gesendet|verschickt) (mit|von|aus|über)\b"
    r"|von mein\w{0,3} .{1,40} gesendet|diese nachricht wurde (von|mit)\b"
    r"|outlook für .{1,40}(holen|beziehen|herunterladen)"
    r"|(sendt|skickat|skickad) (fra|från|med|via)\b|envoyé (de|depuis|avec|à partir)\b|provenance : courrier"
    r"|(inviato|spedito) (da|dal|dall|con)\b|(verzonden|verstuurd) (vanaf|vanuit|met|via|van)\b|wysłan[eoy] z\b"
    r"|отправлено (с|из)\b|lähetetty\b|.{0,40}から送信|发自我的|發自我的|从我的|從我的).{0,80}",
    re.IGNORECASE,
)
# What a mail program writes for somebody who only chose a picture.
REACTED = re.compile(
    r"\W*.{1,100} reacted (via gmail|to your (message|e-?mail))\W*(<[^<>]{0,300}>)?\W*", re.IGNORECASE
)
_CLOSING = re.compile(
    r"\W*((many )?thanks( again| so much)?|thank you|(with )?(best|kind|kindest|warm|warmest)( regards| wishes)?"
    r"|regards|(yours )?(sincerely|truly|faithfully)|respectfully|cheers|saludos( cordiales)?"
    r"|un( cordial)? saludo|atentamente|(muchas )?gracias|(mit )?(freundlichen|freundliche|besten"
    r"|beste|viele|vielen|liebe|herzliche)"
    r" (grüßen|grüße|gruß|grüssen"
    r"|grüsse|dank)|danke|gruß|mfg|lg|vg|(bien )?cordialement|(bonnes )?salutations|merci( beaucoup)?"
    r"|atenciosamente|att"
    r"|(com os melhores )?cumprimentos|abraços?|obrigad[oa]|(med )?(venlig|vennlig|bedste|vänlig)"
    r" (hilsen|hilsner|hälsning)"
    r"|(med )?(venlige|bedste|vänliga) (hilsner|hälsningar)|(de bedste )?hilsner|hilsen|mvh|dbh|(mange )?tak"
    r"|hälsningar|tack"
    r"|grazie|(cordiali|distinti) saluti|(met )?(vriendelijke|hartelijke) groet(en)?|groeten|bedankt|pozdrawiam"
    r"|с уважением|спасибо|よろしくお願い(いた)?します|よろしくお願い致します|敬具|以上|此致|谢谢|謝謝)\W*",
    re.IGNORECASE,
)
# What may stand before a name, and between it and an office.
_TITLE = re.compile(r"\W{0,3}(?:(?:dr|mr|mrs|ms|mx|prof|sra?|herr|frau)\b\.?\s*){0,2}", re.IGNORECASE)
_OFFICE = re.compile(r"\s[-–—/·•]\s|[,|(]")


def drop_signature(lines: Sequence[str], person: str = "") -> list[str]:
    """Return the lines without a signature. It begins with:

    1. a line of two hyphens or underscores;
    2. a line with which a program names itself, at the end of its paragraph;
    3. a closing, or the name of the person who writes, with only a few short lines below it.
    """
    names = words_of(person)
    for at, line in enumerate(lines):
        if line.strip() in ("--", "__") or _is_program(lines, at) or _is_closing(lines, at, names):
            return list(lines[:at])
    return list(lines)


def _is_program(lines: Sequence[str], at: int) -> bool:
    is_last = at + 1 == len(lines) or not lines[at + 1].strip()
    return (
        is_last
        and len(lines[at]) <= 2 * _WIDE
        and ("aka.ms/" in lines[at] or bool(_PROGRAM.fullmatch(lines[at]) or REACTED.fullmatch(lines[at])))
    )


def _is_closing(lines: Sequence[str], at: int, names: Sequence[str]) -> bool:
    line = lines[at].strip()
    if len(line) > _WIDE or not (_CLOSING.fullmatch(_drop_name(line, names)) or _is_name(line, names)):
        return False
    # Look at no more lines than a signature may have with a blank one above each, so that this stays linear.
    rest = lines[at + 1 : at + 2 * _MOST + 2]
    filled = [each for each in rest if each.strip()]
    is_all = at + 1 + len(rest) == len(lines)
    return is_all and len(filled) <= _MOST and all(len(each) <= _WIDE for each in filled)


def _is_name(line: str, names: Sequence[str]) -> bool:
    """Return whether a line is the name of the person: whole or in part, or whole with an office after it."""
    name, *after = _OFFICE.split(_TITLE.sub("", line, count=1), maxsplit=1)
    if not words_of(name) or words_of(_drop_name(name, names)):
        return False
    # What ends like a sentence may be one, such as "Maria Lopez, who left us, did it."
    return not after or (len(words_of(name)) >= len(names) and line[-1] not in ".!?:")


def _drop_name(line: str, names: Sequence[str]) -> str:
    """Return a line without the name, a part of it or initials, at its end."""
    words = line.split()
    initials = {name[0] for name in names}
    while words and (said := words_of(words[-1])) and all(w in names or w in initials for w in said):
        words.pop()
    return " ".join(words)
