"""Writes one message with the settings of a district, so that a setting that no message can hold is found early."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from notifications.addresses import Mailbox, parse_mailbox
from notifications.compose import compose
from notifications.errors import ServiceError
from states.errors import Problem
from workflow.procedure.config import Config, ConfigError

# As long as the parts that the program adds can be.
_CODE, _TOKEN = "+999999999999999-" + "a" * 16, "a" * 400
_WHEN = datetime(2026, 1, 1, tzinfo=UTC)
_WHY = {
    "digest": "because you asked for one message a day",
    "test": "because somebody at the office tests the mail settings",
}


def require_writable(settings: Config) -> None:
    """Raise `ConfigError` if no message can be written with these settings.

    It is a digest without notices: the whole layout with every address, and no words about a partnership.
    """
    district = settings.procedure.district
    try:
        _compose(settings, "digest", Mailbox(district.office, district.email), _WHEN, "trial")
    except (ServiceError, LookupError, ValueError) as error:
        expected = "settings of [district], [mail] and [web] with which the template digest can be written"
        problem = Problem("a message with these settings", f"it cannot be written: {error}", expected)
        raise ConfigError([problem]) from None


def compose_test(settings: Config, to: str, now: datetime) -> tuple[bytes, str]:
    """Return a message to an address that only shows that mail arrives, and its Message-ID."""
    name = f"test.{uuid.uuid4().hex}"
    return _compose(settings, "test", Mailbox(to, to), now, name), f"<{name}@{_domain(settings)}>"


def _domain(settings: Config) -> str:
    return parse_mailbox(settings.procedure.mail.sender, "mail.sender").address.rpartition("@")[2]


def _compose(settings: Config, template: str, to: Mailbox, now: datetime, name: str) -> bytes:
    """Return a message about nothing, with the template and the name of its Message-ID before the @."""
    procedure = settings.procedure
    district, mail = procedure.district, procedure.mail
    # In a message that leaves, a link must lead somewhere.
    link = None if template == "test" else f"{procedure.web.base_url}/a/{_TOKEN}"
    local, _, domain = (district.email if mail.replies == "none" else mail.replies_to).partition("@")
    context: dict[str, Any] = {
        "missing": {},
        "notice": template, "person": {"name": to.name, "email": to.address, "role": "staff"},
        "why": _WHY[template], "delegate_for": None, "stands_in_for": None, "contact_as": None,
        "only_told": None, "partnership": None, "standing": [],
        "event": None, "facts": None, "deadline": None, "offers": [], "hindered": [], "page": link, "replies": True,
        "office": {"name": district.office, "email": district.email, "phone": district.phone},
        "district": district.name, "names": {}, "reply": None, "digest": [], "feed": link,
        "me": link or settings.address("me"),
        "dates_in": None, "meeting": None, "failure": None, "held": None,
        "checkpoint": None,
        "request": None,
    }  # fmt: skip
    return compose(
        rendered=settings.templates.notice(template, context),
        message_id=f"<{name}@{_domain(settings)}>",
        date=now, sender=mail.sender, recipient=to.address, recipient_name=to.name,
        thread_id=None, ref="", reply_to=local + ("" if mail.replies == "none" else _CODE) + "@" + domain,
    )  # fmt: skip
