"""Defines the errors of a row that does not exist, and of one that another transaction has changed."""

from __future__ import annotations

from notifications.errors import ServiceError


class NotFound(ServiceError):
    """There is no such partnership, person or notice."""

    exit_status = 3


class Conflict(ServiceError):
    """Another transaction changed the partnership first."""

    exit_status = 4
