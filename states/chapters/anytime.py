"""Defines the events that can happen in every state: notes, documents, a new contact (4270.4)."""

from pydantic import Field

from states.addresses import mailbox
from states.case import Case, other_sides
from states.event import (
    BOARD_OFFICE,
    LEAD_PARTNER,
    NEXT_CONTACT,
    OFFICE_ONLY,
    PRINCIPAL,
    STAFF,
    SUPERINTENDENT,
    Event,
    Form,
    Scope,
    Sees,
    Waiting,
    change_nothing,
    partner_sees,
    requirement,
)
from states.inputs import Digest, Email, File, Input, Length, Name, Nothing, Text
from states.names import SIDE_NAMES, State
from states.partnership import Contact, Document, NextContact, Partnership

CHANGE_CONTACT = "change-contact"


class AddNote(Input):
    text: Text = Field(description="the note")


class AttachDocument(Input):
    file: File = Field(title="Document", description="the file")
    title: Name = Field(title="Title", description="what it is")
    # The digest is in the record, so a document that was exchanged later no longer fits its history.
    sha256: Digest | None = Field(default=None, description="its digest, filled in when it is read")
    size: Length | None = Field(default=None, description="its length in bytes, filled in when it is read")


class ChangeContact(Input):
    email: Email = Field(description="the new contact's e-mail address")
    name: Name = Field(description="the new contact's name")


def add_document(case: Case) -> Partnership:
    values = case.input
    document = Document(
        title=values.title, name=values.file, sha256=values.sha256, size=values.size, at=case.at
    )
    return case.facts.but(documents=(*case.facts.documents, document))


@requirement("4270.4")
def asked_in_time(case: Case) -> str | None:
    asked = case.facts.next_contact
    if asked is None:
        return "nobody is asked to become the contact of the Lead Partner"
    if case.at < asked.until:
        return None
    until = asked.until.astimezone(case.at.tzinfo)
    return f"this could be accepted until {until:%Y-%m-%d %H:%M}; staff can ask again, with change-contact"


@requirement("4270.4")
def accepted_in_person(case: Case) -> str | None:
    through = case.setting.through
    return f"{through} cannot accept this in place of {case.actor}" if through else None


@requirement()
def contact_acted_for_no_other_side(case: Case) -> str | None:
    sides = {mailbox(person): side for person, side in other_sides(case, "partner").items()}
    side = sides.get(mailbox(case.actor))
    if side is None:
        return None
    return f"{case.actor} acted for {SIDE_NAMES[side]} here, so another person has to be the contact"


def change_contact(case: Case) -> Partnership:
    email, name, until = case.input.email, case.input.name, case.setting.accept_until
    present = case.facts.contact
    # The present contact needs no consent to another spelling of the name. It ends an earlier change that waits.
    if until is None or (present and present.email == email):
        return case.facts.but(contact=Contact(email=email, name=name), next_contact=None)
    # The present contact stays until the next one accepts, so that nobody speaks for a partner unasked (4270.4).
    return case.facts.but(next_contact=NextContact(email=email, name=name, asked_at=case.at, until=until))


def accept_contact(case: Case) -> Partnership:
    asked = case.facts.next_contact
    contact = Contact(email=asked.email, name=asked.name) if asked else case.facts.contact
    return case.facts.but(contact=contact, next_contact=None)


def _asked(facts: Partnership) -> list[Waiting]:
    return [Waiting(NEXT_CONTACT, facts.next_contact.email)] if facts.next_contact else []


EVENTS = (
    Event(
        name="add-note",
        in_own_name=True,
        at=tuple(State),
        who=(STAFF, PRINCIPAL),
        takes=AddNote,
        records=change_nothing,
        audience=OFFICE_ONLY,
        optional=True,
        repeatable=True,
    ),
    Event(
        name="attach-document",
        at=tuple(State),
        who=(STAFF, PRINCIPAL, SUPERINTENDENT, BOARD_OFFICE, LEAD_PARTNER),
        takes=AttachDocument,
        records=add_document,
        audience=partner_sees("file", "title"),
        repeatable=True,
        document="file",
    ),
    Event(
        name=CHANGE_CONTACT,
        at=tuple(State),
        who=(STAFF,),
        takes=ChangeContact,
        records=change_contact,
        asks=("accept_until",),
        audience=partner_sees("email", "name") | {NEXT_CONTACT: Sees(Scope.ALWAYS)},
        form=Form(replaces="contact"),
    ),
    Event(
        name="accept-contact",
        at=tuple(State),
        who=(NEXT_CONTACT,),
        takes=Nothing,
        records=accept_contact,
        needs=(asked_in_time, accepted_in_person, contact_acted_for_no_other_side),
        asks=("through",),
        audience=partner_sees(),
        awaited_since="contact.asked",
        collected=_asked,
        # A later change, and also a change back, ends the links of an earlier one.
        consents_to=lambda facts: (facts.next_contact and facts.next_contact.asked_at,),
        form=Form(reads=("next-contact",)),
    ),
)
