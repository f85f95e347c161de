"""Lets anybody hear of new calls: takes an address, and begins or ends the messages by a link (RFC 8058)."""

from __future__ import annotations

from flask import Response, abort, request

from workflow.actions import subscriptions
from workflow.links import Subscriber
from workflow.web.sheet import NOT_TICKED, TICKED
from workflow.web.site import Site, require_form, see_other

_TICK = "Tick the box, and press the button again."


def page(site: Site, token: str, subscriber: Subscriber) -> Response:
    """Show what a link begins or ends (GET), or do it (POST)."""
    if request.method != "POST":
        return _show(site, token, subscriber, _TICK if NOT_TICKED in request.args else None)
    require_form()
    if subscriber.begins:
        return _begin(site, token, subscriber)
    # A mail program sends this form without showing a page, so it needs no tick and gets no redirect (RFC 8058,
    # 3.1). Its server sends those of many people, so no limit holds it up.
    site.system.transact(lambda session: subscriptions.end(session, subscriber.email, site.clock()))
    return site.say(
        200,
        "You get no more of these messages",
        f"We do not write to {subscriber.email} about new calls any more.",
    )


def _begin(site: Site, token: str, subscriber: Subscriber) -> Response:
    if not site.can_post():
        abort(429)
    # A program that checks mail may send the form as it is.
    if request.form.get("wanted") != TICKED:
        return see_other(f"{token}?{NOT_TICKED}=yes")
    site.system.transact(lambda session: subscriptions.confirm(session, subscriber.email, site.clock()))
    return see_other(token)


def _show(site: Site, token: str, subscriber: Subscriber, problem: str | None = None) -> Response:
    with site.system.reading() as session:
        hears = subscriptions.is_subscribed(session, subscriber.email)
    if subscriber.begins and hears:
        return site.say(
            200,
            "You will hear of new calls",
            f"We send {subscriber.email} one message for each new call, and nothing else. Each has a link to end"
            " them.",
        )
    return site.render(
        "new-calls",
        422 if problem else 200,
        title="Hear of new calls" if subscriber.begins else "Get no more messages about new calls",
        email=subscriber.email,
        begins=subscriber.begins,
        here=token,
        problem=problem,
        failed=problem is not None,
    )
