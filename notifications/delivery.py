"""Defines what a mailer does, and the ways in which a delivery can fail.

DeliveryFailed
  TemporaryFailure     try the same message again later
    Unreachable        try no message for a while
  PermanentFailure     give up
  InDoubt              nobody can know whether it arrived
"""

from contextlib import AbstractContextManager
from typing import Protocol

from notifications.errors import ServiceError


class DeliveryFailed(ServiceError):
    """The message was not delivered, or perhaps not. The text includes the answer of the server."""


class TemporaryFailure(DeliveryFailed):
    """The message was not delivered; a later attempt may succeed."""


class Unreachable(TemporaryFailure):
    """No message can leave now, since the server is away or the disk is full."""


class PermanentFailure(DeliveryFailed):
    """The message was not delivered, and another attempt would fail too."""


class InDoubt(DeliveryFailed):
    """The whole message was sent and no answer came, so it may have arrived or not."""


class Mailer(Protocol):
    """Takes messages and delivers them."""

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None:
        """Deliver one message; `key` is the same at every attempt. Raise `DeliveryFailed` if that fails."""

    def session(self) -> AbstractContextManager[None]:
        """Keep a connection open for the deliveries inside the block."""
