"""Defines the base of the errors of notifications and workflow, with the exit status of a program for each.

    ServiceError                    1  something failed
    ├── Forged                         a link or address that this system never made
    ├── Expired                        a link of this system that is too old
    ├── TemplateFailed                 the words of a message or page cannot be rendered
    ├── LetterboxFailed                replies cannot be fetched
    ├── DeliveryFailed                 a message was not, or perhaps not, delivered
    ├── CannotWrite                    the message of a notice cannot be written
    ├── LinkClosed, ExpiredClaim       a link or reply that does nothing any more
    ├── TooMany, SentAlready           an application that is not taken
    ├── NoBackup, NoSuchRole           a file or role that cannot be used for this
    ├── NotFound                    3  no such partnership, person or notice
    ├── Conflict                    4  somebody else moved the partnership first
    ├── ConfigError                 5  the configuration cannot be used
    └── StoreError                  5  the database cannot be used

What the law refuses is a family of its own, `states.errors`, since the law knows no programs.
"""

from __future__ import annotations

from typing import ClassVar


class ServiceError(Exception):
    """An error that a person or a calling program has to be told."""

    exit_status: ClassVar[int] = 1
