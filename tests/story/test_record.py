"""The record itself: `verify` names what was changed by hand. After every other story it must find nothing."""

from __future__ import annotations

from tests.story.past import Past
from tests.support.office import REF, Office

CHANGE = "UPDATE history SET actor = :now WHERE seq = 11 AND actor = :before"
CHOSE, DID_NOT = "staff@example.org", "somebody@example.org"


def test_a_row_of_the_history_that_was_changed_by_hand_is_named(office: Office) -> None:
    office.at("2025-08-14").take_in(Past().active(), Past("fhs-2025", "franklin").needs_agreed())
    office.tamper(CHANGE, now=DID_NOT, before=CHOSE)
    found = office.ctl("verify", status=1)
    assert [(fault["ref"], fault["seq"]) for fault in found["faults"] if fault["seq"]] == [(REF, 11)]
    assert {fault["ref"] for fault in found["faults"]} == {REF}
    done = office.run("partnershipctl", "verify", REF)
    assert done.returncode == 1
    assert f"{REF}, row 11: its content does not fit its hash" in done.stdout.decode()
    office.tamper(CHANGE, now=CHOSE, before=DID_NOT)  # as it was, so that nothing is found once more
