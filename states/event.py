"""What an event is: one row of the law, with everything that other code needs to know about the event.

What protects people has no default: a row cannot be made without an audience. `lifecycle` refuses a table in which
a row contradicts itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from states.case import Case
from states.errors import Unmet
from states.inputs import Input
from states.partnership import SIDES, Partnership, Role, Side, State

PRINCIPAL, STAFF, SUPERINTENDENT = Role.PRINCIPAL, Role.STAFF, Role.SUPERINTENDENT
BOARD_OFFICE, REVIEWER, CLOCK = Role.BOARD_OFFICE, Role.REVIEWER, Role.CLOCK
LEAD_PARTNER, APPLICANT = Role.LEAD_PARTNER, Role.APPLICANT
NEEDS, OPEN, BOARD = State.NEEDS_IDENTIFIED, State.OPEN_SELECTION, State.BOARD_REVIEW
ACTIVE, REVIEW, TERMINATED = State.ACTIVE, State.ANNUAL_REVIEW, State.TERMINATED

# Who may know of every event, and see every fact that is not sealed.
OFFICE = frozenset({PRINCIPAL, STAFF, SUPERINTENDENT, BOARD_OFFICE})

Effect = Callable[[Case], Partnership]


def nothing(case: Case) -> Partnership:
    """Change no fact: the row of the history alone is the record."""
    return case.facts


@dataclass(frozen=True, slots=True)
class Requirement:
    """A named predicate with the clause of policy 4270 that it enforces.

    `reason` returns None where it holds, else why it does not, as said to the person who is refused. A requirement
    that is `of_input` can only be judged when the event's input is known.
    """

    name: str
    clause: str | None
    of_input: bool
    reason: Callable[[Case], str | None]

    def unmet(self, case: Case) -> Unmet | None:
        """Return None where it holds, else why not."""
        reason = self.reason(case)
        return None if reason is None else Unmet(self.name, reason, self.clause)


def requirement(
    clause: str | None = None, *, of_input: bool = False
) -> Callable[[Callable[[Case], str | None]], Requirement]:
    """Make a predicate a requirement. Its name is the function's, with dashes."""

    def make(reason: Callable[[Case], str | None]) -> Requirement:
        return Requirement(reason.__name__.replace("_", "-"), clause, of_input, reason)

    return make


class Scope(StrEnum):
    """When somebody outside the office may know that an event happened.

    Every scope but ALWAYS begins with the opening of the present call, so that nobody hears of an earlier round.
    """

    ALWAYS = "always"
    THIS_CALL = "this-call"
    OWN_ORGANIZATION = "own-organization"  # where it is about an organization that they speak for
    OWN_ACT = "own-act"  # where they did it themselves
    AFTER_CLOSING = "after-closing"  # once the call has closed
    AFTER_CHOICE = "after-choice"  # where they did it themselves; what others did, once the choice is made


@dataclass(frozen=True, slots=True)
class Sees:
    """What a role may know of an event: when it may know that it happened, and which keys of its input it reads."""

    scope: Scope
    fields: tuple[str, ...] = ()


# Which roles outside the office may know of an event. The office (principal, staff, Superintendent, Board office)
# sees every event, and whoever did it sees what they gave.
Audience = Mapping[Role, Sees]
OFFICE_ONLY: Audience = {}


def partner_sees(*fields: str) -> Audience:
    """Return the audience of an event about the agreement: the Lead Partner, and these keys of the input."""
    return {LEAD_PARTNER: Sees(Scope.ALWAYS, fields)}


@dataclass(frozen=True, slots=True)
class ReplyWord:
    """What a word in a reply stands for: an event, and what it gives of the input.

    `day` names the key that takes the day of the reply; `below` the key that takes the text, if any does. Only what
    needs a yes or no and at most a reason can be answered so. What needs a date, a vote or a sum takes the form.
    """

    event: str
    gives: Mapping[str, Any] = field(default_factory=dict)
    below: str | None = None
    day: str | None = None

    def input(self, text: str, today: date) -> dict[str, Any]:
        """Return the input of the event: what the word gives, the text below it, the day."""
        values = dict(self.gives)
        if self.below and text:
            values[self.below] = text
        if self.day:
            values[self.day] = today.isoformat()
        return values


# To what is to be agreed to, "no" keeps the objection on record and agrees to nothing.
DISAGREES = ReplyWord("add-note", below="text")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who still has to do something: a role, and the one person of it if it is one."""

    role: Role
    email: str | None = None


_ROLE_OF: dict[Side, Role] = {side: role for role, side in SIDES.items()}


def sides_left(needed: Sequence[Side], done: Mapping[Side, object]) -> list[Waiting]:
    """Return who is waited for, of the sides that are needed, where some have done their part."""
    return [Waiting(_ROLE_OF[side]) for side in needed if side not in done]


@dataclass(frozen=True, slots=True)
class Form:
    """What the form of an event shows of the record. Each name is one of `web/briefing` or `web/choices`.

    `reads` are the sections to be read first. `choices` gives, by key of the input, the list it is chosen from.
    `replaces` is the document on record that the form starts from. `beside` gives, by key, what is said beside its
    control. `without` are the keys that the form has no use for. `today` is the key that starts as the current day.
    """

    reads: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)
    replaces: str | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    today: str | None = None


PLAIN = Form()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the law.

    An event has several rows where its requirements, or where it leads, differ by state. Such rows agree in
    everything that does not depend on the state; `lifecycle` checks that.
    """

    # The law: in which states (None: before there is a partnership), where it leads (None: nowhere), who may do it,
    # what it takes, what it records, what must be true first, and which parts of the setting that asks for.
    name: str
    at: tuple[State | None, ...]
    to: State | None = None
    who: tuple[Role, ...]
    takes: type[Input]
    records: Effect
    needs: tuple[Requirement, ...] = ()
    asks: tuple[str, ...] = ()
    when: Callable[[Case], bool] | None = None  # tells rows of the same event and state apart

    # Who may know of it. `public` is for what changes the page of a call that everybody can read; `sealed` are the
    # keys of the input that nobody but the author reads before the call closes (4270.8).
    audience: Audience
    public: bool = False
    sealed: tuple[str, ...] = ()

    # How it is waited for. `optional`: nobody waits for it, since it is done only when somebody needs to.
    # `awaited_since` is the moment from which it is waited for, else the state's first day. After the moment
    # `done_once` nobody waits for it, though it can be done again. `collected` returns who is still to do it.
    optional: bool = False
    awaited_since: str | None = None
    done_once: str | None = None
    collected: Callable[[Partnership], Sequence[Waiting]] | None = None

    # How it is done from a message. `repeatable`: one link may do it again, since it adds to the record or replaces
    # what was given. `consents_to` returns what somebody has read who does it: once that changes, it has to be read
    # again first. `document` is the key of the input that takes a file. `confirmed`: whoever does it types the
    # reference to confirm; `final`: and nothing takes it back.
    repeatable: bool = False
    consents_to: Callable[[Partnership], tuple[object, ...]] | None = None
    reply_words: Mapping[str, ReplyWord] = field(default_factory=dict)
    document: str | None = None
    confirmed: bool = False
    final: bool = False
    form: Form = PLAIN

    # What its notice is like. `urgent`: it waits for no digest. `about_meeting`: it says when the Board meets, and
    # brings that date for the calendar.
    urgent: bool = False
    about_meeting: bool = False

    def waiting(self, facts: Partnership) -> Sequence[Waiting]:
        """Return who still has to do this event; empty unless several have to do it."""
        return self.collected(facts) if self.collected else ()

    def version_read(self, facts: Partnership) -> str | None:
        """Return a text that changes when what the event consents to changes; None if it consents to nothing."""
        return " ".join(map(str, self.consents_to(facts))) if self.consents_to else None
