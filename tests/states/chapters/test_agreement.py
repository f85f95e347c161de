"""Terms, outcomes and signatures: what an agreement rests on, and from when on the Board must act."""

import pytest

from states.case import BoardRules, Lead, anniversary, board_reasons, is_longer_than
from states.errors import BadInput
from states.weighing import Share, find_earlier
from tests.support.facts import OUTCOMES, Life, day, instant

THRESHOLD = 25_000_000  # $250,000.00

# Drafting and outcomes


@pytest.mark.parametrize("event", ["draft-agreement", "set-outcomes"])
def test_terms_and_outcomes_wait_for_the_choice(event: str) -> None:
    assert Life().to("scored").missing(event) == ["partner-chosen 4270.8"]
    assert Life().to("chosen").allows(event)


@pytest.mark.clause("4270.5e")
def test_a_draft_is_recorded_with_all_its_terms() -> None:
    agreement = (
        Life().to("chosen").do("draft-agreement", autonomy_requested_by="superintendent").facts.agreement
    )
    assert agreement is not None
    assert (agreement.instrument, agreement.amount_cents) == ("mou", 24_999_999)
    assert (agreement.starts_on, agreement.ends_on) == (day("2025-09-01"), day("2026-08-31"))
    assert agreement.autonomy_requested_by == "superintendent"
    assert agreement.responsibilities == ("a family center",)
    assert agreement.in_force_at is None


def test_a_new_draft_clears_the_signatures() -> None:
    agreement = Life().to("signed").do("draft-agreement", amount_cents=1_000).facts.agreement
    assert agreement is not None
    assert agreement.signatures == {}
    assert agreement.signed_at is None


def test_an_agreement_cannot_end_before_it_starts_but_may_last_one_day() -> None:
    with pytest.raises(BadInput, match="ends_on is before starts_on"):
        Life().to("chosen").do("draft-agreement", ends_on="2025-08-31")
    assert Life().to("chosen").allows("draft-agreement", ends_on="2025-09-01")


@pytest.mark.parametrize("role", ["staff", "principal", "lead-partner"])
def test_each_of_the_three_parties_may_set_the_outcomes(role: str) -> None:
    outcomes = Life().to("chosen").do("set-outcomes", role).facts.outcomes
    assert outcomes.set_at == instant("2025-08-20 09:00")
    assert [(o.name, o.baseline, o.target, o.direction) for o in outcomes.items] == [
        ("attendance", 88, 93, "increase"),
        ("suspensions", 40, 20, "decrease"),
    ]


@pytest.mark.clause("4270.10")
def test_outcomes_are_agreed_when_all_three_parties_have_signed() -> None:
    life = Life().to("chosen")
    assert life.missing("agree-outcomes") == ["outcomes-set 4270.10"]
    life = life.do("set-outcomes")
    for role in ("principal", "staff", "lead-partner"):
        assert life.facts.outcomes.agreed_at is None
        life = life.do("agree-outcomes", role)
        assert life.missing("agree-outcomes", role) == ["side-has-not-agreed-to-outcomes 4270.10"]
    assert life.facts.outcomes.agreed_at == life.now


@pytest.mark.clause("4270.10")
def test_changed_outcomes_need_every_signature_again() -> None:
    life = Life().to("drafted").do("set-outcomes", "lead-partner")
    assert life.facts.outcomes.signatures == {}
    assert life.facts.outcomes.agreed_at is None
    assert life.missing("sign-agreement") == ["all-agreed-to-outcomes 4270.10"]


def test_changed_outcomes_need_the_agreement_signed_again() -> None:
    agreement = Life().to("signed").do("set-outcomes").facts.agreement
    assert agreement is not None
    assert agreement.signatures == {}
    assert agreement.signed_at is None


def test_who_has_not_agreed_to_the_outcomes_is_named() -> None:
    life = Life().to("chosen").do("draft-agreement").do("set-outcomes").do("agree-outcomes", "staff")
    (unmet,) = life.at("2025-08-28").refusal("activate")[:1]
    assert unmet.reason == "not yet agreed to the outcomes: the school and the Lead Partner"


# Signing and starting


def test_a_refused_signature_names_everything_that_is_missing() -> None:
    chosen = Life().to("chosen").do("file-protest").do("ask-for-review")
    assert chosen.missing("sign-agreement") == [
        "protest-window-closed 4270.8",
        "protests-answered 4270.8",
        "agreement-drafted",
        "outcomes-set 4270.10",
        "board-did-not-ask 4270.9",
    ]
    assert Life().to("closed").missing("activate") == [
        "partner-chosen 4270.8",
        "agreement-drafted",
        "outcomes-set 4270.10",
    ]


def test_an_agreement_that_calls_for_the_board_on_every_ground_says_each() -> None:
    life = Life().to("drafted", amount_cents=THRESHOLD, ends_on="2027-08-31", autonomy_requested_by="board")
    assert life.do("ask-for-review").missing("sign-agreement") == [
        "board-need-not-act-a 4270.9a",
        "board-need-not-act-b 4270.9b",
        "board-need-not-act-c 4270.9c",
        "board-did-not-ask 4270.9",
    ]


def test_a_small_agreement_is_signed_by_district_and_partner_and_starts() -> None:
    life = Life().to("drafted")
    assert life.missing("activate") == ["signed-by-both"]
    one = life.do("sign-agreement", "staff")
    assert one.facts.agreement.signed_at is None
    assert one.missing("sign-agreement", "staff") == ["side-has-not-signed"]
    assert one.missing("activate") == ["signed-by-both"]
    both = one.do("sign-agreement", "lead-partner")
    assert both.facts.agreement.signed_at == both.now
    assert both.facts.agreement.signatures["partner"].on == day("2025-08-28")
    active = both.at("2025-09-02").do("activate")
    assert active.state == "active"
    assert active.facts.agreement.in_force_at == instant("2025-09-02 09:00")
    assert active.facts.in_force


def test_a_signature_has_the_day_on_which_it_was_given() -> None:
    life = Life().to("drafted")  # on 28 August
    assert life.missing("sign-agreement", signed_on="2025-08-29") == ["signed-by-today"]
    assert life.allows("sign-agreement", signed_on="2025-08-28")


@pytest.mark.clause("4270.4")
def test_nothing_starts_after_its_last_day_or_beside_another_lead_partner() -> None:
    life = Life().to("signed")  # from 1 September 2025 through 31 August 2026
    assert life.at("2026-08-31").allows("activate")
    assert life.at("2026-09-01").missing("activate") == ["agreement-not-over"]
    present = Lead(ref="rbhs-2024", starts_on=day("2024-09-01"), ends_on=day("2025-09-01"))
    refused = life.missing("activate", around={"leads": (present,)})
    assert refused == ["no-other-lead-partner 4270.4"]
    # Begun late, it has no day before the one on which it begins.
    assert life.at("2025-09-02").allows("activate", around={"leads": (present,)})
    assert life.allows("activate", around={"leads": (present.but(ends_on=day("2025-08-31")),)})
    ended_before_it_began = present.but(starts_on=day("2025-12-01"), ends_on=day("2025-11-30"))
    assert life.allows("activate", around={"leads": (ended_before_it_began,)})


@pytest.mark.clause("4270.4")
def test_an_agreement_is_not_extended_over_the_first_day_of_its_successor() -> None:
    life = Life().to("active")  # through 31 August 2026
    successor = Lead(ref="rbhs-2026", starts_on=day("2026-12-01"), ends_on=day("2027-08-31"))
    around = {"leads": (successor,)}
    assert life.allows("amend-agreement", ends_on="2026-11-30", around=around)
    refused = life.refusal("amend-agreement", ends_on="2026-12-01", around=around)
    assert [unmet.reason for unmet in refused] == [
        "from 2026-12-01 to 2027-08-31 the school already has an active Lead Partner, in partnership rbhs-2026"
    ]
    longer = life.do("amend-agreement", ends_on="2027-08-31")
    # The words alone would go to the Board with the term that waits.
    assert longer.missing("amend-agreement", around=around) == ["ends-before-successor 4270.4"]
    # What leaves the last day as it is stays possible beside an agreement of earlier releases on the same days.
    beside = {"leads": (successor.but(starts_on=day("2026-08-01")),)}
    assert life.allows("amend-agreement", amount_cents=1, around=beside)


# When the Board must act


@pytest.mark.clause("4270.9a")
@pytest.mark.parametrize(
    ("cents", "calls"), [(THRESHOLD - 1, False), (THRESHOLD, True), (THRESHOLD + 1, True)]
)
def test_exactly_250_000_dollars_call_for_the_board_and_a_cent_less_does_not(cents: int, calls: bool) -> None:
    life = Life().to("drafted", amount_cents=cents)
    assert life.allows("sign-agreement") is not calls
    assert life.allows("refer-to-board") is calls


@pytest.mark.clause("4270.9b")
@pytest.mark.parametrize("who", ["school", "superintendent", "board"])
def test_autonomy_calls_for_the_board_whoever_wants_it(who: str) -> None:
    life = Life().to("drafted", autonomy_requested_by=who)
    assert life.missing("sign-agreement") == ["board-need-not-act-b 4270.9b"]
    assert life.do("refer-to-board").facts.board.item.because == ("4270.9b",)


YEARS = [
    ("2025-09-01", "2026-08-31", False),  # exactly one year
    ("2025-09-01", "2026-09-01", True),  # a day more
    ("2024-02-29", "2025-02-28", False),  # begun on the leap day: a year is over with 28 February
    ("2024-02-29", "2025-03-01", True),
    ("2023-03-01", "2024-02-29", False),  # the leap day is its last
    ("2023-03-01", "2024-03-01", True),
    ("2023-09-01", "2024-08-31", False),  # the leap day lies within
    ("2023-09-01", "2024-09-01", True),
    ("2023-02-28", "2024-02-27", False),
    ("2023-02-28", "2024-02-28", True),
    ("2025-01-01", "2025-12-31", False),
    ("2025-01-01", "2026-01-01", True),
]


@pytest.mark.clause("4270.9c")
@pytest.mark.parametrize(("first", "last", "longer"), YEARS)
def test_exactly_a_year_does_not_call_for_the_board_and_a_day_more_does(
    first: str, last: str, longer: bool
) -> None:
    life = Life().to("chosen").do("draft-agreement", starts_on=first, ends_on=last)
    assert board_reasons(life.facts.agreement, BoardRules()) == (("4270.9c",) if longer else ())
    assert is_longer_than(day(first), day(last), 1) is longer


def test_a_year_is_the_number_of_years_that_the_procedure_says() -> None:
    life = Life().to("drafted", ends_on="2027-08-31")
    assert not life.allows("sign-agreement")
    assert life.under(more_than_years=2).allows("sign-agreement")
    assert life.under(more_than_years=2, threshold_cents=24_999_999).missing("sign-agreement") == [
        "board-need-not-act-a 4270.9a"
    ]


def test_the_anniversary_of_a_leap_day_is_the_first_of_march_in_common_years() -> None:
    assert anniversary(day("2024-02-29"), 1) == day("2025-03-01")
    assert anniversary(day("2024-02-29"), 4) == day("2028-02-29")
    assert anniversary(day("2025-09-01"), 2) == day("2027-09-01")


@pytest.mark.parametrize("role", ["board-office", "superintendent"])
def test_the_board_may_elect_to_review_what_it_need_not(role: str) -> None:
    life = Life().to("signed").do("ask-for-review", role)
    assert life.missing("activate") == ["board-did-not-ask 4270.9"]
    assert life.do("refer-to-board").facts.board.item.because == ("asked",)


# Outcomes set anew, and agreements that count together


@pytest.mark.clause("4270.10")
def test_outcomes_set_anew_in_force_count_once_all_three_agree() -> None:
    life = Life().to("active")
    before = life.facts.outcomes
    harder = [OUTCOMES[0] | {"target": 95}]
    proposed = life.at("2025-10-01").do("set-outcomes", "lead-partner", outcomes=harder)
    for role in ("principal", "staff"):
        assert proposed.facts.outcomes == before
        proposed = proposed.do("agree-outcomes", role)
        assert proposed.missing("agree-outcomes", role) == ["side-has-not-agreed-to-outcomes 4270.10"]
    agreed = proposed.do("agree-outcomes", "lead-partner")
    assert [outcome.target for outcome in agreed.facts.outcomes.items] == [95]
    assert (agreed.facts.proposed_outcomes, agreed.facts.earlier_outcomes) == (None, (before,))
    assert agreed.facts.agreement == life.facts.agreement, "its signatures stay"
    assert agreed.facts.outcomes_at(instant("2025-09-30")) == before
    assert agreed.facts.outcomes_at(agreed.now) == agreed.facts.outcomes
    report = agreed.at("2026-07-02").do("open-annual-review")
    assert report.missing("submit-report") == ["every-value-has-an-outcome 4270.11"]
    assert report.allows("submit-report", values={"attendance": 94})


def test_a_second_proposal_replaces_the_first_with_its_signatures() -> None:
    life = Life().to("active").do("set-outcomes", outcomes=OUTCOMES[:1]).do("agree-outcomes", "principal")
    again = life.do("set-outcomes", outcomes=OUTCOMES[1:])
    assert again.facts.proposed_outcomes.signatures == {}
    assert again.facts.earlier_outcomes == ()


@pytest.mark.clause("4270.9a", "4270.9c")
def test_a_second_agreement_with_the_same_organization_counts_with_the_first() -> None:
    first = Share(ref="rbhs-2024", school="rainier-beach", amount_cents=1, starts_on=day("2024-09-02"),
                  ends_on=day("2025-06-30"))  # fmt: skip
    life = Life().to("signed")
    earlier = find_earlier(life.facts.agreement, [first])
    refused = life.missing("activate", around={"earlier": earlier})
    assert refused == ["board-need-not-act-a 4270.9a", "board-need-not-act-c 4270.9c"]
    assert life.missing("refer-to-board") == ["board-has-a-reason 4270.9"]
    assert life.allows("refer-to-board", around={"earlier": earlier})
    assert life.allows("activate")
    # More than a year lies between the two.
    long_ago = first.but(starts_on=day("2023-09-02"), ends_on=day("2024-06-30"))
    assert find_earlier(life.facts.agreement, [long_ago]) is None
    longer = (
        Life()
        .to("active")
        .do("amend-agreement", ends_on="2026-08-30", around={"earlier": earlier, "longest_notice": 0})
    )
    assert longer.facts.agreement.pending is not None
