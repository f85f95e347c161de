"""What of an answer is quoted is found by the message that was sent, also where its kept copy is masked."""

from __future__ import annotations

import pytest

from notifications.incoming.original import Original
from notifications.incoming.secrets import mask

BASE = "https://office.example.org"
SENT = """Please read the report and give the finding of
the school:
  {base}/a/eyJuIjo1MH0AAAAAAAAA.awktPQ.{link}
Or write to
office+50-{code}@example.org and say
yes or no, and why.
See {base}/a/eyJuIjo1MH0AAAAAAAAA.awktPQ.{link} for
all of it, or [{base}/feed/eyJuIjo1MH0AAAAAAAAA.awktPQ.{link}.ics] for your dates.
"""
SIGNED = SENT.format(base=BASE, link="iQ8Or_15SHXR_KfmJfeYMRhhhVU", code="abcdefgh234567ab")
MASKED = SENT.format(base=BASE, link="~" * 27, code="~" * 16)


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize("kept", [SIGNED, MASKED])
@pytest.mark.parametrize("quoted", [SIGNED, SIGNED.replace("\n", " "), SIGNED.replace(" ", "\n")])
def test_each_line_of_the_message_is_found(kept, quoted):
    lines = mask(quoted.splitlines(), BASE)
    assert all(same for line, same in zip(lines, Original([kept]).find_quoted(lines), strict=True) if line)
    assert Original([kept]).find_quoted(["Attendance rose.", *lines])[0] is False
