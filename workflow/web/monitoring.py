"""What the daemon says of itself: /healthz and /metrics, to this machine only."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


def blueprint(health: Callable[[], tuple[bool, Mapping[str, Any]]], registry: CollectorRegistry) -> Blueprint:
    """The two pages; 503 where all is not well."""
    pages = Blueprint("monitoring", __name__)

    @pages.before_request
    def this_machine_only() -> None:
        if not _is_this_machine(request.remote_addr or ""):
            abort(404)

    @pages.get("/healthz")
    def healthz() -> tuple[dict[str, Any], int]:
        well, known = health()
        return {"status": "ok" if well else "failing", **known}, 200 if well else 503

    @pages.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return pages


def _is_this_machine(sender: str) -> bool:
    try:
        return ipaddress.ip_address(sender).is_loopback
    except ValueError:  # what a proxy passes on may be no address at all
        return False
