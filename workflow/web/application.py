"""Shows an applicant's page and acts on its form: save, send, replace or withdraw an application."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from flask import Response, abort, request

from states.errors import BadInput, Problem, Refused
from states.inputs import ABILITIES, MOST_FILES
from states.selection import Application
from workflow import links
from workflow.actions import (
    application_files,
    applications,
    attachments,
    call_limits,
    held_applications,
    kept_forms,
)
from workflow.actions.applicants import own_application
from workflow.actions.application_files import KEY as FILES
from workflow.actions.applications import FIELDS, SentAlready, TooMany
from workflow.actions.kept_forms import Faults, Kept
from workflow.links import Applicant
from workflow.session import Session
from workflow.store import loading
from workflow.store.application_texts import list_files, read_text
from workflow.store.errors import AnsweredAlready, Conflict
from workflow.store.rows import Snapshot
from workflow.views import attached, drafts
from workflow.views.drafts import Draft
from workflow.web import public_calls
from workflow.web.application_words import ABILITY_WORDS, FIELD_WORDS, KINDS, OTHER_WORDS, describe_ability
from workflow.web.partnership import save_as
from workflow.web.sent import read_files
from workflow.web.sheet import TICKED
from workflow.web.site import Site, require_form, see_other

KEEP = "keep"  # the boxes of the files that stay, by their digest
_TRIES = 5  # how often to try while other applications to the call arrive at the same moment
BUTTONS = ("send", "save", "withdraw")
RESULTS = ("sent", "held", "sent-already", "saved", "withdrawn")
CONFIRM = "withdraw"  # the word that the applicant types to confirm a withdrawal


def page(site: Site, token: str, applicant: Applicant) -> Response:
    """Show the application of the link's applicant (GET), or act on its form (POST)."""
    if request.method == "POST":
        require_form()
        if not site.can_post():
            abort(429)
    now = site.clock()
    with site.system.reading() as session:
        call_and_record = public_calls.find_call(session, applicant.ref, now)
        # A link belongs to the call that it was made for, and not to a later one of the same partnership.
        if call_and_record is None or call_and_record[1].facts.round != applicant.round:
            return _show_over(site, session, applicant)
        call, record = call_and_record
        if request.method != "POST":
            return _show(site, session, record, call, applicant.email, now, token, _done_in_address())
    # A form that arrives after the closing gets the page of the closed call, and nothing of it is recorded.
    return _act(site, token, applicant, call, now) if call.open else see_other(token)


def _show_over(site: Site, session: Session, applicant: Applicant) -> Response:
    """Say that the call of a link is over, and show what its author has saved and not sent."""
    record = loading.load(session.connection, [applicant.ref]).get(applicant.ref)
    draft = drafts.find_draft(session, record, applicant.email) if record else None
    if draft is None:
        return site.say(
            410, "This call is over", "It takes no more applications. See the list of open calls."
        )
    return site.render(
        "application-closed",
        410,
        title="This call is over",
        call=None,
        sent=None,
        held=None,
        draft=_readable_draft(session, draft),
        email=applicant.email,
    )


def again(site: Site, token: str, applicant: Applicant, form: str) -> Response:
    """Show a form that came back, with everything that was typed and what is wrong with it.

    `token` is the address of the link, relative to the page. Redirect to it if the form is not kept any longer.
    """
    now = site.clock()
    with site.system.reading() as session:
        kept = kept_forms.find(session, link_of(applicant), form, now)
        call_and_record = public_calls.find_call(session, applicant.ref, now)
        if kept is None or call_and_record is None or not call_and_record[0].open:
            return see_other(token)
        call, record = call_and_record
        _, saved_at = applications.fill_form(session, record, applicant.email)
        return _show_form(
            site, session, record, call, applicant.email, kept.texts, saved_at, now, token,
            status=422, problems=kept.faults.problems,
        )  # fmt: skip


def link_of(applicant: Applicant) -> str:
    """Return what the forms of an applicant's link are kept under."""
    return f"application {applicant.ref} {applicant.round} {applicant.email}"


def _done_in_address() -> str:
    """Return the key of the result that the address of the page names; empty if it names none."""
    done = request.args.get("done", "")
    return done if done in RESULTS else ""


def _act(site: Site, token: str, applicant: Applicant, call: public_calls.Call, now: datetime) -> Response:
    """Do what the button of the form says, and redirect to the page with the result or the problems."""
    email = applicant.email
    values, button = applications.read_form(request.form), request.form.get("do", "")
    form = request.form.get("form", "")
    if button not in BUTTONS or None in request.form or None in request.files:
        # A form that did not arrive whole must not replace a draft.
        abort(400)
    try:
        # First, so that the files are here also if something else is wrong with the form.
        if button != "withdraw":
            values |= {FILES: _take_files(site, applicant, now)}
        if button == "withdraw":
            _check_confirmed()
        as_it_is = request.form.get("unchanged") == TICKED
        work = partial(
            _do,
            ref=call.ref,
            email=email,
            values=values,
            button=button,
            form=form,
            as_it_is=as_it_is,
            now=now,
        )
        done = _try(site, work)
    except (BadInput, Refused) as refused:
        return _keep(site, token, applicant, values, _problems_of(refused), button, now)
    # A second press of the button is no mistake, so the page shows what the first one has recorded.
    except SentAlready:
        done = "sent-already"
    except TooMany:
        site.system.transact(partial(_tell_limit, ref=call.ref, now=now))
        return _keep(site, token, applicant, values, [Problem("", _TOO_MANY)], button, now)
    return see_other(f"{token}?done={done}")


def _take_files(site: Site, applicant: Applicant, now: datetime) -> str:
    """Keep the files that came with a form. Return the list of all that it wants. Raise `BadInput`."""
    files, too_large, _ = read_files(site.system.config.procedure.web.upload_megabytes)
    if too_large:
        raise BadInput(too_large.values())
    ticked, new = request.form.getlist(KEEP), files.get(FILES, [])

    def choose(session: Session) -> str:
        _, record = _read_call(session, applicant.ref, now)
        return application_files.choose(session, record, applicant.email, ticked, new, now)

    return site.system.transact(choose)


_TOO_MANY = "You have sent it many times within an hour. Save it now, and send it later"


def _tell_limit(session: Session, ref: str, now: datetime) -> None:
    """Tell staff that one address sends too many applications. The last one was undone with its transaction."""
    _, record = _read_call(session, ref, now)
    call_limits.tell_staff(session, record, call_limits.APPLICATIONS, applications.MOST_SENT, now)


def _read_call(session: Session, ref: str, now: datetime) -> tuple[public_calls.Call, Snapshot]:
    """Return the call as it is now and its record. Abort with 404 if it is gone."""
    call_and_record = public_calls.find_call(session, ref, now)
    if call_and_record is None:
        abort(404)
    return call_and_record


def _check_confirmed() -> None:
    """Raise `BadInput` unless the applicant typed the word that confirms a withdrawal."""
    # People copy the word with the quotes or the full stop around it.
    if request.form.get("confirm", "").strip().strip("\"'.").lower() != CONFIRM:
        raise BadInput([Problem("confirm", "it is not confirmed", f'the word "{CONFIRM}"')])


def _try(site: Site, work: Callable[[Session], str]) -> str:
    """Do what a button says in one transaction, and return the key of the result, such as "sent".

    Try again if another application changed the partnership at the same moment. Raise `BadInput` after `_TRIES`.
    """
    for attempt in range(_TRIES):
        try:
            return site.system.transact(work)
        # Many applicants send in the last minutes, and each one changes the same partnership.
        # Trying again is safe, since the transaction was rolled back.
        except (AnsweredAlready, Conflict):
            if attempt == _TRIES - 1:
                break
    raise BadInput([Problem("", "another application arrived at the same moment", "the button once more")])


def _do(
    session: Session,
    ref: str,
    email: str,
    values: Mapping[str, str],
    button: str,
    form: str,
    as_it_is: bool,
    now: datetime,
) -> str:
    """Do what the button says, in the transaction of the session. Return the key of the result."""
    # The call is read again inside the transaction: it may have closed since the page was made.
    call_and_record = public_calls.find_call(session, ref, now)
    if call_and_record is None or not call_and_record[0].open:
        raise BadInput([Problem("", "the call has closed in the meantime")])
    record = call_and_record[1]
    if button == "send":
        change = applications.send(session, record, email, values, form, now, as_it_is=as_it_is)
        return "sent" if change else "held"
    if button == "withdraw":
        applications.withdraw(session, record, email, form, now)
        return "withdrawn"
    applications.save(session, record, email, values, now)
    return "saved"


def _problems_of(refused: BadInput | Refused) -> Sequence[Problem]:
    if isinstance(refused, BadInput):
        return refused.problems
    return [Problem("", unmet.reason) for unmet in refused.unmet]


def _keep(
    site: Site,
    token: str,
    applicant: Applicant,
    values: Mapping[str, str],
    problems: Sequence[Problem],
    button: str,
    now: datetime,
) -> Response:
    """Keep everything that was typed, and redirect to the page that shows it with what is wrong."""
    # The page gets a new name: the one that was sent can be damaged.
    form = secrets.token_hex(16)

    def keep(session: Session) -> None:
        texts = values
        if button == "withdraw" or FILES not in values:
            # The form to withdraw has no other fields, so the form to send shows what was saved.
            _, record = _read_call(session, applicant.ref, now)
            saved, _ = applications.fill_form(session, record, applicant.email)
            texts = saved if button == "withdraw" else {FILES: saved.get(FILES, ""), **values}
        kept = Kept(form, "", texts, faults=Faults(problems=tuple(problems)))
        kept_forms.keep(session, link_of(applicant), kept, now)

    site.system.transact(keep)
    return see_other(f"{token}/form/{form}")


def _show(
    site: Site,
    session: Session,
    record: Snapshot,
    call: public_calls.Call,
    email: str,
    now: datetime,
    token: str,
    done: str = "",
) -> Response:
    """Show the form while the call is open, and afterwards what was sent. `done` is the result of a button."""
    sent = own_application(record, email)
    if not call.open:
        return site.render(
            "application-closed",
            title=f"Your application: {call.school}",
            call=call,
            sent=_readable(session, record, sent),
            address=links.apply_address(session.config, Applicant(record.ref, email, record.facts.round)),
            held=held_applications.find_held(session, record, email),
            draft=_readable_draft(session, drafts.find_draft(session, record, email)),
            email=email,
        )
    values, saved_at = applications.fill_form(session, record, email)
    return _show_form(site, session, record, call, email, values, saved_at, now, token, done=done)


def _show_form(
    site: Site,
    session: Session,
    record: Snapshot,
    call: public_calls.Call,
    email: str,
    values: Mapping[str, str],
    saved_at: datetime | None,
    now: datetime,
    token: str,
    *,
    status: int = 200,
    done: str = "",
    problems: Sequence[Problem] = (),
) -> Response:
    sent = own_application(record, email)
    faults = {problem.at or "form": _write_sentence(problem) for problem in problems}
    return site.render(
        "application",
        status,
        title=f"Application for {call.school}",
        failed=bool(problems),
        call=call,
        call_address=site.system.config.address(f"calls/{call.ref}"),
        email=email,
        values={field: values.get(field, "") for field in FIELDS},
        files=[attached.show(dict(each)) for each in list_files(values.get(FILES, ""))],
        megabytes=site.system.config.procedure.web.upload_megabytes,
        most_files=MOST_FILES,
        endings=attachments.ENDINGS,
        address=links.apply_address(session.config, Applicant(record.ref, email, record.facts.round)),
        kinds=KINDS,
        abilities=[describe_ability(ability) for ability in ABILITIES],
        labels=FIELD_WORDS | OTHER_WORDS,
        # Complete before anybody types, so that it could be sent without anybody having meant it.
        complete=not [*applications.find_missing(values)],
        sent=_readable(session, record, sent),
        held=held_applications.find_held(session, record, email),
        sent_at=sent.received_at if sent else None,
        saved_at=saved_at,
        done=done,
        faults=faults,
        confirm=CONFIRM,
        here=token,
        # A form that is sent twice has the same name both times, and counts once.
        form=secrets.token_hex(12),
    )


def _readable_draft(session: Session, draft: Draft | None) -> dict[str, Any] | None:
    """Return what was saved and not sent in the words in which its author reads it, without the empty fields."""
    if draft is None:
        return None
    values = {field: draft.values.get(field, "") for field in FIELDS}
    values["kind"] = KINDS.get(values["kind"], values["kind"])
    written = [(FIELD_WORDS[field], text) for field, text in values.items() if text]
    return {"saved_at": session.local(draft.saved_at), "written": written, "withdrawn": draft.is_withdrawn}


def _write_sentence(problem: Problem) -> str:
    words = problem.problem + (f" ({problem.expected})" if problem.expected else "")
    return words[:1].upper() + words[1:] + "."


def _readable(session: Session, record: Snapshot, sent: Application | None) -> dict[str, Any] | None:
    """Return an application in the words in which its sender reads it."""
    if sent is None:
        return None
    text = read_text(session.connection, record, sent)
    return {
        "name": sent.name,
        "kind": KINDS[sent.kind],
        "contact_name": sent.contact_name,
        "received_at": sent.received_at,
        "abilities": [(ABILITY_WORDS[ability][0], text.abilities.get(ability, "")) for ability in ABILITIES],
        "demonstration": text.demonstration,
        "files": [attached.show(each) for each in text.documents],
    }


def document(site: Site, applicant: Applicant, digest: str) -> Response:
    """Return a file of the applicant's own, sent or not, for the browser to save. Abort with 404 for any other."""
    with site.system.reading() as session:
        call_and_record = public_calls.find_call(session, applicant.ref, site.clock())
        if call_and_record is None or call_and_record[1].facts.round != applicant.round:
            abort(404)
        file = application_files.read_own(session, call_and_record[1], applicant.email, digest)
    return save_as(*file) if file else abort(404)
