"""Writes the packet for the Board: the draft of a Board Action Report, filled from the record (4270.9).

What the record does not say is a marked place for staff, and nothing is made up. One page of HTML, from the
templates in `packet/`, holds all the words. The Word document and the PDF are made from that page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import Any, Literal

from jinja2 import TemplateError

from notifications.pages import PACKET
from states.errors import Problem
from states.inputs import READABLE
from states.names import Role
from states.weighing import party_of
from workflow.agreements import find_earlier_agreements
from workflow.procedure.config import ConfigError
from workflow.publishing import packet_parts
from workflow.publishing.proposals import Proposal, find_proposal, has_proposal
from workflow.publishing.readings import Readings, find_readings
from workflow.session import Session
from workflow.store.rows import Snapshot
from workflow.views import weighed
from workflow.views.present_names import rename
from workflow.views.public_texts import hide_addresses

# Those who bring an agreement to the Board. The packet also tells of the agreements of other schools.
READERS = weighed.READERS

Ending = Literal["html", "docx", "pdf"]
ENDINGS: tuple[Ending, ...] = ("docx", "pdf", "html")  # in the order in which pages offer them
_LIBRARY: Mapping[Ending, str] = {"docx": "docx", "pdf": "weasyprint"}  # which the extra `documents` brings


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet as HTML, and how many places of it staff have to fill in."""

    ref: str
    proposal: Proposal
    html: str
    places: int

    @property
    def is_prepared(self) -> bool:
        """Return whether it is made ahead of the referral."""
        return self.proposal.item is None


def write_packet(session: Session, record: Snapshot, now: datetime) -> Packet:
    """Return the packet of a partnership.

    Raise `Refused` if there is nothing for the Board yet, and `ConfigError` if a template cannot be rendered.
    """
    proposal = find_proposal(session, record, now)
    context = _without_addresses(_describe(session, record, proposal, now))
    try:
        html = session.config.pages.render(proposal.purpose, context, PACKET)
    except (TemplateError, TypeError, ValueError) as error:
        place = f"templates/{PACKET}/{proposal.purpose}.j2"
        raise ConfigError(
            [Problem(place, str(error), "names and values as the packaged file has them")]
        ) from None
    return Packet(record.ref, proposal, html, html.count("<mark"))


def make_file(packet: Packet, ending: Ending, now: datetime) -> bytes:
    """Return the packet as a file of this kind. Raise `ConfigError` if the extra `documents` is not installed."""
    match ending:
        case "html":
            return packet.html.encode()
        case "docx":
            from workflow.publishing.word import to_docx

            return to_docx(packet.html, now)
        case "pdf":
            from workflow.publishing.pdf import to_pdf

            try:
                return to_pdf(packet.html)
            except ValueError as error:
                raise ConfigError([Problem(f"templates/{PACKET}/layout.j2", str(error))]) from None


def installed() -> tuple[Ending, ...]:
    """Return the kinds of file that can be made with what is installed here."""
    return tuple(each for each in ENDINGS if each not in _LIBRARY or find_spec(_LIBRARY[each]))


def endings_for(session: Session, record: Snapshot, role: Role, now: datetime) -> tuple[Ending, ...]:
    """Return the kinds of file in which a reader in this role can have the packet now; none if there is none."""
    return installed() if role in READERS and has_proposal(session, record, now) else ()


def _without_addresses(value: Any) -> Any:
    """Return a value of the context without the e-mail addresses that people typed into it."""
    if isinstance(value, str):
        return hide_addresses(value)
    if isinstance(value, Mapping):
        return {key: _without_addresses(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_addresses(item) for item in value]
    return value


def _describe(session: Session, record: Snapshot, proposal: Proposal, now: datetime) -> dict[str, Any]:
    """Return what the templates say, from the facts as they count with every correction."""
    facts = rename(session.directory, record.facts)
    rows = packet_parts.list_counting_rows(session, record)
    party = party_of(facts)
    school = session.directory.schools.get(session.directory.present_school(facts.school))
    readings = find_readings(session, proposal.item, now)
    return {
        "ref": record.ref,
        "partnership_title": facts.title,
        "district": session.config.procedure.district.name,
        "school": session.directory.school_name(facts.school),
        "invited_on": school.invited_on if school else None,
        "organization": party.name if party else None,
        "dates_in": None,
        "made_on": session.config.calendar.day(now).isoformat(),
        "entry": record.version,
        "head": record.head,
        "purpose": proposal.purpose,
        "reason": proposal.reason,
        "prepared": proposal.item is None,
        "item": proposal.item.model_dump(mode="json") if proposal.item else None,
        "readings": asdict(readings),
        "late_for": _find_late_day(proposal, readings),
        "asked": facts.board.asked.model_dump(mode="json") if facts.board.asked else None,
        "decisions": [each.model_dump(mode="json") for each in facts.board.decisions],
        "recalls": packet_parts.list_recalls(session, rows),
        **packet_parts.name_people(session, rows, proposal),
        **_describe_terms(session, record, proposal, now),
        "statement": facts.needs.statement.model_dump(mode="json") if facts.needs.statement else None,
        "call": packet_parts.describe_call(session, facts),
        "outcomes": packet_parts.list_outcomes(facts),
        "outcomes_proposed": facts.proposed_outcomes is not None,
        "reviews": packet_parts.list_reviews(session, facts),
        "duties": packet_parts.list_duties(facts),
        "engagement": [
            {"on": done.on.isoformat(), "summary": done.summary}
            for done in facts.duties
            if done.duty == "engagement"
        ],
        "ending": facts.ending.model_dump(mode="json") if facts.ending else None,
        "attachments": packet_parts.list_attachments(facts, proposal),
    }


def _find_late_day(proposal: Proposal, readings: Readings) -> str | None:
    """Return the day of the agreement that comes before the Board acts: the first of a new one, else the last."""
    if readings.action is None:
        return None
    agreement = proposal.agreement
    day = agreement.starts_on if proposal.purpose == "new" else agreement.ends_on
    return day.isoformat() if day < readings.action.on else None


def _describe_terms(session: Session, record: Snapshot, proposal: Proposal, now: datetime) -> dict[str, Any]:
    """Return the terms of the agreement, what changes in them, and what the policy says of them."""
    agreement, change = proposal.agreement, proposal.change
    rules = session.config.procedure.board.rules
    earlier = find_earlier_agreements(session, record, now)
    amount = change.amount_cents if change else agreement.amount_cents
    return {
        "agreement": agreement.model_dump(mode="json"),
        "first_day": record.facts.first_day,
        "instrument": READABLE[agreement.instrument],
        "change": change.model_dump(mode="json") if change else None,
        "amount_cents": amount,
        "ends_on": (change.ends_on if change else agreement.ends_on).isoformat(),
        "with_earlier_cents": amount + earlier.amount_cents if earlier else None,
        "because": proposal.because,
        "threshold_cents": rules.threshold_cents,
        "more_than_years": rules.more_than_years,
        "weighed": weighed.describe(session, record, Role.BOARD_OFFICE),
    }
