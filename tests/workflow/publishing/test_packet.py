"""The packet says what the record says, marks what the record does not say, and names nobody it should not."""

from __future__ import annotations

import re

import pytest

from tests.support.district import Begin, Life
from tests.support.facts import ABSENT, COLLEGE, MEETING_1, MEETING_2, REVIEWERS
from tests.support.visitor import words
from workflow.procedure.config import ConfigError, load
from workflow.publishing import packet
from workflow.publishing.packet import Packet
from workflow.views.public_texts import HIDDEN_ADDRESS

SECTIONS = [
    "1. Title", "2. Purpose", "3. Recommended motion", "4. Background information",
    "5. Fiscal impact and revenue source", "6. Community engagement", "7. Equity analysis", "8. Student benefit",
    "9. Policy implication", "10. Alternatives", "11. Attachments",
]  # fmt: skip


def written(life: Life) -> Packet:
    with life.system.reading() as session:
        return packet.write_packet(session, life.record, life.now)


def said(life: Life) -> str:
    return words(written(life).html)


def section(life: Life, name: str) -> str:
    """What one section says, by a part of its heading."""
    whole = words(written(life).html)
    number = next(n for n, heading in enumerate(SECTIONS) if name in heading)
    after = whole.split(f" {SECTIONS[number]} ", 1)[1]
    return after.split(f" {SECTIONS[number + 1]} ", 1)[0] if number + 1 < len(SECTIONS) else after


def places(life: Life) -> list[str]:
    return re.findall(r"<mark>\[Staff: (.*?)\]</mark>", written(life).html)


@pytest.mark.clause("4270.9")
def test_a_new_agreement_comes_with_everything_that_is_on_record(begin: Begin) -> None:
    life = begin("scheduled")
    assert re.findall("<h2>(.*?)</h2>", written(life).html) == SECTIONS
    whole = said(life)
    for known in (
        "From Superintendent, Superintendent", "Lead staff Staff", "Date Tuesday, September 2, 2025",
        "For introduction Wednesday, September 17, 2025, 4:15 p.m. PDT (on its agenda)",
        "For action Wednesday, October 1, 2025, 4:15 p.m. PDT (expected; not on its agenda yet)",
    ):  # fmt: skip
        assert known in whole
    motion = section(life, "motion")
    for known in ("Harbor House", "$250,000.00", "September 1, 2025 to Tuesday, August 31, 2027"):
        assert known in motion
    background = section(life, "Background")
    for known in (
        "tutoring", "patience", "roots in the neighborhood", "2 organizations applied", "20.0 of 25 on average",
        "The Board invited a Lead Partner at this school on Wednesday, July 2, 2025", "the best scores",
        "No protest", "No request for autonomy", "a family center",
    ):  # fmt: skip
        assert known in background
    assert "counseling" in section(life, "Equity")
    assert "attendance" in section(life, "Student")
    policy = section(life, "Policy")
    assert "4270.9a, the amount: $250,000.00 reaches" in policy
    assert "4270.9c, the term" in policy
    assert "4270.9b" not in policy


def test_what_the_record_does_not_say_is_a_place_for_staff_and_nothing_is_made_up(begin: Begin) -> None:
    life = begin("scheduled")
    made = written(life)
    assert made.places == len(places(life)) == 7
    assert (
        "the Board acts after Monday, September 1, 2025, on which the agreement is to begin"
        in places(life)[0]
    )
    for name in ("Fiscal", "Community", "Equity", "Student", "Alternatives", "Attachments"):
        assert "[Staff: " in section(life, name), name
    for name in ("Title", "Purpose", "motion", "Background", "Policy"):
        assert "[Staff: " not in section(life, name), name


def test_it_names_no_reviewer_no_other_applicant_and_no_address(begin: Begin) -> None:
    life = begin("referred")
    life.do("attach-document", file="to-ann.lee@example.org.pdf", title="Write to ann.lee@example.org")
    html = written(life).html
    assert "@" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    assert HIDDEN_ADDRESS in section(life, "Attachments")
    assert "City College" not in html
    assert COLLEGE not in html
    for reviewer in REVIEWERS:
        assert reviewer.partition("@")[0].replace("-", " ").capitalize() not in html


def test_what_somebody_typed_stays_text(begin: Begin) -> None:
    life = begin("agreed")
    life.do("draft-agreement", amount_cents=25_000_000, responsibilities=["<h2>12. Approved</h2>[Staff: x]"])
    life.at("2025-09-02").do("refer-to-board", reason="<mark>done</mark>")
    made = written(life)
    assert re.findall("<h2>(.*?)</h2>", made.html) == SECTIONS
    assert made.places == 7
    assert "&lt;h2&gt;12. Approved" in made.html


def test_a_corrected_value_counts(begin: Begin) -> None:
    life = begin("scheduled")
    seq = next(row["seq"] for row in life.history() if row["event"] == "choose-partner")
    life.do(
        "correct-entry", "staff@example.org", seq=seq, reason="the reasons were cut off",
        input={"organization": "harbor-house", "reasons": "the best scores, and roots in the neighborhood"},
    )  # fmt: skip
    assert "the best scores, and roots in the neighborhood" in section(life, "Background")


def test_a_renewal_asks_for_the_new_terms_beside_the_present_ones(begin: Begin) -> None:
    life = begin("active")
    life.do("record-engagement", on="2025-09-02", summary="a dinner for families")
    life.do("refer-to-board", purpose="renewal", ends_on="2027-08-31", amount_cents=40_000_000)
    assert "Renewal of the agreement with Harbor House" in section(life, "Title")
    motion = section(life, "motion")
    assert (
        "its last day is Tuesday, August 31, 2027 in place of Monday, August 31, 2026, for a whole amount"
        in motion
    )
    assert "$400,000.00 over its entire term in place of $249,999.99" in motion
    assert "rises by $150,000.01" in section(life, "Fiscal")
    assert "a dinner for families" in section(life, "Community")
    assert "Engagement of families and community: once" in section(life, "Background")


def test_an_amendment_is_prepared_before_it_is_referred(begin: Begin) -> None:
    life = begin("active")
    life.do("amend-agreement", amount_cents=30_000_000, terms="one more tutor", reason="demand")
    made = written(life)
    assert (made.proposal.purpose, made.is_prepared) == ("amendment", True)
    assert "Nothing is referred to the Board yet" in said(life)
    assert "one more tutor" in section(life, "Purpose")
    assert "its whole amount is $300,000.00 in place of $249,999.99, as attached" in section(life, "motion")
    assert "Lead staff Staff" in said(life)


@pytest.mark.clause("4270.12")
def test_a_termination_leaves_ground_and_day_to_staff_and_shows_the_findings(begin: Begin) -> None:
    life = begin("reported")
    life.do("give-finding", "principal", impact=False, reasons="attendance fell")
    life.do("refer-to-board", purpose="termination", reason="the second year without progress")
    assert "End of the agreement with Harbor House" in section(life, "Title")
    assert section(life, "motion").count("[Staff: ") == 2
    assert "found no substantial positive impact: attendance fell" in section(life, "Background")
    assert "the second year without progress" in section(life, "Purpose")
    assert "91 (Tuesday, July 14, 2026), target not reached" in section(life, "Student")
    assert "4270.12" in section(life, "Policy")


def test_what_the_board_and_staff_did_with_it_before_is_told(begin: Begin) -> None:
    life = begin("introduced").at(MEETING_2 + " 20:00")
    life.do("send-back", reason="the terms need work")
    assert "October 1, 2025: sent back (new; 5 for, 1 against, 1 abstaining): the terms need work" in said(
        life
    )
    life.at("2025-10-03").do("refer-to-board")
    life.do("recall-item", reason="the terms are not ready")
    assert written(life).is_prepared
    assert "staff called an item back before the Board met: the terms are not ready" in said(life)


@pytest.mark.clause("4270.9b")
def test_a_request_for_autonomy_is_told_with_the_clause(begin: Begin) -> None:
    life = begin("agreed")
    life.do("draft-agreement", autonomy_requested_by="school")
    life.at("2025-09-02").do("refer-to-board")
    assert "4270.9b, autonomy: it was requested by the school" in section(life, "Policy")
    assert "requested by the school" in section(life, "Background")
    assert "$249,999.99 is below it" in section(life, "Fiscal")


def test_words_that_may_give_autonomy_are_a_question_to_staff(begin: Begin) -> None:
    life = begin("agreed")
    life.do(
        "draft-agreement", amount_cents=25_000_000, responsibilities=["hires staff at its own discretion"]
    )
    assert "hires staff at its own discretion" in section(life, "Policy")
    assert any("4270.9b" in place for place in places(life))


def test_a_review_that_was_asked_for_is_told_with_its_reason(begin: Begin) -> None:
    life = begin("drafted")
    life.do("ask-for-review", "superintendent", reason="the first of its kind")
    assert "the Superintendent asked for it on Wednesday, August 20, 2025: the first of its kind" in section(
        life, "Policy"
    )


@pytest.mark.clause("4270.9a")
def test_earlier_agreements_count_with_this_one(begin: Begin) -> None:
    present = begin("active")
    life = present.another("rbhs-2026", "rainier-beach").to("agreed").at("2025-09-03")
    life.do("draft-agreement", amount_cents=1, starts_on="2026-09-01", ends_on="2027-08-31")
    assert (
        "4270.9a, the amount: $250,000.00, together with earlier agreements of the organization at this school,"
        " reaches the threshold"
    ) in section(life, "Policy")
    background = section(life, "Background")
    assert "All agreements of this organization" in background
    assert "(rbhs-2025): $249,999.99" in background


def test_immediate_action_asks_staff_for_the_reason(begin: Begin) -> None:
    life = begin("scheduled").at(MEETING_1 + " 17:00")
    life.do("introduce-item", immediate_action=True)
    assert "The Board recorded immediate action at the same meeting" in said(life)
    assert "say why the Board should act without a second reading" in places(life)


def test_a_deferral_and_a_cancelled_meeting_are_told(begin: Begin) -> None:
    life = begin("scheduled").at("2025-09-18")
    life.do("defer-item", meeting_on=MEETING_2)
    assert "The item was deferred once." in said(life)
    life.at("2025-09-20").do("move-item", "clock", meeting_on=ABSENT)
    assert "The meeting of Wednesday, October 1, 2025, for which the item was scheduled, is not held" in said(
        life
    )


def test_each_attachment_has_its_name_and_its_digest_once(begin: Begin) -> None:
    life = begin("agreed")
    text, memo = {"name": "agreement.pdf", "sha256": "a" * 64, "size": 1_200}, {"name": "memo.pdf"}
    life.do("draft-agreement", amount_cents=25_000_000, document=text)
    life.at("2025-09-02").do("refer-to-board", documents=[text, memo])
    attached = section(life, "Attachments")
    assert attached.count("a" * 64) == 1
    assert "agreement.pdf (PDF, 1 KB) The text of the agreement" in attached
    assert "memo.pdf (PDF) Came with the referral Kept elsewhere" in attached
    assert "[Staff: " not in attached


def own_words(life: Life, name: str, text: str) -> None:
    (folder := life.system.config.folder / "templates" / "packet").mkdir(parents=True)
    (folder / name).write_text(text, encoding="utf-8")
    life.system.config = load(life.system.config.path)


def test_a_district_replaces_the_words_of_each_purpose(begin: Begin) -> None:
    life = begin("scheduled")
    whole = '{% extends "packet/layout.j2" %}' + "".join(
        f"{{% block {block} %}}Own {block}.{{% endblock %}}"
        for block in ("report_title", "purpose", "motion", "background", "alternatives")
    )
    own_words(life, "new.j2", whole)
    assert section(life, "motion") == "Own motion."
    assert "4270.9a" in section(life, "Policy")


def test_a_mistake_in_the_words_is_named_with_its_file(begin: Begin) -> None:
    life = begin("renewal")
    own_words(life, "renewal.j2", "{{ nobody }}")
    with pytest.raises(ConfigError, match=r"templates/packet/renewal.j2: .*'nobody'"):
        written(life)


def test_the_day_of_a_meeting_that_has_begun_is_not_promised(begin: Begin) -> None:
    life = begin("scheduled").at(MEETING_1 + " 20:00")
    assert "(the meeting has begun; what the Board did is not on record yet)" in said(life)
