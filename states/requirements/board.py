"""What is required of the Board's items and decisions (4270.9)."""

from __future__ import annotations

from states.case import Case, board_reasons
from states.partnership import Role
from states.requirements.requirement import requirement


@requirement("4270.9")
def board_has_a_reason(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None or case.facts.board.asked or board_reasons(agreement, case.setting.board):
        return None
    return "nothing calls for the Board: the agreement can be signed and activated, or ask-for-review first"


@requirement("4270.9", of_input=True)
def purpose_is_new(case: Case) -> str | None:
    return None if case.input.purpose == "new" else "a partnership in selection goes to the Board as 'new'"


@requirement("4270.9", of_input=True)
def purpose_is_of_agreement(case: Case) -> str | None:
    if case.input.purpose != "new":
        return None
    return "the agreement is in force: the purpose is amendment, renewal or termination"


@requirement("4270.9", of_input=True)
def change_stated(case: Case) -> str | None:
    if case.input.purpose not in ("amendment", "renewal") or case.agreement.pending:
        return None
    if case.input.amount_cents is not None or case.input.ends_on is not None:
        return None
    return "what the Board is to approve is missing: give amount_cents, ends_on or both"


@requirement(of_input=True)
def new_term_possible(case: Case) -> str | None:
    last, agreement = case.input.ends_on, case.facts.agreement
    if last is None or agreement is None or last >= max(case.today, agreement.starts_on):
        return None
    return f"the new last day {last} has passed, or lies before the first day"


@requirement("4270.9", of_input=True)
def meeting_is_regular(case: Case) -> str | None:
    day = case.input.meeting_on
    if day is None:
        return None if case.role is Role.CLOCK else "no meeting is named"
    meeting = case.setting.meeting
    if meeting is None:
        return f"the Board's calendar has no meeting on {day}"
    return None if meeting.kind == "regular" else f"the meeting on {day} is a {meeting.kind} one, not regular"


@requirement("4270.9", of_input=True)
def agenda_open(case: Case) -> str | None:
    meeting = case.setting.meeting
    if meeting is None:
        return None
    if case.at >= meeting.at:
        return f"the meeting on {meeting.on} has begun or is over"
    closes = meeting.agenda_closes_at
    if closes is None or case.at <= closes:
        return None
    local = closes.astimezone(case.at.tzinfo)
    return f"the agenda of {meeting.on} closed at {local:%Y-%m-%d %H:%M}; take a later meeting"


@requirement("4270.9", of_input=True)
def meeting_held(case: Case) -> str | None:
    day, meeting = case.input.meeting_on, case.setting.meeting
    to_come = day > case.today if meeting is None else case.at < meeting.at
    return f"the meeting on {day} is still to come" if to_come else None


@requirement("4270.9", of_input=True)
def meeting_after_referral(case: Case) -> str | None:
    day = case.input.meeting_on
    referred = case.item.referred_at.astimezone(case.at.tzinfo).date()
    return f"the item came to the Board on {referred}, after the meeting on {day}" if day < referred else None


@requirement("4270.9", of_input=True)
def deferred_to_later(case: Case) -> str | None:
    new, old = case.input.meeting_on, case.item.meeting_on
    if new is None:
        return None
    if old is not None and new <= old:
        return f"the item is on the agenda of {old}; it can only be deferred to a later meeting"
    return f"the meeting on {new} is over" if new < case.today else None


@requirement("4270.9")
def item_scheduled(case: Case) -> str | None:
    return None if case.item.agenda else "the item is on the agenda of no regular meeting yet: schedule-item"


@requirement("4270.9", of_input=True)
def item_on_that_agenda(case: Case) -> str | None:
    agenda = case.item.agenda
    if not agenda or case.input.meeting_on in agenda:
        return None
    if case.item.introduced and case.input.meeting_on > max(*agenda, case.item.introduced[0]):
        return None  # brought back for action after its introduction, and not put off beyond that meeting
    return f"the item is not on the agenda of {case.input.meeting_on}; it is on {', '.join(map(str, agenda))}"


@requirement("4270.9", of_input=True)
def readings_done(case: Case) -> str | None:
    item = case.item
    if case.setting.board.readings < 2 or item.immediate_action:
        return None
    if any(day < case.input.meeting_on for day in item.introduced):
        return None
    return "the item must be introduced at an earlier regular meeting, or immediate action be recorded"


@requirement("4270.9", of_input=True)
def quorum_present(case: Case) -> str | None:
    vote, rules = case.input, case.setting.board
    present = vote.ayes + vote.noes + vote.abstentions
    if present > rules.members:
        return f"{present} votes are more than the Board's {rules.members} members"
    return f"{present} members are no quorum; {rules.quorum} are needed" if present < rules.quorum else None


@requirement("4270.9", of_input=True)
def vote_carried(case: Case) -> str | None:
    ayes, noes = case.input.ayes, case.input.noes
    return None if ayes > noes else f"{ayes} ayes to {noes} noes do not carry it; record send-back"


@requirement(of_input=True)
def met_before_the_end(case: Case) -> str | None:
    # Until the clock has recorded it, an agreement that is over may still look as if it could be renewed.
    met, agreement = case.input.meeting_on, case.facts.agreement
    if agreement is None or not case.facts.in_force or met <= agreement.ends_on:
        return None
    return f"the agreement ended on {agreement.ends_on}, before the meeting on {met}; a new one is needed"


@requirement("4270.9")
def item_can_be_approved(case: Case) -> str | None:
    if case.item.purpose != "termination":
        return None
    return "the Board was asked for a termination: record terminate or send-back"


@requirement("4270.9")
def board_did_not_approve(case: Case) -> str | None:
    if case.agreement.approval is None or not case.setting.board.terminates:
        return None
    return "the Board approved this agreement, so the Board ends it: refer-to-board with purpose termination"
