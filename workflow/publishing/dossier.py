"""Writes the dossier of a partnership: a ZIP file that anybody reads offline and can check without this program."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from jinja2 import TemplateError

from notifications.addresses import Mailbox
from notifications.calendar import CalendarEntry, make_feed
from notifications.pages import DOSSIER
from states.errors import Problem
from workflow.procedure.config import DEFAULTS, ConfigError
from workflow.publishing.dossier_decisions import list_decisions
from workflow.publishing.dossier_page import Page
from workflow.publishing.dossier_parts import Message, Parts, gather
from workflow.publishing.dossier_timeline import draw
from workflow.publishing.redacted import Redacted, Withheld, show_all
from workflow.publishing.redaction import redact
from workflow.record import disclosure, export
from workflow.record.marks import Mark
from workflow.session import Session
from workflow.store.checkpoints import read_last
from workflow.store.column_types import canonical, utc_text
from workflow.store.rows import Snapshot
from workflow.views.dates import uid_of

PUBLIC = "public-records"
VERIFIER = "verify_export.py"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(slots=True)
class Dossier:
    """The files of a dossier by their path, what is withheld, and the documents that a person has to read."""

    files: dict[str, bytes]
    parts: Parts
    withheld: Sequence[Withheld] = ()
    unread: Sequence[str] = ()

    def write(self, at: datetime) -> bytes:
        """Return the ZIP file. Everything in it is dated `at`, so that the same record gives the same bytes."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(self.files):
                entry = zipfile.ZipInfo(path, at.timetuple()[:6])
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system, entry.external_attr = 3, 0o644 << 16
                packed.writestr(entry, self.files[path])
        return made.getvalue()


def make(session: Session, record: Snapshot, now: datetime, marked: Sequence[Mark] | None = None) -> Dossier:
    """Return the dossier of a partnership: whole but for what is sealed, or what is left for public records.

    For public records give what is `marked` by hand. None is for the office.

    Raise `ConfigError` if a template of its pages cannot be rendered.
    """
    parts = gather(session, record, now)
    public = marked is not None
    redacted = show_all(parts) if marked is None else redact(session, parts, marked, fixed_words(session))
    shown = [
        disclosure.show(row.entry, redacted.hides(row.entry.seq), sealed=bool(row.sealed))
        for row in parts.rows
    ]
    page = Page(session, parts, redacted, shown)
    files = _documents(parts, redacted) | _messages(session, parts, redacted, public=public)
    files["record.json"] = _record_json(session, record, redacted, shown, now, public=public)
    if not redacted.days:
        files["dates.ics"] = _calendar(session, parts, redacted)
    checkpoint = read_last(session.connection)
    proof = checkpoint.prove(record.ref) if checkpoint else None
    if proof is not None:
        files["proof.json"] = (json.dumps(proof, indent=1) + "\n").encode()
    files[VERIFIER] = (DEFAULTS / "docs" / VERIFIER).read_bytes()
    log = _describe_log(session, page, redacted)
    if public:
        files["exemptions.csv"] = _csv(log)
    context = _context(session, parts, redacted, page, now) | {
        "log": log, "public": public, "proof": proof, "paths": files,
    }  # fmt: skip
    files |= {f"{name}.html": _render(session, name, context) for name in _pages(public)}
    dossier = Dossier(files, parts, list(redacted.log()) if public else (), redacted.unread)
    files["manifest.json"] = _manifest(record, dossier)
    return dossier


def _pages(public: bool) -> tuple[str, ...]:
    return ("index", "how-to-check", "exemptions") if public else ("index", "how-to-check")


def fixed_words(session: Session) -> str:
    """Return the words that every dossier has, whatever its partnership: of its pages, events and exemptions."""
    folders = [session.config.folder / "templates", DEFAULTS / "templates"]
    templates = (path for folder in folders for path in sorted((folder / DOSSIER).glob("*.j2")))
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in templates]
    texts += [" ".join(words.values()) for words in session.config.events.values()]
    texts += [" ".join(map(str, row.model_dump().values())) for row in session.config.procedure.redaction]
    texts += [row.label for row in session.config.deadlines.values()]
    texts.append((DEFAULTS / "docs" / VERIFIER).read_text(encoding="utf-8"))
    return " ".join(texts)


def _render(session: Session, name: str, context: Mapping[str, Any]) -> bytes:
    try:
        return session.config.pages.render(name, context, DOSSIER).encode()
    except TemplateError as error:
        raise ConfigError([Problem(f"templates/{DOSSIER}/{name}.j2", str(error))]) from None


def _context(session: Session, parts: Parts, redacted: Redacted, page: Page, now: datetime) -> dict[str, Any]:
    record, district = parts.record, session.config.procedure.district
    return {
        "ref": record.ref,
        "title": redacted.clean(record.facts.title),
        "school": redacted.clean(session.directory.school_name(record.facts.school)),
        "district": district.name,
        "office": {"name": district.office, "email": district.email, "phone": district.phone},
        "state": str(record.state or ""),
        "made_at": now,
        "dates_in": None,
        "entries": page.entries(),
        "decisions": list_decisions(page),
        "stays": (stays := page.stays(now)),
        "drawing": draw(stays, now),
        "votes": page.votes(),
        "scores": page.scores(),
        "outcomes": page.outcomes(),
        "days": () if redacted.days else parts.days,
        "documents": _list_documents(parts, redacted),
        "messages": [_list_message(message, redacted) for message in parts.messages],
        "left_out": parts.left_out,
        "sealed": any(row.sealed for row in parts.rows),
    }


# Files


def path_of(item: str, name: str) -> str:
    """Return the path of a document in the ZIP file."""
    safe = _UNSAFE.sub("-", name).strip(".-")[-80:] or "document"
    return f"documents/{item.partition('/')[2]}-{safe}"


def _documents(parts: Parts, redacted: Redacted) -> dict[str, bytes]:
    shown = {file.item: (file, *redacted.files[file.item]) for file in parts.files}
    return {
        path_of(item, redacted.clean(file.name)): content
        for item, (file, content, _) in shown.items()
        if content is not None
    }


def _list_documents(parts: Parts, redacted: Redacted) -> list[dict[str, Any]]:
    listed = []
    for file in parts.files:
        content, name = redacted.files[file.item]
        whole = name is not None and content is None
        shown = redacted.clean(file.name)
        listed.append(
            {
                "item": file.item,
                "seq": file.seq,
                "name": None if whole else shown,
                "path": None if content is None else path_of(file.item, shown),
                "withheld": name,
                "changed": name is not None and content is not None,
            }
        )
    return listed


def _messages(session: Session, parts: Parts, redacted: Redacted, *, public: bool) -> dict[str, bytes]:
    files = {}
    for message in parts.messages:
        text, _ = redacted.messages[message.item]
        if text is not None and message.content is not None:
            content = _write_anew(session, message, redacted, text) if public else message.content
            files[_message_path(message)] = content
    return files


def _message_path(message: Message) -> str:
    return f"messages/{message.item.replace('/', '-')}.eml"


def _write_anew(session: Session, message: Message, redacted: Redacted, text: str) -> bytes:
    """Return a message with nothing in it but its text and who, when and about what."""
    anew = EmailMessage()
    # As a comment of a header it needs no syntax of addresses (RFC 5322, 3.6.8).
    anew["X-Address"] = redacted.clean(message.address)
    anew["Subject"] = " ".join(redacted.clean(message.subject).split())
    anew["Date"] = session.config.calendar.local(message.at)
    anew.set_content(text, charset="utf-8", cte="8bit")
    return anew.as_bytes()


def _list_message(message: Message, redacted: Redacted) -> dict[str, Any]:
    text, name = redacted.messages[message.item]
    has_file = text is not None and message.content is not None
    return {
        "item": message.item,
        "at": message.at,
        "sent": message.item.startswith("message/"),
        "address": redacted.clean(message.address),
        "role": (message.role or "").replace("-", " "),
        "subject": None if name else redacted.clean(message.subject),
        "about": message.about,
        "path": _message_path(message) if has_file else None,
        "withheld": name,
        "remark": message.remark,
    }


def _calendar(session: Session, parts: Parts, redacted: Redacted) -> bytes:
    record, district = parts.record, session.config.procedure.district
    place = redacted.clean(session.directory.school_name(record.facts.school))
    title = redacted.clean(record.facts.title)
    entries = []
    for day in parts.days:
        local = session.config.calendar.local(day.at)
        uid = uid_of(session, f"{day.name}-{local:%Y%m%d}", record.ref)
        entry = CalendarEntry(uid, f"{day.label}: {place}", day.at, title, None, 0)
        entries.append((entry, record.entered_at))
    office = session.config.sender
    organizer = Mailbox(office.name or district.office, office.address)
    return make_feed(entries, f"Partnership dates, {record.ref}", organizer=organizer)


def _record_json(
    session: Session,
    record: Snapshot,
    redacted: Redacted,
    shown: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    public: bool,
) -> bytes:
    """Return the export of this partnership. For public records it has no facts: the rows say the same."""
    if not public:
        return "".join(export.as_json(session, [record], now)).encode()
    document: dict[str, Any] = {
        "ref": record.ref,
        "school": redacted.clean(record.facts.school),
        "title": redacted.clean(record.facts.title),
        "state": record.state,
        "entered_at": utc_text(record.entered_at),
        "version": record.version,
        "head": record.head,
        "facts": {},
        "history": list(shown),
    }
    head = {"format": export.FORMAT, "version": export.VERSION, "exported_at": utc_text(now)}
    return (canonical(head | {"partnerships": [document]}) + "\n").encode()


def _manifest(record: Snapshot, dossier: Dossier) -> bytes:
    """Return the SHA-256 and the size in bytes of each file. What is withheld has neither."""
    listed = [
        {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for path, content in sorted(dossier.files.items())
    ]
    withheld = [
        {"item": each.item, "withheld": each.exemption}
        for each in dossier.withheld
        if not each.item.startswith("row/") and not each.item.endswith("/part")
    ]
    document = {"ref": record.ref, "head": record.head, "files": listed, "withheld": withheld}
    return (json.dumps(document, indent=1) + "\n").encode()


# The log


def _describe_log(session: Session, page: Page, redacted: Redacted) -> list[dict[str, Any]]:
    """Return each line of the exemption log in words (RCW 42.56.210(3))."""
    rules = {row.name: row for row in session.config.procedure.redaction}
    events = {row.entry.seq: session.config.events[row.entry.event]["done"] for row in page.parts.rows}
    lines = []
    for item, name in redacted.log():
        rule = rules.get(name)
        kind, _, rest = item.partition("/")
        number = rest.partition("/")[0]
        what = f"Entry {number}: {events[int(number)]}" if kind == "row" else _KINDS[kind]
        lines.append(
            {
                "what": what,
                "item": item,
                "name": name,
                "exemption": rule.exemption if rule else _SEALED[0],
                "statute": rule.statute if rule else _SEALED[1],
                "explanation": rule.explanation if rule else _SEALED[2],
                "confirmed": bool(rule and rule.confirmed),
            }
        )
    return lines


_KINDS = {
    "document": "A document",
    "message": "A message that was sent",
    "reply": "A message that came in",
    "dates.ics": "The dates that follow",
}
_SEALED = (
    "sealed until the call closes, or for good if the application was withdrawn before",
    "RCW 42.56.280",
    "Board policy 4270.8: nobody in the office reads it either. For counsel to confirm.",
)


def _csv(log: Sequence[Mapping[str, Any]]) -> bytes:
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(["what", "where", "exemption", "statute", "explanation", "confirmed by counsel"])
    for line in log:
        confirmed = "yes" if line["confirmed"] else "not yet"
        values = [line[key] for key in ("what", "item", "exemption", "statute", "explanation")]
        # A spreadsheet would compute a text that begins with one of these.
        writer.writerow(["'" + value if value[:1] in "=+-@\t\r" else value for value in [*values, confirmed]])
    return b"\xef\xbb\xbf" + made.getvalue().encode()
