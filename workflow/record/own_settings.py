"""Changes what a person may set about themselves: one message a day, an absence and who stands in, the feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from notifications.languages import LANGUAGES
from states.errors import BadInput, Problem
from workflow.directory import Person
from workflow.record import changes
from workflow.session import Session
from workflow.store import feeds, tables

# Takes the session, the person's address, what they typed, and the time. Raises `BadInput`.
Change = Callable[[Session, str, Mapping[str, str], datetime], None]


def describe(session: Session, person: Person, today: date) -> dict[str, Any]:
    """Return the settings of a person as their page shows them."""
    away = person.away_until is not None and person.away_until >= today
    return {
        "digest": person.digest,
        "dates": person.dates or "",
        "languages": LANGUAGES,
        "away_until": person.away_until.isoformat() if away and person.away_until else None,
        "delegate": person.delegate,
        "delegate_name": session.name_of(person.delegate) if person.delegate else None,
    }


def _set_digest(session: Session, email: str, typed: Mapping[str, str], now: datetime) -> None:
    _put(session, email, {"digest": typed.get("digest") == "day"}, now)


def _set_dates(session: Session, email: str, typed: Mapping[str, str], now: datetime) -> None:
    language = typed.get("dates", "")
    if language and language not in LANGUAGES:
        raise BadInput([Problem("dates", "This is not one of the languages", "Choose one from the list")])
    _put(session, email, {"dates": language or None}, now)


def _set_away(session: Session, email: str, typed: Mapping[str, str], now: datetime) -> None:
    """Record until when a person is away and who stands in. Raise `BadInput` with everything that is wrong."""
    today = session.config.calendar.day(now)
    problems = []
    until = None
    try:
        until = date.fromisoformat(typed.get("until", "").strip())
    except ValueError:
        problems.append(Problem("until", "This is not a day", f"Write year, month and day, such as {today}"))
    if until is not None and not today <= until < date(2199, 1, 1):
        problems.append(
            Problem("until", f"{until} is past or too far away", "Give the last day of your absence")
        )
    delegate = typed.get("delegate", "").strip().lower()
    person = session.directory.people.get(delegate)
    if person is None or not person.active or delegate == email:
        expected = "Give the address of somebody else whom the office has in its directory"
        problems.append(Problem("delegate", "Nobody with this address can stand in for you", expected))
    if problems:
        raise BadInput(problems)
    _put(session, email, {"away_until": until, "delegate": delegate}, now)


def _set_back(session: Session, email: str, _: Mapping[str, str], now: datetime) -> None:
    """Record that a person is back. The delegate stays on record for the next time."""
    _put(session, email, {"away_until": None}, now)


def _renew_feed(session: Session, email: str, _: Mapping[str, str], now: datetime) -> None:
    """End the earlier addresses of the person's calendar."""
    generation = feeds.renew(session.connection, email)
    changes.record(session, f"feed {email}", generation, by=email, now=now)


def _put(session: Session, email: str, values: Mapping[str, Any], now: datetime) -> None:
    # A person who was removed meanwhile has no settings any more, and must not be entered anew.
    if email in session.directory.people:
        changes.put(session, tables.people, {"email": email, **values}, by=email, now=now)


CHANGES: Mapping[str, Change] = {
    "digest": _set_digest,
    "dates": _set_dates,
    "away": _set_away,
    "back": _set_back,
    "feed": _renew_feed,
}
