"""The documents tell the truth: their commands run, their links lead somewhere, and they name what exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from states.lifecycle import TABLE
from states.machine import draw
from workflow.admin.program import COMMANDS, load

TOP = Path(__file__).parent.parent
DOCUMENTS = [
    TOP / "README.md",
    TOP / "CONTRIBUTING.md",
    TOP / "CHANGELOG.md",
    TOP / "benchmarks" / "README.md",
]
DOCUMENTS += sorted((TOP / "docs").rglob("*.md"))
OPERATIONS = (TOP / "docs" / "operations.md").read_text(encoding="utf-8")
# Words in capitals stand for something that the reader fills in.
FILLED_IN = re.compile(r"\b(NAME|EVENT|FILE|REF|ID|TEST)\b")
ROOMS = "states|workflow|notifications|templates|examples|contrib|docs|tests|benchmarks"

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(TOP)) for path in DOCUMENTS]
)


def blocks(document: str) -> list[str]:
    """Return the blocks that a document marks `sh`: those that run. Blocks marked `bash` need a server or root."""
    text = (TOP / document).read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """Return the anchors of the headings of a document, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_drawn_lifecycle_is_that_of_the_table() -> None:
    assert f"```mermaid\n{draw()}\n```" in (TOP / "README.md").read_text(encoding="utf-8")


@each_document
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    broken = []
    for target in targets:
        path, _, anchor = target.partition("#")
        goal = document.parent / path if path else document
        if not goal.is_file() or (anchor and anchor not in anchors(goal)):
            broken.append(target)
    assert broken == []


@each_document
def test_every_path_that_it_names_exists(document: Path) -> None:
    named = re.findall(rf"`((?:{ROOMS})/[\w./-]*)(?:::[\w.]+)?`", document.read_text(encoding="utf-8"))
    assert [path for path in named if not FILLED_IN.search(path) and not (TOP / path).exists()] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_one_row_that_names_all_it_can_do(name: str) -> None:
    (row,) = [line for line in OPERATIONS.splitlines() if re.match(rf"\| `partnershipctl {name}\b", line)]
    command = load(name)
    below = set(command.commands) - {"list"} if isinstance(command, click.Group) else set()
    assert [sub for sub in sorted(below) if not re.search(rf"`(?:{name} )?{sub}\b", row)] == []


def test_the_options_in_the_rows_of_commands_exist() -> None:
    exist = {"--help", "--json"}
    every = [load(name) for name in COMMANDS]
    for command in every:
        every += command.commands.values() if isinstance(command, click.Group) else []
        exist |= {option for parameter in command.params for option in parameter.opts}
    rows = "\n".join(line for line in OPERATIONS.splitlines() if line.startswith("| `partnershipctl"))
    named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", rows)
    assert "--waiting-on" in named
    assert [option for option in named if option not in exist] == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder like a fresh checkout after `make run`: the sample district is imported, and nothing is told yet."""
    for folder in ("examples", "docs"):
        shutil.copytree(TOP / folder, tmp_path / folder)
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    run(tmp_path, "partnershipctl init && partnershipctl import examples/seattle/district.toml")
    return tmp_path


def run(folder: Path, script: str) -> tuple[str, list[str]]:
    """Run a script in a folder. Return its output and the commands that failed, each with its exit status."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PARTNERSHIPS_CONFIG": "examples/seattle/config.toml",
    }
    trap = "trap 'echo \"failed: $? $BASH_COMMAND\"' ERR\n"
    done = subprocess.run(
        ["bash", "-c", trap + script],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr, re.findall(r"^failed: (\d+ .*)$", done.stdout, re.MULTILINE)


def test_the_first_walk_goes_as_written(checkout: Path) -> None:
    # The daemon of `make run` looks every 20 seconds; here it looks once before each block, and once at the end.
    tick = "partnershipd --once 2> daemon.log\n"
    walk = "".join(tick + block for block in blocks("README.md")) + tick
    answers = "partnershipctl replies; partnershipctl history west-seattle-2026; partnershipctl list"
    said, failed = run(checkout, walk + answers)
    assert [line.partition(" --as")[0] for line in failed] == [
        "1 partnershipctl trigger mercer-2026 choose-partner"
    ]
    assert "To: " in said
    assert "WHAT YOU ARE ASKED TO DO" in said
    assert "no faults" in said
    assert re.search(r"done +agree-needs", said)
    assert re.search(r"agree-needs +principal\.west-seattle@example\.org +reply", said)
    assert re.search(r"aki-kurose-2026 .* open-selection", said)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone whose environment is that of this test, and whose daemon does what is due and ends."""
    shutil.copytree(TOP / "examples", tmp_path / "examples")
    shutil.copy(TOP / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, option in (("python", ""), ("partnershipctl", ""), ("partnershipd", " --once")):
        program = tmp_path / ".venv" / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).parent / name}"{option} "$@"\n')
        program.chmod(0o755)
    for name in ("pyproject.toml", "constraints.txt", ".venv/run"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_second_make_run_keeps_what_was_changed_since(clone: Path) -> None:
    said, _ = run(clone, "make run 2>&1")
    assert "added: 11 schools" in said
    change = "partnershipctl people change staff@example.org --name 'Somebody New'"
    said, failed = run(clone, f"{change} && make run 2>&1 && partnershipctl people list")
    assert failed == []
    assert "Imported" not in said
    assert re.search(r"staff@example\.org +Somebody New", said)


def test_make_run_prints_the_address_and_the_folder_of_the_configuration(clone: Path) -> None:
    config = clone / "examples" / "seattle" / "config.toml"
    text = config.read_text(encoding="utf-8").replace("../../var/mail", "../../var/letters")
    own = '[web]\nlisten = "127.0.0.1:9999"\nbase_url = "http://127.0.0.1:9999/here"\n'
    config.write_text(text.replace("[web]\n", own), encoding="utf-8")
    said, _ = run(clone, "make run 2>&1")
    assert "In a browser: http://127.0.0.1:9999/here/calls, " in said
    assert f"which go to {clone}/var/letters." in said
    assert "8427" not in said


def test_the_commands_for_operations_run_as_written(checkout: Path) -> None:
    said, failed = run(checkout, "".join(blocks("docs/operations.md")))
    assert failed == []
    assert said.count("no faults") == 3
    assert (checkout / "rehearsal" / "restored.db").is_file()


FOR_PEOPLE = sorted((TOP / "docs" / "for").glob("*.md"))
each_page = pytest.mark.parametrize("page", FOR_PEOPLE, ids=[path.stem for path in FOR_PEOPLE])


@each_page
def test_the_buttons_and_links_that_a_page_for_people_names_are_in_the_templates(page: Path) -> None:
    words = "\n".join(
        path.read_text(encoding="utf-8") for path in (TOP / "templates").rglob("*") if path.is_file()
    )
    text = re.sub(r"\s+", " ", page.read_text(encoding="utf-8"))
    named = re.findall(r"\*\*([A-Z][^*]*[a-z])\*\*", text)
    assert [button for button in named if button not in words] == []


@each_page
def test_the_reply_words_that_a_page_for_people_names_are_taken(page: Path) -> None:
    taken = {word for row in TABLE for word in row.reply_words}
    lines = page.read_text(encoding="utf-8").splitlines()
    answers = [line for line in lines if re.search(r"answer `|\| `\w+`", line)]
    named = {word for line in answers for word in re.findall(r"`([a-z]+)`", line)}
    assert named <= taken
