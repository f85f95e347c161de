"""Defines the correction of a row of the history, in the open: the row stays, and what is right counts instead.

`states/history.py` works out what a correction would change. The requirements here judge that.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, model_validator

from states.case import Case, Entry, Trial, board_reasons, require_recorded
from states.chapters.agreement import find_short_notice
from states.chapters.anytime import CHANGE_CONTACT
from states.chapters.call import CLOSE_APPLICATIONS, RECEIVE_APPLICATION, WITHDRAW_APPLICATION
from states.chapters.succession import find_other
from states.event import (
    APPLICANT,
    BOARD_OFFICE,
    CLOCK,
    LEAD_PARTNER,
    NEEDS,
    OFFICE_ONLY,
    PRINCIPAL,
    REVIEWER,
    STAFF,
    SUPERINTENDENT,
    TERMINATED,
    Event,
    change_nothing,
    requirement,
)
from states.inputs import Input, Text
from states.names import Role, State
from states.partnership import Partnership
from states.selection import Selection

CORRECT_ENTRY = "correct-entry"
_Seq = Annotated[int, Field(strict=True, ge=1)]


class CorrectEntry(Input):
    seq: _Seq = Field(title="Row of the history", description="the number of the row in the history")
    input: dict[str, Any] | None = Field(
        default=None,
        title="Corrected input",
        description="the whole input of the row, as it should have been",
    )
    reason: Text = Field(description="why")
    void: StrictBool = Field(
        default=False, title="Take the row back", description="whether the row should not be there at all"
    )
    takes_back: tuple[_Seq, ...] = Field(
        default=(), title="Rows that fall with it", description="later rows of the clock that fall with it"
    )

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.void and self.input:
            raise ValueError("a row that is taken back has no input: give input, or void = true")
        if not self.void and self.input is None:
            raise ValueError(
                "the corrected input is missing: give it whole, or void = true to take the row back"
            )
        return self


def correctors(entry: Entry, rows: Iterable[Event]) -> tuple[Role, ...]:
    """Return the roles that may correct a row of somebody else; none where only its author may.

    `rows` are the rows of the law for its event.
    """
    who = {role for row in rows for role in row.who}
    if entry.role is BOARD_OFFICE or (BOARD_OFFICE in who and who <= {BOARD_OFFICE, CLOCK}):
        return (BOARD_OFFICE,)
    if any(row.collected for row in rows):
        return ()
    # What staff typed from a paper is not what they say in their own name.
    if entry.role in (STAFF, CLOCK):
        return (STAFF,)
    own = any(row.in_own_name or row.sealed for row in rows)
    return () if own or STAFF not in who else (STAFF,)


def _trial(case: Case) -> Trial:
    """Return what the correction would change; of a case without a history, nothing."""
    return case.trial or Trial(None, None, case.facts, case.facts)


def _named(case: Case) -> Entry | None:
    """Return the row that is corrected; None if there is none, or if it is a correction itself."""
    entry = _trial(case).recorded
    return None if entry is None or entry.event == CORRECT_ENTRY else entry


@requirement(of_input=True)
def entry_on_record(case: Case) -> str | None:
    trial, seq = _trial(case), case.input.seq
    if trial.recorded is None:
        return f"there is no row {seq}: the history has {trial.length} rows"
    if trial.recorded.event != CORRECT_ENTRY:
        return None
    first = trial.recorded.values["seq"]
    return f"row {seq} corrects row {first}: correct row {first} again, and the last correction counts"


@requirement(of_input=True)
def corrected_by_who_may(case: Case) -> str | None:
    entry, trial = _named(case), _trial(case)
    if entry is None:
        return None  # `entry_on_record` refuses this
    row, through = f"row {entry.seq} ({entry.event})", case.setting.through
    if entry.actor == case.actor and through is None:
        return None
    if case.role in trial.correctors:
        return None
    if trial.correctors:
        return f"{row} is corrected by {' or '.join(trial.correctors)}, not {case.role}"
    return f"{row} is what {entry.actor} said in their own name, so only that person corrects it"


@requirement(of_input=True)
def not_of_the_clock(case: Case) -> str | None:
    entry = _named(case)
    if entry is None or entry.role is not CLOCK:
        return None
    return (
        f"row {entry.seq} ({entry.event}) says that a day had come: correct the row that named the day, with"
        f" takes_back = [{entry.seq}]"
    )


@requirement(of_input=True)
def something_changes(case: Case) -> str | None:
    trial = _trial(case)
    entry = trial.entry
    if _named(case) is None or entry is None:
        return None
    if case.input.void:
        return "the row has been taken back already" if trial.is_void else None
    if trial.is_void or trial.values != entry.values:
        return None
    return "the corrected input is what is on record; void = true takes the row back"


@requirement(of_input=True)
def first_entry_stays(case: Case) -> str | None:
    if case.input.seq != 1:
        return None
    if case.input.void:
        return "the partnership began with this row: end it, with withdraw"
    trial = _trial(case)
    if trial.facts.school == trial.before.school or (
        case.state is NEEDS and not trial.before.needs.signatures
    ):
        return None
    return "its school has signed, or the call has opened: withdraw this partnership and begin another one"


@requirement("4270.8", of_input=True)
def application_stands(case: Case) -> str | None:
    trial, entry = _trial(case), _named(case)
    if entry is None or not (trial.sealed or entry.event == WITHDRAW_APPLICATION):
        return None
    call = _call_at(trial.before, entry)
    if call is None or call.closed_at is None:
        return "nobody corrects an application to an open call: its author sends it again"
    if entry.event == WITHDRAW_APPLICATION:
        withdrawn = call.is_open(entry.at)
        return (
            "this application was withdrawn before the call closed, and stays sealed" if withdrawn else None
        )
    if not any(each.received_at == entry.at for each in call.applications.values()):
        return "this application was replaced or withdrawn, and stays sealed"
    values, now = entry.values, trial.values
    if now is not None and now["organization"] in call.applications.keys() - {values["organization"]}:
        return f"{now['organization']} has an application of its own"
    if now is None or all(values.get(key) == now.get(key) for key in trial.sealed):
        return None
    return "the call has closed, and the panel has read these texts: they stand as they were sent"


def _call_at(facts: Partnership, entry: Entry) -> Selection | None:
    return next((call for call in reversed(facts.selections) if call.opened_at <= entry.at), None)


@requirement("4270.8", of_input=True)
def closing_still_to_come(case: Case) -> str | None:
    trial = _trial(case)
    for was, now in zip(trial.before.selections, trial.facts.selections, strict=False):
        if was.closes_at == now.closes_at:
            continue
        # Otherwise a correction could open applications early, or close opened ones again.
        if not was.is_open(case.at):
            return f"the call closed at {_local(case, was)}, and its applications were opened: see restart"
        if not now.is_open(case.at):
            return f"the call would have closed at {_local(case, now)}: take a day to come"
        earliest = case.setting.opens_until
        if (
            earliest
            and now.closes_at.astimezone(case.at.tzinfo).date() < earliest
            and now.closes_at < was.closes_at
        ):
            # Applicants who read the later day need as much time as those of a new call.
            return f"a call that would have gone on to {_local(case, was)} can close on {earliest} at the earliest"
    return None


def _local(case: Case, call: Selection) -> str:
    return f"{call.closes_at.astimezone(case.at.tzinfo):%Y-%m-%d %H:%M}"


@requirement("4270.9", of_input=True)
def board_keeps_what_it_approved(case: Case) -> str | None:
    if case.role is BOARD_OFFICE or not changes_approved(_trial(case)):
        return None
    return "the Board approved these terms, so its office corrects them, by the minutes of the meeting"


@requirement("4270.9", of_input=True)
def board_acts_first(case: Case) -> str | None:
    was, now = _trial(case).before.agreement, _trial(case).facts.agreement
    # Each row is judged by the agreements that counted together at its time. With other days others may count.
    if _trial(case).refusals or was is None or now is None or was.terms == now.terms:
        return None
    if now.in_force_at is None or now.approval:
        return None
    clauses = board_reasons(now, case.setting.board, earlier=case.setting.earlier)
    if not clauses:
        return None
    earlier = f" together with {', '.join(case.setting.earlier.refs)}" if case.setting.earlier else ""
    return f"the Board would have to act on these terms{earlier} ({', '.join(clauses)}): amend-agreement"


@requirement("4270.9", of_input=True)
def agenda_keeps_its_terms(case: Case) -> str | None:
    was, now = _trial(case).before, _trial(case).facts
    item, after = was.board.item, now.board.item
    if case.role is BOARD_OFFICE or after is None or not (after.agenda or after.introduced):
        return None
    if item is None:
        return "the item was called back and left the agenda; it comes onto another one with refer-to-board"
    terms = [
        (facts.agreement and facts.agreement.terms, facts.outcomes.items, each.change)
        for facts, each in ((was, item), (now, after))
    ]
    return (
        None if terms[0] == terms[1] else "the Board has these terms on its agenda: recall-item comes first"
    )


@requirement("4270.12", of_input=True)
def end_keeps_notice(case: Case) -> str | None:
    was, now = _trial(case).before, _trial(case).facts
    # The Board office records what the minutes say, so no notice is asked of it.
    if case.role is BOARD_OFFICE or _trial(case).refusals or not was.in_force or was.agreement is None:
        return None
    if now.agreement is None or now.agreement.in_force_at is None:
        first = require_recorded(was.first_day)
        over = case.today > first
        return f"the agreement has been in force since {first}; end it, with terminate" if over else None
    # A termination that waits may be taken back, so the agreement's own last day counts beside it.
    ends = ((was.agreement.ends_on, now.agreement.ends_on), (was.last_day, now.last_day))
    reasons = (
        find_short_notice(case, require_recorded(present), require_recorded(last), case.today)
        for present, last in ends
    )
    return next(filter(None, reasons), None)


@requirement("4270.4", of_input=True)
def days_stay_apart(case: Case) -> str | None:
    was, now = _trial(case).before, _trial(case).facts
    days = (now.first_day, now.last_day)
    if not now.in_force or (was.in_force and days == (was.first_day, was.last_day)):
        return None
    return find_other(case, require_recorded(now.first_day), require_recorded(now.last_day))


@requirement("4270.4", of_input=True)
def new_contact_is_asked(case: Case) -> str | None:
    trial, entry = _trial(case), _named(case)
    if entry is None or entry.event not in (RECEIVE_APPLICATION, CHANGE_CONTACT):
        return None
    was, now = (
        {contact.email for contact in (facts.contact, facts.next_contact) if contact}
        for facts in (trial.before, trial.facts)
    )
    return f"{min(now - was)} has to accept this first: change-contact" if now - was else None


def changes_approved(trial: Trial) -> bool:
    """Return whether a correction changes the amount, the first day or the last day that the Board approved."""
    was, now = trial.before.agreement, trial.facts.agreement
    if was is None or now is None or was.approval is None or now.approval is None:
        return False
    terms = (was.approval.amount_cents, was.approval.ends_on, was.starts_on, was.amount_cents, was.ends_on)
    return terms != (
        now.approval.amount_cents, now.approval.ends_on, now.starts_on, now.amount_cents, now.ends_on,
    )  # fmt: skip


@requirement("4270.10", of_input=True)
def outcomes_count_until_agreed(case: Case) -> str | None:
    was, now = _trial(case).before, _trial(case).facts
    # Reports are read by these sets, so one that counts, or did, gives way only to one that all three agree to.
    counted = [[each.items for each in (*facts.earlier_outcomes, facts.outcomes)] for facts in (was, now)]
    if not (was.in_force and now.in_force) or counted[0] == counted[1]:
        return None
    return "all three agreed to these outcomes, which count until they agree to others: set-outcomes"


@requirement("4270.10", of_input=True)
def can_be_agreed_again(case: Case) -> str | None:
    asks, state = _trial(case).asks_again, _trial(case).state
    if _trial(case).refusals:
        return None  # these come first, and the state would be another one without them
    if "needs" in asks and state is not NEEDS:
        return "both sides agreed to this statement, and the call published it: say in a note what was meant"
    if asks and state is TERMINATED:
        return (
            f"people signed the {' and '.join(asks)}, and nobody can sign again: say in a note what was meant"
        )
    return None


@requirement(of_input=True)
def falls_with_it(case: Case) -> str | None:
    for entry in _trial(case).fallen:
        if entry.role is not CLOCK or entry.event == CLOSE_APPLICATIONS or entry.seq <= case.input.seq:
            return (
                f"row {entry.seq} ({entry.event}) is not a later row of the clock that can fall: leave it out"
            )
    missing = set(case.input.takes_back) - {entry.seq for entry in _trial(case).fallen}
    standing = [seq for seq in case.input.takes_back if seq in missing]
    return f"row {standing[0]} would still be right: leave it out of takes_back" if standing else None


EVENTS = (
    Event(
        name=CORRECT_ENTRY,
        at=tuple(State),
        who=(STAFF, BOARD_OFFICE, PRINCIPAL, SUPERINTENDENT, REVIEWER, LEAD_PARTNER, APPLICANT),
        takes=CorrectEntry,
        # `states/history.py` folds the history anew, which gives the facts and the state.
        records=change_nothing,
        needs=(
            entry_on_record,
            corrected_by_who_may,
            not_of_the_clock,
            something_changes,
            first_entry_stays,
            application_stands,
            closing_still_to_come,
            board_keeps_what_it_approved,
            board_acts_first,
            agenda_keeps_its_terms,
            end_keeps_notice,
            days_stay_apart,
            new_contact_is_asked,
            outcomes_count_until_agreed,
            can_be_agreed_again,
            falls_with_it,
        ),
        # Of the partnership as the correction would leave it.
        asks=("through", "board", "earlier", "leads", "longest_notice", "opens_until"),
        # Who may know of the corrected row may know of its correction: see `workflow/views/visible_history.py`.
        audience=OFFICE_ONLY,
        optional=True,
        of_entry=True,
        repeatable=True,
    ),
)
