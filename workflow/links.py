"""Writes and reads signed links, which say who may do which event of which partnership by which notice."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from notifications.errors import ServiceError
from notifications.links import Expired, Forged
from notifications.masking import change_codes
from states.machine import event_named
from states.partnership import Partnership
from workflow.procedure.config import Config
from workflow.store.rows import Notice

# The purposes of tokens. The signature covers the purpose, so that a token for one cannot be used for another.
_ACT, _FEED, _APPLY, _SIGN_IN = "act", "feed", "apply", "sign-in"
_ASK, _SUBSCRIBE, _UNSUBSCRIBE = "ask", "subscribe", "unsubscribe"
ASK_DAYS = 2  # how long a question waits for its link, and a subscription too
_UNSUBSCRIBE_DAYS = 3650  # a link that ends messages works as long as somebody may keep one
_FEED_DAYS = 400
_APPLY_DAYS = 400  # the end of the call ends the link earlier
_SIGN_IN_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Claim:
    """The content of a link in a notice, or on a page of a person who has signed in.

    A link on such a page names no notice. It names the sign-in and the capacity, and works only in that person's
    browser. The life of a link counts from `signed_at`; None for a link that is made now.
    """

    notice: int | None
    event: str  # "" if the link only shows the partnership
    person: str
    ref: str
    read: str | None = None  # the version of the text that the event consents to, as the notice showed it
    signed_at: datetime | None = field(default=None, compare=False)
    sign_in: int | None = None
    role: str = ""  # of a link without a notice, as is
    delegate_for: str | None = None  # the absent person in whose place the reader acts

    def for_event(self, event: str, facts: Partnership) -> Claim:
        """Return the claim for another event of the same person, "" for the page of the partnership."""
        # The version goes with the link, so that nobody consents to a text that changed after it was shown.
        version = event_named(event).version_read(facts) if event else None
        return replace(self, event=event, read=version)


@dataclass(frozen=True, slots=True)
class Applicant:
    """The content of a link to an application: one address in one call.

    `round` counts the calls before this one. `until` is the instant at which the link ends, in seconds since 1970;
    None if it ends with its call.
    """

    ref: str
    email: str
    round: int = 0
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """The content of a link to a question about a call: who asks, and the name under which it is kept."""

    ref: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The content of a link that begins or ends the messages about new calls to an address."""

    email: str
    begins: bool


class ExpiredClaim(ServiceError):
    """The link is genuine, but too old."""

    def __init__(self, claim: Claim) -> None:
        super().__init__("the link is too old")
        self.claim = claim


@dataclass(frozen=True, slots=True)
class SignInLink:
    """The content of a link to sign in: whose it is, and a name of its own, by which it works once."""

    email: str
    name: str


def claim_of(notice: Notice, ref: str, event: str, facts: Partnership) -> Claim:
    """Return the claim for a link in the message of a notice."""
    return Claim(notice.id, "", notice.to, ref).for_event(event, facts)


def address(config: Config, claim: Claim) -> str:
    """Return the address of a link with this claim, signed."""
    # Short keys keep the address short, so that fewer mail programs break it.
    values: dict[str, Any] = {"e": claim.event, "p": claim.person, "r": claim.ref}
    if claim.read is not None:
        values["v"] = claim.read
    if claim.sign_in is None:
        values["n"] = claim.notice
        return config.address(f"a/{config.links.sign(_ACT, values, claim.signed_at)}")
    values |= {"s": claim.sign_in, "o": claim.role, "d": claim.delegate_for}
    # The sign-in limits its life, so a page that is opened again makes its links anew.
    return config.address(f"a/{config.links.sign(_ACT, values)}")


def read(config: Config, token: str) -> Claim:
    """Return the claim in a link's token. Raise `Forged` or `ExpiredClaim`."""
    age = timedelta(days=config.procedure.web.link_days)
    try:
        return _claim(*config.links.read_dated(_ACT, token, age))
    # The signature is good, so the claim can be trusted: the page offers a fresh link to the same person.
    except Expired as expired:
        raise ExpiredClaim(_claim(expired.claims, expired.signed_at)) from None


def _claim(values: Any, signed_at: datetime) -> Claim:
    """Return the claim in the values of a token. Raise `Forged` if they are not those of a claim."""
    try:
        event, person, ref = str(values["e"]), str(values["p"]), str(values["r"])
        if "s" not in values:
            return Claim(int(values["n"]), event, person, ref, values.get("v"), signed_at)
        sign_in, role, owner = int(values["s"]), str(values["o"]), values["d"]
    except (KeyError, TypeError, ValueError):
        raise Forged("it does not say what a link says") from None
    return Claim(None, event, person, ref, values.get("v"), signed_at, sign_in, role, owner)


def sign_again(config: Config, content: bytes, person: str) -> bytes:
    """Return a message that is kept without signatures, with them, as it goes to this person."""
    return config.links.sign_again(content, person, _purpose)


def sign_quoted(config: Config, content: bytes, sent: bytes, person: str) -> bytes:
    """Return a message that came in and is kept without signatures, with those of the message that it answers.

    `sent` is that message as it is kept, and `person` who got it. Whatever else the sender wrote is never signed.
    """
    codes: dict[bytes, bytes] = {}
    change_codes(
        sign_again(config, sent, person), lambda match: codes.setdefault(_before_code(match), match["code"])
    )
    return change_codes(content, lambda match: codes.get(_before_code(match), match["code"]))


def _before_code(match: re.Match[bytes]) -> bytes:
    """Return what the code of a link or of an address for answers signs."""
    return match[0][: match.start("code") - match.start()]


def _purpose(kind: str, claims: Any) -> str:
    """Return the purpose of a link by the first part of its path and its claims."""
    if kind == _FEED:
        return _FEED
    if kind == "me":
        return _SIGN_IN
    # Each kind of claim has a key of its own.
    kinds = {"n": _ACT, "q": _ASK, "on": _SUBSCRIBE, "off": _UNSUBSCRIBE}
    named = (purpose for key, purpose in kinds.items() if isinstance(claims, dict) and key in claims)
    return next(named, _APPLY)


def end_of(config: Config, claim: Claim) -> int | None:
    """Return when a link's life ends, in seconds since 1970; None for a link that is made now."""
    days = timedelta(days=config.procedure.web.link_days)
    return int((claim.signed_at + days).timestamp()) if claim.signed_at else None


def sign_in_address(config: Config, link: SignInLink) -> str:
    """Return the address that signs a person in. Sent by mail, it proves that they read mail there."""
    return config.address(f"me/{config.links.sign(_SIGN_IN, {'p': link.email, 'q': link.name})}")


def read_sign_in(config: Config, token: str) -> SignInLink:
    """Return the content of a link to sign in. Raise `Forged`, or `Expired` after 15 minutes."""
    values = config.links.read(_SIGN_IN, token, timedelta(minutes=_SIGN_IN_MINUTES))
    try:
        return SignInLink(str(values["p"]), str(values["q"]))
    except (KeyError, TypeError, ValueError):
        raise Forged("it does not say what a link to sign in says") from None


def feed_address(config: Config, email: str, generation: int) -> str:
    """Return the address of a person's calendar feed. A new generation ends the addresses of earlier ones."""
    return config.address(f"feed/{config.links.sign(_FEED, {'p': email, 'g': generation})}.ics")


def read_feed(config: Config, token: str) -> tuple[str, int]:
    """Return the person and the generation in a feed's token. Raise `Forged` or `Expired`."""
    values = config.links.read(_FEED, token, timedelta(days=_FEED_DAYS))
    try:
        return str(values["p"]), int(values["g"])
    except (KeyError, TypeError, ValueError):
        raise Forged("it does not say what a feed says") from None


def apply_address(config: Config, applicant: Applicant) -> str:
    """Return the address of an application. Sent by mail, it proves whose e-mail address it is (4270.8)."""
    values: dict[str, Any] = {"r": applicant.ref, "p": applicant.email, "c": applicant.round}
    if applicant.until is not None:
        values["u"] = applicant.until
    return config.address(f"a/{config.links.sign(_APPLY, values)}")


def read_apply(config: Config, token: str) -> Applicant:
    """Return the call and the address in an application's token. Raise `Forged` or `Expired`."""
    values = config.links.read(_APPLY, token, timedelta(days=_APPLY_DAYS))
    try:
        # Links from before there were rounds were made for the first one.
        until = int(values["u"]) if "u" in values else None
        applicant = Applicant(str(values["r"]), str(values["p"]), int(values.get("c", 0)), until)
    except (KeyError, TypeError, ValueError):
        raise Forged("it does not say what an application's link says") from None
    # A link that a page showed ends with the link of that page.
    if applicant.until is not None and datetime.now(UTC).timestamp() > applicant.until:
        raise Expired(values, datetime.fromtimestamp(applicant.until, UTC))
    return applicant


def ask_address(config: Config, asker: Asker) -> str:
    """Return the address of a question. Sent by mail, it proves that the asker reads mail there."""
    values = {"r": asker.ref, "p": asker.email, "q": asker.name}
    return config.address(f"a/{config.links.sign(_ASK, values)}")


def read_asker(config: Config, token: str) -> Asker:
    """Return the question in a token. Raise `Forged`, or `Expired` after `ASK_DAYS`."""
    values = config.links.read(_ASK, token, timedelta(days=ASK_DAYS))
    try:
        return Asker(str(values["r"]), str(values["p"]), str(values["q"]))
    except KeyError:
        raise Forged("it does not say what a link to a question says") from None


def subscribe_address(config: Config, email: str) -> str:
    """Return the address that begins the messages about new calls. Sent by mail, it proves whose address it is."""
    return config.address(f"a/{config.links.sign(_SUBSCRIBE, {'p': email, 'on': 1})}")


def unsubscribe_address(config: Config, email: str) -> str:
    """Return the address that ends the messages about new calls, by one press or by one POST (RFC 8058)."""
    return config.address(f"a/{config.links.sign(_UNSUBSCRIBE, {'p': email, 'off': 1})}")


def read_subscriber(config: Config, token: str) -> Subscriber:
    """Return what a token of either kind says. Raise `Forged`, or `Expired`; one that begins has `ASK_DAYS`."""
    try:
        values, begins = config.links.read(_SUBSCRIBE, token, timedelta(days=ASK_DAYS)), True
    except Forged:
        values, begins = config.links.read(_UNSUBSCRIBE, token, timedelta(days=_UNSUBSCRIBE_DAYS)), False
    try:
        return Subscriber(str(values["p"]), begins)
    except KeyError:
        raise Forged("it does not say whose address it is") from None
