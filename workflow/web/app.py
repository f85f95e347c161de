"""Builds the web application: registers every page, and limits the size of what may be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.middleware.proxy_fix import ProxyFix

from workflow import session
from workflow.procedure.config import Config
from workflow.rehearsal.background import Background
from workflow.session import System
from workflow.web import ahead, calls, feeds, link, me, monitoring, register, site
from workflow.web.limits import Limits
from workflow.web.sent import ROOM_FOR_FIELDS, FormRequest
from workflow.web.site import Site

# A document may be this many times too large before the server breaks the request off.
TIMES_TOO_LARGE = 5


def application(
    opened: System,
    health: Callable[[], tuple[bool, Mapping[str, Any]]],
    registry: CollectorRegistry,
    clock: Callable[[], datetime] = session.current_time,
    background: Background | None = None,
) -> Flask:
    """Return the application with every page. `health` returns whether all is well, and the details.

    `background` works out the next 90 days; without one it is a new one.
    """
    app = Flask("partnerships", static_folder=None, template_folder=None)
    web = opened.config.procedure.web
    limit = web.upload_megabytes * 1_000_000
    # A document over its limit is read to its end and dropped, so that what was typed beside it is kept. One
    # megabyte more is for the other fields.
    app.config["MAX_CONTENT_LENGTH"] = TIMES_TOO_LARGE * limit + ROOM_FOR_FIELDS
    app.request_class = type("LimitedRequest", (FormRequest,), {"most_of_file": limit})
    # Fields that are no file stay in memory, so they get limits of their own.
    app.config["MAX_FORM_MEMORY_SIZE"] = 2_000_000
    app.config["MAX_FORM_PARTS"] = 2_000
    # Werkzeug would correct a path with two slashes by a redirect to the host that the request names, and a
    # stranger could choose that host.
    app.url_map.merge_slashes = False
    if web.proxies:
        # Take only the sender from the proxy.
        # Links are made from the settings, so no header may name another host.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=web.proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    pages = Site(opened, clock, Limits(web.posts_per_minute))
    site.configure(app, pages)
    app.register_blueprint(monitoring.blueprint(health, registry))
    app.register_blueprint(link.blueprint(pages))
    app.register_blueprint(me.blueprint(pages))
    app.register_blueprint(ahead.blueprint(pages, background or Background()))
    app.register_blueprint(calls.blueprint(pages))
    app.register_blueprint(register.blueprint(pages))
    app.register_blueprint(feeds.blueprint(pages))
    return app


def listen_address(settings: Config) -> tuple[str, int]:
    """Return the host and the port to listen on."""
    host, _, port = settings.procedure.web.listen.rpartition(":")
    return host, int(port)
