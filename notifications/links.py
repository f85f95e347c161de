"""Signs and reads the tokens in links, and makes the addresses to which replies go.

A token holds claims, signed by the newest of the district's keys for one purpose, and the moment of signing. Older
keys still read, so that keys can be changed while links are out (itsdangerous, key rotation). The address of a
reply has little room and may lose its capitals on the way, so it has a short code instead of a token.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode, int_to_bytes, want_bytes

from notifications.errors import ServiceError
from notifications.masking import change_codes

_LEAST = 32  # characters of a key: a person would not think up so many
_CODE = 16  # characters of base 32 in the address of a reply: 80 bits
_LOCAL = re.compile(r"(?P<stem>[^+]+)\+(?P<notice>\d{1,15})-(?P<code>[a-z2-7]{16})")


class Forged(ServiceError):
    """No key of ours has signed the token for this purpose, or it was altered."""


class Expired(ServiceError):
    """The token is ours and too old; `claims` is its content."""

    def __init__(self, claims: Mapping[str, Any], signed_at: datetime) -> None:
        super().__init__(f"signed at {signed_at.isoformat()}")
        self.claims = claims
        self.signed_at = signed_at


class Links:
    """The keys of a district, oldest first: every key reads, and the newest signs.

    Raise ValueError for a weak key, or if there is no key.
    """

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

    def sign(self, purpose: str, claims: Mapping[str, Any], at: datetime | None = None) -> str:
        """Return a token for a web address; the values of `claims` have the types of JSON.

        The life of the token counts from `at`, or from now. A page gives its links the age of its own link.
        """
        serializer = self._serializer(purpose)
        if at is None:
            return str(serializer.dumps(dict(claims)))
        signer = serializer.make_signer(serializer.salt)
        stamp = base64_encode(int_to_bytes(int(at.timestamp())))
        dated = want_bytes(serializer.dump_payload(dict(claims))) + signer.sep + stamp
        return (dated + signer.sep + signer.get_signature(dated)).decode("ascii")

    def sign_again(self, content: bytes, person: str, purpose_of: Callable[[str, Any], str]) -> bytes:
        """Return a masked message with its signatures, for the person to whom it goes.

        Only links of this person are signed: anybody can write what looks like a masked link of somebody else.
        `purpose_of` returns the purpose of a link by the first part of its path and its claims.
        """

        def code_of(match: re.Match[bytes]) -> bytes:
            if "notice" in match.re.groupindex:
                return _code(self._keys[-1], int(match["notice"]), person).encode("ascii")
            try:
                claims = self._serializer("").load_payload(match["payload"])
            except BadData:
                return match["code"]  # somebody wrote what only looks like a link
            if not isinstance(claims, dict) or str(claims.get("p")).lower() != person.lower():
                return match["code"]
            serializer = self._serializer(purpose_of(match["kind"].decode("ascii"), claims))
            return serializer.make_signer(serializer.salt).get_signature(
                match["payload"] + b"." + match["stamp"]
            )

        return change_codes(content, code_of)

    def read(self, purpose: str, token: str, max_age: timedelta) -> dict[str, Any]:
        """Return the claims of a token. Raise `Forged` or `Expired`."""
        return self.read_dated(purpose, token, max_age)[0]

    def read_dated(self, purpose: str, token: str, max_age: timedelta) -> tuple[dict[str, Any], datetime]:
        """Return the claims of a token, and the instant from which its life counts. Raise `Forged` or `Expired`."""
        try:
            # The caller gives the age, so that a shorter life in
            # the settings also ends links that are already out.
            claims, signed_at = self._serializer(purpose).loads(
                token, max_age=int(max_age.total_seconds()), return_timestamp=True
            )
        except SignatureExpired as late:
            raise self._make_expired(purpose, token, late) from None
        except (BadData, ValueError):
            raise Forged("no key of ours has signed this") from None
        # A key of ours signed something else. No page may rely on its form.
        if not isinstance(claims, dict):
            raise Forged("it says nothing")
        return claims, signed_at

    def _make_expired(self, purpose: str, token: str, late: SignatureExpired) -> Expired:
        # The signature was checked before the age, so the claims can be trusted.
        claims = self._serializer(purpose).loads(token)
        return Expired(claims, late.date_signed or datetime.now(UTC))

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        # The salt binds a token to its purpose: one made for a calendar does not open a form.
        return URLSafeTimedSerializer(list(self._keys), salt=f"partnerships.{purpose}")

    def reply_address(self, mailbox: str, notice: int, person: str) -> str:
        """Return the address for one person's answer to one notice: a subaddress of the mailbox (RFC 5233)."""
        stem, _, domain = mailbox.partition("@")
        # The code covers notice and person, so nobody can answer for somebody else by changing a number.
        return f"{stem}+{notice}-{_code(self._keys[-1], notice, person)}@{domain}"

    def match_reply(self, local: str, person: str) -> int | None:
        """Return the notice that a local part of an address answers; None if we did not make it for this person."""
        match = _LOCAL.fullmatch(local.lower())
        if match is None:
            return None
        notice = int(match["notice"])
        # Compare with every key in constant time, so that the time of an answer gives nothing away about a code.
        fits = [hmac.compare_digest(match["code"], _code(key, notice, person)) for key in self._keys]
        return notice if any(fits) else None


def parse_notice_number(local: str) -> int | None:
    """Return the notice that a local part of an address names, without checking its code; None if it names none."""
    match = _LOCAL.fullmatch(local.lower())
    return int(match["notice"]) if match else None


class Unsigned(Links):
    """Signs nothing: for messages of which nobody reads more than the subject."""

    def __init__(self) -> None:
        """Need no key."""

    def sign(self, purpose: str, claims: Mapping[str, Any], at: datetime | None = None) -> str:
        """Return a word in place of a token."""
        return "unsigned"


def _code(key: str, notice: int, person: str) -> str:
    """Return the code that only a holder of the key can make for this notice and person."""
    digest = hmac.digest(key.encode(), f"partnerships.reply {notice} {person.lower()}".encode(), "sha256")
    return base64.b32encode(digest).decode().lower()[:_CODE]
