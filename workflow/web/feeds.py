"""Serves each person's private calendar of dates, at a secret address that only their messages contain."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from notifications.links import Expired, Forged
from workflow import links
from workflow.store import feeds
from workflow.views.feed import calendar
from workflow.web.site import Site

_SECONDS = 300  # how long a calendar program may keep its copy


def blueprint(site: Site) -> Blueprint:
    """Return the page `/feed/TOKEN.ics`: the calendar, or 404 for a token that is forged, expired or renewed."""
    pages = Blueprint("feeds", __name__)

    @pages.get("/feed/<token>.ics")
    def feed(token: str) -> Response:
        system = site.system
        try:
            email, generation = links.read_feed(system.config, token)
        except (Forged, Expired):
            abort(404)
        with system.reading() as session:
            # Renewing the address raises this number, which ends every address that was given out before.
            if generation != feeds.generation_of(session.connection, email):
                abort(404)
            content = calendar(session, email, site.clock())
        response = Response(content, content_type="text/calendar; charset=utf-8")
        response.headers["Content-Disposition"] = 'inline; filename="dates.ics"'
        # Programs ask often, and the dates change seldom. `private` keeps the copy out of shared caches.
        response.headers["Cache-Control"] = f"private, max-age={_SECONDS}"
        response.add_etag()
        response.make_conditional(request)
        return response

    return pages
