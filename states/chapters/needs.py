"""Defines the events of the statement of needs, which the school and the District write and agree to (4270.7)."""

from pydantic import Field

from states.addresses import mailbox
from states.case import Case, add_signature, other_sides
from states.event import (
    ASK_FOR_CHANGES,
    DISAGREES,
    NEEDS,
    PRINCIPAL,
    REVIEWER,
    STAFF,
    Audience,
    Event,
    Form,
    ReplyWord,
    Scope,
    Sees,
    partner_sees,
    requirement,
    sides_left,
)
from states.inputs import Identifier, Input, Name, Nothing, Text, Texts
from states.names import SIDE_NAMES, SIDES
from states.partnership import Needs, Partnership, Statement


class IdentifyNeeds(Input):
    school: Identifier = Field(title="School", description="identifier of the school")
    title: Name = Field(title="Title", description="what people will call this partnership")


class DescribeNeeds(Input):
    needs: Texts = Field(title="Needs", description="what the school needs")
    gaps: tuple[Text, ...] = Field(default=(), title="Gaps", description="services that are missing")
    resources: Texts = Field(title="Resources", description="resources a Lead Partner should bring")
    assets: Texts = Field(title="Assets", description="assets a Lead Partner should bring")
    qualities: Texts = Field(title="Qualities", description="qualities wanted in a Lead Partner")
    goals: Texts = Field(title="Goals", description="goals of the school and the District that are served")


@requirement("4270.7")
def needs_described(case: Case) -> str | None:
    return None if case.facts.needs.statement else "the statement of needs is not written yet: describe-needs"


@requirement("4270.7")
def side_has_not_agreed_to_needs(case: Case) -> str | None:
    side = SIDES[case.role]
    return f"{SIDE_NAMES[side]} has already agreed to this" if side in case.facts.needs.signatures else None


@requirement()
def another_person_for_each_side(case: Case) -> str | None:
    # An agreement has sides only if different people speak for them.
    # A delegate counts as their own person, also when they act in place of somebody else.
    # One person may write the address of one mailbox in several ways.
    sides = {mailbox(person): side for person, side in other_sides(case, SIDES[case.role]).items()}
    for person in (case.actor, case.setting.through):
        if person and (side := sides.get(mailbox(person))):
            return (
                f"{person} acted for {SIDE_NAMES[side]} here, so another person has to act for"
                f" {SIDE_NAMES[SIDES[case.role]]}"
            )
    return None


def identify_needs(case: Case) -> Partnership:
    return Partnership(school=case.input.school, title=case.input.title)


def describe_needs(case: Case) -> Partnership:
    # A changed statement starts without signatures: both sides agree to what it says now (4270.7).
    statement = Statement(**case.input.model_dump())
    return case.facts.but(needs=Needs(statement=statement, described_at=case.at))


def agree_needs(case: Case) -> Partnership:
    signatures = add_signature(case.facts.needs.signatures, case)
    # School and District state the needs. There is no partner yet who could sign.
    both = {"school", "district"} <= signatures.keys()
    return case.facts.but(
        needs=case.facts.needs.but(signatures=signatures, agreed_at=case.at if both else None)
    )


# The panel and the Lead Partner may know how the statement was written.
_PANEL_AND_PARTNER: Audience = {REVIEWER: Sees(Scope.ALWAYS), **partner_sees()}

EVENTS = (
    Event(
        name="identify-needs",
        at=(None,),
        to=NEEDS,
        who=(PRINCIPAL, STAFF),
        takes=IdentifyNeeds,
        records=identify_needs,
        audience=_PANEL_AND_PARTNER,
        form=Form(choices={"school": "schools"}),
    ),
    Event(
        name="describe-needs",
        at=(NEEDS,),
        who=(PRINCIPAL, STAFF),
        takes=DescribeNeeds,
        records=describe_needs,
        audience=_PANEL_AND_PARTNER,
        done_once="needs.described",
        repeatable=True,
        form=Form(replaces="statement"),
    ),
    Event(
        name="agree-needs",
        at=(NEEDS,),
        who=(PRINCIPAL, STAFF),
        takes=Nothing,
        records=agree_needs,
        needs=(needs_described, side_has_not_agreed_to_needs, another_person_for_each_side),
        asks=("through",),
        audience=_PANEL_AND_PARTNER,
        awaited_since="needs.described",
        collected=lambda facts: sides_left(("school", "district"), facts.needs.signatures),
        consents_to=lambda facts: (facts.needs.described_at,),
        instead=ASK_FOR_CHANGES,
        reply_words={"agree": ReplyWord("agree-needs"), "approve": ReplyWord("agree-needs"), "no": DISAGREES},
        form=Form(reads=("statement",)),
    ),
)
