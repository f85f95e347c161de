"""Shows a person's own page, with the desk for the office, and takes the forms of its settings."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Response, abort, request

from notifications.markup import join_lines
from states.errors import BadInput, Problem, Refused
from states.machine import event_named
from states.names import Role
from workflow import links
from workflow.actions import begin, handled_answers, kept_forms, sending_again, sign_in
from workflow.actions.kept_forms import NO_FAULTS, Faults, Kept
from workflow.directory import DISTRICT_ROLES
from workflow.links import Applicant, Claim
from workflow.publishing import packet
from workflow.record import own_settings
from workflow.session import Session
from workflow.store import feeds, tables
from workflow.store.rows import SignIn
from workflow.views import board_agenda, capacities, contacts, desk, troubled_mail, your_page
from workflow.views.capacities import Capacity
from workflow.web import event_page, signed_in
from workflow.web.site import Site

_MORE = 5  # how many things a person may do are named for each partnership; its page has all


def go_to_page(site: Site, rest: str = "") -> Response:
    """Redirect to the person's page. `rest` is the end of its address, such as "#mail"."""
    # The address comes from the settings, since the host of a request can be chosen by its sender.
    return Response(status=303, headers={"Location": site.system.config.address(f"me{rest}")})


def go_to_partnership(site: Site, ref: str, rest: str = "") -> Response:
    """Go to the page of a partnership, in the first role that the person has there. Abort with 404 without one.

    `rest` is what follows the address of the page, such as the path of one of its documents.
    """
    browser = signed_in.current(site)
    if browser is None:
        return go_to_page(site)
    with site.system.reading() as session:
        held = capacities.own(session, browser.email, site.clock(), tables.partnerships.c.ref == ref)
        if not held:
            abort(404)
        address = links.address(session.config, claim_for(browser, held[0]))
    return Response(status=303, headers={"Location": address + rest})


def show_page(site: Site, browser: SignIn, form: str | None = None) -> Response:
    """Show a person's page. `form` is the name of one of its forms that came back, with what is wrong."""
    now = site.clock()
    with site.system.reading() as session:
        kept = kept_forms.find(session, link_of(browser), form, now) if form else None
        context = _describe(session, browser, now)
    faults = kept.faults if kept else NO_FAULTS
    problems = {problem.at: _write_sentence(problem) for problem in faults.problems}
    if faults.refused:
        problems["mail"] = " ".join(unmet.reason for unmet in faults.refused)
    return site.render(
        "me",
        422 if faults.problems else 409 if faults.refused else 200,
        title="Your page",
        code=signed_in.form_code(site),
        typed=kept.texts if kept else {},
        problems=problems,
        failed=bool(problems),
        **context,
    )


def link_of(browser: SignIn) -> str:
    """Return what the forms of a person's page are kept under."""
    return f"me {browser.id}"


def keep(site: Site, browser: SignIn, form: str, texts: Mapping[str, str], faults: Faults) -> None:
    """Keep a form of a person's page that was not recorded, under a name that is random."""
    event_page.keep_sent(site, link_of(browser), Kept(form, "", texts, faults=faults), site.clock())


def _come_back(site: Site, browser: SignIn, texts: Mapping[str, str], faults: Faults) -> Response:
    """Redirect to the person's page, which shows what was typed and what is wrong with it."""
    form = secrets.token_hex(16)
    keep(site, browser, form, texts, faults)
    return go_to_page(site, f"?form={form}#errors")


def _write_sentence(problem: Problem) -> str:
    return f"{problem.problem}. {problem.expected}".rstrip(". ") + "."


def _describe(session: Session, browser: SignIn, now: datetime) -> dict[str, Any]:
    email = browser.email
    everywhere = capacities.acts_everywhere(session, email, now)
    pages = your_page.count_pages(session) if everywhere else 1
    page = _read_page(pages)
    urgent = your_page.most_urgent(page) if everywhere else None
    held = capacities.own(session, email, now, urgent)
    person = session.directory.people.get(email)
    return {
        "email": email,
        "dates_in": session.dates_in(email),
        "reader": session.name_of(email, held[0].record.facts if held else None),
        "tasks": [_task(session, browser, task) for task in your_page.list_own_waits(session, held, now)],
        "everywhere": everywhere,
        "page": page,
        "pages": pages,
        "partnerships": [] if everywhere else [_describe_one(session, browser, each, now) for each in held],
        "drafts": [
            {
                "title": record.facts.title,
                "school": session.directory.school_name(record.facts.school),
                "saved_at": session.local(saved_at),
                "url": links.apply_address(session.config, Applicant(record.ref, email, record.facts.round)),
            }
            for record, saved_at in your_page.list_drafts(session, email)
        ],
        "deeds": [
            {
                "at": session.local(deed.at),
                "sentence": deed.sentence,
                "title": deed.title,
                "school": deed.school,
            }
            for deed in your_page.list_deeds(session, email, held)
        ],
        "dates": [
            {
                "at": coming.at,
                "label": coming.label,
                "school": session.directory.school_name(coming.capacity.record.facts.school),
                "url": links.address(session.config, claim_for(browser, coming.capacity)),
            }
            for coming in your_page.list_dates(session, held, now)
        ],
        "desk": _describe_desk(session, email, now),
        "may_begin": bool(begin.schools_to_begin(session, email)),
        "new": session.config.address("me/new"),
        "settings": own_settings.describe(session, person, session.config.calendar.day(now))
        if person
        else None,
        "today": session.config.calendar.day(now).isoformat(),
        "stands_in_for": [absent.name for absent in capacities.list_absent(session, email, now)],
        "feed": links.feed_address(session.config, email, feeds.generation_of(session.connection, email)),
        "browsers": [
            {
                "id": each.id,
                "browser": each.browser,
                "opened_at": session.local(each.opened_at),
                "seen_at": session.local(each.seen_at),
                "here": each.id == browser.id,
            }
            for each in sign_in.list_open(session, email, now)
        ],
    }


def _read_page(pages: int) -> int:
    """Return which page of what waits the address asks for; the nearest one if there is no such page."""
    asked = request.args.get("waits", "")
    return min(max(int(asked), 1), pages) if asked.isdecimal() and len(asked) < 10 else 1


def claim_for(browser: SignIn, capacity: Capacity, event: str = "") -> Claim:
    """Return the claim for a link on the page of a person who has signed in."""
    claim = Claim(
        None,
        "",
        browser.email,
        capacity.record.ref,
        sign_in=browser.id,
        role=str(capacity.role),
        delegate_for=capacity.delegate_for,
    )
    return claim.for_event(event, capacity.record.facts)


def _task(session: Session, browser: SignIn, task: your_page.OwnWait) -> dict[str, Any]:
    capacity = task.capacity
    return {
        "label": session.config.label(task.event),
        "url": _address_of(session, browser, capacity, task.event),
        "deadline": task.deadline,
        "by": session.local(task.by),
        "overdue": task.overdue,
        **_name(session, browser, capacity),
    }


def _address_of(session: Session, browser: SignIn, capacity: Capacity, event: str) -> str:
    """Return the address at which a person does an event."""
    if capacity.role is Role.APPLICANT and event_named(event).sealed:
        # An application has a page of its own, which only its author can open.
        applicant = Applicant(capacity.record.ref, capacity.email, capacity.record.facts.round)
        return links.apply_address(session.config, applicant)
    return links.address(session.config, claim_for(browser, capacity, event))


def _describe_one(session: Session, browser: SignIn, capacity: Capacity, now: datetime) -> dict[str, Any]:
    """Return a partnership of the person with the first things that they may do in it."""
    rows = your_page.list_possible(session, capacity, now)
    return {
        "state": str(capacity.record.state).replace("-", " "),
        "since": session.local(capacity.record.entered_at),
        "begins_on": your_page.begins_on(session, capacity, now),
        "possible": [
            {
                "label": session.config.label(row.name),
                "url": _address_of(session, browser, capacity, row.name),
            }
            for row in rows[:_MORE]
            if not row.final
        ],
        "more": len(rows) > _MORE,
        **_name(session, browser, capacity),
    }


def _name(session: Session, browser: SignIn, capacity: Capacity) -> dict[str, Any]:
    facts = capacity.record.facts
    return {
        "ref": capacity.record.ref,
        "title": facts.title,
        "school": session.directory.school_name(facts.school),
        "role": contacts.describe_as(session.directory, facts, capacity.owner, capacity.role)
        or str(capacity.role),
        "delegate_for": session.name_of(capacity.delegate_for, facts) if capacity.delegate_for else None,
        "page": links.address(session.config, claim_for(browser, capacity)),
    }


# The office's desk


def _describe_desk(session: Session, email: str, now: datetime) -> dict[str, Any] | None:
    """Return what the office finds besides: all partnerships, the Board's agendas, and mail that needs somebody."""
    role = office_role(session, email)
    if role is None:
        return None
    return {
        "listing": desk.partnerships(session, role, now, desk.read_filters(session, request.args)),
        "agenda": board_agenda.agenda(session, now),
        "packets": packet.installed(),
        "plan": session.config.address("me/plan"),
        "mail": troubled_mail.mail(session, now) if role is Role.STAFF else None,
        "ahead": session.config.address("me/ahead"),
        "page_of": session.config.address("me/to/"),
        "send_again": session.config.address("me/mail/"),
        "handled": session.config.address("me/answer/"),
    }


def office_role(session: Session, email: str) -> Role | None:
    """Return the person's role in the district's office, or None."""
    person = session.directory.people.get(email)
    held = person.roles if person is not None and person.active else ()
    return next((role for role in DISTRICT_ROLES if role in held), None)


def send_mail_again(site: Site, notice: int) -> Response:
    """Send a message again that did not arrive."""
    return _look_after_mail(site, notice, sending_again.send_again)


def mark_answer_handled(site: Site, answer: int) -> Response:
    """Mark an answer that needed a person as handled."""
    return _look_after_mail(site, answer, handled_answers.mark_handled)


def _look_after_mail(
    site: Site, key: int, act: Callable[[Session, int, str, Role, datetime], None]
) -> Response:
    """Do what a button below the mail of the desk says, for a person of the office."""
    browser = signed_in.current(site)
    if browser is None:
        return go_to_page(site)
    signed_in.require_own_form(site)

    def work(session: Session) -> None:
        role = office_role(session, browser.email)
        if role is None:
            abort(404)
        act(session, key, browser.email, role, site.clock())

    try:
        site.system.transact(work)
    except Refused as refused:
        return _come_back(site, browser, {}, Faults(refused=tuple(refused.unmet)))
    return go_to_page(site, "#mail")


# Settings


def change_settings(site: Site) -> Response:
    """Change what a person may change of themselves: digest, absence and delegate, or the address of the feed."""
    browser = signed_in.current(site)
    if browser is None:
        return go_to_page(site)
    signed_in.require_own_form(site)
    change = own_settings.CHANGES.get(request.form.get("do", ""))
    if change is None:
        abort(400)
    typed = {name: join_lines(text)[:300] for name, text in request.form.items()}
    try:
        site.system.transact(lambda session: change(session, browser.email, typed, site.clock()))
    except BadInput as bad:
        return _come_back(site, browser, typed, Faults(problems=tuple(bad.problems)))
    return go_to_page(site, "#settings")
