"""Decides what a copy for public records withholds: values, documents and messages, before anything is rendered.

1. Withhold what the classes of the configuration cover, and what somebody marked by hand.
2. Look for each withheld value elsewhere. A value of the history that has it within is withheld as well, since a
   committed value is shown whole or not at all. So is a document, unless it can be written anew without it.
3. A document that is withheld or changed takes its digest, its size and its name with it: they would let people
   try out what it says. Then look again, until nothing new is found.
4. Messages are written anew from their text, without their links. What cannot be taken out withholds the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from states.chapters.correction import CORRECT_ENTRY
from states.event import OFFICE
from states.selection import Selection
from workflow.procedure.redactions import APPLICATIONS, COMMENTS, CONTACT, LINKS, SCORES
from workflow.publishing.document_text import read_document, search_bytes, strip_tags
from workflow.publishing.dossier_parts import READ, File, Message, Parts, Row, named_files
from workflow.publishing.redacted import SEALED, Redacted
from workflow.publishing.secrets_in_text import (
    ADDRESS,
    PHONE,
    Secrets,
    hide_links,
    squeeze,
    writings,
)
from workflow.record.marks import Mark
from workflow.session import Session
from workflow.store.commitments import flatten

_MARK = re.compile(r"\[withheld: ([a-z0-9-]+)\]")
_APPLICATION_EVENTS = ("receive-application", "withdraw-application")
_PANEL_EVENTS = ("score-application", "declare-conflict")
_FEEDS_COPY = ("input", "setting")  # columns from which a signed copy was written


def redact(session: Session, parts: Parts, marks: Sequence[Mark], fixed: str) -> Redacted:
    """Return what may be shown. `fixed` are the words of the pages, which nobody can withhold."""
    return _Redactor(session, parts, marks, fixed).run()


class _Redactor:
    """Works out what is withheld. `run` goes through the steps of this module."""

    def __init__(self, session: Session, parts: Parts, marks: Sequence[Mark], fixed: str) -> None:
        self.session, self.parts, self.marks = session, parts, marks
        self.rules = {
            covered: row.name for row in session.config.procedure.redaction for covered in row.covers
        }
        opened = " ".join(
            f"{row.entry.at.isoformat()} {row.entry.event} {row.entry.role}" for row in parts.rows
        )
        self.fixed = squeeze(f"{fixed} {opened} {parts.record.ref}")
        self.values = {row.entry.seq: row.values for row in parts.rows}
        self.leaves = {
            seq: [leaf for name, value in values.items() for leaf in flatten(value, f"/{name}")]
            for seq, values in self.values.items()
        }
        self.at = {row.entry.seq: row.entry.at for row in parts.rows}
        self.office = _office_addresses(session, parts)
        self.result = Redacted(kept=self.office)
        self.texts: dict[str, str] = {}
        # What cannot be looked for in a text, since it is too short or an ordinary word: by row.
        self.blunt: dict[int, str] = {}

    def run(self) -> Redacted:
        """Return what is left after all steps."""
        result = self.result
        for row in self.parts.rows:
            result.pointers[row.entry.seq] = {f"/{column}": SEALED for column in sorted(row.sealed)}
        for seq, pointer, name in (*self._by_hand(), *self._by_class()):
            self._hide(seq, pointer, name)
        if CONTACT in self.rules:
            result.patterns = dict.fromkeys((ADDRESS, PHONE), self.rules[CONTACT])
        self._follow_corrections()
        self._spread()
        for message in self.parts.messages:
            result.messages[message.item] = self._rewrite(message)
        result.days = next(filter(None, map(self._hides_day, result.pointers)), None)
        return result

    # The first step

    def _by_hand(self) -> Iterator[tuple[int, str, str]]:
        for mark in self.marks:
            kind, _, rest = mark.item.partition("/")
            if kind == "row":
                number, slash, pointer = rest.partition("/")
                pointers = [slash + pointer] if pointer else [f"/{name}" for name in READ]
                self._uncover(int(number), slash + pointer)
                yield from ((int(number), each, mark.exemption) for each in pointers)
                # Who is not to be named is not to be named anywhere.
                self._keep_name(int(number), slash + pointer, mark.exemption)
                self._close_named(int(number), slash + pointer, mark.exemption)
            elif kind == "document":
                self.result.files[mark.item] = (None, mark.exemption)
            else:
                self.result.messages[mark.item] = (None, mark.exemption)

    def _close_named(self, seq: int, pointer: str, name: str) -> None:
        """Withhold the document whose digest or size somebody marked: the manifest would tell them."""
        for place, value in named_files(self.values.get(seq), ""):
            if any(f"{place}/{key}/".startswith(f"{pointer}/") for key in ("sha256", "size")):
                for file in self.parts.files:
                    if file.sha256 == value["sha256"]:
                        self.result.files[file.item] = (None, name)

    def _uncover(self, seq: int, pointer: str) -> None:
        """Let an address of the office count as a secret where somebody marked it by hand."""
        marked = (
            value.lower()
            for place, value in self.leaves.get(seq, ())
            if isinstance(value, str) and (place + "/").startswith(pointer + "/")
        )
        self.office = self.result.kept = self.office - frozenset(marked)

    def _keep_name(self, seq: int, pointer: str, name: str) -> None:
        for place, value in self.leaves.get(seq, ()):
            known = (
                self.session.directory.person(value, None)
                if isinstance(value, str) and "@" in value
                else None
            )
            if known and (place == pointer or place.startswith(pointer + "/")):
                self._add_text(known.name, name)

    def _by_class(self) -> Iterator[tuple[int, str, str]]:
        for row in self.parts.rows:
            seq, event = row.entry.seq, row.entry.event
            for covered, name in self.rules.items():
                covering, _, key = covered.partition(".")
                if key and covering == event:
                    yield seq, f"/input/{key}", name
            if not _led_to_a_choice(self.parts, row):
                yield from self._before_choice(seq, event)
            if CONTACT in self.rules:
                yield from ((seq, place, self.rules[CONTACT]) for place in self._contacts(seq))

    def _before_choice(self, seq: int, event: str) -> Iterator[tuple[int, str, str]]:
        columns = {
            APPLICATIONS: [f"/{name}" for name in READ] if event in _APPLICATION_EVENTS else [],
            SCORES: ["/input/scores", "/input/reason", "/input/organization"]
            if event in _PANEL_EVENTS
            else [],
            COMMENTS: ["/input/comment", "/note"] if event in _PANEL_EVENTS else [],
        }
        for covered, places in columns.items():
            if covered in self.rules:
                yield from ((seq, place, self.rules[covered]) for place in places)

    def _contacts(self, seq: int) -> Iterator[str]:
        """Yield the pointers to values in which an address or a telephone number of somebody outside stands."""
        for place, value in self.leaves[seq]:
            if isinstance(value, str) and "sha256" not in place:
                addresses = {each.lower().rstrip(".") for each in ADDRESS.findall(value)}
                if addresses - self.office or PHONE.search(value):
                    yield place

    def _hide(self, seq: int, pointer: str, name: str) -> bool:
        """Withhold a part of a row. Return whether it was shown before."""
        mine = self.result.pointers.setdefault(seq, {})
        if self.result.exemption_of(seq, pointer) or seq not in self.leaves:
            return False
        below = [
            (place, value) for place, value in self.leaves[seq] if (place + "/").startswith(pointer + "/")
        ]
        # A row that has nothing there needs no line in the log.
        below = [(place, value) for place, value in below if value not in (None, [], {})]
        if not below:
            return False
        row = next(row for row in self.parts.rows if row.entry.seq == seq)
        if row.entry.salt is None:  # a row of format 1 leaves out whole columns
            pointer = "/" + pointer.split("/")[1]
            below = [(p, value) for p, value in self.leaves[seq] if (p + "/").startswith(pointer + "/")]
        for place in [each for each in mine if each.startswith(pointer + "/")]:
            del mine[place]
        mine[pointer] = name
        for place, value in below:
            self._add_value(seq, place, value, name)
        return True

    def _add_value(self, seq: int, place: str, value: Any, name: str) -> None:
        added = [self._add_text(text, name) for text in writings(place, value)]
        is_address = isinstance(value, str) and ADDRESS.fullmatch(value)
        if not any(added) and not is_address and place.split("/")[1] in ("input", "note"):
            self.blunt.setdefault(seq, name)

    def _add_text(self, text: str, name: str) -> bool:
        """Have a text looked for everywhere. Return False for an ordinary word of the pages."""
        if len(squeeze(text)) < 4 or squeeze(text) in self.fixed or squeeze(text) in self.office:
            return False
        self.texts.setdefault(text.strip(), name)
        return True

    # The second and the third step

    def _follow_corrections(self) -> None:
        """Withhold in a correction what is withheld in the row that it corrects, and the other way round."""
        for row in self.parts.rows:
            target = self.values[row.entry.seq].get("input") or {}
            if row.entry.event != CORRECT_ENTRY or not isinstance(target, dict) or "seq" not in target:
                continue
            mine, other = row.entry.seq, int(target["seq"])
            for pointer, name in list(self.result.pointers.get(other, {}).items()):
                if pointer.startswith("/input"):
                    self._hide(mine, "/input" + pointer, name)
            for pointer, name in list(self.result.pointers.get(mine, {}).items()):
                if pointer.startswith("/input/input"):
                    self._hide(other, pointer.removeprefix("/input"), name)

    def _spread(self) -> None:
        """Look for what is withheld in everything else, until nothing new is found."""
        seen = -1
        while seen != (seen := len(self.texts) + sum(map(len, self.result.pointers.values()))):
            self.result.secrets = Secrets(self.texts)
            for seq, places in self.leaves.items():
                for place, value in places:
                    self._look_into(seq, place, value)
            for file in self.parts.files:
                self._judge(file)

    def _look_into(self, seq: int, place: str, value: Any) -> None:
        find = self.result.secrets.find
        if self.result.exemption_of(seq, place):
            self._shorten(seq, place)
            return
        if name := next(filter(None, map(find, writings(place, value))), None):
            self._hide(seq, place, name)
        self._shorten(seq, place)

    def _shorten(self, seq: int, place: str) -> None:
        """Withhold the object in which a name stands as a key that is withheld."""
        steps = place.split("/")
        for number, step in enumerate(steps[2:], start=2):
            if name := self.result.secrets.find(step.replace("~1", "/").replace("~0", "~")):
                parent = "/".join(steps[:number])
                mine = self.result.pointers[seq]
                if mine.get(parent) is None and not self.result.exemption_of(seq, parent):
                    for each in [each for each in mine if each.startswith(parent + "/")]:
                        del mine[each]
                    mine[parent] = name
                    for at, value in self.leaves[seq]:
                        if at.startswith(parent + "/"):
                            self._add_value(seq, at, value, name)
                return

    def _judge(self, file: File) -> None:
        """Withhold a document, write it anew, or let it stand."""
        before, name = self.result.files.get(file.item, (None, None))
        # What was written anew before may have to lose more now.
        name = name if before is None else None
        name = name or self.result.exemption_of(file.seq, file.pointer) or self._own_copy(file)
        content = file.content
        if name is None and content is not None:
            name, whole = self._find(file.name, content)
            if not whole and file.item not in self.result.unread:
                self.result.unread.append(file.item)
            if name is not None and file.name.lower().endswith((".html", ".htm", ".txt", ".csv", ".md")):
                anew = self._write_anew(file.name, content)
                self._close_document(file, name, whole=anew is None)
                self.result.files[file.item] = (anew, name)
                return
        if name is not None:
            self._close_document(file, name, whole=True)
        self.result.files[file.item] = (None if name else content, name)

    def _find(self, file_name: str, content: bytes) -> tuple[str | None, bool]:
        """Return the exemption of something that stands in a document, and whether all of it could be read."""
        text, whole = read_document(file_name, content)
        secrets = self.result.secrets
        name = secrets.find(search_bytes(content)) or secrets.find(text)
        if name is None and CONTACT in self.rules:
            addresses = {each.lower().rstrip(".") for each in ADDRESS.findall(text)}
            name = self.rules[CONTACT] if addresses - self.office or PHONE.search(text) else None
        return name, whole

    def _write_anew(self, file_name: str, content: bytes) -> bytes | None:
        """Return a document without what is withheld; None if that cannot be taken out."""
        text = content.decode("utf-8", "replace")
        # A file within the page would have to be searched as well.
        if "data:" in text:
            return None
        anew = self.result.secrets.replace(text, self.result.patterns, self.office)
        # It may still stand there in another way of writing, such as an entity of HTML.
        is_clean = anew is not None and self._find(file_name, anew.encode())[0] is None
        return anew.encode() if anew is not None and is_clean else None

    def _own_copy(self, file: File) -> str | None:
        """Return the exemption that withholds a signed copy whole: it has a digest of all its terms."""
        if not file.pointer.startswith("/setting/signed_copy"):
            return None
        contact = self.rules.get(CONTACT)
        names = (
            name
            for seq, pointers in self.result.pointers.items()
            for pointer, name in pointers.items()
            if seq <= file.seq and pointer.split("/")[1] in _FEEDS_COPY and name not in (contact, SEALED)
        )
        return next(names, None)

    def _close_document(self, file: File, name: str, *, whole: bool) -> None:
        """Withhold what tells of a document: its digest and size, and its name if it is withheld whole."""
        keys = ("sha256", "size", "name", "file", "document") if whole else ("sha256", "size")
        for seq, values in self.values.items():
            for column in ("input", "setting"):
                for pointer, value in named_files(values.get(column), f"/{column}"):
                    if value["sha256"] == file.sha256:
                        for key in keys:
                            if key in value:
                                self._hide_key(seq, f"{pointer}/{key}", name)
        self._add_text(file.sha256, name)
        if whole:
            self._add_text(file.name, name)

    def _hide_key(self, seq: int, pointer: str, name: str) -> None:
        if not self.result.exemption_of(seq, pointer):
            self.result.pointers[seq][pointer] = name

    # The fourth step

    def _rewrite(self, message: Message) -> tuple[str | None, str | None]:
        """Return the text of a message without what is withheld; without a text the exemption that withholds it."""
        _, name = self.result.messages.get(message.item, (None, None))
        name = name or next((why for seq, why in self.blunt.items() if self.at[seq] <= message.at), None)
        if name is not None or message.content is None:
            return None, name
        text = hide_links(message.text()) if LINKS in self.rules else message.text()
        anew = self.result.secrets.replace(text, self.result.patterns, self.office)
        if anew is None:
            return None, self.result.secrets.find(text)
        # The body of a message may be HTML, in which a tag can stand within a word.
        if name := self.result.secrets.find(strip_tags(anew)):
            return None, name
        self._note_changes(message, f"{self.result.clean(message.address)} {anew}")
        return anew, None

    def _note_changes(self, message: Message, text: str) -> None:
        """Have the log say by which exemptions something was taken out of a message."""
        names = set(_MARK.findall(text))
        names |= {self.rules[LINKS]} if LINKS in self.rules and "[link]" in text else set()
        if names:
            self.result.changed[message.item] = names

    def _hides_day(self, seq: int) -> str | None:
        """Return the exemption of a day that is withheld in a row, from which dates of the calendar follow."""
        for place, value in self.leaves.get(seq, ()):
            name = self.result.exemption_of(seq, place)
            is_day = isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-"
            if name not in (None, SEALED, self.rules.get(CONTACT)) and is_day:
                return name
        return None


def _office_addresses(session: Session, parts: Parts) -> frozenset[str]:
    """Return the addresses of the District's own people, which are no secret."""
    people = session.directory.people.values()
    own = {person.email for person in people if set(person.roles) & OFFICE}
    own |= {row.entry.actor for row in parts.rows if row.entry.role in OFFICE}
    mail = session.config.procedure.mail
    own |= {session.config.procedure.district.email, session.config.sender.address, mail.replies_to}
    return frozenset(each.lower() for each in own)


def _led_to_a_choice(parts: Parts, row: Row) -> bool:
    """Return whether the call of a row of the history has a choice, which ended its evaluation."""
    call = _call_of(parts.record.facts.selections, row.entry.at)
    return call is None or call.choice is not None


def _call_of(calls: Sequence[Selection], at: datetime) -> Selection | None:
    return next((call for call in reversed(calls) if call.opened_at <= at), None)
