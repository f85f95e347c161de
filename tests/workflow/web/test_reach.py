"""Every event that a role may do now is reached by a person in that role from their page in two presses."""

from __future__ import annotations

import pytest

from states.machine import askable
from states.names import Role
from tests.support.district import Life
from tests.support.facts import STATIONS
from tests.support.visitor import Seen, Visit, Visitor
from workflow.links import Applicant, Claim
from workflow.views import documents, your_page
from workflow.views.capacities import Capacity
from workflow.web.link import read_token


def reached(visitor: Visitor, seen: Seen) -> dict[tuple[str, str, str], str]:
    """The events behind the links of a page, each by partnership, role and name, with the path of its link."""
    paths = {}
    for address in seen.page.links:
        if "/a/" not in address:
            continue
        path = visitor.path_of(address)
        token = path.removeprefix("/a/").partition("?")[0]
        if "/" in token:
            continue  # a document
        _, claim = read_token(visitor.life.system.config, token)
        if isinstance(claim, Claim):
            paths[claim.ref, claim.role, claim.event] = path
        elif isinstance(claim, Applicant):
            # The page of an application has its own buttons: send, replace and withdraw.
            for event in ("receive-application", "withdraw-application"):
                paths[claim.ref, str(Role.APPLICANT), event] = path
    return paths


def possible(life: Life, role: Role, email: str) -> set[str]:
    """The events that a person may do in a role now, as the law has it."""
    record = life.record
    capacity = Capacity(record, role, email, None)
    with life.system.reading() as session:
        able = askable(record.state, record.facts, role)
        judged = documents.possibilities(session, record, life.now, email, role)
        return {
            each.row.name
            for each in judged
            if each.possible and each.row.name in able and your_page.is_theirs(each.row, capacity)
        }


def holders(life: Life) -> set[tuple[Role, str]]:
    """Everybody who has a role in the partnership."""
    with life.system.reading() as session:
        people, facts = session.directory, life.facts
        return {(role, person.email) for role in Role for person in people.holders(role, facts)}


@pytest.mark.promise("page-from-address")
@pytest.mark.parametrize("station", STATIONS)
def test_every_event_is_two_presses_away(visit: Visit, station: str) -> None:
    visitor = visit(station)
    life = visitor.life
    missing, opened = [], 0
    for email in sorted({email for _, email in holders(life)}):
        browser = Visitor(life)
        mine = reached(browser, browser.sign_in(email))
        pages = [path for (_, _, event), path in mine.items() if event == ""]
        for path in dict.fromkeys(pages):
            mine |= reached(browser, browser.get(path))
        for role in [role for role, holder in holders(life) if holder == email]:
            for event in possible(life, role, email):
                path = mine.get((life.ref, str(role), event), "")
                if not path or browser.get(path).status != 200:
                    missing.append((email, str(role), event))
                opened += 1
    assert missing == []
    assert opened > 0
