"""Serves the annual report of a partnership to the office and to the Lead Partner, and lists its years."""

from __future__ import annotations

from datetime import datetime

from flask import Response, abort

from states.errors import BadInput
from states.names import Role
from workflow.actions.action import Action
from workflow.publishing import annual_report, report_page
from workflow.publishing.school_year import SchoolYear
from workflow.session import Session
from workflow.web.site import Site


def list_years(session: Session, action: Action, page: str, now: datetime) -> list[dict[str, str]]:
    """Return the label and the address of each report that this person may read, the latest first.

    `page` is the address of the partnership's page.
    """
    if not _may_read(action):
        return []
    years = annual_report.list_years(action.record.facts, now, session.config.calendar)
    return [{"label": str(year), "url": f"{page}/report/{year.ends_in}"} for year in reversed(years)]


def show(site: Site, session: Session, action: Action, year: int) -> Response:
    """Show the report of a school year. Abort with 404 if there is none that this person may read."""
    if not _may_read(action):
        abort(404)
    try:
        report = annual_report.collect(session, action.record, SchoolYear(year), site.clock())
    except BadInput:
        abort(404)
    response = Response(report_page.render(session, report), content_type="text/html; charset=utf-8")
    # The page carries its own style, so that it can be saved and mailed.
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )
    return response


def _may_read(action: Action) -> bool:
    """Return whether the person reads as the office or the Lead Partner, who may know all that is in a report."""
    return action.viewer.is_office or action.role is Role.LEAD_PARTNER
