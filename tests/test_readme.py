"""The README tells the truth: its drawing is the table's, and what it links to exists."""

import re
from pathlib import Path

from states.machine import draw

TOP = Path(__file__).parent.parent
README = (TOP / "README.md").read_text(encoding="utf-8")


def test_the_drawn_lifecycle_is_that_of_the_table():
    assert f"```mermaid\n{draw()}\n```" in README


def test_every_link_leads_to_a_file():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert targets
    assert [target for target in targets if not (TOP / target).is_file()] == []


def test_every_path_it_names_exists():
    named = re.findall(r"`((?:states|templates|examples|contrib|docs)/[\w./-]+)`", README)
    assert named
    missing = [
        path for path in named if "NAME" not in path and "EVENT" not in path and not (TOP / path).exists()
    ]
    assert missing == []
