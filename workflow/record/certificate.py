"""Writes the certificate of a destruction: what was destroyed, how many, by which rule, and what still holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from workflow.record.retention import Due
from workflow.session import Session

FORMAT, VERSION = "lead-community-partners certificate of destruction", 1


def make(session: Session, due: Sequence[Due], *, by: str, now: datetime) -> dict[str, Any]:
    """Return the document of a certificate. Every class stands in it with its rule."""
    config = session.config
    retention = config.procedure.retention
    destroyed = [each for each in due if not each.refused]
    names = {each.class_ for each in destroyed}
    return {
        "format": FORMAT,
        "version": VERSION,
        "district": config.procedure.district.name,
        "at": session.local(now),
        "by": by,
        "items": sum(each.items for each in destroyed),
        "destroyed": [_without_refusals(each) for each in destroyed],
        "kept": [each.as_json() for each in due if each.refused],
        "rules": {
            name: {"keep": str(each.keep), "after": each.after, "rule": each.rule}
            for name, each in retention.classes.items()
            if name in names
        },
        "backups": {
            "made_before": session.local(now),
            "destroy_by": config.calendar.day(retention.backups.after(now, config.calendar)).isoformat(),
        },
    }


def _without_refusals(due: Due) -> dict[str, Any]:
    document = due.as_json()
    del document["refused"]
    return document


def as_json(document: Mapping[str, Any]) -> bytes:
    """Return the file whose digest the second chain holds."""
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def as_page(session: Session, document: Mapping[str, Any], digest: str) -> str:
    """Return the same as a page to read and to print, with days and instants in words."""
    backups = document["backups"]
    return session.config.pages.render(
        "destruction",
        {
            **document,
            "digest": digest,
            "at": datetime.fromisoformat(document["at"]),
            "destroyed": [
                each | {key: date.fromisoformat(each[key]) for key in ("since", "due_on")}
                for each in document["destroyed"]
            ],
            "backups": {
                "made_before": datetime.fromisoformat(backups["made_before"]),
                "destroy_by": date.fromisoformat(backups["destroy_by"]),
            },
        },
    )
