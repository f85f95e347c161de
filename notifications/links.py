"""Signs and reads what a link may do, and the address that a reply goes to.

A link is a token: claims signed by the newest of the district's keys, for one purpose, with the moment they were
signed. Older keys still read, so that keys can be changed while links are out (itsdangerous, key rotation).
A reply's address has little room and may lose its capitals on the way, so it carries a short code instead.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from notifications.errors import ServiceError

_LEAST = 32  # characters of a key: what a machine makes, not what a person thinks up
_CODE = 16  # characters of base 32 in the address of a reply: 80 bits
_LOCAL = re.compile(r"(?P<stem>[^+]+)\+(?P<notice>\d{1,15})-(?P<code>[a-z2-7]{16})")


class Forged(ServiceError):
    """A token that no key of ours has signed for this purpose, or that was altered on its way."""


class Expired(ServiceError):
    """A token of ours that is too old; `claims` is what it said."""

    def __init__(self, claims: Mapping[str, Any], signed_at: datetime) -> None:
        super().__init__(f"signed at {signed_at.isoformat()}")
        self.claims = claims
        self.signed_at = signed_at


class Links:
    """The keys of a district, oldest first: every one reads, the newest signs. Raises ValueError for a weak key."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("there is no key; expected one a line, the newest last")
        if weak := [n for n, key in enumerate(keys, 1) if len(key) < _LEAST]:
            raise ValueError(
                f"key {weak[0]} is shorter than {_LEAST} characters; expected one made by a machine"
            )
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return f"Links({len(self._keys)} keys)"

    def sign(self, purpose: str, claims: Mapping[str, Any]) -> str:
        """A token for a web address; `claims` are of JSON's types."""
        return str(self._serializer(purpose).dumps(dict(claims)))

    def read(self, purpose: str, token: str, max_age: timedelta) -> dict[str, Any]:
        """What a token says. Raises `Forged` or `Expired`."""
        try:
            claims = self._serializer(purpose).loads(token, max_age=int(max_age.total_seconds()))
        except SignatureExpired as late:
            raise self._expired(purpose, token, late) from None
        except (BadData, ValueError):
            raise Forged("no key of ours has signed this") from None
        if not isinstance(claims, dict):
            raise Forged("it says nothing")
        return claims

    def _expired(self, purpose: str, token: str, late: SignatureExpired) -> Exception:
        claims = self._serializer(purpose).loads(token)  # its signature was looked at before its age
        return Expired(claims, late.date_signed or datetime.now(UTC))

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(list(self._keys), salt=f"partnerships.{purpose}")

    def reply_address(self, mailbox: str, notice: int, person: str) -> str:
        """Where the answer of one person to one notice goes: a subaddress (RFC 5233) of the office's mailbox."""
        stem, _, domain = mailbox.partition("@")
        return f"{stem}+{notice}-{_code(self._keys[-1], notice, person)}@{domain}"

    def match_reply(self, local: str, person: str) -> int | None:
        """The notice that this local part of an address answers, if it was made for this person; else None."""
        found = _LOCAL.fullmatch(local.lower())
        if found is None:
            return None
        notice = int(found["notice"])
        fits = [hmac.compare_digest(found["code"], _code(key, notice, person)) for key in self._keys]
        return notice if any(fits) else None


def parse_notice_number(local: str) -> int | None:
    """The notice that a local part of an address claims to answer, whoever made it."""
    found = _LOCAL.fullmatch(local.lower())
    return int(found["notice"]) if found else None


def _code(key: str, notice: int, person: str) -> str:
    made = hmac.digest(key.encode(), f"partnerships.reply {notice} {person.lower()}".encode(), "sha256")
    return base64.b32encode(made).decode().lower()[:_CODE]
