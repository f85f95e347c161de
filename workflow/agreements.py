"""Reads the other agreements at a school: those that count with a new one, and the Lead Partners that serve.

A list judges thousands of partnerships. In a transaction that only reads, the agreements of a school are therefore
read once, and `read_ahead` reads those of many schools at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from states.addresses import workplace
from states.agreement import Agreement
from states.case import Earlier, Lead
from states.partnership import Partnership
from states.weighing import Party, Share, find_earlier, is_same, party_of, share_of
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Snapshot

# Only an agreement that was put into force at some time counts for another one. The texts of all other facts are
# not parsed, which takes most of the time.
_BEGAN = '"in_force_at":"'
_AT_SCHOOLS = (
    select(tables.partnerships.c.id, tables.partnerships.c.ref, tables.partnerships.c.school)
    .add_columns(tables.partnerships.c.facts)
    .where(
        tables.partnerships.c.school.in_(bindparam("schools", expanding=True)),
        tables.partnerships.c.facts.contains(_BEGAN),
    )
    .order_by(tables.partnerships.c.id)
)


class _Other(NamedTuple):
    """An agreement at a school that was put into force, as others are judged by it."""

    key: int  # of its partnership
    ref: str
    began: datetime  # when it was put into force
    first_day: date | None
    last_day: date | None
    party: Party | None
    share: Share | None


def read_ahead(session: Session, schools: Iterable[str]) -> None:
    """Read the agreements of these schools in one query, so that no partnership there asks for them again.

    Raise `ValueError` for facts that cannot be read.
    """
    missing = [school for school in schools if session.kept(_key(school)) is None]
    if missing:
        by_school = _read(session.connection, missing)
        session.keep({_key(school): by_school.get(school, ()) for school in missing})


def find_leads(session: Session, record: Snapshot, now: datetime) -> tuple[Lead, ...]:
    """Return the other agreements at the school that are on record at an instant and not over."""
    people, today = session.directory, session.config.calendar.day(now)
    # A school that merged into this one brought its Lead Partner.
    schools = people.with_merged([people.present_school(record.facts.school)])
    # An import may judge an event of the past, and a Lead Partner serves to the last day, whatever ended since.
    return tuple(
        Lead(ref=other.ref, starts_on=other.first_day, ends_on=other.last_day)
        for other in _list_others(session, record, schools)
        if other.first_day and other.last_day and other.began <= now and today <= other.last_day
    )


def find_earlier_agreements(session: Session, record: Snapshot, now: datetime) -> Earlier | None:
    """Return the agreements of the same organization at the same school that count with this one (4270.9a, c).

    Return None if there are none at this instant.
    """
    agreement, party = record.facts.agreement, party_of(record.facts)
    if agreement is None or party is None:
        return None
    home = home_domains(session)
    shares = [share for its, share in _list_shares(session, record, now) if is_same(party, its, home)]
    return find_earlier(agreement, shares)


def find_earlier_of_each(
    session: Session, record: Snapshot, agreement: Agreement, now: datetime
) -> list[Earlier]:
    """Return what would count with an agreement whose partner is not chosen yet, for each earlier partner."""
    home, parties = home_domains(session), list(_list_shares(session, record, now))
    groups = [[share for its, share in parties if is_same(party, its, home)] for party, _ in parties]
    found = (find_earlier(agreement, shares) for shares in groups)
    return list(dict.fromkeys(earlier for earlier in found if earlier is not None))


def home_domains(session: Session) -> tuple[str, ...]:
    """Return the mail domains of the people and the mailboxes of the district, which show no other workplace."""
    return session.once(("home domains", session.directory.version), lambda: _find_home_domains(session))


def _find_home_domains(session: Session) -> tuple[str, ...]:
    config = session.config
    boxes = map(workplace, (config.sender.address, config.procedure.district.email))
    return tuple(sorted(session.directory.home_domains | {domain for domain in boxes if domain}))


def _list_shares(session: Session, record: Snapshot, now: datetime) -> Iterator[tuple[Party, Share]]:
    """Yield the other agreements at the school that were put into force, each with its partner."""
    for other in _list_others(session, record, [record.facts.school]):
        if other.party and other.share and other.began <= now:
            yield other.party, other.share


def _list_others(session: Session, record: Snapshot, schools: Iterable[str]) -> list[_Other]:
    """Return the agreements at these schools that were put into force, without this one, the oldest first."""
    others = (other for school in schools for other in _at(session, school) if other.key != record.id)
    return sorted(others, key=lambda other: other.key)


def _key(school: str) -> tuple[str, str]:
    """Return the key under which a session keeps the agreements of a school."""
    return ("agreements at", school)


def _at(session: Session, school: str) -> tuple[_Other, ...]:
    return session.once(_key(school), lambda: _read(session.connection, [school]).get(school, ()))


def _read(connection: Connection, schools: Collection[str]) -> dict[str, tuple[_Other, ...]]:
    """Return the agreements that were put into force, by school."""
    by_school: dict[str, tuple[_Other, ...]] = {}
    for row in connection.execute(_AT_SCHOOLS, {"schools": list(schools)}):
        facts = Partnership.model_validate_json(row.facts)
        began = facts.agreement.in_force_at if facts.agreement else None
        if began is None:
            continue
        party, share = party_of(facts), share_of(row.ref, facts)
        other = _Other(row.id, row.ref, began, facts.first_day, facts.last_day, party, share)
        by_school[row.school] = (*by_school.get(row.school, ()), other)
    return by_school
