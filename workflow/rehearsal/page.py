"""Renders a rehearsal as one page of HTML that works without a network: the end, timelines, and day by day."""

from __future__ import annotations

from jinja2 import TemplateError

from notifications.pages import REHEARSAL
from states.errors import Problem
from workflow.procedure.config import ConfigError
from workflow.rehearsal.dates import list_dates
from workflow.rehearsal.telling import Telling
from workflow.rehearsal.timeline import WIDTH, draw_timeline


def render_page(telling: Telling) -> str:
    """Return the page. Raise `ConfigError` if its template cannot be rendered."""
    rehearsal, wording = telling.rehearsal, telling.wording
    district = wording.settings.procedure.district
    dates = list_dates(telling)
    of_ref = {
        end.record.ref: [each for each in dates if each.ref == end.record.ref] for end in rehearsal.ends
    }
    context = {
        "dates_in": None,
        "district": district.name,
        "office": {"name": district.office, "email": district.email},
        "made_at": rehearsal.begin,
        "first": telling.first,
        "last": telling.last,
        "summary": telling.summary,
        "refused": len(telling.refusals),
        "totals": telling.totals,
        "width": WIDTH,
        "partnerships": [
            {
                "ending": ending,
                "drawing": draw_timeline(telling, end, of_ref[end.record.ref]),
                "dates": of_ref[end.record.ref],
            }
            for end, ending in zip(rehearsal.ends, telling.endings, strict=True)
        ],
        "days": telling.days,
        "write_time": wording.write_time,
    }
    try:
        return wording.settings.pages.render("rehearsal", context, REHEARSAL)
    except TemplateError as error:
        problem = Problem(f"templates/{REHEARSAL}/rehearsal.j2", str(error), "correct Jinja")
        raise ConfigError([problem]) from None
