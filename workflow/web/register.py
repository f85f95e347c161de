"""Serves the public register: a list of the partnerships, a page of each, and both as open data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, request
from pydantic_core import to_json

from states.names import State
from workflow.publishing import public_data, public_register, register_table
from workflow.publishing.public_register import Filter, Page
from workflow.session import Session
from workflow.store.rows import Snapshot
from workflow.views import public_steps
from workflow.views.public_entry import Entry
from workflow.web import charts
from workflow.web.site import Site, make_public

_REF = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_LONGEST = 100  # characters of a filter; no school has a longer id
_LIST = "partnerships"
_LONG = 1_000  # partnerships in a table from which on it is not made in memory
_COST_OF_LIST = 3  # a page of releases counts as so many files, since it is made of whole histories


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

    @pages.get("/partnerships.csv")
    def send_table() -> Response:
        _require_room(site)
        return _send_table(site)

    @pages.get("/partnerships.json")
    def send_data() -> Response:
        _require_room(site, cost=_COST_OF_LIST)
        return make_public(_write_data(site), request)

    @pages.get("/partnerships/<ref>.json")
    def send_entry(ref: str) -> Response:
        _require_room(site)
        return make_public(_write_entry(site, _read_ref(ref)), request)

    @pages.get("/partnerships/<ref>")
    def show_entry(ref: str) -> Response:
        return make_public(_show_entry(site, _read_ref(ref)), request)

    return pages


def _require_room(site: Site, cost: float = 1) -> None:
    """Abort with 429 if the sender has taken too much open data, which takes longer to make than a page."""
    if not site.data.allow(request.remote_addr or "", cost=cost):
        abort(429)


def _read_ref(ref: str) -> str:
    # A stranger can ask for any address, so the database sees only what looks like a reference.
    return ref if _REF.fullmatch(ref) else abort(404)


def _read_filter() -> Filter:
    """Return what the address asks for."""
    return Filter(*(request.args.get(key, "")[:_LONGEST] for key in Filter._fields))


def _read_number() -> int:
    """Return the number of the page that the address names. Abort with 404 if it is not a number."""
    number = request.args.get("page", "1")
    return int(number) if _NUMBER.fullmatch(number) else abort(404)


def _read_page(site: Site, session: Session) -> Page:
    """Return the page of the list that the address names. Abort with 404 if there is no such page."""
    number = _read_number()
    page = public_register.read_page(session, site.clock(), _read_filter(), number)
    return page if number <= page.last else abort(404)


def _address(site: Site, path: str, number: int = 1) -> str:
    """Return the address of the list in one of its forms, with the filters of this request."""
    kept = {key: value for key, value in _read_filter()._asdict().items() if value}
    query = urlencode(kept | ({"page": str(number)} if number > 1 else {}))
    return site.system.config.address(path) + (f"?{query}" if query else "")


def _list_neighbors(site: Site, path: str, page: Page) -> dict[str, str]:
    """Return the addresses of the pages before and after a page, as far as there are such."""
    numbers = {"prev": page.number - 1, "next": page.number + 1}
    return {key: _address(site, path, number) for key, number in numbers.items() if 1 <= number <= page.last}


# Pages


def _show_list(site: Site) -> Response:
    with site.system.reading() as session:
        page = _read_page(site, session)
    config, wanted = site.system.config, _read_filter()
    return site.render(
        "register",
        title="Partnerships with Lead Community Partners",
        page=page,
        entries=[(entry, config.address(f"{_LIST}/{entry.ref}")) for entry, _ in page.entries],
        states=[str(each) for each in State],
        school=wanted.school,
        state=wanted.state,
        here=config.address(_LIST),
        neighbors=_list_neighbors(site, _LIST, page),
        csv=_address(site, f"{_LIST}.csv"),
        json=_address(site, f"{_LIST}.json"),
    )


def _show_entry(site: Site, ref: str) -> Response:
    with site.system.reading() as session:
        entry, record = _find_entry(site, session, ref)
        steps = public_steps.list_steps(session, record, entry, site.clock())
    config = site.system.config
    return site.render(
        "register-entry",
        title=f"{entry.school_name}: {entry.title}",
        entry=entry,
        steps=steps,
        outcomes=charts.chart_outcomes(entry.outcomes),
        list=config.address(_LIST),
        school=f"{config.address(_LIST)}?{urlencode({'school': entry.school})}",
        call=config.address(f"calls/{ref}") if record.facts.selection else None,
        json=config.address(f"{_LIST}/{ref}.json"),
    )


def _find_entry(site: Site, session: Session, ref: str) -> tuple[Entry, Snapshot]:
    return public_register.find_entry(session, ref, site.clock()) or abort(404)


# Open data


def _send_table(site: Site) -> Response:
    """Return the table. A long one is sent while it is read, and so without a tag by which it could be the same."""
    wanted, system = _read_filter(), site.system
    with system.reading() as session:
        is_long = public_register.count_all(session, wanted) > _LONG
    lines = register_table.write_csv(
        system.config, public_register.read_all(system.reading, site.clock(), wanted)
    )
    response = Response(lines if is_long else b"".join(lines), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="partnerships.csv"'
    return make_public(response, None if is_long else request)


def _write_data(site: Site) -> Response:
    path = f"{_LIST}.json"
    with site.system.reading() as session:
        page = _read_page(site, session)
        package = public_data.record_package(
            session,
            [record for _, record in page.entries],
            site.clock(),
            _address(site, path, page.number),
            _list_neighbors(site, path, page),
        )
    return _as_json(package)


def _write_entry(site: Site, ref: str) -> Response:
    with site.system.reading() as session:
        _, record = _find_entry(site, session, ref)
        uri = site.system.config.address(f"{_LIST}/{ref}.json")
        package = public_data.record_package(session, [record], site.clock(), uri)
    return _as_json(package)


def _as_json(document: Mapping[str, Any]) -> Response:
    # The standard library indents in Python, which takes eight times as long.
    content = to_json(document, indent=1)
    return Response(content, content_type="application/json; charset=utf-8")
