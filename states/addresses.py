"""Compares e-mail addresses: two ways to write one mailbox, and the domain that shows where somebody works."""

from __future__ import annotations

import re

# Providers of mail for everybody: people with such an address have nothing else in common.
PUBLIC = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "ymail.com",
    "icloud.com", "me.com", "mac.com", "aol.com", "comcast.net", "att.net", "verizon.net", "sbcglobal.net",
    "centurylink.net", "frontier.com", "cox.net", "charter.net", "earthlink.net", "mail.com", "gmx.com", "gmx.net",
    "proton.me", "protonmail.com", "pm.me", "fastmail.com", "zoho.com", "hey.com", "tutanota.com", "qq.com",
    "163.com", "naver.com", "mail.ru", "yandex.com", "yahoo.co.jp", "web.de",
})  # fmt: skip
_WITHOUT_DOTS = ("gmail.com", "googlemail.com")
# Parts with single dots or signs between them, and a domain that is neither reserved nor an encoded one (xn--). The
# same pattern is in `notifications/addresses.py`.
_PLAIN = re.compile(
    r"[a-z0-9]{1,20}(?:[._+-][a-z0-9]{1,20}){0,2}@(?:[a-z0-9]{1,20}(?:-[a-z0-9]{1,20})?\.){1,4}"
    r"(?!(?:arpa|invalid|local|localhost|onion|test)$)[a-z]{2,20}"
)


def is_plain(address: str) -> bool:
    """Return whether an address is certainly valid as it is. Most are; others need a closer look."""
    return _PLAIN.fullmatch(address) is not None


def mailbox(address: str) -> str:
    """Return one way to write the mailbox of an address: without its tag, and as Gmail reads it without dots."""
    name, _, domain = address.strip().casefold().rpartition("@")
    name = name.partition("+")[0] or name
    if passes_over_dots(address):
        return f"{name.replace('.', '')}@gmail.com"
    return f"{name}@{domain}"


def passes_over_dots(address: str) -> bool:
    """Return whether the provider of an address takes it for the same with and without dots, as Gmail does."""
    return address.strip().casefold().rpartition("@")[2] in _WITHOUT_DOTS


def workplace(address: str) -> str | None:
    """Return the domain of an address, which shows where somebody works; None for a provider of mail for all."""
    domain = address.strip().casefold().rpartition("@")[2]
    return None if not domain or domain in PUBLIC else domain
