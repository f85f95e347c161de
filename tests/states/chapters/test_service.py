"""The agreement in force: its duties, how it ends, and what is noted at any time."""

from typing import get_args

import pytest

from states.errors import BadInput
from states.names import Duty, Ground
from tests.support.facts import ABSENT, Life, day

GROUNDS = get_args(Ground)
AT_ONCE = {"notice_days": 0}
LAST_DAY = "2026-08-31"
DIGEST = "ab" * 32

# Duties and other agreements


@pytest.mark.clause("4270.5a", "4270.5b", "4270.5c", "4270.5d", "4270.5e")
@pytest.mark.parametrize("role", ["lead-partner", "staff"])
@pytest.mark.parametrize("duty", get_args(Duty))
def test_a_duty_is_recorded_with_its_day_and_evidence(duty: str, role: str) -> None:
    life = Life().to("active").do(f"record-{duty}", role).do(f"record-{duty}", role, evidence="minutes-2.pdf")
    assert [(d.duty, d.on, d.evidence) for d in life.facts.duties] == [
        (duty, day("2025-09-02"), "minutes-1.pdf"),
        (duty, day("2025-09-02"), "minutes-2.pdf"),
    ]


@pytest.mark.clause("4270.5a", "4270.5b", "4270.5c", "4270.5d")
@pytest.mark.parametrize("duty", get_args(Duty))
def test_a_duty_is_recorded_when_it_is_done(duty: str) -> None:
    life = Life().to("active")  # on 2 September
    assert life.missing(f"record-{duty}", on="2025-09-03") == ["done-by-today 4270.5"]
    with pytest.raises(BadInput, match="evidence: it is missing"):
        life.do(f"record-{duty}", evidence=ABSENT)


@pytest.mark.clause("4270.6")
def test_an_agreement_with_another_organization_has_the_input_of_both() -> None:
    life = Life().to("active")
    assert life.missing("add-agreement", school_input=None, district_input=None) == [
        "school-gave-input 4270.6",
        "district-gave-input 4270.6",
    ]
    assert life.missing("add-agreement", school_input=ABSENT) == ["school-gave-input 4270.6"]
    assert life.missing("add-agreement", district_input=ABSENT) == ["district-gave-input 4270.6"]
    (other,) = life.do("add-agreement").facts.other_agreements
    assert (other.organization, other.signed_on) == ("Youth Clinic", day("2025-09-02"))
    assert (other.school_input, other.district_input) == ("families asked", "legal office agrees")


# The end


@pytest.mark.clause("4270.12")
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("life", [Life().to("active"), Life().to("reported")], ids=lambda life: life.state)
def test_staff_end_an_agreement_with_its_ground_on_record(life: Life, ground: str) -> None:
    today = str(life.now.date())
    ended = life.do("terminate", ground=ground, effective_on=today, reason="as found", around=AT_ONCE)
    record = ended.facts.ended
    assert ended.state == "terminated"
    assert not ended.facts.in_force
    assert (record.how, record.ground, record.reason, record.board) == (
        "terminated",
        ground,
        "as found",
        False,
    )
    assert (record.effective_on, record.by, record.at) == (day(today), "staff@example.org", life.now)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize(("days", "soonest"), [(0, "2025-09-02"), (1, "2025-09-03"), (30, "2025-10-02")])
def test_every_ground_has_the_notice_that_the_procedure_says(ground: str, days: int, soonest: str) -> None:
    life = Life().to("active")
    about = {"notice_days": days}
    assert life.allows("terminate", ground=ground, effective_on=soonest, around=about)
    early = day(soonest).replace(day=day(soonest).day - 1).isoformat()
    (unmet,) = life.refusal("terminate", ground=ground, effective_on=early, around=about)
    assert (unmet.requirement, unmet.clause) == ("notice-given", "4270.12")
    assert f"ground '{ground}' needs {days} days of notice" in unmet.reason


def test_an_agreement_is_not_ended_after_it_ends_by_itself() -> None:
    life = Life().to("active")
    assert life.missing("terminate", effective_on="2026-09-01") == ["ends-before-last-day"]
    assert life.allows("terminate", effective_on="2026-08-31")


@pytest.mark.clause("4270.9")
def test_staff_cannot_end_what_the_board_approved() -> None:
    life = Life().to("approved")
    assert life.missing("terminate", effective_on="2025-10-03") == [
        "board-did-not-approve 4270.9",
        "notice-given 4270.12",
    ]
    assert life.missing("terminate") == ["board-did-not-approve 4270.9"]
    assert life.under(terminates=False).allows("terminate")
    assert life.allows("refer-to-board", purpose="termination")


def test_an_approved_amendment_makes_it_the_boards_to_end() -> None:
    life = Life().at_introduced("amendment").do("approve")
    assert life.missing("terminate") == ["board-did-not-approve 4270.9"]
    in_review = life.do("open-annual-review")
    assert in_review.missing("terminate") == ["board-did-not-approve 4270.9"]


@pytest.mark.parametrize(
    "life",
    [Life().to("active"), Life().to("reported"), Life().at_board_review("renewal")],
    ids=lambda life: life.state,
)
def test_an_agreement_expires_the_day_after_its_last_day(life: Life) -> None:
    assert life.at("2026-08-31 23:59:59").missing("expire") == ["past-last-day"]
    expired = life.at("2026-09-01 00:00").do("expire")
    assert expired.state == "terminated"
    assert (expired.facts.ended.how, expired.facts.ended.effective_on) == ("expired", day(LAST_DAY))
    assert expired.facts.ended.by == "clock"


@pytest.mark.parametrize("role", ["staff", "lead-partner"])
def test_an_ended_partnership_is_closed_out_once(role: str) -> None:
    life = Life().to("ended").do("close-out", role)
    assert life.state == "terminated"
    assert life.facts.closed_out.summary == "keys and records are back"
    assert life.missing("close-out", role) == ["not-closed-out"]


# At any time


def test_a_note_changes_no_fact_and_a_document_is_added() -> None:
    life = Life().to("ended")
    assert life.do("add-note", "principal").facts == life.facts
    (document,) = life.do("attach-document", size=12, sha256=DIGEST).facts.documents
    assert (document.title, document.name) == ("A letter", "letter.pdf")
    assert (document.size, document.sha256) == (12, DIGEST)
