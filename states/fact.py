"""Defines the base of every fact, and the files and signatures that many kinds of facts share."""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from states.names import Side


class Fact(BaseModel):
    """An immutable record."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def but(self, **changes: object) -> Self:
        """Return the record with some fields changed. The values are not validated: inputs were checked before."""
        return self.model_copy(update=changes)


class Attachment(Fact):
    """A document that came with an event: its name, and the digest and length of its content if it is kept."""

    name: str
    sha256: str | None = None
    size: int | None = None


class Signature(Fact):
    by: str
    at: datetime
    on: date | None = None
    through: str | None = None  # the delegate who gave it for an absent person
    name: str | None = None  # as the person typed it to sign
    consented: bool = False  # the person ticked the sentence of consent
    signed_sha256: str | None = None  # the digest of the document that was signed
    paper: bool = False  # signed on paper by `name`, and recorded by `by`
    scan: Attachment | None = None


Signatures = dict[Side, Signature]
