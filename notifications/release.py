"""Finds known faults of this Python's own `email` package, by what a release that is mended has.

Numbers of releases would not do: systems such as Debian mend an earlier release without a new number.
"""

from __future__ import annotations

import email.policy
import email.utils
import sys
from collections.abc import Iterator


def find_faults() -> Iterator[str]:
    """Yield one sentence that names the faults and what to install; nothing if there are none.

    Nothing here relies on the mended behaviour: headers are written and checked by `notifications/compose.py`,
    addresses by `notifications/incoming/senders.py`, and messages are bounded before they are parsed.
    """
    faults = []
    if not getattr(email.utils, "supports_strict_parsing", False):
        faults.append("reads some forged addresses as others (CVE-2023-27043)")
    if not hasattr(email.policy.default, "verify_generated_headers"):
        faults.append("writes a line end within a header as it is (CVE-2024-6923)")
    if faults:
        number, line = sys.version.split()[0], f"{sys.version_info.major}.{sys.version_info.minor}"
        yield (
            f"Python {number} has known faults in its package `email`: it {' and '.join(faults)}. This program does"
            f" not rely on it, but install the newest release of Python {line}, or a later Python, and then the"
            " program anew"
        )
