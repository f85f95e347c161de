"""Defines the events of the open call, which seals applications until it closes (4270.1 to .4, 4270.8)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from states.case import Case, require_recorded
from states.chapters.needs import needs_described
from states.event import (
    APPLICANT,
    CLOCK,
    LEAD_PARTNER,
    NEEDS,
    OPEN,
    PUBLIC,
    REVIEWER,
    STAFF,
    Audience,
    Event,
    Form,
    Requirement,
    Scope,
    Sees,
    requirement,
)
from states.inputs import (
    ABILITIES,
    Day,
    Email,
    Files,
    Identifier,
    Input,
    Name,
    Nothing,
    OfOrganization,
    Text,
    check_distinct,
    documents_field,
)
from states.names import Ability, Role
from states.partnership import Outcomes, Partnership
from states.selection import Application, Selection

RECEIVE_APPLICATION = "receive-application"
WITHDRAW_APPLICATION = "withdraw-application"
CLOSE_APPLICATIONS = "close-applications"


class OpenSelection(Input):
    closes_on: Day = Field(description="last day of the call")
    reviewers: Annotated[tuple[Email, ...], AfterValidator(check_distinct)] = Field(
        title="Panel of reviewers", description="e-mail addresses of the panel"
    )


class ReceiveApplication(Input):
    organization: Identifier = Field(title="Organization", description="identifier of the organization")
    contact_name: Name = Field(title="Contact person", description="the organization's contact person")
    contact_email: Email = Field(title="E-mail address", description="the contact's e-mail address")
    abilities: dict[Ability, Text] = Field(
        title="The five abilities", description="how each of the five abilities is shown"
    )
    demonstration: Text | None = Field(
        default=None, title="Ability to serve", description="for kind other: ability to serve"
    )
    documents: Files = documents_field("files that belong to the application")


class ExtendSelection(Input):
    closes_on: Day = Field(description="the new last day of the call")
    reason: Text = Field(description="why")


@requirement("4270.7")
def school_agreed_to_needs(case: Case) -> str | None:
    if "school" in case.facts.needs.signatures:
        return None
    return "the school has not agreed to the statement of needs: its principal does, with agree-needs"


@requirement("4270.7")
def district_agreed_to_needs(case: Case) -> str | None:
    if "district" in case.facts.needs.signatures:
        return None
    return "the District has not agreed to the statement of needs: staff do, with agree-needs"


@requirement("4270.1")
def school_invited(case: Case) -> str | None:
    invited = case.setting.invited_on
    if invited is None:
        return (
            "the Board has not invited a Lead Partner at this school: record the day it did with the school"
        )
    return f"the Board's invitation is of {invited}, which is still to come" if invited > case.today else None


@requirement("4270.8", of_input=True)
def panel_large_enough(case: Case) -> str | None:
    named, least = len(case.input.reviewers), case.setting.minimum_panel
    return f"the panel has {named} reviewers; at least {least} are needed" if named < least else None


@requirement("4270.8", of_input=True)
def panel_known(case: Case) -> str | None:
    strangers = case.setting.strangers
    return f"not in the directory as reviewers: {', '.join(strangers)}" if strangers else None


@requirement("4270.8", of_input=True)
def open_long_enough(case: Case) -> str | None:
    earliest = case.setting.opens_until
    if earliest is None or case.input.closes_on >= earliest:
        return None
    return f"the call would close on {case.input.closes_on}; the earliest possible last day is {earliest}"


@requirement("4270.8")
def call_open(case: Case) -> str | None:
    # Judge by the instant and not by the recorded closing.
    # The clock may record it late, and an application that arrives in between must not count (4270.8).
    if not case.is_call_closed or _was_sent_in_time(case):
        return None
    return f"the call closed at {case.selection.closes_at.astimezone(case.at.tzinfo):%Y-%m-%d %H:%M}"


def _was_sent_in_time(case: Case) -> bool:
    """Return whether the application was sent while the call was open, and nobody is chosen yet."""
    sent, call = case.setting.sent_at, case.selection
    return sent is not None and call.choice is None and call.opened_at <= sent and call.is_open(sent)


@requirement("4270.8")
def call_closed(case: Case) -> str | None:
    if case.is_call_closed:
        return None
    closes = case.selection.closes_at.astimezone(case.at.tzinfo)
    return f"the call is open until {closes:%Y-%m-%d %H:%M}, and applications are sealed until then"


@requirement("4270.8")
def closing_not_recorded(case: Case) -> str | None:
    return "the closing is already on record" if case.selection.closed_at else None


@requirement("4270.8", of_input=True)
def extended_to_later(case: Case) -> str | None:
    new, old = case.setting.closes_at, case.selection.closes_at.astimezone(case.at.tzinfo)
    if new is not None and new > old:
        return None
    return f"the call already closes on {old.date()}; an extension needs a later day"


def require_ability(ability: Ability, clause: str) -> Requirement:
    """Return the requirement that an application addresses one of the five abilities."""

    def reason(case: Case) -> str | None:
        # A requirement for each ability, so that the refusal
        # names every one that is missing, with its clause.
        return None if ability in case.input.abilities else f"the application does not address '{ability}'"

    return Requirement(f"addresses-{ability}", clause, True, reason)


all_five_addressed = tuple(
    require_ability(ability, f"4270.3{letter}") for ability, letter in zip(ABILITIES, "abcde", strict=True)
)


@requirement("4270.2", of_input=True)
def other_kind_demonstrated(case: Case) -> str | None:
    organization = case.setting.organization
    if organization is None:
        return f"{case.input.organization} is not in the directory, so it is not known of what kind it is"
    if organization.kind != "other" or case.input.demonstration:
        return None
    return f"{organization.name} is of kind 'other', so a written demonstration of its ability is needed"


@requirement("4270.8", of_input=True)
def replaced_by_its_author(case: Case) -> str | None:
    author, organization = case.setting.proved_by, case.input.organization
    # A person who may act as the author by a command is not the author: a link went to the author alone.
    in_person = case.role is Role.APPLICANT and not case.setting.unproved
    is_gone = organization not in case.selection.applications
    if author is None or (in_person and (is_gone or case.actor == author)):
        return None
    # Only its author has read a sealed application, so only the author can replace it.
    return f"{organization} has sent its application itself, so only its author can replace it"


@requirement("4270.8", of_input=True)
def withdrawn_by_its_author(case: Case) -> str | None:
    author = case.setting.proved_by
    if author is None or case.role is not Role.APPLICANT or case.actor == author:
        return None
    return f"another address sent the application of {case.input.organization}: that one can withdraw it"


@requirement("4270.8", of_input=True)
def has_applied(case: Case) -> str | None:
    if case.input.organization in case.selection.applications:
        return None
    if case.role is Role.APPLICANT:
        # An applicant may not know who else applied.
        return f"{case.input.organization} has no application"
    applied = ", ".join(case.selection.applications) or "nobody"
    return f"{case.input.organization} has no application; applied have: {applied}"


def open_selection(case: Case) -> Partnership:
    closes_at = case.setting.closes_at
    selection = Selection(opened_at=case.at, closes_at=closes_at, reviewers=case.input.reviewers)
    return case.facts.but(selection=selection)


def receive_application(case: Case) -> Partnership:
    values, organization = case.input, require_recorded(case.setting.organization)
    # The same organization replaces its application, and the count keeps on record how often.
    earlier = case.selection.applications.get(values.organization)
    application = Application(
        organization=values.organization,
        # Copy name and kind, so that the application stays as it was sent when the directory changes.
        name=organization.name,
        kind=organization.kind,
        contact_name=values.contact_name,
        contact_email=values.contact_email,
        received_at=case.at,
        replaces=earlier.replaces + 1 if earlier else 0,
    )
    applications = {**case.selection.applications, values.organization: application}
    # One that waited for the office may come after the closing. The panel has not scored it then.
    return note_scoring(change_call(case, applications=applications), case)


def withdraw_application(case: Case) -> Partnership:
    selection, gone = case.selection, case.input.organization
    applications = {name: a for name, a in selection.applications.items() if name != gone}
    facts = change_call(case, applications=applications)
    if selection.choice and selection.choice.organization == gone:
        # Remove everything that was built on the choice.
        facts = facts.but(
            selection=require_recorded(facts.selection).but(choice=None),
            contact=None,
            next_contact=None,
            agreement=None,
            outcomes=Outcomes(),
        )
    # Without this application the panel may have scored everything that is left.
    return note_scoring(facts, case)


def extend_selection(case: Case) -> Partnership:
    return change_call(case, closes_at=case.setting.closes_at)


def close_applications(case: Case) -> Partnership:
    return note_scoring(change_call(case, closed_at=case.at), case)


def change_call(case: Case, **changes: object) -> Partnership:
    """Return the facts with some fields of the call changed."""
    return case.facts.but(selection=case.selection.but(**changes))


def note_scoring(facts: Partnership, case: Case) -> Partnership:
    """Return the facts with the moment at which the panel has scored everything, or without it."""
    selection = require_recorded(facts.selection)
    complete = case.is_call_closed and not selection.unscored()
    # Keep the first moment: a score that is changed later must not move the deadlines that count from it.
    scored_at = (selection.scored_at or case.at) if complete else None
    return facts.but(selection=selection.but(scored_at=scored_at))


def of_call(*fields: str) -> Audience:
    """Return the audience of an event about the whole call: panel, Lead Partner, and present applicants."""
    return {
        REVIEWER: Sees(Scope.ALWAYS, fields),
        LEAD_PARTNER: Sees(Scope.ALWAYS, fields),
        APPLICANT: Sees(Scope.THIS_CALL, fields),
    }


def of_applicant(*fields: str) -> Audience:
    """Return the audience of an event about one applicant: this applicant, who may have become the Lead Partner."""
    return {
        LEAD_PARTNER: Sees(Scope.OWN_ORGANIZATION, fields),
        APPLICANT: Sees(Scope.OWN_ORGANIZATION, fields),
    }


def _of_application(*fields: str) -> Audience:
    """Return the audience of an event about an application: its applicant, and the panel after the closing."""
    # From the event the panel learns only which organization applied, and not before the call closes (4270.8).
    return {**of_applicant(*fields), REVIEWER: Sees(Scope.AFTER_CLOSING, ("organization",))}


EVENTS = (
    Event(
        name="open-selection",
        at=(NEEDS,),
        to=OPEN,
        who=(STAFF,),
        takes=OpenSelection,
        records=open_selection,
        needs=(
            needs_described,
            school_agreed_to_needs,
            district_agreed_to_needs,
            school_invited,
            # A successor is sought while the present Lead Partner serves. Only an agreement that is put into
            # force asks for `no_other_lead_partner` (4270.4).
            panel_large_enough,
            panel_known,
            open_long_enough,
        ),
        asks=("invited_on", "closes_at", "opens_until", "minimum_panel", "strangers"),
        audience={**of_call("closes_on"), PUBLIC: Sees(Scope.ALWAYS, ("closes_on",))},
        public=True,
        awaited_since="needs.agreed",
        form=Form(
            reads=("statement",), choices={"reviewers": "reviewers"}, beside={"closes_on": "earliest-closing"}
        ),
    ),
    Event(
        name=RECEIVE_APPLICATION,
        at=(OPEN,),
        who=(APPLICANT, STAFF),
        takes=ReceiveApplication,
        records=receive_application,
        needs=(call_open, replaced_by_its_author, other_kind_demonstrated, *all_five_addressed),
        asks=("organization", "proved_by", "unproved", "sent_at"),
        audience=_of_application("organization", "contact_name", "contact_email"),
        sealed=("abilities", "demonstration", "documents"),
        document="documents",
        optional=True,
        repeatable=True,
        form=Form(
            choices={"organization": "organizations"},
            replaces="application",
            beside={"demonstration": "who-demonstrates"},
        ),
    ),
    Event(
        name=WITHDRAW_APPLICATION,
        in_own_name=True,
        at=(OPEN,),
        who=(APPLICANT, STAFF),
        takes=OfOrganization,
        records=withdraw_application,
        needs=(has_applied, withdrawn_by_its_author),
        asks=("proved_by",),
        audience=_of_application("organization"),
        optional=True,
        confirmed=True,
        form=Form(choices={"organization": "own-applications"}),
    ),
    Event(
        name="extend-selection",
        at=(OPEN,),
        who=(STAFF,),
        takes=ExtendSelection,
        records=extend_selection,
        needs=(call_open, extended_to_later),
        asks=("closes_at",),
        audience=of_call("closes_on", "reason"),
        public=True,
        form=Form(beside={"closes_on": "present-closing"}),
    ),
    Event(
        name=CLOSE_APPLICATIONS,
        at=(OPEN,),
        who=(CLOCK,),
        takes=Nothing,
        records=close_applications,
        needs=(call_closed, closing_not_recorded),
        audience=of_call(),
        public=True,
    ),
)
