"""The Board: how an item reaches a regular meeting, what carries it, and what each decision makes."""

import pytest

from states.case import Lead
from tests.support.facts import MEETING_1, MEETING_2, MEETING_3, MEETINGS, SPECIAL, Life, day, instant

BEFORE = Life().at_board_review()  # referred on 2 September, on no agenda yet
INTRODUCED = Life().at_introduced()  # introduced on 17 September; the meeting of 1 October is over
ONE_READING = BEFORE.under(readings=1).do("schedule-item").at("2025-09-18")
DECISIONS = ("approve", "send-back", "terminate")


# Reaching a meeting


@pytest.mark.clause("4270.9")
def test_a_special_meeting_takes_no_item() -> None:
    for event in ("schedule-item", "introduce-item", "defer-item"):
        (unmet,) = BEFORE.at("2025-09-24").refusal(event, meeting_on=SPECIAL)[:1]
        assert unmet.reason == f"the meeting on {SPECIAL} is a special one, not regular"


def test_a_day_without_a_meeting_takes_no_item() -> None:
    assert BEFORE.missing("schedule-item", meeting_on="2025-09-18") == ["meeting-is-regular 4270.9"]


def test_an_agenda_takes_items_until_its_deadline_and_not_after() -> None:
    on_time = BEFORE.at("2025-09-10 17:00").do("schedule-item").facts.board.item
    assert (on_time.meeting_on, on_time.agenda) == (day(MEETING_1), (day(MEETING_1),))
    assert on_time.meeting_at == instant("2025-09-17 16:15")
    assert BEFORE.at("2025-09-10 17:00:01").missing("schedule-item") == ["agenda-open 4270.9"]
    (over,) = BEFORE.at("2025-09-17 16:15").refusal("schedule-item")
    assert "has begun or is over" in over.reason


def test_an_item_is_introduced_at_a_meeting_that_was_held_after_its_referral() -> None:
    scheduled = BEFORE.do("schedule-item")
    assert scheduled.missing("introduce-item") == ["meeting-held 4270.9"]
    assert scheduled.at("2025-09-17 16:14").missing("introduce-item") == ["meeting-held 4270.9"]
    held = scheduled.at("2025-09-17 16:15").do("introduce-item")
    assert held.facts.board.item.introduced == (day(MEETING_1),)
    late = Life().to("drafted", amount_cents=25_000_000).at("2025-09-18").do("refer-to-board")
    assert late.under(by_agenda=False).missing("introduce-item") == ["meeting-after-referral 4270.9"]


@pytest.mark.clause("4270.9")
def test_nothing_is_introduced_at_a_meeting_whose_agenda_never_had_it() -> None:
    refused = BEFORE.at("2025-09-18").refusal("introduce-item")
    assert [unmet.requirement for unmet in refused] == ["introduced-from-agenda"]
    assert "schedule-item comes first" in refused[0].reason
    elsewhere = BEFORE.do("schedule-item", meeting_on=MEETING_2).at("2025-09-18")
    assert elsewhere.missing("introduce-item") == ["introduced-from-agenda 4270.9"]
    taken_off = BEFORE.do("schedule-item").at("2025-09-18").do("defer-item", meeting_on=MEETING_2)
    assert taken_off.missing("introduce-item") == ["introduced-from-agenda 4270.9"]
    assert elsewhere.under(by_agenda=False).allows("introduce-item"), "as early histories have it"


def test_an_introduced_item_goes_on_to_the_next_meeting_for_action_without_a_deferral() -> None:
    held = BEFORE.do("schedule-item").at("2025-09-17 18:00")
    item = held.do("introduce-item", around={"next_meeting": MEETINGS[day(MEETING_2)]}).facts.board.item
    assert (item.meeting_on, item.deferred, item.introduced) == (day(MEETING_2), 0, (day(MEETING_1),))
    assert item.agenda == (day(MEETING_1), day(MEETING_2))
    at_once = held.do(
        "introduce-item", immediate_action=True, around={"next_meeting": MEETINGS[day(MEETING_2)]}
    )
    assert at_once.facts.board.item.meeting_on == day(MEETING_1)


def test_the_clock_counts_no_deferral_of_what_was_introduced_in_time() -> None:
    introduced = BEFORE.do("schedule-item").at("2025-09-17 18:00").do("introduce-item").at("2025-09-19 12:00")
    assert introduced.do("defer-item", "clock").facts.board.item.deferred == 0
    assert introduced.do("defer-item", "board-office").facts.board.item.deferred == 1
    assert introduced.under(by_agenda=False).do("defer-item", "clock").facts.board.item.deferred == 1


def test_a_deferral_goes_to_a_later_meeting() -> None:
    life = BEFORE.do("schedule-item")
    assert life.missing("defer-item", meeting_on=MEETING_1) == ["deferred-to-later 4270.9"]
    assert life.at("2025-10-01").allows("defer-item")
    assert life.at("2025-10-02").missing("defer-item") == ["deferred-to-later 4270.9"]
    assert life.missing("defer-item", meeting_on=None) == ["meeting-is-regular 4270.9"]
    item = life.do("defer-item").facts.board.item
    assert (item.meeting_on, item.deferred, item.agenda) == (day(MEETING_2), 1, (day(MEETING_2),))


def test_the_clock_defers_and_a_decision_of_the_meeting_that_passed_can_still_be_recorded() -> None:
    life = BEFORE.under(readings=1).do("schedule-item").at("2025-09-18 12:00").do("defer-item", "clock")
    assert life.facts.board.item.agenda == (day(MEETING_1), day(MEETING_2))
    assert life.allows("approve", meeting_on=MEETING_1)


def test_the_clock_may_know_of_no_later_meeting() -> None:
    item = BEFORE.do("schedule-item").do("defer-item", "clock", meeting_on=None).facts.board.item
    assert (item.meeting_on, item.meeting_at, item.deferred) == (None, None, 1)


# Deciding


def test_a_decision_on_an_item_that_is_on_no_agenda_names_everything_that_is_missing() -> None:
    life = Life().at_board_review("termination")
    wrong = {"meeting_on": SPECIAL, "ayes": 1, "noes": 1, "abstentions": 0}
    assert life.missing("approve", **wrong) == [
        "item-can-be-approved 4270.9",
        "item-scheduled 4270.9",
        "meeting-is-regular 4270.9",
        "meeting-held 4270.9",
        "quorum-present 4270.9",
        "readings-done 4270.9",
        "vote-carried 4270.9",
    ]


@pytest.mark.clause("4270.9")
@pytest.mark.parametrize("event", DECISIONS)
def test_a_decision_is_of_a_meeting_that_had_the_item_on_its_agenda(event: str) -> None:
    assert INTRODUCED.allows(event, meeting_on=MEETING_2)
    early = BEFORE.under(readings=1).do("schedule-item", meeting_on=MEETING_2).at("2025-10-02")
    assert early.missing(event, meeting_on=MEETING_1) == ["item-on-that-agenda 4270.9"]


@pytest.mark.parametrize("event", DECISIONS)
def test_a_decision_is_not_recorded_before_its_meeting(event: str) -> None:
    for early in ("2025-09-30", "2025-10-01 16:14"):
        assert INTRODUCED.at(early).missing(event) == ["meeting-held 4270.9"]
    assert INTRODUCED.at("2025-10-01 16:15").allows(event)


def test_an_introduced_item_may_come_back_at_any_later_regular_meeting() -> None:
    life = BEFORE.do("schedule-item").at("2025-09-18").do("introduce-item").at("2025-10-16")
    assert life.allows("approve", meeting_on=MEETING_3)


@pytest.mark.parametrize("event", DECISIONS)
def test_nothing_is_decided_at_a_meeting_from_which_the_board_deferred_the_item(event: str) -> None:
    life = INTRODUCED.do("defer-item", "board-office", meeting_on=MEETING_3)
    assert life.missing(event, meeting_on=MEETING_2) == ["item-on-that-agenda 4270.9"]
    assert life.at("2025-10-16").allows(event, meeting_on=MEETING_3)


def test_an_item_that_is_put_on_another_agenda_beforehand_leaves_the_first_one() -> None:
    moved = BEFORE.do("schedule-item", meeting_on=MEETING_1).do("schedule-item", meeting_on=MEETING_2)
    assert moved.facts.board.item is not None
    assert [str(on) for on in moved.facts.board.item.agenda] == [MEETING_2]


def test_an_introduction_is_no_place_on_an_agenda() -> None:
    life = (
        BEFORE.under(readings=1, by_agenda=False)
        .do("schedule-item", meeting_on=MEETING_2)
        .at("2025-09-18")
        .do("introduce-item")
    )
    assert life.missing("approve", meeting_on=MEETING_1) == ["item-on-that-agenda 4270.9"]


@pytest.mark.clause("4270.9")
def test_two_readings_are_two_meetings() -> None:
    scheduled = BEFORE.do("schedule-item").at("2025-09-18")
    assert scheduled.missing("approve", meeting_on=MEETING_1) == ["readings-done 4270.9"]
    introduced = scheduled.do("introduce-item")
    assert introduced.missing("approve", meeting_on=MEETING_1) == ["readings-done 4270.9"]
    assert ONE_READING.allows("approve", meeting_on=MEETING_1)


def test_immediate_action_takes_one_meeting() -> None:
    unscheduled = BEFORE.at("2025-09-17 18:00")
    refused = unscheduled.missing("introduce-item", immediate_action=True)
    assert refused == ["immediate-only-from-agenda 4270.9"]
    scheduled = BEFORE.do("schedule-item").at("2025-09-17 18:00")
    life = scheduled.do("introduce-item", immediate_action=True)
    assert life.facts.board.item.immediate_action
    assert life.allows("approve", meeting_on=MEETING_1)


def test_an_item_that_came_after_the_agenda_had_closed_is_not_acted_on_at_once() -> None:
    late = BEFORE.at("2025-09-12").do("defer-item", meeting_on=MEETING_1).at("2025-09-18")
    for life in (late, late.do("schedule-item", meeting_on=MEETING_2)):
        refused = life.missing("introduce-item", meeting_on=MEETING_1, immediate_action=True)
        assert refused == ["immediate-only-from-agenda 4270.9"]
        assert life.allows("introduce-item", meeting_on=MEETING_1)


def test_an_item_that_the_clock_has_deferred_is_still_acted_on_at_once_at_the_meeting_that_was_held() -> None:
    deferred = BEFORE.do("schedule-item").at("2025-09-18").do("defer-item", "clock", meeting_on=MEETING_2)
    assert deferred.allows("introduce-item", meeting_on=MEETING_1, immediate_action=True)


def test_no_vote_is_of_a_meeting_before_the_introduction() -> None:
    deferred = BEFORE.do("schedule-item").at("2025-09-18").do("defer-item", "clock", meeting_on=MEETING_2)
    at_once = deferred.at("2025-10-02").do("introduce-item", meeting_on=MEETING_2, immediate_action=True)
    assert at_once.missing("approve", meeting_on=MEETING_1) == ["readings-done 4270.9"]
    assert at_once.allows("approve", meeting_on=MEETING_2)


@pytest.mark.clause("4270.9")
@pytest.mark.parametrize(
    ("ayes", "noes", "abstentions", "unmet"),
    [
        (4, 3, 0, []),
        (2, 1, 1, []),  # a quorum of four, abstentions counted
        (3, 3, 1, ["vote-carried 4270.9"]),  # a tie carries nothing
        (3, 4, 0, ["vote-carried 4270.9"]),
        (0, 0, 7, ["vote-carried 4270.9"]),
        (3, 0, 0, ["quorum-present 4270.9"]),
        (5, 2, 1, ["quorum-present 4270.9"]),  # more votes than members
        (1, 2, 0, ["quorum-present 4270.9", "vote-carried 4270.9"]),
    ],
)
def test_more_ayes_than_noes_of_a_quorum_carry_an_item(
    ayes: int, noes: int, abstentions: int, unmet: list[str]
) -> None:
    vote = {"ayes": ayes, "noes": noes, "abstentions": abstentions}
    for event in ("approve", "terminate"):
        found = [] if INTRODUCED.allows(event, **vote) else INTRODUCED.missing(event, **vote)
        assert found == unmet


@pytest.mark.parametrize("origin", ["active", "annual-review"])
def test_what_is_sent_back_was_before_a_regular_meeting_wherever_it_came_from(origin: str) -> None:
    life = Life().at_board_review("renewal", origin)
    nothing = {"meeting_on": "2026-09-16", "ayes": 1, "noes": 1, "abstentions": 0}
    assert life.missing("send-back", around={"meeting": None}, **nothing) == [
        "item-scheduled 4270.9",
        "meeting-is-regular 4270.9",
        "meeting-held 4270.9",
        "quorum-present 4270.9",
    ]
    scheduled = life.do("schedule-item", meeting_on="2026-07-22").at("2026-08-06")
    assert scheduled.missing("send-back", meeting_on="2026-08-05") == ["item-on-that-agenda 4270.9"]
    assert scheduled.missing("send-back", meeting_on="2026-07-15") == [
        "meeting-is-regular 4270.9",
        "item-on-that-agenda 4270.9",
    ]
    assert scheduled.under(members=6).missing("send-back", meeting_on="2026-07-22") == [
        "quorum-present 4270.9"
    ]


def test_what_the_procedure_says_of_the_board_reaches_every_event_that_asks() -> None:
    low = {"threshold_cents": 24_999_999}
    assert Life().to("drafted").under(**low).missing("sign-agreement") == ["board-need-not-act-a 4270.9a"]
    assert Life().to("signed").under(**low).missing("activate") == ["board-need-not-act-a 4270.9a"]
    assert Life().to("drafted").under(**low).do("refer-to-board").facts.board.item.because == ("4270.9a",)
    amendment = {"purpose": "amendment", "amount_cents": 24_999_999}
    referred = Life().to("active").under(**low).do("refer-to-board", **amendment)
    assert referred.facts.board.item.because == ("4270.9a",)
    assert Life().to("active").under(**low).do("amend-agreement").facts.agreement.pending is not None
    for event in DECISIONS:
        assert INTRODUCED.under(members=6).missing(event) == ["quorum-present 4270.9"]


def test_what_is_not_carried_is_sent_back() -> None:
    assert INTRODUCED.do("send-back", ayes=3, noes=3, abstentions=0).state == "open-selection"
    assert INTRODUCED.missing("send-back", ayes=1, noes=2, abstentions=0) == ["quorum-present 4270.9"]


# What a decision makes


def test_an_approved_new_agreement_is_in_force_and_waits_for_its_signatures() -> None:
    life = INTRODUCED.do("approve")
    agreement = life.facts.agreement
    assert life.state == "active"
    assert agreement.in_force_at == agreement.awaits_signature == life.now
    assert agreement.signatures == {}
    assert (agreement.approval.meeting_on, agreement.approval.amount_cents) == (day(MEETING_2), 25_000_000)
    (decision,) = life.facts.board.decisions
    assert (decision.decision, decision.vote.ayes, decision.purpose) == ("approve", 5, "new")
    assert life.facts.board.item is None
    signed = life.do("sign-agreement", "staff").do("sign-agreement", "lead-partner")
    assert signed.facts.agreement.signed_at == life.now


def test_what_was_signed_before_the_board_asked_for_it_is_signed_anew_after_its_approval() -> None:
    asked = Life().to("signed").do("ask-for-review").do("refer-to-board").under(readings=1)
    assert asked.facts.agreement.signed_at is not None
    approved = asked.do("schedule-item").at("2025-09-18").do("approve", meeting_on=MEETING_1)
    assert (approved.facts.agreement.signatures, approved.facts.agreement.signed_at) == ({}, None)
    assert approved.facts.board.asked is None


def test_an_approved_amendment_waits_no_more() -> None:
    waiting = Life().to("active").do("amend-agreement", amount_cents=30_000_000).under(readings=1)
    life = waiting.do("refer-to-board", purpose="amendment").do("schedule-item").at("2025-09-18")
    agreement = life.do("approve", meeting_on=MEETING_1).facts.agreement
    assert (agreement.pending, agreement.amount_cents) == (None, 30_000_000)


@pytest.mark.parametrize("purpose", ["amendment", "renewal"])
def test_an_approved_change_takes_effect_and_is_signed_anew(purpose: str) -> None:
    life = Life().at_introduced(purpose)
    approved = life.do("approve")
    agreement = approved.facts.agreement
    assert approved.state == "active"
    assert agreement.ends_on == agreement.approval.ends_on == day("2027-08-31")
    assert agreement.in_force_at == life.facts.agreement.in_force_at
    assert (agreement.signatures, agreement.signed_at, agreement.awaits_signature) == ({}, None, approved.now)
    assert [change.purpose for change in agreement.changes] == [purpose]
    assert approved.allows("sign-agreement")


def test_a_termination_is_not_approved_but_recorded_as_such() -> None:
    life = Life().at_introduced("termination")
    assert life.missing("approve") == ["item-can-be-approved 4270.9"]
    ended = life.do("terminate", ground="breach", effective_on="2025-10-02")
    assert ended.state == "terminated"
    assert (ended.facts.ended.ground, ended.facts.ended.board) == ("breach", True)
    assert ended.facts.ended.effective_on == day("2025-10-02")
    assert ended.facts.board.decisions[-1].decision == "terminate"


def test_the_board_ends_nothing_in_the_past() -> None:
    life = Life().at_introduced("termination")
    assert life.missing("terminate", effective_on="2025-09-30") == ["effective-after-decision 4270.12"]
    assert life.allows("terminate", effective_on=MEETING_2)


@pytest.mark.clause("4270.4")
def test_nothing_is_approved_after_its_last_day_or_beside_another_lead_partner() -> None:
    life = INTRODUCED.at("2027-09-01")
    assert life.missing("approve") == ["agreement-not-over"]
    present = Lead(ref="rbhs-2024", starts_on=day("2024-09-01"), ends_on=day("2025-10-02"))
    assert INTRODUCED.missing("approve", around={"leads": (present,)}) == ["no-other-lead-partner 4270.4"]
    assert INTRODUCED.allows("approve", around={"leads": (present.but(ends_on=day("2025-10-01")),)})
    renewal = Life().at_introduced("renewal").at("2026-09-01")
    assert renewal.allows("approve")  # its new last day is ahead, and the Board met before the old one


def test_an_agreement_that_is_over_is_not_renewed_though_its_end_is_not_recorded_yet() -> None:
    renewal = Life().at_introduced("renewal").do("schedule-item", meeting_on="2026-09-02").at("2026-09-03")
    assert renewal.missing("approve", meeting_on="2026-09-02") == ["met-before-the-end"]
    assert renewal.allows("approve", meeting_on=MEETING_2)


def test_a_new_agreement_sent_back_can_be_changed_and_referred_again() -> None:
    life = INTRODUCED.do("send-back", reason="too dear")
    assert life.state == "open-selection"
    assert life.facts.board.item is None
    assert life.facts.agreement == INTRODUCED.facts.agreement
    assert life.facts.board.decisions[-1].reason == "too dear"
    assert life.allows("refer-to-board")
    assert life.do("draft-agreement").allows("sign-agreement", signed_on="2025-10-02")


def test_what_the_board_elected_to_review_and_sent_back_still_needs_it() -> None:
    asked = Life().to("signed").do("ask-for-review").do("refer-to-board").under(readings=1)
    against = {"meeting_on": MEETING_1, "ayes": 0, "noes": 7, "abstentions": 0}
    back = asked.do("schedule-item").at("2025-09-18").do("send-back", **against)
    assert back.missing("activate") == ["board-did-not-ask 4270.9"]
    assert back.allows("refer-to-board")


@pytest.mark.parametrize("purpose", ["amendment", "renewal", "termination"])
@pytest.mark.parametrize("origin", ["active", "annual-review"])
def test_a_change_sent_back_returns_unchanged_to_where_it_came_from(purpose: str, origin: str) -> None:
    before = Life().to("active") if origin == "active" else Life().to("annual-review")
    life = Life().at_board_review(purpose, origin).under(readings=1)
    meeting, after = (MEETING_1, "2025-09-18") if origin == "active" else ("2026-07-22", "2026-07-23")
    life = life.do("schedule-item", meeting_on=meeting).at(after)
    back = life.do("send-back", meeting_on=meeting)
    assert back.state == origin
    assert (back.facts.agreement, back.facts.review) == (before.facts.agreement, before.facts.review)


def test_a_change_that_waited_is_dropped_when_the_board_sends_it_back() -> None:
    waiting = Life().to("active").do("amend-agreement", amount_cents=30_000_000).under(readings=1)
    life = waiting.do("refer-to-board", purpose="amendment").do("schedule-item").at("2025-09-18")
    assert life.do("send-back", meeting_on=MEETING_1).facts.agreement.pending is None


def test_an_annual_review_interrupted_by_the_board_is_resumed_with_its_report() -> None:
    life = (
        Life().to("reported").under(readings=1).do("refer-to-board", purpose="renewal", ends_on="2027-08-31")
    )
    assert life.facts.review.interrupted_at == instant("2026-07-14 09:00")
    life = life.do("schedule-item", meeting_on="2026-07-22").at("2026-07-23")
    active = life.do("approve", meeting_on="2026-07-22")
    assert active.state == "active"
    resumed = active.do("open-annual-review")
    assert resumed.facts.review == Life().to("reported").facts.review
    assert resumed.facts.earlier_reviews == ()


@pytest.mark.parametrize("purpose", ["amendment", "termination"])
def test_an_agreement_before_the_board_still_ends_with_its_last_day(purpose: str) -> None:
    life = Life().at_board_review(purpose)
    assert life.at("2026-08-31 23:59:59").missing("expire") == ["past-last-day"]
    assert life.at("2026-09-01 00:00").do("expire").facts.ended.how == "expired"
    assert BEFORE.at("2026-09-01").missing("expire") == ["past-last-day"]  # never in force
