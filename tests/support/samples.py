"""A notice and its context, with everything in it that a notice can have."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from notifications.render import Templates

ZONE = ZoneInfo("America/Los_Angeles")
PACKAGED = Path(__file__).parents[2] / "templates"
STATES = ("Needs identified", "Open selection", "Board review", "Active", "Annual review", "Terminated")
SIGN_URL = "https://partners.example.org/answer/" + "k" * 120

WORDS = """\
{% block subject %}{{ partnership.title }}: the Board approved{% endblock %}
{% block happened %}
On {{ event.at|day }} the Board approved {{ facts.agreement.amount|money }} for
{{ facts.agreement.partner }}.

{% for goal in facts.goals %}
- {{ goal }}
{% endfor %}
{% endblock %}
{% block asked %}
Please sign the agreement. Its text is at https://partners.example.org/agreement?of=3&page=1.
{% endblock %}
{% block more %}
{{ event.note }}
{% endblock %}
"""


def templates(folder: Path, words: str = WORDS, name: str = "board-approved") -> Templates:
    """The packaged layouts, with the one notice `name` of `words` in a folder before them."""
    write(folder, f"{name}.j2", words)
    return Templates([folder, PACKAGED], ZONE)


def write(folder: Path, file: str, source: str) -> Path:
    (folder / "email").mkdir(parents=True, exist_ok=True)
    path = folder / "email" / file
    path.write_text(source, encoding="utf-8")
    return path


def context(**changes: Any) -> dict[str, Any]:
    full: dict[str, Any] = {
        "notice": "board-approved",
        "person": {"name": "School Principal", "email": "principal@example.org", "role": "principal"},
        "why": "as principal of Rainier Beach High School",
        "delegate_for": None,
        "stands_in_for": None,
        "partnership": {"ref": "LCP-2025-003", "title": "Family support", "state": "active",
                        "school_name": "Rainier Beach High School"},
        "standing": [
            {"state": label.lower().replace(" ", "-"), "label": label, "current": label == "Active"}
            for label in STATES
        ],
        "event": {"name": "approve", "at": "2025-11-20T02:30:00Z", "by": "Board Office", "role": "board-office",
                  "input": {}, "note": "The vote was unanimous."},
        "facts": {
            "agreement": {"amount": 25_000_000, "partner": "Neighborhood Alliance"},
            "goals": ["Attendance of the ninth grade goes up by five points over two years",
                      "Families take part"],
        },
        "deadline": {"name": "agreement-signed", "due_at": "2025-11-29T01:00:00Z", "kind": "remind",
                     "overdue": False, "label": "The agreement is to be signed"},
        "offers": [
            {"event": "sign-agreement", "label": "Sign the agreement", "url": SIGN_URL, "help": "", "words": []},
            {"event": "add-note", "label": "Add a note", "url": None, "help": "Reply with the word NOTE.",
             "words": []},
        ],
        "hindered": [], "missing": {}, "page": None, "reply": None, "digest": [], "feed": None,
        "me": "https://partnerships.example.org/me", "dates_in": None, "replies": True,
        "office": {"name": "Partnership Office", "email": "office@example.org", "phone": "206-555-0100"},
        "district": "Example Public Schools",
    }  # fmt: skip
    return {**full, **changes}
