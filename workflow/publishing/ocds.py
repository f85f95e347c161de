"""Writes partnerships as open contracting data: release packages and record packages (OCDS 1.1.5).

A partnership is a contracting process from its needs to its end. What is in it is public: see `ocds_process`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from workflow.publishing.ocds_merge import compile_releases, version_releases
from workflow.publishing.ocds_releases import list_releases
from workflow.publishing.words import read_words
from workflow.record import histories
from workflow.session import Session
from workflow.store.rows import Snapshot

VERSION = "1.1"


def release_package(
    session: Session, records: Sequence[Snapshot], now: datetime, uri: str | None = None
) -> dict[str, Any]:
    """Return a release package with every release of these partnerships, those of one process together.

    `uri` is the address at which the package can be had. Raise `StoreError` if a history cannot be read.
    """
    releases = [each for process in _read_processes(session, records) for each in process]
    return make_head(session, now, uri, "releases") | {"releases": releases}


def record_package(
    session: Session, records: Sequence[Snapshot], now: datetime, uri: str | None = None
) -> dict[str, Any]:
    """Return a record package: for each process its releases, the compiled and the versioned release.

    `uri` is the address at which the package can be had. Raise `StoreError` if a history cannot be read.
    """
    found = [
        {
            "ocid": releases[0]["ocid"],
            "releases": releases,
            "compiledRelease": compile_releases(releases),
            "versionedRelease": version_releases(releases),
        }
        for releases in _read_processes(session, records)
    ]
    return make_head(session, now, uri, "records") | {"records": found}


def _read_processes(session: Session, records: Sequence[Snapshot]) -> Iterator[list[dict[str, Any]]]:
    words = read_words(session.config, "open-data")
    for record in records:
        with histories.reraise_with_ref(record.ref):
            processes = list_releases(session, words, record)
        yield from processes.values()


def make_head(session: Session, now: datetime, uri: str | None, kind: str) -> dict[str, Any]:
    """Return what stands at the head of a package of `kind`, such as "records"."""
    config, ocds = session.config, session.config.procedure.ocds
    # A tag (RFC 4151) names the package where it has no address.
    domain = config.sender.address.rpartition("@")[2]
    name = f"tag:{domain},{config.calendar.day(now)}:{ocds.prefix}/{kind}"
    head = {
        "uri": uri or name,
        "version": VERSION,
        "publishedDate": now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "publisher": {
            "name": ocds.publisher or config.procedure.district.name,
            "uri": ocds.publisher_uri or config.procedure.web.base_url,
        },
    }
    return head | ({"license": ocds.license} if ocds.license else {})
