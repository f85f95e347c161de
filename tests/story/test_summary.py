"""The weekly summary through the real programs, with the daemon on and off on Mondays."""

from __future__ import annotations

import pytest

from tests.story.past import Past
from tests.support.office import MAILDIR, Office


@pytest.mark.promise("summary-once")
def test_the_office_gets_one_summary_a_week_also_after_an_outage(office: Office) -> None:
    office.at("2025-09-04").take_in(Past().active())
    office.configure(MAILDIR)
    config = office.folder / "config.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("roles = []", 'roles = ["staff"]'), encoding="utf-8")

    def get(when: str) -> int:
        office.at(when).daemon()
        office.letters()
        return sum(notice["template"] == "summary" for notice in office.ctl("notices"))

    before = get("2025-09-05 09:00")
    told = [get(when) - before for when in ("2025-09-08 07:58", "2025-09-08 08:00", "2025-09-08 08:05")]
    assert told == [0, 1, 1]
    # The daemon is off for three Mondays.
    assert [get(when) - before for when in ("2025-10-02 12:00", "2025-10-03 12:00")] == [2, 2]
