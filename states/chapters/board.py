"""Defines the events of an item before the Board, from its referral to the meeting (4270.9)."""

from __future__ import annotations

from pydantic import Field, StrictBool

from states.agreement import Agreement, Change, Item
from states.case import Case, Meeting, attachments_of, board_reasons, require_recorded
from states.chapters.agreement import BEFORE_SIGNING, new_term_possible, shortening_keeps_notice
from states.chapters.succession import referral_ends_before_successor
from states.event import (
    ACTIVE,
    BOARD,
    BOARD_OFFICE,
    CLOCK,
    OPEN,
    REVIEW,
    STAFF,
    Event,
    Form,
    Requirement,
    partner_sees,
    requirement,
)
from states.inputs import Cents, Day, Files, Input, Text, documents_field
from states.names import Purpose, Role, State
from states.partnership import Partnership


class ReferToBoard(Input):
    purpose: Purpose = Field(title="Purpose", description="what the Board is asked for")
    reason: Text = Field(description="why")
    amount_cents: Cents | None = Field(
        default=None, title="New whole amount", description="new whole amount in cents"
    )
    ends_on: Day | None = Field(default=None, description="new last day")
    documents: Files = documents_field("files for the agenda packet")


class ScheduleItem(Input):
    meeting_on: Day = Field(title="Meeting of the Board", description="day of a regular meeting")


class HeldAtMeeting(ScheduleItem):
    """What the Board did at a meeting."""

    short_notice: Text | None = Field(
        default=None,
        title="If the meeting was announced late: why",
        description="why the Board met at short notice",
    )


class IntroduceItem(HeldAtMeeting):
    immediate_action: StrictBool = Field(
        default=False,
        title="Does the Board act at this meeting, without a second reading?",
        description="whether the Board acts at once",
    )
    documents: Files = documents_field("the minutes, and other files of the meeting")


class DeferItem(Input):
    meeting_on: Day | None = Field(
        default=None,
        title="Meeting of the Board",
        description="day of a later regular meeting; the clock may know of none",
    )
    reason: Text = Field(description="why")


def _reasons(case: Case, agreement: Agreement) -> tuple[str, ...]:
    return board_reasons(agreement, case.setting.board, earlier=case.setting.earlier)


@requirement("4270.9")
def board_has_a_reason(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None or case.facts.board.asked or _reasons(case, agreement):
        return None
    return "nothing calls for the Board: the agreement can be signed and activated, or ask-for-review first"


@requirement("4270.9", of_input=True)
def purpose_is_new(case: Case) -> str | None:
    values = case.input
    if values.purpose != "new":
        return "a partnership in selection goes to the Board as 'new'"
    if values.amount_cents is None and values.ends_on is None:
        return None
    return "a new agreement has its terms in the draft: leave out amount_cents and ends_on"


@requirement("4270.9", of_input=True)
def purpose_is_of_agreement(case: Case) -> str | None:
    if case.input.purpose != "new":
        return None
    return "the agreement is in force: the purpose is amendment, renewal or termination"


@requirement("4270.9", of_input=True)
def change_stated(case: Case) -> str | None:
    values = case.input
    given = values.amount_cents is not None or values.ends_on is not None
    if values.purpose == "termination":
        return "a termination changes no terms: leave out amount_cents and ends_on" if given else None
    if values.purpose == "new" or case.agreement.pending or given:
        return None
    return "what the Board is to approve is missing: give amount_cents, ends_on or both"


@requirement("4270.9c", of_input=True)
def renewal_goes_later(case: Case) -> str | None:
    values, agreement = case.input, case.agreement
    if values.purpose != "renewal" or change_stated.reason(case):
        return None  # `change_stated` refuses a renewal without terms
    last = values.ends_on or (agreement.pending or agreement).ends_on
    if last > agreement.ends_on:
        return None
    return (
        f"a renewal goes on after the present last day, {agreement.ends_on}, and {last} does not; to end the"
        " agreement earlier, refer an amendment"
    )


@requirement("4270.12", of_input=True)
def change_keeps_notice(case: Case) -> str | None:
    # A termination has its own days of notice.
    return None if case.input.purpose == "termination" else shortening_keeps_notice.reason(case)


@requirement("4270.9", of_input=True)
def meeting_is_regular(case: Case) -> str | None:
    day = case.input.meeting_on
    if day is None:
        # The clock defers an item whose meeting passed without
        # a decision, even if no later meeting is known yet.
        return None if case.role is Role.CLOCK else "no meeting is named"
    meeting = case.setting.meeting
    if meeting is None:
        return f"the Board's calendar has no meeting on {day}"
    # The Board decides on agreements only at regular meetings, so a special one does not count (4270.9).
    return None if meeting.kind == "regular" else f"the meeting on {day} is a {meeting.kind} one, not regular"


@requirement("4270.9", of_input=True)
def agenda_open(case: Case) -> str | None:
    meeting = case.setting.meeting
    if meeting is None:
        return None
    # Not every meeting has an hour at which its agenda closes, but none takes an item once it has begun.
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
    # Without a meeting in the calendar its hour is unknown. `meeting_is_regular` refuses such a day anyway.
    to_come = day > case.today if meeting is None else case.at < meeting.at
    return f"the meeting on {day} is still to come" if to_come else None


@requirement("4270.9", of_input=True)
def meeting_known_before(case: Case) -> str | None:
    meeting, days = case.setting.meeting, case.setting.board.known_days
    if meeting is None or meeting.known_at is None or case.input.short_notice:
        return None
    known = meeting.known_at.astimezone(case.at.tzinfo).date()
    if (meeting.on - known).days >= days:
        return None
    return (
        f"the meeting on {meeting.on} has been in the calendar since {known}, which is less than {days} days before"
        " it: say why in short_notice"
    )


@requirement("4270.9", of_input=True)
def introduced_from_agenda(case: Case) -> str | None:
    day, item = case.input.meeting_on, case.item
    if not case.setting.board.by_agenda or day in item.agenda:
        return None
    if case.input.immediate_action or meeting_is_regular.reason(case):
        return None  # another requirement refuses this
    on = ", ".join(map(str, item.agenda))
    return f"the item was not on the agenda of {day}; " + (
        f"it is on {on}" if on else "schedule-item comes first"
    )


@requirement("4270.9", of_input=True)
def immediate_only_from_agenda(case: Case) -> str | None:
    day, item, meeting = case.input.meeting_on, case.item, case.setting.meeting
    if not case.input.immediate_action:
        return None
    closes = meeting.agenda_closes_at if meeting else None
    scheduled = item.scheduled_at
    late = item.meeting_on == day and scheduled is not None and closes is not None and scheduled > closes
    if day in item.agenda and day not in item.late and not late:
        return None
    return f"the item is not on the published agenda of {day}, so the Board cannot act on it at once"


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


def refer_to_board(case: Case) -> Partnership:
    values, agreement = case.input, case.agreement
    change = None
    if values.purpose in ("amendment", "renewal"):
        # What the form leaves out comes from the amendment
        # that already waits, or else from the present terms.
        basis = agreement.pending or agreement
        change = Change(
            purpose=values.purpose,
            amount_cents=basis.amount_cents if values.amount_cents is None else values.amount_cents,
            ends_on=values.ends_on or basis.ends_on,
            terms=agreement.pending.terms if agreement.pending else None,
            reason=values.reason,
            at=case.at,
            document=agreement.pending.document if agreement.pending else None,
        )
    basis = change or agreement
    # Keep the clauses with the item: the procedure may change later, and the reason must stay readable.
    because = board_reasons(
        agreement, case.setting.board, basis.amount_cents, basis.ends_on, case.setting.earlier
    )
    if case.facts.board.asked:
        because = (*because, "asked")
    item = Item(
        purpose=values.purpose,
        reason=values.reason,
        because=because,
        origin=require_recorded(case.state),
        change=change,
        referred_at=case.at,
        documents=attachments_of(values.documents),
    )
    facts = case.facts
    if case.state is State.ANNUAL_REVIEW:
        # The review is only interrupted: unless the agreement ends, it goes on with what it has.
        facts = facts.but(review=case.review.but(interrupted_at=case.at))
    return facts.but(board=facts.board.but(item=item))


def schedule_item(case: Case) -> Partnership:
    item = case.item
    if item.meeting_on is not None and item.meeting_on >= case.today:
        # That meeting will not deal with the item any more, so the new meeting replaces it on the agenda.
        item = item.but(agenda=tuple(day for day in item.agenda if day != item.meeting_on))
    return _on_agenda(case, item)


def introduce_item(case: Case) -> Partnership:
    day = case.input.meeting_on
    immediate = case.input.immediate_action
    item = case.item.but(
        introduced=tuple(sorted({*case.item.introduced, day})),
        immediate_action=case.item.immediate_action or immediate,
        # Without a second reading the decision falls at this meeting, so it counts as on its agenda.
        agenda=tuple(sorted({*case.item.agenda, day})) if immediate else case.item.agenda,
    )
    following = case.setting.next_meeting
    if following is not None and not immediate and item.meeting_on == day:
        # The first reading is done. The item goes on to the next meeting for action, which is no deferral.
        return change_item(case, put_on_agenda(case, item, following))
    return change_item(case, item)


def defer_item(case: Case) -> Partnership:
    # What was introduced in time goes on for action, which is no deferral.
    clock = case.role is Role.CLOCK
    goes_on = clock and case.setting.board.by_agenda and case.item.meeting_on in case.item.introduced
    item = case.item if goes_on else case.item.but(deferred=case.item.deferred + 1)
    meeting = case.setting.meeting
    closes = meeting.agenda_closes_at if meeting else None
    if meeting and closes and case.at > closes and case.setting.board.marks_late:
        # The Board may take it up there, but nobody could read of it in the agenda.
        item = item.but(late=tuple(sorted({*item.late, meeting.on})))
    if not clock:
        # The Board took the item off that agenda, so the meeting can no longer decide on it. The clock cannot
        # know that.
        item = item.but(agenda=tuple(day for day in item.agenda if day != item.meeting_on))
    if case.input.meeting_on is None:
        # No meeting is known, so no deadline may count from the one that has passed.
        return change_item(case, item.but(meeting_on=None, meeting_at=None))
    return _on_agenda(case, item)


def change_item(case: Case, item: Item) -> Partnership:
    return case.facts.but(board=case.facts.board.but(item=item))


def _on_agenda(case: Case, item: Item) -> Partnership:
    return change_item(case, put_on_agenda(case, item, require_recorded(case.setting.meeting)))


def put_on_agenda(case: Case, item: Item, meeting: Meeting) -> Item:
    """Return the item on the agenda of a meeting."""
    return item.but(
        meeting_on=meeting.on,
        meeting_at=meeting.at,
        freed_at=None,
        freed_on=None,
        scheduled_at=case.at,
        agenda=tuple(sorted({*item.agenda, meeting.on})),
    )


READ_BY_BOARD = ("item", "terms", "outcomes")
_IN_FORCE = ("terms", "outcomes", "report", "findings")


def _refer(
    at: State, needs: tuple[Requirement, ...], form: Form, *asks: str, optional: bool = False
) -> Event:
    return Event(
        name="refer-to-board",
        at=(at,),
        to=BOARD,
        who=(STAFF,),
        takes=ReferToBoard,
        records=refer_to_board,
        needs=needs,
        asks=("board", "earlier", "longest_notice", *asks),
        audience=partner_sees("purpose", "reason", "amount_cents", "ends_on", "documents"),
        optional=optional,
        document="documents",
        form=form,
    )


_REFER_IN_FORCE = (
    purpose_is_of_agreement, change_stated, renewal_goes_later, new_term_possible, change_keeps_notice,
    referral_ends_before_successor,
)  # fmt: skip
_FORM_IN_FORCE = Form(
    reads=_IN_FORCE,
    choices={"purpose": "purposes-in-force"},
    replaces="pending-change",
    beside={"amount_cents": "present-amount", "ends_on": "present-last-day"},
)


EVENTS = (
    _refer(
        OPEN,
        (*BEFORE_SIGNING, purpose_is_new, board_has_a_reason),
        Form(
            reads=_IN_FORCE,
            choices={"purpose": "purpose-new"},
            beside={"amount_cents": "present-amount", "ends_on": "present-last-day"},
            without=frozenset({"amount_cents", "ends_on"}),
        ),
    ),
    _refer(ACTIVE, _REFER_IN_FORCE, _FORM_IN_FORCE, "leads"),
    # Optional here: a review waits for the report and the findings, and a referral is the other way to end
    # it.
    _refer(REVIEW, _REFER_IN_FORCE, _FORM_IN_FORCE, "leads", optional=True),
    Event(
        name="schedule-item",
        at=(BOARD,),
        who=(BOARD_OFFICE,),
        takes=ScheduleItem,
        records=schedule_item,
        needs=(meeting_is_regular, agenda_open),
        asks=("meeting",),
        audience=partner_sees("meeting_on"),
        awaited_since="board.referred",
        form=Form(reads=READ_BY_BOARD, choices={"meeting_on": "open-agendas"}),
        about_meeting=True,
    ),
    Event(
        name="introduce-item",
        at=(BOARD,),
        who=(BOARD_OFFICE,),
        takes=IntroduceItem,
        records=introduce_item,
        needs=(
            meeting_is_regular,
            meeting_held,
            meeting_known_before,
            meeting_after_referral,
            introduced_from_agenda,
            immediate_only_from_agenda,
        ),
        asks=("meeting", "next_meeting", "board"),
        audience=partner_sees("meeting_on", "immediate_action", "documents"),
        document="documents",
        form=Form(reads=READ_BY_BOARD, choices={"meeting_on": "agenda"}),
        about_meeting=True,
    ),
    Event(
        name="defer-item",
        at=(BOARD,),
        who=(BOARD_OFFICE, CLOCK),
        takes=DeferItem,
        records=defer_item,
        needs=(meeting_is_regular, deferred_to_later),
        asks=("meeting", "board"),
        audience=partner_sees("meeting_on", "reason"),
        optional=True,
        form=Form(reads=READ_BY_BOARD, choices={"meeting_on": "later-meetings"}),
        urgent=True,  # people expect the meeting on another day
        about_meeting=True,
    ),
)
