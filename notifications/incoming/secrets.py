"""Takes our links and reply addresses out of what people wrote, in whatever form a mail program left them.

A link acts in the name of one person, so it must not get on record, where others read it. Scanners of mail rewrite
links: they encode the address once or twice, and put it into one of their own.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from notifications.incoming.codes import mask_text

MASK = "[link]"
ADDRESS_MASK = "[address]"
URL = re.compile(r"\b(?:https?|webcal)(?::|%3a)\S+", re.IGNORECASE)
# A signed token: its claims, its time and its signature (itsdangerous), or a mask. The first look keeps the search
# linear.
_TOKEN = re.compile(r"(?<![\w-])[\w-]{16,}\.[\w-]{5,8}\.[\w~-]{20,}(?:\.ics)?")
_ADDRESS = re.compile(
    r"(?<![\w.-])[\w.-]{1,64}(?:\+|%2b)\d{1,15}-(?:[a-z2-7]{16}|~{8,16})(?:@|%40)?[\w.-]{0,250}",
    re.IGNORECASE,
)
# What is left of a signature that was broken into several lines, and the mark in its place.
_CODE = re.compile(r"~{1,27}(?:\s{1,4}[>| ]{0,20}~{1,27}){0,27}(?:\.ics)?")
_CODE_MASK = "~" * 8
_REST = re.compile(rf"[\w./=-]{{0,500}}{_CODE_MASK}[\w.-]{{0,8}}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,8000}")
# The rest of a link: with a sign that no word has, or long and with a digit.
_TAIL = re.compile(r"(?=\S{0,500}[%=&/_$~]|\S{0,7}\d\S{0,500}|\S{8,500}\d)[\w.~%=&+/;:,!$*@?-]{2,}(?=\s|$)")
_WRAPPED = 50  # characters of a line; a mail program breaks no line that is shorter
# Their addresses lead to the one they hide, also where they do not show it.
_REWRITERS = re.compile(
    r"https?://[\w.-]{0,200}(?:safelinks\.protection\.outlook|urldefense|protect\.cudasvc|cudasvc|mimecast|mimecastprotect"
    r"|secure-web\.cisco|protection\.sophos|clicktime|trendmicro|fireeye|trellix|barracudanetworks|hornetsecurity"
    r"|linkprotect|urlsand|clickprotect|emailprotection)\b",
    re.IGNORECASE,
)


def hide_codes(text: str) -> str:
    """Return a text with a mark in place of each signature of ours, also where it was broken into several lines."""
    return _CODE.sub(_shorten_code, mask_text(text))


def _shorten_code(match: re.Match[str]) -> str:
    """Return the mark for a masked signature, and the end of a line if it was broken; other tildes stay."""
    if match[0].count("~") not in (16, 27):
        return match[0]
    return _CODE_MASK + "\n" * ("\n" in match[0])


def mask(lines: Sequence[str], base_url: str) -> list[str]:
    """Return the lines with a mark in place of each link, token and reply address of the system at `base_url`."""
    host = re.escape(urlsplit(base_url).hostname or "") or r"(?!)"
    ours = re.compile(rf"(?<![\w.-]){host}(?![\w-])", re.IGNORECASE)
    masked: list[str] = []
    broken = False
    for line in lines:
        # A long link may have been broken into several lines.
        shown = _TAIL.sub(MASK, line.lstrip(), count=1) if broken and _TAIL.match(line.lstrip()) else line
        shown = URL.sub(lambda match: MASK if _is_ours(match[0], ours) else match[0], shown)
        shown = _REST.sub(MASK, _ADDRESS.sub(ADDRESS_MASK, _TOKEN.sub(MASK, shown)))
        broken = shown.rstrip(">)] ").endswith(MASK.rstrip("]")) and len(line) > _WRAPPED
        masked.append(shown)
    return masked


def drop_links(line: str) -> str:
    """Return a line without links, reply addresses and their marks, also where a kept message has its own mask."""
    return _ADDRESS.sub(" ", URL.sub(" ", line)).replace(MASK, " ").replace(ADDRESS_MASK, " ")


def _is_ours(url: str, ours: re.Pattern[str]) -> bool:
    """Return whether a link leads to us, by itself or through a scanner of mail."""
    if _REWRITERS.match(url):
        return True
    return any(ours.search(form) or _TOKEN.search(form) for form in _decode(url))


def _decode(url: str) -> Iterator[str]:
    """Yield a link in each form that it may have had before it was rewritten."""
    form = url
    for _ in range(4):
        yield form
        form = unquote(form)
    # An older form of urldefense writes "-" for "%", and "_" for "/".
    yield unquote(url.replace("-", "%").replace("_", "/"))
    runs = _BASE64.findall(unquote(url))
    # A path may have stood before it.
    for run in (*runs, *(piece for whole in runs for piece in whole.split("/") if len(piece) > 15)):
        plain = base64.urlsafe_b64decode(run.replace("+", "-").replace("/", "_")[: len(run) // 4 * 4])
        yield unquote(plain.decode("latin-1"))
