"""Offers in a form what only the record of the partnership knows: the lists to choose from, and the hints.

The row of the event names what its form needs (`states.event.Form`). This module has the function for each name of
a list or hint, and `workflow/actions/prefill.py` the one for each document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from textwrap import shorten

from notifications.written import long_day, money, near_day
from states.case import Meeting
from states.chapters.changes import texts_to_agree_to
from states.errors import TableError
from states.inputs import READABLE
from states.lifecycle import TABLE
from states.names import Role
from states.selection import Application
from workflow.actions import begin
from workflow.actions.prefill import DOCUMENTS
from workflow.actions.task import Task
from workflow.directory import Person
from workflow.forms.fields import Choices, Offered
from workflow.session import Session
from workflow.views.applications import applications_for
from workflow.views.present_names import rename
from workflow.views.shown_directory import read_directory
from workflow.views.standings import standings_of

_LONGEST_LINE = 80  # characters of a question in a list
_MEETINGS = 16  # the most meetings to choose from, which is most of a year


def make_offer(session: Session, task: Task, now: datetime) -> Offered:
    """Return what the form offers for this task now: choices, values, hints, and keys to leave out."""
    form = task.event.form
    choices = {key: tuple(LISTS[name](session, task, now)) for key, name in form.choices.items()}
    # An empty hint would hide the help that the type of the field has.
    helps = {key: text for key, name in form.beside.items() if (text := BESIDE[name](session, task, now))}
    values = _target_hints(task) if "values" in task.event.takes.model_fields else {}
    of_others = {key for key, roles in form.only.items() if task.role not in roles}
    return Offered(choices, values, helps=helps, without=form.without | of_others, demanded=form.demands)


# Lists to choose from


def applications(session: Session, task: Task, now: datetime) -> tuple[Application, ...]:
    """Return the applications of the present call, as the reader of the page may see them now."""
    return applications_for(session, task.record, task.viewer, now)


def applications_without_conflict(session: Session, task: Task, now: datetime) -> list[Application]:
    """Return the applications with which the reviewer has declared no conflict of interest."""
    selection = task.record.facts.selection
    return [
        application
        for application in applications(session, task, now)
        if selection is not None and not selection.has_conflict(task.actor, application.organization)
    ]


def _choice(application: Application) -> tuple[str, str]:
    return application.organization, application.name


def _without_conflict(session: Session, task: Task, now: datetime) -> Choices:
    return tuple(map(_choice, applications_without_conflict(session, task, now)))


def _scored(session: Session, task: Task, now: datetime) -> Choices:
    """Return the applications that have a score, each with its average; all of them if none has a score yet."""
    selection = rename(session.directory, task.record.facts).selection
    standings = standings_of(selection) if selection else ()
    scored = tuple(
        (each.application.organization, f"{each.application.name}: {each.write_average()}")
        for each in standings
        if each.scores
    )
    # An empty list would turn the choice into a line in which people have to type an identifier.
    return scored or tuple(map(_choice, applications(session, task, now)))


def _own(session: Session, task: Task, now: datetime) -> Choices:
    """Return an applicant's own application. Staff can choose any application."""
    mine = (
        application
        for application in applications(session, task, now)
        if task.role is not Role.APPLICANT or application.contact_email == task.actor
    )
    return tuple(map(_choice, mine))


def _schools(session: Session, task: Task, _: datetime) -> Choices:
    """Return the schools for which a person can begin a partnership."""
    schools = begin.schools_to_begin(session, task.actor)
    return tuple((school, session.directory.school_name(school)) for school in schools)


def _organizations(session: Session, task: Task, now: datetime) -> Choices:
    """Return the organizations that a person can apply for: staff for any, an applicant for its own."""
    organizations = read_directory(session).organizations
    applied = {each.organization for each in applications(session, task, now)}

    def write(organization: str) -> tuple[str, str]:
        name = organizations[organization].name
        return organization, f"{name}; replaces its application" if organization in applied else name

    if task.role is not Role.APPLICANT:
        return tuple(map(write, organizations))
    person = session.directory.person(task.actor, task.record.facts)
    mine = person.organization if person else None
    return (write(mine),) if mine is not None and mine in organizations else _own(session, task, now)


def _questions(session: Session, task: Task, now: datetime) -> Choices:
    """Return the questions about the call, those that wait for an answer first."""
    call = task.record.facts.selection
    numbered = list(enumerate(call.questions if call else (), 1))
    return tuple(
        (
            str(number),
            f"{number}: {shorten(each.text, _LONGEST_LINE)}{'' if each.answer is None else ' (answered)'}",
        )
        for number, each in sorted(numbered, key=lambda pair: (pair[1].answer is not None, pair[0]))
    )


def _unanswered(session: Session, task: Task, now: datetime) -> Choices:
    selection = task.record.facts.selection
    waiting = {protest.organization: protest.at for protest in selection.unanswered()} if selection else {}
    today, calendar = session.config.calendar.day(now), session.config.calendar
    return tuple(
        (key, f"{each.name}; protested on {near_day(calendar.day(waiting[key]), today)}")
        for each in applications(session, task, now)
        if (key := each.organization) in waiting
    )


def _reviewers(session: Session, _: Task, now: datetime) -> Choices:
    """Return the people who can be on a panel, each with the organization they belong to and the last day away."""
    today = session.config.calendar.day(now)
    return tuple(
        (person.email, _describe_reviewer(session, person, today))
        for person in session.directory.people.values()
        if Role.REVIEWER in person.roles and person.active
    )


def _other_reviewers(session: Session, task: Task, now: datetime) -> Choices:
    """Return the people who can join the panel of the present call."""
    return tuple(each for each in _reviewers(session, task, now) if each[0] not in _on_panel(task))


def _panel(session: Session, task: Task, _: datetime) -> Choices:
    """Return the people on the panel of the present call."""
    return tuple((email, f"{session.name_of(email)}, {email}") for email in _on_panel(task))


def _on_panel(task: Task) -> tuple[str, ...]:
    selection = task.record.facts.selection
    return selection.reviewers if selection else ()


def _describe_reviewer(session: Session, person: Person, today: date) -> str:
    words = f"{person.name}, {person.email}"
    organization = session.directory.organizations.get(person.organization or "")
    if organization is not None:
        words += f"; belongs to {organization.name} and cannot score it"
    if person.away_until is not None and person.away_until >= today:
        words += f"; away until {near_day(person.away_until, today)}"
    return words


def _open_agendas(session: Session, task: Task, now: datetime) -> Choices:
    """Return the coming meetings whose agenda still takes an item, each with the last day for it."""
    # The law refuses a meeting whose agenda has closed (4270.9), so it is not offered.
    meetings = [
        meeting
        for meeting in _coming(session, task, now)
        if meeting.agenda_closes_at is None or now <= meeting.agenda_closes_at
    ]
    return _meeting_choices(session, meetings[:_MEETINGS], now)


def _later_meetings(session: Session, task: Task, now: datetime) -> Choices:
    """Return the meetings to which an item can be deferred: those after its scheduled meeting."""
    item = task.record.facts.board.item
    after = item.meeting_on if item else None
    later = (meeting for meeting in _coming(session, task, now) if after is None or meeting.on > after)
    return _meeting_choices(session, list(later)[:_MEETINGS], now)


def _coming(session: Session, task: Task, now: datetime) -> list[Meeting]:
    """Return the regular meetings that are still ahead. Without an item there is nothing to bring to them."""
    has_item = task.record.facts.board.item is not None
    # Only regular meetings: a decision at a special one does not count (4270.9).
    return [meeting for meeting in session.directory.regular if has_item and meeting.at > now]


def _agenda(session: Session, task: Task, now: datetime) -> Choices:
    """Return the meetings that have had the item on their agenda, newest first. Before the first, return all."""
    item = task.record.facts.board.item
    days = sorted(item.agenda, reverse=True) if item else ()
    meetings = [meeting for on in days if (meeting := session.directory.meeting(on)) is not None]
    held = [meeting for meeting in meetings if meeting.at <= now]
    return _meeting_choices(session, held or meetings, now)


def _meeting_choices(session: Session, meetings: Iterable[Meeting], now: datetime) -> Choices:
    return tuple((meeting.on.isoformat(), _describe_meeting(session, meeting, now)) for meeting in meetings)


def _describe_meeting(session: Session, meeting: Meeting, now: datetime) -> str:
    """Return the day of a meeting, and for one to come when its agenda closes or closed."""
    today, closes = session.config.calendar.day(now), meeting.agenda_closes_at
    words = near_day(meeting.on, today)
    if meeting.at <= now or closes is None:
        return words
    # An agenda that closes at midnight takes items until the day before.
    last = session.config.calendar.local(closes) - timedelta(microseconds=1)
    day = near_day(last.date(), today).partition(", ")[2]
    return f"{words}; the agenda {'closes' if now <= closes else 'closed'} {day}"


def _texts_to_agree_to(_: Session, task: Task, __: datetime) -> Choices:
    texts = texts_to_agree_to(task.record.state, task.record.facts)
    return tuple((text, READABLE[text]) for text in texts)


def _purposes(*purposes: str) -> Callable[[Session, Task, datetime], Choices]:
    return lambda _session, _action, _now: tuple((purpose, READABLE[purpose]) for purpose in purposes)


LISTS: Mapping[str, Callable[[Session, Task, datetime], Choices]] = {
    "schools": _schools,
    "organizations": _organizations,
    "own-applications": _own,
    "scored-applications": _scored,
    "without-conflict": _without_conflict,
    "unanswered-protests": _unanswered,
    "questions": _questions,
    "reviewers": _reviewers,
    "other-reviewers": _other_reviewers,
    "panel": _panel,
    "open-agendas": _open_agendas,
    "later-meetings": _later_meetings,
    "agenda": _agenda,
    "texts-to-agree-to": _texts_to_agree_to,
    "purpose-new": _purposes("new"),
    "purposes-in-force": _purposes("amendment", "renewal", "termination"),
}


# Why an event cannot be done while its list is empty. The other lists never close a form: what is missing in the
# directory can be typed.
EMPTY: Mapping[str, str] = {
    "own-applications": "there is no application of yours in this call",
    "without-conflict": "there is no application left to declare a conflict with",
    "unanswered-protests": "no protest waits for an answer",
    "questions": "nobody has asked a question about this call",
    "open-agendas": "the calendar has no coming regular meeting whose agenda is open",
    "later-meetings": "the calendar has no later regular meeting",
    "agenda": "the item has been on no agenda yet",
}


def find_empty(session: Session, task: Task, now: datetime) -> list[str]:
    """Return why nothing can be chosen, for each list of the form that is empty."""
    names = task.event.form.choices.values()
    return [EMPTY[name] for name in names if name in EMPTY and not LISTS[name](session, task, now)]


# Hints beside a control: they show what is on record next to what will replace it


def _target_hints(task: Task) -> dict[str, str]:
    return {
        outcome.name: (
            f"Unit: {outcome.unit}. At the start it was {outcome.baseline:g}; the target is {outcome.target:g}."
        )
        for outcome in task.record.facts.outcomes.items
    }


def _amount_hint(_: Session, task: Task, __: datetime) -> str | None:
    agreement = task.record.facts.agreement
    return f"In dollars. Now it is {money(agreement.amount_cents).removeprefix('$')}." if agreement else None


def _last_day_hint(_: Session, task: Task, __: datetime) -> str | None:
    agreement = task.record.facts.agreement
    return f"Year, month, day. Now it is {long_day(agreement.ends_on)}." if agreement else None


def _earliest_closing_hint(session: Session, _: Task, now: datetime) -> str:
    least = session.config.procedure.selection.minimum_days
    earliest = session.config.calendar.day(now) + timedelta(days=least)
    return f"Not before {long_day(earliest)}. Year, month, day, such as {earliest}."


def _present_closing_hint(session: Session, task: Task, _: datetime) -> str | None:
    selection = task.record.facts.selection
    if selection is None:
        return None
    closes = session.config.calendar.local(selection.closes_at).date()
    return f"Now it is {long_day(closes)}. Year, month, day."


def _demonstration_hint(_: Session, __: Task, ___: datetime) -> str:
    return (
        "Only if the organization is neither community-based nor a college, university or public agency:"
        " how it shows that it can serve the school."
    )


BESIDE: Mapping[str, Callable[[Session, Task, datetime], str | None]] = {
    "earliest-closing": _earliest_closing_hint,
    "present-closing": _present_closing_hint,
    "present-amount": _amount_hint,
    "present-last-day": _last_day_hint,
    "who-demonstrates": _demonstration_hint,
}


def _find_missing() -> Iterator[str]:
    """Yield a sentence for each name in a row of the law that has no function here or in `prefill`."""
    for row in TABLE:
        form = row.form
        replaced = {form.replaces} if form.replaces else set()
        # `-` binds more tightly than `|`, so this joins two differences.
        missing = {*form.choices.values()} - LISTS.keys() | {*form.beside.values()} - BESIDE.keys()
        missing |= replaced - DOCUMENTS.keys()
        for name in missing:
            yield f"the form of {row.name} asks for {name!r}, which actions/choices and actions/prefill do not have"


# A wrong name must fail when the program starts, not when a page is shown.
if _missing := list(_find_missing()):
    raise TableError(_missing)
