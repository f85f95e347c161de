"""Begins a partnership from the page of a person who may: the form with the school and the title."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Response, abort, request

from states.errors import BadInput, Refused
from states.machine import FIRST, event_named
from workflow import engine, links
from workflow.actions import answers, begin, kept_forms
from workflow.actions.kept_forms import NO_FAULTS, Faults
from workflow.forms import parsing
from workflow.forms.fields import Offered, build_form, other_problems
from workflow.links import Claim
from workflow.outbox import queue
from workflow.session import Session
from workflow.store.errors import AnsweredAlready
from workflow.store.rows import Channel, SignIn
from workflow.web import own_page, signed_in
from workflow.web.site import Site, see_other

_FIELDS = ("school", "title")


def answer(site: Site, browser: SignIn) -> Response:
    """Show the form (GET), or begin the partnership and show its page (POST)."""
    if request.method == "GET":
        return _show(site, browser, request.args.get("form", ""))
    signed_in.require_own_form(site)
    form = request.form.get("form", "")
    if not re.fullmatch(r"[0-9a-f]{32}", form):
        abort(400)
    texts = {name: request.form.get(name, "") for name in _FIELDS}
    now = site.clock()
    try:
        location = site.system.transact(lambda session: _begin(session, browser, texts, form, now))
    except BadInput as bad:
        return _come_back(site, browser, form, texts, Faults(problems=tuple(bad.problems)))
    except Refused as refused:
        return _come_back(site, browser, form, texts, Faults(refused=tuple(refused.unmet)))
    except AnsweredAlready:
        location = site.system.config.address("me")
    return Response(status=303, headers={"Location": location})


def _begin(session: Session, browser: SignIn, texts: Mapping[str, str], form: str, now: datetime) -> str:
    """Begin the partnership once for each form, with a receipt. Return the address of its page."""
    email = browser.email
    if answers.was_sent(session, Claim(None, FIRST, email, "", sign_in=browser.id), form):
        return session.config.address("me")
    values = parsing.read(event_named(FIRST).takes, texts, _offered(session, email))
    ref = begin.free_ref(session, values["school"], now)
    role = begin.schools_to_begin(session, email).get(values["school"])
    asked = Claim(None, "", email, ref, sign_in=browser.id)
    key = f"page {form} {FIRST}"
    answer = answers.columns(asked, key, FIRST, channel=Channel.LINK, by=email, now=now)
    change = engine.advance(session, ref, FIRST, values, email, Channel.LINK, now, role=role, answer=answer)
    made = replace(asked, role=str(change.role))
    recorded: dict[str, Any] = {"partnership": change.record.id, "seq": change.record.version}
    queue.tell(session, "receipt", email, str(change.role), now, **recorded)
    return links.address(session.config, made)


def _offered(session: Session, email: str) -> Offered:
    schools = begin.schools_to_begin(session, email)
    choices = tuple((school, session.directory.school_name(school)) for school in schools)
    return Offered({"school": choices}, helps={"school": "The school that the partnership is for."})


def _come_back(site: Site, browser: SignIn, form: str, texts: Mapping[str, str], faults: Faults) -> Response:
    """Redirect to the form as it was sent, with what is wrong."""
    own_page.keep(site, browser, form, texts, faults)
    return see_other(f"new?form={form}")


def _show(site: Site, browser: SignIn, form: str) -> Response:
    """Show the form, empty or as it came back. Abort with 404 for a person who may not begin a partnership."""
    with site.system.reading() as session:
        offered = _offered(session, browser.email)
        if not offered.choices["school"]:
            abort(404)
        kept = kept_forms.find(session, own_page.link_of(browser), form, site.clock())
        texts, faults = (kept.texts, kept.faults) if kept else ({}, NO_FAULTS)
        fields = build_form(event_named(FIRST).takes, texts, offered, faults.problems)
        words: Mapping[str, Any] = session.config.events[FIRST]
        label = session.config.label(FIRST)
    return site.render(
        "new",
        422 if faults.problems else 409 if faults.refused else 200,
        title=label,
        does=words["does"],
        fields=fields,
        rest=other_problems(fields, faults.problems),
        refused=[f"{unmet.reason[:1].upper()}{unmet.reason[1:]}." for unmet in faults.refused],
        failed=faults != NO_FAULTS,
        # A form that comes back keeps its name, so that it counts once.
        form=kept.form if kept else secrets.token_hex(16),
        code=signed_in.form_code(site),
        changed=False,
    )
