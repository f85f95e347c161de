"""Says what a correction changes: facts before and after, deadlines that move, and who is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from workflow.admin.console import echo, format_minute
from workflow.engine import Change
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import DeadlineStatus, Snapshot


def read_due(session: Session, record: Snapshot) -> dict[str, str | None]:
    """Return the due instant of each open deadline of a partnership, by name."""
    table = tables.deadlines
    query = select(table.c.name, table.c.ladder).where(
        table.c.partnership == record.id, table.c.status == DeadlineStatus.OPEN.value
    )
    return {row.name: session.local(row.ladder) for row in session.connection.execute(query.distinct())}


def describe(session: Session, change: Change, due_before: dict[str, str | None]) -> dict[str, Any]:
    """Return what a change does to facts and deadlines, which `read_due` gave before, and who is told."""
    before, after = (each.facts.model_dump(mode="json") for each in (change.before, change.record))
    due = read_due(session, change.record)
    table = tables.notices
    query = select(table.c.to, table.c.role).where(
        table.c.partnership == change.record.id, table.c.seq == change.record.version
    )
    told = sorted({(row.to, row.role) for row in session.connection.execute(query)})
    return {
        "facts": [
            {"fact": name, "before": was, "after": now}
            for name, was, now in _differences(before, after)
            if name != "corrected_at"
        ],
        "deadlines": [
            {"name": name, "before": due_before.get(name), "after": due.get(name)}
            for name in sorted({*due_before, *due})
            if due_before.get(name) != due.get(name)
        ],
        "told": [{"to": to, "role": role} for to, role in told],
    }


def _differences(was: Any, now: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each place at which two documents differ, such as "agreement.starts_on", with both values."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted({*was, *now}):
            yield from _differences(was.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _differences(one, other, f"{name}.{number}")
    elif was != now:
        yield name, was, now


def print_effects(effects: dict[str, Any], dry_run: bool) -> None:
    """Print for people what changes, or in a dry run what would change."""
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
