"""Describes an event that a person is about to do, whichever way they came: by a link or at a terminal."""

from __future__ import annotations

from typing import Protocol

from states.event import Event
from states.names import Role
from workflow.store.rows import Snapshot
from workflow.views.visibility import Viewer


class Task(Protocol):
    """What a form needs to know: the partnership, the event, and who is about to do it in which role."""

    @property
    def record(self) -> Snapshot:
        """Return the partnership."""
        ...

    @property
    def event(self) -> Event:
        """Return the row of the law."""
        ...

    @property
    def role(self) -> Role:
        """Return the role in which the person acts."""
        ...

    @property
    def actor(self) -> str:
        """Return the e-mail address of the person who has the right."""
        ...

    @property
    def viewer(self) -> Viewer:
        """Return the person who reads what the form shows."""
        ...
