"""Reads mail addresses, and refuses the ones that could break or forge a header."""

import re
import unicodedata
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\s*")


class Mailbox(NamedTuple):
    """A name ("" if there was only an address), and an address with its domain in ASCII."""

    name: str
    address: str


def parse_mailbox(text: str, what: str) -> Mailbox:
    """Read `person@example.org` or `Name, of any kind <person@example.org>`.

    Raise ValueError for anything else; `what` names the header or setting in its message.
    """
    refuse_controls(text, what)
    match = _NAMED.fullmatch(text)
    if match is None:
        return Mailbox("", parse_address(text, what))
    name = match["name"].strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        # In quotes, a backslash only protects the character after
        # it (RFC 5322, 3.2.4), so it is no part of the name.
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Mailbox(name, parse_address(match["address"], what))


def parse_address(text: str, what: str) -> str:
    """Return the bare address in `text`, checked by its syntax only, its domain in ASCII (`xn--...`).

    Raise ValueError if it is not one.
    """
    refuse_controls(text, what)
    try:
        # Look nothing up in the network. The mail server says whether the domain takes mail when it delivers.
        valid = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(
            f"{what}: {text!r} is not a mail address such as person@example.org ({error})"
        ) from error
    # A server without SMTPUTF8 takes ASCII only, and the domain in ASCII is the same domain.
    return f"{valid.local_part}@{valid.ascii_domain}"


def refuse_controls(text: str, what: str) -> str:
    """Return `text` itself. Raise ValueError if it holds a control character, such as a line end.

    In a header, a line end would begin a header that the sender made up.
    """
    for character in text:
        if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs"):
            raise ValueError(
                f"{what}: {text!r} holds the control character {character!r}; "
                "expected one line of ordinary characters"
            )
    return text
