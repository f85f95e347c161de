"""Collects from the record what the packet for the Board says: people, call, terms, outcomes, files.

The packet becomes public with the Board's agenda. So no part names a reviewer or another applicant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from notifications.written import kind_and_size
from states.fact import Fact
from states.inputs import ABILITIES, READABLE
from states.names import Role
from states.partnership import Outcome, Partnership, Report, Review
from states.selection import Selection
from workflow.publishing.proposals import Proposal
from workflow.session import Session
from workflow.store.rows import HistoryEntry, Snapshot
from workflow.views import corrections, visible_history
from workflow.views.standings import MOST, standings_of

RECALL = "recall-item"


def list_counting_rows(session: Session, record: Snapshot) -> list[HistoryEntry]:
    """Return the history as it counts: with corrected inputs, and without rows that were taken back."""
    rows = visible_history.history_rows(session, record)
    counting = {each.target.seq: each.now for each in corrections.corrections_in(rows)}
    return [row for row in corrections.as_they_count(rows) if counting.get(row.seq, {}) is not None]


def name_people(session: Session, rows: Iterable[HistoryEntry], proposal: Proposal) -> dict[str, Any]:
    """Return the names of the Superintendent, and of the staff member who brought this to the Board."""
    active = [person for person in session.directory.people.values() if person.active]
    leads = [row.actor for row in rows if row.at == proposal.since and row.role == Role.STAFF]
    lead = session.name_of(leads[-1]) if leads else ""
    return {
        "superintendent": [each.name for each in active if Role.SUPERINTENDENT in each.roles],
        # Somebody whom the directory never had goes by the address, which is no name.
        "lead_staff": None if "@" in lead else lead or None,
    }


def list_recalls(session: Session, rows: Iterable[HistoryEntry]) -> list[dict[str, Any]]:
    """Return when staff called an earlier item back, and why."""
    return [
        {"at": session.local(row.at), "reason": row.input_values["reason"]}
        for row in rows
        if row.event == RECALL
    ]


def describe_call(session: Session, facts: Partnership) -> dict[str, Any] | None:
    """Return how the Lead Partner was chosen, with scores in total; None if no choice is on record (4270.8)."""
    call = facts.selection
    if call is None or call.choice is None:
        return None
    standings = standings_of(call)
    chosen = next((s for s in standings if s.application.organization == call.choice.organization), None)
    return {
        "opened_at": session.local(call.opened_at),
        "closes_at": session.local(call.closes_at),
        "earlier": len(facts.earlier_selections),
        "applications": len(call.applications),
        "reviewers": len(call.reviewers),
        "kind": chosen.application.kind if chosen else None,
        "average": chosen.write_average() if chosen else None,
        "others": [each.write_average() for each in standings if each is not chosen],
        "most": MOST,
        "abilities": [(READABLE[ability], chosen.average_of(ability)) for ability in ABILITIES]
        if chosen and chosen.scores
        else [],
        "conflicts": len(call.conflicts),
        "chosen_at": session.local(call.choice.at),
        "reasons": call.choice.reasons,
        **_count_replies(call),
    }


def _count_replies(call: Selection) -> dict[str, int]:
    """Return how many questions and protests there were, and what became of them."""
    return {
        "questions": len(call.questions),
        "questions_answered": sum(each.answer is not None for each in call.questions),
        "protests": len(call.protests),
        "protests_open": len(call.unanswered()),
        "protests_upheld": sum(each.remedy is not None for each in call.protests),
    }


def list_outcomes(facts: Partnership) -> list[dict[str, Any]]:
    """Return the outcomes that count, each with the last value that was reported for it (4270.10, 4270.11)."""
    reports = sorted((report for review in _reviews(facts) for report in review.reports), key=lambda r: r.at)
    return [_describe_outcome(outcome, reports) for outcome in facts.outcomes.items]


def _describe_outcome(outcome: Outcome, reports: Iterable[Report]) -> dict[str, Any]:
    latest = next((each for each in reversed(list(reports)) if outcome.name in each.values), None)
    value = latest.values[outcome.name] if latest else None
    is_up = outcome.direction == "increase"
    return {
        **outcome.model_dump(mode="json"),
        "baseline": f"{outcome.baseline:g}",
        "target": f"{outcome.target:g}",
        "latest": None if value is None else f"{value:g}",
        "reported_on": (latest.received_on or latest.at).isoformat() if latest else None,
        "reached": value is not None and (value >= outcome.target if is_up else value <= outcome.target),
    }


def list_reviews(session: Session, facts: Partnership) -> list[dict[str, Any]]:
    """Return the annual reviews with their findings, the latest first (4270.11, 4270.12)."""
    return [
        {
            "opened_at": session.local(review.opened_at),
            "findings": [
                {"side": READABLE[side], "impact": finding.impact, "reasons": finding.reasons}
                for side, finding in review.findings.items()
            ],
            "plan": review.improvement_plan,
        }
        for review in reversed(_reviews(facts))
    ]


def _reviews(facts: Partnership) -> list[Review]:
    return [*facts.earlier_reviews, *((facts.review,) if facts.review else ())]


def list_duties(facts: Partnership) -> list[dict[str, Any]]:
    """Return how often each duty was done, and when last (4270.5). A duty that was never done is left out."""
    days: dict[str, list[str]] = {}
    for done in facts.duties:
        days.setdefault(done.duty, []).append(done.on.isoformat())
    return [{"duty": duty, "count": len(on), "last_on": max(on)} for duty, on in sorted(days.items())]


def list_attachments(facts: Partnership, proposal: Proposal) -> list[dict[str, Any]]:
    """Return the files that belong to what the Board is asked for, each once, with its digest if it is kept."""
    seen: dict[str, dict[str, Any]] = {}
    for kind, title, file in _files(facts, proposal):
        described = file.model_dump(mode="json")
        name = str(described.get("name") or described.get("document"))
        entry = {
            "kind": kind,
            "title": title if title != name else None,
            "name": name,
            "size": kind_and_size(name, described.get("size")),
            "sha256": described.get("sha256"),
        }
        seen.setdefault(str(described.get("sha256") or name), entry)
    return list(seen.values())


def _files(facts: Partnership, proposal: Proposal) -> Iterator[tuple[str, str | None, Fact]]:
    """Yield the files with what each is, and its title if it has one, the terms first."""
    if proposal.change and proposal.change.document:
        yield "change", None, proposal.change.document
    if proposal.agreement.document:
        yield "agreement", None, proposal.agreement.document
    if proposal.item:
        for document in proposal.item.documents:
            yield "referral", None, document
    for attached in facts.documents:
        if attached.at >= proposal.since:
            yield "attached", attached.title, attached
    if review := facts.review:
        for report in review.reports[-1:]:
            if report.document:
                yield "report", None, report
        for finding in review.findings.values():
            for document in finding.documents:
                yield "finding", None, document
    for decision in facts.board.decisions:
        for document in decision.documents:
            yield "decision", None, document
