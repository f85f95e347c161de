"""Takes the signatures of our links out of a message as it came, so that it can be kept and shown to others.

A quoted link still acts in the name of its person. Programs encode what they quote: in quoted-printable, in base64,
as a part of the address of a scanner, in HTML. Every byte that is not of a signature stays as it is.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

_DEEP = 4  # base64 within base64, such as the address of a scanner in an encoded part
_SHORT = 8_000  # characters of base64 that may be part of an address, and so begin anywhere

# A sign may be encoded for mail (RFC 2045, 6.7), once or more for an address (RFC 3986, 2.1), or for HTML.
_ENCODED = rb"(?:=|(?:%|=25)(?:25){0,3}|&#[xX])"
_LETTER = rb"(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|2[Dd]|5[Ff]);?"
_SIGN = rb"(?:[A-Za-z0-9_-]|" + _ENCODED + _LETTER + rb"|&#[0-9]{2,3};)"
_DOT = rb"(?:\.|" + _ENCODED + rb"2[Ee];?|&#46;|&period;)"
# An older form of urldefense writes "-2D" for "-" and "-5F" for "_".
_DEFENDED = rb"(?:-(?:25){0,2}(?:2D|5F)|" + _SIGN + rb")"
# Where a line was broken, or the next byte of a wide charset begins.
_GAP = rb"(?:=?\r?\n(?:[A-Za-z]{1,4}>)?[>| \t]{0,20}|\x00|=00|<wbr ?/?>)?"
# The time of a link and its signature (itsdangerous). Without the signature its claims are of no use.
_DEFENDED_TOKEN, _TOKEN = (
    re.compile(
        _DOT + _GAP + rb"(?:" + sign + _GAP + rb"){6}" + _DOT + _GAP
        + rb"(?P<code>(?:" + sign + _GAP + rb"){26}" + sign + rb")"
    )
    for sign in (_DEFENDED, _SIGN)
)  # fmt: skip
# The code in an address for answers, in whatever case.
_DIGIT = rb"(?:[0-9]|" + _ENCODED + rb"3[0-9];?|&#(?:4[89]|5[0-7]);)"
_CODE = rb"(?:[A-Za-z2-7]|" + _ENCODED + _LETTER + rb"|&#[0-9]{2,3};)"
_REPLY = re.compile(
    rb"(?:\+|" + _ENCODED + rb"2[Bb];?|&#43;|&plus;)" + _GAP
    + rb"(?:" + _DIGIT + _GAP + rb"){1,15}(?:-|" + _ENCODED + rb"2[Dd];?|&#45;)" + _GAP
    + rb"(?P<code>(?:" + _CODE + _GAP + rb"){15}" + _CODE + rb")(?![A-Za-z0-9~])"
)  # fmt: skip
_KEPT = re.compile(_GAP[:-1])
# A line that begins with two hyphens ends a part. A shorter run has no room for a code.
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}(?:=?\r?\n[>| \t]{0,20}(?!--)[A-Za-z0-9+/_-]{2,})*")
_BETWEEN = re.compile(rb"([^A-Za-z0-9+/_-]+)")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_BLOCK = 3_000  # bytes that are compared at once, a multiple of three


def mask_codes(content: bytes, deep: int = 0) -> bytes:
    """Return a message with a mask in place of each signature of ours, as long as the signature.

    1. Mask the signatures that stand in it, with the signs of each in any encoding.
    2. Decode each long run of base64, do the same there, and encode again what was masked.
    """
    if b"urldefense" in content:
        content = _DEFENDED_TOKEN.sub(_mask_match, content)
    content = _REPLY.sub(_mask_match, _TOKEN.sub(_mask_match, content))
    if deep == _DEEP:
        return content
    return _BASE64.sub(lambda match: _mask_base64(match[0], deep + 1), content)


def mask_text(text: str) -> str:
    """Return a text with a mask in place of each signature of ours."""
    return mask_codes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def _mask_match(match: re.Match[bytes]) -> bytes:
    """Return what was matched with its code masked; the breaks of lines in it stay."""
    before = match[0][: match.start("code") - match.start()]
    code, place, masked = match["code"], 0, b""
    for gap in _KEPT.finditer(code):
        masked += b"~" * (gap.start() - place) + gap[0]
        place = gap.end()
    return before + masked + b"~" * (len(code) - place)


def _mask_base64(run: bytes, deep: int) -> bytes:
    """Return a run of base64 with the signatures in it masked."""
    pieces = _BETWEEN.split(run)
    signs = bytearray(b"".join(pieces[::2]))
    for start in range(4 if len(signs) <= _SHORT else 1):
        plain = _decode(bytes(signs[start:]))
        masked = mask_codes(plain, deep)
        if masked != plain:
            _encode_changes(signs, start, plain, masked)
    if bytes(signs) == b"".join(pieces[::2]):
        return run
    place = 0
    for at in range(0, len(pieces), 2):
        size = len(pieces[at])
        pieces[at] = bytes(signs[place : place + size])
        place += size
    return b"".join(pieces)


def _decode(signs: bytes) -> bytes:
    """Return the bytes for which signs of either alphabet stand (RFC 4648, 4 and 5), without padding."""
    whole = signs[:-1] if len(signs) % 4 == 1 else signs
    return b64decode(whole.translate(_STANDARD) + b"=" * (-len(whole) % 4))


def _encode_changes(signs: bytearray, start: int, plain: bytes, masked: bytes) -> None:
    """Write each three bytes that were changed over the four signs that stood for them."""
    for block in range(0, len(plain), _BLOCK):
        if plain[block : block + _BLOCK] == masked[block : block + _BLOCK]:
            continue
        for at in range(block, min(block + _BLOCK, len(plain)), 3):
            three = masked[at : at + 3]
            if three != plain[at : at + 3]:
                place = start + at // 3 * 4
                signs[place : place + len(three) + 1] = b64encode(three)[: len(three) + 1]
