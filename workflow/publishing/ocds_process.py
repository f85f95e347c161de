"""Describes one contracting process as the public may see it, in the terms of OCDS 1.1.

This is an allow-list: what no function here puts in stays out. Nobody is named but the district, the school and,
once an agreement is in force, the Lead Partner. How many have applied is told after the call has closed.
A process is one call with what follows from it, so a call after a restart begins another process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from states.agreement import Agreement, Decision
from states.case import require_recorded
from states.inputs import ABILITIES
from states.partnership import Outcome, Outcomes, Partnership, Report
from states.selection import Selection
from workflow.publishing.words import Words
from workflow.session import Session
from workflow.views.public_texts import hide_addresses

CURRENCY = "USD"
DISTRICT = "district"
Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Process:
    """What all releases of a process share. `number` counts the calls that ended before it."""

    session: Session
    words: Words
    ref: str
    number: int

    @property
    def ocid(self) -> str:
        """Return the identifier of the process, which never changes."""
        return ocid_of(self.session, self.ref, self.number)

    def instant(self, moment: datetime) -> str:
        """Return an instant in the district's zone."""
        return self.session.config.calendar.local(moment).isoformat(timespec="seconds")

    def first(self, day: date) -> str:
        """Return the first second of a day."""
        return self.instant(self.session.config.calendar.instant(day, time.min))

    def last(self, day: date) -> str:
        """Return the last second of a day."""
        return self.instant(self.session.config.calendar.instant(day, time(23, 59, 59)))


def ocid_of(session: Session, ref: str, number: int) -> str:
    """Return the identifier of a process: prefix, reference, and from the second call on its number."""
    return f"{session.config.procedure.ocds.prefix}-{ref}" + (f"-call-{number + 1}" if number else "")


def describe(process: Process, facts: Partnership, awarded: Partnership) -> Node:
    """Return what everybody may know of a process.

    `awarded` are the facts of the moment at which the agreement came into force, as they count now.
    """
    call = facts.selections[process.number] if process.number < len(facts.selections) else None
    is_present = process.number == facts.round
    agreement = facts.agreement if is_present and facts.agreement and facts.agreement.in_force_at else None
    node: Node = _remove_empty(
        {
            "parties": list(_list_parties(process, facts, agreement)),
            "buyer": _refer(process, DISTRICT),
            # What is planned now is planned for the present call.
            "planning": _describe_planning(process, facts) if is_present else {},
            "tender": _describe_tender(process, facts, call),
            "awards": [_describe_award(process, awarded)] if agreement else [],
            "contracts": [_describe_contract(process, facts, agreement)] if agreement else [],
        }
    )
    if process.number:
        earlier = ocid_of(process.session, process.ref, process.number - 1)
        node["relatedProcesses"] = [
            {
                "id": "earlier-call",
                "relationship": ["unsuccessfulProcess"],
                "scheme": "ocid",
                "identifier": earlier,
            }
        ]
    return node


# Who takes part


def _list_parties(process: Process, facts: Partnership, agreement: Agreement | None) -> Iterator[Node]:
    district, config = process.session.config.procedure.district, process.session.config
    contact = {"name": district.office, "url": config.procedure.web.base_url, "telephone": district.phone}
    yield {
        "id": DISTRICT, "name": district.name, "roles": ["buyer", "procuringEntity"], "contactPoint": contact,
    }  # fmt: skip
    yield {
        "id": f"school-{facts.school}",
        "name": process.session.directory.school_name(facts.school),
        "roles": ["interestedParty"],
    }
    if agreement:
        yield {**_refer_to_supplier(facts), "roles": ["tenderer", "supplier"]}


def _refer(process: Process, party: str) -> Node:
    return {"id": party, "name": process.session.config.procedure.district.name}


def _refer_to_supplier(facts: Partnership) -> Node:
    call = require_recorded(facts.selection)
    choice = require_recorded(call.choice)
    application = call.applications[choice.organization]
    return {"id": f"organization-{application.organization}", "name": application.name}


# Planning and tender


def _describe_planning(process: Process, facts: Partnership) -> Node:
    school = process.session.directory.school_name(facts.school)
    project = process.words("project", facts.title, school)
    # Before it is agreed to a statement is a draft. The page of a call shows it, whatever became of it since.
    shown_at = facts.needs.agreed_at or (facts.selection.opened_at if facts.selection else None)
    if facts.needs.statement is None or shown_at is None:
        return {"budget": {"project": project}}
    statement = {
        "id": "statement-of-needs",
        "documentType": "needsAssessment",
        "title": process.words("needs_title"),
        "description": process.words("needs_text", facts.needs.statement),
        "datePublished": process.instant(shown_at),
        "language": "en",
    }
    return {
        "rationale": process.words("rationale", facts.needs.statement),
        "budget": {"project": project},
        "documents": [statement],
    }


def _describe_tender(process: Process, facts: Partnership, call: Selection | None) -> Node:
    status = find_status(facts, call, ended=process.number < facts.round)
    if status is None:
        return {}
    words = process.words
    node = {
        "id": process.ocid,
        "title": words("tender_title", process.session.directory.school_name(facts.school)),
        "description": hide_addresses(facts.title),
        "status": status,
        "procuringEntity": _refer(process, DISTRICT),
        "procurementMethod": "open",
        "mainProcurementCategory": "services",
    }
    if call is None:
        return node
    return node | {
        "procurementMethodDetails": words("method_details"),
        "awardCriteria": "ratedCriteria",
        "awardCriteriaDetails": words("criteria", ABILITIES, len(call.reviewers)),
        "submissionMethod": ["electronicSubmission"],
        "submissionMethodDetails": words("submission"),
        "tenderPeriod": {
            "startDate": process.instant(call.opened_at),
            "endDate": process.instant(call.closes_at),
        },
        "hasEnquiries": bool(call.questions),
        # Before the closing nobody may know how many have applied, and after a withdrawal nobody ever (4270.8). An
        # event that is not public may come before the closing is recorded, and must not show in a release.
        "numberOfTenderers": None if call.closed_at is None else len(call.applications),
        "documents": list(_list_questions(process, call)),
        "milestones": [
            _describe_decision(process, each)
            for each in facts.board.decisions
            if each.purpose == "new" and _call_at(facts, each.at) is call
        ],
    }


def _call_at(facts: Partnership, at: datetime) -> Selection | None:
    """Return the last call that had been opened at an instant."""
    return next((call for call in reversed(facts.selections) if call.opened_at <= at), None)


def find_status(facts: Partnership, call: Selection | None, *, ended: bool) -> str | None:
    """Return the status of a tender by the codelist tenderStatus; None before there is anything to tell.

    `ended` is whether the call was started over.
    """
    if ended and call is not None:
        # Another status after a choice would tell that a protest overturned it.
        return "unsuccessful"
    if facts.agreement is not None and facts.agreement.in_force_at is not None:
        return "complete"
    if facts.ended is not None:
        return "cancelled"
    return None if call is None else "active"


def _list_questions(process: Process, call: Selection) -> Iterator[Node]:
    # The number is that on the page of the call. It stays free where staff keep a question off the page.
    for number, question in enumerate(call.questions, start=1):
        if question.withheld:
            continue
        yield {
            "id": f"question-{number}",
            "documentType": "clarifications",
            "title": process.words("question_title", number),
            "description": process.words("question_text", question),
            "url": process.session.config.address(f"calls/{process.ref}"),
            "datePublished": process.instant(question.at),
            "dateModified": process.instant(question.answered_at) if question.answered_at else None,
            "language": "en",
        }


def _describe_decision(process: Process, decision: Decision) -> Node:
    return {
        "id": f"board-{decision.at:%Y%m%dT%H%M%S}",
        "title": process.words("board_title", decision),
        "type": "approval",
        "description": process.words("board_vote", decision.vote),
        "dateMet": process.first(decision.meeting_on),
        "status": "notMet" if decision.decision == "send-back" else "met",
    }


# Award, contract and implementation


def _money(cents: int) -> Node:
    return {"amount": cents / 100 if cents % 100 else cents // 100, "currency": CURRENCY}


def _describe_award(process: Process, facts: Partnership) -> Node:
    agreement = require_recorded(facts.agreement)
    school = process.session.directory.school_name(facts.school)
    return {
        "id": f"{process.ocid}-award",
        "title": process.words("award_title", school),
        "description": process.words("award_text", agreement.approval),
        "status": "active",
        "date": process.instant(require_recorded(agreement.in_force_at)),
        "value": _money(agreement.amount_cents),
        "suppliers": [_refer_to_supplier(facts)],
        "contractPeriod": _period(process, agreement.starts_on, agreement.ends_on),
    }


def _period(process: Process, first: date, last: date) -> Node:
    return {"startDate": process.first(first), "endDate": process.last(last)}


def _describe_contract(process: Process, facts: Partnership, agreement: Agreement) -> Node:
    last = facts.last_day or agreement.ends_on
    signed = agreement.signed_at is not None or bool(agreement.changes)
    return {
        "id": f"{process.ocid}-contract",
        "awardID": f"{process.ocid}-award",
        "title": process.words("contract_title", agreement.instrument),
        "description": process.words("contract_ended", facts.ended, last) if facts.ended else None,
        # What is signed anew after a change was signed before, and goes on meanwhile.
        "status": "terminated" if facts.ended else "active" if signed else "pending",
        "period": _period(process, agreement.starts_on, last),
        "value": _money(agreement.amount_cents),
        "dateSigned": process.instant(agreement.signed_at) if agreement.signed_at else None,
        "amendments": [
            {
                "id": f"change-{number}",
                "date": process.instant(change.at),
                "description": process.words("amendment", change),
            }
            for number, change in enumerate(agreement.changes, start=1)
        ],
        "milestones": [
            _describe_decision(process, each) for each in facts.board.decisions if each.purpose != "new"
        ],
        "implementation": {
            "milestones": list(_list_outcomes(process, facts)),
            "documents": list(_list_documents(process, facts)),
        },
    }


def _list_reports(facts: Partnership) -> list[Report]:
    """Return the report that counts of each annual review, the earliest first."""
    reviews = (*facts.earlier_reviews, *((facts.review,) if facts.review else ()))
    return [review.reports[-1] for review in reviews if review.reports]


def _list_outcomes(process: Process, facts: Partnership) -> Iterator[Node]:
    """Yield the outcomes that were agreed to as milestones. The last report says whether the target is reached."""
    reports = _list_reports(facts)
    sets = (*facts.earlier_outcomes, facts.outcomes)
    for number, agreed in enumerate(sets, start=1):
        last = next((r for r in reversed(reports) if facts.outcomes_at(r.at) is agreed), None)
        for place, outcome in enumerate(agreed.items if agreed.agreed_at else (), start=1):
            reached = last is not None and is_reached(outcome, last.values.get(outcome.name))
            yield {
                "id": f"outcome-{number}-{place}",
                "title": hide_addresses(outcome.name),
                "type": "assessment",
                "description": process.words("outcome_text", outcome),
                "dateMet": process.instant(last.at) if last and reached else None,
                # In time there is a next report, and after the end there is none.
                "status": "met" if reached else "notMet" if facts.ended else "scheduled",
            }


def is_reached(outcome: Outcome, value: float | None) -> bool:
    """Return whether a reported value reaches the target of an outcome, in its direction."""
    if value is None:
        return False
    return value >= outcome.target if outcome.direction == "increase" else value <= outcome.target


def _list_documents(process: Process, facts: Partnership) -> Iterator[Node]:
    for number, report in enumerate(_list_reports(facts), start=1):
        local = process.session.config.calendar.local(report.at)
        agreed: Outcomes = facts.outcomes_at(report.at)
        values = [(each, report.values[each.name]) for each in agreed.items if each.name in report.values]
        yield {
            "id": f"report-{number}",
            "documentType": "physicalProgressReport",
            "title": process.words("report_title", local.date()),
            "description": process.words("report_text", values),
            "datePublished": process.instant(report.at),
            "language": "en",
        }
    if facts.closed_out:
        yield {
            "id": "close-out",
            "documentType": "completionCertificate",
            "title": process.words("close_out_title"),
            "datePublished": process.instant(facts.closed_out.at),
            "language": "en",
        }


# What is not there


def _remove_empty(value: Any) -> Any:
    """Return a document without what says nothing: no value, an empty text, an empty list or object."""
    if isinstance(value, dict):
        kept = {}
        for key, item in value.items():
            # Most values are texts, which a call for each would take longest.
            if isinstance(item, (dict, list, tuple)):
                item = _remove_empty(item)
                if not item:
                    continue
            elif item is None or item == "":
                continue
            kept[key] = item
        return kept
    if isinstance(value, (list, tuple)):
        return [_remove_empty(item) for item in value]
    return value
