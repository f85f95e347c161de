"""Runs the command do: offer what is possible now as a menu, ask for what it needs, and act."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from notifications.written import long_day
from states.errors import BadInput, Problem, Refused
from states.event import Event
from states.machine import FIRST, row_of
from workflow import engine, session
from workflow.actions import begin, choices, prefill
from workflow.admin import do_correct, event_input, trigger
from workflow.admin.console import Console, common
from workflow.admin.menu import Deed, Menu, make_menu, roles_held
from workflow.admin.prompts import Questions, ask_line, choose
from workflow.admin.reading import print_reading
from workflow.admin.references import ANY_REF, find_record, require_person
from workflow.admin.terminal import echo, format_minute
from workflow.change import Change
from workflow.forms import parsing
from workflow.forms.fields import Choices, Offered
from workflow.forms.summary import summary
from workflow.outbox import event_words
from workflow.session import Session
from workflow.store import loading, tables
from workflow.store.errors import Conflict, NotFound
from workflow.store.rows import Channel, Snapshot
from workflow.views import documents, weighed
from workflow.views.authorization import Intent

_HINDERED = 3  # the most events to show that are not possible yet
_NEW = "(new)"  # in the list of partnerships, the choice to begin one


@click.command("do")
@ANY_REF
@click.option("--as", "as_", metavar="EMAIL", help="Who acts; else the person of this user in [admin.users].")
@common
def do(console: Console, ref: str | None, as_: str | None) -> None:
    """Show what can be done now, and do it.

    Only on a terminal. Without REF, choose a partnership first or begin one. Ctrl-C leads back to the menu, and
    from there out. Scripts use `trigger`.
    """
    if console.as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        expected = (
            "`partnershipctl events REF` and `partnershipctl trigger REF EVENT --set KEY=VALUE`, for scripts"
        )
        raise BadInput([Problem("do", "it asks questions, and so works only on a terminal", expected)])
    actor, user = console.require_actor(as_)
    visit = Visit(console, actor, user)
    if ref is not None:
        visit.stay(ref)
        return
    while chosen := visit.choose_partnership():
        at = visit.begin() if chosen == _NEW else chosen
        if at is not None:
            visit.stay(at)


@dataclass(frozen=True)
class Outlook:
    """What an event does: the change, the document of the partnership after it, and how many are told in each role.

    `judged` says what the law makes of an amount, if one was given.
    """

    change: Change
    after: dict[str, Any]
    told: dict[str, int]
    judged: str | None


@dataclass(frozen=True)
class Visit:
    """Somebody at a terminal: `actor` acts, and `user` is the operating-system user."""

    console: Console
    actor: str
    user: str

    def choose_partnership(self) -> str | None:
        """Return the reference of the partnership that somebody chooses, `_NEW` for a new one, None to leave."""
        with self.console.system.reading() as here:
            require_person(here, self.actor)
            offered = _partnerships_of(here, self.actor)
        if not offered:
            echo(f"There is no partnership in which {self.actor} can act.")
            return None
        try:
            return choose("Partnership, by number or any part of its name (Enter leaves)", offered)
        except click.Abort:
            return None

    def stay(self, ref: str) -> None:
        """Show the menu of a partnership and do what is chosen of it, until somebody leaves."""
        while (deed := self._choose_deed(ref)) is not None:
            if deed.event.of_entry:
                self._correct(deed.record)
            else:
                self._attempt(deed, deed.record.ref)

    def _correct(self, record: Snapshot) -> None:
        """Correct an earlier entry, unless somebody breaks it off."""
        try:
            do_correct.correct(self.console, record, self.actor, self.user)
        except click.Abort:
            echo("\nNothing was recorded.")

    def _choose_deed(self, ref: str) -> Deed | None:
        """Show the menu, and return what is chosen of it; None to leave."""
        now = session.current_time()
        with self.console.system.reading() as here:
            record = find_record(here, ref)
            require_person(here, self.actor, record.facts)
            menu = make_menu(here, record, self.actor, now)
            _print_menu(here, record, self.actor, menu)
        labels = tuple((deed.event.name, self.label(deed.event.name)) for deed in menu.deeds)
        try:
            name = choose("What do you want to do? (Enter leaves)", labels, shown=True) if labels else None
        except click.Abort:
            return None
        return next((deed for deed in menu.deeds if deed.event.name == name), None)

    def begin(self) -> str | None:
        """Begin a partnership, and return its reference; None if nothing was recorded."""
        now = session.current_time()
        with self.console.system.reading() as here:
            row = row_of(FIRST, None)
            intent = Intent("", FIRST, {}, self.actor, Channel.CLI, now)
            held = here.directory.people[self.actor].roles
            role = next(role for role in row.who if role in held)
        return self._attempt(Deed(engine.new_record(intent), row, role, self.actor), None)

    def _attempt(self, deed: Deed, ref: str | None) -> str | None:
        """Carry a deed out, unless somebody breaks it off. Return the reference, None if nothing was recorded."""
        try:
            return self._carry_out(deed, ref)
        except click.Abort:
            echo("\nNothing was recorded.")
            return None

    def _carry_out(self, deed: Deed, ref: str | None) -> str | None:
        """Ask for the input of an event, show what will be recorded, and record it. Return as `_attempt` does."""
        now = session.current_time()
        with self.console.system.reading() as here:
            questions = _make_questions(here, deed, now)
            print_reading(self.console, here, deed, now)
        echo(f"\n{self.label(deed.event.name)}: {self.console.settings.events[deed.event.name]['does']}")
        questions.ask_all()
        if ref is None:
            ref = self._ask_reference(questions)
        while True:
            try:
                values = questions.read()
                outlook = self._advance(deed, ref, values, dry_run=True)
            except (BadInput, Refused) as error:
                questions.print_mistakes(self.console, error)
                if not questions.fields() or not self._wants_change():
                    return None
            except (Conflict, NotFound) as error:
                echo(f"\n{error}.")
                return None
            else:
                self._print_outlook(outlook)
                answer = self._confirm(deed, ref, has_fields=bool(questions.fields()))
                if answer != "change":
                    return ref if answer == "record" and self._record(deed, ref, values) else None
            questions.ask_again()

    def label(self, event: str) -> str:
        """Return the words on the button of an event."""
        return self.console.settings.label(event)

    def _ask_reference(self, questions: Questions) -> str:
        """Return the reference for a new partnership that somebody chooses."""
        with self.console.system.reading() as here:
            free = begin.free_ref(here, questions.texts.get("school", ""), session.current_time())
        while True:
            ref = ask_line("\nReference", free)
            try:
                trigger.check_ref(ref)
            except BadInput as bad:
                echo(f"  {bad}.")
                continue
            with self.console.system.reading() as here:
                if ref not in loading.load(here.connection, [ref]):
                    return ref
            echo(f"  There is a partnership {ref} already.")

    def _advance(self, deed: Deed, ref: str, values: Mapping[str, Any], *, dry_run: bool) -> Outlook:
        """Do the event; with `dry_run` undo it again. Raise as `engine.advance` does."""
        now = session.current_time()

        def work(here: Session) -> Outlook:
            given = event_input.attach_document(here.connection, deed.event, values, now)
            # At the version that the person has seen. Before its first event a partnership is at none.
            change = engine.advance(
                here, ref, deed.event.name, given, self.actor, Channel.CLI, now, deed.record.version,
                # In a new partnership the school decides in which role somebody acts.
                role=deed.role if deed.record.state else None, ran_by=self.user,
            )  # fmt: skip
            judged = weighed.judge_terms(here, change.record, now) if "amount_cents" in given else None
            after = documents.partnership(here, change.record, now)
            return Outlook(change, after, _count_told(here, change), judged)

        return self.console.system.transact(work, dry_run=dry_run)

    def _record(self, deed: Deed, ref: str, values: Mapping[str, Any]) -> bool:
        """Do the event for good, and print so. Return whether it was recorded."""
        try:
            done = self._advance(deed, ref, values, dry_run=False)
        except (BadInput, Refused, Conflict, NotFound) as error:
            # Somebody moved the partnership while this person was reading.
            echo(f"\nNothing was recorded: {error}.")
            return False
        echo()
        trigger.print_change(done.change, done.after, False)
        return True

    def _confirm(self, deed: Deed, ref: str, *, has_fields: bool) -> str:
        """Return what somebody wants after reading what will be recorded: "record", "change" or "leave"."""
        words: Choices = (("record", "Yes, record it"), ("leave", "No, back to the menu"))
        if has_fields:
            words = (words[0], ("change", "Change an answer"), words[1])
        while True:
            answer = choose("\nRecord this?", words)
            if answer != "record" or not deed.event.confirmed:
                return answer or "leave"
            if ask_line(f"This is hard to undo. Type {ref} to confirm").lower() == ref.lower():
                return "record"
            echo(f"  That is not {ref}. Nothing was recorded.")

    def _wants_change(self) -> bool:
        return (
            choose("\nWhat now?", (("change", "Change an answer"), ("leave", "Back to the menu"))) == "change"
        )

    def _print_outlook(self, outlook: Outlook) -> None:
        """Print what will be recorded, and what follows from it."""
        change = outlook.change
        with self.console.system.reading() as here:
            schools = {school.id: school.name for school in here.directory.schools.values()}
            names = schools | event_words.names_in(here, change.record.facts)
        row = row_of(change.intent.event, change.before.state)
        echo(f"\nThis will be recorded on {change.record.ref}, by {self.actor} as {change.role}:")
        echo(f"  {self.label(row.name)}")
        for label, value in summary(row.takes, json.loads(change.entry["input"]), names):
            echo(f"    {label}: {value.replace(chr(10), chr(10) + ' ' * 6)}")
        echo("What follows:")
        if outlook.judged:
            echo(f"  {outlook.judged}.")
        if change.has_moved:
            echo(f"  The partnership moves to {str(change.record.state).replace('-', ' ')}.")
        coming = [each for each in outlook.after["deadlines"] if each["kind"] == "due"]
        if coming:
            echo(f"  The next deadline: {coming[0]['label']}, {format_minute(coming[0]['due_at'])}.")
        people = ", ".join(
            f"{role}{f' ({count})' if count > 1 else ''}" for role, count in outlook.told.items()
        )
        echo(f"  Messages go to: {people or 'nobody'}.")


def _partnerships_of(here: Session, actor: str) -> Choices:
    """Return the partnerships in which a person has a role, and the choice to begin one if they may."""
    offered = []
    # Each database sorts text in its own way, so sort here.
    rows = here.connection.execute(select(tables.partnerships))
    for row in sorted(rows, key=lambda row: str(row.ref)):
        record = Snapshot.from_row(row)
        if here.directory.person(actor, record.facts) and roles_held(here, record, actor):
            school = here.directory.school_name(record.facts.school)
            offered.append((record.ref, f"{record.ref}: {record.facts.title}, {school}, {record.state}"))
    person = here.directory.people.get(actor)
    if person is not None and set(person.roles) & set(row_of(FIRST, None).who):
        offered.append((_NEW, "Begin a new partnership"))
    return tuple(offered)


def _make_questions(here: Session, deed: Deed, now: datetime) -> Questions:
    """Return the questions for an event, with the answers that the record has already."""
    today = here.config.calendar.day(now)
    offered = _leave_out_for_pages(choices.make_offer(here, deed, now), deed.event)
    values = prefill.usual_values(deed.event, today)
    # What is sealed is its author's alone, and at this terminal somebody may act in the author's name.
    if not deed.event.sealed:
        values |= prefill.values_on_record(here, deed)
    return Questions(deed.event.takes, offered, parsing.to_texts(deed.event.takes, values, offered), today)


def _leave_out_for_pages(offered: Offered, event: Event) -> Offered:
    """Return what the questions offer: not what only a page asks for, and no document that may be left out.

    `trigger` takes documents. A name that somebody types at this terminal would be nobody's signature.
    """
    field = event.takes.model_fields.get(event.document or "")
    spare = {event.document} if event.document and field and not field.is_required() else set()
    # The report has always been asked for its document here.
    spare -= {"document"} if "sha256" in event.takes.model_fields else set()
    return replace(offered, without=offered.without | spare | event.form.demands, demanded=frozenset())


def _print_menu(here: Session, record: Snapshot, actor: str, menu: Menu) -> None:
    """Print where a partnership stands, and what the person can do."""
    facts, config = record.facts, here.config
    since = long_day(config.calendar.day(record.entered_at))
    roles = " and ".join(roles_held(here, record, actor)) or "no role here"
    echo(f"\n{record.ref}: {facts.title}, {here.directory.school_name(facts.school)}")
    echo(
        f"In {str(record.state).replace('-', ' ')} since {since}. You are {here.name_of(actor, facts)} ({roles})."
    )
    for number, deed in enumerate(menu.deeds, start=1):
        if deed.is_dangerous and not (number > 1 and menu.deeds[number - 2].is_dangerous):
            echo("Hard to undo:")
        by = config.calendar.local(deed.by) if deed.by else None
        until = f", by {by:%Y-%m-%d %H:%M}" if by else ""
        waits = f"  <- waits for you{until}" if deed.waited_for else ""
        echo(f"  {number:>2}  {config.label(deed.event.name)} ({deed.event.name}){waits}")
    if not menu.deeds:
        echo("You can do nothing here now.")
    for row, reason in menu.hindered[:_HINDERED]:
        echo(f"   -  {config.label(row.name)}: not yet, {event_words.write_reason(here, reason, facts)}")
    if menu.hindered[_HINDERED:]:
        echo(f"   -  and later more; `partnershipctl events {record.ref}` lists it")


def _count_told(here: Session, change: Change) -> dict[str, int]:
    """Return how many people an event tells, by role."""
    table = tables.notices
    mine = (table.c.partnership == change.record.id, table.c.seq == change.record.version)
    return dict(Counter(here.connection.scalars(select(table.c.role).where(*mine))))
