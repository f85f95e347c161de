"""What delivering a message means: the protocol of a mailer, and the ways a delivery can fail."""

from contextlib import AbstractContextManager
from typing import Protocol

from notifications.errors import ServiceError


class DeliveryFailed(ServiceError):
    """The message was not, or perhaps not, delivered; the text says what the server said."""


class TemporaryFailure(DeliveryFailed):
    """Not delivered; the same message may be tried again later."""


class Unreachable(TemporaryFailure):
    """No message at all can leave now, whichever it is: the server is away, or the disk full."""


class PermanentFailure(DeliveryFailed):
    """Not delivered, and trying again would not help."""


class InDoubt(DeliveryFailed):
    """The whole message was sent but no answer came: it may or may not have arrived."""


class Mailer(Protocol):
    """Where messages go. `key` is the same at every attempt to deliver the same message."""

    def deliver(self, message: bytes, *, sender: str, recipient: str, key: str) -> None: ...

    def session(self) -> AbstractContextManager[None]: ...
