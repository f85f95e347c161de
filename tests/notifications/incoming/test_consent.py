"""Common ways to say yes or no are understood, and nothing that says more than that."""

from __future__ import annotations

import pytest

from notifications.incoming.consent import Kind, read_answer

YES = (
    "Yes, I agree. Thank you!", "agreed", "OK", "Sounds good", "Approved", "O.K.", "ok, thanks", "Yes!",
    "Yes please",
    "Yes - agreed", "We agree to the outcomes.", "I agree for the school", "That's fine with me", "I approve.",
    "Sounds good to me!", "Sí, de acuerdo", "Agreed, thanks so much. Best, Maria", "fine by me", "Works for me.",
    "I’m in agreement", "*agreed*", "Dear all, agreed",
    "Hi,\n\nI agree.\n\nThank you for all your work,\nMaria Lopez",
    "agree\n\nThanks for the great work!\n\nMaria",
)  # fmt: skip
NO = (
    "no thanks", "I do not agree", "No, thank you.", "I don't agree", "Not agreed", "I disagree.", "No!", "Nope",
    "We do not approve the outcomes", "Hello, no", "No.\n\nThe gaps are missing.",
)  # fmt: skip
UNCLEAR = (
    "", "Yes, but later", "agree?", "OK?", "I agree with most of it.", "Yes and no", "Yes, no", "agree / no",
    "I agree if the gaps close", "No problem", "Looks good.", "I agree.\n\nOnly if we get a tutor.", '"agree"',
    "agree...", "ok..", "I agree to disagree", "not yes", "Agreed. Not!", "yes 50", "OK 👍", "I would agree",
    "Hello not agreed", "Yes.\n\nHowever, fix the gaps", "аgree", "~agree~", "Agreed in principle", "When I agree",
    "I agree\n> quoted", "yes\nno", "I can agree", "I agree, except for the gaps", "They agreed", "OK, we will see",
)  # fmt: skip


@pytest.mark.promise("clear-consent")
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((text, Kind.YES) for text in YES),
        *((text, Kind.NO) for text in NO),
        *((text, None) for text in UNCLEAR),
    ],
)
def test_only_a_plain_yes_or_no_is_one(text: str, kind: Kind | None) -> None:
    assert (read_answer(text, "Maria Lopez") or None) == kind


@pytest.mark.parametrize("text", ["Thanks!", "Hi", "Maria Lopez", "Best regards\nMaria"])
def test_thanks_and_a_name_say_neither(text: str) -> None:
    assert not read_answer(text, "Maria Lopez")


def test_a_signature_is_asked_for_by_its_own_word() -> None:
    assert read_answer("Signed, thank you.") is Kind.SIGN
    assert read_answer("Yes, signed") is None
