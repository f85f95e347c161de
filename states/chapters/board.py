"""Defines the events of an item before the Board: its agenda, its introduction, a deferral (4270.9)."""

from pydantic import Field, StrictBool

from states.agreement import Item
from states.case import Case, Meeting, require_recorded
from states.event import BOARD, BOARD_OFFICE, CLOCK, Event, Form, partner_sees, requirement
from states.inputs import Day, Files, Input, Text, documents_field
from states.names import Role
from states.partnership import Partnership


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


EVENTS = (
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
