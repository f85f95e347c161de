"""Open contracting data: valid by the published schemas and codelists, and nothing in it but what is public."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from states.case import Entry
from states.errors import LawError
from states.history import walk
from tests.examples.test_seattle import NOW, SEATTLE, taken_in
from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE, ORGANIZATIONS, REVIEWERS, STATIONS
from tests.support.facts import Life as PureLife
from tests.support.walk import later, step
from tests.workflow.test_corrections import correct, take_back
from tests.workflow.test_random_corrections import STATIONS as CORRECTED
from tests.workflow.test_random_corrections import correction
from workflow.procedure import config
from workflow.publishing import ocds
from workflow.publishing.ocds_merge import compile_releases
from workflow.publishing.ocds_releases import make_releases
from workflow.publishing.words import read_words
from workflow.record import district_file, export
from workflow.session import System
from workflow.views.public_texts import HIDDEN_ADDRESS, hide_addresses

Node = dict[str, Any]
STANDARD = Path(__file__).parents[3] / "tests" / "data" / "ocds-1.1.5"
SCHEMA: Node = json.loads((STANDARD / "release-schema.json").read_text(encoding="utf-8"))
PACKAGE: Node = json.loads((STANDARD / "release-package-schema.json").read_text(encoding="utf-8"))
_REGISTRY: Any = Registry().with_resources([(SCHEMA["id"], Resource.from_contents(SCHEMA, DRAFT4))])
VALID_PACKAGE = Draft4Validator(PACKAGE, registry=_REGISTRY, format_checker=Draft4Validator.FORMAT_CHECKER)
VALID_RELEASE = Draft4Validator(SCHEMA, format_checker=Draft4Validator.FORMAT_CHECKER)
CODES = {
    path.name: {row["Code"] for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())}
    for path in (STANDARD / "codelists").glob("*.csv")
}


def coded(node: Any, schema: Node) -> Iterator[tuple[str, str]]:
    """Every code in a release, with the closed codelist that it is from; of open ones those that are here."""
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    if codelist := schema.get("codelist"):
        assert codelist in CODES or schema["openCodelist"], f"{codelist} is not here to be compared with"
        for code in node if isinstance(node, list) else [node] if node is not None else []:
            yield codelist, code
    elif isinstance(node, list):
        for item in node:
            yield from coded(item, schema["items"])
    elif isinstance(node, dict):
        for key, value in node.items():
            assert key in schema["properties"], f"the standard has no field {key}"
            yield from coded(value, schema["properties"][key])


# Lists of which the standard lets a publisher go beyond, and whose copy is not in the repository.
NOT_HERE = {"awardCriteria.csv", "relatedProcess.csv", "relatedProcessScheme.csv"}


def check(releases: list[Node]) -> None:
    """Look whether releases and their compiled release are valid, and say what was known at the end."""
    merged = compile_releases(releases)
    for release in (*releases, merged):
        assert list(VALID_RELEASE.iter_errors(release)) == []
        codes = coded(release, {"properties": SCHEMA["properties"]})
        assert [(of, code) for of, code in codes if of not in NOT_HERE and code not in CODES[of]] == []
    assert [each["date"] for each in releases] == sorted(each["date"] for each in releases)
    assert len({each["id"] for each in releases}) == len(releases)
    assert without_nulls({**releases[-1], **OWN}) == without_nulls({**merged, **OWN})
    assert "@example.org" not in json.dumps(releases)


OWN = dict.fromkeys(("id", "date", "tag"))  # what every release has of its own


def without_nulls(node: Any) -> Any:
    """A document without null, and without the objects of which no more than the name is left."""
    if isinstance(node, dict):
        kept = {key: without_nulls(value) for key, value in node.items() if value is not None}
        return {key: value for key, value in kept.items() if value not in ({}, [])}
    if isinstance(node, list):
        items = [without_nulls(item) for item in node]
        return [item for item in items if not isinstance(item, dict) or item.keys() != {"id"}]
    return node


def packages(system: System, *refs: str, now: Any = NOW) -> tuple[Node, list[Node]]:
    """The release package and the records of a district, both found valid."""
    with system.reading() as session:
        records = list(export.select_records(session, refs))
        released = ocds.release_package(session, records, now)
        recorded = ocds.record_package(session, records, now)["records"]
    assert list(VALID_PACKAGE.iter_errors(released)) == []
    for record in recorded:
        check(record["releases"])
        assert record["compiledRelease"] == compile_releases(record["releases"])
    assert [each for record in recorded for each in record["releases"]] == released["releases"]
    return released, recorded


def records_of(life: Life) -> list[Node]:
    return packages(life.system, life.ref, now=life.now)[1]


def compiled(life: Life) -> Node:
    """The compiled release of the last process of a partnership."""
    release: Node = records_of(life)[-1]["compiledRelease"]
    return release


def tags(life: Life) -> list[list[str]]:
    return [release["tag"] for record in records_of(life) for release in record["releases"]]


def test_the_sample_district_is_valid(tmp_path: Path) -> None:
    settings = config.load(SEATTLE / "config.toml")
    with taken_in(tmp_path, settings, district_file.read_file(SEATTLE / "district.toml"), NOW) as system:
        released, recorded = packages(system)
    assert len(recorded) == 10
    assert {tag for release in released["releases"] for tag in release["tag"]} >= {
        "planning", "tender", "award", "contract", "implementation", "contractTermination",
    }  # fmt: skip
    assert (released["version"], released["publisher"]["name"]) == ("1.1", "Seattle Public Schools")


@pytest.mark.parametrize("station", STATIONS)
def test_a_life_is_valid_at_every_station(begin: Begin, station: str) -> None:
    life = begin(station)
    release = compiled(life)
    assert release["ocid"] == "ocds-unregistered-rbhs-2025"
    in_force = life.facts.agreement is not None and life.facts.agreement.in_force_at is not None
    assert ("awards" in release) == in_force
    # Nobody is named who has no agreement, and nobody else ever.
    text = json.dumps(records_of(life))
    assert ("Harbor House" in text) == in_force
    assert "City College" not in text


def test_each_public_event_makes_one_release_of_its_instant(begin: Begin) -> None:
    life = begin("approved")
    assert tags(life) == [
        ["planning"], ["planningUpdate"], ["tender"], ["tenderUpdate"],
        ["tenderUpdate", "award", "contract", "implementation"],
    ]  # fmt: skip
    first, *_, last = records_of(life)[0]["releases"]
    assert first["id"] == "ocds-unregistered-rbhs-2025-planning-20250707T160000Z"
    assert (last["date"], last["id"][-16:]) == ("2025-10-02T16:00:00Z", "20251002T160000Z")
    assert last["tender"]["milestones"][0]["description"] == "Ayes: 5, noes: 1, abstentions: 1."
    assert last["awards"][0]["value"] == {"amount": 250_000, "currency": "USD"}
    assert last["awards"][0]["description"].startswith("Approved by the School Board on Wednesday, October 1")
    assert last["contracts"][0]["status"] == "pending"
    assert "dateSigned" not in last["contracts"][0]


def test_a_release_stays_as_it_was_while_the_life_goes_on(begin: Begin) -> None:
    life = begin("active")
    before = records_of(life)[0]["releases"]
    life.at("2026-07-02").do("open-annual-review", "staff")
    life.at("2026-07-14").do("submit-report", values={"attendance": 94, "suspensions": 30.5})
    after = records_of(life)[0]["releases"]
    assert after[: len(before)] == before
    assert [release["tag"] for release in after[len(before) :]] == [["implementationUpdate"]]
    contract = after[-1]["contracts"][0]
    assert [each["status"] for each in contract["implementation"]["milestones"]] == ["met", "scheduled"]
    assert contract["implementation"]["documents"][0]["description"] == (
        "attendance: 94 % (baseline 88, target 93); suspensions: 30.5 count (baseline 40, target 20)"
    )


@pytest.mark.promise("open-data-is-public")
def test_an_application_makes_no_release_and_is_counted_after_the_closing(begin: Begin) -> None:
    life = begin("open")
    opened = records_of(life)
    life.at("2025-08-01").do("receive-application", "lead-partner@example.org")
    life.do("add-note", "staff", text="A secret of the staff")
    assert records_of(life) == opened
    # The panel may be earlier than the clock.
    life.at("2025-08-15 17:00").do("declare-conflict", REVIEWERS[0])
    assert records_of(life) == opened
    life.tick("2025-08-15 17:00")
    last = records_of(life)[0]["releases"][-1]
    assert last["tag"] == ["tenderUpdate"]
    assert last["tender"]["numberOfTenderers"] == 1
    assert "A secret of the staff" not in json.dumps(last)


@pytest.mark.promise("open-data-is-public")
def test_a_call_that_was_withdrawn_never_tells_how_many_applied(begin: Begin) -> None:
    life = begin("applied")
    life.do("withdraw", "staff")
    life.now += timedelta(days=60)
    assert tags(life)[-1] == ["tenderCancellation"]
    tender = compiled(life)["tender"]
    assert (tender["status"], tender.get("numberOfTenderers")) == ("cancelled", None)


def test_questions_and_a_later_closing_are_in_the_tender(begin: Begin) -> None:
    life = begin("open")
    life.do("ask-question", "public", text="May two apply together? Write to somebody@example.org.")
    life.do("answer-question", "staff", question=1, text="Yes")
    life.at("2025-08-04").do("extend-selection", "staff", closes_on="2025-08-29")
    tender = compiled(life)["tender"]
    (question,) = tender["documents"]
    assert (
        question["description"]
        == f"Question: May two apply together? Write to {HIDDEN_ADDRESS}.\nAnswer: Yes"
    )
    assert tender["tenderPeriod"]["endDate"] == "2025-08-29T17:00:00-07:00"
    (amendment,) = tender["amendments"]
    *_, before, last = records_of(life)[0]["releases"]
    assert (amendment["amendsReleaseID"], amendment["releaseID"]) == (before["id"], last["id"])
    assert last["tag"] == ["tenderAmendment"]
    # Staff take the question off the page: it goes from the data, too.
    life.do("answer-question", "staff", question=1, text="Yes", withhold=True)
    assert compiled(life)["tender"]["documents"] == [{"id": "question-1"}]


def test_a_second_call_is_a_process_of_its_own(begin: Begin) -> None:
    life = begin("closed")
    life.at("2025-08-18").do("restart", "staff")
    first, second = records_of(life)
    assert first["compiledRelease"]["tender"]["status"] == "unsuccessful"
    assert first["releases"][-1]["tag"] == ["tenderCancellation"]
    assert second["ocid"] == "ocds-unregistered-rbhs-2025-call-2"
    (related,) = second["compiledRelease"]["relatedProcesses"]
    assert (related["relationship"], related["identifier"]) == (["unsuccessfulProcess"], first["ocid"])
    assert second["releases"][-1]["tag"] == ["planning"]


def entries_of(pure: PureLife) -> list[Entry]:
    """The history of a life that is in no database."""
    return [Entry(number, each.event, each.input, each.actor, each.role, each.at, each.setting)
            for number, each in enumerate(pure.history, start=1)]  # fmt: skip


def released(begin: Begin, pure: PureLife) -> dict[str, list[Node]]:
    with begin().system.reading() as session:
        return make_releases(session, read_words(session.config, "open-data"), "a-life", entries_of(pure))


def test_a_renewal_has_the_vote_of_the_board_and_the_new_terms(begin: Begin) -> None:
    ((*_, last),) = released(begin, PureLife().at_introduced("renewal").do("approve")).values()
    assert last["tag"] == ["contractAmendment"]
    contract = last["contracts"][0]
    assert contract["milestones"][0]["title"] == "The School Board approved the renewal of the agreement"
    assert contract["period"]["endDate"] == "2027-08-31T23:59:59-07:00"
    assert contract["status"] == "active"  # it goes on while it is signed anew
    assert last["awards"][0]["contractPeriod"]["endDate"] == "2026-08-31T23:59:59-07:00"
    ((*_, last),) = released(begin, PureLife().at_introduced("renewal").do("send-back")).values()
    assert last["contracts"][0]["milestones"][0]["status"] == "notMet"
    assert "amendments" not in last["contracts"][0]


# Corrections


@pytest.mark.promise("corrected-in-the-open")
def test_what_is_corrected_is_corrected_in_the_compiled_release(begin: Begin) -> None:
    life = begin("active")
    before = records_of(life)[0]["releases"]
    life.now += timedelta(days=1)
    correct(life, "identify-needs", title="Reading, grade 3")
    correct(life, "draft-agreement", amount_cents=20_000_050)
    (record,) = records_of(life)
    assert record["releases"][: len(before)] == before
    release = record["compiledRelease"]
    assert release["tender"]["description"] == release["planning"]["budget"]["project"] == "Reading, grade 3"
    assert release["contracts"][0]["value"]["amount"] == release["awards"][0]["value"]["amount"] == 200_000.5
    versions = record["versionedRelease"]["tender"]["description"]
    assert [each["value"] for each in versions] == ["A Lead Partner for the school", "Reading, grade 3"]
    assert versions[1]["releaseID"] == record["releases"][len(before)]["id"]


def test_the_award_keeps_its_terms_when_the_agreement_is_amended(begin: Begin) -> None:
    life = begin("active")
    life.at("2025-09-10").do("amend-agreement", "staff", amount_cents=24_000_000)
    for role in ("staff", "lead-partner"):
        life.do("sign-agreement", role, signed_on="2025-09-10")
    life.now += timedelta(days=1)
    correct(life, "draft-agreement", starts_on="2025-09-02")
    release = compiled(life)
    assert release["contracts"][0]["value"]["amount"] == 240_000
    assert release["awards"][0]["value"]["amount"] == 249_999.99
    assert release["awards"][0]["contractPeriod"]["startDate"] == "2025-09-02T00:00:00-07:00"
    (amendment,) = release["contracts"][0]["amendments"]
    assert amendment["description"] == "Amendment: $240,000.00 in all, through Monday, August 31, 2026."


def test_an_award_that_is_taken_back_is_cancelled_and_stays(begin: Begin) -> None:
    life = begin("active")
    take_back(life, "activate")
    release = compiled(life)
    assert (release["awards"][0]["status"], release["contracts"][0]["status"]) == ("cancelled", "cancelled")
    assert tags(life)[-1] == ["tenderUpdate", "awardCancellation", "contractTermination"]


@pytest.mark.parametrize("station", CORRECTED)
def test_whatever_is_corrected_what_was_published_stays_and_what_comes_is_valid(
    begin: Begin, station: str
) -> None:
    rng, life = Random(station), begin(station)
    published = records_of(life)[0]["releases"]
    for _ in range(40):
        by, given = correction(life, rng)
        with suppress(LawError):
            life.do("correct-entry", by, **given)
            releases = records_of(life)[0]["releases"]
            assert releases[: len(published)] == published
            published = releases
    correct(life, "identify-needs", title="Reading, grade 4")
    assert records_of(life)[0]["releases"][:-1] == published


@pytest.mark.promise("open-data-is-public")
@pytest.mark.parametrize("station", STATIONS)
def test_random_lives_are_valid_and_name_nobody_in_vain(begin: Begin, station: str) -> None:
    rng, pure = Random(station), PureLife().to(station)
    for _ in range(60):
        pure = later(step(pure, rng), rng)
    made = released(begin, pure)
    for releases in made.values():
        check(releases)
    agreed = {
        facts.selection.choice.organization
        for _, facts in walk(entries_of(pure))
        if facts.agreement and facts.agreement.in_force_at and facts.selection and facts.selection.choice
    }
    text = json.dumps(made)
    named = {key for key, organization in ORGANIZATIONS.items() if organization.name in text or key in text}
    assert named == agreed


def test_the_district_says_who_publishes(begin: Begin) -> None:
    life = begin("needs", """
[ocds]
prefix = "ocds-a1b2c3"
publisher = "The Schools"
publisher_uri = "https://schools.example.org/data/"
license = "https://creativecommons.org/publicdomain/zero/1.0/"
""")  # fmt: skip
    released, _ = packages(life.system, now=life.now)
    assert released["license"] == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert released["publisher"] == {"name": "The Schools", "uri": "https://schools.example.org/data/"}
    assert released["releases"][0]["ocid"] == "ocds-a1b2c3-rbhs-2025"
    assert re.fullmatch(r"tag:[a-z.]+,2025-07-07:ocds-a1b2c3/releases", released["uri"])


@pytest.mark.parametrize("text", ["ann.lee@example.org", "<mailto:a+b@mail.example.org>", "(x@y.example)"])
def test_an_address_in_a_text_is_hidden(text: str) -> None:
    assert hide_addresses(f"Ask {text}, please.").count(HIDDEN_ADDRESS) == 1
    assert "@" not in hide_addresses(text)


@pytest.mark.promise("open-data-is-public")
def test_a_text_does_not_name_a_contact_person(begin: Begin) -> None:
    life = begin("active")
    correct(life, "identify-needs", title="A plan of Contact of Harbor House")
    assert compiled(life)["tender"]["description"] == "A plan of [name of a person]"


@pytest.mark.promise("open-data-is-public")
def test_nobody_who_applied_in_vain_is_named_in_any_release(begin: Begin) -> None:
    life = begin("chosen")
    life.do("file-protest", "applicant@example.org", organization=COLLEGE)
    life.do("answer-protest", "staff", organization=COLLEGE, remedy="start-over")
    text = json.dumps(records_of(life))
    assert [name for name in ("City College", "Harbor House", CBO, COLLEGE) if name in text] == []
    # The same as where nobody was chosen.
    assert records_of(life)[0]["compiledRelease"]["tender"]["status"] == "unsuccessful"
    assert "protest" not in text
