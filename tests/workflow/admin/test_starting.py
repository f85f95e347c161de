"""Commands start quickly: none loads what it does not need, and nothing is searched for garbage meanwhile."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

import states
from states.fact import Fact
from states.inputs import Input
from tests.support.desk import REF
from tests.workflow.admin.conftest import Sit
from workflow.procedure.field_types import Settings

# Each takes 4 to 40 ms to import. A command that reads and prints to a pipe needs none of them.
RENDERS = {"jinja2", "babel", "css_inline", "notifications.render", "notifications.pages"}
MAILS = {"smtplib", "imaplib", "itsdangerous", "email_validator", "notifications.mailers"}
DRAWS = {"rich", "transitions"}
SERVES = {"flask", "werkzeug", "waitress", "apscheduler", "structlog", "alembic"}
OTHER_DATABASE = {"psycopg", "sqlalchemy.dialects.postgresql"}
READS = ("list", f"show {REF}", f"history {REF}", f"events {REF}", "deadlines")

_CODE = """
import atexit, gc, json, sys
def tell():
    told = {"modules": sorted(sys.modules), "frozen": gc.get_freeze_count(), "looks": gc.isenabled()}
    json.dump(told, sys.stderr)
atexit.register(tell)
from workflow.admin.program import main
main()
"""


def after(*words: str) -> dict[str, object]:
    """Return what a process of its own tells at its end: its modules, and what it does about garbage."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *words], capture_output=True, timeout=60, check=True, text=True
    )
    told: dict[str, object] = json.loads(done.stderr)
    return told


def modules_after(*words: str) -> set[str]:
    loaded = after(*words)["modules"]
    assert isinstance(loaded, list)
    return set(loaded)


def test_the_help_loads_neither_database_nor_law() -> None:
    loaded = modules_after("--help")
    assert not loaded & {
        "sqlalchemy",
        "pydantic",
        "states.lifecycle",
        "workflow.session",
        "workflow.admin.console",
    }


@pytest.mark.parametrize("words", READS)
def test_a_command_that_reads_loads_nothing_else(sit: Sit, words: str) -> None:
    needless = RENDERS | MAILS | DRAWS | SERVES
    desk = sit("active")
    if desk.life.system.engine.dialect.name == "sqlite":
        needless |= OTHER_DATABASE
    assert needless & modules_after("--config", desk.config, *words.split()) == set()


def test_a_command_is_not_searched_for_garbage_that_it_never_makes(sit: Sit) -> None:
    told = after("--config", sit("active").config, "list")
    assert told["looks"], "while it runs"
    assert isinstance(told["frozen"], int)
    assert told["frozen"] > 10_000, "the modules are left out"


@pytest.mark.parametrize("base", [Fact, Input, Settings])
def test_every_model_can_be_built_though_it_is_built_at_its_first_use(base: type[BaseModel]) -> None:
    models = [base]
    for model in models:
        models += model.__subclasses__()
        model.model_rebuild()
        assert model.__pydantic_complete__, model
    assert len(models) > 20


@pytest.mark.parametrize(
    "path", sorted((Path(states.__file__).parent).rglob("*.py")), ids=lambda path: path.stem
)
def test_the_models_of_the_law_have_no_annotations_that_are_text(path: Path) -> None:
    """Pydantic would compile each of several hundred texts at every start."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    models = {"Fact", "Input", "BaseModel"}
    has_models = any(
        isinstance(node, ast.ClassDef) and models & {ast.unparse(base) for base in node.bases}
        for node in tree.body
    )
    postponed = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    assert not (has_models and postponed)
