"""How a partnership stands: the moments that deadlines count from, and who still has to do what."""

from random import Random

import pytest

from states.event import Waiting
from states.lifecycle import CERTAIN
from states.machine import COLLECTED, waiting_on
from states.moments import DUTIES, MOMENTS, done_on, moments
from states.names import Role, State
from states.partnership import PlannedStep
from tests.support.facts import CBO, COLLEGE, REVIEWERS, Life, day, instant
from tests.support.walk import later, step

ENTERED = instant("2025-07-07 09:00")


def known(life: Life) -> dict[str, object]:
    return moments(life.facts, ENTERED)


PLAN = (PlannedStep(name="agree", by=instant("2025-09-21 17:00")),)


def test_a_new_partnership_knows_only_when_it_entered() -> None:
    assert known(Life().to("needs")) == {"entering": ENTERED}


@pytest.mark.parametrize(
    ("life", "moment", "when"),
    [
        (Life().to("needs").do("describe-needs"), "needs.described", instant("2025-07-07 09:00")),
        (Life().to("needs-agreed"), "needs.agreed", instant("2025-07-07 09:00")),
        (Life().to("open"), "selection.closes_at", instant("2025-08-15 17:00")),
        (Life().to("open").do("ask-question"), "selection.question_waits", instant("2025-07-07 09:00")),
        (Life().to("closed"), "selection.closed", instant("2025-08-15 17:00")),
        (Life().to("scored"), "selection.scored", instant("2025-08-18 09:00")),
        (Life().to("chosen"), "selection.chosen", instant("2025-08-20 09:00")),
        (Life().to("chosen"), "selection.protest_until", instant("2025-08-27 16:00")),
        (Life().to("chosen").do("file-protest"), "selection.protest_waits", instant("2025-08-20 09:00")),
        (Life().to("chosen").do("set-outcomes"), "outcomes.set", instant("2025-08-20 09:00")),
        (
            Life().to("chosen").do("file-protest").do("answer-protest", remedy="score-anew"),
            "selection.anew",
            instant("2025-08-20 09:00"),
        ),
        (Life().to("active").do("set-outcomes"), "outcomes.proposed", instant("2025-09-02 09:00")),
        (Life().to("drafted"), "outcomes.agreed", instant("2025-08-20 09:00")),
        (Life().to("drafted"), "agreement.drafted", instant("2025-08-20 09:00")),
        (Life().to("drafted"), "agreement.starts_on", day("2025-09-01")),
        (Life().to("drafted"), "agreement.ends_on", day("2026-08-31")),
        (Life().to("signed"), "agreement.signed", instant("2025-08-28 09:00")),
        (Life().to("active"), "agreement.in_force", instant("2025-09-02 09:00")),
        (Life().to("active").do("change-contact"), "contact.asked", instant("2025-09-02 09:00")),
        (Life().to("active").do("change-contact"), "contact.accept_until", instant("2025-09-16 09:00")),
        (Life().to("approved"), "agreement.awaits_signature", instant("2025-10-02 09:00")),
        (
            Life().to("active").do("amend-agreement", ends_on="2027-08-31"),
            "agreement.amendment_waits",
            instant("2025-09-02 09:00"),
        ),
        (Life().at_board_review(), "board.referred", instant("2025-09-02 09:00")),
        (Life().at_introduced(), "board.scheduled", instant("2025-09-18 09:00")),
        (Life().at_introduced(), "board.meeting", day("2025-10-01")),
        (
            Life().to("scheduled").do("move-item", meeting_on=None),
            "board.freed",
            instant("2025-09-02 09:00"),
        ),
        (Life().at_introduced(), "board.meets", instant("2025-10-01 16:15")),
        (Life().to("annual-review"), "review.opened", instant("2026-07-02 09:00")),
        (Life().to("reported"), "review.reported", instant("2026-07-14 09:00")),
        (Life().at_found(), "review.found", instant("2026-07-14 09:00")),
        (Life().at_found().do("continue"), "review.decided", instant("2026-07-14 09:00")),
        (
            Life().at_board_review("termination", "annual-review"),
            "review.interrupted",
            instant("2026-07-02 09:00"),
        ),
        (Life().to("ending"), "ending.effective_on", day("2025-10-02")),
        (Life().to("ending"), "agreement.ends_on", day("2025-10-01")),
        (Life().to("ended"), "ended.agreement", day("2025-10-02")),
        (Life().to("active").at("2026-09-20").do("expire"), "ended.agreement", day("2026-09-01")),
        (
            Life().to("needs").do("want-start", around={"plan": PLAN}),
            "start.next_step",
            instant("2025-09-21 17:00"),
        ),
        (Life().to("ended").do("close-out"), "closed_out", instant("2025-10-02 09:00")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_moment_is_known_once_it_has_come(life: Life, moment: str, when: object) -> None:
    assert known(life)[moment] == when


def test_every_moment_is_shown_above() -> None:
    (shown,) = test_each_moment_is_known_once_it_has_come.pytestmark
    assert {moment for _, moment, _ in shown.args[1]} == set(MOMENTS)


@pytest.mark.parametrize(
    ("before", "after", "moment"),
    [
        (Life().to("needs-agreed"), Life().to("needs-agreed").do("describe-needs"), "needs.agreed"),
        (Life().to("drafted"), Life().to("drafted").do("set-outcomes"), "outcomes.agreed"),
        (Life().to("signed"), Life().to("signed").do("draft-agreement"), "agreement.signed"),
        (
            Life().to("chosen").do("file-protest"),
            Life().to("chosen").do("file-protest").do("answer-protest"),
            "selection.protest_waits",
        ),
        (
            Life().to("open").do("ask-question"),
            Life().to("open").do("ask-question").do("answer-question"),
            "selection.question_waits",
        ),
    ],
    ids=["needs", "outcomes", "draft", "protest", "question"],
)
def test_a_moment_that_was_undone_is_known_no_more(before: Life, after: Life, moment: str) -> None:
    assert moment in known(before)
    assert moment not in known(after)


def test_an_agreement_that_was_never_in_force_leaves_nothing_to_close_out() -> None:
    assert "ended.agreement" not in known(Life().to("signed").do("withdraw"))


def test_what_every_partnership_in_a_state_is_said_to_know_it_knows() -> None:
    assert CERTAIN.keys() == set(State)
    for seed in range(20):
        life, rng = Life().to("needs"), Random(seed)
        for _ in range(40):
            life = step(later(life, rng), rng)
            assert known(life).keys() >= CERTAIN[life.state]


# Who is awaited


def test_reviewers_are_awaited_by_name_until_they_have_scored_everything() -> None:
    life = Life().to("closed")
    assert [w.email for w in waiting_on(life.facts, "score-application")] == list(REVIEWERS)
    for organization in (CBO, COLLEGE):
        life = life.do("score-application", by=REVIEWERS[0], organization=organization)
    life = life.do("declare-conflict", by=REVIEWERS[1]).do(
        "score-application", by=REVIEWERS[1], organization=COLLEGE
    )
    assert waiting_on(life.facts, "score-application") == [Waiting(Role.REVIEWER, REVIEWERS[2])]


@pytest.mark.parametrize(
    ("event", "life", "roles"),
    [
        ("agree-needs", Life().to("needs").do("describe-needs"), [Role.PRINCIPAL, Role.STAFF]),
        ("agree-outcomes", Life().to("chosen"), [Role.PRINCIPAL, Role.STAFF, Role.LEAD_PARTNER]),
        ("sign-agreement", Life().to("drafted"), [Role.STAFF, Role.LEAD_PARTNER]),
        ("give-finding", Life().to("reported"), [Role.PRINCIPAL, Role.STAFF]),
    ],
)
def test_each_side_is_awaited_until_it_has_done_its_part(event: str, life: Life, roles: list[Role]) -> None:
    if event == "agree-outcomes":
        life = life.do("set-outcomes")
    while roles:
        assert waiting_on(life.facts, event) == [Waiting(role) for role in roles]
        life = life.do(event, roles.pop(0))
    assert waiting_on(life.facts, event) == []


def test_nobody_is_awaited_for_what_one_person_does() -> None:
    for event in ("activate", "continue", "schedule-item"):
        assert event not in COLLECTED
        assert not waiting_on(Life().to("reported").facts, event)


# What was done when


def test_a_duty_was_done_on_the_days_on_record() -> None:
    life = Life().to("active").do("record-meeting", on="2025-09-01").do("record-meeting").do("record-gap")
    facts = life.facts
    assert done_on(facts, "meeting", lambda at: at.date()) == (day("2025-09-01"), day("2025-09-02"))
    assert done_on(facts, "gap", lambda at: at.date()) == (day("2025-09-02"),)
    assert done_on(facts, "assessment", lambda at: at.date()) == ()


def test_an_annual_review_counts_from_its_opening() -> None:
    life = Life().at_found().do("continue").at("2026-08-01").do("open-annual-review")
    assert done_on(life.facts, "annual-review", lambda at: at.date()) == (
        day("2026-07-02"),
        day("2026-08-01"),
    )
    assert "annual-review" in DUTIES
