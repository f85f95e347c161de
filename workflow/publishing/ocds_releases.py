"""Makes the OCDS releases of a partnership: one for each event that changes what the public may know.

A release has everything that is public at its instant. What a correction took away is null in it, as the
standard asks (OCDS 1.1, merging), so that the compiled release no longer has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from states.case import Entry
from states.chapters.correction import CORRECT_ENTRY
from states.history import fold, walk
from states.partnership import Partnership
from workflow.publishing.ocds_process import Node, Process, describe
from workflow.publishing.words import Words
from workflow.session import Session
from workflow.store import past
from workflow.store.rows import DESTROYED, Snapshot
from workflow.views.public_texts import cleaner_for

_SECTIONS = ("planning", "tender", "awards", "contracts")
_CANCELLED = frozenset({"cancelled", "unsuccessful"})


def list_releases(session: Session, words: Words, record: Snapshot) -> dict[str, list[Node]]:
    """Return the releases of each process of a partnership by its ocid, the earliest first.

    No text in them names a contact person. Of a record that was destroyed there are none. Raise as
    `states.history.fold` does if the history cannot be read.
    """
    entries = past.read_entries(session.connection, record.key, session.config.calendar.local)
    if any(entry.actor == DESTROYED for entry in entries):
        return {}
    processes, clean = make_releases(session, words, record.ref, entries), cleaner_for(record.facts)
    return {ocid: [_clean(each, clean) for each in releases] for ocid, releases in processes.items()}


def _clean(value: Any, clean: Callable[[str], str]) -> Any:
    """Return a document with every text cleaned. The name of a party stays: it may be called after a person."""
    if isinstance(value, dict):
        return {key: item if key == "name" else _clean(item, clean) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, clean) for item in value]
    return clean(value) if isinstance(value, str) else value


def make_releases(
    session: Session, words: Words, ref: str, entries: Sequence[Entry]
) -> dict[str, list[Node]]:
    """Return the releases of each process of a history by its ocid.

    1. Walk along the history: take the facts as they were known after each row.
    2. Describe each process that had begun by then, and compare it with how it was before.
    3. Where it differs make a release. What stays the same for the public makes none, so that nothing shows when
       something happened that is not public, such as an application.
    """
    processes: list[_Releases] = []
    award_row, awarded, before = None, None, None
    for number, (entry, (_, facts)) in enumerate(zip(entries, walk(entries), strict=True), start=1):
        # Notes and the like change no fact.
        if facts is before:
            continue
        before = facts
        in_force = facts.agreement is not None and facts.agreement.in_force_at is not None
        award_row = (award_row or number) if in_force else None
        # Only a correction changes what the award said.
        if award_row == number:
            awarded = facts
        elif award_row and entry.event == CORRECT_ENTRY:
            awarded = _facts_at(entries[:number], award_row)
        while len(processes) <= facts.round:
            processes.append(_Releases(Process(session, words, ref, len(processes))))
        for process in processes:
            process.add(entry, facts, awarded or facts)
    return {each.process.ocid: each.releases for each in processes if each.releases}


def _facts_at(entries: Sequence[Entry], row: int) -> Partnership:
    """Return the facts right after a row, with every correction of the rows up to it that came since."""
    return fold(
        [
            entry
            for entry in entries
            if entry.seq <= row or (entry.event == CORRECT_ENTRY and entry.values["seq"] <= row)
        ]
    ).facts


class _Releases:
    """The releases of one process so far."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.releases: list[Node] = []
        self._known: Node = {}  # what the last release said
        self._amendments: list[Node] = []  # of the tender

    def add(self, entry: Entry, facts: Partnership, awarded: Partnership) -> None:
        """Add a release for a row of the history if the public knows something else after it."""
        before, after = self._known, describe(self.process, facts, awarded)
        if "planning" in before:
            after.setdefault("planning", before["planning"])
        if self._amendments:
            after["tender"]["amendments"] = self._amendments
        _keep_award(before, after)
        changed = [section for section in _SECTIONS if before.get(section) != after.get(section)]
        if not changed:
            return
        date = entry.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        tags = list(find_tags(before, after))
        release_id = self._name(tags[0], date)
        self._note_amendment(before, after, release_id, date)
        head = {
            "ocid": self.process.ocid,
            "id": release_id,
            "date": date,
            "tag": tags,
            "initiationType": "tender",
            "language": "en",
        }
        self.releases.append(head | _with_nulls(before, after))
        self._known = after

    def _name(self, tag: str, date: str) -> str:
        """Return the identifier of a release, made of what is public: its first tag and its instant.

        The number of the row would tell how many have applied, and the event that there was a protest.
        """
        name = f"{self.process.ocid}-{tag}-{date.replace('-', '').replace(':', '')}"
        same = sum(release["id"].startswith(name) for release in self.releases)
        return f"{name}-{same + 1}" if same else name

    def _note_amendment(self, before: Node, after: Node, release_id: str, date: str) -> None:
        """Say in the tender which release moved the dates of the call."""
        earlier, period = (node.get("tender", {}).get("tenderPeriod") for node in (before, after))
        if not earlier or not period or earlier == period:
            return
        was, now = (datetime.fromisoformat(each["endDate"]) for each in (earlier, period))
        words = self.process.words
        amendment = {
            "id": release_id,
            "date": date,
            "description": words("closing_moved", was, now) if was != now else words("call_changed"),
            "amendsReleaseID": self.releases[-1]["id"],
            "releaseID": release_id,
        }
        self._amendments = after["tender"]["amendments"] = [*self._amendments, amendment]


def _keep_award(before: Node, after: Node) -> None:
    """Cancel an award that a correction took back. An award and a contract do not vanish from the data."""
    for section in ("awards", "contracts"):
        if section in before and section not in after:
            after[section] = [each | {"status": "cancelled"} for each in before[section]]
            after["parties"] = before["parties"]


def find_tags(before: Node, after: Node) -> Iterator[str]:
    """Yield what a release is about, by the codelist releaseTag: which part is new, and which has changed."""
    if "planning" in after and before.get("planning") != after["planning"]:
        yield "planningUpdate" if "planning" in before else "planning"
    yield from _tags_of_tender(before.get("tender"), after.get("tender"))
    was, now = _first(before, "awards"), _first(after, "awards")
    if was != now:
        ended = now.get("status") == "cancelled"
        yield "award" if not was else "awardCancellation" if ended else "awardUpdate"
    yield from _tags_of_contract(_first(before, "contracts"), _first(after, "contracts"))


def _first(node: Node, section: str) -> Node:
    items: list[Node] = node.get(section) or [{}]
    return items[0]


def _tags_of_tender(before: Node | None, after: Node | None) -> Iterator[str]:
    if after is None or before == after:
        return
    if after["status"] in _CANCELLED and (before is None or before["status"] not in _CANCELLED):
        yield "tenderCancellation"
    elif before is None:
        yield "tender"
    else:
        moved = before.get("tenderPeriod") != after.get("tenderPeriod")
        yield "tenderAmendment" if moved else "tenderUpdate"


def _tags_of_contract(before: Node, after: Node) -> Iterator[str]:
    was, now = before.get("implementation"), after.get("implementation")
    bare_before, bare_after = ({**each, "implementation": None} for each in (before, after))
    if after and not before:
        yield "contract"
    elif bare_before != bare_after:
        if after.get("status") in ("terminated", "cancelled") and before.get("status") != after.get("status"):
            yield "contractTermination"
        elif before.get("amendments") != after.get("amendments"):
            yield "contractAmendment"
        else:
            yield "contractUpdate"
    if was != now:
        yield "implementation" if was is None else "implementationUpdate"


def _with_nulls(before: Any, after: Any) -> Any:
    """Return what is public now, with null for every value that an earlier release had and this one has not."""
    if isinstance(before, dict):
        now = after if isinstance(after, dict) else {}
        merged = {key: _with_nulls(before.get(key), value) for key, value in now.items()}
        # What identifies an object stays, since it says of which object the values are gone.
        gone = {key: _with_nulls(value, None) for key, value in before.items() if key not in now}
        return merged | gone | ({"id": before["id"]} if "id" in before and "id" not in now else {})
    if isinstance(before, list) and before and isinstance(before[0], dict):
        now = {item["id"]: item for item in after or ()}
        known = {item["id"]: item for item in before}
        return [_with_nulls(known.get(key), now.get(key)) for key in {**known, **now}]
    return after
