"""Defines the errors of a row that does not exist, or that somebody else has changed."""

from __future__ import annotations

from notifications.errors import ServiceError


class NotFound(ServiceError):
    """There is no such partnership, person or notice."""

    exit_status = 3


class AnsweredAlready(Exception):
    """Another transaction has recorded the same answer in the meantime."""


class Damaged(ServiceError):
    """The record of a partnership was changed by hand, so nothing can be decided on it."""

    exit_status = 5


class Conflict(ServiceError):
    """Another transaction changed the partnership first."""

    exit_status = 4
