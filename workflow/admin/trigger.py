"""Runs the command trigger: do an event on a partnership, or say every reason why not."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import click

from states.errors import BadInput, Problem
from states.machine import EVENTS, FIRST, event_named, row_of
from states.names import Role
from workflow import engine
from workflow.actions import begin, effects
from workflow.admin import event_input
from workflow.admin.console import Console, common
from workflow.admin.references import REF, require_person, resolve
from workflow.admin.terminal import echo, format_minute
from workflow.change import Change
from workflow.session import Session
from workflow.store import loading
from workflow.store.rows import Channel
from workflow.views import documents, weighed
from workflow.views.authorization import Intent, check_actor


def _complete_event(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [event for event in EVENTS if event.startswith(incomplete)]


@click.command()
@REF
@click.argument("event", shell_complete=_complete_event)
@click.option("--as", "as_", metavar="EMAIL", help="Who acts; else the person of this user in [admin.users].")
@click.option("--role", help="As what, where somebody has several roles that may.")
@click.option(
    "--set", "sets", metavar="KEY=VALUE", multiple=True, help="A part of the input; dotted keys reach inside."
)
@click.option("--input", "input_", metavar="FILE", help="The input as JSON or TOML; - for standard input.")
@click.option("--note", help="A note for the record.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option(
    "--expect-version", type=int, metavar="N", help="Only if the partnership is still at this version."
)
@common
def trigger(
    console: Console,
    ref: str,
    event: str,
    as_: str | None,
    role: str | None,
    sets: tuple[str, ...],
    input_: str | None,
    note: str | None,
    dry_run: bool,
    expect_version: int | None,
) -> None:
    """Do EVENT on partnership REF, or say every reason why not.

    `partnershipctl events REF` lists the events, who may do each, and the keys of its input. A new partnership
    begins with identify-needs: on NEW, which makes up a reference, or on the reference that it shall have.
    """
    # Before the input is read: who may not act should not have to wait for a file or standard input.
    actor, user = console.require_actor(as_)
    source = event_input.read_source(input_)

    lines: list[str] = []

    def work(session: Session) -> tuple[Change, dict[str, Any]]:
        # Only the first event may name a reference that does not exist yet.
        whole = ref if event == FIRST or event not in EVENTS else resolve(session.connection, ref)
        record = loading.load(session.connection, [whole]).get(whole)
        # The public needs no entry in the directory.
        if event not in EVENTS or Role.PUBLIC not in event_named(event).who:
            require_person(session, actor, record.facts if record else None)
        # Check the version first: after a change the event may not exist in the new state, which would mislead.
        if record is not None:
            engine.check_version(record, expect_version)
        row = row_of(event, record.state if record else None)
        as_role = event_input.parse_role(role)
        intent = Intent(whole, event, source, actor, Channel.CLI, console.now, as_role)
        check_actor(session, record or engine.new_record(intent), row, intent)
        values, lines[:] = event_input.read(row.takes, sets, source, console.today)
        new_ref = whole
        if ref == "NEW":
            new_ref = begin.free_ref(session, values.get("school", ""), console.now)
        elif record is None:
            check_ref(ref)
        values = event_input.attach_document(session.connection, row, values, console.now)
        before = effects.read_standing(session, record, console.now) if record is not None else None
        change = engine.advance(
            session,
            new_ref,
            event,
            values,
            actor,
            Channel.CLI,
            console.now,
            expect_version,
            role=as_role,
            note=note,
            ran_by=user,
        )
        if "amount_cents" in change.intent.input and (
            judged := weighed.judge_terms(session, change.record, console.now)
        ):
            lines[:] = [line for line in lines if not line.startswith("amount:")] + [f"{judged}."]
        after = documents.partnership(session, change.record, console.now)
        # Who corrects a row cannot see from its input alone what follows from it.
        changes = effects.describe(session, change, before, console.now) if row.of_entry and before else None
        return change, after | {"changes": changes}

    try:
        change, after = console.system.transact(work, dry_run=dry_run)
    finally:
        # Also after a refusal, which may come from a day that was read in another way than it was meant.
        for line in lines:
            console.tell(line)
    document = _document(console, change, after, dry_run)
    console.show(document, partial(print_change, change, after, dry_run))


def _document(console: Console, change: Change, after: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """Return the JSON document of a change; `after` is the document of the partnership after it."""
    record = change.record
    return {
        "ref": record.ref,
        "event": change.intent.event,
        "from": change.before.state,
        "to": record.state,
        "state": record.state,
        "version": record.version,
        "seq": record.version,
        "at": console.format_local(change.intent.now),
        "actor": change.intent.actor,
        "role": change.role,
        "hash": record.head,
        "dry_run": dry_run,
        "deadlines": after["deadlines"],
        "next_events": after["next_events"],
        **({"changes": after["changes"]} if after["changes"] else {}),
    }


def print_change(change: Change, after: dict[str, Any], dry_run: bool) -> None:
    """Print for people what happened, or in a dry run what would happen."""
    would = "Would record" if dry_run else "Recorded"
    now = "would then be" if dry_run else "is now"
    ref, by = change.record.ref, f"{change.intent.actor} ({change.role})"
    moved = f"; {ref} {now} in {change.record.state}" if change.has_moved else ""
    echo(f"{would} {change.intent.event} on {ref} by {by}{moved}.")
    if after.get("changes"):
        print_effects(after["changes"], dry_run)
    coming = [d for d in after["deadlines"] if d["kind"] == "due"]
    if coming:
        echo(f"Next deadline: {coming[0]['label']}, {format_minute(coming[0]['due_at'])}.")


def print_effects(effects: dict[str, Any], dry_run: bool) -> None:
    """Print for people what a correction changes, or in a dry run what it would change."""
    echo("Facts that would change:" if dry_run else "Facts that changed:")
    for each in effects["facts"] or [{"fact": "none", "before": "", "after": ""}]:
        echo(f"  {each['fact']}: {_shorten(each['before'])} -> {_shorten(each['after'])}")
    for each in effects["deadlines"]:
        was, now = (format_minute(at) if at else "not running" for at in (each["before"], each["after"]))
        echo(f"Deadline {each['name']}: {was} -> {now}")
    people = ", ".join(f"{each['to']} ({each['role']})" for each in effects["told"])
    echo(f"{'Would be told' if dry_run else 'Told'}: {people or 'nobody'}")


def _shorten(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def check_ref(ref: str) -> None:
    """Raise `BadInput` if a text cannot be a reference."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,62}", ref):
        expected = "lower-case letters, digits, dots and dashes, such as rbhs-2026"
        raise BadInput([Problem("REF", f"{ref!r} cannot be a reference", expected)])
