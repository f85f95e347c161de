"""The clauses that the form of an input keeps: what is left out is refused before any requirement is asked."""

from __future__ import annotations

import pytest

from states import inputs
from states.case import Organization
from states.chapters.choice import ChoosePartner
from states.chapters.ending import BoardTerminate, Terminate
from states.chapters.needs import DescribeNeeds
from states.chapters.outcomes import SetOutcomes
from states.chapters.review import GiveFinding
from states.chapters.scoring import DeclareConflict, ScoreApplication
from states.errors import BadInput
from tests.support.facts import (
    ABSENT,
    OUTCOMES,
    Life,
)

# Clauses that the form of an input keeps


def refused(takes: type[inputs.Input], event: str, **given: object) -> str:
    """What is said to an input that is otherwise as it should be."""
    inputs.read_input(takes, Life().input(event))
    with pytest.raises(BadInput) as error:
        inputs.read_input(takes, Life().input(event, **given))
    return str(error.value)


@pytest.mark.clause("4270.3a", "4270.3b", "4270.3c", "4270.3d", "4270.3e")
@pytest.mark.parametrize("ability", inputs.ABILITIES)
def test_every_score_sheet_has_all_five_abilities(ability: str) -> None:
    four = {name: 3 for name in inputs.ABILITIES if name != ability}
    said = refused(ScoreApplication, "score-application", scores=four)
    assert f"a score is missing for {ability}" in said


@pytest.mark.clause("4270.2")
def test_there_are_four_kinds_of_entity() -> None:
    for kind in ("community-based-organization", "higher-education", "public-agency", "other"):
        assert Organization(id="a", name="A", kind=kind).kind == kind
    with pytest.raises(ValueError, match="kind"):
        Organization(id="a", name="A", kind="company")


@pytest.mark.clause("4270.5a", "4270.5b", "4270.5c", "4270.5d", "4270.5e")
@pytest.mark.parametrize("duty", ["assessment", "gap", "meeting", "engagement", "responsibility"])
def test_every_duty_has_its_day_and_its_evidence(duty: str) -> None:
    takes = Life().to("active").row(f"record-{duty}").takes
    assert "evidence: it is missing" in refused(takes, f"record-{duty}", evidence=ABSENT)
    assert "on: it is missing" in refused(takes, f"record-{duty}", on=ABSENT)


@pytest.mark.clause("4270.7")
@pytest.mark.parametrize("field", ["needs", "resources", "assets", "qualities", "goals"])
def test_the_statement_leaves_nothing_out(field: str) -> None:
    assert f"{field}: found []" in refused(DescribeNeeds, "describe-needs", **{field: []})
    assert f"{field}: it is missing" in refused(DescribeNeeds, "describe-needs", **{field: ABSENT})


@pytest.mark.clause("4270.10")
@pytest.mark.parametrize("field", ["measure", "unit", "baseline", "target", "direction", "goal"])
def test_every_outcome_can_be_measured_and_serves_a_goal(field: str) -> None:
    lacking = [{name: value for name, value in OUTCOMES[0].items() if name != field}]
    assert f"outcomes.0.{field}: it is missing" in refused(SetOutcomes, "set-outcomes", outcomes=lacking)


def test_there_is_at_least_one_outcome() -> None:
    assert "at least one entry" in refused(SetOutcomes, "set-outcomes", outcomes=[])


@pytest.mark.clause("4270.12")
@pytest.mark.parametrize("field", ["ground", "reason", "effective_on"])
@pytest.mark.parametrize("takes", [Terminate, BoardTerminate])
def test_every_termination_has_its_ground_reason_and_day(takes: type[inputs.Input], field: str) -> None:
    life = Life().at_introduced() if takes is BoardTerminate else Life().to("active")
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
