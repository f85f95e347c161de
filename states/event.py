"""Defines a row of the law: an event with everything that other code needs to know about it.

The audience has no default, so no row can leave out who may know of its event. `lifecycle` refuses a table in
which a row contradicts itself.
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
from states.names import SIDES, Role, Side, State
from states.partnership import Partnership

PRINCIPAL, STAFF, SUPERINTENDENT = Role.PRINCIPAL, Role.STAFF, Role.SUPERINTENDENT
BOARD_OFFICE, REVIEWER, CLOCK = Role.BOARD_OFFICE, Role.REVIEWER, Role.CLOCK
LEAD_PARTNER, APPLICANT, NEXT_CONTACT = Role.LEAD_PARTNER, Role.APPLICANT, Role.NEXT_CONTACT
PUBLIC = Role.PUBLIC
NEEDS, OPEN, BOARD = State.NEEDS_IDENTIFIED, State.OPEN_SELECTION, State.BOARD_REVIEW
ACTIVE, REVIEW, TERMINATED = State.ACTIVE, State.ANNUAL_REVIEW, State.TERMINATED

# Who may know of every event, and see every fact that is not sealed.
OFFICE = frozenset({PRINCIPAL, STAFF, SUPERINTENDENT, BOARD_OFFICE})

Effect = Callable[[Case], Partnership]


def change_nothing(case: Case) -> Partnership:
    """Return the facts unchanged, for an event that is recorded only by its row in the history."""
    return case.facts


@dataclass(frozen=True, slots=True)
class Requirement:
    """A named predicate with the clause of policy 4270 that it enforces.

    `reason` returns None if the requirement holds, else a reason to show to the person. A requirement that is
    `of_input` depends on the input of the event, so it cannot be checked before there is one.
    """

    name: str
    clause: str | None
    of_input: bool
    reason: Callable[[Case], str | None]

    def check(self, case: Case) -> Unmet | None:
        """Return None if the requirement holds, else an error that says why not."""
        reason = self.reason(case)
        return None if reason is None else Unmet(self.name, reason, self.clause)


def requirement(
    clause: str | None = None, *, of_input: bool = False
) -> Callable[[Callable[[Case], str | None]], Requirement]:
    """Return a decorator that makes a requirement of a predicate and names it after the function, with dashes."""

    def make(reason: Callable[[Case], str | None]) -> Requirement:
        # The name is part of the JSON of commands, so a function that is renamed changes what scripts read.
        return Requirement(reason.__name__.replace("_", "-"), clause, of_input, reason)

    return make


class Scope(StrEnum):
    """When a person outside the office may know that an event happened.

    Every scope except ALWAYS begins with the opening of the present call, so that nobody learns of an earlier
    round.
    """

    ALWAYS = "always"
    THIS_CALL = "this-call"
    OWN_ORGANIZATION = "own-organization"  # if it is about an organization that they represent
    OWN_ACT = "own-act"  # if they did it themselves
    AFTER_CLOSING = "after-closing"  # once the call has closed
    AFTER_CHOICE = "after-choice"  # if they did it themselves; if others did it, once the choice is made


@dataclass(frozen=True, slots=True)
class Sees:
    """What a role may know of an event: when it may know of it, and which keys of its input it may read."""

    scope: Scope
    fields: tuple[str, ...] = ()


# The roles outside the office that may know of an event. The office (principal, staff, Superintendent, Board
# office) sees every event, and the person who did an event sees its whole input.
Audience = Mapping[Role, Sees]
OFFICE_ONLY: Audience = {}


def partner_sees(*fields: str) -> dict[Role, Sees]:
    """Return the audience of an event about the agreement: the Lead Partner, who reads these keys of the input."""
    return {LEAD_PARTNER: Sees(Scope.ALWAYS, fields)}


@dataclass(frozen=True, slots=True)
class ReplyWord:
    """The meaning of a word in a reply: an event and a part of its input.

    `day` is the key for the day of the reply, `below` the key for the text below the word, and `name` the key for
    the name that a person types below the word to sign; each may be None. A reply can answer only a question that
    needs a yes or no and at most a reason. A date, a vote or an amount needs the form.
    """

    event: str
    gives: Mapping[str, Any] = field(default_factory=dict)
    below: str | None = None
    day: str | None = None
    name: str | None = None

    def input(self, text: str, today: date) -> dict[str, Any]:
        """Return the input of the event: the values of the word, the text below it, and the day."""
        values = dict(self.gives)
        # Leave an empty text out.
        # A requirement or the type of the input then says that the reason is missing.
        if self.below and text:
            values[self.below] = text
        if self.name and text:
            values[self.name] = text
        if self.day:
            values[self.day] = today.isoformat()
        return values


# A "no" to a request to agree records the objection as a note.
DISAGREES = ReplyWord("add-note", below="text")
ASK_FOR_CHANGES = "ask-for-changes"  # what a person does who does not agree, from a form


@dataclass(frozen=True, slots=True)
class Waiting:
    """A person who still has to do something: a role, and the address if it is one certain person."""

    role: Role
    email: str | None = None


# `SIDES` gives each role one side, and no two roles share a side, so the table can be turned around.
_ROLE_OF: dict[Side, Role] = {side: role for role, side in SIDES.items()}


def sides_left(needed: Sequence[Side], done: Mapping[Side, object]) -> list[Waiting]:
    """Return the sides that are still waited for: those of `needed` that are not in `done`."""
    return [Waiting(_ROLE_OF[side]) for side in needed if side not in done]


@dataclass(frozen=True, slots=True)
class Form:
    """What the form of an event shows of the record. Each name is one of `actions/briefing`, `actions/choices`
    or `actions/prefill`.

    `reads` are the sections to read before the form. `choices` has, by key of the input, the list to choose
    from. `replaces` is the document on record that fills the form at the start. `beside` has, by key, the
    note beside its control. `without` are the keys that the form leaves out, and `only` has, by key, the roles
    whose form has it. `demands` are the keys that a person who fills in the form has to give, although the law
    does without them. `today` is the key that starts as the current day.
    """

    reads: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)
    replaces: str | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    only: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    demands: frozenset[str] = frozenset()
    today: str | None = None


PLAIN = Form()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the law.

    An event has several rows if its requirements or its next state differ by state. Such rows must agree in
    everything that does not depend on the state; `lifecycle` checks this.
    """

    # The law. `at`: the states in which it can happen (None: before there is a partnership). `to`: the next
    # state (None: the same). `who`: the roles that may do it. `takes`: the type of its input. `records`: the
    # new facts. `needs`: what must be true first. `asks`: the parts of the setting that this needs.
    name: str
    at: tuple[State | None, ...]
    to: State | None = None
    who: tuple[Role, ...]
    takes: type[Input]
    records: Effect
    needs: tuple[Requirement, ...] = ()
    asks: tuple[str, ...] = ()
    when: Callable[[Case], bool] | None = None  # selects between rows of the same event and state

    # Who may know of it. `public`: it changes the page of a call, which everybody can read. `sealed`: the
    # keys of the input that only the author may read before the call closes (4270.8).
    audience: Audience
    public: bool = False
    sealed: tuple[str, ...] = ()

    # How people wait for it. `optional`: nobody waits for it, since it is done only in case of need.
    # `awaited_since`: the moment from which people wait for it (None: since the state was entered).
    # `done_once`: the moment after which nobody waits for it any more, though it can be done again.
    # `collected`: returns who still has to do it, for an event that several people do.
    optional: bool = False
    awaited_since: str | None = None
    done_once: str | None = None
    collected: Callable[[Partnership], Sequence[Waiting]] | None = None

    # How a link or a reply does it. `repeatable`: one link may do it again, since it adds to the record or
    # replaces an input. `consents_to`: returns the version of what a person consents to by doing it; after a
    # change the person has to read it again. `instead`: the event of a person who does not consent. `document`:
    # the key of the input that takes one file or several. `signed_copy`: returns whether a copy of what was signed
    # is made now, since nobody still has to sign. `confirmed`: the person types the reference of the partnership to
    # confirm it. `final`: no other event can undo it.
    repeatable: bool = False
    consents_to: Callable[[Partnership], tuple[object, ...]] | None = None
    instead: str | None = None
    reply_words: Mapping[str, ReplyWord] = field(default_factory=dict)
    document: str | None = None
    signed_copy: Callable[[Partnership], bool] | None = None
    confirmed: bool = False
    final: bool = False
    form: Form = PLAIN

    # Whether it is what a person says in their own name, which nobody else corrects. It also is where several
    # people do it (`collected`), where it is `sealed`, and where staff may not do it.
    in_own_name: bool = False
    # Whether it is about a row of the history, and is offered beside that row instead of in lists of what to do.
    of_entry: bool = False

    # Its notice. `urgent`: the notice does not wait for the daily digest. `about_meeting`: the notice says
    # when the Board meets and carries that date for the calendar.
    urgent: bool = False
    about_meeting: bool = False

    def waiting(self, facts: Partnership) -> Sequence[Waiting]:
        """Return who still has to do this event; empty unless several have to do it."""
        return self.collected(facts) if self.collected else ()

    def version_read(self, facts: Partnership) -> str | None:
        """Return the version of what the event consents to, as text; None if it consents to nothing."""
        if self.consents_to is None:
            return None
        # A correction may have changed the words since somebody read them.
        corrected = (facts.corrected_at,) if facts.corrected_at else ()
        return " ".join(map(str, (*self.consents_to(facts), *corrected)))
