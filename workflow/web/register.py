"""Serves the public register: a list of the partnerships, and a page of each with votes, outcomes and results."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, request

from states.names import State
from workflow.views import public_register
from workflow.web import charts
from workflow.web.site import Site, make_public

_REF = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_LONGEST = 100  # characters of a filter; no school has a longer id


def blueprint(site: Site) -> Blueprint:
    """Return the pages of the register. Each answers 404 while `web.register` is off."""
    pages = Blueprint("register", __name__)

    @pages.before_request
    def require_register() -> None:
        if not site.system.config.procedure.web.shows_register:
            abort(404)

    @pages.get("/partnerships")
    def show_list() -> Response:
        return make_public(_show_list(site), request)

    @pages.get("/partnerships/<ref>")
    def show_entry(ref: str) -> Response:
        return make_public(_show_entry(site, _read_ref(ref)), request)

    return pages


def _read_ref(ref: str) -> str:
    # A stranger can ask for any address, so the database sees only what looks like a reference.
    return ref if _REF.fullmatch(ref) else abort(404)


def _read_number() -> int:
    """Return the number of the page that the address names. Abort with 404 if it is no number."""
    number = request.args.get("page", "1")
    return int(number) if _NUMBER.fullmatch(number) else abort(404)


def _show_list(site: Site) -> Response:
    number = _read_number()
    school, state = (request.args.get(key, "")[:_LONGEST] for key in ("school", "state"))
    with site.system.reading() as session:
        page = public_register.read_page(session, site.clock(), number=number, school=school, state=state)
    if number > page.last:
        abort(404)
    config = site.system.config

    def address(to: int) -> str:
        kept = {key: value for key, value in (("school", school), ("state", state)) if value}
        query = urlencode(kept | ({"page": to} if to > 1 else {}))
        return config.address("partnerships") + (f"?{query}" if query else "")

    return site.render(
        "register",
        title="Partnerships with Lead Community Partners",
        page=page,
        entries=[(entry, config.address(f"partnerships/{entry.ref}")) for entry in page.entries],
        states=[str(each) for each in State],
        school=school,
        state=state,
        here=config.address("partnerships"),
        earlier=address(number - 1) if number > 1 else None,
        later=address(number + 1) if number < page.last else None,
    )


def _show_entry(site: Site, ref: str) -> Response:
    with site.system.reading() as session:
        found = public_register.find_entry(session, ref, site.clock())
    if found is None:
        abort(404)
    entry, record = found
    config = site.system.config
    return site.render(
        "register-entry",
        title=f"{entry.school_name}: {entry.title}",
        entry=entry,
        outcomes=charts.chart_outcomes(entry.outcomes),
        list=config.address("partnerships"),
        school=f"{config.address('partnerships')}?{urlencode({'school': entry.school})}",
        call=config.address(f"calls/{ref}") if record.facts.selection else None,
    )
