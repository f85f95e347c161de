"""The packet for the Board is on the pages of those who bring an agreement to it, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys

import docx
import pytest

from tests.support.facts import PEOPLE
from tests.support.visitor import Visit
from workflow.publishing import packet

ENDINGS = ["packet.docx", "packet.pdf", "packet.html"]


def offered(links: list[str]) -> list[str]:
    return [link.rpartition("/")[2] for link in links if "/packet." in link]


@pytest.mark.parametrize("role", ["staff", "superintendent", "board-office"])
def test_who_brings_it_to_the_board_can_read_it_and_save_it(visit: Visit, role: str) -> None:
    visitor = visit("scheduled")
    seen = visitor.get(visitor.link("", role))
    assert offered(seen.page.links) == ENDINGS
    word, pdf, page = (visitor.path_of(link) for link in seen.page.links if "/packet." in link)
    assert "3. Recommended motion" in visitor.get(page).said
    answer = visitor.client.get(word)
    assert 'filename="board-packet-rbhs-2025.docx"' in answer.headers["Content-Disposition"]
    assert docx.Document(io.BytesIO(answer.data)).core_properties.title.startswith("Board Action Report")
    assert visitor.client.get(pdf).data.startswith(b"%PDF-")


@pytest.mark.promise("no-scripts")
def test_the_page_runs_nothing_and_has_no_style_but_its_own(visit: Visit) -> None:
    visitor = visit("scheduled")
    answer = visitor.client.get(visitor.link("", "board-office") + "/packet.html")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "style=" not in answer.text


@pytest.mark.parametrize("role", ["principal", "lead-partner", "reviewer", "applicant"])
def test_nobody_else_gets_it_or_learns_that_there_is_one(visit: Visit, role: str) -> None:
    visitor = visit("scheduled")
    link = visitor.link("", role)
    assert offered(visitor.get(link).page.links) == []
    for name in [*ENDINGS, "packet.odt"]:
        assert visitor.get(f"{link}/{name}").status == 404


def test_another_ending_and_a_forged_link_are_not_found(visit: Visit) -> None:
    visitor = visit("scheduled")
    assert visitor.get(visitor.link("", "staff") + "/packet.odt").status == 404
    assert visitor.get("/a/forged/packet.html").status == 404


def test_once_there_is_nothing_for_the_board_the_page_says_what_comes_first(visit: Visit) -> None:
    visitor = visit("active")
    link = visitor.link("", "staff")
    assert offered(visitor.get(link).page.links) == []
    seen = visitor.get(f"{link}/packet.html")
    assert seen.status == 409
    assert f'"{visitor.life.system.config.label("refer-to-board")}" comes first' in seen.said


def test_the_desk_links_the_packet_of_each_item_on_an_agenda(visit: Visit) -> None:
    visitor = visit("scheduled")
    seen = visitor.sign_in(PEOPLE["board-office"])
    assert offered(seen.page.links) == ENDINGS
    link = next(visitor.path_of(each) for each in seen.page.links if each.endswith("/packet.html"))
    assert "School Board Action Report" in visitor.follow(visitor.get(link)).said


def test_what_is_not_installed_is_not_offered(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet, "find_spec", lambda name: None)
    visitor = visit("scheduled")
    link = visitor.link("", "staff")
    assert offered(visitor.get(link).page.links) == ["packet.html"]
    assert visitor.get(f"{link}/packet.docx").status == 404


def test_a_file_that_cannot_be_made_says_so(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = visit("scheduled")
    link = visitor.link("", "staff")
    monkeypatch.setattr(packet, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "docx", None)
    seen = visitor.get(f"{link}/packet.docx")
    assert (seen.status, "Take another kind of file" in seen.said) == (500, True)
