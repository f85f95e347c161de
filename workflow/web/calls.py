"""The open calls (4270.8): a list, a feed, a calendar, a page for each with the way to apply. No sign-in."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, abort, redirect, request
from werkzeug.wrappers import Response as Answer

from notifications.markup import one_line
from states.chapters.anytime import ChangeContact
from states.errors import BadInput
from states.inputs import ABILITIES, read_input
from workflow.actions import applications
from workflow.actions.applications import TooMany
from workflow.session import Session
from workflow.web import call_feeds, public_calls
from workflow.web.application import page as application_page
from workflow.web.application import wording
from workflow.web.site import Site

__all__ = ["application_page", "blueprint"]

_SECONDS = 300  # how long anybody may keep a public page


def blueprint(site: Site) -> Blueprint:
    """Every page of the calls, and the door to them."""
    pages = Blueprint("calls", __name__)

    @pages.get("/", strict_slashes=False)
    def door() -> Answer:
        return redirect(site.system.config.address("calls"))

    @pages.get("/calls")
    def all_of_them() -> Response:
        with site.system.reading() as session:
            found = public_calls.listed(session, site.clock())
        return _public(_list(site, found))

    @pages.get("/calls.atom")
    def feed() -> Response:
        with site.system.reading() as session:
            found = public_calls.listed(session, site.clock())
        content = call_feeds.atom(site.system.config, found)
        return _public(Response(content, content_type="application/atom+xml; charset=utf-8"))

    @pages.get("/calls.ics")
    def calendar() -> Response:
        with site.system.reading() as session:
            found = public_calls.listed(session, site.clock())
        content = call_feeds.calendar(site.system.config, found)
        return _public(Response(content, content_type="text/calendar; charset=utf-8"))

    @pages.get("/calls/<ref>")
    def call(ref: str) -> Response:
        return _public(_call(site, ref))

    @pages.post("/calls/<ref>")
    def action(ref: str) -> Response:
        if not site.may_post():
            abort(429)
        return _asked(site, ref, one_line(request.form.get("email", ""))[:300])

    return pages


def _public(response: Response) -> Response:
    """A page that anybody may find and keep for a while."""
    response.headers["X-Robots-Tag"] = "all"
    response.headers["Cache-Control"] = f"public, max-age={_SECONDS}"
    return response


def _list(site: Site, found: list[public_calls.Call]) -> Response:
    config = site.system.config
    return site.page(
        "calls",
        title="Open calls for Lead Community Partners",
        open=[(call, config.address(f"calls/{call.ref}")) for call in found if call.open],
        closed=[(call, config.address(f"calls/{call.ref}")) for call in found if not call.open],
        atom=config.address("calls.atom"),
        ics=config.address("calls.ics"),
    )


def _call(
    site: Site, ref: str, *, status: int = 200, email: str = "", problem: str | None = None
) -> Response:
    with site.system.reading() as session:
        found = public_calls.one(session, ref, site.clock())
    if found is None:
        abort(404)
    call, _ = found
    return site.page(
        "call",
        status,
        title=f"Call for a Lead Partner: {call.school}",
        call=call,
        abilities=[wording(ability) for ability in ABILITIES],
        email=email,
        problem=problem,
        failed=problem is not None,
    )


def _asked(site: Site, ref: str, given: str) -> Response:
    """Send the link to an address; what is answered says nothing about the address."""
    try:
        email = read_input(ChangeContact, {"email": given, "name": "-"}).email
    except BadInput:
        problem = "This is no e-mail address. Write one like name@example.org."
        return _call(site, ref, status=422, email=given, problem=problem)
    try:
        is_open = site.system.transact(partial(_ask, site, ref, email))
    except TooMany:
        words = "Very many people have asked for a link to this call. Try again in an hour, or write to us."
        return site.told(429, "Too many at once", words)
    if not is_open:
        return _call(site, ref, status=410)
    return site.page("call-asked", title="Look into your mail", email=email)


def _ask(site: Site, ref: str, email: str, session: Session) -> bool:
    now = site.clock()
    found = public_calls.one(session, ref, now)
    if found is None:
        abort(404)
    if not found[0].open:
        return False
    applications.ask(session, found[1], email, now)
    return True
