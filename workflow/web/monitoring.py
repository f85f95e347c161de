"""Reports the health and the metrics of the daemon, at /healthz and /metrics, to this machine only."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


def blueprint(health: Callable[[], tuple[bool, Mapping[str, Any]]], registry: CollectorRegistry) -> Blueprint:
    """Return the two pages. /healthz answers with 503 if `health` reports a problem."""
    pages = Blueprint("monitoring", __name__)

    @pages.before_request
    def refuse_other_machines() -> None:
        if not _is_this_machine(request.remote_addr or ""):
            # 404 and not 403: others should not learn that there is such a page.
            abort(404)

    @pages.get("/healthz")
    def healthz() -> tuple[dict[str, Any], int]:
        is_well, details = health()
        # The daemon still works, so a refused configuration is no reason to restart it, and not to be kept quiet.
        well = "ok" if details.get("configuration", "loaded") == "loaded" else "configuration refused"
        return {"status": well if is_well else "failing", **details}, 200 if is_well else 503

    @pages.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return pages


def _is_this_machine(sender: str) -> bool:
    try:
        return ipaddress.ip_address(sender).is_loopback
    except ValueError:
        # A proxy may pass on something that is not an address.
        return False
