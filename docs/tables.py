"""Fill the tables of docs/policy.md, docs/security.md and docs/reliability.md with their evidence.

A test says what it shows by a marker. `@pytest.mark.clause("4270.8")` names a clause of the policy, and
`@pytest.mark.promise("acts-once")` the name of a row in one of the two other pages. `make docs-tables` writes
the tests into the last cell of each row. For the policy it also writes which code enforces a clause. All other
cells are written by hand.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from states.case import Entry, Setting
from states.chapters.call import CLOSE_APPLICATIONS
from states.chapters.correction import correctors
from states.event import Event, Requirement
from states.inputs import Nothing
from states.lifecycle import TABLE
from states.machine import EVENTS, FIRST
from states.names import Role

TOP = Path(__file__).resolve().parent.parent
PAGES = {
    "docs/policy.md": ("clause", "test"),
    "docs/security.md": ("promise", "test"),
    "docs/reliability.md": ("promise", "shown by"),
}
DUTIES = ["states/chapters/service.py::record", "config.toml"]
SCORES = ["states/chapters/scoring.py::ScoreApplication.scores"]
# What keeps a clause besides the requirements that cite it: the form of an input, a fact, a setting.
BESIDES = {
    "4270.2": ["states/names.py::Kind"],
    **{f"4270.3{letter}": SCORES for letter in "abcde"},
    "4270.4": ["states/partnership.py::Partnership.contact"],
    **{f"4270.5{letter}": DUTIES for letter in "abcd"},
    "4270.5e": ["states/agreement.py::Agreement.responsibilities", *DUTIES],
    "4270.7": ["states/chapters/needs.py::DescribeNeeds"],
    "4270.8": ["states/chapters/choice.py::ChoosePartner.reasons"],
    "4270.9a": ["states/chapters/agreement.py::board_need_not_act", "states/case.py::board_reasons"],
    "4270.9b": [
        "states/chapters/agreement.py::board_need_not_act",
        "states/agreement.py::Agreement.autonomy_requested_by",
    ],
    "4270.9c": ["states/chapters/agreement.py::board_need_not_act", "states/case.py::is_longer_than"],
    "4270.10": ["states/chapters/outcomes.py::OutcomeInput"],
    "4270.11": ["states/chapters/review.py::open_annual_review", "config.toml"],
    "4270.12": ["states/chapters/ending.py::Terminate.ground", "states/partnership.py::Ended"],
    "4270.13": ["config.toml"],
}


REMEDIES, REMEDY = "docs/corrections.md", "who typed it wrong can"
RECORD, FOUND_BY = "docs/record.md", "found by"


def main() -> None:
    for page in PAGES:
        path = TOP / page
        path.write_text(filled(page), encoding="utf-8")
    (TOP / REMEDIES).write_text(with_remedies(), encoding="utf-8")
    (TOP / RECORD).write_text(with_alterations(), encoding="utf-8")


def with_alterations() -> str:
    """Return the text of the page on the record with a row for each alteration that the tests try."""
    # Imported here: the tests that the list belongs to import much, and the other pages need nothing of it.
    from tests.attacks.alterations import ALTERATIONS

    lines = (TOP / RECORD).read_text(encoding="utf-8").splitlines()
    start, end = rows_of(lines, FOUND_BY)
    lines[start:end] = [f"| {each.name} | {each.found_by} |" for each in ALTERATIONS]
    return "\n".join(lines) + "\n"


def with_remedies() -> str:
    """Return the text of the page on corrections with a row for each event of the law."""
    lines = (TOP / REMEDIES).read_text(encoding="utf-8").splitlines()
    start, end = rows_of(lines, REMEDY)
    lines[start:end] = [f"| `{name}` | {remedy(name)} |" for name in EVENTS]
    return "\n".join(lines) + "\n"


def remedy(name: str) -> str:
    """Return what somebody can do who typed an event wrong, by the roles that may do it."""
    rows = [row for row in TABLE if row.name == name]
    who = list(dict.fromkeys(role for row in rows for role in row.who))
    if who == [Role.CLOCK]:
        if name == CLOSE_APPLICATIONS:
            return "nobody types it: correct the day of the call while it is open; after that, `restart`"
        return (
            "nobody types it: correct the entry that named the day, and let this one fall with `takes_back`"
        )
    if rows[0].of_entry:
        return "correct the first entry again: the last correction counts"
    ways = (
        [f"send it again until the call closes, and then {_corrects(name, rows, who)}"]
        if rows[0].sealed
        else []
    )
    ways = ways or [_corrects(name, rows, who)]
    if rows[0].takes is not Nothing and name != FIRST:
        ways.append("take it back, with `void`")
    return "; or ".join(ways)


def _corrects(name: str, rows: list[Event], who: list[Role]) -> str:
    """Return who corrects an event, by who did it: its author, and whoever else may."""
    by_others: dict[tuple[Role, ...], list[Role]] = {}
    for role in who:
        if role is not Role.CLOCK:
            entry = Entry(1, name, {}, "", role, datetime.now(UTC), Setting())
            by_others.setdefault(correctors(entry, rows), []).append(role)
    what = "take {} back" if rows[0].takes is Nothing else "correct {}"
    parts = []
    for others, roles in by_others.items():
        also = f", and so can {' or '.join(others)}" if others and list(others) != roles else ""
        parts.append(f"{what.format('it' if others else 'their own')} ({', '.join(roles)}){also}")
    return "; ".join(parts)


def filled(page: str) -> str:
    """Return the text of a page with the evidence of today in its table."""
    marker, last = PAGES[page]
    evidence = tests_by(marker)
    lines = (TOP / page).read_text(encoding="utf-8").splitlines()
    start, end = rows_of(lines, last)
    for number in range(start, end):
        cells = cells_of(lines[number])
        key = cells[0].strip("`")
        cells[-1] = listed(evidence.get(key, []))
        if marker == "clause":
            cells[-2] = listed(places_of(key))
        lines[number] = f"| {' | '.join(cells)} |"
    return "\n".join(lines) + "\n"


def rows_of(lines: list[str], last: str) -> tuple[int, int]:
    """Return where the rows begin and end of the table whose last column has this title."""
    head = next(number for number, line in enumerate(lines) if line.endswith(f"| {last} |"))
    end = next((n for n in range(head, len(lines)) if not lines[n].startswith("|")), len(lines))
    return head + 2, end


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def tests_by(marker: str) -> dict[str, list[str]]:
    """Return the tests with this marker, as `file::name`, by each name that the marker gives."""
    evidence: dict[str, list[str]] = {}
    for path in sorted((TOP / "tests").rglob("test_*.py")):
        file = path.relative_to(TOP).as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                for key in _marked(node, marker):
                    evidence.setdefault(key, []).append(f"{file}::{node.name}")
    return evidence


def _marked(node: ast.FunctionDef, marker: str) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{marker}":
            yield from (ast.literal_eval(key) for key in decorator.args)


def places_of(clause: str) -> list[str]:
    """Return the code that keeps a clause: the requirements that cite it, and what stands in BESIDES.

    A requirement that cites a clause as a whole, such as 4270.5, keeps each of its letters.
    """
    whole = clause.rstrip("abcde")
    cited = {clause} if whole in _clauses_of_the_page() else {clause, whole}
    needs = [need for row in TABLE for need in row.needs if need.clause in cited]
    return list(dict.fromkeys([*map(_place, needs), *BESIDES.get(clause, [])]))


def _clauses_of_the_page() -> set[str]:
    lines = (TOP / "docs/policy.md").read_text(encoding="utf-8").splitlines()
    start, end = rows_of(lines, "test")
    return {cells_of(line)[0].strip("`") for line in lines[start:end]}


def _place(need: Requirement) -> str:
    """Return the file and the name of a requirement, or of the tuple of requirements that it is one of."""
    module = importlib.import_module(need.reason.__module__)
    name = next(
        name
        for name, value in vars(module).items()
        if value is need or (type(value) is tuple and need in value)
    )
    return f"{module.__name__.replace('.', '/')}.py::{name}"


if __name__ == "__main__":
    main()
