"""Routes "Your page" (`/me`), and signs people in to it by mail and out again."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from flask import Blueprint, Response, abort, request

from notifications.links import Expired, Forged
from notifications.markup import join_lines
from states.chapters.anytime import ChangeContact
from states.errors import BadInput
from states.inputs import read_input
from workflow import links
from workflow.actions import sign_in
from workflow.links import SignInLink
from workflow.web import new_partnership, own_page, plan, signed_in
from workflow.web.sheet import TICKED
from workflow.web.site import Site, require_form, see_other


def blueprint(site: Site) -> Blueprint:
    """Return the pages below `/me`."""
    pages = Blueprint("me", __name__)

    @pages.get("/me")
    def show() -> Response:
        browser = signed_in.current(site)
        return own_page.show_page(site, browser, request.args.get("form")) if browser else _show_sign_in(site)

    @pages.post("/me")
    def ask() -> Response:
        return _ask(site)

    @pages.get("/me/asked")
    def asked() -> Response:
        return _show_asked(site)

    @pages.route("/me/<token>", methods=["GET", "POST"])
    def link(token: str) -> Response:
        return _open(site, token) if request.method == "POST" else _show_link(site, token, token)

    @pages.get("/me/<token>/not-ticked")
    def not_ticked(token: str) -> Response:
        return _show_link(site, token, f"../{token}", _NOT_TICKED)

    @pages.get("/me/<token>/over")
    def over(token: str) -> Response:
        return _show_link_over(site, token, "again")

    @pages.get("/me/<token>/not-asked")
    def not_asked(token: str) -> Response:
        return _show_link_over(site, token, "again", _NOT_TICKED)

    @pages.post("/me/<token>/again")
    def again(token: str) -> Response:
        return _ask_again(site, token)

    @pages.post("/me/out")
    def out() -> Response:
        return _sign_out(site)

    @pages.post("/me/settings")
    def settings() -> Response:
        return own_page.change_settings(site)

    @pages.get("/me/to/<ref>")
    def partnership(ref: str) -> Response:
        return own_page.go_to_partnership(site, ref)

    @pages.get("/me/to/<ref>/documents/<digest>")
    def document(ref: str, digest: str) -> Response:
        # The page of the partnership judges who may read it.
        return own_page.go_to_partnership(site, ref, f"/documents/{quote(digest, safe='')}")

    @pages.get("/me/to/<ref>/packet.<ending>")
    def packet(ref: str, ending: str) -> Response:
        return own_page.go_to_partnership(site, ref, f"/packet.{quote(ending, safe='')}")

    @pages.post("/me/mail/<int:notice>")
    def mail(notice: int) -> Response:
        return own_page.send_mail_again(site, notice)

    @pages.post("/me/answer/<int:answer>")
    def answer(answer: int) -> Response:
        return own_page.mark_answer_handled(site, answer)

    @pages.get("/me/plan")
    def plan_page() -> Response:
        browser = signed_in.current(site)
        return plan.answer(site, browser) if browser else own_page.go_to_page(site)

    @pages.get("/me/plan.ics")
    def plan_calendar() -> Response:
        browser = signed_in.current(site)
        return plan.calendar(site, browser) if browser else own_page.go_to_page(site)

    @pages.route("/me/new", methods=["GET", "POST"])
    def new() -> Response:
        browser = signed_in.current(site)
        if browser is None:
            return own_page.go_to_page(site)
        return new_partnership.answer(site, browser)

    return pages


# Signing in


_NO_ADDRESS = "This is not an e-mail address. Write one like name@example.org."
_NOT_TICKED = "Tick the box, and press the button again."


def _show_sign_in(site: Site) -> Response:
    """Show the form that asks for an address. One that came back has what was typed in its address."""
    typed = request.args.get("typed")
    return site.render(
        "sign-in",
        200 if typed is None else 422,
        title="Your page",
        email=_clean(typed or ""),
        problem=None if typed is None else _NO_ADDRESS,
        failed=typed is not None,
    )


def _clean(typed: str) -> str:
    # Cut the text before it is read or shown again, since anybody can send any amount of it.
    return join_lines(typed)[:300]


def _ask(site: Site) -> Response:
    """Send the link to sign in to the address that was typed. The answer is the same for every valid address."""
    require_form()
    # The sender alone is held up, so that nobody can keep others from signing in.
    if not site.can_post() or not site.links.allow(request.remote_addr or ""):
        abort(429)
    typed = _clean(request.form.get("email", ""))
    try:
        email = read_input(ChangeContact, {"email": typed, "name": "-"}).email
    except BadInput:
        return see_other(f"me?{urlencode({'typed': typed})}")
    site.system.transact(lambda session: sign_in.ask(session, email, site.clock()))
    return see_other("me/asked")


def _show_asked(site: Site) -> Response:
    return site.say(
        200,
        "Check your email",
        "If we know this address, a message with a link to sign in is on its way to it. The link works once, for"
        " 15 minutes. The message can take a few minutes; also look in your spam folder. We send one a minute and"
        " five in an hour. If none comes, the address may be another one than we have on record: write to the"
        " office.",
    )


def _read_link(site: Site, token: str) -> tuple[SignInLink, bool]:
    """Return what a link says, and whether it is too old. Abort with 404 if this office did not sign it."""
    try:
        return links.read_sign_in(site.system.config, token), False
    except Expired as old:
        return SignInLink(str(old.claims.get("p")), str(old.claims.get("q"))), True
    except Forged:
        abort(404)


def _show_link(site: Site, token: str, action: str, problem: str | None = None) -> Response:
    """Show the page of a link to sign in. Only a press signs in, since programs that check mail open every link.

    `action` is the address of the link, relative to the page.
    """
    link, is_old = _read_link(site, token)
    if is_old:
        return _show_link_over(site, token, f"{action}/again")
    return site.render(
        "sign-in-link",
        422 if problem else 200,
        title="Sign in",
        email=link.email,
        action=action,
        problem=problem,
        failed=problem is not None,
    )


def _show_link_over(site: Site, token: str, again: str, problem: str | None = None) -> Response:
    """Show that a link signs nobody in any more. `again` is the address of the form that asks for a fresh one."""
    _read_link(site, token)
    return site.render(
        "sign-in-over",
        422 if problem else 410,
        title="This link has been used or is too old",
        again=again,
        problem=problem,
        failed=problem is not None,
    )


def _open(site: Site, token: str) -> Response:
    """Sign the browser in, and redirect to the person's page or to the page that says why not."""
    require_form()
    signed_in.refuse_other_sites()
    if not site.can_post():
        abort(429)
    link, is_old = _read_link(site, token)
    if is_old:
        return see_other(f"{token}/over")
    # A program that checks mail may send the form as it is, and must not use the link up.
    if request.form.get("wanted") != TICKED:
        return see_other(f"{token}/not-ticked")
    agent = request.headers.get("User-Agent", "")
    try:
        key = site.system.transact(lambda session: sign_in.open_by_link(session, link, agent, site.clock()))
    except (sign_in.LinkUsed, sign_in.Unknown):
        return see_other(f"{token}/over")
    response = own_page.go_to_page(site)
    signed_in.remember(site, response, key)
    return response


def _ask_again(site: Site, token: str) -> Response:
    """Send a fresh link to sign in, to the address of an old one. The answer is the same in every case."""
    require_form()
    if not site.can_post():
        abort(429)
    link, _ = _read_link(site, token)
    if request.form.get("wanted") != TICKED:
        return see_other("not-asked")
    site.system.transact(lambda session: sign_in.ask(session, link.email, site.clock()))
    return see_other("../asked")


def _sign_out(site: Site) -> Response:
    """End this sign-in, another one of the same person, or all of them."""
    browser = signed_in.current(site)
    if browser is None:
        return own_page.go_to_page(site)
    signed_in.require_own_form(site)
    chosen = request.form.get("which", "")
    ids = (
        None
        if chosen == "all"
        else [int(chosen)]
        if chosen.isdecimal() and len(chosen) < 10
        else [browser.id]
    )
    site.system.transact(lambda session: sign_in.end(session, browser.email, ids, site.clock()))
    response = own_page.go_to_page(site)
    if ids is None or browser.id in ids:
        signed_in.forget(site, response)
    return response
