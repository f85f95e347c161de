"""Defines the event that changes the panel of a call, for reviewers who fall ill or leave (4270.8)."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from states.case import Case
from states.chapters.call import change_call, note_scoring, panel_known
from states.event import OPEN, REVIEWER, STAFF, Event, Form, Scope, Sees, requirement
from states.inputs import Email, Reason, check_distinct
from states.partnership import Partnership
from states.selection import Selection

CHANGE_PANEL = "change-panel"
Reviewers = Annotated[tuple[Email, ...], AfterValidator(check_distinct)]


class ChangePanel(Reason):
    add: Reviewers = Field(
        default=(), title="Join the panel", description="e-mail addresses of the new reviewers"
    )
    remove: Reviewers = Field(
        default=(), title="Leave the panel", description="e-mail addresses of the reviewers who leave"
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.add and not self.remove:
            raise ValueError("nobody joins the panel and nobody leaves it; give add, remove or both")
        if both := sorted({*self.add} & {*self.remove}):
            raise ValueError(f"the same person cannot join and leave: {', '.join(both)}")
        return self


@requirement("4270.8")
def panel_still_judges(case: Case) -> str | None:
    choice = case.selection.choice
    return f"{choice.organization} has been chosen, so the panel stands" if choice else None


@requirement("4270.8", of_input=True)
def added_are_new(case: Case) -> str | None:
    twice = [email for email in case.input.add if email in case.selection.reviewers]
    return f"already on the panel: {', '.join(twice)}" if twice else None


@requirement("4270.8", of_input=True)
def removed_are_on_panel(case: Case) -> str | None:
    strangers = [email for email in case.input.remove if email not in case.selection.reviewers]
    if not strangers:
        return None
    return f"not on the panel: {', '.join(strangers)}; on it are {', '.join(case.selection.reviewers)}"


@requirement("4270.8", of_input=True)
def panel_stays_large_enough(case: Case) -> str | None:
    left, least = len(_panel_after(case.selection, case.input)), case.setting.minimum_panel
    # A panel that was too small before, under an earlier procedure, may still grow.
    if left >= least or left > len(case.selection.reviewers):
        return None
    return f"the panel would have {left} reviewers; at least {least} are needed, so add somebody as well"


def _panel_after(call: Selection, change: ChangePanel) -> tuple[str, ...]:
    stay = (email for email in call.reviewers if email not in change.remove)
    return (*stay, *(email for email in change.add if email not in call.reviewers))


def change_panel(case: Case) -> Partnership:
    # Scores and conflicts of somebody who leaves stay in the facts. `counting_scores` leaves them out.
    return note_scoring(change_call(case, reviewers=_panel_after(case.selection, case.input)), case)


EVENTS = (
    Event(
        name=CHANGE_PANEL,
        at=(OPEN,),
        who=(STAFF,),
        takes=ChangePanel,
        records=change_panel,
        needs=(
            panel_still_judges,
            added_are_new,
            removed_are_on_panel,
            panel_stays_large_enough,
            panel_known,
        ),
        asks=("minimum_panel", "strangers"),
        # Why somebody leaves, such as an illness, is for the office alone.
        audience={REVIEWER: Sees(Scope.THIS_CALL, ("add", "remove"))},
        form=Form(choices={"add": "other-reviewers", "remove": "panel"}),
    ),
)
