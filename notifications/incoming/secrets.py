"""Takes our links and reply addresses out of what people wrote, in whatever form a mail program left them.

A link acts in the name of one person, so it must not get on record, where others read it. Scanners of mail rewrite
links: they encode the address once or twice, and put it into one of their own.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

MASK = "[link]"
ADDRESS_MASK = "[address]"
URL = re.compile(r"\b(?:https?|webcal)(?::|%3a)\S+", re.IGNORECASE)
# A signed token: its claims, its time and its signature (itsdangerous), or a mask. The first look keeps the search
# linear.
_TOKEN = re.compile(r"(?<![\w-])[\w-]{16,}\.[\w-]{5,8}\.[\w~-]{20,}(?:\.ics)?")
_ADDRESS = re.compile(
    r"(?<![\w.-])[\w.-]{1,64}(?:\+|%2b)\d{1,15}-(?:[a-z2-7]{16}|~{16})(?:@|%40)?[\w.-]{0,250}", re.IGNORECASE
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,8000}")
_TAIL = re.compile(r"[\w.~%=&+/-]{8,}(?=\s|$)")
_WRAPPED = 50  # characters of a line; a mail program breaks no line that is shorter
# Their addresses lead to the one they hide, also where they do not show it.
_REWRITERS = re.compile(
    r"https?://[\w.-]{0,200}(?:safelinks\.protection\.outlook|urldefense|protect\.cudasvc|cudasvc|mimecast|mimecastprotect"
    r"|secure-web\.cisco|protection\.sophos|clicktime|trendmicro|fireeye|trellix|barracudanetworks|hornetsecurity"
    r"|linkprotect|urlsand|clickprotect|emailprotection)\b",
    re.IGNORECASE,
)


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
        shown = _ADDRESS.sub(ADDRESS_MASK, _TOKEN.sub(MASK, shown))
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
    for run in _BASE64.findall(unquote(url)):
        plain = base64.urlsafe_b64decode(run.replace("+", "-").replace("/", "_")[: len(run) // 4 * 4])
        yield unquote(plain.decode("latin-1"))
