"""Finds what is known of an answer before it is read: the message that it answers, and who was asked."""

from __future__ import annotations

from email.parser import BytesParser

from sqlalchemy import select

from notifications.incoming.original import Original, read_original
from notifications.incoming.quoting import Surroundings, normalize
from notifications.incoming.replies import Incoming
from workflow.inbox.message import find_notices
from workflow.session import Session
from workflow.store import tables
from workflow.store.rows import Notice


def find_surroundings(session: Session, incoming: Incoming) -> Surroundings:
    """Return what is known of an incoming message: the kept message that it answers, and more."""
    procedure = session.config.procedure
    notices = find_notices(session, incoming) or _find_answered(session, incoming)
    sent = notices[0].message if notices else None
    return Surroundings(
        original=read_original(BytesParser().parsebytes(sent)) if sent else Original(),
        person=session.name_of(incoming.sender) if incoming.sender else "",
        base_url=procedure.web.base_url,
        banners=tuple(normalize(line) for line in procedure.mail.banners),
    )


def _find_answered(session: Session, incoming: Incoming) -> list[Notice]:
    """Return the notice to the sender whose Message-ID a message answers, if its own address was lost."""
    table = tables.notices
    query = select(table).where(table.c.to == incoming.sender, table.c.message_id.in_(incoming.answers))
    row = session.connection.execute(query.order_by(table.c.id.desc())).first() if incoming.answers else None
    return [] if row is None else [Notice.from_row(row)]
