"""Keeps the agreements at a school apart by their days, so that one Lead Partner at a time is active (4270.4).

A successor's agreement may be approved and signed while the present one runs: it is in force from its first day. So
these requirements compare days and not states, and no event may bring two agreements onto the same day.
"""

from __future__ import annotations

from datetime import date, timedelta

from states.case import Case
from states.event import requirement


def find_other(case: Case, first: date, last: date) -> str | None:
    """Return why an agreement cannot be in force from `first` to `last`: another one is on some of these days."""
    for lead in case.setting.leads:
        # An agreement that is ended before its first day is in force on no day.
        if max(first, lead.starts_on) <= min(last, lead.ends_on):
            return (
                f"from {lead.starts_on} to {lead.ends_on} the school already has an active Lead Partner, in"
                f" partnership {lead.ref}"
            )
    return None


def _find_successor(case: Case, last: date) -> str | None:
    """Return why an agreement in force cannot go on to `last`: another one is in force before; None if it can."""
    facts = case.facts
    if facts.first_day is None or facts.last_day is None or last <= facts.last_day:
        return None
    return find_other(case, facts.first_day, last)


@requirement("4270.4")
def no_other_lead_partner(case: Case) -> str | None:
    if case.setting.other_lead:
        return f"the school already has an active Lead Partner, in partnership {case.setting.other_lead}"
    facts = case.facts
    if facts.agreement is None or facts.first_day is None:
        return None
    # What begins today has no day before today, whatever first day was agreed.
    first = facts.first_day if facts.in_force else max(facts.first_day, case.today)
    change = facts.board.item.change if facts.board.item else None
    if change is None:
        return find_other(case, first, facts.last_day_of(facts.agreement.ends_on))
    # A renewal takes back a termination that waits.
    last = change.ends_on if change.purpose == "renewal" else facts.last_day_of(change.ends_on)
    return _find_successor(case, last)


@requirement("4270.4", of_input=True)
def ends_before_successor(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None
    # What the input leaves out comes from the amendment that already waits, or else from the present terms.
    last = case.input.ends_on or (agreement.pending or agreement).ends_on
    return _find_successor(case, case.facts.last_day_of(last))


@requirement("4270.4", of_input=True)
def referral_ends_before_successor(case: Case) -> str | None:
    agreement, purpose = case.facts.agreement, case.input.purpose
    if agreement is None or purpose not in ("amendment", "renewal"):
        return None
    last = case.input.ends_on or (agreement.pending or agreement).ends_on
    return _find_successor(case, last if purpose == "renewal" else case.facts.last_day_of(last))


@requirement("4270.4", of_input=True)
def termination_before_successor(case: Case) -> str | None:
    # The Board may put a later day in the place of one on which a termination was to take effect.
    return _find_successor(case, case.input.effective_on - timedelta(days=1))


@requirement("4270.4")
def goes_on_before_successor(case: Case) -> str | None:
    agreement = case.facts.agreement
    return _find_successor(case, agreement.ends_on) if agreement else None
