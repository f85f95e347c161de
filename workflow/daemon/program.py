"""Runs partnershipd, and imports the rest of it only then."""

from __future__ import annotations

from workflow import startup


def main() -> None:
    """Run the daemon and exit with its status."""
    startup.begin()
    from workflow.daemon import service

    service.main()
