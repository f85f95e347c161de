"""Runs notices preview, test and resend: words before they leave, a test of the mail, and a message again."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import click
from sqlalchemy import select

from notifications.delivery import DeliveryFailed
from states.errors import BadInput, Problem, Refused, Unmet, suggest
from states.inputs import Email, Input, read_input
from states.machine import EVENTS, row_of
from states.names import Role
from workflow.actions import preview, resending
from workflow.actions.preview import Preview
from workflow.admin import event_input
from workflow.admin.console import Console, common
from workflow.admin.notices import Seal, notices
from workflow.admin.references import REF, check_id, find_record
from workflow.admin.terminal import echo
from workflow.mail_servers import make_mailer
from workflow.outbox.trial import compose_test
from workflow.outbox.writing import CannotWrite
from workflow.record import changes
from workflow.session import Session
from workflow.store import tables
from workflow.store.errors import NotFound
from workflow.store.rows import Notice


class _Recipient(Input):
    to: Email


@notices.command("preview")
@click.argument("name", metavar="EVENT|DEADLINE")
@REF
@click.option("--to", "to", metavar="ROLE", required=True, help="The words differ by role.")
@click.option(
    "--set", "sets", metavar="KEY=VALUE", multiple=True, help="The input of the event, as for trigger."
)
@click.option("--input", "input_", metavar="FILE", help="The input as JSON or TOML; - for standard input.")
@common
def notices_preview(
    console: Console, name: str, ref: str, to: str, sets: tuple[str, ...], input_: str | None
) -> None:
    """Show what people read of an event or a deadline. Nothing is sent and nothing is written.

    An event that has happened is shown as it was told last. Any other, or one with --set or --input, is shown as it
    would be told if it happened now. The links do nothing.
    """
    source = event_input.read_source(input_)
    role = event_input.parse_role(to) or Role.STAFF

    def work(session: Session) -> Preview:
        record = find_record(session, ref)
        settings = session.config.deadlines.get(name) or session.config.notices.get(name)
        if settings is None or (name not in EVENTS and name not in session.config.deadlines):
            names = [*(each for each in EVENTS if each in session.config.notices), *session.config.deadlines]
            problem = f"nobody is told of an event or deadline {name!r}{suggest(name, names)}"
            raise BadInput([Problem("EVENT|DEADLINE", problem, "one of " + ", ".join(names))])
        told = preview.roles_told(settings)
        if role not in told:
            raise BadInput([Problem("--to", f"{name} is not told to {role}", "one of " + ", ".join(told))])
        if name in session.config.deadlines:
            shown = preview.of_deadline(session, record, name, role, console.now)
        else:
            values = None
            if sets or source:
                takes = row_of(name, record.state).takes
                values, _ = event_input.read(takes, sets, source, console.today)
            shown = preview.of_event(session, record, name, role, values, console.now)
        if shown is None:
            raise NotFound(f"nobody holds the role {role} on {record.ref}, so nobody is told")
        if shown.seq is not None and Seal(session, console.now).names(role, record.ref, shown.seq):
            raise Refused(
                [Unmet("sealed", "whose application it was is sealed, since it was withdrawn", "4270.8")]
            )
        return shown

    try:
        # A dry run undoes all of it, also an event that happens for a moment.
        shown = console.system.transact(work, dry_run=True)
    except CannotWrite as error:
        raise Refused([Unmet("can-be-written", f"the words cannot be written: {error}")]) from None
    document = {
        "name": name,
        "to": shown.to.email,
        "role": str(role),
        "made_up": shown.made_up,
        "subject": shown.words.subject,
        "text": shown.words.text,
        "html": shown.words.html,
    }

    def people() -> None:
        how = "as it would be told now" if shown.made_up else "as it is told"
        echo(f"{name} to {shown.to.name} ({role}), {how}. Nothing is sent, and the links do nothing.")
        echo(f"Subject: {shown.words.subject}\n\n{shown.words.text}", nl=False)

    console.show(document, people)


@notices.command("test")
@click.option("--to", "to", metavar="ADDRESS", required=True, help="Who gets the test message.")
@common
def notices_test(console: Console, to: str) -> None:
    """Send a test message at once, with the mail settings of the configuration."""
    user = console.require_manager("notices").name
    address = read_input(_Recipient, {"to": to}).to
    settings = console.system.config
    content, message_id = compose_test(settings, address, console.now)
    mailer = make_mailer(settings)
    try:
        with mailer.session():
            mailer.deliver(content, sender=settings.sender.address, recipient=address, key=message_id)
    except (DeliveryFailed, OSError) as error:
        reason = f"the test message to {address} was not delivered: {error}"
        raise Refused([Unmet("delivered", reason)]) from None
    console.system.transact(
        lambda session: changes.record(session, "sent a test message to", address, by=user, now=console.now)
    )
    document = {"to": address, "message_id": message_id, "mailer": repr(mailer)}
    console.show(document, lambda: echo(f"The test message to {address} has left: {mailer!r}."))


@notices.command("resend")
@click.argument("id_", metavar="ID", type=int)
@common
def notices_resend(console: Console, id_: int) -> None:
    """Send a notice again, with fresh links, to the person on record.

    It is written anew from what is on record now. `retry` is for a notice that has not left yet.
    """
    user = console.require_manager("notices").name
    made = console.system.transact(partial(_resend, id_=id_, user=user, now=console.now))
    document = {"id": made.id, "again": id_, "to": made.to}
    console.show(
        document, lambda: echo(f"Notice {made.id} to {made.to} sends notice {id_} again, with fresh links.")
    )


def _resend(session: Session, id_: int, user: str, now: datetime) -> Notice:
    """Queue a notice like another one, and record who did it. Raises `NotFound`, `BadInput`."""
    table = tables.notices
    row = session.connection.execute(select(table).where(table.c.id == check_id("notice", id_))).first()
    if row is None:
        raise NotFound(f"there is no notice {id_}")
    try:
        key = resending.resend(session, Notice.from_row(row), now)
    except resending.CannotResend as error:
        raise BadInput([Problem("ID", f"notice {id_} {error}", error.expected)]) from None
    changes.record(session, f"sent notice {id_} again", key, by=user, now=now)
    return Notice.from_row(session.connection.execute(select(table).where(table.c.id == key)).one())
