"""Which events a word in a reply can do, and what the words below it become.

Fit for it is what needs a yes or no and at most a reason. What needs a date, a vote or a sum takes the form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Word:
    """What a word stands for: an event, the part of its input that it gives, and where the text below it goes.

    `day` names the key that takes the day of the reply; `below` the key that takes the text, if any does.
    """

    event: str
    gives: Mapping[str, Any] = field(default_factory=dict)
    below: str | None = None
    day: str | None = None

    def input(self, text: str, today: date) -> dict[str, Any]:
        """The input of the event: what the word gives, the text below it, the day."""
        found = dict(self.gives)
        if self.below and text:
            found[self.below] = text
        if self.day:
            found[self.day] = today.isoformat()
        return found


_DISAGREES = Word("add-note", below="text")

# By offered event, the words of a reply. To a finding "yes" and "no" say whether the impact is substantial and
# positive; to what is to be agreed to, "no" keeps the objection on record and agrees to nothing.
WORDS: Mapping[str, Mapping[str, Word]] = {
    "agree-needs": {"agree": Word("agree-needs"), "approve": Word("agree-needs"), "no": _DISAGREES},
    "agree-outcomes": {"agree": Word("agree-outcomes"), "approve": Word("agree-outcomes"), "no": _DISAGREES},
    "sign-agreement": {"sign": Word("sign-agreement", day="signed_on"), "no": _DISAGREES},
    "give-finding": {
        "yes": Word("give-finding", {"impact": True}, below="reasons"),
        "no": Word("give-finding", {"impact": False}, below="reasons"),
    },
    "continue": {"continue": Word("continue", below="improvement_plan")},
    "ask-for-review": {"review": Word("ask-for-review", below="reason")},
}
