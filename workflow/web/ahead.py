"""Shows the office the next 90 days: what falls due, who gets how many messages, meetings, and busy weeks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, abort

from workflow.rehearsal.ahead import Ahead, DueAhead, Series
from workflow.rehearsal.background import REST, Background, Standing
from workflow.web import own_page, signed_in
from workflow.web.site import Site
from workflow.web.week_charts import LEFT, WIDTH, draw_weeks, write_week


def blueprint(site: Site, background: Background) -> Blueprint:
    """Return the page `/me/ahead`."""
    pages = Blueprint("ahead", __name__)

    @pages.get("/me/ahead")
    def show() -> Response:
        return _show(site, background)

    return pages


def _show(site: Site, background: Background) -> Response:
    """Show the last look ahead to those who have a desk. Abort with 404 for everybody else who is signed in."""
    browser = signed_in.current(site)
    if browser is None:
        return own_page.go_to_page(site)
    now = site.clock()
    with site.system.reading() as session:
        if own_page.office_role(session, browser.email) is None:
            abort(404)
        dates_in = session.dates_in(browser.email)
    standing = background.look(site.system, now)
    return site.render(
        "ahead",
        title="The next 90 days",
        dates_in=dates_in,
        standing=standing,
        rest=int(REST.total_seconds() // 60),
        page_of=site.system.config.address("me/to/"),
        **_describe(standing),
    )


def _describe(standing: Standing) -> dict[str, Any]:
    """Return what the template draws and writes of a look ahead; nothing before there is one."""
    ahead = standing.ahead
    if ahead is None:
        return {"ahead": None}
    return {
        "ahead": ahead,
        "width": WIDTH,
        "left": LEFT,
        "weeks": [write_week(week) for week in ahead.weeks],
        "charts": {str(series): draw_weeks(ahead.weeks, ahead.weekly[series]) for series in Series},
        "busy": list(_list_busy(ahead)),
        "due_by_week": list(_group_by_week(ahead)),
    }


def _list_busy(ahead: Ahead) -> Iterator[dict[str, Any]]:
    """Yield each week that has more of something than usual, in the order of the weeks."""
    for place, week in enumerate(ahead.weeks):
        for series, weekly in ahead.weekly.items():
            if place in weekly.busy:
                average = sum(weekly.counts) / len(weekly.counts)
                yield {"week": week, "what": str(series), "count": weekly.counts[place], "average": average}


def _group_by_week(ahead: Ahead) -> Iterator[tuple[Any, list[DueAhead]]]:
    """Yield each week in which something falls due, with what does."""
    for place, week in enumerate(ahead.weeks):
        if rows := [each for each in ahead.due if each.week == place]:
            yield week, rows
