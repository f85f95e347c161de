"""The annual report on the web: for the office and the Lead Partner, from the page of the partnership."""

from __future__ import annotations

import pytest

from tests.support.visitor import Visit, Visitor


def addresses(visitor: Visitor, role: str) -> list[str]:
    path = visitor.link("", role)
    return [visitor.path_of(each) for each in visitor.get(path).page.links if "/report/" in each]


@pytest.mark.parametrize("role", ["staff", "principal", "superintendent", "board-office", "lead-partner"])
def test_the_page_of_a_partnership_leads_to_its_report(visit: Visit, role: str) -> None:
    visitor = visit("reported")
    (address,) = addresses(visitor, role)
    seen = visitor.get(address)
    assert (seen.status, address.rpartition("/")[2]) == (200, "2026")
    assert "Annual report 2025-26" in seen.page.said
    assert "style-src 'unsafe-inline'; frame-ancestors 'none'" in seen.headers["Content-Security-Policy"]
    assert seen.headers["Cache-Control"] == "no-store"


def test_each_year_in_force_has_a_report(visit: Visit) -> None:
    visitor = visit("approved")
    visitor.life.at("2026-10-01")
    years = [address.rpartition("/")[2] for address in addresses(visitor, "staff")]
    assert years == ["2027", "2026"]


def test_nobody_else_reads_it(visit: Visit) -> None:
    visitor = visit("reported")
    assert addresses(visitor, "reviewer") == []
    assert visitor.get(f"{visitor.link('', 'reviewer')}/report/2026").status == 404


@pytest.mark.parametrize("year", ["2019", "2027", "20260", "abc"])
def test_a_year_without_a_report_is_not_found(visit: Visit, year: str) -> None:
    visitor = visit("reported")
    assert visitor.get(f"{visitor.link('', 'staff')}/report/{year}").status == 404


def test_before_an_agreement_is_in_force_no_report_is_offered(visit: Visit) -> None:
    assert addresses(visit("drafted"), "staff") == []


def test_a_forged_link_finds_no_report(visit: Visit) -> None:
    assert visit("reported").get("/a/none-of-ours/report/2026").status == 404
