"""Defines the events that can happen in every state: notes, documents, a new contact (4270.4)."""

from __future__ import annotations

from pydantic import Field

from states.case import Case
from states.event import OFFICE_ONLY, PRINCIPAL, STAFF, Event, Form, change_nothing, partner_sees
from states.inputs import Digest, Email, File, Input, Length, Name, Text
from states.partnership import Contact, Document, Partnership, State


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


def change_contact(case: Case) -> Partnership:
    return case.facts.but(contact=Contact(email=case.input.email, name=case.input.name))


EVENTS = (
    Event(
        name="add-note",
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
        who=(STAFF,),
        takes=AttachDocument,
        records=add_document,
        audience=partner_sees("file", "title"),
        repeatable=True,
        document="file",
    ),
    Event(
        name="change-contact",
        at=tuple(State),
        who=(STAFF,),
        takes=ChangeContact,
        records=change_contact,
        audience=partner_sees("email", "name"),
        form=Form(replaces="contact"),
    ),
)
