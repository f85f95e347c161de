"""Has the words of the application form: the kinds of organizations, the five abilities, the labels of fields."""

from __future__ import annotations

from workflow.actions.application_files import KEY as FILES

KINDS = {
    "community-based-organization": "A community based organization",
    "higher-education": "An institution of higher learning",
    "public-agency": "A public agency",
    "other": "Another organization that can show its ability to serve",
}
# For each of the five abilities (4270.3): its name, what it means, and the question that the form asks.
ABILITY_WORDS = {
    "collaboration": (
        "Collaboration",
        "working together with the school's community and with other partners, and bringing these together",
        "How do you work with a school, its families and other partners, and bring them to one table?",
    ),
    "high-expectations": (
        "High expectations",
        "expecting much of every student, and helping every student to get there",
        "How do you set high expectations for all students?",
    ),
    "diversity": (
        "Diversity",
        "embracing the diversity of students, families and staff",
        "How do you embrace diversity, in your work and in your organization?",
    ),
    "connecting-assets": (
        "Connecting assets",
        "connecting what the school has with what the community has",
        "How do you connect the strengths of a school with those of its community?",
    ),
    "shared-accountability": (
        "Shared accountability",
        "sharing the responsibility for results, and showing openly what was reached",
        "How do you share accountability for results?",
    ),
}
FIELD_WORDS = {
    "name": "Name of the organization",
    "kind": "Kind of organization",
    "contact_name": "Contact person",
    "demonstration": "Ability to serve",
    **{ability: words[0] for ability, words in ABILITY_WORDS.items()},
    FILES: "Files",
}

OTHER_WORDS = {
    "confirm": "Confirmation",
    "form": "The form",
    "unchanged": "I want to send it as it is",
}


def describe_ability(ability: str) -> dict[str, str]:
    """Return the key, name, meaning and question of an ability."""
    name, means, question = ABILITY_WORDS[ability]
    return {"key": ability, "name": name, "means": means, "question": question}
