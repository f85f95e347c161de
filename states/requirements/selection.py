"""What is required of the statement of needs and of the open call (4270.1 to 4270.4, 4270.7, 4270.8)."""

from __future__ import annotations

from states.case import Case
from states.inputs import ABILITIES
from states.partnership import SIDE_NAMES, SIDES, Ability, Role
from states.requirements.requirement import Requirement, requirement


@requirement("4270.7")
def needs_described(case: Case) -> str | None:
    return None if case.facts.needs.statement else "the statement of needs is not written yet: describe-needs"


@requirement("4270.7")
def side_has_not_agreed_to_needs(case: Case) -> str | None:
    side = SIDES[case.role]
    return f"{SIDE_NAMES[side]} has already agreed to this" if side in case.facts.needs.signatures else None


@requirement("4270.7")
def school_agreed_to_needs(case: Case) -> str | None:
    if "school" in case.facts.needs.signatures:
        return None
    return "the school has not agreed to the statement of needs: its principal does, with agree-needs"


@requirement("4270.7")
def district_agreed_to_needs(case: Case) -> str | None:
    if "district" in case.facts.needs.signatures:
        return None
    return "the District has not agreed to the statement of needs: staff do, with agree-needs"


@requirement("4270.1")
def school_invited(case: Case) -> str | None:
    invited = case.setting.invited_on
    if invited is None:
        return (
            "the Board has not invited a Lead Partner at this school: record the day it did with the school"
        )
    return f"the Board's invitation is of {invited}, which is still to come" if invited > case.today else None


@requirement("4270.4")
def no_other_lead_partner(case: Case) -> str | None:
    other = case.setting.other_lead
    return f"the school already has an active Lead Partner, in partnership {other}" if other else None


@requirement("4270.8", of_input=True)
def panel_large_enough(case: Case) -> str | None:
    named, least = len(case.input.reviewers), case.setting.minimum_panel
    return f"the panel has {named} reviewers; at least {least} are needed" if named < least else None


@requirement("4270.8", of_input=True)
def panel_known(case: Case) -> str | None:
    strangers = case.setting.strangers
    return f"not in the directory as reviewers: {', '.join(strangers)}" if strangers else None


@requirement("4270.8", of_input=True)
def open_long_enough(case: Case) -> str | None:
    earliest = case.setting.opens_until
    if earliest is None or case.input.closes_on >= earliest:
        return None
    return f"the call would close on {case.input.closes_on}; the earliest possible last day is {earliest}"


@requirement("4270.8")
def call_open(case: Case) -> str | None:
    if not case.closed:
        return None
    return f"the call closed at {case.selection.closes_at.astimezone(case.at.tzinfo):%Y-%m-%d %H:%M}"


@requirement("4270.8")
def call_closed(case: Case) -> str | None:
    if case.closed:
        return None
    closes = case.selection.closes_at.astimezone(case.at.tzinfo)
    return f"the call is open until {closes:%Y-%m-%d %H:%M}, and applications are sealed until then"


@requirement("4270.8")
def closing_not_recorded(case: Case) -> str | None:
    return "the closing is already on record" if case.selection.closed_at else None


@requirement("4270.8", of_input=True)
def extended_to_later(case: Case) -> str | None:
    new, old = case.setting.closes_at, case.selection.closes_at.astimezone(case.at.tzinfo)
    if new is not None and new > old:
        return None
    return f"the call already closes on {old.date()}; an extension needs a later day"


def addresses(ability: Ability, clause: str) -> Requirement:
    """The requirement that an application addresses one of the five abilities."""

    def reason(case: Case) -> str | None:
        return None if ability in case.input.abilities else f"the application does not address '{ability}'"

    return Requirement(f"addresses-{ability}", clause, True, reason)


all_five_addressed = tuple(
    addresses(ability, f"4270.3{letter}") for ability, letter in zip(ABILITIES, "abcde", strict=True)
)


@requirement("4270.2", of_input=True)
def other_kind_demonstrated(case: Case) -> str | None:
    organization = case.setting.organization
    if organization is None:
        return f"{case.input.organization} is not in the directory, so it is not known of what kind it is"
    if organization.kind != "other" or case.input.demonstration:
        return None
    return f"{organization.name} is of kind 'other', so a written demonstration of its ability is needed"


@requirement("4270.8", of_input=True)
def has_applied(case: Case) -> str | None:
    if case.input.organization in case.selection.applications:
        return None
    if case.role is Role.APPLICANT:
        return f"{case.input.organization} has no application"  # who else applied is not theirs to know
    applied = ", ".join(case.selection.applications) or "nobody"
    return f"{case.input.organization} has no application; applied have: {applied}"


@requirement("4270.8", of_input=True)
def no_conflict_declared(case: Case) -> str | None:
    if case.selection.conflicted(case.actor, case.input.organization):
        return f"{case.actor} declared a conflict of interest with {case.input.organization}"
    return None


@requirement("4270.8")
def not_chosen_yet(case: Case) -> str | None:
    choice = case.selection.choice
    return f"{choice.organization} has been chosen, so the scores stand" if choice else None


@requirement("4270.8")
def everybody_has_scored(case: Case) -> str | None:
    left = case.selection.unscored()
    if not left:
        return None
    return "not yet scored: " + "; ".join(f"{who} has left {', '.join(what)}" for who, what in left.items())


@requirement("4270.8", of_input=True)
def chosen_has_a_score(case: Case) -> str | None:
    organization = case.input.organization
    if any(score.organization == organization for score in case.selection.scores):
        return None
    return f"no reviewer without a conflict of interest has scored {organization}"


@requirement("4270.8")
def choice_may_be_made(case: Case) -> str | None:
    choice = case.selection.choice
    if choice is None:
        return None
    if any(p.answered_at and p.at >= choice.at for p in case.selection.protests):
        return None
    return f"{choice.organization} has been chosen; only an answered protest lets the choice be made again"


@requirement("4270.8")
def partner_chosen(case: Case) -> str | None:
    selection = case.facts.selection
    return None if selection and selection.choice else "no Lead Partner has been chosen yet: choose-partner"


@requirement("4270.8")
def nobody_chosen(case: Case) -> str | None:
    choice = case.selection.choice
    return f"{choice.organization} has been chosen" if choice else None


@requirement("4270.8")
def protest_window_open(case: Case) -> str | None:
    choice = case.selection.choice
    if choice is None or case.at < choice.protest_until:
        return None
    return f"protests were possible until {choice.protest_until.astimezone(case.at.tzinfo):%Y-%m-%d %H:%M}"


@requirement("4270.8", of_input=True)
def no_protest_waits(case: Case) -> str | None:
    waiting = any(p.organization == case.input.organization for p in case.selection.unanswered())
    return f"a protest of {case.input.organization} is still unanswered" if waiting else None


@requirement("4270.8", of_input=True)
def protest_waits(case: Case) -> str | None:
    waiting = [p.organization for p in case.selection.unanswered()]
    if case.input.organization in waiting:
        return None
    return f"no protest of {case.input.organization} waits for an answer"


@requirement("4270.8")
def protest_window_closed(case: Case) -> str | None:
    choice = case.selection.choice
    if choice is None or case.at >= choice.protest_until:
        return None
    return f"protests are possible until {choice.protest_until.astimezone(case.at.tzinfo):%Y-%m-%d %H:%M}"


@requirement("4270.8")
def protests_answered(case: Case) -> str | None:
    waiting = case.selection.unanswered()
    if not waiting:
        return None
    if case.role is Role.LEAD_PARTNER:
        return "a protest is unanswered"  # whose it is, is between that applicant and the office
    return "a protest is unanswered: " + ", ".join(p.organization for p in waiting)
