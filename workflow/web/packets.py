"""Serves the packet for the Board to those who bring an agreement to it, as a page or as a file to save."""

from __future__ import annotations

import base64
import hashlib
import re

import structlog
from flask import Response, abort

from states.errors import Refused
from workflow.actions.action import find_action
from workflow.links import Claim
from workflow.procedure.config import ConfigError
from workflow.publishing import packet as packets
from workflow.web.partnership import save_as
from workflow.web.site import Site

log = structlog.get_logger("partnershipd.web")


def answer(site: Site, claim: Claim, ending: str) -> Response:
    """Return the packet as a file of this ending; HTML as a page.

    Abort with 404 for another ending, and for whoever may not read it. Raise `LinkClosed` if the link has ended.
    """
    chosen = next((each for each in packets.installed() if each == ending), None)
    now = site.clock()
    with site.system.reading() as session:
        action = find_action(session, claim, now)
        # One answer for every reason, as for a document, so that nobody learns what there is.
        if chosen is None or action.role not in packets.READERS:
            abort(404)
        try:
            made = packets.write_packet(session, action.record, now)
        except Refused as refused:
            reasons = " ".join(site.system.config.labeled(unmet.reason) + "." for unmet in refused.unmet)
            return site.say(409, "There is nothing for the Board now", reasons[:1].upper() + reasons[1:])
    try:
        # Made after the transaction, since a PDF takes a second or two.
        content = packets.make_file(made, chosen, now)
    except ConfigError as error:
        log.warning("packet not made", problem=str(error))
        words = "Something that it needs is missing on this machine. Take another kind of file."
        return site.say(500, "This file cannot be made", words)
    if chosen == "html":
        return _show(made.html)
    return save_as(f"board-packet-{made.ref}.{chosen}", content)


def _show(html: str) -> Response:
    """Return the packet as a page. Its policy names the digest of the style within it (CSP 3, 6.7)."""
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)
    digest = hashlib.sha256(style[1].encode() if style else b"").digest()
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{base64.b64encode(digest).decode()}'; form-action 'none';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    return response
