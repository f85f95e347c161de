"""Names the classes of fields and messages that a copy for public records may withhold, and checks their use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from states.errors import Problem
from states.machine import EVENTS, event_named
from states.mistakes import input_keys
from workflow.procedure.settings import Redaction

CONTACT, APPLICATIONS, SCORES = "contact-details", "applications-before-choice", "scores-before-choice"
COMMENTS, LINKS = "comments-before-choice", "links"
CLASSES: Mapping[str, str] = {
    CONTACT: "the email addresses and telephone numbers of people outside the office",
    APPLICATIONS: "who applied and with what, until the call has led to a choice",
    SCORES: "scores and conflicts of interest of the panel, until the call has led to a choice",
    COMMENTS: "what reviewers wrote beside their scores, until the call has led to a choice",
    LINKS: "the links in messages, by which one person acts or reads",
}


def find_redaction_mistakes(rows: Sequence[Redaction]) -> Iterator[Problem]:
    """Yield each name that two rows have, and each class or field that does not exist or that two rows cover."""
    for name, times in Counter(row.name for row in rows).items():
        if times > 1:
            yield Problem("redaction", f"{times} rows have the name {name!r}", "one row for each name")
    for covered, times in Counter(each for row in rows for each in row.covers).items():
        if times > 1:
            yield Problem("redaction", f"{times} rows cover {covered!r}", "one exemption for each class")
    for row in rows:
        for covered in row.covers:
            if covered not in CLASSES and not _is_field(covered):
                expected = f"one of {', '.join(CLASSES)}, or EVENT.KEY such as submit-report.narrative"
                yield Problem(f"redaction {row.name}.covers", f"there is no {covered!r}", expected)


def _is_field(text: str) -> bool:
    """Return whether a text names an event and a key of its input."""
    event, _, key = text.partition(".")
    return event in EVENTS and key in input_keys(event_named(event).takes)
