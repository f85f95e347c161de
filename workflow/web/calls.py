"""Serves the open calls to everybody (4270.8): a list, a feed, a calendar, and a page of each to apply."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, request
from werkzeug.wrappers import Response as Answer

from notifications.markup import join_lines
from states.chapters.anytime import ChangeContact
from states.errors import BadInput
from states.inputs import ABILITIES, read_input
from workflow.actions import applications
from workflow.session import Session
from workflow.web import call_feeds, public_calls
from workflow.web.application_words import describe_ability
from workflow.web.site import Site, see_other

_NO_ADDRESS = "This is not an e-mail address. Write one like name@example.org."
_SECONDS = 300  # how long a browser or proxy may keep a public page


def blueprint(site: Site) -> Blueprint:
    """Return every page of the calls, and the home page, which redirects to them."""
    pages = Blueprint("calls", __name__)

    @pages.get("/", strict_slashes=False)
    def home() -> Answer:
        # The address comes from the settings: the host of a request can be chosen by the sender.
        return redirect(site.system.config.address("calls"))

    @pages.get("/calls")
    def show_list() -> Response:
        return _make_public(_show_list(site, _read_list(site)))

    @pages.get("/calls.atom")
    def feed() -> Response:
        content = call_feeds.write_atom(site.system.config, _read_list(site))
        return _make_public(Response(content, content_type="application/atom+xml; charset=utf-8"))

    @pages.get("/calls.ics")
    def calendar() -> Response:
        content = call_feeds.write_calendar(site.system.config, _read_list(site))
        return _make_public(Response(content, content_type="text/calendar; charset=utf-8"))

    @pages.get("/calls/<ref>")
    def call(ref: str) -> Response:
        # A form that came back has what was typed in its address, so that loading it again sends nothing.
        typed = request.args.get("typed")
        if typed is None:
            return _make_public(_show_call(site, ref))
        return _show_call(site, ref, status=422, email=_clean(typed), problem=_NO_ADDRESS)

    @pages.get("/calls/<ref>/asked")
    def asked(ref: str) -> Response:
        return site.render("call-asked", title="Check your email")

    @pages.post("/calls/<ref>")
    def send_link(ref: str) -> Response:
        # The sender alone is held up, so that one address cannot close a call for everybody.
        if not site.can_post() or not site.links.allow(request.remote_addr or ""):
            abort(429)
        return _send_link(site, ref, _clean(request.form.get("email", "")))

    return pages


def _clean(typed: str) -> str:
    # Cut the text before it is read or shown again, since anybody can send any amount of it.
    return join_lines(typed)[:300]


def _make_public(response: Response) -> Response:
    """Let search engines list a page, and browsers and proxies keep it for a while."""
    # These two replace the strict headers of all other pages, which hold something private.
    response.headers["X-Robots-Tag"] = "all"
    response.headers["Cache-Control"] = f"public, max-age={_SECONDS}"
    return response


def _read_list(site: Site) -> list[public_calls.Call]:
    with site.system.reading() as session:
        return public_calls.list_calls(session, site.clock())


def _show_list(site: Site, calls: list[public_calls.Call]) -> Response:
    config = site.system.config
    return site.render(
        "calls",
        title="Open calls for Lead Community Partners",
        open=[(call, config.address(f"calls/{call.ref}")) for call in calls if call.open],
        closed=[(call, config.address(f"calls/{call.ref}")) for call in calls if not call.open],
        atom=config.address("calls.atom"),
        ics=config.address("calls.ics"),
    )


def _show_call(
    site: Site, ref: str, *, status: int = 200, email: str = "", problem: str | None = None
) -> Response:
    """Show a call. `email` and `problem` bring its form back with what was typed and what is wrong with it."""
    with site.system.reading() as session:
        call_and_record = public_calls.find_call(session, ref, site.clock())
    if call_and_record is None:
        abort(404)
    call, _ = call_and_record
    return site.render(
        "call",
        status,
        title=f"Call for a Lead Partner: {call.school}",
        call=call,
        abilities=[describe_ability(ability) for ability in ABILITIES],
        email=email,
        problem=problem,
        failed=problem is not None,
    )


def _send_link(site: Site, ref: str, typed: str) -> Response:
    """Send the link to apply to the address that was typed.

    The answer is the same for every valid address, so that a stranger cannot learn which addresses are in use.
    """
    try:
        email = read_input(ChangeContact, {"email": typed, "name": "-"}).email
    except BadInput:
        _show_call(site, ref)  # 404 for a call that there is not
        return see_other(f"{ref}?{urlencode({'typed': typed})}")
    # The page of a closed call says that it takes no more applications.
    is_open = site.system.transact(partial(_queue_link, site, ref, email))
    return see_other(f"{ref}/asked" if is_open else ref)


def _queue_link(site: Site, ref: str, email: str, session: Session) -> bool:
    """Queue the message with the link. Return False if the call is closed. Abort with 404 if there is no call."""
    now = site.clock()
    call_and_record = public_calls.find_call(session, ref, now)
    if call_and_record is None:
        abort(404)
    call, record = call_and_record
    if not call.open:
        return False
    applications.queue_link(session, record, email, now)
    return True
