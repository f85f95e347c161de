"""The pages of the public register: what they answer, how long they are kept, and how they are turned off."""

from __future__ import annotations

import csv

import pytest

from tests.support.district import Begin
from tests.support.facts import way
from tests.support.visitor import BASE, Guest, Visitor, words
from tests.workflow.publishing.test_ocds import VALID_PACKAGE, VALID_RELEASE

LIST, ENTRY = "/partnerships", "/partnerships/rbhs-2025"
PAGES = (LIST, ENTRY)
DATA = (f"{LIST}.csv", f"{LIST}.json", f"{ENTRY}.json")
OFF = "[web]\nregister = false\n"


def test_the_page_of_a_partnership_tells_its_life_in_plain_words(begin: Begin) -> None:
    life = begin("approved")
    said = words(Guest(life).get(ENTRY).text)
    for told in (
        "The agreement is in force.",
        "Lead Partner Harbor House Whole amount $250,000.00",
        "Wednesday, October 1, 2025 The Board approved the new agreement 5 for, 1 against, 1 abstaining",
        "2 organizations applied. The school and the District chose Harbor House.",
        "attendance over the years (%) Baseline 88 Target 93",
        "Wednesday, August 20, 2025: Harbor House was chosen as Lead Partner.",
    ):
        assert told in said, told


def test_reported_values_stand_between_baseline_and_target(begin: Begin) -> None:
    said = words(Guest(begin("reported")).get(ENTRY).text)
    assert "Baseline 88 Reported Tuesday, July 14, 2026 91 Target 93" in said


def test_the_list_has_a_form_that_keeps_a_school_and_a_state(begin: Begin) -> None:
    visitor = Visitor(begin("active"))
    seen = visitor.get(f"{LIST}?school=rainier-beach&state=active")
    assert f"{BASE}{ENTRY}" in seen.page.links
    assert "1 partnership" in seen.said
    (form,) = seen.page.forms
    assert form.texts == {"school": ["rainier-beach"], "state": ["active"]}
    assert "No partnership fits" in visitor.get(f"{LIST}?school=rainier-beach&state=terminated").said
    assert "No partnership fits" in visitor.get(f"{LIST}?school=%3Cscript%3E").said


def test_a_list_with_many_partnerships_has_pages(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    life = begin("needs")
    for number in range(3):
        other = life.another(f"franklin-{number}")
        other.step([step._replace(at=None) for step in way("open")])
    monkeypatch.setattr("workflow.publishing.public_register.PER_PAGE", 2)
    visitor = Visitor(life)
    first = visitor.get(f"{LIST}?school=franklin")
    assert "3 partnerships, page 1 of 2" in first.said
    assert f"{BASE}{LIST}?school=franklin&page=2" in first.page.links
    second = visitor.get(f"{LIST}?school=franklin&page=2")
    assert f"{BASE}{LIST}?school=franklin" in second.page.links
    shown = [link for seen in (first, second) for link in seen.page.links if "/franklin-" in link]
    assert sorted(shown) == [f"{BASE}{LIST}/franklin-{number}" for number in range(3)]


@pytest.mark.parametrize("path", [*PAGES, *DATA])
def test_a_page_may_be_kept_and_a_page_that_is_the_same_is_not_sent_again(begin: Begin, path: str) -> None:
    life = begin("active")
    client = Guest(life).client
    answer = client.get(path)
    assert answer.headers["X-Robots-Tag"] == "all"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head(path)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", answer.headers["ETag"])
    life.do("terminate", effective_on="2025-10-02")
    life.tick("2025-10-02 01:00")
    later = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert later.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"{LIST}/{name}"
            for name in ("nothing", "a%20b", "%00", "%FF", "x" * 500, "..%2Fcalls", "RBHS-2025")
        ),
        f"{LIST}/nothing.json",
        f"{LIST}.json?page=2",
        *(f"{LIST}?page={number}" for number in ("0", "2", "-1", "x", "1e9", "9" * 40, "%00")),
        f"{LIST}/",
    ],
)
def test_there_is_no_page_for_what_is_not_there(begin: Begin, path: str) -> None:
    visitor = Visitor(begin("open"))
    for method in ("GET", "HEAD"):
        assert visitor.get(path, method).status == 404
    assert "There is no such page" in visitor.get(path).said


@pytest.mark.parametrize("path", [*PAGES, *DATA])
def test_a_page_changes_nothing_and_takes_no_form(begin: Begin, path: str) -> None:
    life = begin("active")
    before, guest = life.dump(), Guest(life)
    guest.get(path)
    assert guest.client.post(path, data={"a": "b"}).status_code == 405
    assert life.dump() == before


@pytest.mark.promise("addresses-from-settings")
@pytest.mark.parametrize("path", [*PAGES, *DATA])
def test_addresses_are_never_made_from_the_request(begin: Begin, path: str) -> None:
    headers = {"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"}
    assert "evil" not in Guest(begin("active")).client.get(path, headers=headers).text


def test_the_calls_and_the_page_of_a_partnership_lead_to_the_register(begin: Begin) -> None:
    visitor = Visitor(begin("active"))
    assert f"{BASE}{LIST}" in visitor.get("/calls").page.links
    assert f"{BASE}{ENTRY}" in visitor.get("/calls/rbhs-2025").page.links
    for role in ("staff", "lead-partner", "board-office"):
        assert f"{BASE}{ENTRY}" in visitor.get(visitor.link("", role)).page.links


def test_before_a_call_no_page_leads_to_an_entry(begin: Begin) -> None:
    visitor = Visitor(begin("needs"))
    assert f"{BASE}{ENTRY}" not in visitor.get(visitor.link("", "staff")).page.links


def test_a_district_can_turn_the_register_off_and_no_page_leads_there(begin: Begin) -> None:
    visitor = Visitor(begin("active", OFF))
    for path in (*PAGES, *DATA):
        assert visitor.get(path).status == 404
    for path in ("/calls", "/calls/rbhs-2025", visitor.link("", "staff")):
        assert "/partnerships" not in visitor.get(path).page.text


# Open data


def test_the_list_is_a_table_for_spreadsheets(begin: Begin) -> None:
    life = begin(None)
    life.at("2025-07-07").do("identify-needs", title='=HYPERLINK("http://evil.example.org")')
    life.step(way("introduced")[1:])
    answer = Guest(life).client.get(f"{LIST}.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="partnerships.csv"'
    assert answer.data.startswith(b"\xef\xbb\xbfReference,School,")
    (row,) = csv.DictReader(answer.data.decode("utf-8-sig").splitlines())
    assert row["Title"].startswith("'=HYPERLINK")
    assert (row["Lead Partner"], row["Whole amount in dollars"], row["Terms are proposed"]) == (
        "Harbor House", "250000.00", "yes",
    )  # fmt: skip
    assert (row["First day"], row["Organizations that applied"]) == ("2025-09-01", "2")
    assert row["State"] == "The new agreement is before the Board"
    assert (row["Page"], row["Open data"]) == (f"{BASE}{ENTRY}", f"{BASE}{ENTRY}.json")


def test_the_table_has_the_votes_and_the_end(begin: Begin) -> None:
    (row,) = csv.DictReader(Guest(begin("approved")).get(f"{LIST}.csv").text.lstrip("\ufeff").splitlines())
    assert row["Votes of the Board"] == (
        "2025-10-01: The Board approved the new agreement, 5 for, 1 against, 1 abstaining"
    )
    (row,) = csv.DictReader(Guest(begin("ended")).get(f"{LIST}.csv").text.lstrip("\ufeff").splitlines())
    assert (row["State"], row["Ended on"]) == ("The agreement ended before its term", "2025-10-02")


def test_a_partnership_and_the_list_are_valid_record_packages(begin: Begin) -> None:
    life = begin("reported")
    client = Guest(life).client
    one, all_ = (client.get(path) for path in (f"{ENTRY}.json", f"{LIST}.json"))
    assert one.headers["Content-Type"] == "application/json; charset=utf-8"
    assert one.json is not None
    assert all_.json is not None
    assert (one.json["uri"], all_.json["uri"]) == (f"{BASE}{ENTRY}.json", f"{BASE}{LIST}.json")
    assert one.json["records"] == all_.json["records"]
    assert "links" not in all_.json
    (record,) = one.json["records"]
    assert list(VALID_RELEASE.iter_errors(record["compiledRelease"])) == []
    releases = {key: value for key, value in one.json.items() if key != "records"}
    assert list(VALID_PACKAGE.iter_errors(releases | {"releases": record["releases"]})) == []
    # What is made on demand has the date of its last change, so that it can be kept until the next.
    assert one.json["publishedDate"] == record["releases"][-1]["date"] == "2026-07-14T16:00:00Z"


def test_open_data_of_many_partnerships_has_pages(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    life = begin("open")
    life.another("franklin-2025").step([step._replace(at=None) for step in way("open")])
    monkeypatch.setattr("workflow.publishing.public_register.PER_PAGE", 1)
    client = Guest(life).client
    first, second = (client.get(f"{LIST}.json{page}").json for page in ("?state=open-selection", "?page=2"))
    assert first["links"] == {"next": f"{BASE}{LIST}.json?state=open-selection&page=2"}
    assert second["links"] == {"prev": f"{BASE}{LIST}.json"}
    names = [record["ocid"] for each in (first, second) for record in each["records"]]
    assert names == ["ocds-unregistered-franklin-2025", "ocds-unregistered-rbhs-2025"]
    # The table has everything at once.
    assert client.get(f"{LIST}.csv").text.count("\r\n") == 3


def test_a_long_table_is_sent_while_it_is_read(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    life = begin("open")
    for number in range(3):
        life.another(f"franklin-{number}").step([step._replace(at=None) for step in way("open")])
    monkeypatch.setattr("workflow.publishing.public_register._AT_ONCE", 2)
    monkeypatch.setattr("workflow.publishing.spreadsheets._BLOCK", 1)
    client = Guest(life).client
    whole = client.get(f"{LIST}.csv")
    monkeypatch.setattr("workflow.web.register._LONG", 3)
    long = client.get(f"{LIST}.csv", buffered=False)
    assert (long.is_streamed, "ETag" in long.headers) == (True, False)
    assert long.headers["Cache-Control"] == "public, max-age=300"
    # Between the lines nobody keeps the database from a writer.
    lines = iter(long.response)
    next(lines)
    life.do("extend-selection", closes_on="2025-08-29")
    assert b"".join(lines).count(b"\r\n") == whole.text.count("\r\n") == 5


def test_the_data_of_one_damaged_record_takes_no_other_away(begin: Begin) -> None:
    life = begin("open")
    other = life.another("franklin-2025")
    other.step([step._replace(at=None) for step in way("open")])
    life.tamper("UPDATE history SET input = '{' WHERE seq = 2 AND partnership = :key", key=life.record.id)
    answer = Guest(life).client.get(f"{LIST}.json")
    assert answer.json is not None
    assert [record["ocid"].removeprefix("ocds-unregistered-") for record in answer.json["records"]] == [
        "franklin-2025"
    ]
    assert Guest(life).client.get(f"{LIST}.csv").text.count("\r\n") == 3


@pytest.mark.promise("limited-rate")
def test_who_takes_too_much_open_data_waits(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow.web.site.MOST_DATA", 2)
    client = Guest(begin("open")).client
    found = [client.get(path).status_code for path in (f"{LIST}.csv", f"{ENTRY}.json", f"{LIST}.json")]
    assert found == [200, 200, 429]
    assert client.get(LIST).status_code == 200
