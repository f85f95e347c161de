"""Makes the open data of the public register: OCDS record packages of what everybody may know, and nothing before.

The releases say what is public of a contracting process by the standard. The register is stricter: a process begins
with the opening of its call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from workflow.publishing import ocds
from workflow.publishing.ocds_merge import Node, compile_releases, version_releases
from workflow.publishing.ocds_releases import list_releases
from workflow.publishing.words import Words, read_words
from workflow.record.histories import reraise_with_ref
from workflow.session import Session
from workflow.store.database import StoreError
from workflow.store.rows import Snapshot


def record_package(
    session: Session,
    records: Iterable[Snapshot],
    now: datetime,
    uri: str,
    links: Mapping[str, str] | None = None,
) -> Node:
    """Return the record package of partnerships whose call was opened, without those that cannot be read.

    `uri` is its address. `links` has the addresses of the pages before (`prev`) and after it (`next`).
    """
    words = read_words(session.config, "open-data")
    found = [each for record in records for each in _read_records(session, words, record)]
    package = ocds.make_head(session, now, uri, "records") | {"records": found}
    dates = [release["date"] for record in found for release in record["releases"]]
    if dates:
        # A package that is made on demand has the date of the last change of what is in it (OCDS 1.1, package).
        package["publishedDate"] = max(dates)
    return package | ({"links": dict(links)} if links else {})


def _read_records(session: Session, words: Words, record: Snapshot) -> Iterator[Node]:
    """Yield the record of each process of a partnership whose call was opened."""
    try:
        with reraise_with_ref(record.ref):
            processes = list_releases(session, words, record)
    except StoreError:
        # The office hears of it from `verify`. It must not take the data of all others away.
        return
    for ocid, whole in processes.items():
        releases = _since_opening(whole)
        if releases:
            yield {
                "ocid": ocid,
                "releases": releases,
                "compiledRelease": compile_releases(releases),
                "versionedRelease": version_releases(releases),
            }


def _since_opening(releases: list[Node]) -> list[Node]:
    """Return the releases from the opening of the call on. What was planned before it is in the first of them."""
    opened = (
        number for number, each in enumerate(releases) if (each.get("tender") or {}).get("tenderPeriod")
    )
    first = next(opened, None)
    return [] if first is None else releases[first:]
