"""Where links lead: `/a/TOKEN` shows, a form posted to it acts, and `/a/TOKEN/done` tells what was done.

This is only the switch: what a link opens depends on the kind of its claim.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, request

from notifications.links import Expired, Forged
from workflow import links
from workflow.actions.action import LinkClosed, find_action, send_again
from workflow.links import Applicant, Claim, ExpiredClaim
from workflow.procedure.config import Config
from workflow.web import calls, closed_link, event_page, partnership
from workflow.web.site import Site, sent_form

# Opens a link: the site, the token and the claim in it; the request is GET, HEAD or POST.
Opener = Callable[[Site, str, Any], Response]


def kind_of(config: Config, token: str) -> tuple[str, Any]:
    """The kind of a token, "event", "partnership" or "application", and its claim.

    Raises `ExpiredClaim`, and `Forged` for whatever is none of ours.
    """
    try:
        claim = links.read(config, token)
    except Forged:
        try:
            return "application", links.read_apply(config, token)
        except Expired:
            raise Forged("the application's link is too old") from None
    return ("event" if claim.event else "partnership"), claim


def blueprint(site: Site) -> Blueprint:
    """The pages of links."""
    pages = Blueprint("acting", __name__)
    openers: dict[str, Opener] = {
        "event": event_page.answer,
        "partnership": standing,
        "application": applying,
    }

    @pages.errorhandler(Forged)
    def forged(_: Forged) -> Response:
        return closed_link.forged(site)

    @pages.route("/a/<token>", methods=["GET", "POST"])
    def link(token: str) -> Response:
        try:
            kind, claim = kind_of(site.system.config, token)
        except ExpiredClaim as old:
            return closed_link.expired(site, token, old.claim)
        return openers[kind](site, token, claim)

    @pages.get("/a/<token>/done")
    def done(token: str) -> Response:
        try:
            kind, claim = kind_of(site.system.config, token)
        except ExpiredClaim as old:
            return closed_link.expired(site, f"../{token}", old.claim)
        if kind != "event":
            raise Forged("nothing is done with it")
        return event_page.done(site, token, claim)

    @pages.post("/a/<token>/again")
    def again(token: str) -> Response:
        sent_form()
        if not site.may_post():
            abort(429)
        claim = _whoever_it_was(site.system.config, token)
        if claim is not None:
            site.system.transact(lambda session: _send_again(session, claim, site))
        return closed_link.asked_again(site)

    @pages.get("/a/<token>/documents/<digest>")
    def document(token: str, digest: str) -> Response:
        try:
            claim = links.read(site.system.config, token)
            with site.system.reading() as session:
                return partnership.document(site, session, find_action(session, claim, site.clock()), digest)
        except (Forged, ExpiredClaim, LinkClosed):
            abort(404)

    return pages


def _whoever_it_was(config: Config, token: str) -> Claim | None:
    try:
        return links.read(config, token)
    except ExpiredClaim as old:
        return old.claim
    except Forged:
        return None


def _send_again(session: Any, claim: Claim, site: Site) -> None:
    try:
        send_again(session, claim, site.clock())
    except (Forged, LinkClosed):
        return  # nobody is told that, and nothing was written


def standing(site: Site, token: str, claim: Claim) -> Response:
    """The partnership as the reader may see it."""
    if request.method == "POST":
        abort(405)
    try:
        with site.system.reading() as session:
            return partnership.page(site, session, find_action(session, claim, site.clock()))
    except LinkClosed as closed:
        return closed_link.closed(site, token, closed)


def applying(site: Site, _token: str, applicant: Applicant) -> Response:
    """The application of somebody who has proved an address."""
    return calls.application_page(site, applicant)
