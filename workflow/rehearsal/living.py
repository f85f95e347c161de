"""Lives a system forward from one instant to the next at which something is due or somebody acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from workflow.clock import tick
from workflow.outbox import claims, delivery, writing
from workflow.outbox.throttle import Pace
from workflow.session import Session, System

T = TypeVar("T")
_MINUTE = timedelta(minutes=1)
_TICKS = 10  # at one instant; deadlines that fire each other without end would stop a rehearsal


class People(Protocol):
    """Those who act in a rehearsal."""

    def act(self, system: System, now: datetime) -> None:
        """Do everything that is to be done at this instant."""

    def next_instant(self, session: Session, now: datetime) -> datetime | None:
        """Return the next instant, after `now`, at which somebody means to act; None if nobody does."""


class Nobody:
    """Nobody acts: only the clock moves on."""

    def act(self, system: System, now: datetime) -> None:
        """Do nothing."""

    def next_instant(self, session: Session, now: datetime) -> datetime | None:
        """Return None."""


@dataclass(frozen=True)
class Together:
    """Several who act at one instant in a fixed order: what is written comes before what is assumed."""

    each: Sequence[People]

    def act(self, system: System, now: datetime) -> None:
        """Let each of them act, in this order."""
        for people in self.each:
            people.act(system, now)

    def next_instant(self, session: Session, now: datetime) -> datetime | None:
        """Return the next instant at which any of them means to act."""
        instants = [people.next_instant(session, now) for people in self.each]
        return min((instant for instant in instants if instant is not None), default=None)


@dataclass
class Postbox:
    """Takes the messages of a rehearsal instead of a mail server, and passes each one on."""

    keep: Callable[[str, bytes], None] | None = None  # without it no message is written out

    @contextmanager
    def session(self) -> Iterator[None]:
        """Do nothing: there is no connection to keep open."""
        yield

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        """Take one message. `key` is its Message-ID."""
        if self.keep is not None:
            self.keep(key, message)


def live(
    system: System, begin: datetime, until: datetime, people: People, postbox: Postbox | None = None
) -> int:
    """Live a system from `begin` to `until`, and return the number of instants at which something was done.

    Without a postbox no mail leaves, which changes nothing else.

    It must be a copy: everything in it happens as if it were true.

    1. Let people do what they mean to do at this instant.
    2. Do what the daemon does in a tick, and deliver the mail that may leave.
    3. Go on at the next instant at which either of them has something to do. Nothing happens in between.
    """
    system.transact(claims.release_all)
    pace, now, instants = Pace(system.config.procedure.mail.per_minute), begin, 0
    while now <= until:
        people.act(system, now)
        _tick(system, now)
        if postbox is not None:
            _deliver(system, postbox, now, pace)
        now, instants = _next(system, now, people, pace), instants + 1
    return instants


def _tick(system: System, now: datetime) -> None:
    """Tick until nothing more is due: what the clock fires may move a deadline to this very instant."""
    for _ in range(_TICKS):
        tally = tick.run(system, now, _run_part, checkpoints=_has_witnesses(system))
        if not (tally.fired or tally.told):
            return


def _has_witnesses(system: System) -> bool:
    """Return whether anybody is told of a checkpoint. Of others nothing is seen in a rehearsal."""
    return bool(system.config.procedure.record.witnesses)


def _run_part(name: str, work: Callable[[], T], /) -> T | None:
    """Run a part of a tick. An error ends the rehearsal, where a daemon would try again."""
    return work()


def _deliver(system: System, postbox: Postbox, now: datetime, pace: Pace) -> None:
    """Deliver everything that may leave now, in one transaction."""
    if not delivery.has_work(system, now):
        return
    writer = writing.SUBJECTS if postbox.keep is None else writing.WHOLE
    room = pace.room(now)
    work = partial(delivery.deliver_within, mailer=postbox, now=now, writer=writer)
    while delivered := system.transact(work if room is None else partial(work, most=room)):
        for _ in range(delivered):
            pace.note_attempt(now)
        room = pace.room(now)


def _next(system: System, now: datetime, people: People, pace: Pace) -> datetime:
    with system.reading() as session:
        instants = [tick.next_instant(session, now, checkpoints=_has_witnesses(system))]
        if (act := people.next_instant(session, now)) is not None:
            instants.append(act)
    # More messages are due than may leave in a minute.
    if pace.room(now) == 0:
        instants.append(now + _MINUTE)
    return min(instants)
