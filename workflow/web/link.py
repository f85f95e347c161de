"""Routes the links of messages: GET `/a/TOKEN` shows, POST acts, `/a/TOKEN/done` shows what was recorded.

This module only chooses the page. The choice depends on the kind of the claim in the token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, abort, request

from notifications.links import Expired, Forged
from workflow import links
from workflow.actions import kept_forms
from workflow.actions.action import Action, LinkClosed, find_action, send_again
from workflow.actions.kept_forms import NO_FAULTS
from workflow.links import Applicant, Asker, Claim, ExpiredClaim, Subscriber
from workflow.procedure.config import Config
from workflow.session import Session
from workflow.web import (
    annual_report,
    application,
    closed_link,
    event_page,
    new_calls,
    packets,
    partnership,
    questions,
    signed_in,
)
from workflow.web.sent import read_sent
from workflow.web.sheet import TICKED
from workflow.web.site import Site, require_form, see_other

# Answers a GET, HEAD or POST request for a link. Takes the site, the token and the claim in the token.
Opener = Callable[[Site, str, Any], Response]


def read_token(config: Config, token: str) -> tuple[str, Claim | Applicant | Asker | Subscriber]:
    """Return the kind of a token, such as "event", "partnership" or "application", and its claim.

    Raise `ExpiredClaim` if a claim is too old, and `Forged` if this office did not sign the token.
    """
    try:
        claim = links.read(config, token)
    except Forged:
        # The kinds of link are signed for different purposes, so a token can be valid for only one of them.
        for kind, read in _OTHER_KINDS.items():
            try:
                return kind, read(config, token)
            except Expired:
                # Its call is long over, and the page of a forged link tells nothing about it.
                raise Forged(f"the link of kind {kind} is too old") from None
            except Forged:
                continue
        raise
    return ("event" if claim.event else "partnership"), claim


_OTHER_KINDS: Mapping[str, Callable[[Config, str], Applicant | Asker | Subscriber]] = {
    "application": links.read_apply,
    "question": links.read_asker,
    "new-calls": links.read_subscriber,
}


def blueprint(site: Site) -> Blueprint:
    """Return the pages of links."""
    pages = Blueprint("acting", __name__)
    openers: dict[str, Opener] = {
        "event": event_page.answer,
        "partnership": _show_partnership,
        "application": _show_application,
        "question": questions.page,
        "new-calls": new_calls.page,
    }

    @pages.errorhandler(Forged)
    def forged(_: Forged) -> Response:
        return closed_link.forged(site)

    @pages.route("/a/<token>", methods=["GET", "POST"])
    def link(token: str) -> Response:
        try:
            kind, claim = read_token(site.system.config, token)
        except ExpiredClaim as old:
            if request.method == "POST":
                return _keep_unsent(site, token, old.claim)
            return closed_link.expired(site, token, old.claim)
        if isinstance(claim, Claim) and claim.sign_in is not None:
            own = _check_browser(site, claim)
            if own is None and request.method == "POST":
                return _keep_unsent(site, token, claim)
            if own is None:
                return closed_link.signed_out(site, claim)
            claim = own
        return openers[kind](site, token, claim)

    @pages.get("/a/<token>/done")
    def done(token: str) -> Response:
        try:
            _, claim = read_token(site.system.config, token)
        except ExpiredClaim as old:
            return closed_link.expired(site, f"../{token}", old.claim)
        if not isinstance(claim, Claim) or not claim.event:
            raise Forged("the link asks for no event")
        own = _check_browser(site, claim)
        return event_page.done(site, token, own) if own else closed_link.signed_out(site, claim)

    @pages.get("/a/<token>/form/<form>")
    def form(token: str, form: str) -> Response:
        return _show_kept(site, token, form, check=False)

    @pages.get("/a/<token>/check/<form>")
    def check(token: str, form: str) -> Response:
        return _show_kept(site, token, form, check=True)

    @pages.post("/a/<token>/again")
    def again(token: str) -> Response:
        return _send_fresh_links(site, token)

    @pages.get("/a/<token>/asked")
    def asked(token: str) -> Response:
        return closed_link.asked_again(site)

    @pages.get("/a/<token>/not-asked")
    def not_asked(token: str) -> Response:
        return closed_link.not_wanted(site)

    @pages.get("/a/<token>/documents/<digest>")
    def document(token: str, digest: str) -> Response:
        def serve(session: Session, action: Action) -> Response:
            return partnership.document(site, session, action, digest)

        try:
            _, read = read_token(site.system.config, token)
            if isinstance(read, Applicant):
                return application.document(site, read, digest)
            return _serve(site, read, serve)
        # One answer for every reason, so that nobody learns which documents or links exist.
        except (Forged, ExpiredClaim, LinkClosed):
            abort(404)

    @pages.get("/a/<token>/packet.<ending>")
    def packet(token: str, ending: str) -> Response:
        try:
            _, read = read_token(site.system.config, token)
            return packets.answer(site, _require_claim(site, read), ending)
        except (Forged, ExpiredClaim, LinkClosed):
            abort(404)

    @pages.get("/a/<token>/report/<int:year>")
    def report(token: str, year: int) -> Response:
        try:
            _, read = read_token(site.system.config, token)
            return _serve(site, read, lambda session, action: annual_report.show(site, session, action, year))
        except (Forged, ExpiredClaim, LinkClosed):
            abort(404)

    return pages


def _serve(site: Site, read: object, serve: Callable[[Session, Action], Response]) -> Response:
    """Return what a link to a partnership gives besides its page. Abort with 404 for a link of another kind."""
    claim = _require_claim(site, read)
    with site.system.reading() as session:
        return serve(session, find_action(session, claim, site.clock()))


def _require_claim(site: Site, read: object) -> Claim:
    """Return the claim if this browser may use it. Abort with 404 otherwise, also for a link of another kind."""
    claim = _check_browser(site, read) if isinstance(read, Claim) else None
    if claim is None:
        abort(404)
    return claim


def _check_browser(site: Site, claim: Claim) -> Claim | None:
    """Return the claim if this browser may use it, otherwise None.

    A link on a page works only in a browser in which its person is signed in. It is then used under the present
    sign-in, so that a page stays usable after the person has signed in again.
    """
    if claim.sign_in is None:
        return claim
    browser = signed_in.current(site)
    return replace(claim, sign_in=browser.id) if browser and browser.email == claim.person else None


def _keep_unsent(site: Site, token: str, claim: Claim) -> Response:
    """Keep a form that came from a link that has ended, and redirect to the page that says why and shows it."""
    require_form()
    if not site.can_post():
        abort(429)
    if not claim.event:
        return see_other(token)
    sent = read_sent(site.system.config.procedure.web.upload_megabytes)
    event_page.keep_sent(site, _link_of_unsent(claim), sent.to_keep(None, NO_FAULTS), site.clock())
    return see_other(f"{token}/form/{sent.form}")


def _link_of_unsent(claim: Claim) -> str:
    # Apart from what was kept while the link worked: somebody else at the same computer must not read that.
    return f"ended {event_page.link_of(claim)}"


def _find_unsent(site: Site, claim: Claim, form: str) -> Mapping[str, str] | None:
    """Return what was typed into a form that came after its link had ended, or None."""
    now = site.clock()
    with site.system.reading() as session:
        kept = kept_forms.find(session, _link_of_unsent(claim), form, now)
    return kept.texts if kept else None


def _send_fresh_links(site: Site, token: str) -> Response:
    """Queue a message with fresh links if the person may have one. The answer is the same in every case."""
    require_form()
    if not site.can_post():
        abort(429)
    # A program that checks mail sends forms as they are, and must not have mail sent.
    if request.form.get("wanted") != TICKED:
        return see_other("not-asked")
    claim = _read_any_age(site.system.config, token)
    # A link on a page was never mailed. Its person signs in again.
    if claim is not None and claim.sign_in is None:
        # No fresh link is in the answer: it goes by mail to the address on record, no matter who has the old link.
        site.system.transact(lambda session: _send_again(session, claim, site))
    return see_other("asked")


def _show_kept(site: Site, token: str, form: str, *, check: bool) -> Response:
    """Show a form that was filled in and is not recorded yet, to whoever holds both its link and its name."""
    try:
        kind, claim = read_token(site.system.config, token)
    except ExpiredClaim as old:
        return closed_link.expired(site, f"../../{token}", old.claim, _find_unsent(site, old.claim, form))
    if isinstance(claim, Applicant):
        return application.again(site, f"../../{token}", claim, form)
    if not isinstance(claim, Claim) or kind != "event":
        raise Forged("the link asks for no event")
    own = _check_browser(site, claim)
    if own is None:
        return closed_link.signed_out(site, claim, _find_unsent(site, claim, form))
    return event_page.again(site, token, own, form, check=check)


def _read_any_age(config: Config, token: str) -> Claim | None:
    """Return the claim of a token, expired or not. Return None for a forged token."""
    try:
        return links.read(config, token)
    except ExpiredClaim as old:
        return old.claim
    except Forged:
        return None


def _send_again(session: Session, claim: Claim, site: Site) -> None:
    try:
        send_again(session, claim, site.clock())
    except (Forged, LinkClosed):
        return  # The page stays silent about it, and nothing was written.


def _show_partnership(site: Site, token: str, claim: Claim) -> Response:
    """Show the partnership as the reader may see it."""
    if request.method == "POST":
        # This page has no form, and a POST from anywhere must change nothing.
        abort(405)
    try:
        with site.system.reading() as session:
            return partnership.page(site, session, find_action(session, claim, site.clock()))
    except LinkClosed as closed:
        return closed_link.closed(site, token, closed)


def _show_application(site: Site, token: str, applicant: Applicant) -> Response:
    """Answer for the application of an address that the link has proved."""
    return application.page(site, token, applicant)
