"""Defines the events of choosing a Lead Partner: the choice, protests, another call (4270.8)."""

from pydantic import Field

from states.case import Case, attachments_of, require_recorded
from states.chapters.call import call_closed, change_call, has_applied, of_applicant, of_call
from states.event import (
    APPLICANT,
    NEEDS,
    OPEN,
    REVIEWER,
    STAFF,
    Effect,
    Event,
    Form,
    Scope,
    Sees,
    requirement,
)
from states.inputs import Files, OfOrganization, Reason, Text, documents_field
from states.names import Remedy, Role, State
from states.partnership import Contact, Outcomes, Partnership
from states.selection import Choice, Protest


class ChoosePartner(OfOrganization):
    reasons: Text = Field(title="Reasons", description="the reasons for the choice")


class FileProtest(OfOrganization):
    text: Text = Field(title="Protest", description="what was wrong with the choice, and why")
    documents: Files = documents_field("files that support the protest")


class AnswerProtest(OfOrganization):
    text: Text = Field(title="Answer", description="the answer to the protest")
    remedy: Remedy | None = Field(
        default=None,
        title="If the protest is upheld: what follows",
        description="score-anew or start-over; without it the choice stands, or is made again from the same scores",
    )
    documents: Files = documents_field("files that belong to the answer")


@requirement("4270.8")
def everybody_has_scored(case: Case) -> str | None:
    left = case.selection.unscored()
    if not left:
        return None
    return "; ".join(f"{reviewer} still has to score: {', '.join(names)}" for reviewer, names in left.items())


@requirement("4270.8", of_input=True)
def chosen_has_a_score(case: Case) -> str | None:
    organization = case.input.organization
    # If every reviewer declared a conflict with it, nobody has judged it, and no panel chose it.
    if any(score.organization == organization for score in case.selection.counting_scores):
        return None
    return f"no reviewer without a conflict of interest has scored {organization}"


@requirement("4270.8")
def choice_may_be_made(case: Case) -> str | None:
    choice = case.selection.choice
    if choice is None:
        return None
    # Only a protest against the present choice counts. One against an earlier choice was already dealt with.
    if any(p.answered_at and p.at >= choice.at for p in case.selection.protests):
        return None
    return f"{choice.organization} has been chosen; only an answered protest lets the choice be made again"


@requirement("4270.8")
def partner_chosen(case: Case) -> str | None:
    selection = case.facts.selection
    return None if selection and selection.choice else "no Lead Partner has been chosen yet: choose-partner"


@requirement("4270.8")
def nobody_chosen(case: Case) -> str | None:
    choice = case.selection.choice
    return f"{choice.organization} has been chosen" if choice else None


@requirement("4270.8")
def no_application_waits(case: Case) -> str | None:
    waiting = case.setting.waiting
    if not waiting:
        return None
    # Otherwise a flood could keep an honest application from the panel until the choice is made.
    plural = "applications wait" if waiting > 1 else "application waits"
    return f"{waiting} {plural} for the office: release or set aside with `partnershipctl applications`"


@requirement("4270.8")
def protest_window_open(case: Case) -> str | None:
    choice = case.selection.choice
    if choice is None or case.at < choice.protest_until:
        return None
    return f"protests were possible until {choice.protest_until.astimezone(case.at.tzinfo):%Y-%m-%d %H:%M}"


@requirement("4270.8", of_input=True)
def no_protest_waits(case: Case) -> str | None:
    # An applicant may protest again after an answer, but has only one protest open at a time.
    waiting = any(p.organization == case.input.organization for p in case.selection.unanswered())
    return f"a protest of {case.input.organization} is still unanswered" if waiting else None


@requirement("4270.8", of_input=True)
def protest_waits(case: Case) -> str | None:
    waiting = [p.organization for p in case.selection.unanswered()]
    if case.input.organization in waiting:
        return None
    return f"no protest of {case.input.organization} waits for an answer"


@requirement("4270.8")
def protest_window_closed(case: Case) -> str | None:
    choice = case.selection.choice
    if choice is None or case.at >= choice.protest_until:
        return None
    return f"protests are possible until {choice.protest_until.astimezone(case.at.tzinfo):%Y-%m-%d %H:%M}"


@requirement("4270.8")
def protests_answered(case: Case) -> str | None:
    waiting = case.selection.unanswered()
    if not waiting:
        return None
    if case.role is Role.LEAD_PARTNER:
        # Only the applicant and the office may know who protested.
        return "a protest is unanswered"
    return "a protest is unanswered: " + ", ".join(p.organization for p in waiting)


def choose_partner(case: Case) -> Partnership:
    organization = case.input.organization
    application = case.selection.applications[organization]
    choice = Choice(
        organization=organization,
        reasons=case.input.reasons,
        by=case.actor,
        at=case.at,
        protest_until=case.setting.protest_until,
    )
    # The person who applied becomes the one point of contact (4270.4), until change-contact names another.
    contact = Contact(email=application.contact_email, name=application.contact_name)
    facts = change_call(case, choice=choice)
    # A second choice starts anew: terms and outcomes were drafted with the partner that was chosen first.
    return facts.but(contact=contact, next_contact=None, agreement=None, outcomes=Outcomes())


def file_protest(case: Case) -> Partnership:
    values = case.input
    documents = attachments_of(values.documents)
    protest = Protest(organization=values.organization, text=values.text, at=case.at, documents=documents)
    return change_call(case, protests=(*case.selection.protests, protest))


def answer_protest(case: Case) -> Partnership:
    # `protest_waits` has made sure that there is one.
    waiting = next(p for p in case.selection.unanswered() if p.organization == case.input.organization)
    documents = attachments_of(case.input.documents)
    answered = waiting.but(
        answer=case.input.text, answered_at=case.at, answer_documents=documents, remedy=case.input.remedy
    )
    return change_call(case, protests=tuple(answered if p is waiting else p for p in case.selection.protests))


def score_anew(case: Case) -> Partnership:
    facts = answer_protest(case)
    call = require_recorded(facts.selection)
    # What was built on the choice is no more. The scores stay on record and no longer count.
    call = call.but(
        choice=None,
        scores=(),
        earlier_scores=(*call.earlier_scores, *call.scores),
        scored_at=None,
        anew_at=case.at,
    )
    return without_choice(facts.but(selection=call))


def start_over(case: Case) -> Partnership:
    facts = answer_protest(case)
    return without_choice(end_call(facts, f"A protest was upheld: {case.input.text}"))


def without_choice(facts: Partnership) -> Partnership:
    """Return the facts without what was drafted with the partner that was chosen."""
    return facts.but(contact=None, next_contact=None, agreement=None, outcomes=Outcomes())


def restart(case: Case) -> Partnership:
    return end_call(case.facts, case.input.reason)


def end_call(facts: Partnership, reason: str) -> Partnership:
    """Return the facts with the present call among the earlier ones, so that the needs come next."""
    ended = require_recorded(facts.selection).but(restarted=reason)
    # The school and the District must agree to the statement again, since the call for it found no Lead
    # Partner.
    return facts.but(
        selection=None,
        earlier_selections=(*facts.earlier_selections, ended),
        needs=facts.needs.but(signatures={}, agreed_at=None),
    )


def _answer(remedy: Remedy | None, to: State | None, records: Effect) -> Event:
    return Event(
        name="answer-protest",
        at=(OPEN,),
        to=to,
        who=(STAFF,),
        takes=AnswerProtest,
        records=records,
        needs=(protest_waits,),
        when=lambda case: case.input.remedy == remedy,
        audience=of_applicant("organization", "text", "remedy", "documents"),
        document="documents",
        awaited_since="selection.protest_waits",
        form=Form(reads=("choice", "protests"), choices={"organization": "unanswered-protests"}),
    )


EVENTS = (
    Event(
        name="choose-partner",
        at=(OPEN,),
        who=(STAFF,),
        takes=ChoosePartner,
        records=choose_partner,
        needs=(
            call_closed,
            no_application_waits,
            choice_may_be_made,
            everybody_has_scored,
            has_applied,
            chosen_has_a_score,
        ),
        asks=("protest_until", "waiting"),
        audience=of_call("organization", "reasons"),
        awaited_since="selection.scored",
        confirmed=True,  # not final: an answered protest lets the choice be made again
        form=Form(reads=("scores",), choices={"organization": "scored-applications"}),
    ),
    Event(
        name="file-protest",
        at=(OPEN,),
        who=(APPLICANT,),
        takes=FileProtest,
        records=file_protest,
        needs=(partner_chosen, protest_window_open, has_applied, no_protest_waits),
        audience=of_applicant("organization", "text", "documents"),
        optional=True,
        document="documents",
        form=Form(reads=("choice",), choices={"organization": "own-applications"}),
    ),
    _answer(None, None, answer_protest),
    _answer("score-anew", None, score_anew),
    _answer("start-over", NEEDS, start_over),
    Event(
        name="restart",
        at=(OPEN,),
        to=NEEDS,
        who=(STAFF,),
        takes=Reason,
        records=restart,
        needs=(call_closed, nobody_chosen),
        audience={
            REVIEWER: Sees(Scope.THIS_CALL, ("reason",)),
            APPLICANT: Sees(Scope.THIS_CALL, ("reason",)),
        },
        optional=True,
        confirmed=True,
        final=True,
        form=Form(reads=("scores",)),
    ),
)
