"""Writes a rehearsal as text that can be read aloud: the days in order, then how each partnership ends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from workflow.rehearsal.endings import Ending
from workflow.rehearsal.telling import Day, Place, Step, Telling, count

_WIDTH = 100


def write_aloud(telling: Telling) -> Iterator[str]:
    """Yield the lines."""
    yield from _wrap(telling.summary)
    for day in telling.days:
        yield from _write_day(telling, day)
    if not telling.days:
        yield from ["", "Nothing happens in this time."]
    last = telling.wording.write_day(telling.last, telling.first)
    yield from ["", f"HOW IT STANDS AT THE END OF {last.upper()}"]
    for ending in telling.endings:
        yield from _write_ending(ending)
    yield from _write_totals(telling)


def _write_day(telling: Telling, day: Day) -> Iterator[str]:
    yield from ["", day.heading.upper()]
    for place in day.places:
        if fresh := [step for step in place.steps if not step.again]:
            yield from _write_place(telling, place, fresh)
    repeated = [(place, step) for place in day.places for step in place.steps if step.again]
    if repeated:
        yield "  Told again of what is overdue"
    for place, step in repeated:
        yield from _wrap(f"{place.school}: {step.sentence}. Told: {_list_people(step)}", "    ")


def _write_place(telling: Telling, place: Place, steps: Sequence[Step]) -> Iterator[str]:
    yield f"  {place.school}" + (f" ({place.ref})" if place.ref else "")
    for step in steps:
        if step.sentence:
            yield from _wrap(f"{telling.wording.write_time(step.at)}: {step.sentence}", "    ")
        for told in step.told:
            yield from _wrap(f'Told: {"; ".join(told.people)}: "{told.subject}"', "      ")


def _list_people(step: Step) -> str:
    return "; ".join(dict.fromkeys(person for told in step.told for person in told.people)) or "nobody"


def _write_ending(ending: Ending) -> Iterator[str]:
    before = f"; it was {ending.was} at the beginning" if ending.was else ""
    yield from _wrap(f"{ending.school} ({ending.ref}): {ending.state}{before}.", "  ")
    for waiting in ending.waits:
        yield from _wrap(f"Waits for {waiting}.", "    ")
    for missed in ending.missed:
        yield from _wrap(f"Missed: {missed}.", "    ")


def _write_totals(telling: Telling) -> Iterator[str]:
    totals, refused = telling.totals, len(telling.refusals)
    yield from ["", "IN ALL"]
    yield (
        f"  {count(totals.events, 'event')}, {count(totals.missed, 'missed deadline')},"
        f" {count(totals.messages, 'message')}"
    )
    if refused:
        yield f"  {count(refused, 'event')} of the script REFUSED"
    for person, messages in totals.by_person:
        yield f"  {messages:>5}  {person}"


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  " * bool(indent),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
