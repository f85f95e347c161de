"""Every clause of policy 4270 is kept: take away what enforces it, and what was refused goes through."""

import ast
import importlib
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from states import inputs, machine
from states.case import Organization
from states.chapters.choice import ChoosePartner, DeclareConflict, ScoreApplication
from states.chapters.ending import BoardTerminate, Terminate
from states.chapters.needs import DescribeNeeds
from states.chapters.outcomes import SetOutcomes
from states.chapters.service import GiveFinding
from states.errors import BadInput
from states.event import Event, Requirement, change_nothing
from states.lifecycle import TABLE
from tests.states.life import ABSENT, OUTCOMES, Life
from tests.states.refusals import REFUSALS, Refusal

ROOT = Path(__file__).parents[2]
CLAUSES = [
    "4270.1", "4270.2", *(f"4270.3{letter}" for letter in "abcde"), "4270.4",
    *(f"4270.5{letter}" for letter in "abcde"), "4270.6", "4270.7", "4270.8",
    "4270.9", *(f"4270.9{letter}" for letter in "abc"), "4270.10", "4270.11", "4270.12", "4270.13",
]  # fmt: skip
CITED = {need.clause for row in TABLE for need in row.needs if need.clause}


def without(requirement: str) -> list[Event]:
    """The table of the law lacking one requirement, and recording nothing: only its judgement is looked at."""
    return [
        replace(
            row, needs=tuple(need for need in row.needs if need.name != requirement), records=change_nothing
        )
        for row in TABLE
    ]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_case_that_one_requirement_refuses_goes_through_without_it(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmet = refusal.life.refusal(refusal.event, refusal.role, **refusal.given)
    assert [u.requirement for u in unmet] == [refusal.requirement]
    monkeypatch.setattr(machine, "MACHINE", machine.build(without(refusal.requirement)))
    assert refusal.life.allows(refusal.event, refusal.role, **refusal.given)


def test_every_requirement_of_every_row_has_such_a_case() -> None:
    needed = {(row.name, row.at, need.name) for row in TABLE for need in row.needs}
    assert {(r.event, r.life.row(r.event).at, r.requirement) for r in REFUSALS} == needed


# Clauses that the form of an input keeps


def refused(takes: type[inputs.Input], event: str, **given: object) -> str:
    """What is said to an input that is otherwise as it should be."""
    inputs.read_input(takes, Life().input(event))
    with pytest.raises(BadInput) as error:
        inputs.read_input(takes, Life().input(event, **given))
    return str(error.value)


@pytest.mark.parametrize("ability", inputs.ABILITIES)
def test_every_score_sheet_has_all_five_abilities(ability: str) -> None:
    four = {name: 3 for name in inputs.ABILITIES if name != ability}
    said = refused(ScoreApplication, "score-application", scores=four)
    assert f"a score is missing for {ability}" in said


def test_there_are_four_kinds_of_entity() -> None:
    for kind in ("community-based-organization", "higher-education", "public-agency", "other"):
        assert Organization(id="a", name="A", kind=kind).kind == kind
    with pytest.raises(ValueError, match="kind"):
        Organization(id="a", name="A", kind="company")


@pytest.mark.parametrize("duty", ["assessment", "gap", "meeting", "engagement", "responsibility"])
def test_every_duty_has_its_day_and_its_evidence(duty: str) -> None:
    takes = Life().at_active().row(f"record-{duty}").takes
    assert "evidence: it is missing" in refused(takes, f"record-{duty}", evidence=ABSENT)
    assert "on: it is missing" in refused(takes, f"record-{duty}", on=ABSENT)


@pytest.mark.parametrize("field", ["needs", "resources", "assets", "qualities", "goals"])
def test_the_statement_leaves_nothing_out(field: str) -> None:
    assert f"{field}: found []" in refused(DescribeNeeds, "describe-needs", **{field: []})
    assert f"{field}: it is missing" in refused(DescribeNeeds, "describe-needs", **{field: ABSENT})


@pytest.mark.parametrize("field", ["measure", "unit", "baseline", "target", "direction", "goal"])
def test_every_outcome_can_be_measured_and_serves_a_goal(field: str) -> None:
    lacking = [{name: value for name, value in OUTCOMES[0].items() if name != field}]
    assert f"outcomes.0.{field}: it is missing" in refused(SetOutcomes, "set-outcomes", outcomes=lacking)


def test_there_is_at_least_one_outcome() -> None:
    assert "at least one entry" in refused(SetOutcomes, "set-outcomes", outcomes=[])


@pytest.mark.parametrize("field", ["ground", "reason", "effective_on"])
@pytest.mark.parametrize("takes", [Terminate, BoardTerminate])
def test_every_termination_has_its_ground_reason_and_day(takes: type[inputs.Input], field: str) -> None:
    life = Life().at_introduced() if takes is BoardTerminate else Life().at_active()
    given = life.input("terminate")
    assert inputs.read_input(takes, given)
    with pytest.raises(BadInput, match=f"{field}: it is missing"):
        inputs.read_input(takes, {key: value for key, value in given.items() if key != field})
    with pytest.raises(BadInput, match="ground: found 'dislike'; expected no-substantial-impact"):
        inputs.read_input(takes, given | {"ground": "dislike"})


def test_every_finding_has_its_reasons_and_every_choice_too() -> None:
    assert "reasons: it is missing" in refused(GiveFinding, "give-finding", reasons=ABSENT)
    assert "impact: it is missing" in refused(GiveFinding, "give-finding", impact=ABSENT)
    assert "reasons: found ''" in refused(ChoosePartner, "choose-partner", reasons="")
    assert "reason: it is missing" in refused(DeclareConflict, "declare-conflict", reason=ABSENT)


# The map of the policy


def mapped() -> list[tuple[str, list[str], list[str]]]:
    """The rows of the table in docs/policy.md: clause, places, tests."""
    text = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line
    ]
    return [
        (clause.strip("`"), re.findall(r"`([^`]+)`", place), re.findall(r"`([^`]+)`", test))
        for clause, place, test in rows[2:]
    ]


MAPPED = mapped()


def test_the_map_has_every_clause_once_in_order() -> None:
    assert [clause for clause, _, _ in MAPPED] == CLAUSES


def test_every_clause_that_the_law_cites_is_in_the_map() -> None:
    unlettered = {clause.rstrip("abcde") for clause in CLAUSES}
    assert sorted(CITED - unlettered - set(CLAUSES)) == []


@pytest.mark.parametrize(("clause", "places", "tests"), MAPPED, ids=[clause for clause, _, _ in MAPPED])
def test_every_place_and_test_of_the_map_exists(clause: str, places: list[str], tests: list[str]) -> None:
    assert places, f"{clause} is enforced nowhere"
    assert tests, f"{clause} is tested nowhere"
    assert [place for place in places if not _place(place)] == []
    assert [test for test in tests if not _test(test)] == []


@pytest.mark.parametrize(("clause", "places", "tests"), MAPPED, ids=[clause for clause, _, _ in MAPPED])
def test_the_requirements_that_the_map_names_cite_the_clause(
    clause: str, places: list[str], tests: list[str]
) -> None:
    found = [needs for place in places if (needs := _requirements(_place(place)))]
    for named in found:
        assert {need.clause for need in named} & {clause, clause.rstrip("abcde")}
    assert found or clause not in CITED


def _requirements(named: object) -> list[Requirement]:
    """The requirements among what a place of the map names: one, several together, or none."""
    several = named if isinstance(named, tuple) else (named,)
    return [one for one in several if isinstance(one, Requirement)]


def _place(place: str) -> object:
    """What `file::name` or `file::Class.field` names, or the file itself; None if there is no such thing."""
    file, _, name = place.partition("::")
    path = ROOT / file
    if not name:
        return path if path.is_file() else None
    first, _, attribute = name.partition(".")
    found = getattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), first, None)
    return found if not attribute or attribute in getattr(found, "model_fields", ()) else None


def _test(test: str) -> bool:
    """Whether there is a test `file::name`. Tests of another floor are named by their file only."""
    file, _, name = test.partition("::")
    if not file.startswith("tests/states/"):
        return file.startswith("tests/") and not name
    return name in _functions(file)


@cache
def _functions(file: str) -> set[str]:
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}
