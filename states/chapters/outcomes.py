"""Defines the events of the measurable outcomes, which school, District and Lead Partner agree to (4270.10)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from states.case import Case, add_signature
from states.chapters.choice import partner_chosen
from states.chapters.needs import another_person_for_each_side
from states.event import (
    ACTIVE,
    ASK_FOR_CHANGES,
    DISAGREES,
    LEAD_PARTNER,
    OPEN,
    PRINCIPAL,
    STAFF,
    Effect,
    Event,
    Form,
    ReplyWord,
    Requirement,
    partner_sees,
    requirement,
    sides_left,
)
from states.inputs import Input, Name, Nothing, Number, Text, check_distinct
from states.names import SIDE_NAMES, SIDES, State
from states.partnership import Outcome, Outcomes, Partnership


class OutcomeInput(Input):
    name: Name = Field(title="Name", description="what the outcome is called")
    measure: Text = Field(title="Measure", description="what is measured, and how")
    unit: Name = Field(title="Unit", description="the unit of the numbers")
    baseline: Number = Field(title="Baseline", description="the number at the start")
    target: Number = Field(title="Target", description="the number to reach")
    direction: Literal["increase", "decrease"] = Field(title="Direction", description="increase or decrease")
    goal: Text = Field(title="Goal", description="the goal of the school or the District that it serves")

    @model_validator(mode="after")
    def _ahead(self) -> Self:
        # Equal numbers are allowed: to keep a good result is an outcome too.
        behind = self.target < self.baseline if self.direction == "increase" else self.target > self.baseline
        if behind:
            raise ValueError(f"the target is on the wrong side of the baseline for '{self.direction}'")
        return self


class SetOutcomes(Input):
    outcomes: Annotated[tuple[OutcomeInput, ...], Field(min_length=1)] = Field(
        title="Outcomes", description="measurable outcomes"
    )

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        # A report gives its values by the name of the outcome, so a name may occur only once.
        check_distinct(tuple(outcome.name for outcome in self.outcomes))
        return self


@requirement("4270.10")
def outcomes_set(case: Case) -> str | None:
    return (
        None
        if case.facts.outcomes_to_agree.items
        else "no measurable outcomes have been set yet: set-outcomes"
    )


@requirement("4270.10")
def side_has_not_agreed_to_outcomes(case: Case) -> str | None:
    side = SIDES[case.role]
    return (
        f"{SIDE_NAMES[side]} has already agreed to these"
        if side in case.facts.outcomes_to_agree.signatures
        else None
    )


@requirement("4270.10")
def all_agreed_to_outcomes(case: Case) -> str | None:
    if not case.facts.outcomes.items:
        return None  # `outcomes_set` refuses this
    left = [name for side, name in SIDE_NAMES.items() if side not in case.facts.outcomes.signatures]
    return f"not yet agreed to the outcomes: {' and '.join(left)}" if left else None


def set_outcomes(case: Case) -> Partnership:
    items = tuple(Outcome(**outcome.model_dump()) for outcome in case.input.outcomes)
    agreement = case.facts.agreement
    if agreement is not None:
        # The signatures were for other outcomes.
        agreement = agreement.but(signatures={}, signed_at=None)
    return case.facts.but(outcomes=Outcomes(items=items, set_at=case.at), agreement=agreement)


def propose_outcomes(case: Case) -> Partnership:
    # The set that counts stays until all three have agreed to the new one. A later proposal replaces this one.
    items = tuple(Outcome(**outcome.model_dump()) for outcome in case.input.outcomes)
    return case.facts.but(proposed_outcomes=Outcomes(items=items, set_at=case.at))


def agree_outcomes(case: Case) -> Partnership:
    facts, outcomes = case.facts, case.facts.outcomes_to_agree
    signatures = add_signature(outcomes.signatures, case)
    # School, District and Lead Partner all agree to the same set (4270.10).
    all_three = set(SIDES.values()) <= signatures.keys()
    agreed = outcomes.but(signatures=signatures, agreed_at=case.at if all_three else None)
    if facts.proposed_outcomes is None:
        return facts.but(outcomes=agreed)
    if not all_three:
        return facts.but(proposed_outcomes=agreed)
    earlier = (*facts.earlier_outcomes, facts.outcomes)
    return facts.but(outcomes=agreed, proposed_outcomes=None, earlier_outcomes=earlier)


def _set(at: State, records: Effect, needs: tuple[Requirement, ...], reads: tuple[str, ...]) -> Event:
    return Event(
        name="set-outcomes",
        at=(at,),
        who=(STAFF, PRINCIPAL, LEAD_PARTNER),
        takes=SetOutcomes,
        records=records,
        needs=needs,
        audience=partner_sees("outcomes"),
        # Nobody waits for a new set while an agreement is in force.
        optional=at is ACTIVE,
        awaited_since="selection.chosen",
        done_once="outcomes.set",
        repeatable=True,
        form=Form(reads=reads, replaces="outcomes"),
    )


EVENTS = (
    _set(OPEN, set_outcomes, (partner_chosen,), reads=("statement",)),
    _set(ACTIVE, propose_outcomes, (), reads=("statement", "outcomes")),
    Event(
        name="agree-outcomes",
        at=(OPEN, ACTIVE),
        who=(PRINCIPAL, STAFF, LEAD_PARTNER),
        takes=Nothing,
        records=agree_outcomes,
        needs=(outcomes_set, side_has_not_agreed_to_outcomes, another_person_for_each_side),
        asks=("through",),
        audience=partner_sees(),
        collected=lambda facts: sides_left(
            ("school", "district", "partner"), facts.outcomes_to_agree.signatures
        ),
        consents_to=lambda facts: (facts.outcomes_to_agree.set_at,),
        instead=ASK_FOR_CHANGES,
        reply_words={
            "agree": ReplyWord("agree-outcomes"),
            "approve": ReplyWord("agree-outcomes"),
            "no": DISAGREES,
        },
        form=Form(reads=("outcomes",)),
    ),
)
