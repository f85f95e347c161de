"""What a link claims: which person may do which event of which partnership, because of which notice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from notifications.errors import ServiceError
from notifications.links import Expired, Forged
from states.machine import event_named
from states.partnership import Partnership
from workflow.procedure.config import Config
from workflow.store.rows import Notice

_ACT, _FEED, _APPLY = "act", "feed", "apply"  # purposes: a token of one is none of another
_FEED_DAYS = 400
_APPLY_DAYS = 400  # the closing of the call ends it earlier


@dataclass(frozen=True, slots=True)
class Claim:
    """A link in a notice. `event` is "" for one that only shows the partnership.

    `read` is the version of what the event consents to, as the notice showed it.
    """

    notice: int
    event: str
    person: str
    ref: str
    read: str | None = None


@dataclass(frozen=True, slots=True)
class Applicant:
    """A link to the application of one address in one call."""

    ref: str
    email: str


class ExpiredClaim(ServiceError):
    """A link of ours that is too old."""

    def __init__(self, claim: Claim) -> None:
        super().__init__("the link is too old")
        self.claim = claim


def claim_of(notice: Notice, ref: str, event: str, facts: Partnership) -> Claim:
    """The claim of a link in the message of a notice."""
    return Claim(notice.id, event, notice.to, ref, event_named(event).version_read(facts) if event else None)


def address(config: Config, claim: Claim) -> str:
    """The address of a link."""
    said = {"n": claim.notice, "e": claim.event, "p": claim.person, "r": claim.ref}
    if claim.read is not None:
        said["v"] = claim.read
    return config.address(f"a/{config.links.sign(_ACT, said)}")


def read(config: Config, token: str) -> Claim:
    """The claim of a link's token. Raises `Forged` or `ExpiredClaim`."""
    age = timedelta(days=config.procedure.web.link_days)
    try:
        return _claim(config.links.read(_ACT, token, age))
    except Expired as expired:
        raise ExpiredClaim(_claim(expired.claims)) from None


def _claim(said: Any) -> Claim:
    try:
        return Claim(int(said["n"]), str(said["e"]), str(said["p"]), str(said["r"]), said.get("v"))
    except (KeyError, TypeError, ValueError):
        raise Forged("it does not say what a link says") from None


def feed_address(config: Config, email: str, generation: int) -> str:
    """The address of somebody's calendar of all their dates; a higher generation ends the earlier ones."""
    return config.address(f"feed/{config.links.sign(_FEED, {'p': email, 'g': generation})}.ics")


def read_feed(config: Config, token: str) -> tuple[str, int]:
    """Whose calendar a token shows, and of which generation. Raises `Forged` or `Expired`."""
    said = config.links.read(_FEED, token, timedelta(days=_FEED_DAYS))
    try:
        return str(said["p"]), int(said["g"])
    except (KeyError, TypeError, ValueError):
        raise Forged("it does not say what a feed says") from None


def apply_address(config: Config, applicant: Applicant) -> str:
    """The address of somebody's application, sent to prove that the e-mail address is theirs (4270.8)."""
    said = {"r": applicant.ref, "p": applicant.email}
    return config.address(f"a/{config.links.sign(_APPLY, said)}")


def read_apply(config: Config, token: str) -> Applicant:
    """Whose application in which call a token opens. Raises `Forged` or `Expired`."""
    said = config.links.read(_APPLY, token, timedelta(days=_APPLY_DAYS))
    try:
        return Applicant(str(said["r"]), str(said["p"]))
    except (KeyError, TypeError, ValueError):
        raise Forged("it does not say what an application's link says") from None
