"""The page of an application: to fill in, save, send, replace and withdraw while the call is open, then to read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from flask import Response, abort, request
from sqlalchemy.exc import IntegrityError

from states.errors import BadInput, Problem, Refused
from states.inputs import ABILITIES
from states.partnership import Application
from workflow.actions import applications
from workflow.actions.applications import FIELDS, SentAlready, TooMany
from workflow.engine import Conflict
from workflow.links import Applicant
from workflow.session import Session
from workflow.store.rows import Snapshot
from workflow.web import public_calls
from workflow.web.site import Site, sent_form

_TRIES = 5  # how often what somebody else's application was in the way of is tried again
BUTTONS = ("send", "save", "withdraw")
CONFIRM = "withdraw"  # what is typed to withdraw
KINDS = {
    "community-based-organization": "A community based organization",
    "higher-education": "An institution of higher learning",
    "public-agency": "A public agency",
    "other": "Another organization that can show its ability to serve",
}
# The five abilities of 4270.3, each in plain words and as a question.
ABILITY_WORDS = {
    "collaboration": (
        "Collaboration",
        "working together with the school's community and with other partners, and bringing these together",
        "How do you work with a school, its families and other partners, and bring them to one table?",
    ),
    "high-expectations": (
        "High expectations",
        "expecting much of every student, and helping every student to get there",
        "How do you set high expectations for all students?",
    ),
    "diversity": (
        "Diversity",
        "embracing the diversity of students, families and staff",
        "How do you embrace diversity, in your work and in your organization?",
    ),
    "connecting-assets": (
        "Connecting assets",
        "connecting what the school has with what the community has",
        "How do you connect the strengths of a school with those of its community?",
    ),
    "shared-accountability": (
        "Shared accountability",
        "sharing the responsibility for results, and showing openly what was reached",
        "How do you share accountability for results?",
    ),
}
FIELD_WORDS = {
    "name": "Name of the organization",
    "kind": "Kind of organization",
    "contact_name": "Contact person",
    "demonstration": "Ability to serve",
    **{ability: words[0] for ability, words in ABILITY_WORDS.items()},
}


def wording(ability: str) -> dict[str, str]:
    """An ability as it is named, meant and asked for."""
    name, means, question = ABILITY_WORDS[ability]
    return {"key": ability, "name": name, "means": means, "question": question}


def page(site: Site, applicant: Applicant) -> Response:
    """What the link of an applicant opens (GET), and what its form does (POST)."""
    if request.method == "POST":
        sent_form()
        if not site.may_post():
            abort(429)
    now = site.clock()
    with site.system.reading() as session:
        found = public_calls.one(session, applicant.ref, now)
        if found is None:
            return site.told(
                410, "This call is over", "It takes no more applications. See the list of open calls."
            )
        call, record = found
        if not call.open or request.method != "POST":
            return _shown(site, session, record, call, applicant.email, now)
    return _acted(site, applicant.email, call, now)


def _acted(site: Site, email: str, call: public_calls.Call, now: datetime) -> Response:
    values, wanted = applications.read(request.form), request.form.get("do", "")
    form = request.form.get("form", "")
    if wanted not in BUTTONS:  # it did not arrive whole: it must not take the place of what was saved
        abort(400)
    try:
        if wanted == "withdraw":
            _check_confirmed()
        done = _try(site, call.ref, email, values, wanted, form, now)
    except (BadInput, Refused) as refused:
        return _again(site, call, email, values, _problems(refused), wanted, now)
    except SentAlready:
        done = "sent-already"
    except TooMany:
        return _again(site, call, email, values, [Problem("", _TOO_MANY)], wanted, now)
    with site.system.reading() as session:
        found = public_calls.one(session, call.ref, now)
        if found is None:
            abort(404)
        return _shown(site, session, found[1], found[0], email, now, done=done)


_TOO_MANY = "You have sent it many times within an hour. Save it now, and send it later"


def _check_confirmed() -> None:
    if request.form.get("confirm", "").strip().strip("\"'.").lower() != CONFIRM:
        raise BadInput([Problem("confirm", "it is not confirmed", f'the word "{CONFIRM}"')])


def _try(
    site: Site, ref: str, email: str, values: Mapping[str, str], wanted: str, form: str, now: datetime
) -> str:
    """Do it in one transaction; again where another application came at the same moment."""
    for attempt in range(_TRIES):
        try:
            work = partial(_do, ref=ref, email=email, values=values, wanted=wanted, form=form, now=now)
            return site.system.transact(work)
        except (Conflict, IntegrityError):
            if attempt == _TRIES - 1:
                break
    raise BadInput([Problem("", "another application arrived at the same moment", "the button once more")])


def _do(
    session: Session,
    ref: str,
    email: str,
    values: Mapping[str, str],
    wanted: str,
    form: str,
    now: datetime,
) -> str:
    found = public_calls.one(session, ref, now)
    if found is None or not found[0].open:
        raise BadInput([Problem("", "the call has closed in the meantime")])
    record = found[1]
    if wanted == "send":
        applications.send(session, record, email, values, form, now)
        return "sent"
    if wanted == "withdraw":
        applications.withdraw(session, record, email, form, now)
        return "withdrawn"
    applications.save(session, record, email, values, now)
    return "saved"


def _problems(refused: BadInput | Refused) -> Sequence[Problem]:
    if isinstance(refused, BadInput):
        return refused.problems
    return [Problem("", unmet.reason) for unmet in refused.unmet]


def _again(
    site: Site,
    call: public_calls.Call,
    email: str,
    values: Mapping[str, str],
    problems: Sequence[Problem],
    wanted: str,
    now: datetime,
) -> Response:
    """The form with everything that was typed, and what is wrong with it."""
    with site.system.reading() as session:
        found = public_calls.one(session, call.ref, now)
        if found is None:
            abort(404)
        saved = applications.filled_in(session, found[1], email)
        if wanted == "withdraw":  # its form has none of the fields
            values = saved[0]
        return _form(site, found[1], call, email, values, saved[1], now, status=422, problems=problems)


def _shown(
    site: Site,
    session: Session,
    record: Snapshot,
    call: public_calls.Call,
    email: str,
    now: datetime,
    done: str = "",
) -> Response:
    sent = applications.own(record, email)
    if not call.open:
        return site.page(
            "application-closed",
            title=f"Your application: {call.school}",
            call=call,
            sent=_read(sent),
            email=email,
        )
    values, saved_at = applications.filled_in(session, record, email)
    return _form(site, record, call, email, values, saved_at, now, done=done)


def _form(
    site: Site,
    record: Snapshot,
    call: public_calls.Call,
    email: str,
    values: Mapping[str, str],
    saved_at: datetime | None,
    now: datetime,
    *,
    status: int = 200,
    done: str = "",
    problems: Sequence[Problem] = (),
) -> Response:
    sent = applications.own(record, email)
    faults = {problem.at or "form": _sentence(problem) for problem in problems}
    return site.page(
        "application",
        status,
        title=f"Application for {call.school}",
        failed=bool(problems),
        call=call,
        call_address=site.system.config.address(f"calls/{call.ref}"),
        email=email,
        values={field: values.get(field, "") for field in FIELDS},
        kinds=KINDS,
        abilities=[wording(ability) for ability in ABILITIES],
        labels=FIELD_WORDS | {"confirm": "Confirmation", "form": "The form"},
        sent=_read(sent),
        sent_at=sent.received_at if sent else None,
        saved_at=saved_at,
        done=done,
        faults=faults,
        confirm=CONFIRM,
        form=secrets.token_hex(12),
    )


def _sentence(problem: Problem) -> str:
    words = problem.problem + (f" ({problem.expected})" if problem.expected else "")
    return words[:1].upper() + words[1:] + "."


def _read(sent: Application | None) -> dict[str, Any] | None:
    """An application as its sender reads it."""
    if sent is None:
        return None
    return {
        "name": sent.name,
        "kind": KINDS[sent.kind],
        "contact_name": sent.contact_name,
        "received_at": sent.received_at,
        "abilities": [(ABILITY_WORDS[ability][0], sent.abilities.get(ability, "")) for ability in ABILITIES],
        "demonstration": sent.demonstration,
    }
