"""Defines how the panel judges the applications: conflicts of interest and scores (4270.3, 4270.8)."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from states.addresses import mailbox, workplace
from states.case import Case
from states.chapters.call import call_closed, change_call, has_applied, note_scoring
from states.event import OPEN, REVIEWER, Event, Form, Scope, Sees, Waiting, requirement
from states.inputs import ABILITIES, OfOrganization, Text
from states.names import Ability
from states.partnership import Partnership
from states.selection import Conflict, Score


class DeclareConflict(OfOrganization):
    reason: Text = Field(description="what the conflict of interest is")


class ScoreApplication(OfOrganization):
    scores: dict[Ability, Annotated[int, Field(strict=True, ge=1, le=5)]] = Field(
        title="Scores", description="1 to 5 for each ability"
    )
    comment: Text = Field(title="Comment", description="what the scores rest on")

    @model_validator(mode="after")
    def _all_five(self) -> Self:
        # Sums of scores can be compared only if each has all five abilities (4270.3).
        missing = [name for name in ABILITIES if name not in self.scores]
        if missing:
            raise ValueError("a score is missing for " + ", ".join(missing))
        return self


@requirement("4270.8", of_input=True)
def no_conflict_declared(case: Case) -> str | None:
    if case.selection.has_conflict(case.actor, case.input.organization):
        return f"{case.actor} declared a conflict of interest with {case.input.organization}"
    return None


@requirement("4270.8", of_input=True)
def reviewer_not_of_applicant(case: Case) -> str | None:
    organization = case.input.organization
    contacts = {
        call.applications[organization].contact_email
        for call in case.facts.selections
        if organization in call.applications
    }
    mailboxes = {mailbox(contact) for contact in contacts}
    # A domain of the organization's own, such as that of a college, shows who works there.
    home = case.setting.home_domains
    domains = {workplace(contact) for contact in contacts} - {None, *home} if home is not None else set()
    people = [p for p in (case.actor, case.setting.through) if p]
    person = next((p for p in people if mailbox(p) in mailboxes or workplace(p) in domains), None)
    if person is None and organization not in case.setting.belongs_to:
        return None
    return f"{person or case.actor} belongs to {organization}: declare a conflict, with declare-conflict"


@requirement("4270.8")
def not_chosen_yet(case: Case) -> str | None:
    choice = case.selection.choice
    return f"{choice.organization} has been chosen, so the scores stand" if choice else None


def declare_conflict(case: Case) -> Partnership:
    values = case.input
    conflict = Conflict(
        reviewer=case.actor, organization=values.organization, reason=values.reason, at=case.at
    )
    # A score from before the declaration no longer counts.
    scores = tuple(
        s for s in case.selection.scores if (s.reviewer, s.organization) != (case.actor, values.organization)
    )
    facts = change_call(case, conflicts=(*case.selection.conflicts, conflict), scores=scores)
    return note_scoring(facts, case)


def score_application(case: Case) -> Partnership:
    values = case.input
    score = Score(
        reviewer=case.actor,
        organization=values.organization,
        scores=values.scores,
        comment=values.comment,
        at=case.at,
    )
    # A reviewer has one score for an application. A new one replaces it until the choice is made.
    others = (
        s for s in case.selection.scores if (s.reviewer, s.organization) != (case.actor, values.organization)
    )
    return note_scoring(change_call(case, scores=(*others, score)), case)


DECLARE_CONFLICT, SCORE_APPLICATION = (
    "declare-conflict",
    "score-application",
)  # one sheet has the forms of both


def _panel_left(facts: Partnership) -> list[Waiting]:
    # Wait for certain people and not for the role, since each reviewer scores for themselves.
    return [Waiting(REVIEWER, email) for email in (facts.selection.unscored() if facts.selection else ())]


EVENTS = (
    Event(
        name=DECLARE_CONFLICT,
        at=(OPEN,),
        who=(REVIEWER,),
        takes=DeclareConflict,
        records=declare_conflict,
        needs=(call_closed, not_chosen_yet, has_applied, no_conflict_declared),
        audience={REVIEWER: Sees(Scope.OWN_ACT)},
        optional=True,
        repeatable=True,
        form=Form(choices={"organization": "without-conflict"}),
    ),
    Event(
        name=SCORE_APPLICATION,
        at=(OPEN,),
        who=(REVIEWER,),
        takes=ScoreApplication,
        records=score_application,
        needs=(call_closed, not_chosen_yet, has_applied, no_conflict_declared, reviewer_not_of_applicant),
        asks=("through", "belongs_to", "home_domains"),
        audience={REVIEWER: Sees(Scope.AFTER_CHOICE)},
        awaited_since="selection.closed",
        collected=_panel_left,
        repeatable=True,
        form=Form(choices={"organization": "without-conflict"}),
    ),
)
