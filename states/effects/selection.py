"""What is recorded of the statement of needs and of the open call."""

from __future__ import annotations

from states.case import Case
from states.effects.effect import recorded, signed
from states.partnership import (
    Application,
    Choice,
    Conflict,
    Contact,
    Needs,
    Outcomes,
    Partnership,
    Protest,
    Score,
    Selection,
    Statement,
)


def identify_needs(case: Case) -> Partnership:
    return Partnership(school=case.input.school, title=case.input.title)


def describe_needs(case: Case) -> Partnership:
    statement = Statement(**case.input.model_dump())
    return case.facts.but(needs=Needs(statement=statement, described_at=case.at))


def agree_needs(case: Case) -> Partnership:
    signatures = signed(case.facts.needs.signatures, case)
    both = {"school", "district"} <= signatures.keys()
    return case.facts.but(
        needs=case.facts.needs.but(signatures=signatures, agreed_at=case.at if both else None)
    )


def open_selection(case: Case) -> Partnership:
    closes_at = case.setting.closes_at
    selection = Selection(opened_at=case.at, closes_at=closes_at, reviewers=case.input.reviewers)
    return case.facts.but(selection=selection)


def receive_application(case: Case) -> Partnership:
    given, organization = case.input, recorded(case.setting.organization)
    earlier = case.selection.applications.get(given.organization)
    application = Application(
        organization=given.organization,
        name=organization.name,
        kind=organization.kind,
        contact_name=given.contact_name,
        contact_email=given.contact_email,
        abilities=given.abilities,
        demonstration=given.demonstration,
        received_at=case.at,
        replaces=earlier.replaces + 1 if earlier else 0,
    )
    applications = {**case.selection.applications, given.organization: application}
    return _selection(case, applications=applications)


def withdraw_application(case: Case) -> Partnership:
    selection, gone = case.selection, case.input.organization
    applications = {name: a for name, a in selection.applications.items() if name != gone}
    facts = _selection(case, applications=applications)
    if selection.choice and selection.choice.organization == gone:
        # Everything that rested on the choice goes with it.
        facts = facts.but(
            selection=recorded(facts.selection).but(choice=None),
            contact=None,
            agreement=None,
            outcomes=Outcomes(),
        )
    return _with_scoring(facts, case)


def extend_selection(case: Case) -> Partnership:
    return _selection(case, closes_at=case.setting.closes_at)


def close_applications(case: Case) -> Partnership:
    return _with_scoring(_selection(case, closed_at=case.at), case)


def declare_conflict(case: Case) -> Partnership:
    given = case.input
    conflict = Conflict(reviewer=case.actor, organization=given.organization, reason=given.reason, at=case.at)
    # A score given before the conflict was declared no longer counts.
    scores = tuple(
        s for s in case.selection.scores if (s.reviewer, s.organization) != (case.actor, given.organization)
    )
    facts = _selection(case, conflicts=(*case.selection.conflicts, conflict), scores=scores)
    return _with_scoring(facts, case)


def score_application(case: Case) -> Partnership:
    given = case.input
    score = Score(
        reviewer=case.actor,
        organization=given.organization,
        scores=given.scores,
        comment=given.comment,
        at=case.at,
    )
    others = (
        s for s in case.selection.scores if (s.reviewer, s.organization) != (case.actor, given.organization)
    )
    return _with_scoring(_selection(case, scores=(*others, score)), case)


def choose_partner(case: Case) -> Partnership:
    organization = case.input.organization
    application = case.selection.applications[organization]
    choice = Choice(
        organization=organization,
        reasons=case.input.reasons,
        by=case.actor,
        at=case.at,
        protest_until=case.setting.protest_until,
    )
    contact = Contact(email=application.contact_email, name=application.contact_name)
    facts = _selection(case, choice=choice)
    return facts.but(contact=contact, agreement=None, outcomes=Outcomes())


def file_protest(case: Case) -> Partnership:
    protest = Protest(organization=case.input.organization, text=case.input.text, at=case.at)
    return _selection(case, protests=(*case.selection.protests, protest))


def answer_protest(case: Case) -> Partnership:
    waiting = next(p for p in case.selection.unanswered() if p.organization == case.input.organization)
    answered = waiting.but(answer=case.input.text, answered_at=case.at)
    return _selection(case, protests=tuple(answered if p is waiting else p for p in case.selection.protests))


def restart(case: Case) -> Partnership:
    ended = case.selection.but(restarted=case.input.reason)
    # The statement must be agreed to again, since it drew nobody who could be chosen.
    return case.facts.but(
        selection=None,
        earlier_selections=(*case.facts.earlier_selections, ended),
        needs=case.facts.needs.but(signatures={}, agreed_at=None),
    )


def _selection(case: Case, **changes: object) -> Partnership:
    return case.facts.but(selection=case.selection.but(**changes))


def _with_scoring(facts: Partnership, case: Case) -> Partnership:
    selection = recorded(facts.selection)
    complete = case.closed and not selection.unscored()
    scored_at = (selection.scored_at or case.at) if complete else None
    return facts.but(selection=selection.but(scored_at=scored_at))
