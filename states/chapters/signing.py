"""Defines the events by which an agreement is signed, on a page or on paper, and started (4270.9, 4270.10)."""

from pydantic import Field

from states.case import Case, add_signature, attachment_of
from states.chapters.agreement import BEFORE_SIGNING, agreement_not_over, board_need_not_act
from states.chapters.needs import another_person_for_each_side
from states.chapters.succession import no_other_lead_partner
from states.event import (
    ACTIVE,
    ASK_FOR_CHANGES,
    DISAGREES,
    LEAD_PARTNER,
    OPEN,
    STAFF,
    Event,
    Form,
    ReplyWord,
    Requirement,
    partner_sees,
    requirement,
    sides_left,
)
from states.fact import Signature, Signatures
from states.inputs import Consent, Day, Input, Name, Nothing, OneFile
from states.names import SIDE_NAMES, SIDES, SigningSide, State
from states.partnership import Document, Partnership

# What a person consents to who signs on a page, word for word.
CONSENT = "I have read the terms, the outcomes and any document, and I sign this agreement by typing my name"


class SignAgreement(Input):
    signed_on: Day = Field(description="day of the signature")
    name: Name | None = Field(
        default=None, title="Your full name", description="typed in place of a signature by hand"
    )
    consent: Consent | None = Field(default=None, title="Your consent", description=CONSENT)


class RecordSignature(Input):
    side: SigningSide = Field(title="Who signed", description="the side that signed")
    name: Name = Field(title="Name below the signature", description="who signed for this side")
    signed_on: Day = Field(description="day of the signature")
    document: OneFile = Field(title="Signed paper", description="a scan of the paper with the signature")


@requirement()
def side_has_not_signed(case: Case) -> str | None:
    agreement = case.facts.agreement
    side = SIDES[case.role]
    signed = agreement is not None and side in agreement.signatures
    return f"{SIDE_NAMES[side]} has already signed" if signed else None


@requirement(of_input=True)
def named_side_has_not_signed(case: Case) -> str | None:
    agreement, side = case.facts.agreement, case.input.side
    signed = agreement is not None and side in agreement.signatures
    return f"{SIDE_NAMES[side]} has already signed" if signed else None


@requirement(of_input=True)
def another_signer_for_each_side(case: Case) -> str | None:
    signatures = case.facts.agreement.signatures if case.facts.agreement else {}
    name = case.input.name.casefold().split()
    same = [side for side, each in signatures.items() if each.name and each.name.casefold().split() == name]
    return f"{case.input.name} has signed for {SIDE_NAMES[same[0]]}" if same else None


@requirement()
def signature_awaited(case: Case) -> str | None:
    agreement = case.facts.agreement
    return None if agreement and agreement.awaits_signature else "the agreement is signed; nothing is awaited"


@requirement(of_input=True)
def signed_by_today(case: Case) -> str | None:
    if case.input.signed_on <= case.today:
        return None
    return f"{case.input.signed_on} is still to come; a signature has the day on which it was given"


@requirement(of_input=True)
def signed_after_draft(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None  # `agreement_drafted` refuses this
    # A changed agreement is signed anew, so the last change counts, and what the Board approved since.
    zone = case.at.tzinfo
    written = [agreement.drafted_at, *(change.at for change in agreement.changes[-1:])]
    days = [at.astimezone(zone).date() for at in written]
    days += [agreement.approval.meeting_on] if agreement.approval else []
    if case.input.signed_on >= max(days):
        return None
    return (
        f"{case.input.signed_on} is before {max(days)}, the day of these terms; nobody signs before the draft"
    )


@requirement()
def signed_by_both(case: Case) -> str | None:
    agreement = case.facts.agreement
    if agreement is None:
        return None  # `agreement_drafted` refuses this
    left = [SIDE_NAMES[side] for side in ("district", "partner") if side not in agreement.signatures]
    return f"not yet signed by {' and '.join(left)}" if left else None


def sign_agreement(case: Case) -> Partnership:
    values, side = case.input, SIDES[case.role]
    signatures = add_signature(case.agreement.signatures, case, on=values.signed_on)
    document = case.agreement.document
    signature = signatures[side].but(
        name=values.name,
        consented=bool(values.consent),
        signed_sha256=document.sha256 if document else None,
    )
    return _with_signatures(case, {**signatures, side: signature})


def record_signature(case: Case) -> Partnership:
    values, document = case.input, case.agreement.document
    signature = Signature(
        by=case.actor,
        at=case.at,
        on=values.signed_on,
        through=case.setting.through,
        name=values.name,
        signed_sha256=document.sha256 if document else None,
        paper=True,
        scan=attachment_of(values.document),
    )
    return _with_signatures(case, {**case.agreement.signatures, values.side: signature})


def _with_signatures(case: Case, signatures: Signatures) -> Partnership:
    """Return the facts with these signatures, and with the signed copy once both are there."""
    both = {"district", "partner"} <= signatures.keys()
    copy = case.setting.signed_copy if both else None
    agreement = case.agreement.but(
        signatures=signatures,
        signed_at=case.at if both else None,
        signed_copy=copy,
        awaits_signature=None if both else case.agreement.awaits_signature,
    )
    documents = case.facts.documents
    if copy is not None:
        title = "Signed copy of the agreement"
        documents = (*documents, Document(title=title, **copy.model_dump(), at=case.at))
    return case.facts.but(agreement=agreement, documents=documents)


def _is_signed(facts: Partnership) -> bool:
    return facts.agreement is not None and facts.agreement.signed_at is not None


def activate(case: Case) -> Partnership:
    # This is the way without the Board. `approve` puts an agreement into force by the Board's decision.
    return case.facts.but(agreement=case.agreement.but(in_force_at=case.at))


_SIGNING = (side_has_not_signed, signed_by_today, signed_after_draft, another_person_for_each_side)
_ON_PAPER = (named_side_has_not_signed, signed_by_today, signed_after_draft, another_signer_for_each_side)


def _terms_read(facts: Partnership) -> tuple[object, ...]:
    agreement = facts.agreement
    # A signature is given to exact terms and outcomes.
    # A link from before a change must not sign the new ones.
    return (agreement and agreement.drafted_at, agreement and len(agreement.changes), facts.outcomes.set_at)


def _sign(at: State, needs: tuple[Requirement, ...], asks: tuple[str, ...]) -> Event:
    return Event(
        name="sign-agreement",
        at=(at,),
        who=(STAFF, LEAD_PARTNER),
        takes=SignAgreement,
        records=sign_agreement,
        needs=needs,
        asks=asks,
        audience=partner_sees("signed_on", "name", "consent"),
        awaited_since="agreement.awaits_signature",
        collected=lambda facts: sides_left(
            ("district", "partner"), facts.agreement.signatures if facts.agreement else {}
        ),
        consents_to=_terms_read,
        instead=ASK_FOR_CHANGES,
        reply_words={
            "sign": ReplyWord("sign-agreement", {"consent": True}, day="signed_on", name="name"),
            "no": DISAGREES,
        },
        signed_copy=_is_signed,
        form=Form(reads=("terms", "outcomes"), demands=frozenset({"name", "consent"}), today="signed_on"),
    )


def _record_signature(at: State, needs: tuple[Requirement, ...], asks: tuple[str, ...]) -> Event:
    return Event(
        name="record-signature",
        at=(at,),
        who=(STAFF,),
        takes=RecordSignature,
        records=record_signature,
        needs=needs,
        asks=asks,
        audience=partner_sees("side", "name", "signed_on", "document"),
        optional=True,
        consents_to=_terms_read,
        document="document",
        signed_copy=_is_signed,
        form=Form(reads=("terms", "outcomes")),
    )


EVENTS = (
    _sign(OPEN, (*BEFORE_SIGNING, *board_need_not_act, *_SIGNING), asks=("board", "earlier", "through")),
    _sign(ACTIVE, (signature_awaited, *_SIGNING), asks=("through",)),
    _record_signature(
        OPEN, (*BEFORE_SIGNING, *board_need_not_act, *_ON_PAPER), asks=("board", "earlier", "through")
    ),
    _record_signature(ACTIVE, (signature_awaited, *_ON_PAPER), asks=("through",)),
    Event(
        name="activate",
        at=(OPEN,),
        to=ACTIVE,
        who=(STAFF,),
        takes=Nothing,
        records=activate,
        needs=(
            *BEFORE_SIGNING,
            *board_need_not_act,
            signed_by_both,
            agreement_not_over,
            no_other_lead_partner,
        ),
        asks=("board", "earlier", "leads"),
        audience=partner_sees(),
        consents_to=_terms_read,
        form=Form(reads=("terms", "outcomes")),
    ),
)
