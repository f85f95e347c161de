"""The README tells the truth: its drawing is the table's, and what it links to exists."""

import re
from pathlib import Path

import click
import pytest

from states.machine import draw
from workflow.admin.program import partnershipctl

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


@pytest.mark.parametrize("name", sorted(partnershipctl.commands))
def test_every_command_has_one_row_that_names_all_it_can_do(name: str) -> None:
    (row,) = [line for line in README.splitlines() if re.match(rf"\| `partnershipctl {name}\b", line)]
    command = partnershipctl.commands[name]
    below = set(command.commands) - {"list"} if isinstance(command, click.Group) else set()
    assert [one for one in sorted(below) if not re.search(rf"`(?:{name} )?{one}\b", row)] == []


def test_the_options_that_it_names_exist() -> None:
    known = {"--help", "--json"}
    every = list(partnershipctl.commands.values())
    for command in every:
        every += command.commands.values() if isinstance(command, click.Group) else []
        known |= {
            opt for one in command.params for opt in (*one.opts, *one.secondary_opts) if opt.startswith("--")
        }
    named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", README)
    assert "--waiting-on" in named
    assert [one for one in named if one not in known | {"--once"}] == []
