"""What the words of a message ask for is a button in it, for each reader who may do it, and nothing else is one.

Every sentence that asks for something is in one of two tables: `ASKS`, with the events that do it, or `ELSEWHERE`,
for what no event does. A sentence that is in neither fails, so new words need an entry.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from states import machine
from states.names import Role
from tests.notifications.samples import SENT, Told, context, enabled, readers, roles_of, samples, templates

ROWS = enabled("notice") | enabled("deadline")
# What the words say, and the events that they ask for. Of these a reader is offered those that the reader may do.
ASKS: dict[str, tuple[str, ...]] = {
    r"agree to it\b|agree to it for|Then agree to it": ("agree-needs",),
    r"agree to them for|help the others to agree|[Aa]gree to the outcomes for|has to agree to the outcomes":
        ("agree-outcomes",),
    r"[Rr]ecord a corrected one": ("describe-needs",),
    r"write the statement of needs": ("describe-needs",),
    r"open the call": ("open-selection",),
    r"withdraw the partnership(?! if)": ("withdraw",),
    r"record every application that you received on paper|can (still )?(replace|change|send) (it|your application)"
    r"|[Oo]pen what you saved|link below opens it":
        ("receive-application",),
    r"or withdraw it": ("withdraw-application",),
    r"extend the call": ("extend-selection",),
    r"five scores from 1 to 5": ("score-application",),
    r"declare a conflict of interest(?! instead of)|declare a conflict of interest instead\.":
        ("declare-conflict",),
    r"choose the Lead Partner|choose among the applications": ("choose-partner",),
    r"start over": ("restart",),
    r"may file a protest": ("file-protest",),
    r"[Aa]nswer (in writing|every protest|the protest)": ("answer-protest",),
    r"Please answer (it|on the page)": ("answer-question",),
    r"[Dd]raft the agreement": ("draft-agreement",),
    r"record a better set|can record a set|[Ss]et the outcomes with|outcomes with the school":
        ("set-outcomes",),
    r"ask for changes": ("ask-for-changes",),
    r"ask for its review": ("ask-for-review",),
    r"sign (it|the agreement|the new terms)\b|[Hh]ave the (agreement|new terms) signed": ("sign-agreement",),
    r"start (it|the agreement)\b": ("activate",),
    r"[Rr]efer (it|the agreement|the amendment|a renewal|the matter)\b": ("refer-to-board",),
    r"amend the agreement|change the last day": ("amend-agreement",),
    r"take the amendment back": ("withdraw-amendment",),
    r"put (it|the item) on": ("schedule-item",),
    r"introduced the item|introduced the item, record": ("introduce-item",),
    r"record (its decision|what the Board d|after the meeting)": ("approve", "send-back", "terminate"),
    r"deferred it": ("defer-item",),
    r"can attach documents": ("attach-document",),
    r"record another first day": ("want-start",),
    r"Add it as a note|add a note": ("add-note",),
    r"name the contact person again": ("change-contact",),
    r"Please accept": ("accept-contact",),
    r"this year's assessment|the assessment is done, .* or you can|assessment of the school's needs":
        ("record-assessment",),
    r"gaps in services it shows": ("record-gap",),
    r"hold the meeting|regular meetings with|has been held, .* or you can": ("record-meeting",),
    r"engage the school": ("record-engagement",),
    r"each other responsibility": ("record-responsibility",),
    r"agreements with other organizations": ("add-agreement",),
    r"send the annual report": ("submit-report",),
    r"give the finding|now give their findings": ("give-finding",),
    r"- continue it|continue it,": ("continue",),
    r"end it": ("terminate",),
    r"close out the partnership|record here what was done|[Rr]ecord (it when|the close-out)": ("close-out",),
    r"what is waiting for you below": ("agree-outcomes", "sign-agreement", "submit-report", "close-out"),
    r"agree or sign again|still asked to agree or to sign": ("agree-needs", "agree-outcomes", "sign-agreement"),
}  # fmt: skip
# What people do outside of this system, or in a message of their own.
ELSEWHERE = (
    r"[Pp]lease (tell|talk|speak|ask|call|help|read|check|find|get|make sure|plan|keep|prepare|carry|go on)",
    r"Please (give the Board|hand in)",
    r"Please (record what you do|arrange|have|do what|decide|look at the list|record it\b|begin|work out|finish)",
    r"please (ask|tell|write|see)",
)
ENDS_AN_ITEM = {"approve", "terminate"}
APART = {"message-failed", "address-failed", "mailbox-failed", "deadline-failed", "question", "directory-changed",
         "reply-doubtful", "applications-held", "call-limit"}  # fmt: skip


def offered(told: Told, role: str) -> list[dict[str, Any]]:
    """All that the row of a notice offers to a role in this state, as if nothing stood in the way."""
    may = machine.askable(told.state, told.facts, Role(role))
    return [
        {"event": event, "label": event, "url": None, "help": event, "words": []}
        for event in ROWS[told.name].get("offers", ())
        if event in may
    ]


def asked_for(words: str) -> set[str]:
    # What we will ask for later is not asked for now.
    now = re.sub(r"We will [^.]*\.", "", words)
    return {event for phrase, events in ASKS.items() if re.search(phrase, now) for event in events}


def told_to_everybody(name: str) -> Any:
    """Every way in which a notice is told, with the words that ask for something and what is offered with them."""
    for told in samples(name):
        for role in roles_of(name, told.kind):
            for email in readers(told, role):
                given = context(told, role, email, offers=offered(told, role))
                wanted = templates().offers(name, given)
                shown = [o for o in given["offers"] if wanted is None or o["event"] in wanted]
                said = templates().words(name, given | {"offers": shown})
                yield told, role, said, {o["event"] for o in shown}, wanted


@pytest.mark.promise("every-request-a-button")
@pytest.mark.parametrize("name", [name for name in SENT if name not in APART])
def test_what_the_words_ask_for_is_offered_and_nothing_else(name: str) -> None:
    for told, role, said, shown, _ in told_to_everybody(name):
        words = " ".join(f"{said['happened']} {said['asked']}".split())
        asked = asked_for(" ".join(said["asked"].split()))
        # An item ends by one of these two, and the words say by which.
        if shown & ENDS_AN_ITEM:
            asked -= ENDS_AN_ITEM
        may = machine.askable(told.state, told.facts, Role(role))
        where = f"{name} to {role}, {told.kind}, {told.state}:\n{said['asked']}\noffers {shown}"
        assert asked & may <= shown, where + f"\nand lacks {asked & may - shown}"
        assert shown <= asked_for(words), where + f"\nand asks for {asked_for(words)}"


@pytest.mark.parametrize("name", SENT)
def test_every_request_is_known(name: str) -> None:
    for _, role, said, _, _ in told_to_everybody(name):
        for sentence in re.split(r"(?<=[.:?])\s+", said["asked"]):
            known = asked_for(sentence) or any(re.search(each, sentence) for each in ELSEWHERE)
            assert known or not re.search(r"[Pp]lease", sentence), f"{name} to {role}: {sentence}"


@pytest.mark.parametrize("name", SENT)
def test_a_notice_names_only_what_its_row_offers(name: str) -> None:
    for _, _, _, _, wanted in told_to_everybody(name):
        assert set(wanted or ()) <= set(ROWS[name].get("offers", ())), name
