"""Shows the form and the link by which anybody asks a question about a call, and records what is confirmed."""

from __future__ import annotations

from flask import Response, abort, request

from notifications.markup import clean
from states.errors import BadInput, Refused
from workflow.actions import questions
from workflow.actions.questions import QuestionOver, TooMany
from workflow.links import Asker
from workflow.session import Session
from workflow.web import public_calls
from workflow.web.sheet import NOT_TICKED, TICKED
from workflow.web.site import Site, require_form, see_other

LONGEST_TYPED = 10_000  # characters of a question that are read and shown again
_TICK = "Tick the box, and press the button again."
_TOO_MANY = "We did not record your question: {why}. Please write to the office."


def read_question(typed: str) -> str:
    """Return a question as it was typed, without control characters. Raise `BadInput` if it cannot be asked."""
    text = clean(typed[:LONGEST_TYPED]).strip()
    questions.check_question(text)
    return text


def keep(session: Session, site: Site, ref: str, email: str, text: str) -> bool:
    """Keep a question and queue its link. Return False if the call is closed. Abort with 404 if it is not there."""
    now = site.clock()
    call_and_record = public_calls.find_call(session, ref, now)
    if call_and_record is None:
        abort(404)
    call, record = call_and_record
    if call.open:
        questions.ask(session, record, email, text, now)
    return call.open


def page(site: Site, token: str, asker: Asker) -> Response:
    """Show the question of a link with the button that asks it (GET), or ask it (POST)."""
    if request.method == "POST":
        return _confirm(site, token, asker)
    return _show(site, token, asker, _TICK if NOT_TICKED in request.args else None)


def _show(site: Site, token: str, asker: Asker, problem: str | None = None) -> Response:
    now = site.clock()
    with site.system.reading() as session:
        try:
            asked, record = questions.find_asked(session, asker)
        except QuestionOver:
            return _show_over(site, asker.ref)
        call_and_record = public_calls.find_call(session, record.ref, now)
    if call_and_record is None or (asked.seq is None and not call_and_record[0].open):
        return _show_over(site, asker.ref)
    return site.render(
        "question",
        422 if problem else 200,
        title="Your question is asked" if asked.seq else "Ask this question",
        call=call_and_record[0],
        call_address=site.system.config.address(f"calls/{asker.ref}"),
        text=asked.text,
        asked=asked.seq is not None,
        here=token,
        problem=problem,
        failed=problem is not None,
    )


def _show_over(site: Site, ref: str) -> Response:
    return site.say(
        410,
        "This question cannot be asked any more",
        f"Its call takes no more questions, or the link is old. See {site.system.config.address(f'calls/{ref}')}",
    )


def _confirm(site: Site, token: str, asker: Asker) -> Response:
    require_form()
    if not site.can_post():
        abort(429)
    # A program that checks mail may send the form as it is, and must not publish anything.
    if request.form.get("wanted") != TICKED:
        return see_other(f"{token}?{NOT_TICKED}=yes")
    try:
        site.system.transact(lambda session: questions.confirm(session, asker, site.clock()))
    except (QuestionOver, Refused, BadInput):
        return _show_over(site, asker.ref)
    except TooMany as too_many:
        site.system.transact(lambda session: questions.tell_limit(session, asker.ref, site.clock()))
        return site.say(429, "Too many questions", _TOO_MANY.format(why=too_many))
    return see_other(token)
