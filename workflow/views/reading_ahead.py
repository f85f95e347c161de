"""Reads what a list needs to judge many partnerships, so that none of them asks for anything of its own.

Each kind of thing takes one query for all partnerships of a chunk. So the number of queries does not grow with the
partnerships of a chunk, and only the agreements of each school stay in memory when the next chunk is read.
"""

from __future__ import annotations

from collections.abc import Sequence

from workflow import setting
from workflow.session import Session
from workflow.store.rows import Snapshot
from workflow.views import open_rungs


def read_ahead(session: Session, records: Sequence[Snapshot]) -> Session:
    """Return a session in which these partnerships are judged without a query for each of them."""
    try:
        # The partnerships of a school may come in different chunks, so all of them know its agreements.
        setting.read_agreements_ahead(session, records)
        ahead = session.apart()
        setting.read_held_ahead(ahead, records)
        open_rungs.read_ahead(ahead, [record.key for record in records])
    # The error does not say whose values cannot be read. Let each partnership ask for its own, and say so.
    except ValueError:
        return session.apart()
    return ahead
