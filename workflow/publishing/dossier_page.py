"""Describes what is left of a partnership for the pages of its dossier: entries, votes, scores, outcomes, stays.

Everything comes from the rows of the history as `record.json` shows them, so a page cannot say more than that file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic.fields import FieldInfo

from notifications.written import long_day, money
from states.chapters.correction import CORRECT_ENTRY
from states.inputs import READABLE
from states.machine import event_named
from states.names import Role
from workflow.publishing.dossier_parts import Parts, Row
from workflow.publishing.dossier_timeline import list_stays
from workflow.publishing.redacted import SEALED, Redacted
from workflow.session import Session
from workflow.store.commitments import left_out, pointer_to
from workflow.store.rows import Channel

Shown = Mapping[str, Any]  # a row of the history as `disclosure.show` has it
_HOW = {
    Channel.CLI: "by a command of the office",
    Channel.LINK: "on a page",
    Channel.REPLY: "by an answer to a message",
    Channel.CLOCK: "automatically",
    Channel.IMPORT: "taken over from an earlier record",
}
_OF_FILE = ("sha256", "size")  # beside the name of a document; record.json and manifest.json have them


class Page:
    """What the pages say about one partnership."""

    def __init__(self, session: Session, parts: Parts, redacted: Redacted, shown: Sequence[Shown]) -> None:
        self.session, self.parts, self.redacted = session, parts, redacted
        self.rows = list(zip(parts.rows, shown, strict=True))
        self.inputs = {row.entry.seq: _read_input(row, each) for row, each in self.rows}
        self.corrections = {
            values["seq"]: (row, values)
            for row, _ in self.rows
            if row.entry.event == CORRECT_ENTRY and isinstance(values := self.inputs[row.entry.seq], dict)
            if isinstance(values.get("seq"), int)
        }
        self.taken_back = {seq for seq, (_, values) in self.corrections.items() if values.get("void") is True}

    def entries(self) -> list[dict[str, Any]]:
        """Return each entry of the history: when, what, by whom, what was said, and how it was corrected."""
        return [self._entry(row) for row, _ in self.rows]

    def _entry(self, row: Row) -> dict[str, Any]:
        entry, correction = row.entry, self.corrections.get(row.entry.seq)
        note = self._text(entry.seq, "/note", entry.note) if entry.note else None
        return {
            "seq": entry.seq,
            "at": entry.at,
            "label": self.session.config.events[entry.event]["done"],
            "by": self.name_of(row),
            "role": self.role_of(row),
            "how": _HOW[Channel(entry.channel)],
            "to": None if entry.to_state == entry.from_state else entry.to_state.replace("-", " "),
            "fields": list(self._fields(row, self.inputs[entry.seq], "/input")),
            "note": note,
            "corrected_by": correction[0].entry.seq if correction else None,
            "taken_back": entry.seq in self.taken_back,
            "hash": entry.hash,
        }

    def name_of(self, row: Row) -> str | None:
        """Return the name of who did an event; None where it is withheld, or where nobody did."""
        entry = row.entry
        name = self.redacted.exemption_of(entry.seq, "/actor")
        person = self.session.directory.person(entry.actor, self.parts.record.facts)
        if entry.role == Role.CLOCK:
            return None
        if name == SEALED:
            return "(sealed)"
        if name is None:
            known = person.name if person else self.session.directory.former.get(entry.actor, entry.actor)
            return self.redacted.clean(known)
        # An address may be withheld while the name beside it is no secret.
        contact = next(iter(self.redacted.patterns.values()), None)
        return self.redacted.clean(person.name) if person and name == contact else f"[withheld: {name}]"

    def role_of(self, row: Row) -> str | None:
        """Return the role in which somebody did an event, where the name does not say the same."""
        role = row.entry.role.replace("-", " ")
        is_said = (self.name_of(row) or "").casefold() == role
        return None if row.entry.role == Role.CLOCK or is_said else role

    def label_of(self, event: str, pointer: str) -> str:
        """Return the words for a place in an input: "Outcomes: 1 baseline" for "/input/outcomes/0/baseline"."""
        first, *rest = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[2:]] or [""]
        field = _fields_of(event).get(first)
        words = (str(int(step) + 1) if step.isdigit() else _spaced(step) for step in rest)
        label = (
            (field.title if field else None) or _spaced(first).replace(" cents", "").capitalize() or "Input"
        )
        return f"{label}: {' '.join(words)}" if rest else label

    def _text(self, seq: int, pointer: str, value: Any) -> str:
        name = self.redacted.exemption_of(seq, pointer)
        if name is not None:
            return "(sealed)" if name == SEALED else f"[withheld: {name}]"
        if pointer == "/input/organization" and isinstance(value, str):
            return self.organization(value)
        if pointer == "/input/school" and isinstance(value, str):
            return self.redacted.clean(self.session.directory.school_name(value))
        return _in_words(pointer, value)

    def _fields(self, row: Row, value: Any, pointer: str) -> Iterator[tuple[str, str]]:
        """Yield the label and the text of each value of an input, in the order of its form."""
        seq, event = row.entry.seq, row.entry.event
        label = self.label_of(event, pointer)
        if left_out(value) is not None or pointer in self.redacted.pointers.get(seq, {}):
            mark = "destroyed" if "forgotten" in (value or ()) else ""
            yield label, f"[{mark}]" if mark else self._text(seq, pointer, value)
        elif isinstance(value, dict):
            order = list(_fields_of(event)) if pointer == "/input" else []
            for key in sorted(value, key=lambda key: order.index(key) if key in order else len(order)):
                hidden = "sha256" in value and key in _OF_FILE
                if not hidden and value[key] not in (None, [], {}, ""):
                    yield from self._fields(row, value[key], pointer_to(pointer, key))
        elif isinstance(value, list):
            if all(isinstance(each, str) and left_out(each) is None for each in value) and value:
                yield label, "; ".join(self._text(seq, f"{pointer}/{n}", v) for n, v in enumerate(value))
            else:
                for number, each in enumerate(value):
                    yield from self._fields(row, each, f"{pointer}/{number}")
        else:
            yield label, self._text(seq, pointer, value)

    def counting(self, *events: str) -> Iterator[tuple[Row, dict[str, Any], int]]:
        """Yield the rows of these events that count, with their input as it was corrected, and their number."""
        for row, _ in self.rows:
            values = self.inputs[row.entry.seq]
            if (
                row.entry.event not in events
                or row.entry.seq in self.taken_back
                or not isinstance(values, dict)
            ):
                continue
            correction = self.corrections.get(row.entry.seq)
            changed = correction[1].get("input") if correction else None
            # What a correction does not name stays as it was.
            merged = values | changed if isinstance(changed, dict) and left_out(changed) is None else values
            yield row, merged, row.entry.seq

    def votes(self) -> list[dict[str, Any]]:
        """Return each vote of the Board, with what it was on: the last referral before it."""
        votes, purpose = [], ""
        for row, values, seq in self.counting("refer-to-board", "approve", "send-back", "terminate"):
            if row.entry.event == "refer-to-board":
                purpose = self.field(seq, "purpose", values.get("purpose"))
            elif values.get("ayes") is not None:
                keys = ("meeting_on", "ayes", "noes", "abstentions", "reason")
                said = {key: self.field(seq, key, values.get(key)) for key in keys}
                votes.append({"seq": seq, "decision": row.entry.event, "purpose": purpose, **said})
        return votes

    def scores(self) -> list[dict[str, Any]]:
        """Return the scores of each reviewer for each applicant; the last ones of a reviewer count."""
        last: dict[tuple[str, str], dict[str, Any]] = {}
        for row, values, seq in self.counting("score-application"):
            organization = self.field(seq, "organization", values.get("organization"))
            given = values.get("scores")
            is_hidden = not isinstance(given, dict) or left_out(given) is not None
            last[row.entry.actor, str(values.get("organization"))] = {
                "organization": self.organization(organization),
                "reviewer": self.name_of(row),
                "scores": [("scores", self.field(seq, "scores", given))]
                if is_hidden
                else [
                    (key, self._text(seq, f"/input/scores/{key}", each))
                    for key, each in (given or {}).items()
                ],
                "comment": self.field(seq, "comment", values.get("comment")),
            }
        return sorted(last.values(), key=lambda each: (each["organization"], each["reviewer"] or ""))

    def field(self, seq: int, key: str, value: Any) -> str:
        """Return a value of an input as people read it, or the mark of what is withheld; "" for none."""
        return "" if value is None else self._text(seq, f"/input/{key}", value)

    def organization(self, key: str) -> str:
        """Return the name of an organization by its identifier."""
        known = self.session.directory.organizations.get(key)
        return self.redacted.clean(known.name) if known else key

    def outcomes(self) -> list[dict[str, Any]]:
        """Return the outcomes that were set last, each with the values that were reported."""
        sets = list(self.counting("set-outcomes"))
        items = sets[-1][1].get("outcomes") if sets else []
        if not isinstance(items, list):
            return []
        reports = list(self.counting("submit-report"))
        return [self._outcome(sets[-1][2], number, item, reports) for number, item in enumerate(items)]

    def _outcome(
        self, seq: int, number: int, item: Any, reports: Sequence[tuple[Row, dict[str, Any], int]]
    ) -> dict[str, Any]:
        place = f"outcomes/{number}"
        if not isinstance(item, dict) or left_out(item) is not None:
            return {"name": self.field(seq, place, item), "values": []}
        shown = {key: self.field(seq, f"{place}/{key}", value) for key, value in item.items()}
        name = item.get("name")
        return shown | {
            "values": [
                (
                    row.entry.at,
                    self.field(of, f"values/{name}", values["values"][name]),
                    _is_met(item, values["values"][name]),
                )
                for row, values, of in reports
                if isinstance(values.get("values"), dict)
                and isinstance(name, str)
                and left_out(values["values"]) is None
                and name in values["values"]
            ]
        }

    def stays(self, now: datetime) -> list[dict[str, Any]]:
        """Return how long the partnership was in each state."""
        changes = [row.entry for row, _ in self.rows if row.entry.to_state != row.entry.from_state]
        return list_stays(changes, now)


def _fields_of(event: str) -> Mapping[str, FieldInfo]:
    """Return the fields of an input by the names that the history has for them."""
    fields = event_named(event).takes.model_fields
    return {field.alias or name: field for name, field in fields.items()}


def _is_met(item: Mapping[str, Any], value: Any) -> bool | None:
    """Return whether a value meets its target; None if one of them is withheld or not a number."""
    target, direction = item.get("target"), item.get("direction")
    if not isinstance(target, (int, float)) or not isinstance(value, (int, float)):
        return None
    if direction not in ("increase", "decrease"):
        return None
    return value >= target if direction == "increase" else value <= target


def _spaced(key: str) -> str:
    return key.replace("_", " ").replace("-", " ")


def _read_input(row: Row, shown: Shown) -> Any:
    """Return the input of a row as it is shown: text of JSON in format 1."""
    value = shown["input"]
    return json.loads(value) if row.entry.salt is None and isinstance(value, str) else value


def _in_words(pointer: str, value: Any) -> str:
    """Return a value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and pointer.endswith("_cents"):
        return money(value)
    if isinstance(value, str):
        if len(value) == 10 and value[4:5] == value[7:8] == "-" and value.replace("-", "").isdigit():
            return long_day(datetime.fromisoformat(value).replace(tzinfo=UTC).date())
        return READABLE.get(value, value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
