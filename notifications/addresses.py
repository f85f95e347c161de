"""Reads mail addresses, and refuses the ones that could break or forge a header."""

import re
import unicodedata
from typing import NamedTuple

# An address that is certainly valid as it is. The same pattern is in `states/addresses.py`.
_PLAIN = re.compile(
    r"[a-z0-9]{1,20}(?:[._+-][a-z0-9]{1,20}){0,2}@(?:[a-z0-9]{1,20}(?:-[a-z0-9]{1,20})?\.){1,4}"
    r"(?!(?:arpa|invalid|local|localhost|onion|test)$)[a-z]{2,20}"
)
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
    if _PLAIN.fullmatch(text.strip()):
        return text.strip()
    # Imported here, since it takes long to import and few addresses need it.
    from email_validator import EmailNotValidError, validate_email

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
