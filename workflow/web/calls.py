"""Serves the open calls to everybody (4270.8): a list, a feed, a calendar, and a page of each to apply."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, request
from werkzeug.wrappers import Response as Answer

from notifications.markup import join_lines
from states.chapters.anytime import ChangeContact
from states.errors import BadInput
from states.inputs import ABILITIES, read_input
from workflow.actions import applications, kept_forms, subscriptions
from workflow.actions.kept_forms import Kept
from workflow.session import Session
from workflow.store.paging import NoSuchPlace
from workflow.web import call_feeds, public_calls, questions
from workflow.web.application_words import describe_ability
from workflow.web.event_page import keep_sent
from workflow.web.public_calls import Listing
from workflow.web.site import Site, make_public, see_other

_NO_ADDRESS = "This is not an e-mail address. Write one like name@example.org."
_NOTHING_ASKED: Mapping[str, str] = {}
_PLACES = ("after", "before")  # in an address: the place in a list from which its page is read


def blueprint(site: Site) -> Blueprint:
    """Return every page of the calls, and the home page, which redirects to them."""
    pages = Blueprint("calls", __name__)

    @pages.get("/", strict_slashes=False)
    def home() -> Answer:
        # The address comes from the settings: the host of a request can be chosen by the sender.
        return redirect(site.system.config.address("calls"))

    @pages.get("/calls")
    def show_list() -> Response:
        typed = request.args.get("typed")
        if typed is None:
            return make_public(_show_list(site), request)
        return _show_list(site, status=422, email=_clean(typed), problem=_NO_ADDRESS)

    @pages.get("/calls.atom")
    def feed() -> Response:
        content = _write_feed(site)
        return make_public(Response(content, content_type="application/atom+xml; charset=utf-8"), request)

    @pages.get("/calls.ics")
    def calendar() -> Response:
        with site.system.reading() as session:
            closings = public_calls.list_closings(session, site.clock())
        content = call_feeds.write_calendar(site.system.config, closings)
        return make_public(Response(content, content_type="text/calendar; charset=utf-8"), request)

    @pages.get("/calls/<ref>")
    def call(ref: str) -> Response:
        # A form that came back has what was typed in its address, so that loading it again sends nothing.
        typed = request.args.get("typed")
        if (asking := _find_asking(site, ref)) is not None:
            faults, _, _ = _read_asking(asking)
            return _show_call(site, ref, status=422, asking=asking, faults=faults)
        if typed is None:
            return make_public(_show_call(site, ref), request)
        return _show_call(site, ref, status=422, email=_clean(typed), problem=_NO_ADDRESS)

    @pages.get("/calls/<ref>/asked")
    def asked(ref: str) -> Response:
        return _show_asked(site, "Open it to fill in your application.")

    @pages.post("/calls/<ref>/question")
    def ask(ref: str) -> Response:
        _require_room(site)
        return _keep_question(site, ref)

    @pages.get("/calls/<ref>/question")
    def back(ref: str) -> Response:
        # Somebody loads the address anew at which a form came back with a mistake.
        return see_other("../" + ref)

    @pages.get("/calls/<ref>/question/asked")
    def question_asked(ref: str) -> Response:
        return _show_asked(
            site, "Your question is not asked yet. Open the link to read it once more and ask it."
        )

    @pages.post("/new-calls")
    def hear() -> Response:
        _require_room(site)
        return _subscribe(site, _clean(request.form.get("email", "")))

    @pages.get("/new-calls")
    def hearing() -> Response:
        return see_other("calls")

    @pages.get("/new-calls/asked")
    def hearing_asked() -> Response:
        return _show_asked(
            site, "You hear of new calls once you have opened the link and pressed the button."
        )

    @pages.post("/calls/<ref>")
    def send_link(ref: str) -> Response:
        _require_room(site)
        return _send_link(site, ref, _clean(request.form.get("email", "")))

    return pages


def _require_room(site: Site) -> None:
    """Abort with 429 if the sender has sent too many forms. The sender alone is held up, and not the call."""
    if not site.can_post() or not site.links.allow(request.remote_addr or ""):
        abort(429)


def _show_asked(site: Site, then: str) -> Response:
    return site.render("call-asked", title="Check your email", then=then)


def _clean(typed: str) -> str:
    # Cut the text before it is read or shown again, since anybody can send any amount of it.
    return join_lines(typed)[:300]


def _read_listing(site: Site, read: Callable[..., Listing]) -> Listing:
    """Return the page of a list that the address names. Abort with 404 if it names none."""
    places = {key: request.args[key] for key in _PLACES if request.args.get(key)}
    try:
        with site.system.reading() as session:
            return read(session, site.clock(), **places)
    except NoSuchPlace:
        abort(404)


def _link_pages(address: str, listing: Listing) -> dict[str, str]:
    """Return the addresses of the pages beside a page, by their relation to it, as far as there are such."""
    places = {"previous": ("before", listing.previous), "next": ("after", listing.next)}
    return {
        relation: f"{address}?{urlencode({key: place})}" for relation, (key, place) in places.items() if place
    }


def _write_feed(site: Site) -> bytes:
    listing = _read_listing(site, public_calls.list_news)
    address = site.system.config.address("calls.atom")
    here = urlencode({key: request.args[key] for key in _PLACES if request.args.get(key)})
    links = {"self": address + (f"?{here}" if here else ""), "first": address}
    return call_feeds.write_atom(site.system.config, listing.calls, links | _link_pages(address, listing))


def _show_list(
    site: Site,
    *,
    status: int = 200,
    email: str = "",
    problem: str | None = None,
) -> Response:
    """Show the list. `email` and `problem` bring the form to subscribe back, with what is wrong."""
    config = site.system.config
    listing = _read_listing(site, public_calls.list_calls)
    return site.render(
        "calls",
        status,
        neighbors=_link_pages(config.address("calls"), listing),
        email=email,
        problem=problem,
        failed=problem is not None,
        hear=config.address("new-calls"),
        title="Open calls for Lead Community Partners",
        open=[(call, config.address(f"calls/{call.ref}")) for call in listing.calls if call.open],
        closed=[(call, config.address(f"calls/{call.ref}")) for call in listing.calls if not call.open],
        atom=config.address("calls.atom"),
        ics=config.address("calls.ics"),
    )


def _show_call(
    site: Site,
    ref: str,
    *,
    status: int = 200,
    email: str = "",
    problem: str | None = None,
    asking: Mapping[str, str] = _NOTHING_ASKED,
    faults: Mapping[str, str] = _NOTHING_ASKED,
) -> Response:
    """Show a call. `email` and `problem` bring the form to apply back with what was typed and what is wrong.

    `asking` and `faults` do so for the form to ask a question, by field.
    """
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
        ask=site.system.config.address(f"calls/{ref}/question"),
        asking={"email": "", "text": ""} | dict(asking),
        faults=faults,
        failed=problem is not None or bool(faults),
    )


def _read_email(typed: str) -> str:
    """Return an address as it is kept. Raise `BadInput` if it is none."""
    return read_input(ChangeContact, {"email": typed, "name": "-"}).email


def _keep_question(site: Site, ref: str) -> Response:
    """Keep the question that was typed, and send the link that confirms its address."""
    typed, text = _clean(request.form.get("email", "")), request.form.get("text", "")
    asking = {"email": typed, "text": text[: questions.LONGEST_TYPED]}
    faults, email, question = _read_asking(asking)
    if faults:
        _show_call(site, ref)  # 404 for a call that there is not
        # A question is too long for an address, so the form is kept under its random name.
        form = secrets.token_hex(16)
        keep_sent(site, _link_of_asking(ref, form), Kept(form, "", asking), site.clock())
        return see_other(f"../{ref}?asking={form}")
    is_open = site.system.transact(lambda session: questions.keep(session, site, ref, email, question))
    return see_other("question/asked" if is_open else f"../{ref}")


def _link_of_asking(ref: str, form: str) -> str:
    """Return what a form to ask a question is kept under: each for itself, so that nobody pushes out another's."""
    return f"question {ref} {form}"


def _find_asking(site: Site, ref: str) -> Mapping[str, str] | None:
    """Return what was typed into the form that the address names; None if it names none that is kept."""
    form = request.args.get("asking", "")
    with site.system.reading() as session:
        kept = kept_forms.find(session, _link_of_asking(ref, form), form, site.clock()) if form else None
    return kept.texts if kept else None


def _read_asking(asking: Mapping[str, str]) -> tuple[dict[str, str], str, str]:
    """Return what is wrong with the form to ask a question, by field, and its address and its question."""
    faults: dict[str, str] = {}
    email = question = ""
    try:
        email = _read_email(asking["email"])
    except BadInput:
        faults["email"] = _NO_ADDRESS
    try:
        question = questions.read_question(asking["text"])
    except BadInput as bad:
        faults["text"] = " ".join(
            f"{p.problem[:1].upper()}{p.problem[1:]}. {p.expected}." for p in bad.problems
        )
    return faults, email, question


def _subscribe(site: Site, typed: str) -> Response:
    """Send the link that subscribes the address that was typed. The answer is the same for every valid address."""
    try:
        email = _read_email(typed)
    except BadInput:
        return see_other(f"calls?{urlencode({'typed': typed})}")
    site.system.transact(lambda session: subscriptions.ask(session, email, site.clock()))
    return see_other("new-calls/asked")


def _send_link(site: Site, ref: str, typed: str) -> Response:
    """Send the link to apply to the address that was typed.

    The answer is the same for every valid address, so that a stranger cannot learn which addresses are in use.
    """
    try:
        email = _read_email(typed)
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
