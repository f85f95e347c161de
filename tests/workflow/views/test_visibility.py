"""Who sees what of a partnership: every role at every station, every field, every row of the history."""

from __future__ import annotations

from typing import Any

import pytest

from states.names import Role
from states.partnership import Partnership
from states.selection import Selection
from tests.support.district import Begin, Life
from tests.support.facts import CBO, COLLEGE, PEOPLE, REVIEWERS, STATIONS
from workflow.store import loading
from workflow.views import visibility, visible_history
from workflow.views.applications import texts_for
from workflow.views.visibility import Viewer

OFFICE = (Role.STAFF, Role.SUPERINTENDENT, Role.PRINCIPAL, Role.BOARD_OFFICE)
OTHERS = (Role.REVIEWER, Role.LEAD_PARTNER, Role.APPLICANT)
APPLICANT = "applicant@example.org"  # of City College, which is not chosen
EMAILS = {**PEOPLE, Role.REVIEWER: REVIEWERS[0], Role.APPLICANT: APPLICANT}
# Which fields each of the others sees. The office sees them all.
FACTS = {
    Role.REVIEWER: {"school", "title", "needs", "selection"},
    Role.APPLICANT: {"school", "title", "selection"},
    Role.LEAD_PARTNER: set(Partnership.model_fields) - {"earlier_selections"},
}
CALL = {
    Role.REVIEWER: set(Selection.model_fields) - {"protests", "restarted", "earlier_scores"},
    Role.APPLICANT: {
        "opened_at",
        "closes_at",
        "closed_at",
        "applications",
        "choice",
        "protests",
        "questions",
        "anew_at",
    },
    Role.LEAD_PARTNER: {
        "opened_at",
        "closes_at",
        "closed_at",
        "applications",
        "choice",
        "questions",
        "anew_at",
    },
}


def seen(life: Life, role: Role, email: str | None = None) -> dict[str, Any]:
    with life.system.reading() as session:
        record = loading.load(session.connection, [life.ref])[life.ref]
        return visibility.facts_for(session, record, Viewer(role, email or EMAILS[role]), life.now)


def read(life: Life, role: Role, email: str | None = None, through: str | None = None) -> str:
    """What this person may read of applications."""
    with life.system.reading() as session:
        record = loading.load(session.connection, [life.ref])[life.ref]
        viewer = Viewer(role, email or EMAILS[role], through)
        return str(texts_for(session, record, viewer, life.now))


def told(life: Life, role: Role, email: str | None = None) -> list[dict[str, Any]]:
    with life.system.reading() as session:
        record = loading.load(session.connection, [life.ref])[life.ref]
        return visible_history.history_for(session, record, Viewer(role, email or EMAILS[role]), life.now)


def dates(life: Life, role: Role) -> set[str]:
    with life.system.reading() as session:
        record = loading.load(session.connection, [life.ref])[life.ref]
        viewer = Viewer(role, EMAILS[role])
        return {one["name"] for one in visibility.deadlines_for(session, record, viewer, life.now)}


def test_the_rules_name_every_field() -> None:
    assert visibility.FACTS.keys() == Partnership.model_fields.keys()
    assert visibility.CALL.keys() == Selection.model_fields.keys()


@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("role", OFFICE)
def test_the_office_sees_everything_but_what_is_sealed(begin: Begin, station: str, role: Role) -> None:
    life = begin(station)
    assert seen(life, role) == life.facts.model_dump(mode="json")
    assert [row["event"] for row in told(life, role)] == [row["event"] for row in life.history()]


@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("role", OTHERS)
def test_others_see_the_fields_that_are_theirs_and_no_other(begin: Begin, station: str, role: Role) -> None:
    life = begin(station)
    whole, part = life.facts.model_dump(mode="json"), seen(life, role)
    assert part.keys() == whole.keys()
    for field, value in part.items():
        if field not in FACTS[role]:
            assert value is None, field
        elif field != "selection":
            assert value == whole[field], field
    call = part["selection"]
    assert (call is None) is (life.facts.selection is None)
    for field, value in (call or {}).items():
        if field not in CALL[role]:
            assert value is None, field
        elif field not in ("applications", "scores", "conflicts", "protests"):
            assert value == whole["selection"][field], field


@pytest.mark.promise("others-stay-hidden")
@pytest.mark.parametrize("station", [s for s in STATIONS if s not in ("needs", "needs-agreed", "open")])
def test_an_applicant_sees_its_own_application_at_every_station(begin: Begin, station: str) -> None:
    life = begin(station)
    call = seen(life, Role.APPLICANT)["selection"]
    assert list(call["applications"]) == [COLLEGE]
    assert read(life, Role.APPLICANT).count("how we show diversity") == 1
    assert call["protests"] == []
    assert call["scores"] is call["conflicts"] is call["reviewers"] is None
    assert {row["event"] for row in told(life, Role.APPLICANT)} <= {
        "open-selection", "receive-application", "close-applications", "choose-partner",
    }  # fmt: skip


@pytest.mark.promise("sealed-until-closing")
def test_nobody_reads_an_application_before_the_call_closes_but_who_wrote_it(begin: Begin) -> None:
    life = begin("applied")
    for now in ("2025-08-01 10:00", "2025-08-15 16:59"):
        life.at(now)
        for role in (*OFFICE, Role.REVIEWER, Role.LEAD_PARTNER):
            assert "how we show" not in read(life, role), role
            assert "how we show" not in read(life, role, APPLICANT), role
            assert "how we show" not in str(seen(life, role)), role
            assert "how we show" not in str(told(life, role)), role
        assert "how we show" in read(life, Role.APPLICANT)
        assert "how we show" not in read(life, Role.APPLICANT, through="delegate@example.org")
    assert seen(life, Role.REVIEWER)["selection"]["applications"] == {}
    assert not {"receive-application"} & {row["event"] for row in told(life, Role.REVIEWER)}
    life.at("2025-08-15 17:00")
    for role in (*OFFICE, Role.REVIEWER):
        assert read(life, role).count("how we show") == 10


@pytest.mark.promise("others-stay-hidden")
def test_applicants_do_not_learn_how_many_applied(begin: Begin) -> None:
    alone, two = begin("open"), begin("applied")
    alone.at("2025-08-01").do("receive-application", APPLICANT, **college())
    for life in (alone, two):
        life.tick("2025-08-15 17:00")
    assert seen(alone, Role.APPLICANT) == seen(two, Role.APPLICANT)
    assert told(alone, Role.APPLICANT) == told(two, Role.APPLICANT)


def college() -> dict[str, Any]:
    return {"organization": COLLEGE, "contact_email": APPLICANT, "contact_name": "Contact of City College"}


def test_a_reviewer_sees_the_scores_of_others_once_the_choice_is_made(begin: Begin) -> None:
    life = begin("scored")
    life.do("score-application", REVIEWERS[1], comment="of another")
    mine = seen(life, Role.REVIEWER)["selection"]["scores"]
    assert {score["reviewer"] for score in mine} == {REVIEWERS[0]}
    assert {row["by"] for row in told(life, Role.REVIEWER) if row["event"] == "score-application"} == {
        "Reviewer 1"
    }
    life.do("choose-partner")
    assert {s["reviewer"] for s in seen(life, Role.REVIEWER)["selection"]["scores"]} == set(REVIEWERS)


def test_a_conflict_of_interest_is_for_who_declared_it_and_the_office(begin: Begin) -> None:
    life = begin("closed")
    life.do("declare-conflict", REVIEWERS[1], reason="a cousin")
    for role in OTHERS:
        assert "a cousin" not in str(seen(life, role)) + str(told(life, role)), role
    assert "a cousin" in str(seen(life, Role.STAFF))
    mine = seen(life, Role.REVIEWER, REVIEWERS[1]), told(life, Role.REVIEWER, REVIEWERS[1])
    assert all("a cousin" in str(one) for one in mine)


def test_a_protest_is_for_who_filed_it_and_the_office(begin: Begin) -> None:
    life = begin("chosen")
    life.do("file-protest", APPLICANT)
    life.do("answer-protest")
    secrets = ("added up wrongly", "added up again")
    for role, reads in {Role.STAFF: True, Role.APPLICANT: True, Role.REVIEWER: False,
                        Role.LEAD_PARTNER: False}.items():  # fmt: skip
        both = str(seen(life, role)) + str(told(life, role))
        assert all((secret in both) is reads for secret in secrets), role
    assert "added up" not in str(seen(life, Role.APPLICANT, "lead-partner@example.org"))
    assert "protest-answered" not in dates(life, Role.LEAD_PARTNER)


def test_the_lead_partner_never_sees_another_application_or_a_score(begin: Begin) -> None:
    for station in ("chosen", "agreed", "drafted", "active", "reported", "introduced", "ended"):
        life = begin(station)
        part = seen(life, Role.LEAD_PARTNER)
        assert list(part["selection"]["applications"]) == [CBO]
        both = str(part) + str(told(life, Role.LEAD_PARTNER))
        assert "City College" not in both
        assert APPLICANT not in both
        assert "strong" not in both
        assert not any(reviewer in both for reviewer in REVIEWERS)


def test_a_note_is_of_the_office_alone(begin: Begin) -> None:
    life = begin("active")
    life.do("add-note", text="a note about them", note="said by telephone")
    life.do("record-gap", "staff", note="said by telephone")
    for role in (*OFFICE, Role.LEAD_PARTNER):
        rows = str(told(life, role))
        assert ("a note about them" in rows) is ("said by telephone" in rows) is (role in OFFICE), role


def test_an_earlier_call_is_of_the_office_alone(begin: Begin) -> None:
    life = begin("closed")
    life.do("restart", reason="nobody fits")
    life.do("agree-needs", "principal")
    life.do("agree-needs", "staff")
    life.do("open-selection", closes_on="2025-09-30")
    life.at("2025-09-01").do("receive-application", APPLICANT, **college())
    for role in OTHERS:
        both = str(seen(life, role)) + str(told(life, role))
        assert "Harbor House" not in both, role
        assert "nobody fits" not in both, role
    rows = [row["event"] for row in told(life, Role.APPLICANT)]
    assert rows == ["open-selection", "receive-application"]
    assert "nobody fits" in str(told(life, Role.STAFF))


def test_a_call_that_was_withdrawn_is_told_of_to_those_it_concerned(begin: Begin) -> None:
    life = begin("applied")
    life.do("withdraw", reason="the school has other plans")
    for role in (Role.APPLICANT, Role.REVIEWER):
        assert seen(life, role)["ended"]["reason"] == "the school has other plans"
    ended = begin("ended")
    assert seen(ended, Role.APPLICANT)["ended"] is None
    assert seen(ended, Role.LEAD_PARTNER)["ended"]["how"] == "terminated"


@pytest.mark.parametrize("station", STATIONS)
def test_deadlines_of_the_panel_are_not_for_partner_or_applicants(begin: Begin, station: str) -> None:
    life = begin(station)
    # Whether anybody has saved an application is for no one but its author.
    assert dates(life, Role.STAFF) == life.running() - {"draft-unsent"}
    sealed = {"scores-due", "choice-due", "protest-answered", "needs-agreed", "selection-opens"}
    assert dates(life, Role.APPLICANT) <= {"applications-close"}
    assert dates(life, Role.REVIEWER) <= {"scores-due"}
    assert not dates(life, Role.LEAD_PARTNER) & sealed


def test_who_stood_in_for_somebody_is_named(begin: Begin) -> None:
    life = begin("needs")
    life.do("describe-needs", "principal", channel="link", ran_by="staff@example.org")
    life.do("agree-needs", "principal", ran_by="root")
    rows = told(life, Role.STAFF)
    assert [(row["by"], row["through"]) for row in rows[-2:]] == [("Principal", "Staff"), ("Principal", None)]
