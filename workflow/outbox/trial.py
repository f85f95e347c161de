"""Writes one message with the settings of a district, so that a setting that no message can hold is found early."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from notifications.addresses import parse_mailbox
from notifications.compose import compose
from notifications.errors import ServiceError
from states.errors import Problem
from workflow.procedure.config import Config, ConfigError

# As long as the parts that the program adds can be.
_CODE, _TOKEN = "+999999999999999-" + "a" * 16, "a" * 400
_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def require_writable(settings: Config) -> None:
    """Raise `ConfigError` if no message can be written with these settings.

    It is a digest without notices: the whole layout with every address, and no words about a partnership.
    """
    procedure = settings.procedure
    district, mail = procedure.district, procedure.mail
    link = f"{procedure.web.base_url}/a/{_TOKEN}"
    local, _, domain = (district.email if mail.replies == "none" else mail.replies_to).partition("@")
    context: dict[str, Any] = {
        "missing": {},
        "notice": "digest", "person": {"name": "Name", "email": "name@example.org", "role": "staff"},
        "why": "because you asked for one message a day", "delegate_for": None, "partnership": None, "standing": [],
        "event": None, "facts": None, "deadline": None, "offers": [], "hindered": [], "page": link, "replies": True,
        "office": {"name": district.office, "email": district.email, "phone": district.phone},
        "district": district.name, "names": {}, "reply": None, "digest": [], "feed": link, "me": link,
        "dates_in": None, "meeting": None, "failure": None, "held": None,
    }  # fmt: skip
    try:
        compose(
            rendered=settings.templates.notice("digest", context),
            message_id=f"<trial@{parse_mailbox(mail.sender, 'mail.sender').address.rpartition('@')[2]}>",
            date=_WHEN, sender=mail.sender, recipient=district.email, recipient_name=district.office,
            thread_id=None, ref="", reply_to=local + ("" if mail.replies == "none" else _CODE) + "@" + domain,
        )  # fmt: skip
    except (ServiceError, LookupError, ValueError) as error:
        expected = "settings of [district], [mail] and [web] with which the template digest can be written"
        problem = Problem("a message with these settings", f"it cannot be written: {error}", expected)
        raise ConfigError([problem]) from None
