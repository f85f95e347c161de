"""Corrects an earlier entry at a terminal: choose it, fill in its form, read what would change, record it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifications.written import long_day
from states.chapters.correction import CORRECT_ENTRY
from states.errors import BadInput, Refused
from states.inputs import Nothing
from states.machine import row_of
from states.names import Role
from workflow import engine, session
from workflow.actions import effects
from workflow.actions.correcting import EntryForm, can_fall, find_refusals, list_correctable
from workflow.admin import trigger
from workflow.admin.console import Console
from workflow.admin.menu import roles_held
from workflow.admin.prompts import Questions, ask_line, ask_yes_no, choose
from workflow.admin.terminal import echo
from workflow.change import Change
from workflow.forms.fields import Choices
from workflow.outbox import event_words
from workflow.session import Session
from workflow.store.errors import Conflict, NotFound
from workflow.store.rows import Channel, HistoryEntry, Snapshot
from workflow.views import documents
from workflow.views.visibility import Viewer

_WAYS: Choices = (("correct", "Correct it"), ("void", "Take it back: it should not be there at all"))


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry that somebody may correct in a role. `words` tell it from the others."""

    row: HistoryEntry
    role: Role
    words: str


def correct(console: Console, record: Snapshot, actor: str, user: str) -> None:
    """Let the actor correct an earlier entry of a partnership, as it stood when they chose to.

    1. Ask for the entry, its input or that it goes, and the reason.
    2. Try it out. If entries of the clock would not have been allowed, ask for each whether it falls with it.
    3. Show what would change, and ask whether to record it.

    Raise `click.Abort` if somebody breaks it off.
    """
    entries = _list_entries(console, record, actor)
    offered = tuple((str(entry.row.seq), entry.words) for entry in entries)
    named = choose("Which entry, by number? (Enter leaves)", offered)
    if named is None:
        return
    entry = next(each for each in entries if str(each.row.seq) == named)
    form = EntryForm(entry.row)
    questions = Questions(form.takes, form.offered, form.texts(), console.today)
    way = choose("\nWhat should become of it?", _WAYS if form.takes is not Nothing else _WAYS[1:])
    if way is None:
        return
    if way == "correct":
        questions.ask_all()
    while not (reason := ask_line("\nWhy")):
        echo("  Say why. Everybody who may read the entry reads it too.")
    fallen: list[int] = []
    while True:
        given: dict[str, Any] = {"seq": entry.row.seq, "reason": reason}
        given |= {"takes_back": fallen} if fallen else {}
        try:
            given |= {"void": True} if way == "void" else {"input": form.complete(questions.read())}
            _show(console, entry, actor, _try(console, record, entry, given, actor, user))
        except (BadInput, Refused) as error:
            more = _ask_what_falls(console, record, entry, given, actor) if isinstance(error, Refused) else []
            if more and more != fallen:
                fallen = more
                continue
            questions.print_mistakes(console, error)
            if way == "void" or choose("\nWhat now?", _AFTER_MISTAKE) != "change":
                return
        except (Conflict, NotFound) as error:
            echo(f"\n{error}.")
            return
        else:
            answer = choose("\nRecord this?", _AFTER_LOOK if way == "correct" else _AFTER_LOOK[::2])
            if answer == "record":
                _record(console, record, entry, given, actor, user)
            if answer != "change":
                return
        questions.ask_again()


_AFTER_MISTAKE: Choices = (("change", "Change an answer"), ("leave", "Back to the menu"))
_AFTER_LOOK: Choices = (
    ("record", "Yes, record it"), ("change", "Change an answer"), ("leave", "No, back to the menu"),
)  # fmt: skip


def _list_entries(console: Console, record: Snapshot, actor: str) -> list[_Entry]:
    """Return the entries that the actor may correct in any of their roles, the latest first."""
    entries: dict[int, _Entry] = {}
    who = row_of(CORRECT_ENTRY, record.state).who
    now = session.current_time()
    with console.system.reading() as here:
        for role in roles_held(here, record, actor):
            if role not in who:
                continue
            for row, sentence in list_correctable(here, record, Viewer(role, actor), now):
                day = long_day(here.config.calendar.day(row.at))
                entries.setdefault(row.seq, _Entry(row, role, f"{day}: {sentence}"))
    return [entries[seq] for seq in sorted(entries, reverse=True)]


@dataclass(frozen=True, slots=True)
class _Outlook:
    """A correction with the document of the partnership after it, and what it changes in words."""

    change: Change
    after: dict[str, Any]
    parts: effects.Parts


def _try(
    console: Console,
    record: Snapshot,
    entry: _Entry,
    given: Mapping[str, Any],
    actor: str,
    user: str,
    *,
    dry_run: bool = True,
) -> _Outlook:
    """Make a correction; with `dry_run` undo it again. Raise as `engine.advance` does."""
    now, viewer = session.current_time(), Viewer(entry.role, actor)

    def work(here: Session) -> _Outlook:
        before = effects.read_standing(here, record, now, viewer)
        change = engine.advance(
            here, record.ref, CORRECT_ENTRY, given, actor, Channel.CLI, now, record.version,
            role=entry.role, ran_by=user,
        )  # fmt: skip
        made = effects.describe(here, change, before, now, viewer)
        after = documents.partnership(here, change.record, now)
        return _Outlook(change, after, effects.put_in_words(here, change, made, viewer))

    return console.system.transact(work, dry_run=dry_run)


def _record(
    console: Console, record: Snapshot, entry: _Entry, given: Mapping[str, Any], actor: str, user: str
) -> None:
    """Make a correction for good, and print so."""
    try:
        done = _try(console, record, entry, given, actor, user, dry_run=False)
    except (BadInput, Refused, Conflict, NotFound) as error:
        # Somebody moved the partnership while this person was reading.
        echo(f"\nNothing was recorded: {error}.")
        return
    echo()
    trigger.print_change(done.change, done.after, False)


def _show(console: Console, entry: _Entry, actor: str, outlook: _Outlook) -> None:
    echo(f"\nThis will be recorded on {outlook.change.record.ref}, by {actor} as {outlook.change.role}:")
    echo(f"  {console.settings.label(CORRECT_ENTRY)}: {entry.words}")
    echo("What would change:")
    for title, pairs in outlook.parts:
        echo(f"  {title}")
        for label, text in pairs:
            echo(f"    {label}: {text}")


def _ask_what_falls(
    console: Console, record: Snapshot, entry: _Entry, given: Mapping[str, Any], actor: str
) -> list[int]:
    """Return the numbers of the later entries of the clock that somebody lets fall with the correction."""
    now, fallen = session.current_time(), []
    with console.system.reading() as here:
        refusals = find_refusals(here, record, given, now, actor)
        for refusal in {each.entry.seq: each for each in refusals if can_fall(each, entry.row.seq)}.values():
            later, day = refusal.entry, long_day(refusal.entry.at.date())
            why = event_words.write_reason(here, refusal.reason, record.facts)
            echo(f"\n{console.settings.label(later.event)}, {day}, would not have been allowed: {why}.")
            if ask_yes_no("Let it fall with this correction?", default=False):
                fallen.append(later.seq)
    return fallen
