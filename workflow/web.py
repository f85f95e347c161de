"""Door 3: what the daemon says of itself over HTTP, on this machine only unless configured otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from workflow.config import Config


def application(health: Callable[[], tuple[bool, Mapping[str, Any]]], registry: CollectorRegistry) -> Flask:
    """The pages. `health` tells whether all is well, and what is known; 503 if not."""
    app = Flask("partnerships", static_folder=None, template_folder=None)

    @app.get("/healthz")
    def healthz() -> tuple[dict[str, Any], int]:
        well, known = health()
        return {"status": "ok" if well else "failing", **known}, 200 if well else 503

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return app


def address(settings: Config) -> tuple[str, int]:
    """The host and port to listen on."""
    host, _, port = settings.procedure.web.listen.rpartition(":")
    return host, int(port)
