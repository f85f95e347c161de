"""In which partnerships a person acts, and as what."""

from __future__ import annotations

from states.names import Role
from tests.support.district import Begin, Life
from tests.support.facts import CBO
from workflow.views import capacities


def roles(life: Life, who: str) -> list[Role]:
    with life.system.reading() as session:
        return [each.role for each in capacities.own(session, f"{who}@example.org", life.now)]


def test_a_colleague_acts_for_an_applicant_who_has_left(begin: Begin) -> None:
    life = begin("applied")
    life.person("colleague", organization=CBO)
    assert roles(life, "colleague") == []
    life.person("lead-partner", organization=CBO, active=False)
    assert roles(life, "lead-partner") == []
    assert roles(life, "colleague") == [Role.APPLICANT]
