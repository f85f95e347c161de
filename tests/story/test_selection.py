"""How a partnership comes about, or does not: the call, the choice, a small agreement; no applicant; withdrawal."""

from __future__ import annotations

from tests.states.life import REVIEWERS
from tests.story.office import Office


def test_a_small_agreement_comes_into_force_without_the_board(office: Office) -> None:
    office.at("2025-07-07 09:00")
    steps = []
    def p(step, label):
        print(label, step.state, step.due, step["version"])
    p(office.do("identify-needs", "principal"), "identify")
    p(office.do("describe-needs", "principal"), "describe")
    p(office.do("agree-needs", "principal"), "agree")
    p(office.do("agree-needs", "staff"), "agree")
    p(office.do("open-selection", "staff", closes_on="2025-08-01"), "open")
    p(office.at("2025-07-21").do("receive-application", "lead-partner"), "apply")
    print(office.at("2025-08-01 16:58").daemon())
    print(office.at("2025-08-01 17:00").daemon())
    office.at("2025-08-04")
    for r in REVIEWERS:
        p(office.do("score-application", r), "score")
    p(office.at("2025-08-05").do("choose-partner", "staff"), "choose")
    p(office.do("draft-agreement", "staff", ends_on="2026-08-31"), "draft")
    p(office.do("set-outcomes", "staff"), "outcomes")
    for r in ("principal", "staff", "lead-partner"):
        p(office.do("agree-outcomes", r), "agree")
    print(office.do("sign-agreement", "staff", signed_on="2025-08-05", status=1).unmet)
    print(office.at("2025-08-12 16:00").daemon())
    office.at("2025-08-13")
    p(office.do("sign-agreement", "staff", signed_on="2025-08-13"), "sign")
    p(office.do("sign-agreement", "lead-partner", signed_on="2025-08-13"), "sign")
    p(office.do("activate", "staff"), "activate")
    print(office.daemon())
    print("\n".join(office.history()))
    print("\n".join(office.notices()))
    assert 0
