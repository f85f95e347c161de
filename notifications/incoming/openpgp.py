"""Reads messages of OpenPGP: the words of one that is signed, and whether one is encrypted (RFC 9580, RFC 3156).

No signature is checked: who sent a message is decided by other means. What is encrypted stays closed.
"""

from __future__ import annotations

import re

SEALED = "[encrypted]"  # the mark in place of what is encrypted
# The armour of signed text (RFC 9580, 7): a line, fields and a blank line above the text, and a signature below it.
_SIGNED = re.compile(
    r"^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*\r?\n(?:[A-Za-z-]{1,40}:[^\n]*\n)*[ \t]*\r?\n"
    r"(?P<text>.*?)(?:^-----BEGIN PGP SIGNATURE-----.*?(?:^-----END PGP SIGNATURE-----[^\n]*\n?|\Z)|\Z)",
    re.DOTALL | re.MULTILINE,
)
_DASHED = re.compile(r"^- ", re.MULTILINE)  # RFC 9580, 7.2
_ENCRYPTED = re.compile(
    r"^-----BEGIN PGP MESSAGE(?:, PART [^\n-]{1,20})?-----.*?(?:^-----END PGP MESSAGE[^\n]*\n?|\Z)",
    re.DOTALL | re.MULTILINE,
)
_SIGNATURE = re.compile(
    r"^-----BEGIN PGP (?P<kind>SIGNATURE|PUBLIC KEY BLOCK)-----.*?(?:^-----END PGP (?P=kind)-----[^\n]*\n?|\Z)",
    re.DOTALL | re.MULTILINE,
)


def drop_armour(text: str) -> str:
    """Return a text without the armour of OpenPGP: signed text as it was written, and a mark for what is encrypted.

    Return "" if all of it is encrypted.
    """
    if "-----BEGIN PGP " not in text:
        return text
    shown = _SIGNED.sub(lambda found: _DASHED.sub("", found["text"]), text)
    shown = _SIGNATURE.sub("", shown)
    return _ENCRYPTED.sub(f"{SEALED}\n", shown) if _ENCRYPTED.sub("", shown).strip() else ""
