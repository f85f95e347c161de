"""Reads mail addresses, and refuses the ones that could break or forge a header."""

import re
import unicodedata
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\s*")


class Mailbox(NamedTuple):
    """Who ("" where only an address was given), and where, with the domain in ASCII."""

    name: str
    address: str


def mailbox(text: str, what: str) -> Mailbox:
    """Reads `person@example.org` or `Name, of any kind <person@example.org>`.

    `what` names the header or setting in the ValueError that anything else gets.
    """
    without_controls(text, what)
    named = _NAMED.fullmatch(text)
    if named is None:
        return Mailbox("", address(text, what))
    name = named["name"].strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Mailbox(name, address(named["address"], what))


def address(text: str, what: str) -> str:
    """The bare address in `text`, checked by its syntax only, its domain in ASCII (`xn--...`)."""
    without_controls(text, what)
    try:
        # No look-up: whether the domain takes mail is for the server to say, when it is told to deliver.
        valid = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(
            f"{what}: {text!r} is not a mail address such as person@example.org ({error})"
        ) from error
    return f"{valid.local_part}@{valid.ascii_domain}"


def without_controls(text: str, what: str) -> str:
    """`text` itself; ValueError where it holds a line end or another control character (header injection)."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs"):
            raise ValueError(
                f"{what}: {text!r} holds the control character {character!r}; "
                "expected one line of ordinary characters"
            )
    return text
