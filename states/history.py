"""Folds a history into state and facts, with its corrections, and tries out a correction before it is recorded.

A correction is a row of its own that names an earlier one. Folding takes the corrected input at the place of the
earlier row, or leaves that row out if it was taken back. What it recorded of the setting counts there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from states.agreed_texts import ask_again, texts_changed
from states.case import Case, Entry, Refusal, Setting, Trial, require_recorded
from states.chapters.correction import (
    CORRECT_ENTRY,
    CorrectEntry,
    changes_approved,
    correctors,
)
from states.contacts import covers, lead_partner
from states.errors import BadInput, LawError, Problem, Refused, Unmet
from states.event import BOARD_OFFICE, CLOCK, STAFF
from states.inputs import Input, as_stored, read_input
from states.lifecycle import TABLE
from states.machine import apply, event_named, replay, row_of
from states.names import Role, State
from states.partnership import Partnership

_NOTHING = Partnership(school="", title="")  # before the first row


@dataclass(slots=True)
class Folded:
    """What a history adds up to: state, facts, and the instant at which the state was entered.

    By the number of a row, `unmet` has what the law has against it, if the rows were judged, `failed` why it could
    not be replayed, and `states` the state in which it was written.
    """

    state: State | None = None
    facts: Partnership = _NOTHING
    entered_at: datetime | None = None
    unmet: dict[int, tuple[Unmet, ...]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    states: dict[int, State | None] = field(default_factory=dict)  # before each row


def effective(entries: Iterable[Entry]) -> dict[int, Entry | None]:
    """Return, by number, each row that was corrected as it counts; None for one that was taken back."""
    rows = {entry.seq: entry for entry in entries}
    counts: dict[int, Entry | None] = {}
    for entry in rows.values():
        if entry.event != CORRECT_ENTRY:
            continue
        recorded, values = rows[entry.values["seq"]], entry.values
        counts |= dict.fromkeys(values.get("takes_back", ()))
        counts[recorded.seq] = (
            None
            if values.get("void")
            else replace(
                recorded,
                values=values_of(recorded, values["input"]),
                setting=entry.setting.corrected or recorded.setting,
            )
        )
    return counts


def values_of(recorded: Entry, corrected: Mapping[str, Any]) -> dict[str, Any]:
    """Return a corrected input with the texts of an application, which no correction changes or repeats."""
    kept = {key: recorded.values[key] for key in event_named(recorded.event).sealed if key in recorded.values}
    return {**kept, **corrected}


def fold(entries: Sequence[Entry], *, judged: bool = False) -> Folded:
    """Return what a history adds up to. With `judged`, judge each row by the law as well.

    Raise `LawError`, `LookupError` or `ValueError` if a row cannot be replayed; a judged one is skipped instead.
    """
    counts = effective(entries)
    folded = Folded()
    for entry in entries:
        if entry.event == CORRECT_ENTRY:
            corrected = next(row for row in entries if row.seq == entry.values["seq"])
            facts = ask_again(folded.facts, entry.setting.asks_again, corrected, entry.at)
            folded.facts = facts.but(corrected_at=entry.at)
            continue
        folded.states[entry.seq] = folded.state
        counting = counts.get(entry.seq, entry)
        if counting is None:
            continue
        if judged:
            folded.unmet[entry.seq] = tuple(_judge(folded, counting))
        try:
            outcome = replay(counting.event, _case(folded, counting))
        except (LawError, LookupError, AttributeError) as error:
            # It is in `unmet`, since the law does not allow it either.
            if judged:
                folded.failed[entry.seq] = str(error.args[0]) if error.args else type(error).__name__
                continue
            raise
        if outcome.state is not folded.state:
            folded.entered_at = entry.at
        folded.state, folded.facts = outcome.state, outcome.facts
    return folded


def walk(entries: Sequence[Entry]) -> Iterator[tuple[State, Partnership]]:
    """Yield the state and the facts after each row of a history, as they were known when it was written.

    A correction counts from its own row on. Raise as `fold` does.
    """
    folded = Folded()
    for number, entry in enumerate(entries, start=1):
        # A correction reaches back, so fold again what stands before it. Every other row adds to what is there.
        if entry.event == CORRECT_ENTRY:
            folded = fold(entries[:number])
        else:
            outcome = replay(entry.event, _case(folded, entry))
            folded.state, folded.facts = outcome.state, outcome.facts
        yield require_recorded(folded.state), folded.facts


def _case(folded: Folded, entry: Entry) -> Case:
    takes = row_of(entry.event, folded.state).takes
    return Case(
        state=folded.state,
        facts=folded.facts,
        input=read_input(takes, entry.values),
        actor=entry.actor,
        role=entry.role,
        at=entry.at,
        setting=entry.setting,
    )


def _judge(folded: Folded, entry: Entry) -> list[Unmet]:
    """Return what the law has against a row at its place."""
    unmet = _find_lost_role(folded.facts, entry)
    try:
        apply(entry.event, _case(folded, entry))
    except Refused as refused:
        unmet += refused.unmet
    except BadInput as bad:
        unmet += [Unmet("input", str(problem)) for problem in bad.problems]
    except LookupError as missing:
        unmet.append(Unmet("on-record", str(missing.args[0])))
    return unmet


def _find_lost_role(facts: Partnership, entry: Entry) -> list[Unmet]:
    """Return an unmet requirement if the actor of a row does not have the role that the facts gave."""
    call = facts.selection
    other = entry.setting.other_contact
    may_act = other and other.organization == lead_partner(facts) and covers(other.rights, entry.event)
    held: Mapping[Role, bool] = {
        Role.LEAD_PARTNER: bool(may_act)
        or (facts.contact is not None and facts.contact.email == entry.actor),
        Role.NEXT_CONTACT: facts.next_contact is not None and facts.next_contact.email == entry.actor,
        Role.REVIEWER: call is not None and entry.actor in call.reviewers,
    }
    if held.get(entry.role, True):
        return []
    return [Unmet("role", f"{entry.actor} would not have been {entry.role} here")]


SettingOf = Callable[[Entry, Input], Setting]


def try_correction(
    entries: Sequence[Entry], values: CorrectEntry, at: datetime, collect_setting: SettingOf
) -> Trial:
    """Return what a correction at an instant would change.

    `collect_setting` returns the setting by which a row is judged with a corrected input.

    1. Find the row, and what counts for it now. Read the corrected input as the law reads it.
    2. Fold the history as it is, with the correction, and without the rows of the clock that fall with it.
    3. Keep what the law has against a row only with the correction: an earlier release may have allowed more.
    4. Find the texts that were signed and would change, so that they are signed again.

    Raise `BadInput` for a corrected input that the event does not take.
    """
    rows = {entry.seq: entry for entry in entries}
    recorded, was = rows.get(values.seq), fold(entries, judged=True)
    if recorded is None or recorded.event == CORRECT_ENTRY:
        return Trial(None, recorded, was.facts, was.facts, was.state, was.entered_at, length=len(entries))
    counts = effective(entries).get(recorded.seq, recorded)
    entry = counts or recorded
    given = None if values.void else _read(recorded, was.states[recorded.seq], values.input or {})
    setting = entry.setting if given is None else collect_setting(entry, given)
    stored: dict[str, Any] = {"seq": recorded.seq, "void": values.void, "takes_back": ()}
    stored["input"] = None if given is None else as_stored(given)

    def folded_with(fallen: Sequence[int]) -> tuple[Folded, tuple[Refusal, ...]]:
        correction = Entry(
            seq=len(entries) + 1,
            event=CORRECT_ENTRY,
            values=stored | {"takes_back": fallen},
            actor="",
            role=STAFF,
            at=at,
            setting=Setting(corrected=setting),
        )
        after = fold([*entries, correction], judged=True)
        return after, tuple(_find_refusals(rows, was, after))

    after, refusals = folded_with(())
    refused = {refusal.entry.seq for refusal in refusals}
    fallen = [seq for seq in values.takes_back if seq in refused]
    if fallen:
        after, refusals = folded_with(fallen)
    asks = texts_changed(was.facts, after.facts, recorded)
    trial = Trial(
        entry=entry,
        recorded=recorded,
        before=was.facts,
        facts=ask_again(after.facts, asks, recorded, at),
        state=after.state,
        entered_at=after.entered_at,
        input=given,
        values=None if given is None else as_stored(given),
        is_void=counts is None,
        refusals=refusals,
        asks_again=asks,
        fallen=tuple(rows[seq] for seq in fallen),
        correctors=correctors(recorded, [row for row in TABLE if row.name == recorded.event]),
        sealed=event_named(recorded.event).sealed,
        setting=setting,
        length=len(entries),
    )
    # What the Board approved is corrected by its office alone, also where staff wrote it down.
    if STAFF in trial.correctors and changes_approved(trial):
        return replace(trial, correctors=(BOARD_OFFICE,))
    return trial


def _read(recorded: Entry, state: State | None, values: Mapping[str, Any]) -> Input:
    """Return a corrected input. Raise `BadInput` with the place of each mistake inside of the correction."""
    # Documents show the dollars beside the cents. Whoever corrects what they show may leave the dollars in.
    values = {key: value for key, value in values.items() if f"{key}_cents" not in values}
    try:
        return read_input(row_of(recorded.event, state).takes, values_of(recorded, values))
    except BadInput as bad:
        problems = (Problem(f"input.{p.at}".rstrip("."), p.problem, p.expected) for p in bad.problems)
        raise BadInput(problems) from None


def _find_refusals(rows: Mapping[int, Entry], was: Folded, after: Folded) -> Iterator[Refusal]:
    """Yield what the law has against a row after a correction and did not have before."""
    for seq, unmet in after.unmet.items():
        before = {each.requirement for each in was.unmet.get(seq, ())}
        for each in unmet:
            if each.requirement not in before:
                yield Refusal(rows[seq], each.requirement, each.reason, each.clause)


def judge_correction(case: Case) -> tuple[State, Partnership]:
    """Return the state and the facts after a correction.

    Raise `WrongRole` or `Refused`: for the requirements of the correction, or else with every row that the law
    would not have allowed, each with its reason.
    """
    trial = case.trial
    apply(CORRECT_ENTRY, case)
    if trial is None or trial.state is None:
        raise LookupError("a correction is judged by what it would change")
    if trial.refusals:
        raise Refused(
            Unmet(refusal.requirement, _describe(refusal, trial), refusal.clause)
            for refusal in trial.refusals
        )
    return trial.state, trial.facts.but(corrected_at=case.at)


def _describe(refusal: Refusal, trial: Trial) -> str:
    entry = refusal.entry
    itself = trial.recorded is not None and entry.seq == trial.recorded.seq
    start = f"row {entry.seq} ({entry.event}, {entry.at:%Y-%m-%d})"
    hint = f"; if it falls with it, give takes_back = [{entry.seq}]" if entry.role is CLOCK else ""
    return f"{start}{' itself' if itself else ''} would not have been allowed: {refusal.reason}{hint}"
