"""Shows the plan for a wanted first day to the office: a small form, and until when each step still serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, abort, request
from pydantic import Field

from notifications.markup import join_lines
from states.errors import BadInput, Problem
from states.inputs import Cents, Day, Identifier, Input, Name
from workflow.forms import parsing
from workflow.forms.fields import Offered, build_form, other_problems
from workflow.procedure.offsets import parse_span
from workflow.session import Session
from workflow.store.rows import SignIn
from workflow.views import feed
from workflow.views.planning import Plan, Terms, make_plan, record_of_school
from workflow.web import own_page
from workflow.web.site import Site

_LONGEST = 300  # characters of a field; nothing that can be read is longer


class Wish(Input):
    """A wanted first day at a school, with what is known of the terms."""

    school: Identifier = Field(title="School", description="the school that the agreement is for")
    starts_on: Day = Field(title="Wanted first day", description="the first day of the agreement")
    amount_cents: Cents | None = Field(
        default=None, title="Whole amount", description="for the whole term, if it is known"
    )
    term: Name | None = Field(
        default=None, title="How long it lasts", description="such as 1 year or 18 months, if it is known"
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the form asked for: the plan, or what is wrong."""

    school: str = ""
    plan: Plan | None = None
    problems: tuple[Problem, ...] = ()


def answer(site: Site, browser: SignIn) -> Response:
    """Show the form, and below it the plan for what it asks."""
    now = site.clock()
    with site.system.reading() as session:
        _require_office(session, browser)
        texts = _read_texts()
        asked = _plan(session, texts, now)
        fields = build_form(Wish, texts, _offered(session), asked.problems)
        rest = other_problems(fields, asked.problems)
        steps = _describe(session, asked.plan, now) if asked.plan else []
        school = session.directory.school_name(asked.school)
    late = asked.plan.missed(now) if asked.plan else None
    return site.render(
        "plan",
        422 if asked.problems else 200,
        title="Plan from a wanted first day",
        fields=fields,
        rest=rest,
        failed=bool(asked.problems),
        plan=asked.plan,
        school=school,
        steps=steps,
        late=late.label if late else None,
        action=site.system.config.address("me/plan"),
        calendar=site.system.config.address("me/plan.ics") + "?" + urlencode(texts),
    )


def calendar(site: Site, browser: SignIn) -> Response:
    """Return the plan as a calendar file. Abort with 404 if what is asked for cannot be planned."""
    now = site.clock()
    with site.system.reading() as session:
        _require_office(session, browser)
        asked = _plan(session, _read_texts(), now)
        if asked.plan is None:
            abort(404)
        content = feed.calendar_of_plan(session, asked.school, asked.school, asked.plan, now)
    name = f"plan-{asked.school}-{asked.plan.start}.ics"
    response = Response(content, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _require_office(session: Session, browser: SignIn) -> None:
    if own_page.office_role(session, browser.email) is None:
        abort(404)


def _read_texts() -> dict[str, str]:
    """Return what stands in the address of each field; nothing before the form was sent."""
    return {
        name: join_lines(request.args[name])[:_LONGEST] for name in Wish.model_fields if name in request.args
    }


def _offered(session: Session) -> Offered:
    schools = sorted(session.directory.schools.values(), key=lambda school: school.name)
    return Offered({"school": tuple((each.id, each.name) for each in schools if each.closed_on is None)})


def _plan(session: Session, texts: Mapping[str, str], now: datetime) -> _Answer:
    """Return the plan for the texts of the form, or everything that is wrong with them."""
    if not texts:
        return _Answer()
    problems: list[Problem] = []
    length = None
    if texts.get("term"):
        try:
            length = parse_span(texts["term"])
        except ValueError:
            problem = f'"{texts["term"]}" is not a span of time; write one such as 1 year or 18 months'
            problems.append(Problem("term", problem))
    try:
        values = parsing.read(Wish, texts, _offered(session))
    except BadInput as bad:
        problems += bad.problems
    if problems:
        return _Answer(problems=tuple(problems))
    wish = Wish.model_validate(values)
    record = record_of_school(wish.school, now)
    terms = Terms(wish.amount_cents, length)
    return _Answer(wish.school, make_plan(session, record, wish.starts_on, now, terms=terms))


def _describe(session: Session, plan: Plan, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "label": step.label,
            "by": session.local(step.by),
            "missed": step.is_missed(now),
            "why": step.why,
        }
        for step in plan.steps
    ]
