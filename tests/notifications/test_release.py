"""A release of Python that lacks the mends of `email` is named, by what it has and not by its number."""

from __future__ import annotations

import email.policy
import email.utils

import pytest

from notifications.release import find_faults


def test_a_release_without_the_mended_package_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(email.utils, "supports_strict_parsing", False, raising=False)
    (words,) = find_faults()
    assert "CVE-2023-27043" in words
    assert "install the newest release of Python 3." in words
    monkeypatch.setattr(email.utils, "supports_strict_parsing", True, raising=False)
    monkeypatch.setattr(type(email.policy.default), "verify_generated_headers", True, raising=False)
    assert list(find_faults()) == []
