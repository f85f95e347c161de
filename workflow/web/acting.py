"""The pages behind the links of a message: what is asked, the form of it, and what became of it."""

from __future__ import annotations

from flask import Blueprint, Response

from notifications.links import Forged
from workflow import answers, claims
from workflow.answers import Closed
from workflow.claims import ExpiredClaim
from workflow.web.site import Site


def blueprint(site: Site) -> Blueprint:
    """`/a/TOKEN`: GET shows, POST acts."""
    pages = Blueprint("acting", __name__)

    @pages.get("/a/<token>")
    def show(token: str) -> Response:
        config = site.system.config
        try:
            claim = claims.read(config, token)
            with site.system.reading() as session:
                ask = answers.find(session, claim, site.clock())
        except Forged:
            return site.told(404, "This link is not one of ours", "Copy the whole link from the message.")
        except ExpiredClaim:
            return site.told(410, "This link has expired", "Ask for a fresh one.")
        except Closed as closed:
            return site.told(410, "This is over", closed.why)
        return site.told(200, ask.record.facts.title, ask.claim.event)

    return pages
