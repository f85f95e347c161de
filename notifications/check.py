"""Finds what is wrong with a template file without rendering it, and says where and what would be right."""

import difflib
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, TemplateError, TemplateSyntaxError, meta, nodes

LAYOUTS = ("email/layout.txt.j2", "email/layout.html.j2")
REQUIRED_BLOCKS = ("subject", "happened", "asked")
OPTIONAL_BLOCKS = ("more",)
# What every caller of `Templates.notice` gives, by name. The layouts get the rendered words too.
CONTEXT = {
    "notice": "the name of this notice",
    "person": "who reads it: name, email, role",
    "why": "why they get it, such as: as principal of Rainier Beach High School",
    "delegate_for": "the name of the absent person they stand in for, or nothing",
    "partnership": "ref, title, state, school_name; nothing where no single partnership is meant",
    "standing": "the states in their order, each with state, label and current (true or false)",
    "event": "name, at, by, role, input, note; nothing where a deadline speaks",
    "facts": "everything on record about the partnership",
    "deadline": "name, due_at, kind (remind, due or escalate), overdue, label; or nothing",
    "offers": "what the reader may do, each with event, label, url (or nothing), help, and words for a reply",
    "hindered": "what the reader may do later, each with event, label and reasons why not yet",
    "page": "the address of the page that shows the reader the partnership, or nothing",
    "replies": "whether an answer to this message is read",
    "office": "who signs: name, email, phone",
    "district": "the district's name",
    "names": "names by identifier of an organization and by e-mail address of a person",
    "reply": "in a notice about a message that came back: id, sender, name, subject, text, about, why; or nothing",
    "digest": "partnerships with what happened: ref, title, school_name, page, messages; empty but in the digest",
    "feed": "the address of the reader's calendar of all their dates, or nothing",
    "meeting": "in a notice of a change in the Board's calendar: when the meeting was and is now, or nothing",
    "failure": "in a notice about the system itself: what failed; or nothing",
}
_WORDS = frozenset((*REQUIRED_BLOCKS, *OPTIONAL_BLOCKS))
# What a message must say, so what each layout must use.
_SAID = ("happened", "asked", "more", "deadline", "offers", "digest")
_LAYOUT_NAMES = frozenset(Path(layout).name for layout in LAYOUTS)
_NOTICE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.j2")
_BLOCKS_EXPECTED = f"the blocks {', '.join(REQUIRED_BLOCKS)} and, where there is more to say, more"


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """One thing wrong with a template; `line` is None where the whole file is meant."""

    file: str
    line: int | None
    problem: str
    expected: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.problem}; expected {self.expected}"


def is_notice(path: Path) -> bool:
    """Whether the file is a notice's words by its name: lower case words, joined by hyphens."""
    return _NOTICE_NAME.fullmatch(path.name) is not None


def problems_in(path: Path, environment: Environment, also: Collection[str] = ()) -> list[TemplateProblem]:
    """Everything wrong with the file `path`; `also` names context keys beside the usual ones."""
    layout = path.name in _LAYOUT_NAMES
    if not layout and not is_notice(path):
        expected = "a name like board-approved.j2: lower case words joined by hyphens"
        return [TemplateProblem(str(path), None, "this is not a name for a notice", expected)]
    try:
        source = path.read_text(encoding="utf-8")
        tree = environment.parse(source, filename=str(path))
    except TemplateSyntaxError as error:
        return [TemplateProblem(str(path), error.lineno, error.message or str(error), "correct Jinja")]
    except (OSError, UnicodeDecodeError) as error:
        return [TemplateProblem(str(path), None, f"the file is unreadable: {error}", "a file in UTF-8")]
    found = list(_unknown_operations(path, tree, environment))
    found += _unsaid(path, tree, environment) if layout else _block_problems(path, tree)
    # Each of these would fail on what the one before it finds.
    known = set(CONTEXT) | set(also) | (_WORDS if layout else set())
    found = found or list(_uncompilable(path, source, environment))
    return found or list(_unknown_names(path, tree, environment, known))


def _unknown_operations(
    path: Path, tree: nodes.Template, environment: Environment
) -> Iterator[TemplateProblem]:
    for used in tree.find_all((nodes.Filter, nodes.Test)):
        kind, known = "filter", set(environment.filters)
        if isinstance(used, nodes.Test):
            kind, known = "test", set(environment.tests)
        if used.name not in known:
            yield TemplateProblem(
                str(path), used.lineno, f"there is no {kind} {used.name!r}", _closest(used.name, known)
            )


def _block_problems(path: Path, tree: nodes.Template) -> Iterator[TemplateProblem]:
    present = [block.name for block in tree.find_all(nodes.Block)]
    for name in REQUIRED_BLOCKS:
        if name not in present:
            expected = f"{{% block {name} %}}...{{% endblock %}}"
            yield TemplateProblem(str(path), None, f"the block {name!r} is missing", expected)
    for block in tree.find_all(nodes.Block):
        if block.name not in _WORDS:
            yield TemplateProblem(
                str(path), block.lineno, f"there is no block {block.name!r}", _closest(block.name, _WORDS)
            )
    yield from _outside_blocks(path, tree)


def _unsaid(path: Path, tree: nodes.Template, environment: Environment) -> Iterator[TemplateProblem]:
    """What a layout, with what it includes, leaves out of every message."""
    trees = [tree]
    for name in meta.find_referenced_templates(tree):
        with suppress(TemplateError):  # what is wrong with it shows when it is rendered
            if name and environment.loader:
                trees.append(environment.parse(environment.loader.get_source(environment, name)[0]))
    used = {name.name for one in trees for name in one.find_all(nodes.Name)}
    for name in _SAID:
        if name not in used:
            yield TemplateProblem(
                str(path), None, f"no message would say {name!r}: {CONTEXT.get(name, 'words of the notice')}",
                f"{{{{ {name} }}}} in the layout",
            )  # fmt: skip


def _outside_blocks(path: Path, tree: nodes.Template) -> Iterator[TemplateProblem]:
    """Whatever stands outside the blocks would be dropped without a word, so it is refused."""
    for node in tree.body:
        if isinstance(node, nodes.Block) or (isinstance(node, nodes.Output) and _is_blank(node)):
            continue
        problem = "this stands outside the blocks and would never be sent"
        yield TemplateProblem(str(path), _first_line(node), problem, _BLOCKS_EXPECTED)


def _is_blank(output: nodes.Output) -> bool:
    return all(isinstance(part, nodes.TemplateData) and not part.data.strip() for part in output.nodes)


def _first_line(node: nodes.Node) -> int:
    """Where the words begin: Jinja counts a text from the blank lines before it."""
    text = node.find(nodes.TemplateData) if isinstance(node, nodes.Output) else None
    if text is None or not text.data.strip():
        return node.lineno
    return text.lineno + text.data[: len(text.data) - len(text.data.lstrip())].count("\n")


def _unknown_names(
    path: Path, tree: nodes.Template, environment: Environment, known: Collection[str]
) -> Iterator[TemplateProblem]:
    # Jinja counts the x of `{% set x %}...{% endset %}` as undeclared, so a name the file sets is let be.
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    unknown = meta.find_undeclared_variables(tree) - own - set(known) - set(environment.globals)
    for name in sorted(unknown):
        lines = [used.lineno for used in tree.find_all(nodes.Name) if used.name == name]
        yield TemplateProblem(
            str(path), min(lines, default=None), f"there is nothing called {name!r}", _closest(name, known)
        )


def _uncompilable(path: Path, source: str, environment: Environment) -> Iterator[TemplateProblem]:
    """What parsing lets pass and compiling does not, such as a block defined twice."""
    try:
        environment.compile(source, filename=str(path))
    except TemplateSyntaxError as error:
        yield TemplateProblem(str(path), error.lineno, error.message or str(error), "correct Jinja")


def _closest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"perhaps {near[0]!r}" if near else f"one of: {', '.join(sorted(known))}"
