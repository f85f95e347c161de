"""Asks a server for a time stamp of a checkpoint, and verifies one (RFC 3161).

The library for it is an extra of the installation: `pip install lead-community-partners[timestamps]`.
"""

from __future__ import annotations

import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError

from notifications.errors import ServiceError

_SECONDS = 20  # to wait for the server
_LARGEST = 1 << 20  # bytes of an answer


class NoTimeStamp(ServiceError):
    """There is no time stamp, or it does not hold; the message says why."""

    exit_status = 5


def _library() -> Any:
    try:
        import rfc3161_client
    except ModuleNotFoundError:
        raise NoTimeStamp(
            "time stamps need the extra: pip install 'lead-community-partners[timestamps]'"
        ) from None
    return rfc3161_client


def fetch_stamp(url: str, root: bytes) -> bytes:
    """Return the answer of a server that stamps a root, as DER (RFC 3161, section 2.4.2). Raise `NoTimeStamp`."""
    library = _library()
    request = library.TimestampRequestBuilder().data(root).nonce(nonce=True).build()
    message = urllib.request.Request(url, request.as_bytes(), {"Content-Type": "application/timestamp-query"})
    try:
        with urllib.request.urlopen(message, timeout=_SECONDS) as answer:
            content = bytes(answer.read(_LARGEST))
        response = library.decode_timestamp_response(content)
    except (URLError, OSError, HTTPException) as error:
        raise NoTimeStamp(f"the time stamp server did not answer: {error}") from None
    except ValueError as error:
        raise NoTimeStamp(f"the answer of the time stamp server cannot be read: {error}") from None
    if response.status != 0:
        raise NoTimeStamp(
            f"the time stamp server refused: {', '.join(response.status_string) or response.status}"
        )
    # Another root or another question would make the stamp worthless, and it would show only years later.
    told = response.tst_info
    if (told.message_imprint.message, told.nonce) != (request.message_imprint.message, request.nonce):
        raise NoTimeStamp("the answer of the time stamp server is to another question")
    return content


def verify_stamp(stamp: bytes, root: bytes, authorities: Path) -> None:
    """Check that a stamp is of a root and was signed under one of the authorities in a PEM file.

    Raise `NoTimeStamp` if it does not hold, or the file cannot be read.
    """
    library = _library()
    from cryptography import x509

    try:
        builder = library.VerifierBuilder()
        for certificate in x509.load_pem_x509_certificates(authorities.read_bytes()):
            builder = builder.add_root_certificate(certificate)
        response = library.decode_timestamp_response(stamp)
        builder.build().verify_message(response, root)
    except (OSError, ValueError, library.VerificationError) as error:
        raise NoTimeStamp(f"the time stamp does not hold: {error}") from None
