"""What the public register shows of a partnership at each station of its life."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from states.names import State
from tests.support.district import Begin, Life
from tests.support.facts import ABSENT, CBO, COLLEGE, MEETING_2, way
from workflow.publishing import public_register
from workflow.publishing.public_register import Filter, Page
from workflow.store import tables
from workflow.views import public_steps
from workflow.views.public_entry import Entry
from workflow.views.public_texts import HIDDEN_ADDRESS, HIDDEN_NAME


def entry_of(life: Life) -> Entry | None:
    with life.system.reading() as session:
        found = public_register.find_entry(session, life.ref, life.now)
        return found[0] if found else None


def shown(life: Life) -> Entry:
    entry = entry_of(life)
    assert entry is not None
    return entry


def kinds_of(life: Life) -> list[str]:
    """The kinds of the public steps, the earliest first."""
    with life.system.reading() as session:
        entry, record = public_register.find_entry(session, life.ref, life.now) or pytest.fail("no entry")
        return [step.kind for step in public_steps.list_steps(session, record, entry, life.now)]


def page_of(life: Life, number: int = 1, **wanted: str) -> Page:
    with life.system.reading() as session:
        return public_register.read_page(session, life.now, Filter(**wanted), number)


def entries_of(life: Life, **wanted: str) -> list[Entry]:
    """The entries of a list, which are those of its first page too."""
    entries = list(public_register.read_all(life.system.reading, life.now, Filter(**wanted)))
    assert [entry for entry, _ in page_of(life, **wanted).entries] == entries
    return entries


@pytest.mark.promise("register-allow-list")
@pytest.mark.parametrize("station", ["needs", "needs-agreed"])
def test_what_no_call_has_made_public_is_not_in_the_register(begin: Begin, station: str) -> None:
    life = begin(station)
    assert entry_of(life) is None
    assert entries_of(life) == []
    life.do("withdraw")
    assert entry_of(life) is None


@pytest.mark.promise("register-allow-list")
@pytest.mark.parametrize(
    ("station", "state", "stands", "applied", "partner", "amount"),
    [
        ("open", "open-selection", "open", None, None, None),
        ("applied", "open-selection", "open", None, None, None),
        ("closed", "open-selection", "waits", 2, None, None),
        ("chosen", "open-selection", "waits", 2, None, None),
        ("signed", "open-selection", "waits", 2, None, None),
        ("referred", "open-selection", "waits", 2, None, None),
        ("scheduled", "open-selection", "waits", 2, None, None),
        ("introduced", "board-review", "chosen", 2, "Harbor House", 25_000_000),
        ("approved", "active", "chosen", 2, "Harbor House", 25_000_000),
        ("active", "active", "chosen", 2, "Harbor House", 24_999_999),
        ("ending", "active", "chosen", 2, "Harbor House", 24_999_999),
        ("ended", "terminated", "chosen", 2, "Harbor House", 24_999_999),
        ("renewal", "active", "chosen", 2, "Harbor House", 24_999_999),
        ("annual-review", "annual-review", "chosen", 2, "Harbor House", 24_999_999),
    ],
)
def test_the_partner_and_the_terms_are_public_from_the_boards_introduction_or_in_force(
    begin: Begin,
    station: str,
    state: str,
    stands: str,
    applied: int | None,
    partner: str | None,
    amount: int | None,
) -> None:
    life = begin(station)
    entry = shown(life)
    call = entry.calls[-1]
    terms = entry.terms.amount_cents if entry.terms else None
    assert (entry.state, call.stands, call.applied, call.partner, terms) == (
        state, stands, applied, partner, amount,
    )  # fmt: skip
    # The list tells no more than the page of the partnership, and finds it by the state that is public.
    assert entries_of(life, state=state) == [entry]
    if life.state != state:
        assert entries_of(life, state=str(life.state)) == []


@pytest.mark.promise("register-allow-list")
def test_what_waits_for_the_board_or_for_its_day_is_not_public(begin: Begin) -> None:
    life = begin("active")
    before = shown(life)
    life.do("refer-to-board", purpose="termination")
    assert shown(life) == before
    life.do("recall-item")
    life.do("terminate", effective_on="2025-10-02")
    assert life.facts.ending is not None
    assert shown(life) == before


def test_a_vote_shows_and_a_new_agreement_that_was_sent_back_has_no_public_terms(begin: Begin) -> None:
    life = begin("introduced")
    life.at("2025-10-02").do("send-back", ayes=2, noes=4, abstentions=1)
    entry = shown(life)
    (vote,) = entry.votes
    assert (str(vote.on), vote.decision, vote.purpose, vote.ayes, vote.noes, vote.abstentions) == (
        MEETING_2, "send-back", "new", 2, 4, 1,
    )  # fmt: skip
    assert (entry.partner, entry.terms, entry.state) == ("Harbor House", None, State.OPEN_SELECTION)
    # The draft that follows is not public before the Board has it again.
    life.do("draft-agreement", amount_cents=30_000_000, ends_on="2027-08-31")
    assert shown(life) == entry


def test_a_vote_on_one_choice_makes_no_later_choice_public(begin: Begin) -> None:
    life = begin("introduced")
    life.at("2025-10-02").do("send-back", ayes=2, noes=4, abstentions=1)
    life.do("withdraw-application", "staff", organization=CBO)
    life.do("choose-partner", organization=COLLEGE)
    entry = shown(life)
    assert (entry.partner, entry.calls[-1].stands, len(entry.votes)) == (None, "waits", 1)


def test_an_amendment_shows_from_its_introduction_and_the_new_terms_from_the_vote(begin: Begin) -> None:
    life = begin("approved")
    life.at("2025-10-08").do("refer-to-board", purpose="amendment", amount_cents=30_000_000)
    assert shown(life).before_board is None
    life.do("schedule-item", meeting_on="2025-11-05")
    life.at("2025-11-06").do("introduce-item", meeting_on="2025-11-05")
    entry = shown(life)
    assert entry.before_board is not None
    assert entry.terms is not None
    assert (entry.before_board.purpose, entry.before_board.amount_cents) == ("amendment", 30_000_000)
    assert (entry.terms.amount_cents, entry.state) == (25_000_000, State.BOARD_REVIEW)
    life.at("2025-11-20").do("approve", meeting_on="2025-11-19")
    entry = shown(life)
    assert entry.terms is not None
    assert (entry.terms.amount_cents, len(entry.votes)) == (30_000_000, 2)
    assert kinds_of(life)[-3:] == ["introduced", "vote", "changed"]


def test_a_termination_by_the_board_shows_its_ground_and_its_day_at_once(begin: Begin) -> None:
    life = begin("approved")
    life.at("2025-10-08").do("refer-to-board", purpose="termination")
    life.do("schedule-item", meeting_on="2025-11-05")
    life.at("2025-11-06").do("introduce-item", meeting_on="2025-11-05")
    life.at("2025-11-20").do("terminate", meeting_on="2025-11-19", effective_on="2025-12-31")
    entry = shown(life)
    assert entry.ending is not None
    assert (entry.state, entry.ending.by_board, entry.ending.ground) == (State.ACTIVE, True, "unsatisfactory")
    assert str(entry.ending.on) == "2025-12-31"


def test_a_call_without_a_partner_stays_with_its_result_beside_the_next(begin: Begin) -> None:
    life = begin("scored")
    life.do("restart")
    entry = shown(life)
    assert (entry.state, [call.stands for call in entry.calls]) == (State.NEEDS_IDENTIFIED, ["nobody"])
    assert (entry.calls[0].applied, entry.partner) == (2, None)
    for role in ("principal", "staff"):
        life.do("agree-needs", role)
    life.do("open-selection", closes_on="2025-10-31")
    assert [(call.stands, call.applied) for call in shown(life).calls] == [("nobody", 2), ("open", None)]


def test_a_choice_that_a_protest_overturned_is_never_named(begin: Begin) -> None:
    life = begin("chosen")
    life.do("file-protest", "applicant@example.org")
    life.do("answer-protest", remedy="start-over")
    entry = shown(life)
    assert [(call.stands, call.partner) for call in entry.calls] == [("nobody", None)]
    assert kinds_of(life) == ["opened", "closed"]


@pytest.mark.promise("register-allow-list")
def test_a_search_that_was_withdrawn_before_its_closing_never_tells_how_many_applied(begin: Begin) -> None:
    life = begin("applied")
    life.do("withdraw")
    life.at("2025-12-01")
    entry = shown(life)
    assert [(call.stands, call.applied) for call in entry.calls] == [("withdrawn", None)]
    assert entry.ending is not None
    assert entry.ending.how == "withdrawn"


def test_what_was_corrected_shows_as_it_counts(begin: Begin) -> None:
    life = begin("reported")
    seq = next(row["seq"] for row in life.history() if row["event"] == "submit-report")
    corrected = {"values": {"attendance": 92, "suspensions": 30.5}, "narrative": "a good year"}
    life.do("correct-entry", "lead-partner", seq=seq, input=corrected, reason="a wrong number")
    (review,) = shown(life).outcomes["earlier_reviews"]
    assert review["reports"][-1]["values"] == {"attendance": 92, "suspensions": 30.5}


@pytest.mark.promise("register-allow-list")
def test_texts_name_no_address_and_no_contact_person(begin: Begin) -> None:
    life = begin(None)
    life.at("2025-07-07").do("identify-needs", title="Ask CONTACT of Harbor House, x.y+z@mail.example.org.")
    life.step(way("active")[1:])
    assert shown(life).title == f"Ask {HIDDEN_NAME}, {HIDDEN_ADDRESS}."


def _open(life: Life) -> Life:
    """Bring a partnership to its open call, at the time that it is."""
    life.step([step._replace(at=None) for step in way("needs-agreed")])
    life.do("open-selection", closes_on="2025-12-01")
    return life


def test_pages_and_filters_keep_what_they_should(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    life = begin("active")
    other = _open(life.another("franklin-2025"))
    whole = page_of(life)
    assert [entry.ref for entry in entries_of(life)] == [other.ref, "rbhs-2025"]
    assert whole.schools == (("franklin", "Franklin School"), ("rainier-beach", "Rainier Beach School"))
    assert [entry.ref for entry in entries_of(life, school="franklin")] == ["franklin-2025"]
    assert [entry.ref for entry in entries_of(life, state="active")] == ["rbhs-2025"]
    monkeypatch.setattr(public_register, "PER_PAGE", 1)
    second = page_of(life, number=2)
    assert ([entry.ref for entry, _ in second.entries], second.last, second.total) == (["rbhs-2025"], 2, 2)


def test_a_page_goes_on_with_the_next_school(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    life = begin("active")
    refs = [_open(life.another(f"franklin-{number}")).ref for number in range(3)]
    wanted = [*reversed(refs), "rbhs-2025"]
    for size in (1, 2, 3, 4):
        monkeypatch.setattr(public_register, "PER_PAGE", size)
        monkeypatch.setattr(public_register, "_AT_ONCE", size)
        pages = [page_of(life, number) for number in range(1, page_of(life).last + 2)]
        assert [entry.ref for page in pages for entry, _ in page.entries] == wanted
        assert pages[-1].entries == ()
        entries = public_register.read_all(life.system.reading, life.now)
        assert [entry.ref for entry in entries] == wanted


def test_a_school_that_took_over_another_has_the_partnerships_of_both_the_latest_first(begin: Begin) -> None:
    life = begin("open")
    refs = [_open(life.another(f"franklin-{number}")).ref for number in range(2)]
    put = {"id": "franklin", "name": "Franklin School", "closed_on": life.now.date()}
    life.put(tables.schools, **put, merged_into="rainier-beach")
    assert [entry.ref for entry in entries_of(life)] == [*reversed(refs), "rbhs-2025"]
    assert [entry.ref for entry in entries_of(life, school="rainier-beach")] == [*reversed(refs), "rbhs-2025"]
    assert page_of(life).schools == (("rainier-beach", "Rainier Beach School"),)


def test_the_list_asks_the_database_as_often_for_many_as_for_one(begin: Begin) -> None:
    life = begin("active")
    asked: list[str] = []

    def count(*_: object) -> int:
        asked.clear()
        with life.system.reading() as session:
            event.listen(session.connection, "before_cursor_execute", lambda *given: asked.append(given[2]))
            public_register.read_page(session, life.now)
        return len(asked)

    one = count()
    for number in range(3):
        _open(life.another(f"franklin-{number}"))
    assert len(page_of(life).entries) == 4
    assert count() == one


def test_an_extension_and_an_introduction_are_steps_as_long_as_they_count(begin: Begin) -> None:
    life = begin("open")
    life.do("extend-selection", closes_on="2025-08-29")
    assert kinds_of(life) == ["opened", "extended"]
    life = begin("introduced")
    whole = ["opened", "closed", "chosen", "introduced"]
    assert kinds_of(life) == whole
    life.at("2025-10-02").do("approve")
    assert kinds_of(life) == [*whole, "vote", "in-force"]
    life = begin("introduced")
    seq = next(row["seq"] for row in life.history() if row["event"] == "introduce-item")
    life.do("correct-entry", "board-office", seq=seq, input=ABSENT, void=True, reason="it was another item")
    assert kinds_of(life) == ["opened", "closed"]
    assert shown(life).partner is None


def test_a_record_that_somebody_changed_in_the_database_is_not_in_the_register(begin: Begin) -> None:
    life = begin("active")
    life.run("UPDATE partnerships SET facts = replace(facts, '24999999', '1')")
    assert entry_of(life) is None
    assert entries_of(life) == []
