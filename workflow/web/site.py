"""Renders every page with the same context and security headers, and answers errors with a plain page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, Request, Response, abort, request
from werkzeug.exceptions import HTTPException

from workflow.session import System
from workflow.web.limits import Limits

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

_SECONDS = 300  # how long a browser or proxy may keep a public page
MOST_LINKS = 200  # how many links to apply one sender can ask for in an hour
MOST_DATA = 60  # how many files of open data one sender can take in a minute

log = structlog.get_logger("partnershipd.web")

# A page runs no script, loads nothing from other sites and cannot be framed. A browser does not pass its
# address on, which may hold a token, and does not keep a copy.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}

_ERRORS = {
    400: (
        "This cannot be read",
        "The form that arrived is damaged. Go back, load the page anew and try again.",
    ),
    404: ("There is no such page", "Perhaps the address was cut off. Copy the whole link from the message."),
    405: ("This does not work here", "Open the link from the message and use the form there."),
    415: ("This cannot be read", "Open the link from the message and use the form there."),
    413: (
        "That is too large",
        "Nothing is recorded. A document may have at most {megabytes} MB. Go back, choose a smaller one or"
        " shorten your text, and try again.",
    ),
    429: ("Too many at once", "Wait a minute and try again. Nothing you did before is lost."),
    500: ("Something went wrong", "Nothing was changed. Try again in a while, or tell the office."),
}


@dataclass(frozen=True, slots=True)
class Site:
    """What every page is made from: the open system, the clock, and the limits for one sender."""

    system: System
    clock: Callable[[], datetime]
    limits: Limits
    links: Limits = field(default_factory=lambda: Limits(MOST_LINKS, seconds=3_600))
    data: Limits = field(default_factory=lambda: Limits(MOST_DATA))

    def render(self, name: str, status: int = 200, **context: Any) -> Response:
        """Render the template of this name with the context that all pages share."""
        config = self.system.config
        district = config.procedure.district
        shared = {
            "district": district.name,
            "office": {"name": district.office, "email": district.email, "phone": district.phone},
            "home": config.address("calls"),
            "me": config.address("me"),
            "register": config.address("partnerships") if config.procedure.web.shows_register else None,
            "dates_in": None,  # the language in which the reader wants each day besides English
            "failed": False,  # whether the page shows a form again with problems to correct
            "partnership": None,
            "root": urlsplit(config.procedure.web.base_url).path,
        }
        return Response(
            config.pages.render(name, shared | context), status, content_type="text/html; charset=utf-8"
        )

    def say(self, status: int, title: str, words: str, **context: Any) -> Response:
        """Render a page of a title and one paragraph."""
        return self.render("told", status, title=title, words=words, **context)

    def can_post(self, cost: float = 1) -> bool:
        """Return whether the sender of this request may send one more form. A form counts `cost` times."""
        # The address is that of the sender and not of the proxy where `web.proxies` is set.
        return self.limits.allow(request.remote_addr or "", cost=cost)


def require_form() -> None:
    """Abort the request with 415 unless its content is of a type that an HTML form sends."""
    # Another type, such as JSON, comes from no form of ours, and Flask would read it as an empty form.
    if request.mimetype not in FORMS:
        abort(415)


def make_public(response: Response, asked: Request | None = None) -> Response:
    """Let search engines list a page, and browsers and proxies keep it for a while.

    With the request that `asked` for it, the answer is 304 without content to who has the same page already.
    """
    # These two replace the strict headers of all other pages, which hold something private.
    response.headers["X-Robots-Tag"] = "all"
    response.headers["Cache-Control"] = f"public, max-age={_SECONDS}"
    if asked is not None:
        response.add_etag()
        response.make_conditional(asked)
    return response


def see_other(address: str) -> Response:
    """Redirect to the page that shows what a form has done.

    303 makes the browser load that page by GET, so a reload does not send the form again (RFC 9110, 15.4.4). A
    relative address stays on this site, whatever host the request named.
    """
    return Response(status=303, headers={"Location": address})


def configure(app: Flask, site: Site) -> None:
    """Add the security headers, the style sheet and the error pages to an application."""

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            # `setdefault`, so that a public page or a document can set its own values.
            response.headers.setdefault(name, value)
        # Browsers heed this header only over HTTPS (RFC 6797, 7.2), so a site on plain HTTP does not send it.
        if site.system.config.procedure.web.base_url.startswith("https:"):
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response

    @app.get("/style.css")
    def style() -> Response:
        text = site.system.config.pages.render("style.css", {})
        response = Response(text, content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        return _error(site, error.code or 500)

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        # The path may hold a token, so only the endpoint is logged.
        log.error(
            "page failed", page=request.endpoint, problem=f"{type(error).__name__}: {error}", exc_info=error
        )
        return _error(site, 500)


def _error(site: Site, status: int) -> Response:
    title, words = _ERRORS.get(status, _ERRORS[400 if status < 500 else 500])
    return site.say(status, title, words.format(megabytes=site.system.config.procedure.web.upload_megabytes))
